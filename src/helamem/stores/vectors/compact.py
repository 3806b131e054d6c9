"""Short forms of vectors in RAM: the signs of all are compared, then the codes of the best, then the vectors themselves.

A vector is turned by random axes, and each component becomes one byte; its signs are kept apart, packed. Vectors
that differ from the question in few signs are compared by the bytes, and the best of these are read from the file, so
that what is found has exact similarities.
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
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from helamem.protocols import Floats, Ints, Originals

SHARE = 0.008  # of all vectors: how many go on by their signs,
FEWEST = 4000  # and how many at least
SEVERAL = 4  # how many vectors near a question an owner may have, before all are looked at
READ = 2  # how many times as many as are asked for are read from the file
SAMPLED = 16_384  # how many differences a threshold is read off


class CompactIndex:
    """See `protocols.VectorIndex`.

    Args:
        axes: What the vectors are turned by; see `core.quantization.random_axes`.
        signs, codes, scales: Their short forms; signs 64 at a time.
    """

    is_exact = False

    def __init__(
        self,
        entries: Entries,
        axes: NDArray[np.float32],
        signs: Sequence[Rows],
        codes: Rows,
        scales: Rows,
    ) -> None:
        self._entries = entries
        self._axes = axes
        self._signs, self._codes, self._scales = signs, codes, scales

    @classmethod
    def empty(cls, axes: NDArray[np.float32], room: int = 0) -> CompactIndex:
        """Without vectors, with room for some."""
        codes = np.empty((0, len(axes)), np.int8)
        signs = [Rows(each, room=room) for each in quantization.signs(codes)]
        others = (Rows(each, room=room) for each in (codes, np.empty(0, np.float32)))
        return cls(Entries.none(room), axes, signs, *others)

    @property
    def n_bytes(self) -> int:
        """The memory that it takes."""
        parts = (*self._signs, self._codes, self._scales)
        return self._entries.n_bytes + sum(each.n_bytes for each in parts)

    @property
    def n_removed(self) -> int:
        """How many removed vectors it still holds."""
        return self._entries.n_removed

    def added(self, owners: Ints, vectors: Floats) -> CompactIndex:
        """An index with more vectors."""
        return self.restored(owners, *coded(vectors, self._axes))

    def restored(
        self, owners: Ints, codes: NDArray[np.int8], scales: NDArray[np.float32]
    ) -> CompactIndex:
        """An index with more vectors, as `coded` has made them."""
        return CompactIndex(
            self._entries.added(owners),
            self._axes,
            [
                old.followed_by(new)
                for old, new in zip(self._signs, quantization.signs(codes), strict=True)
            ],
            self._codes.followed_by(codes),
            self._scales.followed_by(scales),
        )

    def removed(self, owners: Ints) -> CompactIndex:
        """An index without the vectors of these owners."""
        entries = self._entries.removed(owners)
        return CompactIndex(entries, self._axes, self._signs, self._codes, self._scales)

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
        n_wanted = int(np.count_nonzero(wanted))
        if not n_wanted:
            return np.empty(0, np.int64)
        n_read = min(READ * k, n_wanted)
        entries = self._by_signs(turned, wanted, n_wanted, n_read)
        scores = self._scales.at(entries) * quantization.products(self._codes.at(entries), turned)
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

    def _by_signs(
        self, turned: Floats, wanted: NDArray[np.bool_], n_wanted: int, n_read: int
    ) -> Ints:
        """The wanted entries that differ from the question in the fewest signs; all if that might be too few."""
        n_kept = max(FEWEST, int(SHARE * len(self._scales)))
        if 2 * n_read > n_kept or n_wanted <= n_kept:
            return self._of(wanted)
        mine = self._of(wanted) if SPARSE * n_wanted < len(self._scales) else None
        words = [each.values if mine is None else each.at(mine) for each in self._signs]
        differing = quantization.differing(words, _signs_of(turned))
        sampled = _sample(len(differing))
        rank = n_kept * len(sampled) // len(differing)
        if mine is None:
            sampled = sampled[self._entries.are_of(wanted, sampled)]
        kept = np.flatnonzero(differing <= _smallest(differing[sampled], rank))
        kept = kept[self._entries.are_of(wanted, kept)] if mine is None else mine[kept]
        return kept if self._entries.n_owners(kept) >= n_read else self._of(wanted)

    def _of(self, wanted: NDArray[np.bool_]) -> Ints:
        """All entries of the wanted owners."""
        entries, _ = self._entries.of(np.flatnonzero(wanted))
        return entries


def coded(
    vectors: Floats, axes: NDArray[np.float32]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """The codes and scales of vectors."""
    return quantization.quantized(vectors @ axes)


def _signs_of(turned: Floats) -> NDArray[np.uint64]:
    codes, _ = quantization.quantized(turned[np.newaxis])
    return quantization.signs(codes)[:, 0]


def _sample(n: int) -> Ints:
    """Some of n places, or all if there are few.

    They are drawn, since what is wanted may be every second one, or every third, as speakers take turns.
    """
    if n <= SAMPLED:
        return np.arange(n)
    return np.random.default_rng(0).integers(0, n, SAMPLED)


def _smallest(values: NDArray[np.uint16], n: int) -> int:
    """The n-th smallest value, or the largest."""
    place = min(n, len(values)) - 1
    return int(np.partition(values, place)[place])
