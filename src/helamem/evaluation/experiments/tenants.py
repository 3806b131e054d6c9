"""What do many namespaces in one place cost: to build, to search, to add to, to teach, and in room?

Every namespace has turns of its own: first those of the data set, then variations of them with three words in ten
exchanged. One namespace is large. Clients are processes that each send one request after the other, to drawn
namespaces, and make the vectors themselves.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.config import Config
from helamem.errors import ConfigError
from helamem.evaluation import candidates, crowd, defaults, grounds, processes
from helamem.evaluation.cells import number
from helamem.evaluation.experiments.speed import many_turns
from helamem.evaluation.figures import Bars
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.summaries import percentiles
from helamem.frozen import dataclass
from helamem.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.figures import Plot, Table
    from helamem.evaluation.processes import Part, Runner
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder
    from helamem.records import Turn

NAME, LARGE = "tenant-{:07}", "large"
LEARNERS, LESSONS = 4, 50  # processes that teach the same memories, and how many lessons each gives
BUILDERS, BATCH = 4, 1000  # threads that build namespaces, and turns in a transaction
NEW = tuple(f"new-{n}" for n in range(20))  # namespaces by which building is timed
QUESTIONS = 100
ROWS = (50, 95, 99)  # percentiles


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    loads: str,
    store: str | None = None,
    namespaces: int = defaults.NAMESPACES,
    turns: int = defaults.TURNS,
    large: int = defaults.LARGE,
    clients: int = defaults.CLIENTS,
    requests: int = defaults.REQUESTS,
    runner: Runner = processes.apart,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Times, bytes, lost increments and deadlocks.

    Args:
        loads: The embedder as `Config.embedder` names it: each client loads it for itself.
        store: The file or the URL of a database, which must hold nothing else; None for a file that is thrown away.
        turns: Of each namespace.
        large: Turns of the large one.
        requests: How many each client sends, of each kind.
        runner: How a client is run; in a process of its own, unless a test has it otherwise.

    Raises:
        ConfigError: The store holds other namespaces.
    """
    with _place(store) as place:
        bench = Bench(
            dataset, embedder, loads, place, namespaces, turns, large, clients, requests, runner, progress
        )  # fmt: skip
        return {
            "experiment": "tenants",
            **provenance(dataset, embedder=embedder.name, command=command),
            "config": {"systems": {"default": plain_settings(Config.of())}},
            **grounds.about(place),
            **bench.measured(),
        }


@contextmanager
def _place(store: str | None) -> Iterator[str]:
    if store is not None:
        yield store
        return
    with TemporaryDirectory(prefix="helamem-bench-") as folder:
        yield str(Path(folder, "memory.db"))


@dataclass(frozen=True, slots=True)
class Bench:
    """Many namespaces in one place; see `run`."""

    dataset: Dataset
    embedder: Embedder
    loads: str
    place: str
    namespaces: int
    turns: int
    large: int
    clients: int
    requests: int
    runner: Runner
    progress: Progress | None

    def measured(self) -> dict[str, Any]:
        """All measurements, one after the other; times in milliseconds, sizes in bytes."""
        before = grounds.deadlocks(self.place)
        built = self._built()
        questions = [each.text for outline in self.dataset.outlines for each in outline.questions]
        questions = questions[:QUESTIONS]
        found = {
            "namespaces": self.namespaces,
            "turns_each": self.turns,
            "large": self.large,
            "clients": self.clients,
            **built,
            "search": self._crowd("searching", crowd.searching, self._names(), questions),
            "add": self._crowd("adding", crowd.adding, self._names()),
            "learned": self._learned(questions),
            "in_large": self._in_large(questions),
        }
        after = grounds.deadlocks(self.place)
        return {
            **found,
            "deadlocks": None if before is None or after is None else after - before,
            "load": [round(each, 1) for each in os.getloadavg()],
        }

    # Building

    def _built(self) -> Part:
        """Add the turns of all namespaces that are not there, then time some new ones, which do not stay."""
        there = self._there()
        source = many_turns(self.dataset, (self.namespaces + len(NEW)) * self.turns + self.large)
        said = ((name, list(islice(source, self.turns))) for name in self._names())
        self._filled((name, some) for name, some in said if name not in there)
        some = list(islice(source, self.large))
        self._filled([(LARGE, some)] if some and LARGE not in there else [])
        size = self._bytes()
        started = time.perf_counter()
        n_turns = self._filled((name, list(islice(source, self.turns))) for name in NEW)
        seconds = time.perf_counter() - started
        with self._memory(LARGE) as memory:
            for name in NEW:
                memory.drop_namespace(name)
        return {
            "turns_per_s": _ratio(n_turns, seconds),
            "bytes": size,
            "bytes_per_turn": _ratio(size, self.namespaces * self.turns + self.large),
        }

    def _there(self) -> set[str]:
        """The namespaces of an earlier run.

        Raises:
            ConfigError: There are others.
        """
        with self._memory(LARGE) as memory:
            there = {each.name for each in memory.namespaces()}
        if others := there - {LARGE, *self._names(), *NEW}:
            raise ConfigError(
                f"the store has namespaces of its own, such as {min(others)!r}: name an empty one with --store"
            )
        return there

    def _filled(self, contents: Iterable[tuple[str, list[Turn]]]) -> int:
        """Fill namespaces, some at once; how many turns that were."""
        done = 0
        with ThreadPoolExecutor(BUILDERS) as pool:
            for n in pool.map(self._fill, contents):
                done += n
                self._tell("building", done)
        return done

    def _fill(self, content: tuple[str, list[Turn]]) -> int:
        name, turns = content
        with self._memory(name) as memory:
            memory.add_many(turns, batch_size=BATCH)
        return len(turns)

    # Clients

    def _crowd(
        self, what: str, work: Callable[..., Iterator[Part]], names: Sequence[str], *given: object
    ) -> Part:
        """What the clients measure together, all at once."""
        return self._together(what, work, names, self.clients, self.requests, *given)

    def _together(
        self,
        what: str,
        work: Callable[..., Iterator[Part]],
        names: Sequence[str],
        clients: int,
        requests: int,
        *given: object,
    ) -> Part:
        self._tell(what, 0)
        ready = multiprocessing.get_context("spawn").Barrier(clients)
        each = [
            crowd.Client(n, self.place, self.loads, names, requests, ready) for n in range(clients)
        ]
        with ThreadPoolExecutor(clients) as pool:
            found = [part for part, _ in pool.map(lambda one: self.runner(work, one, *given), each)]
        seconds = max(part["ended"] for part in found) - min(part["began"] for part in found)
        return {
            "ms": percentiles([ms for part in found for ms in part["asked_ms"]], ROWS),
            "open_ms": percentiles([ms for part in found for ms in part["open_ms"]], ROWS),
            "per_s": _ratio(clients * requests, seconds),
        }

    def _learned(self, questions: Sequence[str]) -> Part:
        """Whether processes that teach the same memories at the same time lose a lesson."""
        name = NAME.format(0)
        with self._memory(name) as memory:
            used = memory.search(questions[0]).ids[:2]
            before = [memory.get(id_).uses for id_ in used]
        measured = self._together(
            "learning", crowd.learning, [name], LEARNERS, LESSONS, questions[0], used
        )
        with self._memory(name) as memory:
            gained = [memory.get(id_).uses - n for id_, n in zip(used, before, strict=True)]
        due = LEARNERS * LESSONS
        return {"lessons": due, "lost": due * len(used) - sum(gained), **measured}

    # The large namespace

    def _in_large(self, questions: Sequence[str]) -> Part:
        """Searches of the large namespace by one client, by a scan and by its index, and by all clients."""
        if not self.large:
            return {}
        with self._memory(LARGE) as memory:
            scanned = self._searched(memory, questions)
            self._tell("making the index", 0)
            started, before = time.perf_counter(), memory.stats().file_bytes
            if not memory.repair(dry_run=False).mended:
                found = {"one": scanned}
            else:
                made = {
                    "built_s": round(time.perf_counter() - started, 1),
                    "bytes": memory.stats().file_bytes - before,
                }
                found = {"scan": scanned, "one": self._searched(memory, questions), "index": made}
        return {**found, "all": self._crowd("searching", crowd.searching, [LARGE], questions)}

    def _searched(self, memory: Memory, questions: Sequence[str]) -> Part:
        """Searches one after the other, and how many of the 20 nearest are candidates."""
        memory.search(questions[0])
        ms = percentiles([processes.cost(memory.search, each).ms for each in questions], ROWS)
        vectors, k = self.embedder.embed(questions), memory.config.candidates.nearest
        nearest = candidates.nearest(memory._store, vectors, candidates.K)
        shares = [
            float(np.isin(best, candidates.by_vector(memory._store, vector, k)).mean())
            for best, vector in zip(nearest, vectors, strict=True)
        ]
        return {
            "ms": ms,
            "recall@20": round(float(np.mean(shares)), 4),
            "worst": round(min(shares), 4),
        }

    # Parts of it

    def _names(self) -> list[str]:
        return [NAME.format(n) for n in range(self.namespaces)]

    def _memory(self, namespace: str) -> Memory:
        return Memory(self.place, namespace=namespace, config=Config.of(), embedder=self.embedder)

    def _bytes(self) -> int:
        with self._memory(LARGE) as memory:
            return memory.stats().file_bytes

    def _tell(self, what: str, n: int) -> None:
        if self.progress is not None:
            self.progress(what, n, self.namespaces * self.turns + self.large)


def _ratio(amount: float, of: float) -> float | None:
    return round(amount / of, 1) if of else None


def tables(result: Mapping[str, Any]) -> list[Table]:
    """Building and room, requests of all clients, and the large namespace."""
    return [_building(result), _requests(result), *_large(result)]


def _building(result: Mapping[str, Any]) -> Table:
    head = [
        "namespaces",
        "turns of each",
        "turns of the large one",
        "adding in batches",
        "a turn on disk",
    ]
    row = [
        f"{result['namespaces']:,}",
        f"{result['turns_each']:,}",
        f"{result['large']:,}",
        _unit(result["turns_per_s"], ",.0f", " a second"),
        _unit(result["bytes_per_turn"], ",.0f", " bytes"),
    ]
    busy = (
        f"{max(result['load']):.0f} programs at a time wanted {result['hardware']['cores']} cores"
    )
    return (f"What was built. {result['store']}; {busy}", [head, row])


def _requests(result: Mapping[str, Any]) -> Table:
    title = "Requests of all clients at once, to drawn namespaces"
    head = ["request", "clients", "p50", "p95", "p99", "all together"]
    learned, clients = result["learned"], result["clients"]
    rows = [
        _row("search", clients, result["search"]),
        _row(
            "open a namespace for it", clients, {"ms": result["search"]["open_ms"], "per_s": None}
        ),
        _row("add one turn", clients, result["add"]),
        _row("search and teach, all in one namespace", LEARNERS, learned),
    ]
    if result["in_large"]:
        rows.append(_row("search the large one", clients, result["in_large"]["all"]))
    kept = f"{learned['lessons']:,} lessons of {LEARNERS} processes: {learned['lost']:,} increments lost"
    blocked = "" if result["deadlocks"] is None else f"; deadlocks: {result['deadlocks']}"
    return (f"{title}. {kept}{blocked}", [head, *rows])


def _row(name: str, clients: int, measured: Mapping[str, Any]) -> list[str]:
    times = [_unit(measured["ms"][f"p{row}"], ",.1f", " ms") for row in ROWS]
    return [name, f"{clients}", *times, _unit(measured["per_s"], ",.0f", " a second")]


def _large(result: Mapping[str, Any]) -> list[Table]:
    found = result["in_large"]
    if not found:
        return []
    ways = {"by a scan": found.get("scan"), "as it is searched": found["one"]}
    head = ["one client in the large namespace", "p50", "p95", "p99", "recall@20", "worst"]
    rows = [
        [
            name,
            *(_unit(each["ms"][f"p{row}"], ",.1f", " ms") for row in ROWS),
            number(each["recall@20"]),
            number(each["worst"], ".2f"),
        ]
        for name, each in ways.items()
        if each is not None
    ]
    made = found.get("index")
    told = (
        f" `repair` took {made['built_s']:,.0f} s and made an index of {made['bytes'] / 1e6:,.0f} MB"
        if made
        else ""
    )
    return [(f"Searching {result['large']:,} turns.{told}", [head, *rows])]


def _unit(value: float | None, form: str, unit: str) -> str:
    return f"{number(value, form)}{unit}" if value is not None else ""


def plots(result: Mapping[str, Any]) -> list[Plot | Bars]:
    """The median time of each request."""
    kinds = {"search": result["search"], "add one turn": result["add"], "teach": result["learned"]}
    if result["in_large"]:
        kinds["search the large one"] = result["in_large"]["all"]
    title = f"Requests of {result['clients']} clients: the median, and what 95 % are below"
    bars = {
        name: (each["ms"]["p50"], [each["ms"]["p50"], each["ms"]["p95"]])
        for name, each in kinds.items()
    }
    return [Bars("requests", title, "milliseconds", bars)]
