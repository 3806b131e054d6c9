"""How learned weights fade: the rule of the settings, and its clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helamem.protocols import EdgeRule

if TYPE_CHECKING:
    from helamem.config import Learning


DAY_S = 86_400.0


def rule(config: Learning) -> EdgeRule:
    """The rule by which weights change; tau is in the units of `clock`."""
    unit = DAY_S if config.decay_by == "days" else 1.0
    return EdgeRule(
        tau=config.decay * unit if math.isfinite(config.decay) else math.inf,
        saturation=config.saturation,
        ceiling=config.ceiling,
        floor=config.floor,
    )


def clock(config: Learning, *, at: float, lessons: int) -> float:
    """The time by which edges decay: epoch seconds, or the number of lessons."""
    return at if config.decay_by == "days" else float(lessons)
