"""Levels of postings: how much one occurrence of a term can tell, so that a list begins with the most telling ones.

A posting adds idf * impact to the BM25 score of its document, and the impact grows with the count and falls with the
document's length. How much depends on settings and on the mean length, which change; so a list is ordered by classes
of counts and lengths, and bounds are computed for the settings at hand (impact-ordered lists: Anh and Moffat 2006,
"Pruned query evaluation using pre-computed impacts").
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from helamem.core.lexical import impact

if TYPE_CHECKING:
    from helamem.core.arrays import Floats, Ints

# The least of each class. Counts are 1 and lengths below 9 nearly always, so these are classes of their own.
COUNTS = (1, 2, 3, 4, 5, 7, 10, 15, 25)
LENGTHS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 20, 25, 32, 41, 53, 71, 101, 151, 301)
TYPICAL_LENGTH, K1, B = 12.0, 1.2, 0.75  # what the order is best for; it is right for others too
_HIGHEST = np.array([*(least - 1 for least in COUNTS[1:]), np.inf])


def level(count: int, length: int) -> int:
    """The level of a posting; the lower, the more it may tell.

    Args:
        count: How often the document has the term; at least 1.
        length: How many terms the document has.

    >>> level(3, 5) < level(1, 5) < level(1, 12)
    True
    """
    row, column = bisect_right(COUNTS, count) - 1, bisect_right(LENGTHS, length) - 1
    return int(_LEVELS[row, column])


def levels(counts: Ints, lengths: Ints) -> Ints:
    """The level of each of some postings; see `level`.

    >>> levels(np.array([3, 1]), np.array([5, 5])).tolist() == [level(3, 5), level(1, 5)]
    True
    """
    rows = np.searchsorted(COUNTS, counts, side="right") - 1
    columns = np.searchsorted(LENGTHS, lengths, side="right") - 1
    found: Ints = _LEVELS[rows, columns]
    return found


def ceilings(*, mean_length: float, k1: float, b: float) -> Floats:
    """The highest impact of a posting of each level or a later one.

    Args:
        mean_length, k1, b: See `lexical.bm25`.

    Returns:
        Shape (levels + 1,), falling; the last is 0, for a list that is read to its end.
    """
    highest = _highest_impacts(mean_length, k1, b).ravel()[_ORDER]
    return np.append(np.maximum.accumulate(highest[::-1])[::-1], 0.0)


def _highest_impacts(mean_length: float, k1: float, b: float) -> Floats:
    """The highest impact of each class of counts and lengths: that of its highest count and least length."""
    lengths = np.array(
        LENGTHS, np.float32
    )  # as documents have them, so that both are rounded alike
    found = np.full((len(COUNTS), len(LENGTHS)), k1 + 1)  # what ever more occurrences come to
    for row, count in enumerate(_HIGHEST[:-1]):
        counts = np.full(len(LENGTHS), count)
        found[row] = impact(counts, lengths, mean_length=mean_length, k1=k1, b=b)
    return found


def _places(order: Ints) -> Ints:
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return places.reshape(len(COUNTS), len(LENGTHS))


_ORDER: Ints = np.argsort(-_highest_impacts(TYPICAL_LENGTH, K1, B).ravel(), kind="stable")
_LEVELS = _places(_ORDER)
END = len(_ORDER)  # the level after the last
