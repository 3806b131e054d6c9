"""The arithmetic of edges as SQL calls it, one weight at a time: `core.hebbian` in plain floats."""

from __future__ import annotations

import math


def decayed(weight: float, age: float, tau: float, floor: float) -> float:
    """What time has left of a weight; see `core.hebbian.decayed`."""
    left = weight * math.exp(-max(age, 0.0) / tau)
    return 0.0 if left < floor else left


def strengthened(weight: float, gain: float, saturation: float, ceiling: float) -> float:
    """A decayed weight after a lesson; see `core.hebbian.strengthened`."""
    return min(ceiling, weight + gain * (1.0 - saturation * weight))
