"""Measure other memories beside ours: the same turns, embedder and questions, on one machine.

    python benchmarks/peers/run.py prepare mem0 langgraph
    python benchmarks/peers/run.py measure mem0 langgraph --data locomo10.json --model MODEL --json peers.json

Their dependencies conflict, so each has an environment of its own under benchmarks/peers/.venvs, and talks
through files. MODEL is the folder of all-MiniLM-L6-v2. `--conversations conv-26` measures a part.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from helamem import embedders
from helamem.evaluation import forms, report, runner
from helamem.evaluation.systems import System, dated, found, named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.evaluation.datasets import Conversation, Dataset, Question
    from helamem.evaluation.systems import Found

HERE = Path(__file__).parent
PEERS = tuple(sorted(file.stem.removesuffix("_peer") for file in HERE.glob("*_peer.py")))


def main() -> None:
    """Prepare environments, or measure."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("what", choices=("prepare", "measure"))
    options.add_argument("peers", nargs="+", choices=PEERS)
    options.add_argument("--data", type=Path, help="a data set in any form that helamem reads")
    options.add_argument("--model", type=Path, help="the folder of the model that all share")
    options.add_argument("--conversations", nargs="*", help="only these")
    options.add_argument("--systems", nargs="*", default=["default", "cosine", "bm25", "hybrid"])
    options.add_argument("--hours", type=float, default=2.0, help="after which a peer is given up")
    options.add_argument("--json", type=Path, help="where the result goes")
    given = options.parse_args()
    if given.what == "prepare":
        for peer in given.peers:
            prepare(peer)
        return
    dataset = some_of(forms.load(given.data), given.conversations)
    result = measure(dataset, given)
    report.print_table(result, Console())
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def prepare(peer: str) -> None:
    """Make a peer's environment."""
    place = HERE / ".venvs" / peer
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    needed = HERE / "requirements" / f"{peer}.txt"
    subprocess.run([place / "bin" / "pip", "install", "--quiet", "-r", needed], check=True)


def some_of(dataset: Dataset, wanted: Sequence[str] | None) -> Dataset:
    """The data set with these conversations alone."""
    kept = tuple(c for c in dataset.conversations if not wanted or c.id in wanted)
    return replace(dataset, conversations=kept)


def measure(dataset: Dataset, given: argparse.Namespace) -> dict[str, Any]:
    """Our systems and the peers' recorded rankings, scored alike."""
    recorded = {peer: record(peer, dataset, given.model, given.hours) for peer in given.peers}
    finished = {peer: each for peer, each in recorded.items() if each is not None}
    systems = [*named(given.systems), *(replay(peer, each) for peer, each in finished.items())]
    result = runner.run(
        dataset,
        systems=systems,
        embedder=embedders.load(f"minilm:{given.model}"),
        command=" ".join(["python", "benchmarks/peers/run.py", "measure", *given.peers]),
    )
    for peer, each in finished.items():
        result["systems"][peer] |= cost(dataset, each)
    result["peers"] = {
        peer: "not finished" if each is None else each["version"] for peer, each in recorded.items()
    }
    return result


def record(peer: str, dataset: Dataset, model: Path, hours: float) -> dict[str, Any] | None:
    """Run a peer's program; None where it does not finish in time."""
    with TemporaryDirectory(prefix="helamem-peer-") as folder:
        asked, answered = Path(folder, "asked.json"), Path(folder, "answered.json")
        asked.write_text(json.dumps(request(dataset)), encoding="utf-8")
        python = HERE / ".venvs" / peer / "bin" / "python"
        program = [str(each) for each in (python, HERE / f"{peer}_peer.py", asked, answered)]
        try:
            subprocess.run(
                [*program, "--model", str(model.resolve())], check=True, timeout=3600 * hours
            )
        except subprocess.TimeoutExpired:
            return None
        found: dict[str, Any] = json.loads(answered.read_text(encoding="utf-8"))
        return found


def request(dataset: Dataset) -> dict[str, Any]:
    """What a peer's program reads: no answers, no evidence."""
    return {
        "k": runner.K,
        "conversations": [
            {
                "id": conversation.id,
                "turns": [
                    {
                        "id": id_,
                        "text": dated(turn),
                        "speaker": turn.speaker,
                        "session": turn.session,
                        "at": turn.at.isoformat() if turn.at else "",
                    }
                    for id_, turn in zip(conversation.turn_ids, conversation.turns, strict=True)
                ],
                "questions": [{"id": q.id, "text": q.text} for q in conversation.questions],
            }
            for conversation in dataset.conversations
        ],
    }


def replay(peer: str, recorded: Mapping[str, Any]) -> System[Conversation]:
    """A system that gives the recorded rankings."""

    def build(conversation: Conversation, embedder: object, folder: Path) -> Conversation:  # noqa: ARG001
        return conversation

    def search(conversation: Conversation, question: Question, k: int) -> Found:
        rankings = recorded["conversations"][conversation.id]["rankings"]
        return found(conversation, rankings[question.id]["ranked"][:k])

    return System(peer, build, search)


def cost(dataset: Dataset, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """The times that the peer's own program took."""
    conversations = recorded["conversations"].values()
    asked = [each["ms"] for c in conversations for each in c["rankings"].values()]
    p50, p95 = np.percentile(asked, [50, 95])
    turns = sum(len(conversation.turns) for conversation in dataset.conversations)
    return {
        "ms_per_query": {"p50": round(float(p50), 3), "p95": round(float(p95), 3)},
        "ingest_turns_per_s": round(turns / sum(c["add_s"] for c in conversations), 1),
        "bytes_per_turn": None,
    }


if __name__ == "__main__":
    main()
