"""What a node gets from where it stands: from the turns around it, its whole session, and its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.arrays import check_indices, check_length

if TYPE_CHECKING:
    from helamem.core.arrays import Bools, Floats, Ints

FEW = 16  # intervals that are faster compared one by one than sought


def window_sum(
    values: Floats,
    previous: Ints,
    following: Ints,
    *,
    before: float,
    after: float,
    reach: int,
    ties: Floats | None = None,
    rows: Ints | None = None,
) -> Floats:
    """Each row, and shares of the rows around it that shrink with distance, and with every loose tie between.

        v_i + sum over d = 1 .. reach of  before ** d * v_{i-d} * product of  t_{i-d+1} .. t_i
                                        + after ** d * v_{i+d} * product of  t_{i+1} .. t_{i+d}

    Args:
        values: Shape (n,) or (n, t), the counts of terms for instance.
        previous: Shape (n,): the index of the row before; -1 if there is none.
        following: Shape (n,): the index of the row after; -1 if there is none.
        before: The part of the row before that counts, in [0, 1].
        after: The part of the row after that counts, in [0, 1].
        reach: How many rows away the window ends; 0 gives the values themselves.
        ties: Shape (n,): how closely each row is tied to the row before, in [0, 1]; None for 1.
        rows: Shape (m,): the rows that are wanted; None for all.

    Returns:
        The shape of `values`, with m rows.

    Raises:
        ValueError: A neighbour, or a wanted row, is not a row.

    >>> chain = np.array([-1, 0, 1]), np.array([1, 2, -1])
    >>> window_sum(np.array([1.0, 0.0, 8.0]), *chain, before=0.5, after=0.25, reach=2).tolist()
    [1.5, 2.5, 8.25]
    """
    n = len(values)
    for name, neighbors in (("previous", previous), ("following", following)):
        check_length(name, neighbors, n)
        check_indices(name, neighbors, n, lowest=-1)
    rows = np.arange(n) if rows is None else rows
    check_indices("rows", rows, n)
    padded = np.zeros((n + 1, *values.shape[1:]))  # index -1 finds nothing
    padded[:n] = values
    total = padded[rows]
    ties = np.ones(n) if ties is None else ties
    for chain, tied, share in (
        (previous, ties, before),
        (following, np.append(ties, 0.0)[following], after),
    ):
        step, shares = np.append(chain, -1), share * np.append(tied, 0.0)
        at, left = rows, np.ones((len(rows), *[1] * (values.ndim - 1)))
        for _ in range(reach):
            left = left * shares[at].reshape(left.shape)
            at = step[at]
            total += left * padded[at]
    return total


def group_max(values: Floats, groups: Ints) -> Floats:
    """For each row, the largest value of its group; a row with a negative group is a group by itself.

        max over j in the group of i of  v_j

    Args:
        values: Shape (n,).
        groups: Shape (n,): any number a group, a session for instance.

    Returns:
        Shape (n,).

    Raises:
        ValueError: The lengths differ.

    >>> group_max(np.array([0.9, 0.1, 0.4, 0.5]), np.array([7, 7, -1, -1])).tolist()
    [0.9, 0.9, 0.4, 0.5]
    """
    check_length("groups", groups, len(values))
    if not len(values):
        return np.asarray(values, np.float64)
    alone = groups.max(initial=0) + 1 + np.arange(len(groups))
    names = np.where(groups < 0, alone, groups)
    order = np.argsort(names, kind="stable")
    is_first = np.append(True, np.diff(names[order]) > 0)
    best = np.maximum.reduceat(np.asarray(values, np.float64)[order], np.flatnonzero(is_first))
    found = np.empty(len(values))
    found[order] = best[np.cumsum(is_first) - 1]
    return found


def inside(at: Floats, starts: Floats, ends: Floats) -> Bools:
    """Which moments lie in one of some intervals: from its start, included, to its end, excluded.

    Args:
        at: Shape (n,): moments.
        starts, ends: Shape (m,): the intervals, which may overlap, in the same unit; infinite where open.

    Returns:
        Shape (n,).

    Raises:
        ValueError: The lengths differ.

    >>> inside(np.array([1.0, 4.0, 9.0]), np.array([3.0, 0.0]), np.array([4.0, 2.0])).tolist()
    [True, False, False]
    """
    check_length("ends", ends, len(starts))
    if not len(at):
        return np.zeros(0, np.bool_)
    is_near = (starts <= at.max()) & (ends > at.min())  # of every June since 1900 few have moments
    starts, ends = starts[is_near], ends[is_near]
    if len(starts) <= FEW:
        found = np.zeros(len(at), np.bool_)
        for start, end in zip(starts, ends, strict=True):
            found |= (at >= start) & (at < end)
        return found
    order = np.argsort(starts, kind="stable")
    latest_end = np.maximum.accumulate(ends[order])  # of all that have begun
    begun = np.searchsorted(starts[order], at, side="right")
    return np.asarray((begun > 0) & (at < latest_end[begun - 1]))


def proximity(at: Floats, starts: Floats, ends: Floats, *, tau: float) -> Floats:
    """How near each moment is to the nearest of some intervals.

        max over j of  exp(-gap(t_i, interval_j) / tau),   gap = 0 inside

    Args:
        at: Shape (n,): moments.
        starts, ends: Shape (m,): the intervals, in the same unit.
        tau: The gap at which 1/e is left, in the same unit.

    Returns:
        Shape (n,), in [0, 1]; zeros if there are no intervals.

    >>> proximity(np.array([0.0, 5.0, 30.0]), np.array([4.0]), np.array([10.0]), tau=20.0).round(3).tolist()
    [0.819, 1.0, 0.368]
    """
    moments = np.asarray(at, dtype=np.float64)[:, np.newaxis]
    gaps = np.maximum(np.maximum(starts - moments, moments - ends), 0.0)
    return np.asarray(np.exp(-gaps / tau).max(axis=1, initial=0.0))
