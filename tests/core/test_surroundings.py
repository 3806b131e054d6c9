from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from helamem.core import surroundings

if TYPE_CHECKING:
    from helamem.core.arrays import Floats, Ints

values_of = st.integers(1, 12).flatmap(
    lambda n: npst.arrays(np.float64, n, elements=st.floats(0, 10, width=32))
)


def chains(lengths: list[int]) -> tuple[Ints, Ints]:
    """The rows before and after each row, for sessions of these lengths laid one after the other."""
    previous, following = [], []
    start = 0
    for n in lengths:
        rows = list(range(start, start + n))
        previous += [-1, *rows[:-1]]
        following += [*rows[1:], -1]
        start += n
    return np.array(previous, np.int64), np.array(following, np.int64)


def naive_window_sum(
    values: Floats, lengths: list[int], *, ties: Floats, before: float, after: float, reach: int
) -> list[float]:
    bounds = list(pairwise(np.cumsum([0, *lengths])))
    out = []
    for start, end in bounds:
        for i in range(start, end):
            total = values[i]
            for j in range(start, end):
                if 0 < abs(i - j) <= reach:
                    share = (before if j < i else after) ** abs(i - j)
                    total += share * np.prod(ties[min(i, j) + 1 : max(i, j) + 1]) * values[j]
            out.append(total)
    return out


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 6),
    st.data(),
)
def test_window_sum_equals_the_naive_loop(
    lengths: list[int], before: float, after: float, reach: int, data: st.DataObject
) -> None:
    values = data.draw(npst.arrays(np.float64, sum(lengths), elements=st.floats(0, 10, width=32)))
    ties = data.draw(npst.arrays(np.float64, sum(lengths), elements=st.floats(0, 1, width=32)))
    previous, following = chains(lengths)

    def summed(rows: Ints | None = None) -> Floats:
        return surroundings.window_sum(
            values,
            previous,
            following,
            before=before,
            after=after,
            reach=reach,
            ties=ties,
            rows=rows,
        )

    actual = summed()

    np.testing.assert_allclose(
        actual,
        naive_window_sum(values, lengths, ties=ties, before=before, after=after, reach=reach),
        rtol=1e-9,
    )
    rows = np.array(data.draw(st.lists(st.integers(0, len(values) - 1), max_size=4)), np.int64)
    assert actual[rows].tolist() == summed(rows).tolist()


def test_window_sum_of_columns_is_the_window_sum_of_each_column() -> None:
    previous, following = chains([3])
    values = np.array([[1.0, 0.0], [0.0, 4.0], [0.0, 0.0]])

    actual = surroundings.window_sum(values, previous, following, before=0.5, after=0.25, reach=1)

    assert [[1.0, 1.0], [0.5, 4.0], [0.0, 2.0]] == actual.tolist()


def test_a_window_without_reach_is_the_turn_itself() -> None:
    previous, following = chains([2])

    actual = surroundings.window_sum(
        np.array([3.0, 5.0]), previous, following, before=0.5, after=0.5, reach=0
    )

    assert [3.0, 5.0] == actual.tolist()


def test_a_neighbor_that_is_no_row_is_refused() -> None:
    with pytest.raises(ValueError, match=r"following\[0\] is 7"):
        surroundings.window_sum(
            np.ones(2), np.array([-1, 0]), np.array([7, -1]), before=0.5, after=0.5, reach=1
        )


@given(values_of, st.data())
def test_group_max_equals_the_naive_loop(values: Floats, data: st.DataObject) -> None:
    groups = data.draw(npst.arrays(np.int64, len(values), elements=st.integers(-1, 3)))

    actual = surroundings.group_max(values, groups)

    expected = [
        value if mine < 0 else max(v for v, g in zip(values, groups, strict=True) if g == mine)
        for value, mine in zip(values, groups, strict=True)
    ]
    assert expected == actual.tolist()


@given(values_of, st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5)), max_size=4))
def test_proximity_equals_the_naive_loop(at: Floats, spans: list[tuple[float, float]]) -> None:
    starts = np.array([start for start, _ in spans])
    ends = np.array([start + length for start, length in spans])

    actual = surroundings.proximity(at, starts, ends, tau=2.0)

    expected = [
        max(
            [
                np.exp(-max(start - t, t - end, 0.0) / 2.0)
                for start, end in zip(starts, ends, strict=True)
            ],
            default=0.0,
        )
        for t in at
    ]
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_inside_an_interval_proximity_is_one_and_falls_outside() -> None:
    at = np.array([1.0, 3.0, 4.0, 8.0])

    actual = surroundings.proximity(at, np.array([2.0]), np.array([4.0]), tau=4.0)

    assert [pytest.approx(np.exp(-0.25)), 1.0, 1.0, pytest.approx(np.exp(-1.0))] == actual.tolist()


moments = st.lists(st.floats(-5, 5, width=16), max_size=8)


@given(
    moments,
    st.lists(st.tuples(st.floats(-5, 5, width=16), st.floats(-5, 5, width=16)), max_size=5),
    st.sampled_from([0, surroundings.FEW]),
)
def test_inside_equals_the_naive_loop(
    at: list[float], intervals: list[tuple[float, float]], few: int
) -> None:
    starts = np.array([start for start, _ in intervals])
    ends = np.array([end for _, end in intervals])

    expected = [any(start <= t < end for start, end in intervals) for t in at]

    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(surroundings, "FEW", few)
        assert expected == surroundings.inside(np.array(at), starts, ends).tolist()


def test_an_open_interval_reaches_without_end() -> None:
    at, starts, ends = np.array([-1e12, 0.0, 1e12]), np.array([0.0]), np.array([np.inf])

    assert [False, True, True] == surroundings.inside(at, starts, ends).tolist()


def test_each_interval_needs_both_ends() -> None:
    with pytest.raises(ValueError, match="ends"):
        surroundings.inside(np.zeros(1), np.zeros(2), np.zeros(1))
