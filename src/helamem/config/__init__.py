"""Every setting, with its default, its range and its origin."""

from helamem.config.loading import (
    Config,
    Resolved,
    data_folder,
    describe,
    llm_api_key,
    names,
    resolve,
    value_of,
    variable,
)
from helamem.config.presets import PRESETS
from helamem.config.settings import (
    Activation,
    Ask,
    Candidates,
    Consolidation,
    Cues,
    Forgetting,
    Learning,
    Llm,
    Reflection,
    Selection,
    Spreading,
    Storage,
)

__all__ = [
    "PRESETS",
    "Activation",
    "Ask",
    "Candidates",
    "Config",
    "Consolidation",
    "Cues",
    "Forgetting",
    "Learning",
    "Llm",
    "Reflection",
    "Resolved",
    "Selection",
    "Spreading",
    "Storage",
    "data_folder",
    "describe",
    "llm_api_key",
    "names",
    "resolve",
    "value_of",
    "variable",
]
