"""Arrays that grow and change without a copy each time, while readers still use an earlier state."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.core.arrays import distinct
from helamem.protocols import located

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helamem.protocols import Ints

MORE = 1.5  # how much larger a new buffer is than what was there
MOST_PATCHES = 1024  # beyond so many changed places, an array is copied
NOWHERE = np.empty(0, np.int64)


class _Buffer:
    """An array with room for more rows, and how many are filled."""

    def __init__(self, values: NDArray[Any], n_filled: int) -> None:
        self.values = values
        self._n_filled = n_filled
        self._lock = threading.Lock()

    def claims(self, begin: int, end: int) -> bool:
        """Reserve the rows from `begin` to `end`; False if they are taken, or the array is too short."""
        with self._lock:
            if self._n_filled != begin or end > len(self.values):
                return False
            self._n_filled = end
            return True


class Rows:
    """An array at one moment; later moments are other `Rows`, which share its memory.

    The first that appends rows writes them behind the array in place; any other copies it. Changed rows are kept
    apart, as patches, until there are many.
    """

    __slots__ = ("_buffer", "_n", "_patches", "_places")

    def __init__(self, values: NDArray[Any], *, room: int = 0) -> None:
        self._buffer = _Buffer(copied(values, room) if room > len(values) else values, len(values))
        self._n = len(values)
        self._places: Ints = NOWHERE
        self._patches: NDArray[Any] = values[:0]

    def __len__(self) -> int:
        return self._n

    @property
    def values(self) -> NDArray[Any]:
        """All rows; a copy if there are patches."""
        if not len(self._places):
            return self._base
        whole = copied(self._base, self._n)
        whole[self._places] = self._patches
        return whole

    @property
    def n_bytes(self) -> int:
        """Its size in RAM, including the room for more rows."""
        return int(self._buffer.values.nbytes)

    @property
    def room(self) -> int:
        """The number of rows from which on appending copies the array."""
        return len(self._buffer.values)

    @property
    def _base(self) -> NDArray[Any]:
        return self._buffer.values[: self._n]

    def at(self, rows: Ints) -> NDArray[Any]:
        """The rows with these numbers."""
        found = self._base.take(rows, axis=0)  # faster than indexing, with rows of several values
        if len(self._places):
            where = located(self._places, rows)
            found[where >= 0] = self._patches[where[where >= 0]]
        return found

    def looked_up(self, table: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """For each row, the entry of a table at its value; the table should have few True, since each is sought in all rows."""
        found = np.zeros(self._n, np.bool_)
        for value in np.flatnonzero(table):
            found |= self._base == value
        found[self._places] = table[self._patches]
        return found

    def followed_by(self, added: NDArray[Any]) -> Rows:
        """A later moment with more rows at the end; this one stays as it is."""
        end = self._n + len(added)
        if not self._buffer.claims(self._n, end):
            whole = Rows(self._base, room=max(end, int(MORE * self._n)))
            return whole._sharing(self._n, self._places, self._patches).followed_by(added)
        self._buffer.values[self._n : end] = added
        return self._sharing(end, self._places, self._patches)

    def replaced(self, rows: Ints, values: NDArray[Any]) -> Rows:
        """A later moment with other values in some distinct rows; this one stays as it is."""
        if not len(rows):
            return self
        places = distinct(self._places, rows)
        patches = self.at(places)
        patches[np.searchsorted(places, rows)] = values
        if len(places) <= MOST_PATCHES:
            return self._sharing(self._n, places, patches)
        whole = copied(self._base, len(self._buffer.values))
        whole[places] = patches
        anew = Rows.__new__(Rows)
        anew._buffer = _Buffer(whole, self._n)
        return anew._sharing(self._n, NOWHERE, patches[:0])

    def amended(self, rows: Ints, values: NDArray[Any]) -> Rows:
        """The same, but values without a patch are changed in place: earlier moments must ignore such values."""
        apart = np.isin(rows, self._places)
        self._base[rows[~apart]] = values[~apart]
        return self.replaced(rows[apart], values[apart]) if apart.any() else self

    def shares_with(self, other: Rows) -> bool:
        """Whether both share memory."""
        return self._buffer is other._buffer

    def _sharing(self, n: int, places: Ints, patches: NDArray[Any]) -> Rows:
        """Another moment in the same memory."""
        rows = Rows.__new__(Rows)
        rows._buffer, rows._n, rows._places, rows._patches = self._buffer, n, places, patches
        return rows


def copied(values: NDArray[Any], room: int) -> NDArray[Any]:
    """A copy with room for more rows. Nothing else copies whole arrays."""
    larger = np.empty((room, *values.shape[1:]), values.dtype)
    larger[: len(values)] = values
    return larger
