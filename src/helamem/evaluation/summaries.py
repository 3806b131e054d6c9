"""From one number a question to a line of a result: means, intervals, gains; rounded for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.evaluation import metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def mean(values: Iterable[float]) -> float | None:
    """The mean; none of nothing, which is not 0."""
    listed = list(values)
    return round(float(np.mean(listed)), 4) if listed else None


def interval(values: Iterable[float]) -> list[float]:
    """The 95 % bootstrap interval of the mean, always drawn alike; empty of nothing."""
    listed = np.array(list(values), np.float64)
    if not len(listed):
        return []
    low, high = metrics.bootstrap_interval(listed, np.random.default_rng(0))
    return [round(low, 4), round(high, 4)]


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """The values that half of them, and that 95 % of them, do not exceed; none of nothing, which is not 0."""
    if not len(values):
        return {"p50": None, "p95": None}
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}


def gain(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, Any]:
    """How much was won, question by question: the mean, and its paired 95 % interval."""
    gaps = [value - before[id_] for id_, value in after.items()]
    return {"mean": mean(gaps), "ci95": interval(gaps)}
