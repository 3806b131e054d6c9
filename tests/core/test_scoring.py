from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import reference
from core.strategies import bools, columns, eighths, floats, rows
from helamem.core.scoring import dual_path, recency

if TYPE_CHECKING:
    from helamem.core.arrays import Floats

DAY_S = 86_400.0
ages = st.floats(-1e6, 1e8)
taus = st.floats(1.0, 1e9)
ks = st.integers(0, 10)


@given(columns(ages), taus)
def test_recency_equals_the_formula(age: Floats, tau: float) -> None:
    expected = [reference.recency(each, tau) for each in age.tolist()]

    np.testing.assert_allclose(recency(age, tau), expected, rtol=1e-12)


@given(ages, st.floats(0, 1e7), taus)
def test_recency_never_rises_with_age(age: float, older_by: float, tau: float) -> None:
    newer, older = recency(floats([age, age + older_by]), tau)

    assert 0 <= older <= newer <= 1


@given(st.floats(0, 1e8), st.floats(DAY_S, 1e9))
def test_a_month_makes_a_difference(age: float, tau: float) -> None:
    newer, older = recency(floats([age, age + 30 * DAY_S]), tau)

    assert older < newer or newer < 1e-300


def test_after_tau_a_third_is_left() -> None:
    left = recency(floats([0, 60 * DAY_S, 120 * DAY_S]), 60 * DAY_S)

    assert [1.0, pytest.approx(1 / math.e), pytest.approx(1 / math.e**2)] == left.tolist()


@given(columns(ages))
def test_an_infinite_tau_forgets_nothing(age: Floats) -> None:
    assert [1.0] * len(age) == recency(age, math.inf).tolist()


@pytest.mark.parametrize("tau", [0.0, -1.0, math.nan])
def test_a_tau_that_is_no_time_is_refused(tau: float) -> None:
    with pytest.raises(ValueError, match=f"tau is {tau}"):
        recency(floats([1]), tau)


@st.composite
def two_scores(draw: st.DrawFn) -> tuple[Floats, Floats, list[bool]]:
    direct = draw(columns(eighths))
    n = len(direct)
    total = draw(rows(n, eighths))
    return direct, total, draw(st.lists(st.booleans(), min_size=n, max_size=n))


@given(two_scores(), ks, ks)
def test_dual_path_equals_the_naive_loop(
    scores: tuple[Floats, Floats, list[bool]], k: int, m: int
) -> None:
    direct, total, eligible = scores
    expected = reference.dual_path(direct.tolist(), total.tolist(), k, m, eligible)

    actual = dual_path(direct, total, k=k, m=m, eligible=bools(eligible))

    assert expected == tuple(path.tolist() for path in actual)


@given(two_scores(), ks, ks)
def test_the_associative_path_displaces_nothing(
    scores: tuple[Floats, Floats, list[bool]], k: int, m: int
) -> None:
    base, total, eligible = scores

    direct, associative = dual_path(base, total, k=k, m=m, eligible=bools(eligible))
    alone, _ = dual_path(base, total, k=k, m=0, eligible=bools(eligible))

    assert alone.tolist() == direct.tolist()
    assert not set(direct.tolist()) & set(associative.tolist())
    assert len(associative) <= m
    assert all(eligible[i] for i in associative.tolist())


def test_what_the_graph_lifts_comes_in_by_the_associative_path() -> None:
    base = floats([0.9, 0.8, 0.1, 0.2, 0.3])
    total = floats([0.9, 0.8, 0.7, 0.6, 0.3])

    direct, associative = dual_path(
        base, total, k=2, m=5, eligible=bools([True, True, True, True, False])
    )

    assert [0, 1] == direct.tolist()
    assert [2, 3] == associative.tolist()


def test_dual_path_refuses_another_length() -> None:
    with pytest.raises(ValueError, match="total_scores has 1 rows, but there are 2"):
        dual_path(np.ones(2), np.ones(1), k=1, m=1, eligible=bools([True, True]))
    with pytest.raises(ValueError, match="eligible has 1 rows, but there are 2"):
        dual_path(np.ones(2), np.ones(2), k=1, m=1, eligible=bools([True]))
