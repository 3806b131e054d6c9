"""`AsyncMemory` has what `Memory` has, holds up no event loop, and is cancelled without half a write."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from typing import TYPE_CHECKING, Any

import pytest

from helamem import AsyncMemory, Config, Memory, ScriptedLLM, StoreError
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from helamem.protocols import Floats

GIVEN_UP_S = 60  # a test that waits this long has failed


class Slow(HashingEmbedder):
    """An embedder that waits until it is let go on, for texts that say so."""

    def __init__(self) -> None:
        super().__init__(64)
        self.began, self.go_on = threading.Event(), threading.Event()
        self.threads: set[str] = set()

    def embed(self, texts: Sequence[str]) -> Floats:
        self.threads.add(threading.current_thread().name)
        if any("wait" in text for text in texts):
            self.began.set()
            assert self.go_on.wait(GIVEN_UP_S)
        return super().embed(texts)


def opened(path: Path | str = ":memory:", **others: Any) -> AsyncMemory:
    """A small memory."""
    given = {"config": Config(), "embedder": HashingEmbedder(64), **others}
    return AsyncMemory(path, **given)


def public(cls: type) -> set[str]:
    """The public names of a class."""
    return {name for name in dir(cls) if not name.startswith("_")}


METHODS = sorted(name for name in public(Memory) if inspect.isfunction(getattr(Memory, name)))


class TestParity:
    @pytest.mark.parametrize("name", METHODS)
    def test_each_method_takes_the_same(self, name: str) -> None:
        ours, theirs = (
            [*inspect.signature(getattr(cls, name)).parameters.values()]
            for cls in (AsyncMemory, Memory)
        )

        assert [(p.name, p.kind, p.default, p.annotation) for p in theirs] == [
            (p.name, p.kind, p.default, p.annotation) for p in ours
        ]

    @pytest.mark.parametrize("name", sorted(set(METHODS) - {"close"}))
    def test_each_method_is_documented_alike(self, name: str) -> None:
        assert getattr(Memory, name).__doc__ == getattr(AsyncMemory, name).__doc__

    @pytest.mark.parametrize("name", sorted(set(METHODS) - {"export"}))
    def test_each_method_is_awaited(self, name: str) -> None:
        assert inspect.iscoroutinefunction(getattr(AsyncMemory, name))

    def test_it_is_opened_alike(self) -> None:
        theirs = {**inspect.signature(Memory).parameters}
        ours = {**inspect.signature(AsyncMemory).parameters}

        assert 4 == ours.pop("threads").default
        assert theirs == ours

    def test_properties_are_those_of_the_memory(self) -> None:
        memory = opened(namespace="maya", llm=ScriptedLLM(["Hello."]))
        other = ScriptedLLM(["Bye."])
        memory.llm, memory.reflect_every = other, 5

        assert ("maya", ":memory:", Config()) == (memory.namespace, memory.path, memory.config)
        assert other is memory.llm is memory.memory.llm
        assert 5 == memory.reflect_every == memory.memory.reflect_every
        assert memory.reflector is memory.memory.reflector is not None
        assert "AsyncMemory(':memory:', namespace='maya')" == repr(memory)
        asyncio.run(memory.close())


class TestUse:
    def test_a_day_in_its_life(self) -> None:
        async def live() -> None:
            async with opened() as memory:
                receipt = await memory.add(["Maya is allergic to peanuts.", "Ana plays chess."])
                recall = await memory.search("What is Maya allergic to?")
                learned = await memory.reinforce(recall, used=[receipt.ids[0]])
                assert (receipt.ids[0], 1) == (recall.hits[0].id, learned.bound)
                exported = [line async for line in memory.export()]
                assert [line["type"] for line in exported[:3]] == ["helamem", "episode", "episode"]
                assert await memory.delete(receipt.ids[1]) == (receipt.ids[1],)
                assert 1 == (await memory.stats()).episodes

        asyncio.run(live())

    def test_a_long_export_comes_whole(self) -> None:
        async def live() -> list[str]:
            async with opened() as memory:
                await memory.add([f"This is number {i}." for i in range(600)])
                return [line["text"] async for line in memory.export() if "text" in line]

        assert [f"This is number {i}." for i in range(600)] == asyncio.run(live())

    def test_the_loop_goes_on_while_a_call_runs(self) -> None:
        async def live() -> None:
            embedder = Slow()
            async with opened(embedder=embedder) as memory:
                adding = asyncio.create_task(memory.add("wait for me"))
                await asyncio.to_thread(embedder.began.wait, GIVEN_UP_S)  # this runs meanwhile
                assert not adding.done()
                embedder.go_on.set()
                assert (1,) == (await adding).ids
            assert {name.partition("_")[0] for name in embedder.threads} == {"helamem"}

        asyncio.run(live())

    def test_context_variables_reach_the_thread(self) -> None:
        asked: contextvars.ContextVar[str] = contextvars.ContextVar("asked")

        async def live() -> list[str]:
            seen: list[str] = []
            asked.set("by Ana")
            async with opened() as memory:
                await memory.add_many(["Hello."], progress=lambda _: seen.append(asked.get()))
            return seen

        assert ["by Ana"] == asyncio.run(live())

    def test_an_error_is_raised_where_the_call_is_awaited(self) -> None:
        async def live() -> None:
            async with opened() as memory:
                with pytest.raises(ValueError, match="query is blank"):
                    await memory.search(" ")
                wrong: Any = memory
                with pytest.raises(TypeError, match="here it is `k`"):
                    await wrong.search("q", top_k=3)
                with pytest.raises(AttributeError, match="AsyncMemory has no 'statts'; did you"):
                    await wrong.statts()

        asyncio.run(live())

    def test_a_closed_memory_says_so(self) -> None:
        async def live() -> None:
            memory = opened()
            await memory.close()
            await memory.close()
            with pytest.raises(StoreError, match="closed"):
                await memory.search("Hello?")

        asyncio.run(live())

    def test_threads_must_be_some(self) -> None:
        with pytest.raises(ValueError, match="max_workers"):
            opened(threads=0)


class TestCancelling:
    def test_a_write_that_has_begun_is_completed(self, tmp_path: Path) -> None:
        async def live() -> None:
            embedder = Slow()
            async with opened(tmp_path / "m.db", embedder=embedder) as memory:
                adding = asyncio.create_task(memory.add("wait for me"))
                await asyncio.to_thread(embedder.began.wait, GIVEN_UP_S)
                adding.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await adding  # it stops waiting, though the embedder does not
                embedder.go_on.set()

        asyncio.run(live())
        with Memory(tmp_path / "m.db", config=Config(), embedder=HashingEmbedder(64)) as kept:
            assert ["wait for me"] == [each.text for each in kept.list()]
            assert () == kept.check()

    def test_a_write_that_has_not_begun_never_does(self) -> None:
        async def live() -> None:
            embedder = Slow()
            async with opened(embedder=embedder, threads=1) as memory:
                first = asyncio.create_task(memory.add("wait for me"))
                await asyncio.to_thread(embedder.began.wait, GIVEN_UP_S)
                second = asyncio.create_task(memory.add("too late"))
                await asyncio.sleep(0)  # it stands in line
                second.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await second
                embedder.go_on.set()
                await first
                assert ["wait for me"] == [each.text for each in await memory.list()]

        asyncio.run(live())

    def test_a_call_may_be_given_a_time(self) -> None:
        async def live() -> None:
            embedder = Slow()
            async with opened(embedder=embedder) as memory:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(memory.search("wait for me"), timeout=0)
                embedder.go_on.set()

        asyncio.run(live())
