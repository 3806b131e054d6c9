"""How fast does a memory add and search, and how much room does it take, at several sizes?

Where more turns are asked for than there are, turns are said again with three words in ten exchanged, in new
sessions; a short one may come again as it was. Everything is measured on a real file, with the settings that users get: each
batch is on the disk when it is reported.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.config import Config
from helamem.evaluation import defaults
from helamem.evaluation.figures import Plot
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.summaries import percentiles
from helamem.memory import Memory
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.figures import Bars, Table
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder

SESSION = 25  # turns
EXCHANGED = 0.3
QUESTIONS = 200
SINGLE = 50


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    sizes: Sequence[int] = defaults.SIZES,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Times and bytes at each size.

    Args:
        sizes: How many turns the memories have.
    """
    embedder.embed(["load the model before anything is timed"])
    measured, done = [], 0
    for size in sizes:
        with TemporaryDirectory(prefix="helamem-bench-") as folder:

            def told(n: int, size: int = size, before: int = done) -> None:
                if progress is not None:
                    progress(f"a memory of {size:,} turns", before + n, sum(sizes))

            measured.append(measure(dataset, size, embedder, Path(folder, "memory.db"), told))
        done += size
    return {
        "experiment": "speed",
        **provenance(dataset, embedder=embedder.name, command=command),
        "config": {"systems": {"default": plain_settings(Config.of())}},
        "sizes": measured,
    }


def measure(
    dataset: Dataset, size: int, embedder: Embedder, path: Path, told: Callable[[int], None]
) -> dict[str, Any]:
    """Measure one size; times in milliseconds, sizes in bytes."""
    config = Config.of()
    questions = [question.text for each in dataset.outlines for question in each.questions]
    with Memory(path, config=config, embedder=embedder) as memory:
        started = time.perf_counter()
        memory.add_many(many_turns(dataset, size), progress=told)
        added_s = time.perf_counter() - started
        file_bytes = memory.stats().file_bytes
        memory.search(questions[0])  # the index is read once
        search_ms = [timed(memory.search, text) for text in questions[:QUESTIONS]]
        add_ms = [timed(memory.add, f"A single turn, number {n}.") for n in range(SINGLE)]
    started = time.perf_counter()
    with Memory(path, config=config, embedder=embedder) as memory:
        memory.search(questions[0])
    return {
        "turns": size,
        "search_ms": percentiles(search_ms),
        "turns_per_s": round(size / added_s, 1),
        "add_ms": percentiles(add_ms),
        "bytes_per_turn": round(file_bytes / size, 1),
        "open_ms": round(1e3 * (time.perf_counter() - started), 1),
    }


def many_turns(dataset: Dataset, size: int) -> Iterator[Turn]:
    """`n` turns: first those of the data set, then variations of them."""
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


def tables(result: Mapping[str, Any]) -> list[Table]:
    """One row a size."""
    head = [
        "turns",
        "one search, median",
        "95 %",
        "adding in batches",
        "adding one",
        "a turn in the file",
        "opening",
    ]
    rows = [
        [
            f"{each['turns']:,}",
            f"{each['search_ms']['p50']:.1f} ms",
            f"{each['search_ms']['p95']:.1f} ms",
            f"{each['turns_per_s']:,.0f} a second",
            f"{each['add_ms']['p50']:.1f} ms",
            f"{each['bytes_per_turn'] / 1000:.1f} kB",
            f"{each['open_ms'] / 1000:.2f} s",
        ]
        for each in result["sizes"]
    ]
    return [("What adding and searching take", [head, *rows])]


def plots(result: Mapping[str, Any]) -> list[Plot | Bars]:
    """The time of a search over the number of turns."""
    turns = [each["turns"] for each in result["sizes"]]
    lines = {
        name: (turns, [each["search_ms"][key] for each in result["sizes"]])
        for key, name in (("p50", "median"), ("p95", "95 % are faster"))
    }
    title = "One search, by turns in the memory"
    return [Plot("search", title, "turns", "milliseconds", lines, logarithmic=True)]
