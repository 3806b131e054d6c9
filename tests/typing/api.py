"""The public API as its users write it. Type-checked, never run: a signature that changes shows here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, assert_type

import numpy as np

from helamem import (
    AsyncMemory,
    Change,
    Config,
    ConfigError,
    ConsolidationReport,
    Context,
    DataError,
    EmbedderMismatchError,
    Episode,
    Fact,
    ForgetPlan,
    HelaMemError,
    Hit,
    Ignored,
    Lesson,
    Listing,
    LLMError,
    Memory,
    MissingExtraError,
    NotFoundError,
    ProviderError,
    Recall,
    Receipt,
    Reinforcement,
    RepairReport,
    Stats,
    Turn,
    Undone,
)
from helamem.answering.ask import Answer
from helamem.consolidation.profiles import Profile
from helamem.protocols import LLM, Embedder, Floats, Message, Reply, Request
from helamem.records import Json

NOON = datetime(2024, 5, 6, 12, 0, tzinfo=UTC)


class Constant:
    """An embedder of somebody else's: nothing of ours is inherited."""

    name = "constant/2"
    dimension = 2
    max_chars: int | None = None

    def embed(self, texts: Sequence[str]) -> Floats:
        return np.ones((len(texts), 2), np.float32)


def opening(embedder: Embedder, llm: LLM) -> None:
    Memory()
    Memory("agent.db", namespace="maya")
    Memory(Path("agent.db"), config=Config.of("paper"), clock=lambda: 0.0)
    Memory(":memory:", embedder=embedder, llm=llm)
    Memory(":memory:", embedder=Constant())
    with Memory(":memory:") as memory:
        assert_type(memory, Memory)


def adding(memory: Memory) -> None:
    assert_type(memory.add("Maya is allergic to peanuts."), Receipt)
    memory.add("Hello.", speaker="Ana", role="user", at=NOON, session="s", metadata={"n": 1})
    memory.add({"role": "user", "content": "Hello.", "name": "Ana"})
    memory.add(["Hello.", Turn("Hi.", "Ben"), {"role": "user", "content": "Bye."}])
    receipt = memory.add_many((Turn("Hello.") for _ in range(3)), batch_size=2, progress=print)
    assert_type(receipt.ids, tuple[int, ...])


def searching(memory: Memory) -> None:
    recall = memory.search("What?", k=5, filters={"speaker": "Ana"}, at=NOON, min_confidence=0.5)
    assert_type(recall.confidence, float)
    assert_type(recall, Recall)
    assert_type(recall.hits, tuple[Hit, ...])
    assert_type(recall.context(max_tokens=500, count_tokens=len), str)
    assert_type(recall.context_block(), Context)
    for hit in recall:
        assert_type(hit.id, int)
        assert_type(hit.path, Literal["direct", "associative"])
        assert_type(hit.kind, Literal["episode", "fact"])
        assert_type(hit.memory, Episode | Fact)
        assert_type(hit.at, datetime)
        assert_type(hit.parts.base_terms, Mapping[str, float])
        assert_type([edge.source for edge in hit.via], list[int])


def learning(memory: Memory, recall: Recall) -> None:
    assert_type(memory.reinforce(recall, used=[1, 2], unhelpful=(3,)), Reinforcement)
    assert_type(memory.consolidate(llm=False), ConsolidationReport)
    assert_type(memory.forget(dry_run=False, at=NOON), ForgetPlan)
    assert_type(memory.lessons(limit=5), tuple[Lesson, ...])
    assert_type(memory.undo(1), Undone)
    assert_type(memory.ignored(at_least=3), tuple[Ignored, ...])
    assert_type(memory.forget(ignored=3), ForgetPlan)
    assert_type(memory.sever(1, 2), bool)


def looking(memory: Memory) -> None:
    assert_type(memory.get(1), Episode | Fact)
    assert_type(memory.list(limit=5), Listing)
    assert_type(memory.list()[0], Episode | Fact)
    assert_type(memory.update(1, "Maya is allergic to nuts.", metadata={}), Episode)
    assert_type(memory.correct(1, "Maya is allergic to walnuts."), Episode | Fact)
    assert_type(memory.revert(1), Episode | Fact)
    assert_type(memory.list(superseded=True), Listing)
    assert_type(memory.add("x", supersedes=1), Receipt)
    assert_type(memory.delete(1, 2), tuple[int, ...])
    assert_type(memory.history(1), tuple[Change, ...])
    assert_type(memory.facts(superseded=True, as_of=NOON), tuple[Fact, ...])
    assert_type(memory.profile("Ana"), tuple[Profile, ...])
    assert_type(memory.stats(), Stats)
    assert_type(memory.check(), tuple[str, ...])
    assert_type(memory.repair(dry_run=False), RepairReport)


def moving(memory: Memory, other: Memory) -> None:
    assert_type(memory.export(), Iterator[dict[str, Any]])
    with Path("turns.jsonl").open(encoding="utf-8") as lines:
        assert_type(other.import_(lines, progress=print), Receipt)


def asking(memory: Memory, llm: LLM, messages: Sequence[Message]) -> None:
    assert_type(memory.ask("What?", llm=llm, verify=True), Answer)
    assert_type(llm.complete(Request(messages)), Reply)


async def awaiting(llm: LLM) -> None:
    async with AsyncMemory(":memory:", namespace="maya", llm=llm, threads=2) as memory:
        assert_type(memory, AsyncMemory)
        assert_type(await memory.add("Maya is allergic to peanuts.", speaker="Ana"), Receipt)
        recall = await memory.search("What?", k=5, filters={"speaker": "Ana"}, at=NOON)
        assert_type(recall, Recall)
        assert_type(await memory.reinforce(recall, used=[1]), Reinforcement)
        assert_type(await memory.ask("What?", verify=True), Answer)
        assert_type(await memory.delete(1, 2), tuple[int, ...])
        assert_type(await memory.list(limit=5), Listing)
        async for line in memory.export():
            assert_type(line, dict[str, Any])


def showing(recall: Recall, receipt: Receipt) -> None:
    assert_type(recall.to_dict(), dict[str, Json])
    assert_type(receipt.to_dict(), dict[str, Json])
    assert_type((recall.hits[0].role, recall.hits[0].session), tuple[str, str])
    assert_type(recall.hits[0].metadata, Mapping[str, Json])


def settings() -> None:
    config = Config.of("paper", **{"learning.rate": 0.1})
    assert_type(config.learning.rate, float)
    assert_type(Config.load("config.toml", environ={}), Config)


def failing(memory: Memory) -> None:
    try:
        memory.get(1)
    except NotFoundError as error:
        assert_type((error.kind, error.id), tuple[str, int])
    except EmbedderMismatchError as error:
        assert_type((error.expected, error.actual), tuple[str, str])
    except MissingExtraError as error:
        assert_type(error.extra, str)
    except DataError as error:
        assert_type(error.line, int | None)
    except (LLMError, ProviderError) as error:
        assert_type((error.provider, error.retryable), tuple[str, bool])
    except (ConfigError, HelaMemError) as error:
        assert_type(str(error), str)
