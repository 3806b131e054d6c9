"""Named sets of values to start from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    # The paper's equations and LoCoMo parameters (MECHANISM section 1).
    "paper": {
        "candidates.nearest": 0,
        "candidates.lexical": 0,
        "candidates.cues": 0,
        "activation.names_apart": False,
        "activation.vector": 1.0,
        "activation.vector_heavy": 0.0,
        "activation.similarity": "shifted",
        "activation.words": 0.0,
        "activation.window": 0,
        "activation.session": 0.0,
        "activation.speaker": 0.0,
        "activation.user": 0.0,
        "activation.wish": 0.0,
        "activation.date": 0.0,
        "activation.length": 0.0,
        "activation.stating": 0.0,
        "activation.keyword": 0.5,
        "activation.keywords": 3,
        "activation.recency_days": 60.0,
        "spreading.temporal": 0.0,
        "spreading.learned": 0.1,
        "spreading.sources": "base",
        "spreading.threshold": 0.6,
        "spreading.threshold_is": "absolute",
        "spreading.subtract_threshold": False,
        "spreading.fan_out": 0.0,
        "selection.associative": 5,
        "selection.direct": 0,
        "selection.associative_min": 0.0,
        "selection.facts": 5,
        "selection.repeated": 1.0,
        "learning.gate": "returned",
        "learning.rate": 0.02,
        "learning.saturation": 0.0,
        "learning.weaken": 0.0,
        "learning.cue": False,
        "learning.decay": -1 / math.log(0.995),
        "learning.decay_by": "lessons",
        "learning.link": 0.5,
        "forgetting.max_strength": 0.1,
        "forgetting.min_age_days": 30.0,
        "forgetting.min_idle_days": math.inf,
        "forgetting.max_share": 1.0,
    },
}
