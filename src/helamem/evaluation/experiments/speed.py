"""How fast does a memory add and search, and how much room does it take, at several sizes?

Where more turns are asked for than there are, turns are said again with three words in ten exchanged, in new
sessions; a short one may come again as it was. Everything is measured on a real file, with the settings that users get: each
batch is on the disk when it is reported. Searches and changes are measured in a fresh process, with vectors that were made before.
How costs grow is told in processor time, which other work on the machine changes least.
"""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.config import Config
from helamem.evaluation import candidates, defaults, material, processes, rivals, use
from helamem.evaluation.cells import number
from helamem.evaluation.figures import Plot
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.recording import Recorder
from helamem.frozen import dataclass
from helamem.language import language_named
from helamem.memory import Memory
from helamem.records import Turn
from helamem.search import questions, regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.figures import Bars, Table
    from helamem.evaluation.material import Material
    from helamem.evaluation.processes import Part, Runner
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder, RegionQuery

SESSION = 25  # turns
EXCHANGED = 0.3
QUESTIONS = 200
CHECKED = 50  # questions whose candidates are compared with all memories
LAST = 0.9  # the share of the turns after which adding is timed once more


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    sizes: Sequence[int] = defaults.SIZES,
    vs: Sequence[str] = (),
    within: float = defaults.WITHIN_S,
    keep: Path | None = None,
    runner: Runner = processes.apart,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Times and bytes at each size.

    Args:
        sizes: How many turns the memories have.
        vs: Other systems, out of `rivals.RIVALS`, which are given the same texts and vectors.
        within: Seconds that another system has at each size; what it has not shown by then is left out, with a note.
        keep: A folder where the memories stay; those that it has are measured as they are.
        runner: How a measurement is run; in a process of its own, unless a test has it otherwise.

    Raises:
        ConfigError: A system is unknown or not installed.
    """
    rivals.require(vs)
    embedder.embed(["load the model before anything is timed"])
    measured: list[dict[str, Any]] = []
    for size in sizes:
        with _folder(keep) as folder:
            others = [name for name in vs if not _is_left_out(name, measured)]
            bench = Bench(dataset, size, embedder, folder, others, within, runner, progress)
            measured.append(bench.measured())
    return {
        "experiment": "speed",
        **provenance(dataset, embedder=embedder.name, command=command),
        "config": {"systems": {"default": plain_settings(Config.of())}},
        "sizes": measured,
        "notes": _notes(vs, measured),
    }


def _is_left_out(name: str, measured: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a system could not be searched in time at one of the sizes before."""
    entries = [each["vs"][name] for each in measured if name in each.get("vs", {})]
    return any("search_ms" not in entry for entry in entries)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The place of a memory that is built."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with TemporaryDirectory(prefix="helamem-bench-") as folder:
        yield Path(folder)


@dataclass(frozen=True, slots=True)
class Bench:
    """A memory of one size, and other systems beside it; see `run`."""

    dataset: Dataset
    size: int
    embedder: Embedder
    folder: Path
    vs: Sequence[str]
    within: float
    runner: Runner
    progress: Progress | None

    def measured(self) -> dict[str, Any]:
        """All measurements; times in milliseconds, sizes in bytes."""
        asked = [question.text for each in self.dataset.outlines for question in each.questions]
        asked = asked[:QUESTIONS]
        path = self.folder / f"{self.dataset.name}-{self.size}.db"
        built = self._built(path)
        recorder = Recorder(self.embedder)
        with (
            Memory(path, embedder=recorder, config=Config.of()) as memory,
            TemporaryDirectory(prefix="helamem-bench-") as folder,
        ):
            self._tell("checking candidates", 0)
            queries = [_query(memory, recorder, text) for text in asked]
            recall = candidates.recall(memory._store, queries[:CHECKED])
            given = None
            if self.vs:
                vectors = np.array([query.vector for query in queries])
                given = material.written(memory._store, asked, vectors, Path(folder, "given"))
            memory.close()  # before others are measured
            _record(recorder, use.SINGLES)
            self._tell("searching and changing", 0)
            found, _ = self.runner(use.used, path, recorder.recorded(), asked)
            others = {
                name: self._other(name, given, Path(folder, name)) for name in self.vs if given
            }
        embedding = [processes.cost(self.embedder.embed, [text]) for text in asked]
        return {
            "turns": self.size,
            **built,
            **found,
            **processes.summed_up("embed", embedding),
            "recall@20": recall,
            **({"vs": others} if others else {}),
        }

    def _built(self, path: Path) -> Part:
        """Add the turns, unless the file is there."""
        if path.exists():
            return {}
        times = [(0, time.perf_counter())]

        def told(n: int) -> None:
            times.append((n, time.perf_counter()))
            self._tell("adding", n)

        with Memory(path, config=Config.of(), embedder=self.embedder) as memory:
            turns = list(many_turns(self.dataset, self.size))
            times[0] = (0, time.perf_counter())
            memory.add_many(turns, progress=told)
            file_bytes = memory.stats().file_bytes
        return {
            "turns_per_s": _rate(times),
            "turns_per_s_at_the_end": _rate(
                [each for each in times if each[0] >= LAST * self.size]
            ),
            "bytes_per_turn": round(file_bytes / self.size, 1),
        }

    def _other(self, name: str, given: Material, folder: Path) -> Part:
        """What another system costs, as far as it came."""
        self._tell(name, 0)
        folder.mkdir()
        found, why = self.runner(rivals.measured, name, given, folder, within_s=self.within)
        shutil.rmtree(folder)
        return {**found, "note": why and _left_out(found, why)}

    def _tell(self, what: str, n: int) -> None:
        if self.progress is not None:
            self.progress(f"{self.size:,} turns, {what}", n, self.size)


def _left_out(found: Part, why: str) -> str:
    """Notes about numbers that are missing."""
    stored = (
        f", {found['stored']:,} turns taken in"
        if "stored" in found and "turns_per_s" not in found
        else ""
    )
    return why + stored


def _query(memory: Memory, recorder: Recorder, text: str) -> RegionQuery:
    """What a search asks the store for a question."""
    config, at = memory.config, memory.now()
    question = questions.understand(
        text,
        memory._store.speakers(),
        recorder,
        language_named(config.language),
        at=at,
        names_apart=config.activation.names_apart,
    )
    return regions.query_for(question, config, where=None, at=at)


def _record(recorder: Recorder, texts: Sequence[str]) -> None:
    """Record what adding these texts, and searching for the first, asks an embedder for."""
    with Memory(":memory:", config=Config.of(), embedder=recorder) as memory:
        for text in texts:
            memory.add(text)
        memory.search(texts[0])


def _rate(times: Sequence[tuple[int, float]]) -> float | None:
    """Turns a second, from the first of some moments to the last; None for a single one."""
    (first, began), (last, ended) = times[0], times[-1]
    return round((last - first) / (ended - began), 1) if last > first else None


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


def tables(result: Mapping[str, Any]) -> list[Table]:
    """The cost of our memory at each size, its growth, and the cost of others."""
    made = (_costs, _changes, _candidates, _growth, _others)
    drawn = [(heading, _filled(rows)) for heading, rows in (make(result) for make in made)]
    return [(heading, rows) for heading, rows in drawn if len(rows) > 1]


def _filled(rows: list[list[str]]) -> list[list[str]]:
    """The rows without columns that are empty below their title."""
    kept = [i for i, *_ in enumerate(rows[0]) if any(row[i] for row in rows[1:])]
    return [[row[i] for i in kept] for row in rows]


def _costs(result: Mapping[str, Any]) -> Table:
    head = [
        "turns",
        "a search",
        "95 %",
        "processor",
        "adding",
        "adding one",
        "turn in file",
        "in RAM",
        "opening",
    ]
    return "What adding and searching take", [head, *map(_cost, result["sizes"])]


def _cost(each: Mapping[str, Any]) -> list[str]:
    return [
        f"{each['turns']:,}",
        _ms(each, "search_ms"),
        _ms(each, "search_ms", "p95"),
        _ms(each, "search_cpu_ms"),
        _formatted(each.get("turns_per_s"), ",.0f", " /s"),
        _ms(each, "add_ms"),
        _formatted(_of(each, "bytes_per_turn", 1000), ".1f", " kB"),
        _formatted(each.get("resident_per_turn"), ",.0f", " B"),
        _formatted(_of(each, "open_ms", 1000), ".2f", " s"),
    ]


def _changes(result: Mapping[str, Any]) -> Table:
    head = ["turns", "adding one", "search after", "deleting one", "search after", "reinforcing"]
    names = ["add_ms", "search_after_add_ms", "delete_ms", "search_after_delete_ms", "reinforce_ms"]
    rows = [
        [f"{each['turns']:,}", *(_ms(each, name) for name in names)]
        for each in result["sizes"]
        if "delete_ms" in each
    ]
    return "What a single change takes, and the search after it", [head, *rows]


def _candidates(result: Mapping[str, Any]) -> Table:
    rows = [
        [
            f"{each['turns']:,}",
            *(number(each["recall@20"].get(kind)) for kind in ("vector", "words")),
        ]
        for each in result["sizes"]
        if "recall@20" in each
    ]
    return "How many of the 20 best are candidates", [["turns", "by vector", "by words"], *rows]


GROWING = {
    "one search": "search",
    "adding one": "add",
    "deleting one": "delete",
    "reinforcing": "reinforce",
    "opening": "open",
}


def _growth(result: Mapping[str, Any]) -> Table:
    """How many times as long each step takes, from the first size to each other."""
    first, *larger = result["sizes"]
    head = ["step", *(f"{each['turns'] / first['turns']:,.4g} times as many" for each in larger)]
    rows = [
        [name, *(_formatted(_times(each, first, key), ".1f", " times") for each in larger)]
        for name, key in GROWING.items()
        if larger and _median(first, key)
    ]
    return "How much longer it takes with more turns", [head, *rows]


def _others(result: Mapping[str, Any]) -> Table:
    """The cost of others beside ours."""
    head = [
        "turns",
        "system",
        "a search",
        "95 %",
        "processor",
        "adding all",
        "adding one",
        "turn on disk",
        "in RAM",
        "opening",
    ]
    rows = [
        [first, name, *rest]
        for each in result["sizes"]
        if "vs" in each
        for name, entry in (("helamem", each), *each["vs"].items())
        for first, *rest in [_cost({**entry, "turns": each["turns"]})]
    ]
    return "Beside others", [head, *rows]


def _notes(vs: Sequence[str], sizes: Sequence[Mapping[str, Any]]) -> list[str]:
    """How the others were run, and which numbers are missing."""
    missing = [
        f"{name} at {each['turns']:,} turns "
        + ("is shown in part" if "search_ms" in entry else "and more is left out")
        + f": {entry['note']}."
        for each in sizes
        for name, entry in each.get("vs", {}).items()
        if entry["note"]
    ]
    return [*(f"{name}: {rivals.described(name)}" for name in vs), *missing]


def _ms(each: Mapping[str, Any], name: str, which: str = "p50") -> str:
    value = each.get(name, {}).get(which)
    return _formatted(value, ",.1f" if value is None or value >= 1 else ".2g", " ms")


def _formatted(value: float | None, form: str, unit: str) -> str:
    return "" if value is None else f"{value:{form}}{unit}"


def _of(each: Mapping[str, Any], name: str, unit: float) -> float | None:
    return each[name] / unit if each.get(name) is not None else None


def _median(each: Mapping[str, Any], name: str) -> float | None:
    """A number that can be compared: the processor time, which other work changes least, where it is known."""
    for key in (f"{name}_cpu_ms", f"{name}_ms", f"{name}_per_turn"):
        if (value := each.get(key)) is not None:
            median: float | None = value["p50"] if isinstance(value, dict) else value
            return median
    return None


def _times(each: Mapping[str, Any], first: Mapping[str, Any], name: str) -> float | None:
    more, less = _median(each, name), _median(first, name)
    return more / less if more and less else None


def plots(result: Mapping[str, Any]) -> list[Plot | Bars]:
    """Costs over the number of turns, on logarithmic axes."""
    drawn = [
        ("search", "One search", "milliseconds", "search"),
        ("adding", "Adding one turn", "milliseconds", "add"),
        ("opening", "Opening, with the first search", "milliseconds", "open"),
        ("room", "A turn in RAM", "bytes", "resident"),
    ]
    made = [
        Plot(name, title, "turns", y, _lines(result, key), logarithmic=True, log_log=True)
        for name, title, y, key in drawn
    ]
    return [plot for plot in made if plot.lines]


def _lines(result: Mapping[str, Any], key: str) -> dict[str, tuple[list[int], list[float | None]]]:
    """By system the sizes, and its medians at them."""
    sizes = result["sizes"]
    turns = [each["turns"] for each in sizes]
    names = dict.fromkeys(name for each in sizes for name in each.get("vs", {}))
    lines = {"helamem": (turns, [_median(each, key) for each in sizes])}
    for name in names:
        lines[name] = (turns, [_median(each.get("vs", {}).get(name, {}), key) for each in sizes])
    return {name: line for name, line in lines.items() if any(line[1])}
