"""Summaries over questions: means, intervals and gains, rounded for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.evaluation import metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def mean(values: Iterable[float]) -> float | None:
    """The mean, or None for no values."""
    listed = list(values)
    return round(float(np.mean(listed)), 4) if listed else None


def interval(values: Iterable[float]) -> list[float]:
    """The 95 % bootstrap interval of the mean, with a fixed seed; empty for no values."""
    listed = np.array(list(values), np.float64)
    if not len(listed):
        return []
    low, high = metrics.bootstrap_interval(listed, np.random.default_rng(0))
    return [round(low, 4), round(high, 4)]


def percentiles(
    values: Sequence[float], which: Sequence[int] = (50, 95)
) -> dict[str, float | None]:
    """The median and the 95th percentile, or others; None for no values."""
    names = [f"p{each}" for each in which]
    if not len(values):
        return dict.fromkeys(names)
    found = np.percentile(values, which).tolist()
    return {name: round(value, 3) for name, value in zip(names, found, strict=True)}


def gain(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, Any]:
    """The mean gain per question, with its paired 95 % interval."""
    gaps = [value - before[id_] for id_, value in after.items()]
    return {"mean": mean(gaps), "ci95": interval(gaps)}
