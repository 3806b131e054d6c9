"""Metrics of a ranking, given the turns that answer the question. Pure.

A ranking is a list of different turn ids, best first. An item that holds several turns (a fact that
rests on three) counts as that many: its turns stand in the list one after the other, and where the list
is cut at k, it may be cut inside an item. Repeated turns count once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from helamem.core.arrays import Floats

DRAWN = 1_000_000  # most draws of a bootstrap that are held at once


def flatten(items: Iterable[Sequence[str]]) -> list[str]:
    """The turns of ranked items, each at its first place.

    >>> flatten([("a",), ("b", "a", "c")])
    ['a', 'b', 'c']
    """
    return list(dict.fromkeys(turn for item in items for turn in item))


def recall(found: Collection[str], evidence: Collection[str]) -> float:
    """The share of the evidence that was found.

        |found & evidence| / |evidence|

    >>> recall(["a", "b"], ["b", "c"])
    0.5
    """
    return len(set(found) & set(evidence)) / len(set(evidence))


def all_evidence(found: Collection[str], evidence: Collection[str]) -> float:
    """1 if all of the evidence was found, else 0."""
    return float(set(evidence) <= set(found))


def ndcg(ranked: Sequence[str], evidence: Collection[str], k: int) -> float:
    """The discounted gain of the first k, as a share of the best that is possible.

        sum over ranks r <= k with evidence of 1 / log2(r + 1),  divided by that of an ideal ranking

    >>> round(ndcg(["x", "a"], ["a"], 10), 3)
    0.631
    """
    wanted = set(evidence)
    gains = [turn in wanted for turn in ranked[:k]]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    return float(discounts[: len(gains)] @ gains) / float(discounts[: len(wanted)].sum())


def reciprocal_rank(ranked: Sequence[str], evidence: Collection[str]) -> float:
    """1 / the rank of the first turn that is evidence; 0 if there is none.

    >>> reciprocal_rank(["x", "y", "a", "b"], ["a", "b"])
    0.3333333333333333
    """
    wanted = set(evidence)
    return next((1 / rank for rank, turn in enumerate(ranked, start=1) if turn in wanted), 0.0)


def ranking_scores(ranked: Sequence[str], evidence: Collection[str]) -> dict[str, float]:
    """Every metric that needs the ranking alone, by the name it has in results."""
    return {
        **{f"recall@{k}": recall(ranked[:k], evidence) for k in (1, 5, 10, 20)},
        **{f"all@{k}": all_evidence(ranked[:k], evidence) for k in (5, 10, 20)},
        **{f"ndcg@{k}": ndcg(ranked, evidence, k) for k in (5, 10, 20)},
        "p@1": float(ranked[0] in evidence) if ranked else 0.0,
        "mrr": reciprocal_rank(ranked, evidence),
    }


def bootstrap_interval(
    values: Floats, rng: np.random.Generator, *, level: float = 0.95, samples: int = 2000
) -> tuple[float, float]:
    """A bootstrap interval of the mean over questions.

    For two systems, pass the per-question differences to get the paired
    interval.

    Args:
        values: Shape (n,), one a question.
        rng: Draws the questions; the same seed gives the same interval.

    Raises:
        ValueError: There are no values.
    """
    if not len(values):
        raise ValueError("an interval needs at least one value")
    n = len(values)
    rows = max(1, DRAWN // n)
    sizes = [min(rows, samples - start) for start in range(0, samples, rows)]
    means = [values[rng.integers(n, size=(size, n))].mean(axis=1) for size in sizes]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
