"""Arrays that grow in place: every moment keeps its own values, whoever appends to it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helamem.protocols import located
from helamem.stores import growing
from helamem.stores.growing import Rows

if TYPE_CHECKING:
    import pytest


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5), st.booleans()), max_size=30),
    st.sampled_from([1, 3, 1024]),
)
def test_each_moment_stays_as_it_was(steps: list[tuple[int, int, bool]], most: int) -> None:
    moments = [(Rows(np.arange(3)), [0, 1, 2])]
    with patch.object(growing, "MOST_PATCHES", most):
        for i, (which, n, is_added) in enumerate(steps):
            rows, values = moments[which % len(moments)]
            new = [100 * i + j for j in range(n)]
            if is_added:
                moments.append((rows.followed_by(np.array(new, np.int64)), [*values, *new]))
            else:
                places = [(7 * i + j) % len(values) for j in range(min(n, len(values)))]
                moments.append((replaced(rows, places, new), changed(values, places, new)))

    table = np.arange(10_000) % 7 == 3
    for rows, values in moments:
        everywhere = np.arange(len(values))
        assert values == rows.values.tolist() == rows.at(everywhere).tolist()
        assert [value % 7 == 3 for value in values] == rows.looked_up(table).tolist()


def replaced(rows: Rows, places: list[int], values: list[int]) -> Rows:
    new = values[: len(places)]
    return rows.replaced(np.array(places, np.int64), np.array(new, np.int64))


def changed(values: list[int], places: list[int], new: list[int]) -> list[int]:
    made = list(values)
    for place, value in zip(places, new, strict=False):
        made[place] = value
    return made


def test_a_change_copies_nothing_but_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an array is copied")

    rows = Rows(np.zeros(100_000), room=100_001)
    monkeypatch.setattr(growing, "copied", refuse)
    for i in range(1000):
        rows = rows.replaced(np.array([7 * i]), np.array([1.0])).amended(
            np.array([7 * i + 1]), np.array([2.0])
        )

    rows.followed_by(np.array([3.0]))
    assert [1.0, 2.0, 0.0] == rows.at(np.array([700, 701, 702])).tolist()


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


@given(st.sets(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9), max_size=9), st.integers(0, 9))
def test_ids_are_located_with_gaps_and_without(ids: set[int], wanted: int) -> None:
    known = sorted(ids)

    found = located(np.array(known, np.int64), np.array([wanted, *known], np.int64))

    assert [known.index(wanted) if wanted in ids else -1, *range(len(known))] == found.tolist()
