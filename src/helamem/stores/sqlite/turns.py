"""How turns follow each other in their sessions: for each row the one before it and the one after it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from helamem.frozen import dataclass
from helamem.stores.growing import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from helamem.protocols import Ints

Numbers: TypeAlias = "NDArray[np.integer[Any]]"  # 32 bits are enough for rows and sessions

NONE = -1  # no row, and no session


@dataclass(frozen=True, slots=True)
class Placed:
    """The columns that decide how turns follow each other.

    Attributes:
        places: The order of turns within a session; ties by id.
        sessions: The number of each turn's session; -1 for none.
    """

    ids: Ints
    places: Ints
    sessions: Numbers

    def order(self) -> Ints:
        """The rows in order, session by session."""
        return np.lexsort((self.ids, self.places, self.sessions))


class Turns:
    """The links between turns at one moment; other moments share memory with it.

    A row may point to a later one that this moment does not have; for this moment, nothing follows it.
    """

    def __init__(self, before: Rows, after: Rows, ends: Ends) -> None:
        self._before = before
        self._after = after
        self._ends = ends

    @classmethod
    def of(cls, placed: Placed, room: int = 0) -> Turns:
        """Turns from the columns of all rows."""
        order, n = placed.order(), len(placed.ids)
        follow = _same_session(placed.sessions[order])
        before, after = np.full(n, NONE, np.int32), np.full(n, NONE, np.int32)
        before[order[1:][follow]] = order[:-1][follow]
        after[order[:-1][follow]] = order[1:][follow]
        return cls(Rows(before, room=room), Rows(after, room=room), Ends(None))

    @property
    def n_bytes(self) -> int:
        """Their size in RAM."""
        return self._before.n_bytes + self._after.n_bytes

    def before(self, rows: Ints) -> Ints:
        """The row before each of these; -1 for none."""
        return self._beside(self._before, rows)

    def after(self, rows: Ints) -> Ints:
        """The row after each of these; -1 for none."""
        return self._beside(self._after, rows)

    def _beside(self, links: Rows, rows: Ints) -> Ints:
        if not len(links):
            return np.zeros(0, np.int64)
        found = np.where(rows >= 0, links.at(rows), NONE)
        return np.where(found < len(links), found, NONE).astype(np.int64)

    def followed_by(self, newer: Numbers, sessions: Rows) -> Turns:
        """Turns of a later moment with newer ones, each at the end of its session.

        Args:
            newer: The sessions of the newer rows.
            sessions: Those of all rows.
        """
        n = len(self._before)
        last = self._last(sessions)
        before = np.full(len(newer), NONE, np.int32)
        after, followed = before.copy(), {}
        for row, session in enumerate(newer.tolist()):
            if session != NONE:
                previous = last.get(session, NONE)
                before[row], last[session] = previous, n + row
                if previous >= n:
                    after[previous - n] = n + row
                elif previous != NONE:
                    followed[previous] = n + row
        return Turns(self._before.followed_by(before), self._followed(after, followed), Ends(last))

    def _followed(self, added: Numbers, followed: dict[int, int]) -> Rows:
        """The links to the next row, with added rows at the end, to which some of the old ones now point."""
        after = self._after.followed_by(added)
        if not after.shares_with(self._after):  # others may have let it point to turns of their own
            n = len(self._after)
            theirs = np.flatnonzero(after.values[:n] >= n)
            after = after.amended(theirs, np.full(len(theirs), NONE, np.int32))
        rows, values = (
            np.array(list(followed), np.int64),
            np.array(list(followed.values()), np.int32),
        )
        return after.amended(rows, values)

    def moved(self, rows: Ints, was: Numbers, now: Numbers, placed: Callable[[], Placed]) -> Turns:
        """Turns of a later moment in which some rows have left a session or entered one.

        Args:
            rows: These rows.
            was: The sessions that they left; -1 for none.
            now: The sessions that they entered; -1 for none.
            placed: Returns the columns of all rows now; called only if a session was entered.
        """
        links = _Links(self, self._ends.taken())
        for row, session in zip(rows.tolist(), was.tolist(), strict=True):
            if session != NONE:
                links.take_out(row, session)
        entered = np.unique(now[now != NONE])
        if len(entered):
            everywhere = placed()
            links.order(everywhere, np.flatnonzero(np.isin(everywhere.sessions, entered)))
        return Turns(*links.rows(), Ends(links.last))

    def _last(self, sessions: Rows) -> dict[int, int]:
        """The last row of each session."""
        last = self._ends.taken()
        if last is None:
            known = sessions.values[: len(self._before)]
            is_last = self.after(np.arange(len(known))) == NONE
            ends = np.flatnonzero(is_last & (known != NONE))
            last = dict(zip(known[ends].tolist(), ends.tolist(), strict=True))
        return last


class _Links:
    """The links of the next moment, while they are changed."""

    def __init__(self, turns: Turns, last: dict[int, int] | None) -> None:
        self._turns = turns
        self._changed: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.last = last

    def take_out(self, row: int, session: int) -> None:
        """Link the row before a row with the row after it."""
        before, after = self._at(0, row), self._at(1, row)
        self._link(before, after)
        self._changed[0][row] = self._changed[1][row] = NONE
        if self.last is not None and self.last.get(session) == row:
            if before == NONE:
                del self.last[session]
            else:
                self.last[session] = before

    def order(self, placed: Placed, rows: Ints) -> None:
        """Link the rows of whole sessions anew."""
        chosen = Placed(placed.ids[rows], placed.places[rows], placed.sessions[rows])
        order = chosen.order()
        ordered, sessions = rows[order].tolist(), chosen.sessions[order].tolist()
        previous, of = NONE, NONE
        for row, session in zip(ordered, sessions, strict=True):
            self._changed[0][row] = NONE
            if session == of:
                self._link(previous, row)
            previous, of = row, session
            self._changed[1][row] = NONE
            if self.last is not None:
                self.last[session] = row

    def rows(self) -> tuple[Rows, Rows]:
        """The changed links: to the row before each, and to the row after it."""
        before, after = (
            links.replaced(np.array(list(changed), np.int64), np.array(list(changed.values())))
            for links, changed in zip(
                (self._turns._before, self._turns._after), self._changed, strict=True
            )
        )
        return before, after

    def _at(self, side: int, row: int) -> int:
        if row in self._changed[side]:
            return self._changed[side][row]
        beside = (self._turns.before, self._turns.after)[side]
        return int(beside(np.array([row]))[0])

    def _link(self, before: int, after: int) -> None:
        if before != NONE:
            self._changed[1][before] = after
        if after != NONE:
            self._changed[0][after] = before


class Ends:
    """The last row of each session, for the first that makes a next moment."""

    def __init__(self, last: dict[int, int] | None) -> None:
        self._last = last
        self._lock = threading.Lock()

    def taken(self) -> dict[int, int] | None:
        """Take the dictionary; None if it was taken before, or never made."""
        with self._lock:
            last, self._last = self._last, None
            return last


def _same_session(sessions: Numbers) -> Ints:
    """The places of rows whose next row is of the same session."""
    found: Ints = np.flatnonzero((sessions[1:] == sessions[:-1]) & (sessions[1:] != NONE))
    return found
