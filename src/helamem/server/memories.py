"""Open memories of a server: one handle per namespace, shared by requests, closed when idle."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from helamem.memory import SYSTEM_CLOCK, Memory, language_model, load_embedder, load_reranker
from helamem.stores.sqlite.files import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from helamem.config import Config
    from helamem.protocols import LLM, Clock

MOST_OPEN = 10_000  # idle handles beyond this are closed, the least recently used first; one takes kilobytes


class _Open:
    """A namespace that requests use; its memory is opened by the first of them, without stopping others.

    Attributes:
        requests: The number of requests that use it.
    """

    def __init__(self, open_: Callable[[], Memory]) -> None:
        self.requests = 0
        self._open = open_
        self._memory: Memory | None = None
        self._lock = threading.Lock()

    def memory(self) -> Memory:
        with self._lock:
            if self._memory is None:
                self._memory = self._open()
            return self._memory

    @property
    def failed(self) -> bool:
        """Whether nobody could open it."""
        return self._memory is None

    def close(self) -> None:
        with self._lock:
            if self._memory is not None:
                self._memory.close()


class Memories:
    """The memories of one file, by namespace. All of them share one embedder, one reranker and one language model.

    Args:
        path: The file.
        config: The settings.
        llm: The language model; None loads the one of the settings when it is first needed.
        most_open: The most idle handles that stay open.
        clock: Gives the time in epoch seconds.
    """

    def __init__(
        self,
        path: str | Path,
        config: Config,
        *,
        llm: LLM | None = None,
        most_open: int = MOST_OPEN,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.path = path
        self.config = config
        self._llm = llm
        self._embedder = load_embedder(config)
        self._reranker = load_reranker(config, lambda: llm or language_model(config))
        self._most_open = most_open
        self._clock = clock
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._file = identity(str(path))

    @contextmanager
    def namespace(self, name: str) -> Iterator[Memory]:
        """The memory of a namespace, open for as long as the block runs.

        Raises:
            ValueError: The name is not a valid namespace.
            StoreError: The file cannot be opened.
        """
        opened = self._take(name)
        try:
            yield opened.memory()
        finally:
            self._give_back(name, opened)

    def close(self) -> None:
        """Close every handle; requests that still use one fail."""
        with self._lock:
            opened = [*self._open.values()]
            self._open.clear()
        for each in opened:
            each.close()

    def _take(self, name: str) -> _Open:
        with self._lock:
            left = self._left_behind()
            opened = self._open.setdefault(name, _Open(partial(self._opened, name)))
            self._open.move_to_end(name)
            opened.requests += 1
        for each in left:
            each.close()
        return opened

    def _left_behind(self) -> list[_Open]:
        """The idle handles on a file that was replaced, by a backup say; others are closed when given back.

        A file that was removed is used for as long as it is open.
        """
        file = identity(str(self.path))
        if file is None or self._file in (file, None):
            return []
        self._file = file
        left = [each for each in self._open.values() if not each.requests]
        self._open.clear()
        return left

    def _opened(self, name: str) -> Memory:
        memory = Memory(
            self.path,
            namespace=name,
            config=self.config,
            embedder=self._embedder,
            clock=self._clock,
            llm=self._llm,
            reranker=self._reranker,
        )
        self._file = self._file or identity(str(self.path))  # it may have been made now
        return memory

    def _give_back(self, name: str, opened: _Open) -> None:
        with self._lock:
            opened.requests -= 1
            if opened.failed and not opened.requests and self._open.get(name) is opened:
                del self._open[name]
            gone = [self._open.pop(place) for place in self._surplus()]
            if not opened.requests and self._open.get(name) is not opened:
                gone.append(opened)
        for each in gone:  # may wait for a reflection, so not under the lock
            each.close()

    def _surplus(self) -> list[str]:
        """The idle namespaces beyond those that stay open."""
        surplus = len(self._open) - self._most_open
        if surplus <= 0:
            return []
        return [place for place, each in self._open.items() if not each.requests][:surplus]
