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

if TYPE_CHECKING:  # what type checkers see; a test compares it with `_NAMES`
    __all__: list[str]
    __version__: str
    from helamem.answering.ask import Answer as Answer
    from helamem.answering.chat import (
        Chat as Chat,
        Exchange as Exchange,
    )
    from helamem.async_memory import AsyncMemory as AsyncMemory
    from helamem.client import (
        AsyncClient as AsyncClient,
        Client as Client,
    )
    from helamem.config.loading import Config as Config
    from helamem.consolidation.profiles import Profile as Profile
    from helamem.errors import (
        ChangedError as ChangedError,
        ConfigError as ConfigError,
        CorruptError as CorruptError,
        CutOffError as CutOffError,
        DataError as DataError,
        EmbedderError as EmbedderError,
        EmbedderMismatchError as EmbedderMismatchError,
        HelaMemError as HelaMemError,
        LLMError as LLMError,
        LanguageMismatchError as LanguageMismatchError,
        MissingExtraError as MissingExtraError,
        NotFoundError as NotFoundError,
        ProviderError as ProviderError,
        RerankerError as RerankerError,
        SchemaError as SchemaError,
        StoreError as StoreError,
    )
    from helamem.memory import Memory as Memory
    from helamem.models.openai_chat import OpenAIChat as OpenAIChat
    from helamem.models.scripted import ScriptedLLM as ScriptedLLM
    from helamem.records import (
        Change as Change,
        Cue as Cue,
        Episode as Episode,
        Fact as Fact,
        Hit as Hit,
        Listing as Listing,
        Receipt as Receipt,
        Turn as Turn,
    )
    from helamem.reports import (
        ConsolidationReport as ConsolidationReport,
        Erasure as Erasure,
        ForgetPlan as ForgetPlan,
        Ignored as Ignored,
        Lesson as Lesson,
        Namespace as Namespace,
        ReindexReport as ReindexReport,
        Reinforcement as Reinforcement,
        RepairReport as RepairReport,
        Stats as Stats,
        Undone as Undone,
    )
    from helamem.search.context import Context as Context
    from helamem.search.recall import Recall as Recall

_NAMES = {
    "answering.ask": "Answer",
    "answering.chat": "Chat Exchange",
    "async_memory": "AsyncMemory",
    "client": "AsyncClient Client",
    "config.loading": "Config",
    "consolidation.profiles": "Profile",
    "errors": (
        "ChangedError ConfigError CorruptError CutOffError DataError EmbedderError EmbedderMismatchError "
        "HelaMemError LLMError LanguageMismatchError MissingExtraError NotFoundError "
        "ProviderError RerankerError SchemaError StoreError"
    ),
    "memory": "Memory",
    "models.openai_chat": "OpenAIChat",
    "models.scripted": "ScriptedLLM",
    "records": "Change Cue Episode Fact Hit Listing Receipt Turn",
    "reports": (
        "ConsolidationReport Erasure ForgetPlan Ignored Lesson Namespace Reinforcement ReindexReport "
        "RepairReport Stats Undone"
    ),
    "search.context": "Context",
    "search.recall": "Recall",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

if not TYPE_CHECKING:  # so that a type checker refuses a name that is not there
    __all__ = sorted(_HOMES)  # noqa: PLE0605  # type checkers go by the imports above

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
