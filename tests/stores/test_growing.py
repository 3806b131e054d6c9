"""Arrays that grow in place: every moment keeps its own values, whoever appends to it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helamem.stores.sqlite.growing import Rows


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=30))
def test_each_moment_stays_as_it_was(steps: list[tuple[int, int]]) -> None:
    moments = [(Rows(np.arange(3)), [0, 1, 2])]
    for i, (which, n) in enumerate(steps):
        rows, values = moments[which % len(moments)]
        added = [100 * i + j for j in range(n)]
        moments.append((rows.followed_by(np.array(added, np.int64)), [*values, *added]))

    for rows, values in moments:
        assert values == rows.values.tolist()


def test_who_appends_to_the_newest_copies_seldom() -> None:
    rows = Rows(np.zeros((0, 4), np.float32))
    n_copies = 0
    for i in range(1000):
        grown = rows.followed_by(np.full((1, 4), i, np.float32))
        n_copies += not grown.shares_with(rows)
        rows = grown

    assert (1000, 4) == rows.values.shape
    assert n_copies < 20
    assert rows.n_bytes <= 1.5 * 1000 * 16


def test_two_who_append_to_one_moment_do_not_share() -> None:
    rows = Rows(np.arange(2), room=10)

    one, other = rows.followed_by(np.array([7])), rows.followed_by(np.array([8]))

    assert one.shares_with(rows)
    assert not other.shares_with(rows)
    assert ([0, 1, 7], [0, 1, 8]) == (one.values.tolist(), other.values.tolist())
