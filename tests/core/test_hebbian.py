from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import reference
from core.strategies import columns, floats, ints, rows, shares
from helamem.core.hebbian import (
    coactivated_pairs,
    decayed,
    gains,
    strengthened,
)

if TYPE_CHECKING:
    from helamem.core.arrays import Floats

node_sets = st.lists(st.integers(0, 30), max_size=8)
taus = st.floats(0.5, 1e6)
ages = st.floats(-100, 1e4)


@given(node_sets)
def test_coactivated_pairs_equal_the_naive_loop(nodes: list[int]) -> None:
    expected = [list(pair) for pair in combinations(sorted(set(nodes)), 2)]

    pairs = coactivated_pairs(ints(nodes))

    assert (len(expected), 2) == pairs.shape
    assert expected == pairs.tolist()


@given(node_sets, st.data())
def test_pairs_do_not_depend_on_order(nodes: list[int], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(nodes))

    assert coactivated_pairs(ints(nodes)).tolist() == coactivated_pairs(ints(shuffled)).tolist()


@given(columns(shares), shares)
def test_gains_equal_the_formula(activation: Floats, rate: float) -> None:
    pairs = coactivated_pairs(np.arange(len(activation)))
    a = activation.tolist()

    expected = [rate * a[i] * a[j] for i, j in pairs.tolist()]

    np.testing.assert_allclose(gains(activation, pairs, rate=rate), expected, rtol=1e-12)


@given(columns(shares), shares)
def test_gains_are_the_same_in_both_directions(activation: Floats, rate: float) -> None:
    pairs = coactivated_pairs(np.arange(len(activation)))

    np.testing.assert_allclose(
        gains(activation, pairs, rate=rate),
        gains(activation, pairs[:, ::-1], rate=rate),
        rtol=1e-12,
    )


def test_gains_of_equally_active_nodes_are_the_rate() -> None:
    assert [0.02] * 3 == gains(np.ones(3), coactivated_pairs(np.arange(3)), rate=0.02).tolist()


def test_gains_refuse_a_node_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"pairs\[1\] is 2, outside 0 .. 1"):
        gains(np.ones(2), np.array([[0, 2]]), rate=0.1)


@given(st.data(), taus, shares)
def test_decay_equals_the_formula(data: st.DataObject, tau: float, floor: float) -> None:
    weights = data.draw(columns(shares))
    age = data.draw(rows(len(weights), ages))
    expected = [
        reference.decayed(w, a, tau, floor)
        for w, a in zip(weights.tolist(), age.tolist(), strict=True)
    ]

    np.testing.assert_allclose(decayed(weights, age, tau=tau, floor=floor), expected, rtol=1e-12)


@given(columns(shares), st.floats(0, 1e3), st.floats(0, 1e3), st.floats(1, 1e3))
def test_fading_twice_is_fading_for_twice_as_long(
    weights: Floats, first: float, second: float, tau: float
) -> None:
    def faded(values: Floats, age: float) -> Floats:
        return decayed(values, np.full(len(values), age), tau=tau, floor=0.0)

    np.testing.assert_allclose(
        faded(faded(weights, first), second), faded(weights, first + second), rtol=1e-9, atol=1e-300
    )


@given(columns(shares), ages, st.floats(0, 1e4), taus, shares)
def test_time_never_strengthens(
    weights: Floats, age: float, longer: float, tau: float, floor: float
) -> None:
    now = decayed(weights, np.full(len(weights), age), tau=tau, floor=floor)
    later = decayed(weights, np.full(len(weights), age + longer), tau=tau, floor=floor)

    assert (later <= now).all()
    assert (now <= weights).all()


@given(columns(shares), ages)
def test_without_decay_weights_above_the_floor_stay(weights: Floats, age: float) -> None:
    left = decayed(weights, np.full(len(weights), age), tau=math.inf, floor=0.0)

    assert weights.tolist() == left.tolist()


def test_a_weight_at_the_floor_stays_and_one_below_goes() -> None:
    left = decayed(floats([0.01, 0.0099, 0.5]), np.zeros(3), tau=1.0, floor=0.01)

    assert [0.01, 0.0, 0.5] == left.tolist()


def test_decay_by_hand() -> None:
    left = decayed(floats([0.8, 0.8]), floats([math.log(2), -5.0]), tau=1.0, floor=0.0)

    assert [pytest.approx(0.4), 0.8] == left.tolist()


@pytest.mark.parametrize("tau", [0.0, -1.0, math.nan])
def test_a_decay_time_that_is_none_is_refused(tau: float) -> None:
    with pytest.raises(ValueError, match=f"tau is {tau}"):
        decayed(floats([1]), floats([1]), tau=tau, floor=0.0)


def keeping(share: float) -> float:
    """The decay time of a weight that keeps a share of itself in each unit of time."""
    return math.inf if share == 1 else -1 / math.log(share)


@given(st.floats(0.01, 1), st.integers(0, 20), columns(shares))
def test_decay_keeps_the_same_share_each_time(keep: float, times: int, weights: Floats) -> None:
    expected = weights.copy()
    for _ in range(times):
        expected = keep * expected

    actual = decayed(weights, np.full(len(weights), times), tau=keeping(keep), floor=0.0)

    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-300)


@st.composite
def lessons(draw: st.DrawFn) -> tuple[Floats, Floats]:
    weights = draw(columns(shares))
    return weights, draw(rows(len(weights), shares))


@given(lessons(), shares, st.floats(1, 2))
def test_strengthening_equals_the_formula(
    lesson: tuple[Floats, Floats], saturation: float, ceiling: float
) -> None:
    weights, gain = lesson
    expected = [
        reference.strengthened(w, g, saturation, ceiling)
        for w, g in zip(weights.tolist(), gain.tolist(), strict=True)
    ]

    actual = strengthened(weights, gain, saturation=saturation, ceiling=ceiling)

    np.testing.assert_allclose(actual, expected, rtol=1e-12)


@given(lessons(), shares)
def test_weights_grow_and_stay_below_the_ceiling(
    lesson: tuple[Floats, Floats], saturation: float
) -> None:
    weights, gain = lesson

    grown = strengthened(weights, gain, saturation=saturation, ceiling=1.0)

    assert (grown >= weights).all()
    assert (grown <= 1).all()


@given(lessons(), st.floats(0, 1))
def test_lessons_with_full_saturation_may_come_in_any_order(
    lesson: tuple[Floats, Floats], other: float
) -> None:
    weights, gain = lesson

    def after(values: Floats, gained: Floats) -> Floats:
        return strengthened(values, gained, saturation=1.0, ceiling=1.0)

    others = np.full(len(weights), other)
    np.testing.assert_allclose(
        after(after(weights, gain), others), after(after(weights, others), gain), rtol=1e-9
    )


def test_a_saturated_gain_takes_its_share_of_what_is_missing() -> None:
    grown = strengthened(floats([0, 0.5, 1]), floats([0.3] * 3), saturation=1.0, ceiling=1.0)

    assert [0.3, 0.65, 1.0] == grown.tolist()


def test_the_papers_update_by_hand() -> None:
    # keep 0.995 and eta 0.02: 0.5 becomes 0.4975 + 0.02, and nothing passes 1.
    faded = decayed(floats([0.5, 1.0]), np.ones(2), tau=keeping(0.995), floor=0.01)

    grown = strengthened(faded, np.full(2, 0.02), saturation=0.0, ceiling=1.0)

    assert [pytest.approx(0.5175), 1.0] == grown.tolist()
