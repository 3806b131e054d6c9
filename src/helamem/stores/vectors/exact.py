"""All vectors in RAM: every one is compared with the question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.vectors import top_k
from helamem.stores.growing import Rows
from helamem.stores.vectors.entries import Entries, highest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helamem.protocols import Floats, Ints, Originals

SPARSE = 4  # if fewer than one row in so many is wanted, gathering them is faster than scoring all


class ExactIndex:
    """See `protocols.VectorIndex`."""

    is_exact = True

    def __init__(self, entries: Entries, vectors: Rows) -> None:
        self._entries = entries
        self._vectors = vectors

    @classmethod
    def empty(cls, dimension: int, room: int = 0) -> ExactIndex:
        """Without vectors, with room for some."""
        vectors = Rows(np.empty((0, dimension), np.float32), room=room)
        return cls(Entries.none(room), vectors)

    @property
    def n_bytes(self) -> int:
        """The memory that it takes."""
        return self._entries.n_bytes + self._vectors.n_bytes

    @property
    def n_removed(self) -> int:
        """How many removed vectors it still holds."""
        return self._entries.n_removed

    def added(self, owners: Ints, vectors: Floats) -> ExactIndex:
        """An index with more vectors."""
        return ExactIndex(self._entries.added(owners), self._vectors.followed_by(vectors))

    def removed(self, owners: Ints) -> ExactIndex:
        """An index without the vectors of these owners."""
        return ExactIndex(self._entries.removed(owners), self._vectors)

    def search(
        self,
        query: Floats,
        k: int,
        wanted: NDArray[np.bool_],
        originals: Originals,  # noqa: ARG002
    ) -> tuple[Ints, Floats]:
        """The nearest owners and their similarities."""
        owners = np.flatnonzero(wanted)
        entries = np.flatnonzero(self._entries.whose(wanted))
        scores = self._entries.best(self._scores(entries, query), entries, owners)
        best = top_k(scores, k)
        return owners[best], scores[best]

    def measured(
        self, query: Floats, owners: Ints, originals: Originals
    ) -> tuple[Floats, NDArray[np.float32]]:
        """The similarity of each owner, and the vector of its whole text."""
        entries, counts = self._entries.of(owners)
        return highest(self._scores(entries, query), counts), self.wholes(owners, originals)

    def wholes(self, owners: Ints, originals: Originals) -> NDArray[np.float32]:  # noqa: ARG002
        """The vector of each owner's whole text."""
        return self._vectors.at(self._entries.firsts.at(owners))

    def _scores(self, entries: Ints, query: Floats) -> NDArray[np.float32]:
        vectors = self._vectors.values
        if SPARSE * len(entries) < len(vectors):
            return products(vectors[entries], query)
        return products(vectors, query)[entries]


def products(vectors: NDArray[np.float32], query: Floats) -> NDArray[np.float32]:
    """One product per row, which depends on that row alone, so equal rows tie.

    A matrix product would sum the last rows in another order than the others.
    """
    found: NDArray[np.float32] = np.einsum("ij,j->i", vectors, query)
    return np.clip(found, -1, 1, out=found)
