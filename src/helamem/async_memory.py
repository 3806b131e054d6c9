"""`AsyncMemory`: the methods of `Memory` as coroutines. They run in threads, so they never block the event loop.

Every method is listed by name; its parameters, result and documentation are those of `Memory`.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from helamem.hints import helpful
from helamem.memory import DEFAULT_NAMESPACE, SYSTEM_CLOCK, Memory

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from pathlib import Path

    from helamem.config import Config
    from helamem.consolidation.background import Reflector
    from helamem.protocols import LLM, Clock, Embedder, Reranker

P = ParamSpec("P")
R = TypeVar("R")

BATCH = 256  # lines of an export per call in a thread


def _awaited(
    method: Callable[Concatenate[Memory, P], R],
) -> Callable[Concatenate[AsyncMemory, P], Coroutine[Any, Any, R]]:
    """The same method, run in a thread and awaited."""

    @functools.wraps(method)
    async def call(self: AsyncMemory, /, *args: P.args, **named: P.kwargs) -> R:
        return await self._run(functools.partial(method, self.memory, *args, **named))

    return call


@helpful
class AsyncMemory:
    """The long-term memory of one namespace, for programs with an event loop.

    Opening blocks the calling thread, like opening a `Memory`. Methods are coroutines; `export` is an
    asynchronous generator. A cancelled task stops waiting: a call that has not started is dropped, and a
    running call is completed.

    Args:
        path, namespace, config, embedder, clock, llm, reranker: As for `Memory`.
        threads: How many calls run at once; others wait.

    Raises:
        ValueError: `threads` is below 1. Opening also raises what `Memory` raises.

    Example:
        >>> import asyncio
        >>> async def main() -> str:
        ...     async with AsyncMemory(":memory:") as memory:
        ...         await memory.add("Maya is allergic to peanuts.", speaker="Ana")
        ...         recall = await memory.search("What should I not cook for Maya?")
        ...         return recall.hits[0].text
        >>> asyncio.run(main())
        'Maya is allergic to peanuts.'
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        config: Config | None = None,
        embedder: Embedder | None = None,
        clock: Clock = SYSTEM_CLOCK,
        llm: LLM | None = None,
        reranker: Reranker | None = None,
        threads: int = 4,
    ) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="helamem")
        self._memory = Memory(
            path,
            namespace=namespace,
            config=config,
            embedder=embedder,
            clock=clock,
            llm=llm,
            reranker=reranker,
        )
        self._closed = False

    @property
    def memory(self) -> Memory:
        """The memory itself, for synchronous parts: a `Chat`, or an adapter."""
        return self._memory

    @property
    def path(self) -> str:
        """The path of its file; ":memory:" for a memory in RAM."""
        return self._memory.path

    @property
    def namespace(self) -> str:
        """The namespace of this memory."""
        return self._memory.namespace

    @property
    def config(self) -> Config:
        """The settings."""
        return self._memory.config

    @property
    def llm(self) -> LLM:
        """The language model of this memory; see `Memory.llm`."""
        return self._memory.llm

    @llm.setter
    def llm(self, llm: LLM) -> None:
        self._memory.llm = llm

    @property
    def reflect_every(self) -> int:
        """The number of new turns after which `consolidate` runs in the background; 0 for never."""
        return self._memory.reflect_every

    @reflect_every.setter
    def reflect_every(self, turns: int) -> None:
        self._memory.reflect_every = turns

    @property
    def reflector(self) -> Reflector | None:
        """The background consolidation and its last result; None if there is none."""
        return self._memory.reflector

    now = _awaited(Memory.now)
    add = _awaited(Memory.add)
    add_many = _awaited(Memory.add_many)
    put = _awaited(Memory.put)
    get_by_key = _awaited(Memory.get_by_key)
    annotate = _awaited(Memory.annotate)
    search = _awaited(Memory.search)
    reinforce = _awaited(Memory.reinforce)
    ask = _awaited(Memory.ask)
    consolidate = _awaited(Memory.consolidate)
    ignored = _awaited(Memory.ignored)
    lessons = _awaited(Memory.lessons)
    undo = _awaited(Memory.undo)
    sever = _awaited(Memory.sever)
    reindex = _awaited(Memory.reindex)
    forget = _awaited(Memory.forget)
    get = _awaited(Memory.get)
    list = _awaited(Memory.list)
    update = _awaited(Memory.update)
    correct = _awaited(Memory.correct)
    revert = _awaited(Memory.revert)
    delete = _awaited(Memory.delete)
    history = _awaited(Memory.history)
    facts = _awaited(Memory.facts)
    profile = _awaited(Memory.profile)
    cues = _awaited(Memory.cues)
    stats = _awaited(Memory.stats)
    import_ = _awaited(Memory.import_)
    check = _awaited(Memory.check)
    repair = _awaited(Memory.repair)
    erase = _awaited(Memory.erase)
    namespaces = _awaited(Memory.namespaces)
    drop_namespace = _awaited(Memory.drop_namespace)

    async def export(self, *, all_namespaces: bool = False) -> AsyncGenerator[dict[str, Any], None]:
        """Yield everything but the vectors, as JSON objects; `import_` reads those of one namespace.

        Args:
            all_namespaces: Whether to export every namespace of the file, one after the other;
                `helamem import` puts each into its own again.
        """
        lines = self._memory.export(all_namespaces=all_namespaces)
        while batch := await self._run(lambda: [*itertools.islice(lines, BATCH)]):
            for line in batch:
                yield line

    async def close(self) -> None:
        """Close the file after running calls; a background consolidation gets some seconds to end.

        A closed memory raises StoreError.
        """
        self._closed = True
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._threads.shutdown()
        self._memory.close()

    async def _run(self, call: Callable[[], R]) -> R:
        """Make a call in a thread, with the context variables of this task."""
        if self._closed:  # the memory itself raises
            return call()
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, context.run, call)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Async{self._memory!r}"
