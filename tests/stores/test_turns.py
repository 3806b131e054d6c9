"""How turns follow each other, kept up as they are added: the same as from all of them at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helamem.stores.sqlite.turns import Turns

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


@given(
    st.lists(SESSIONS, max_size=12),
    st.lists(st.tuples(st.integers(0, 9), st.lists(SESSIONS, max_size=4)), max_size=8),
)
def test_each_moment_has_its_own_neighbors(
    first: list[int], steps: list[tuple[int, list[int]]]
) -> None:
    def followed(turns: Turns, sessions: list[int]) -> Turns:
        ids = np.arange(len(sessions), dtype=np.int64)
        return turns.followed_by(ids, ids, np.array(sessions, np.int64))

    ids = np.arange(len(first), dtype=np.int64)
    moments = [(Turns.of(ids, ids, np.array(first, np.int64)), first)]
    for (
        which,
        added,
    ) in steps:  # some moments are followed by several, as after a failed transaction
        turns, sessions = moments[which % len(moments)]
        moments.append((followed(turns, sessions + added), sessions + added))

    for turns, sessions in moments:
        assert naive(sessions) == neighbors(turns, len(sessions))


def test_a_turn_may_take_the_place_of_another() -> None:
    ids, sessions = np.array([10, 20, 30]), np.array([1, 1, 1])
    turns = Turns.of(ids, ids, sessions)

    corrected = turns.followed_by(
        np.array([10, 20, 30, 40]), np.array([10, 20, 30, 20]), np.array([1, -1, 1, 1])
    )

    assert ([-1, -1, 3, 0], [3, -1, -1, 2]) == neighbors(corrected, 4)
