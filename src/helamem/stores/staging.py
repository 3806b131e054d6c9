"""Shared by the stores' reindexing: which nodes were handed out, and which results still fit them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING

from helamem.errors import StoreError
from helamem.frozen import dataclass
from helamem.stores import encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from helamem.protocols import Analysis, Reindexed, Store, Unindexed

UNDER_WAY = "reindexing"  # the analysis of the staged data, in `meta`


@dataclass(frozen=True, slots=True)
class Waiting:
    """A node without staged data.

    Attributes:
        namespace: What stands for its namespace in the store.
        said: Its text and metadata as they lie there; results for anything else are stale.
    """

    node: Unindexed
    namespace: int | UUID
    said: tuple[str, str]


class Staging(ABC):
    """A reindexing under way: see `protocols.Reindexing`.

    Args:
        shown: The place of the store, as errors tell it.
        adopted: Returns the store with this analysis after the swap.
    """

    def __init__(
        self, analysis: Analysis, shown: str, adopted: Callable[[Analysis], Store]
    ) -> None:
        self._analysis = analysis
        self._shown = shown
        self._adopted = adopted
        self._mark = json.dumps(asdict(analysis), sort_keys=True)
        self._batch: dict[int, Waiting] = {}
        self._begin()

    def unindexed(self, *, after: int, limit: int) -> list[Unindexed]:
        """The next nodes without staged data, by ascending id."""
        found = sorted(self._next(after, limit), key=lambda each: each.node.id)
        self._batch = {each.node.id: each for each in found}
        return [each.node for each in found]

    def stage(self, made: Sequence[Reindexed]) -> None:
        """Store the results for some nodes of the last batch, unless they have changed meanwhile or are gone."""
        self._stage([(self._batch[each.id], each) for each in made if each.id in self._batch])

    def adopt(self) -> Store | None:
        """Replace the live data by the staged data, in one transaction; None if something is not staged."""
        return self._adopted(self._analysis) if self._swap() else None

    def _require_own(self, under_way: str | None) -> None:
        """Refuse to go on if another reindexing is under way.

        Raises:
            StoreError: It is.
        """
        if under_way != self._mark:
            raise StoreError(
                f"Another reindexing of {self._shown} has begun or ended meanwhile. "
                "Nothing was changed; see `helamem doctor`, and start again if it is needed."
            )

    @abstractmethod
    def _begin(self) -> None:
        """Record the mark of this reindexing, and drop what was staged for another one."""

    @abstractmethod
    def _next(self, after: int, limit: int) -> list[Waiting]:
        """The next nodes in the order of the store; `after` is the last id of the batch before, or 0."""

    @abstractmethod
    def _stage(self, made: Sequence[tuple[Waiting, Reindexed]]) -> None:
        """Store the results for nodes whose text and metadata have not changed, in one transaction."""

    @abstractmethod
    def _swap(self) -> bool:
        """Put the staged data in place, in one transaction; False if something is not staged."""


def dumped_terms(made: Reindexed) -> str:
    """The terms as they are staged: the digest, count and rank of each."""
    return json.dumps([(encoding.digest(each.term), each.count, each.rank) for each in made.terms])
