"""How turns follow each other, kept up as they are added: the same as from all of them at once."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helamem.stores.growing import Rows
from helamem.stores.sqlite.turns import Placed, Turns

SESSIONS = st.integers(-1, 3)


def neighbors(turns: Turns, n: int) -> tuple[list[int], list[int]]:
    rows = np.arange(n)
    return turns.before(rows).tolist(), turns.after(rows).tolist()


def naive(sessions: list[int]) -> tuple[list[int], list[int]]:
    """The nearest row of the same session on either side."""
    n = len(sessions)
    same = [
        [j for j in range(n) if sessions[j] == sessions[i] and sessions[i] >= 0] for i in range(n)
    ]
    return (
        [max((j for j in same[i] if j < i), default=-1) for i in range(n)],
        [min((j for j in same[i] if j > i), default=-1) for i in range(n)],
    )


def placed(sessions: list[int]) -> Placed:
    ids = np.arange(len(sessions), dtype=np.int64)
    return Placed(ids, ids, np.array(sessions, np.int32))


@given(
    st.lists(SESSIONS, max_size=12),
    st.lists(st.tuples(st.integers(0, 9), st.lists(SESSIONS, max_size=4)), max_size=8),
)
def test_each_moment_has_its_own_neighbors(
    first: list[int], steps: list[tuple[int, list[int]]]
) -> None:
    moments = [(Turns.of(placed(first)), first)]
    for (
        which,
        added,
    ) in steps:  # some moments are followed by several, as after a failed transaction
        turns, sessions = moments[which % len(moments)]
        everything = Rows(np.array(sessions + added, np.int32))
        newer = np.array(added, np.int32)
        moments.append((turns.followed_by(newer, everything), sessions + added))

    for turns, sessions in moments:
        assert naive(sessions) == neighbors(turns, len(sessions))


@given(
    st.lists(SESSIONS, min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 11), SESSIONS), max_size=12),
)
def test_turns_leave_and_enter_sessions(
    first: list[int], steps: list[tuple[int, int, int]]
) -> None:
    """Some moments are followed by one in which a turn moves, others by one with another turn."""
    moments = [(Turns.of(placed(first)), first)]
    for which, row, session in steps:
        turns, sessions = moments[which % len(moments)]
        if row < len(sessions):
            now = [*sessions[:row], session, *sessions[row + 1 :]]
            was, moved = np.array([sessions[row]]), np.array([row])
            later = turns.moved(moved, was, np.array([session]), partial(placed, now))
        else:
            now = [*sessions, session]
            later = turns.followed_by(np.array([session], np.int32), Rows(np.array(now, np.int32)))
        moments.append((later, now))

    for turns, sessions in moments:
        assert naive(sessions) == neighbors(turns, len(sessions))


def test_a_turn_may_take_the_place_of_another() -> None:
    ids, sessions = np.array([10, 20, 30]), np.array([1, 1, 1], np.int32)
    turns = Turns.of(Placed(ids, ids, sessions))

    replaced = Placed(
        np.array([10, 20, 30, 40]), np.array([10, 20, 30, 20]), np.array([1, -1, 1, 1], np.int32)
    )
    corrected = turns.followed_by(np.array([-1], np.int32), Rows(replaced.sessions)).moved(
        np.array([1, 3]), np.array([1, -1]), np.array([-1, 1]), lambda: replaced
    )

    assert ([-1, -1, 3, 0], [3, -1, -1, 2]) == neighbors(corrected, 4)
