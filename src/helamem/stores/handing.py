"""What the stores have in common where one memory hands its learned edges to another: computation on values."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from helamem.core import hebbian
from helamem.protocols import Handed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helamem.protocols import EdgeRule

Weight: TypeAlias = tuple[float, float]  # and when it was touched
Joined: TypeAlias = "Callable[[Weight, Weight], Weight]"


def handed(
    mine: Mapping[int, Weight], theirs: Mapping[int, Weight], new: int, joined: Joined
) -> list[Handed]:
    """What each edge of a memory becomes at its successor, and what the successor had.

    Args:
        mine: The memory's edges by their other end.
        theirs: The successor's.
        new: The successor; an edge to it is not handed over.
        joined: The weight of an edge that both have, from the successor's and the memory's.
    """
    return [
        Handed(
            other=other,
            before=theirs.get(other),
            after=joined(theirs[other], weight) if other in theirs else weight,
        )
        for other, weight in mine.items()
        if other != new
    ]


def summing(rule: EdgeRule, now: float) -> Joined:
    """The sum of two weights, which saturates as learning does."""

    def joined(one: Weight, other: Weight) -> Weight:
        weights, touched = np.array([one[0], other[0]]), np.array([one[1], other[1]])
        left = hebbian.decayed(weights, now - touched, tau=rule.tau, floor=rule.floor)
        grown = hebbian.strengthened(
            left[:1], left[1:], saturation=rule.saturation, ceiling=rule.ceiling
        )
        return float(grown[0]), float(max(now, *touched))

    return joined
