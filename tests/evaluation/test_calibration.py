"""What tells answerable questions from others: the area under the curve, calibration, a fit; and the questions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.evaluation import calibration, unanswerable

SCORES = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
    lambda rows: len({positive for _, positive in rows}) == 2
)


@given(SCORES)
def test_the_area_is_how_often_a_positive_is_ahead(rows: list[tuple[int, bool]]) -> None:
    scores, positive = (np.array(column) for column in zip(*rows, strict=True))

    pairs = list(product(scores[positive], scores[~positive]))
    ahead = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)
    assert calibration.auroc(scores.astype(float), positive) == pytest.approx(ahead)


def test_calibration_by_hand() -> None:
    told = np.array([0.95, 0.95, 0.15, 0.15])
    positive = np.array([True, True, True, False])

    a_positive, a_negative = 1 / 6, 1 / 2
    upper, lower = 2 * a_positive * (0.95 - 1), a_positive * (0.15 - 1) + a_negative * 0.15
    expected = abs(upper) + abs(lower)
    assert calibration.calibration_error(told, positive) == pytest.approx(expected)


def test_a_fit_finds_the_model_that_drew_the_answers() -> None:
    rng = np.random.default_rng(0)
    signs = rng.normal(size=(20_000, 2))
    positive = rng.random(20_000) < 1 / (1 + np.exp(-(0.5 + signs @ [2.0, -1.0])))

    intercept, weights = calibration.fitted(signs, positive, np.ones(len(signs)))

    assert [intercept, *weights] == pytest.approx([0.5, 2.0, -1.0], abs=0.25)


def test_a_sign_that_never_changes_gets_no_weight() -> None:
    signs = np.array([[0.0, 3.0], [1.0, 3.0]])

    _, weights = calibration.fitted(signs, np.array([False, True]), np.ones(2))

    assert weights[0] > 0
    assert weights[1] == pytest.approx(0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What did Cy\u2019s sister tell Di?", "What did Ana's sister tell Ben?"),
        ("What did Ben tell Cy?", "What did Ben tell Ana?"),
        ("What is new?", "What is new?"),
    ],
)
def test_speakers_are_exchanged_for_those_of_the_memory(text: str, expected: str) -> None:
    exchanged = unanswerable.exchanged(text, ["Cy", "Di", "Ben"], ["Ana", "Ben"])

    assert expected == exchanged.replace("\u2019", "'")


def test_without_speakers_names_stay() -> None:
    assert "What did Cy do?" == unanswerable.exchanged("What did Cy do?", ["Cy"], [])
