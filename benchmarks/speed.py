"""How fast a memory adds and searches, and how much room it takes, at several sizes.

    python benchmarks/speed.py 1000 10000 100000 --data locomo10.json --json speed.json

The turns and questions are those of a conversation file in LoCoMo's form; without `--data`, of the sample
that comes with helamem. Where more turns are asked for than there are, turns are said again with three
words in ten exchanged, in new sessions, so that no two are alike. Everything is measured on a real file,
with the settings that users get: each batch is on the disk when it is reported.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import Config, Memory, Turn
from helamem.evaluation import forms
from helamem.evaluation.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from helamem.evaluation.datasets import Dataset

SESSION = 25  # turns
EXCHANGED = 0.3
QUESTIONS = 200
SINGLE = 50


def main() -> None:
    """Measure each size, and print a row of a Markdown table for it."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sizes", type=int, nargs="+", help="how many turns")
    options.add_argument("--data", type=Path, help="conversations and questions, in LoCoMo's form")
    options.add_argument("--embedder", default="static")
    options.add_argument("--json", type=Path, help="where the numbers go, with all they depend on")
    given = options.parse_args()
    sample = resources.files("helamem").joinpath("cli/sample.json")
    with resources.as_file(sample) as file:
        dataset = forms.load(given.data or file)
    print(
        "| turns | search, median | search, 95 % | turns added a second | one turn | bytes a turn | opening |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    measured = []
    for size in given.sizes:
        with TemporaryDirectory(prefix="helamem-speed-") as folder:
            measured.append(measure(dataset, size, given.embedder, Path(folder, "memory.db")))
        print(row(measured[-1]), flush=True)
    if given.json:
        sizes = " ".join(map(str, given.sizes))
        data = f" --data {given.data.name}" if given.data else ""
        command = f"python benchmarks/speed.py {sizes}{data} --embedder {given.embedder}"
        result = {
            **provenance(dataset, embedder=given.embedder, command=command),
            "sizes": measured,
        }
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure(dataset: Dataset, size: int, embedder: str, path: Path) -> dict[str, Any]:
    """One size: everything that the table tells, in milliseconds and bytes."""
    config = Config.of(embedder=embedder)
    questions = [question.text for each in dataset.conversations for question in each.questions]
    with Memory(path, config=config) as memory:
        memory.search("load the model before anything is timed")
        started = time.perf_counter()
        memory.add_many(many_turns(dataset, size))
        added_s = time.perf_counter() - started
        file_bytes = memory.stats().file_bytes
        memory.search(questions[0])  # the index is read once
        search_ms = [timed(memory.search, text) for text in questions[:QUESTIONS]]
        add_ms = [timed(memory.add, f"A single turn, number {n}.") for n in range(SINGLE)]
    started = time.perf_counter()
    with Memory(path, config=config) as memory:
        memory.search(questions[0])
    return {
        "turns": size,
        "search_ms": {"p50": quantile(search_ms, 50), "p95": quantile(search_ms, 95)},
        "turns_per_s": size / added_s,
        "add_ms": {"p50": quantile(add_ms, 50), "p95": quantile(add_ms, 95)},
        "bytes_per_turn": file_bytes / size,
        "open_ms": 1e3 * (time.perf_counter() - started),
    }


def many_turns(dataset: Dataset, size: int) -> Iterator[Turn]:
    """So many turns, no two alike; the first are those of the data set."""
    said = [turn for conversation in dataset.conversations for turn in conversation.turns]
    vocabulary = [word for turn in said for word in turn.text.split()]
    random = np.random.default_rng(0)
    for n in range(size):
        turn = said[n % len(said)]
        words = turn.text.split()
        if n >= len(said):
            others = random.integers(len(vocabulary), size=len(words)).tolist()
            exchanged = (random.random(len(words)) < EXCHANGED).tolist()
            words = [
                vocabulary[other] if swap else word
                for word, other, swap in zip(words, others, exchanged, strict=True)
            ]
        yield Turn(" ".join(words), turn.speaker, "", turn.at, f"session {n // SESSION}")


def timed(function: Callable[[str], object], text: str) -> float:
    """How many milliseconds a call takes."""
    started = time.perf_counter()
    function(text)
    return 1e3 * (time.perf_counter() - started)


def quantile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent do not exceed."""
    return float(np.percentile(values, percent))


def row(measured: dict[str, Any]) -> str:
    """A line of the table."""
    return (
        f"| {measured['turns']:,} "
        f"| {measured['search_ms']['p50']:.1f} ms | {measured['search_ms']['p95']:.1f} ms "
        f"| {measured['turns_per_s']:,.0f} | {measured['add_ms']['p50']:.1f} ms "
        f"| {measured['bytes_per_turn']:,.0f} | {measured['open_ms'] / 1e3:.2f} s |"
    )


if __name__ == "__main__":
    main()
