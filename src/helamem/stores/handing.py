"""Shared by the stores: what a memory that supersedes another receives of its learned edges."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from helamem.core import hebbian
from helamem.errors import NotFoundError
from helamem.frozen import dataclass
from helamem.protocols import NODE_KINDS, Handed, Supersession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from helamem.protocols import EdgeRule

Weight: TypeAlias = tuple[float, float]  # and when it was touched
Joined: TypeAlias = "Callable[[Weight, Weight], Weight]"
EPISODE, FACT = NODE_KINDS.index("episode"), NODE_KINDS.index("fact")


def handed_edge(
    other: int, before: float | None, before_touched: float | None, weight: float, touched: float
) -> Handed:
    """An edge that was handed over, from its columns as every store keeps them."""
    had = None if before is None or before_touched is None else (before, before_touched)
    return Handed(other=other, before=had, after=(weight, touched))


def supersessions(
    rows: Iterable[tuple[int, int, bool, int | None]], handed: Iterable[Sequence[Any]]
) -> list[Supersession]:
    """Supersessions from their rows, and from those of what was handed over: the old memory, then the edge."""
    edges: dict[int, list[Handed]] = {}
    for node, *edge in handed:
        edges.setdefault(node, []).append(handed_edge(*edge))
    return [
        Supersession(
            old=old,
            new=new,
            yields=bool(yields),
            because=because,
            handed=tuple(edges.get(old, ())),
        )
        for old, new, yields, because in rows
    ]


@dataclass(frozen=True, slots=True)
class Put:
    """A learned edge gets this weight, in both directions; None deletes it."""

    node: int
    other: int
    weight: Weight | None


@dataclass(frozen=True, slots=True)
class Copy:
    """The journal's entries of the edge from `source` to `other` are copied to that from `target`."""

    source: int
    target: int
    other: int


@dataclass(frozen=True, slots=True)
class Forget:
    """The journal forgets an edge."""

    node: int
    other: int


Change: TypeAlias = Put | Copy | Forget


def handed(
    mine: Mapping[int, Weight], theirs: Mapping[int, Weight], new: int, joined: Joined
) -> list[Handed]:
    """Each edge of a memory as the successor gets it, and as the successor had it.

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


def taken_back(
    old: int, new: int, edge: Handed, now: Weight | None, *, moves: bool
) -> Iterator[Change]:
    """The changes if a successor gives an edge back.

    An edge that has changed since is as it was learned: it goes to the old memory where the new one yields, and
    stays otherwise. One that is gone, because it was severed or has faded, is gone for the old one too.

    Args:
        now: The successor's edge as it is; None if it is gone.
        moves: Whether the successor yields.
    """
    if now is None:
        yield Put(old, edge.other, None)
        yield Forget(old, edge.other)
    elif now == edge.after or moves:
        if now != edge.after:
            yield Put(old, edge.other, now)
            yield Copy(new, old, edge.other)
        yield Put(new, edge.other, edge.before)
        if edge.before is None:
            yield Forget(new, edge.other)


def require_kinds(kinds: Mapping[int, int], old: int, new: int) -> None:
    """Refuse kinds that do not fit: an episode is superseded by an episode, a fact by either.

    Args:
        kinds: The kind of both, as a number.

    Raises:
        NotFoundError: It names the one that is of the wrong kind.
    """
    allowed = (EPISODE,) if kinds[old] == EPISODE else (EPISODE, FACT)
    for id_, fitting in ((old, (EPISODE, FACT)), (new, allowed)):
        if kinds[id_] not in fitting:
            raise NotFoundError(NODE_KINDS[fitting[-1]], id_)


@dataclass(frozen=True, slots=True)
class Superseded:
    """How a memory is superseded.

    Attributes:
        yields: Whether the successor is superseded in turn when the memory holds again.
        place: In whose place the successor stands in its session.
        is_active: Whether the successor is active, and not superseded itself.
    """

    by: int
    yields: bool
    place: int | None
    is_active: bool


class WayBack(ABC):
    """The steps by which a store makes superseded memories valid again."""

    def revert(self, id_: int) -> list[int]:
        """Make a memory valid again, with what was superseded because of it; return the ids of its successors.

        Raises:
            NotFoundError: There is no such memory.
            ValueError: It is not superseded.
        """
        found = self.found(id_)
        if found is None:
            raise ValueError(f"memory {id_} is not superseded, so there is nothing to revert")
        later = [] if found.is_active else self.revert(found.by)
        self.take_back(id_, found.by, moves=found.yields)
        self.hold_again(id_, found.by)
        for fact in self.because_of(id_):
            self.revert(fact)
        if found.yields:
            self.give_way(found.by, id_, found.place)
        return [found.by, *later]

    @abstractmethod
    def found(self, id_: int) -> Superseded | None:
        """How a memory is superseded; None if it is not.

        Raises:
            NotFoundError: There is no such memory.
        """

    @abstractmethod
    def take_back(self, old: int, new: int, *, moves: bool) -> None:
        """Take the handed edges back from the successor; see `taken_back`."""

    @abstractmethod
    def hold_again(self, old: int, new: int) -> None:
        """Make a memory valid again, and give its successor a place of its own."""

    @abstractmethod
    def because_of(self, id_: int) -> list[int]:
        """The facts that were superseded because of a turn, the latest first."""

    @abstractmethod
    def give_way(self, new: int, old: int, place: int | None) -> None:
        """Supersede a successor by the old memory, with what it has learned since."""
