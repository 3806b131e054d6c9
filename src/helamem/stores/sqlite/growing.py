"""Arrays that grow at their end without being copied each time, while others still read their beginning."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MORE = 1.5  # how much larger a new buffer is than what was there


class _Buffer:
    """An array of which a beginning is filled."""

    def __init__(self, values: NDArray[Any], n_filled: int) -> None:
        self.values = values
        self._n_filled = n_filled
        self._lock = threading.Lock()

    def claims(self, begin: int, end: int) -> bool:
        """Take the places from `begin` to `end`, unless they are taken or there are none."""
        with self._lock:
            if self._n_filled != begin or end > len(self.values):
                return False
            self._n_filled = end
            return True


class Rows:
    """An array as of one moment; a later moment is another one, which may share its memory.

    What is appended goes behind it in place if nobody else has appended to it; otherwise it is copied.
    """

    __slots__ = ("_buffer", "values")

    def __init__(self, values: NDArray[Any], *, room: int = 0) -> None:
        n = len(values)
        buffer = values
        if room > n:
            buffer = np.empty((room, *values.shape[1:]), values.dtype)
            buffer[:n] = values
        self._buffer = _Buffer(buffer, n)
        self.values = buffer[:n]

    @property
    def n_bytes(self) -> int:
        """The memory that it takes, with room for more."""
        return int(self._buffer.values.nbytes)

    def followed_by(self, added: NDArray[Any]) -> Rows:
        """These rows, then the added ones; those of this moment stay as they are."""
        n = len(self.values)
        end = n + len(added)
        if not self._buffer.claims(n, end):
            return Rows(self.values, room=max(end, int(MORE * n))).followed_by(added)
        self._buffer.values[n:end] = added
        grown = Rows.__new__(Rows)
        grown._buffer = self._buffer
        grown.values = self._buffer.values[:end]
        return grown

    def shares_with(self, other: Rows) -> bool:
        """Whether both lie in the same memory."""
        return self._buffer is other._buffer
