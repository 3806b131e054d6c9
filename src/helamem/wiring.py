"""`Memory` as users call it: the engine with a real file, a real embedder and the real clock.

The one module that knows everyone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from helamem import dialect, embedders
from helamem.config import Config, data_folder
from helamem.memory import Engine
from helamem.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from helamem.protocols import Clock, Embedder

DEFAULT_NAMESPACE = "default"


class Memory(Engine):
    """The long-term memory of one namespace: one user, one agent, one project.

    Args:
        path: The file; None keeps it in the user's data folder (HELAMEM_HOME), ":memory:" in RAM.
        namespace: Whose memory it is. What is stored under one namespace never shows in another.
        config: All settings; None reads the environment and the configuration file.
        embedder: What turns texts into vectors; None takes the one that the settings name.
        clock: Gives the time in epoch seconds; None takes the system's.

    Raises:
        ConfigError: A setting is unknown or out of range.
        StoreError: The file cannot be opened, is damaged, foreign, too new, or made by another embedder.

    Example:
        >>> memory = Memory(":memory:")
        >>> receipt = memory.add("Maya is allergic to peanuts.", speaker="Ana")
        >>> memory.search("What should I not cook for Maya?").hits[0].text
        'Maya is allergic to peanuts.'
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        config: Config | None = None,
        embedder: Embedder | None = None,
        clock: Clock = time.time,
        **unknown: object,
    ) -> None:
        dialect.refuse("Memory", unknown)
        config = config or Config.load()
        embedder = embedder or embedders.load(config.embedder)
        store = SQLiteStore(
            default_path() if path is None else path,
            namespace=namespace,
            embedder_name=embedder.name,
            dimension=embedder.dimension,
            synchronous=config.storage.durability,
        )
        super().__init__(store, embedder, config, clock)

    def __getattr__(self, name: str) -> object:
        raise AttributeError(dialect.hint("Memory", name))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Memory(namespace={self.namespace!r})"


def default_path() -> Path:
    """The file of a memory that was given no path."""
    return data_folder() / "memory.db"
