"""Shared by the stores' journals: computation on values, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from helamem.protocols import Floats, Lesson

LESSON, CONSOLIDATION = range(2)
# Most lessons and consolidations that can be undone. Each takes about a kilobyte, so a journal stays near a
# megabyte.
KEPT = 1000
Pair: TypeAlias = tuple[int, int]
Change: TypeAlias = tuple[int, int, float, float]


def gains_of(
    pairs: Sequence[Pair], gains: Floats, bound: Sequence[Pair], bound_gains: Floats
) -> dict[Pair, float]:
    """The gain of each pair, the lower id first, without pairs that do not grow."""
    found: dict[Pair, float] = {}
    both = zip((*pairs, *bound), (*gains.tolist(), *bound_gains.tolist()), strict=True)
    for (a, b), gain in both:
        if gain:
            found[min(a, b), max(a, b)] = gain
    return found


def changes(lesson: Lesson, gains: dict[Pair, float]) -> list[Change]:
    """What a lesson does to each pair: the lower id, the higher one, the gain, and the share that is kept.

    Args:
        gains: The gain of each pair, including cues; see `gains_of`.
    """
    keeps = {(min(a, b), max(a, b)): lesson.keep for a, b in lesson.weakened.tolist()}
    return [
        (a, b, gains.get((a, b), 0.0), keeps.get((a, b), 1.0)) for a, b in sorted({*gains, *keeps})
    ]


def clock_without(number: int, lessons: int, undone: Collection[int]) -> int:
    """The number of lessons after one was undone: that of the last one that is not, or was imported.

    Args:
        number: The number of the lesson.
        lessons: The number of lessons with it.
        undone: The numbers of lessons that are undone, its own included.
    """
    if number != lessons:
        return lessons
    while lessons in undone:
        lessons -= 1
    return lessons
