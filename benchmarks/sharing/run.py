"""How much do readers gain from reading at once, and how much room do many namespaces take in one process?

    python benchmarks/sharing/run.py threads --turns 100000 --threads 1 8
    python benchmarks/sharing/run.py namespaces --count 10000 --turns 40

Turns are made of drawn words, about as many as people say, and searched with the default settings and embedder. Each
number of threads does the same searches, in rounds that take turns, so that what else the machine does falls on all
alike. The output is JSON, with the load of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from helamem import Config, Memory, Turn
from helamem.models import embedders

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSION = 25  # turns
DISTINCT = 100  # namespaces that are told apart; the others are copies


def sentences(n: int, seed: int) -> Iterator[str]:
    """Sentences of seven to twenty words, frequent ones more often."""
    draw = random.Random(seed)
    vocabulary = [f"{a}{b}" for a in SYLLABLES for b in SYLLABLES]
    weights = [1 / (rank + 10) for rank in range(len(vocabulary))]
    for _ in range(n):
        words = draw.choices(vocabulary, weights, k=draw.randint(7, 20))
        yield f"{' '.join(words).capitalize()}."


SYLLABLES = tuple(f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("", "n", "r"))


def filled(path: Path, namespace: str, n: int, embedder: Any, seed: int = 0) -> None:  # noqa: ANN401
    """Store turns of one namespace."""
    with Memory(path, namespace=namespace, config=Config(), embedder=embedder) as memory:
        memory.add_many(
            Turn(text, ("Ana", "Ben")[i % 2], session=f"session {i // SESSION}")
            for i, text in enumerate(sentences(n, seed))
        )


def threads(given: argparse.Namespace) -> dict[str, Any]:
    """Searches a second with several threads on one handle; with a writer beside them, too."""
    embedder = embedders.load(Config().embedder)
    questions = list(sentences(given.searches, 1))
    with TemporaryDirectory(prefix="helamem-sharing-") as folder:
        path = given.path or Path(folder, "memory.db")
        if not path.exists():
            filled(path, "one", given.turns, embedder)
        with Memory(path, namespace="one", config=Config(), embedder=embedder) as memory:
            memory.search(questions[0])  # the index is read once
            alone: dict[int, list[Round]] = {n: [] for n in given.threads}
            beside: dict[int, list[Round]] = {n: [] for n in given.threads}
            for _ in range(given.rounds):
                for n in given.threads:
                    alone[n].append(a_round(memory, questions, n))
                    with writing(memory):
                        beside[n].append(a_round(memory, questions, n))
    return {
        "turns": given.turns,
        "searches": given.searches,
        "rounds": given.rounds,
        "alone": {n: told(found) for n, found in alone.items()},
        "beside_a_writer": {n: told(found) for n, found in beside.items()},
    }


class Round(NamedTuple):
    """What a round of searches took.

    Attributes:
        per_s: Searches a second.
        cores: How many processors were at work in the process, on average.
        processor_ms: Milliseconds of processor time a search.
    """

    per_s: float
    cores: float
    processor_ms: float


def a_round(memory: Memory, questions: list[str], n_threads: int) -> Round:
    """All questions, by so many threads."""
    started, processor = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(memory.search, questions))
    elapsed, used = time.perf_counter() - started, time.process_time() - processor
    return Round(len(questions) / elapsed, used / elapsed, 1e3 * used / len(questions))


def told(rounds: list[Round]) -> dict[str, float]:
    """The medians."""
    return {
        name: round(median(getattr(each, name) for each in rounds), 2) for name in Round._fields
    }


class writing:  # noqa: N801  # used like a function
    """Somebody adds single turns, one after the other, inside the block."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        for i, text in enumerate(sentences(10**6, 2)):
            if self._stop.wait(0.01):
                return
            self._memory.add(text, session=f"written {i // SESSION}")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def namespaces(given: argparse.Namespace) -> dict[str, Any]:
    """The resident memory of a process that has a handle on each of many namespaces, and has searched each."""
    embedder = embedders.load(Config().embedder)
    with TemporaryDirectory(prefix="helamem-sharing-") as folder:
        path = Path(folder, "memory.db")
        for i in range(min(DISTINCT, given.count)):
            filled(path, f"namespace {i}", given.turns, embedder, seed=i)
        copied(path, given.count)
        script = [
            sys.executable,
            __file__,
            "searching",
            "--path",
            str(path),
            "--count",
            str(given.count),
        ]
        done = subprocess.run(script, check=True, stdout=subprocess.PIPE)  # with a fresh heap
    return {"turns_each": given.turns, **json.loads(done.stdout)}


def copied(path: Path, count: int) -> None:
    """Copy the first namespaces under other names, in the file itself, until there are so many."""
    with sqlite3.connect(path, isolation_level=None) as file:
        spans = {
            table: file.execute(f"SELECT max(id) + 1 FROM {table}").fetchone()[0]
            for table in ("namespace", "session", "node", "term")
        }
        file.execute("BEGIN")
        for i in range(1, -(-count // DISTINCT)):
            values = {f"{table}s": i * span for table, span in spans.items()}
            values |= {f"{table}_end": span for table, span in spans.items()}
            for statement in COPYING:
                file.execute(statement, {**values, "names": i * DISTINCT})
        file.execute("COMMIT")
    file.close()


COPYING = (
    "INSERT INTO namespace SELECT id + :namespaces, 'namespace ' || (substr(name, 11) + :names), generation,"
    " last_node + :nodes, n_documents, total_length, lessons FROM namespace WHERE id BETWEEN 1 AND :namespace_end - 1",
    "INSERT INTO session SELECT id + :sessions, namespace + :namespaces, digest, name FROM session WHERE id < :session_end",
    "INSERT INTO node SELECT id + :nodes, namespace + :namespaces, kind, active, key, text, speaker, role,"
    " session + :sessions, at, stored_at, metadata, length, traits, utc_offset FROM node WHERE id < :node_end",
    "INSERT INTO vector SELECT node + :nodes, value FROM vector WHERE node < :node_end",
    "INSERT INTO term SELECT id + :terms, namespace + :namespaces, digest, documents FROM term WHERE id < :term_end",
    "INSERT INTO posting SELECT term + :terms, node + :nodes, count, rank FROM posting WHERE term < :term_end",
)


def searching(given: argparse.Namespace) -> dict[str, Any]:
    """Open a handle on each namespace, search each twice, and look at the process."""
    embedder = embedders.load(Config().embedder)
    before = resident()
    handles = [
        Memory(given.path, namespace=f"namespace {i}", config=Config(), embedder=embedder)
        for i in range(given.count)
    ]
    opened = resident()
    started, answered = time.perf_counter(), 0
    for _ in range(2):
        for question, memory in zip(sentences(given.count, 3), handles, strict=True):
            answered += bool(memory.search(question).hits)
    elapsed = time.perf_counter() - started
    result = {
        "namespaces": given.count,
        "searches_with_hits": answered,
        "mb_before": before,
        "mb_with_handles": opened,
        "mb_after_searches": resident(),
        "searches_per_s": round(2 * given.count / elapsed, 1),
        "open_files": len(list(Path("/proc/self/fd").iterdir())),
    }
    for memory in handles:
        memory.close()
    return result


def resident() -> float:
    """The resident memory of this process in megabytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def main() -> None:
    """Measure one of them, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("threads")
    one.add_argument("--turns", type=int, default=100_000)
    one.add_argument("--threads", type=int, nargs="+", default=[1, 8])
    one.add_argument("--searches", type=int, default=200)
    one.add_argument("--rounds", type=int, default=5)
    one.add_argument("--path", type=Path, help="a file of an earlier run, or where to keep it")
    one.set_defaults(run=threads)
    many = commands.add_parser("namespaces")
    many.add_argument("--count", type=int, default=10_000)
    many.add_argument("--turns", type=int, default=40)
    many.set_defaults(run=namespaces)
    each = commands.add_parser("searching")
    each.add_argument("--count", type=int, required=True)
    each.add_argument("--path", required=True)
    each.set_defaults(run=searching)
    given = parser.parse_args()
    print(json.dumps({**given.run(given), "cpus": os.cpu_count(), "load": os.getloadavg()}))


if __name__ == "__main__":
    main()
