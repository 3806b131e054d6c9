"""A memory in use, measured in the process that calls: opening, searches, single changes, and the room they take."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, TypeVar

from helamem.config import Config
from helamem.evaluation.processes import cost, resident, summed_up
from helamem.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from helamem.evaluation.processes import Cost, Part
    from helamem.protocols import Embedder

Item = TypeVar("Item")

SINGLES = tuple(f"A single turn, number {n}." for n in range(50))
LEAST = 3  # of anything that takes long
KIND_S = 60.0  # seconds for a kind of change, after which fewer have to do
FOLLOWED = 10  # changes of a kind after which a search is timed


def used(path: Path, embedder: Embedder, questions: Sequence[str]) -> Iterator[Part]:
    """Open a memory, search it, change it, and change it back; times in milliseconds, sizes in bytes.

    Args:
        embedder: Makes no model's time count, since it knows all vectors.
    """
    config = Config.of()
    with Memory(":memory:", config=config, embedder=embedder) as small:
        small.add(SINGLES[0])
        small.search(SINGLES[0])  # all code is loaded
    before, started = resident(), time.perf_counter()
    with Memory(path, config=config, embedder=embedder) as memory:
        memory.search(questions[0])
        yield {"open_ms": round(1e3 * (time.perf_counter() - started), 1)}
        yield summed_up("search", [cost(memory.search, each) for each in questions])
        gc.collect()
        if before is not None:
            grown = (resident() or 0) - before
            yield {"resident_per_turn": round(grown / memory.stats().episodes, 1)}
        yield from changes(memory, questions)


def changes(memory: Memory, questions: Sequence[str]) -> Iterator[Part]:
    """Single turns added, lessons learned, and both taken back; and searches right after."""
    added: list[int] = []
    lessons: list[int] = []

    def learn(question: str) -> None:
        recall = memory.search(question)

        def reinforce() -> None:
            lesson = memory.reinforce(recall, used=recall.ids[:2]).lesson
            lessons.extend([] if lesson is None else [lesson])

        reinforced.append(cost(reinforce))

    reinforced: list[Cost] = []
    yield _changed(
        "add", lambda text: added.extend(memory.add(text).ids), SINGLES, memory, questions
    )
    for question in _for_a_while(questions[: len(SINGLES)]):
        learn(question)
    yield summed_up("reinforce", reinforced)
    for lesson in reversed(lessons):
        memory.undo(lesson)
    yield _changed("delete", memory.delete, added, memory, questions)


def _changed(
    name: str,
    change: Callable[[Item], object],
    items: Iterable[Item],
    memory: Memory,
    questions: Sequence[str],
) -> Part:
    """The milliseconds of changes of one kind, and of the first searches after one."""
    changed: list[Cost] = []
    searched: list[Cost] = []
    for item in _for_a_while(items):
        changed.append(cost(change, item))
        if len(searched) < FOLLOWED:
            searched.append(cost(memory.search, questions[len(searched) % len(questions)]))
    return summed_up(name, changed) | summed_up(f"search_after_{name}", searched)


def _for_a_while(items: Iterable[Item]) -> Iterator[Item]:
    """The items, until they have taken long."""
    started = time.perf_counter()
    for n, item in enumerate(items):
        if n >= LEAST and time.perf_counter() - started > KIND_S:
            return
        yield item
