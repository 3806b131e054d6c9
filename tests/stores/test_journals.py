"""What the journals of all stores compute."""

from __future__ import annotations

import numpy as np
import pytest

from helamem.stores import journals
from helamem.testing import samples


def test_pairs_that_grow_are_named_once_with_the_lower_id_first() -> None:
    found = journals.gains_of([(2, 1), (3, 4)], np.array([0.5, 0.0]), [(9, 5)], np.array([0.25]))

    assert {(1, 2): 0.5, (5, 9): 0.25} == found


def test_a_pair_that_grows_and_is_weakened_is_one_change() -> None:
    lesson = samples.lesson(weakened=[(2, 1), (7, 3)])

    assert [(1, 2, 0.5, lesson.keep), (3, 7, 0.0, lesson.keep), (5, 9, 0.25, 1.0)] == (
        journals.changes(lesson, {(1, 2): 0.5, (5, 9): 0.25})
    )


@pytest.mark.parametrize(
    ("number", "lessons", "undone", "expected"),
    [(3, 3, {3}, 2), (3, 3, {2, 3}, 1), (2, 3, {2}, 3), (1, 1, {1}, 0), (3, 3, {1, 3}, 2)],
)
def test_the_clock_goes_back_past_what_is_undone_at_the_end(
    number: int, lessons: int, undone: set[int], expected: int
) -> None:
    assert expected == journals.clock_without(number, lessons, undone)
