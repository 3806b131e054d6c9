from __future__ import annotations

import pytest

from core.strategies import floats, ints
from helamem.core.arrays import check_amounts, check_indices, check_length, sums


def test_sums_add_up_what_has_the_same_index() -> None:
    assert [4.0, 0.0, 3.0] == sums(ints([0, 2, 0]), floats([1, 3, 3]), 3).tolist()


def test_sums_of_nothing_are_zeros() -> None:
    totals = sums(ints([]), floats([]), 2)

    assert [0.0, 0.0] == totals.tolist()
    assert "float64" == totals.dtype.name


def test_another_length_is_refused_with_both_numbers() -> None:
    check_length("weights", floats([1, 2]), 2)
    with pytest.raises(ValueError, match="weights has 2 rows, but there are 3"):
        check_length("weights", floats([1, 2]), 3)


def test_an_index_outside_is_refused_by_its_place() -> None:
    check_indices("nodes", ints([-1, 2]), 3, lowest=-1)
    with pytest.raises(ValueError, match=r"nodes\[1\] is 3, outside 0 .. 2"):
        check_indices("nodes", ints([0, 3]), 3)
    with pytest.raises(ValueError, match=r"nodes\[0\] is -1, outside 0 .. 2"):
        check_indices("nodes", ints([-1, 0]), 3)


@pytest.mark.parametrize("amount", [-0.5, float("inf"), float("nan")])
def test_an_amount_that_is_none_is_refused_by_its_place(amount: float) -> None:
    check_amounts("weights", floats([0, 1]))
    with pytest.raises(ValueError, match=rf"weights\[1\] is {amount}"):
        check_amounts("weights", floats([0, amount]))
