"""Which entries of an index of vectors belong to which owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.frozen import dataclass
from helamem.stores.growing import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helamem.protocols import Floats, Ints


TRUTH = np.array([False, True])


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """The entries of one moment: one for each vector, in the order in which they came.

    Those of an owner lie one behind the other, that of its whole text first.

    Attributes:
        owners: The owner of each entry.
        are_there: 1, or 0 where it was removed.
        firsts: For each owner its first entry, and
        counts: how many it has.
        n_removed: The number of removed entries.
        is_plain: Whether each owner has one entry, and always had the same.
    """

    owners: Rows
    are_there: Rows
    firsts: Rows
    counts: Rows
    n_removed: int = 0
    is_plain: bool = True

    @classmethod
    def none(cls, room: int = 0) -> Entries:
        """No entries yet."""
        of_entries = Rows(np.empty(0, np.int32), room=room), Rows(np.empty(0, np.uint8), room=room)
        of_owners = Rows(np.empty(0, np.int32), room=room), Rows(np.empty(0, np.int32), room=room)
        return cls(*of_entries, *of_owners)

    @property
    def n_bytes(self) -> int:
        """The memory that they take."""
        return sum(each.n_bytes for each in (self.owners, self.are_there, self.firsts, self.counts))

    def added(self, owners: Ints) -> Entries:
        """With an entry for each of these; see `VectorIndex.added`."""
        starts = np.flatnonzero(np.diff(owners, prepend=-1))
        whose, counts = owners[starts], np.diff(starts, append=len(owners))
        firsts = len(self.owners) + starts
        is_new = whose >= len(self.firsts)
        old = whose[~is_new]
        return Entries(
            self.owners.followed_by(owners),
            self.are_there.followed_by(np.ones(len(owners), np.uint8)),
            self.firsts.replaced(old, firsts[~is_new]).followed_by(firsts[is_new]),
            self.counts.replaced(old, counts[~is_new]).followed_by(counts[is_new]),
            self.n_removed,
            self.is_plain and not len(old) and len(whose) == len(owners),
        )

    def removed(self, owners: Ints) -> Entries:
        """Without those of these owners."""
        gone, _ = self.of(owners)
        return Entries(
            self.owners,
            self.are_there.replaced(gone, np.zeros(len(gone), np.uint8)),
            self.firsts,
            self.counts.replaced(owners, np.zeros(len(owners), np.int32)),
            self.n_removed + len(gone),
            is_plain=False,
        )

    def of(self, owners: Ints) -> tuple[Ints, Ints]:
        """The entries of some owners, one owner after the other, and how many each has."""
        if self.is_plain:
            return owners, np.ones(len(owners), np.int64)
        counts = self.counts.at(owners).astype(np.int64)
        ends = np.cumsum(counts)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
        return np.repeat(self.firsts.at(owners), counts) + within, counts

    def whose(self, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """For each entry, whether it is there and its owner is wanted."""
        if self.is_plain:
            return wanted
        chosen: NDArray[np.bool_] = wanted[self.owners.values]
        return chosen & self.are_there.looked_up(TRUTH) if self.n_removed else chosen

    def are_of(self, wanted: NDArray[np.bool_], entries: Ints) -> NDArray[np.bool_]:
        """For each of some entries, whether it is there and its owner is wanted."""
        chosen: NDArray[np.bool_] = wanted[entries if self.is_plain else self.owners.at(entries)]
        return chosen & (self.are_there.at(entries) > 0) if self.n_removed else chosen

    def n_owners(self, entries: Ints) -> int:
        """How many owners some entries have; those of an owner follow each other."""
        return int(np.count_nonzero(np.diff(self.owners.at(entries), prepend=-1)))

    def best(self, scores: Floats, entries: Ints, owners: Ints) -> Floats:
        """The highest score of each owner.

        Args:
            scores: One for each entry.
            owners: Ascending; those of the entries, each of which has one.
        """
        if self.is_plain:
            return scores
        best = np.full(len(owners), -1.0, scores.dtype)
        np.maximum.at(best, np.searchsorted(owners, self.owners.at(entries)), scores)
        return best


def highest(scores: Floats, counts: Ints) -> Floats:
    """The highest of the scores of each owner, which lie one behind the other; each has one at least."""
    if not len(counts):
        return scores
    found: Floats = np.maximum.reduceat(scores, np.cumsum(counts) - counts)
    return found
