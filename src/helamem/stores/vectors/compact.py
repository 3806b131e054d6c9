"""Short forms of vectors in RAM: a part of each is compared, then more of the best, then the vectors themselves.

A vector is turned so that its first components say most about it, and each component becomes one byte. The first
quarter of them, the head, is compared with the question for all; the rest, the tail, for the few whose heads are
nearest; and the best of these are read from the file, so that what is found has exact similarities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core import quantization
from helamem.core.vectors import top_k
from helamem.stores.growing import Rows
from helamem.stores.vectors.entries import Entries, highest
from helamem.stores.vectors.exact import SPARSE, products

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helamem.protocols import Floats, Ints, Originals

HEAD = 4  # one in so many components belongs to the head
SHARE = 0.02  # of what is wanted: how many go on by their heads,
FEWEST = 4000  # and how many at least
SEVERAL = 4  # how many vectors near a question an owner may have, before all are looked at
READ = 4  # how many times as many as are asked for are read from the file
SAMPLED = 16_384  # how many scores a threshold is read off


class CompactIndex:
    """See `protocols.VectorIndex`.

    Args:
        axes: What the vectors are turned by; see `core.quantization.principal_axes`.
        heads, tails: The two parts of the codes.
        scales: Their scales.
    """

    is_exact = False

    def __init__(
        self,
        entries: Entries,
        axes: NDArray[np.float32],
        heads: Rows,
        tails: Rows,
        scales: Rows,
    ) -> None:
        self._entries = entries
        self._axes = axes
        self._heads, self._tails, self._scales = heads, tails, scales

    @classmethod
    def empty(cls, axes: NDArray[np.float32], room: int = 0) -> CompactIndex:
        """Without vectors, with room for some."""
        head, tail = _parted(np.empty((0, len(axes)), np.int8))
        parts = (Rows(each, room=room) for each in (head, tail, np.empty(0, np.float32)))
        return cls(Entries.none(room), axes, *parts)

    @property
    def n_bytes(self) -> int:
        """The memory that it takes."""
        parts = (self._heads, self._tails, self._scales)
        return self._entries.n_bytes + sum(each.n_bytes for each in parts)

    @property
    def n_removed(self) -> int:
        """How many vectors it still holds of those that were removed."""
        return self._entries.n_removed

    def added(self, owners: Ints, vectors: Floats) -> CompactIndex:
        """An index with more vectors."""
        return self.restored(owners, *coded(vectors, self._axes))

    def restored(
        self, owners: Ints, codes: NDArray[np.int8], scales: NDArray[np.float32]
    ) -> CompactIndex:
        """An index with more vectors, as `coded` has made them."""
        head, tail = _parted(codes)
        return CompactIndex(
            self._entries.added(owners),
            self._axes,
            self._heads.followed_by(head),
            self._tails.followed_by(tail),
            self._scales.followed_by(scales),
        )

    def removed(self, owners: Ints) -> CompactIndex:
        """An index without the vectors of these owners."""
        entries = self._entries.removed(owners)
        return CompactIndex(entries, self._axes, self._heads, self._tails, self._scales)

    def search(
        self, query: Floats, k: int, wanted: NDArray[np.bool_], originals: Originals
    ) -> tuple[Ints, Floats]:
        """Nearly all of the nearest owners, and their similarities."""
        owners = np.sort(self._near(query @ self._axes, k, wanted))
        similarities, _ = self.measured(query, owners, originals)
        best = top_k(similarities, k)
        return owners[best], similarities[best]

    def measured(
        self, query: Floats, owners: Ints, originals: Originals
    ) -> tuple[Floats, NDArray[np.float32]]:
        """The similarity of each owner, and the vector of its whole text."""
        vectors, counts = originals(owners)
        wholes: NDArray[np.float32] = vectors[np.cumsum(counts) - counts]
        return highest(products(vectors, query), counts), wholes

    def wholes(self, owners: Ints, originals: Originals) -> NDArray[np.float32]:
        """The vector of each owner's whole text."""
        return self.measured(np.zeros(len(self._axes), np.float32), owners, originals)[1]

    def _near(self, turned: Floats, k: int, wanted: NDArray[np.bool_]) -> Ints:
        """The owners to be read: some times as many as are asked for, if there are as many."""
        n_read = min(READ * k, int(np.count_nonzero(wanted)))
        entries, scores = self._by_heads(turned, self._entries.whose(wanted), n_read)
        n_head = self._heads.values.shape[1]
        scores = scores + self._scales.at(entries) * quantization.products(
            self._tails.at(entries), turned[n_head:]
        )
        owners = self._best_owners(entries, scores, SEVERAL * n_read)
        if len(owners) < n_read:
            owners = self._best_owners(entries, scores, len(scores))
        return owners[:n_read]

    def _best_owners(self, entries: Ints, scores: Floats, n: int) -> Ints:
        """The owners of the best entries, best first."""
        owners = self._entries.owners.at(entries[top_k(scores, n)])
        _, firsts = np.unique(owners, return_index=True)
        found: Ints = owners[np.sort(firsts)].astype(np.int64)
        return found

    def _by_heads(
        self, turned: Floats, wanted: NDArray[np.bool_], n_read: int
    ) -> tuple[Ints, Floats]:
        """The wanted entries whose heads are nearest, with room for owners that have several, and their scores."""
        heads, n_wanted = self._heads.values, int(np.count_nonzero(wanted))
        query = turned[: heads.shape[1]]
        entries = np.flatnonzero(wanted)
        if SPARSE * n_wanted < len(heads):
            scores: Floats = self._scales.at(entries) * quantization.products(heads[entries], query)
        else:
            scores = (self._scales.values * quantization.products(heads, query))[entries]
        n_kept = max(FEWEST, int(SHARE * n_wanted))
        if n_kept >= n_wanted or 2 * n_read > n_kept:
            return entries, scores
        kept = np.flatnonzero(scores >= _threshold(scores, n_kept))
        if self._entries.n_owners(entries[kept]) < n_read:
            return entries, scores
        return entries[kept], scores[kept]


def coded(
    vectors: Floats, axes: NDArray[np.float32]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """The codes and scales of vectors."""
    return quantization.quantized(vectors @ axes)


def _parted(codes: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    n = max(1, codes.shape[1] // HEAD)
    return np.ascontiguousarray(codes[:, :n]), np.ascontiguousarray(codes[:, n:])


def _threshold(scores: NDArray[np.float32], n: int) -> float:
    """A score that about `n` reach: read off a sample, since to sort all takes longer than to compute them."""
    sample = scores[:: max(1, len(scores) // SAMPLED)]
    place = min(len(sample), max(1, round(n * len(sample) / len(scores))))
    return float(np.partition(sample, -place)[-place])
