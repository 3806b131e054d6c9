"""Long-term memory for LLM agents that learns what belongs together.

>>> from helamem import Memory
>>> memory = Memory(":memory:")
>>> receipt = memory.add("Maya is allergic to peanuts.", speaker="Ana")
>>> recall = memory.search("What should I not cook for Maya?")
>>> recall.hits[0].text
'Maya is allergic to peanuts.'

Names are loaded on first use, so that `import helamem` is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helamem.config import Config
    from helamem.context import Context
    from helamem.errors import (
        ConfigError,
        CorruptError,
        DataError,
        EmbedderError,
        EmbedderMismatchError,
        HelaMemError,
        LLMError,
        MissingExtraError,
        NotFoundError,
        ProviderError,
        SchemaError,
        StoreError,
    )
    from helamem.recall import Recall
    from helamem.records import (
        Change,
        ConsolidationReport,
        Cue,
        Episode,
        Fact,
        ForgetPlan,
        Hit,
        Receipt,
        Reinforcement,
        Stats,
        Turn,
    )
    from helamem.wiring import Memory

_HOMES = {
    "Change": "records",
    "Config": "config",
    "ConfigError": "errors",
    "ConsolidationReport": "records",
    "Context": "context",
    "CorruptError": "errors",
    "Cue": "records",
    "DataError": "errors",
    "EmbedderError": "errors",
    "EmbedderMismatchError": "errors",
    "Episode": "records",
    "Fact": "records",
    "ForgetPlan": "records",
    "HelaMemError": "errors",
    "Hit": "records",
    "LLMError": "errors",
    "Memory": "wiring",
    "MissingExtraError": "errors",
    "NotFoundError": "errors",
    "ProviderError": "errors",
    "Recall": "recall",
    "Receipt": "records",
    "Reinforcement": "records",
    "SchemaError": "errors",
    "Stats": "records",
    "StoreError": "errors",
    "Turn": "records",
}

__all__ = [
    "Change",
    "Config",
    "ConfigError",
    "ConsolidationReport",
    "Context",
    "CorruptError",
    "Cue",
    "DataError",
    "EmbedderError",
    "EmbedderMismatchError",
    "Episode",
    "Fact",
    "ForgetPlan",
    "HelaMemError",
    "Hit",
    "LLMError",
    "Memory",
    "MissingExtraError",
    "NotFoundError",
    "ProviderError",
    "Recall",
    "Receipt",
    "Reinforcement",
    "SchemaError",
    "Stats",
    "StoreError",
    "Turn",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415  # costs as much as all else here

        return version("helamem")
    if name not in _HOMES:
        raise AttributeError(f"module 'helamem' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"helamem.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
