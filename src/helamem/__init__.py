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
    from helamem.answering.ask import Answer
    from helamem.answering.chat import Chat, Exchange
    from helamem.async_memory import AsyncMemory
    from helamem.config import Config
    from helamem.consolidation.profiles import Profile
    from helamem.errors import (
        ChangedError,
        ConfigError,
        CorruptError,
        DataError,
        EmbedderError,
        EmbedderMismatchError,
        HelaMemError,
        LanguageMismatchError,
        LLMError,
        MissingExtraError,
        NotFoundError,
        ProviderError,
        SchemaError,
        StoreError,
    )
    from helamem.memory import Memory
    from helamem.models.openai_chat import OpenAIChat
    from helamem.models.scripted import ScriptedLLM
    from helamem.records import (
        Change,
        ConsolidationReport,
        Cue,
        Episode,
        Fact,
        ForgetPlan,
        Hit,
        Listing,
        Receipt,
        ReindexReport,
        Reinforcement,
        Stats,
        Turn,
    )
    from helamem.search.context import Context
    from helamem.search.recall import Recall

_HOMES = {
    "Answer": "answering.ask",
    "AsyncMemory": "async_memory",
    "Change": "records",
    "ChangedError": "errors",
    "Chat": "answering.chat",
    "Config": "config.loading",
    "ConfigError": "errors",
    "ConsolidationReport": "records",
    "Context": "search.context",
    "CorruptError": "errors",
    "Cue": "records",
    "DataError": "errors",
    "EmbedderError": "errors",
    "EmbedderMismatchError": "errors",
    "Episode": "records",
    "Exchange": "answering.chat",
    "Fact": "records",
    "ForgetPlan": "records",
    "HelaMemError": "errors",
    "Hit": "records",
    "LLMError": "errors",
    "LanguageMismatchError": "errors",
    "Listing": "records",
    "Memory": "memory",
    "MissingExtraError": "errors",
    "NotFoundError": "errors",
    "OpenAIChat": "models.openai_chat",
    "Profile": "consolidation.profiles",
    "ProviderError": "errors",
    "Recall": "search.recall",
    "Receipt": "records",
    "ReindexReport": "records",
    "Reinforcement": "records",
    "SchemaError": "errors",
    "ScriptedLLM": "models.scripted",
    "Stats": "records",
    "StoreError": "errors",
    "Turn": "records",
}

__all__ = [
    "Answer",
    "AsyncMemory",
    "Change",
    "ChangedError",
    "Chat",
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
    "Exchange",
    "Fact",
    "ForgetPlan",
    "HelaMemError",
    "Hit",
    "LLMError",
    "LanguageMismatchError",
    "Listing",
    "Memory",
    "MissingExtraError",
    "NotFoundError",
    "OpenAIChat",
    "Profile",
    "ProviderError",
    "Recall",
    "Receipt",
    "ReindexReport",
    "Reinforcement",
    "SchemaError",
    "ScriptedLLM",
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
