from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from helamem.core import cues

if TYPE_CHECKING:
    from helamem.core.arrays import Floats, Ints

unit = st.floats(0, 1)
people = st.lists(st.sampled_from("abc"), max_size=3, unique=True)


@given(people, people)
def test_agreement_is_the_same_either_way(named: list[str], others: list[str]) -> None:
    assert cues.naming_factor(named, others) == cues.naming_factor(others, named)


@given(people)
def test_nothing_agrees_more_than_the_same_people(named: list[str]) -> None:
    assert cues.naming_factor(named, named) == 1.0


@pytest.mark.parametrize(
    ("named", "others", "expected"),
    [
        ("", "", 1.0),
        ("a", "", 0.9),
        ("a", "b", 0.6),
        ("ab", "a", 0.9),
        ("ab", "b", 0.6),
        ("ab", "ac", 0.6),
        ("ab", "ba", 0.6),
        ("abc", "acb", 1.0),
    ],
)
def test_agreement_by_hand(named: str, others: str, expected: float) -> None:
    assert cues.naming_factor(list(named), list(others)) == expected


similarities = npst.arrays(np.float64, st.integers(0, 6), elements=unit)
steps = st.floats(0.01, 1)


@given(similarities, unit, steps)
def test_recognition_equals_the_naive_loop(similarity: Floats, even: float, step: float) -> None:
    actual = cues.recognition(similarity, even=even, step=step)

    odds = [math.exp((s - even) / step) for s in similarity.tolist()]
    expected = [each / (1 + sum(odds)) for each in odds]
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


@given(similarities, unit, steps)
def test_what_is_recognized_and_what_is_not_add_up_to_one(
    similarity: Floats, even: float, step: float
) -> None:
    recognized = cues.recognition(similarity, even=even, step=step)

    none = 1 / (1 + sum(math.exp((s - even) / step) for s in similarity.tolist()))
    assert recognized.sum() + none == pytest.approx(1)


@given(unit, unit, steps)
def test_a_rival_takes_from_what_is_recognized(own: float, rival: float, step: float) -> None:
    alone = cues.recognition(np.array([own]), even=0.4, step=step)[0]
    beside = cues.recognition(np.array([own, rival]), even=0.4, step=step)[0]

    assert beside <= alone


def test_a_single_cue_is_as_likely_as_not_where_it_is_even() -> None:
    assert cues.recognition(np.array([0.4]), even=0.4, step=0.05).tolist() == [0.5]


def test_recognition_takes_any_similarity_without_overflow() -> None:
    extreme = cues.recognition(np.array([-1e9, 0.5, 1e9]), even=0.4, step=1e-3)

    assert extreme.tolist() == [0.0, 0.0, 1.0]


def test_a_step_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        cues.recognition(np.array([0.5]), even=0.4, step=0.0)


@given(npst.arrays(np.float64, 6, elements=unit), st.floats(0.01, 1), st.floats(0, 5))
def test_relative_similarity_equals_the_naive_loop(
    cosine: Floats, best: float, power: float
) -> None:
    actual = cues.relative_similarity(cosine, best, power=power)

    expected = [1.0 if s >= best else (s / best) ** power for s in cosine]
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_without_a_similar_memory_nothing_is_related() -> None:
    assert cues.relative_similarity(np.array([0.5]), 0.0, power=3).tolist() == [0.0]


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 4), unit), max_size=12))
def test_strongest_equals_the_naive_loop(n: int, bindings: list[tuple[int, float]]) -> None:
    bindings = [(target % n, amount) for target, amount in bindings]
    targets: Ints = np.array([target for target, _ in bindings], np.int64)
    amounts = np.array([amount for _, amount in bindings])

    actual = cues.strongest(targets, amounts, n)

    assert actual.tolist() == [
        max([amount for target, amount in bindings if target == i], default=0.0) for i in range(n)
    ]


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 4), unit), max_size=12))
def test_expected_equals_the_naive_loop(n: int, bindings: list[tuple[int, float]]) -> None:
    bindings = [(target % n, amount) for target, amount in bindings]
    targets: Ints = np.array([target for target, _ in bindings], np.int64)
    amounts = np.array([amount for _, amount in bindings])

    actual = cues.expected(targets, amounts, n)

    naive = [sum(amount for target, amount in bindings if target == i) for i in range(n)]
    np.testing.assert_allclose(actual, naive)


def test_cues_that_agree_do_not_add_up() -> None:
    once = cues.strongest(np.array([0]), np.array([0.4]), 1)
    often = cues.strongest(np.array([0, 0, 0]), np.array([0.4, 0.4, 0.4]), 1)

    assert once.tolist() == often.tolist()
