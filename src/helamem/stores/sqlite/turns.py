"""How turns follow each other in their sessions: for each row the one before it and the one after it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from helamem.stores.sqlite.growing import Rows

if TYPE_CHECKING:
    from helamem.protocols import Ints

NONE = -1  # no row, and no session


class Turns:
    """The turns of one moment; those of a later moment share memory with them where turns were only added.

    A row may point to one that came after this moment. It has none after it then, for this moment.
    """

    def __init__(self, before: Rows, after: Rows, ends: Ends) -> None:
        self._before = before
        self._after = after
        self._ends = ends

    @classmethod
    def of(cls, ids: Ints, places: Ints, sessions: Ints) -> Turns:
        """From the columns of all rows.

        Args:
            ids: Ascending.
            places: By what turns follow each other within a session, where it is the same by id.
            sessions: Which session each belongs to; -1 for none.
        """
        order = np.lexsort((ids, places, sessions))
        follow = (sessions[order[1:]] == sessions[order[:-1]]) & (sessions[order[1:]] != NONE)
        before, after = np.full(len(ids), NONE), np.full(len(ids), NONE)
        before[order[1:][follow]] = order[:-1][follow]
        after[order[:-1][follow]] = order[1:][follow]
        return cls(Rows(before), Rows(after), Ends(len(ids), None))

    @property
    def n_bytes(self) -> int:
        """How much RAM they take."""
        return self._before.n_bytes + self._after.n_bytes

    def before(self, rows: Ints) -> Ints:
        """The row before each; -1 where there is none."""
        return self._beside(self._before.values, rows)

    def after(self, rows: Ints) -> Ints:
        """The row after each; -1 where there is none."""
        return self._beside(self._after.values, rows)

    def _beside(self, links: Ints, rows: Ints) -> Ints:
        if not len(links):
            return np.zeros(0, np.int64)
        return self._known(np.where(rows >= 0, links[rows], NONE))

    def _known(self, rows: Ints) -> Ints:
        return np.where(rows < len(self._before.values), rows, NONE)

    def followed_by(self, ids: Ints, places: Ints, sessions: Ints) -> Turns:
        """These turns and newer ones.

        Args:
            ids, places, sessions: The columns of all rows; see `of`.
        """
        n, added = len(self._before.values), slice(len(self._before.values), None)
        if len(ids) > 2 * n or not np.array_equal(ids[added], places[added]):
            return Turns.of(ids, places, sessions)
        last = self._ends.taken(n)
        if last is None:
            ends = np.flatnonzero((self.after(np.arange(n)) == NONE) & (sessions[:n] != NONE))
            last = dict(zip(sessions[ends].tolist(), ends.tolist(), strict=True))
        none = np.full(len(ids) - n, NONE)
        before, after = self._before.followed_by(none), self._after.followed_by(none)
        if not after.shares_with(self._after):  # others may have let it point to turns of their own
            after.values[:n] = self._known(after.values[:n])
        for row, session in enumerate(sessions[added].tolist(), n):
            if session != NONE:
                if session in last:
                    before.values[row], after.values[last[session]] = last[session], row
                last[session] = row
        return Turns(before, after, Ends(len(ids), last))


class Ends:
    """The last row of each session, for whoever appends first to the moment that they are of."""

    def __init__(self, n: int, last: dict[int, int] | None) -> None:
        self._n = n
        self._last = last
        self._lock = threading.Lock()

    def taken(self, n: int) -> dict[int, int] | None:
        """Take them; None where they have been taken, or nobody has looked for them yet."""
        with self._lock:
            last, self._last = self._last if self._n == n else None, None
            return last
