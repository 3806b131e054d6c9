"""Array types of the core, and checks of arguments.

Rows are nodes with local indices 0 .. n-1, which the caller maps to ids. Arguments may be of any
float width; results are float64, except where a function says that it keeps the width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats: TypeAlias = NDArray[np.floating]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]


def real_numbers(values: object) -> Floats | None:
    """Anything like an array of real numbers as float32; None if it is something else.

    >>> real_numbers([1, 2.5]), real_numbers("12"), real_numbers([[1.0], [1.0, 2.0]])
    (array([1. , 2.5], dtype=float32), None, None)
    """
    try:
        found = np.asarray(values)
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinity
            return found.astype(np.float32) if found.dtype.kind in "biuf" else None
    except (TypeError, ValueError, OverflowError):
        return None


def distinct(*several: Ints) -> Ints:
    """The values of some arrays, ascending, each once.

    `np.unique` and `np.union1d` do the same, but take longer on the few hundred ids of a search, and the first call
    imports `numpy.ma`.

    >>> distinct(np.array([3, 1]), np.array([1, 2])).tolist()
    [1, 2, 3]
    """
    ordered = np.sort(np.concatenate([np.empty(0, np.int64), *several]))
    is_first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return ordered[is_first]


def batches(ids: Ints, size: int) -> Iterator[Ints]:
    """The ids in pieces of at most `size`.

    >>> [each.tolist() for each in batches(np.array([3, 5, 8]), 2)]
    [[3, 5], [8]]
    """
    return (ids[start : start + size] for start in range(0, len(ids), size))


def sums(indices: Ints, amounts: Floats, n: int) -> Floats:
    """The sum of the amounts at each of the indices 0 .. n-1, added in their order; shape (n,)."""
    return np.bincount(indices, weights=amounts, minlength=n).astype(np.float64, copy=False)


def check_length(name: str, array: Floats | Ints | Bools, expected: int) -> None:
    """Refuse an array that does not have one row per node.

    Raises:
        ValueError: The lengths differ.
    """
    if len(array) != expected:
        raise ValueError(f"{name} has {len(array)} rows, but there are {expected}")


def check_indices(name: str, indices: Ints, n: int, *, lowest: int = 0) -> None:
    """Refuse indices that do not name a node, since NumPy would take negative ones from the end.

    Raises:
        ValueError: An index is below `lowest`, or not below `n`.
    """
    outside = np.flatnonzero((indices < lowest) | (indices >= n))
    if outside.size:
        first = int(outside[0])
        raise ValueError(f"{name}[{first}] is {indices[first]}, outside {lowest} .. {n - 1}")


def check_amounts(name: str, amounts: Floats) -> None:
    """Refuse amounts that are negative, infinite or not numbers.

    Raises:
        ValueError: An amount is negative, infinite or NaN.
    """
    wrong = np.flatnonzero(~(np.isfinite(amounts) & (amounts >= 0)))
    if wrong.size:
        first = int(wrong[0])
        raise ValueError(
            f"{name}[{first}] is {amounts[first]}, but it must be finite and not negative"
        )
