"""What a type checker must refuse. Type-checked, never run: a mistake that passes is an unused ignore."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import TYPE_CHECKING

import helamem
from helamem import AsyncMemory, Chat, Memory, Recall

if TYPE_CHECKING:
    from helamem.protocols import LLM


def importing() -> None:
    from helamem import Memroy  # type: ignore[attr-defined]

    str(Memroy)
    str(helamem.Memroy)  # type: ignore[attr-defined]


def opening() -> None:
    Memory(":memory:", naemspace="maya")  # type: ignore[call-arg]
    Memory(":memory:", user_id="maya")  # type: ignore[call-arg]
    Memory(":memory:", "maya")  # type: ignore[call-arg]
    Memory(3)  # type: ignore[arg-type]


def adding(memory: Memory) -> None:
    memory.add("x", spaeker="Ana")  # type: ignore[call-arg]
    memory.add("x", infer=False)  # type: ignore[call-arg]
    memory.add(3)  # type: ignore[arg-type]
    memory.add("x", at="2024-05-06")  # type: ignore[arg-type]


def searching(memory: Memory) -> None:
    memory.search("q", top_k=3)  # type: ignore[call-arg]
    memory.search("q", 3)  # type: ignore[call-arg]
    memory.search("q", speaker="Ana")  # type: ignore[call-arg]
    memory.search()  # type: ignore[call-arg]
    str(memory.search("q").hit)  # type: ignore[attr-defined]
    memory.search("q").context(tokens=500)  # type: ignore[call-arg]


def learning(memory: Memory, recall: Recall) -> None:
    memory.reinforce("q", used=[1])  # type: ignore[arg-type]
    memory.reinforce(recall, used=["1"])  # type: ignore[list-item]
    memory.consolidate(llm=True)  # type: ignore[arg-type]
    memory.forget(dryrun=False)  # type: ignore[call-arg]
    memory.undo("1")  # type: ignore[arg-type]
    memory.sever(1)  # type: ignore[call-arg]


def looking(memory: Memory) -> None:
    str(memory.statts)  # type: ignore[attr-defined]
    memory.remember("x")  # type: ignore[attr-defined]
    memory.delete([1, 2])  # type: ignore[arg-type]
    memory.get("1")  # type: ignore[arg-type]
    memory.correct(1)  # type: ignore[call-arg]
    memory.correct("1", "x")  # type: ignore[arg-type]
    memory.revert()  # type: ignore[call-arg]
    memory.add("x", supersedes="1")  # type: ignore[arg-type]
    memory.list(5)  # type: ignore[call-arg, arg-type]
    memory.export("x.jsonl")  # type: ignore[call-arg, arg-type]


def asking(memory: Memory, llm: LLM) -> None:
    memory.ask("q", verfy=True)  # type: ignore[call-arg]
    memory.ask("q", verify="yes")  # type: ignore[arg-type]
    Chat(memory, llm, sesion="tea")  # type: ignore[call-arg]


async def awaiting(memory: AsyncMemory) -> None:
    AsyncMemory(":memory:", naemspace="maya")  # type: ignore[call-arg]
    await memory.search("q", top_k=3)  # type: ignore[call-arg]
    await memory.add("x", spaeker="Ana")  # type: ignore[call-arg]
    await memory.ask("q", verfy=True)  # type: ignore[call-arg]
    str(memory.statts)  # type: ignore[attr-defined]
    len(memory.search("q"))  # type: ignore[arg-type]
