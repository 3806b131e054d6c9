from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("langchain_core", reason="langchain-core is not installed")

from langchain_core.runnables import RunnableLambda

from helamem.adapters.langchain import HelamemRetriever

if TYPE_CHECKING:
    from helamem import Memory

MAY_8 = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
ALLERGY = "Maya is allergic to peanuts."


@pytest.fixture
def filled(memory: Memory) -> Memory:
    memory.add(ALLERGY, speaker="Ana", at=MAY_8, session="s1", metadata={"topic": "food"})
    memory.add("The flight leaves from gate B12.", speaker="Ben", at=MAY_8, session="s2")
    return memory


def test_documents_say_what_is_remembered_and_where_it_comes_from(filled: Memory) -> None:
    document = HelamemRetriever(memory=filled).invoke("What must Maya not eat? Peanuts?")[0]

    assert (ALLERGY, "1") == (document.page_content, document.id)
    assert {
        "id": 1,
        "kind": "episode",
        "speaker": "Ana",
        "session": "s1",
        "at": "2023-05-08T13:56:00+00:00",
        "path": "direct",
        "sources": [1],
        "topic": "food",
    }.items() <= document.metadata.items()
    assert document.metadata["score"] > 0


def test_number_and_filters_are_respected(filled: Memory) -> None:
    retriever = HelamemRetriever(memory=filled, k=1, filters={"speaker": "Ben"})

    assert ["2"] == [document.id for document in retriever.invoke("peanuts")]


def test_it_runs_in_a_chain(filled: Memory) -> None:
    chain = HelamemRetriever(memory=filled, k=1) | RunnableLambda(lambda docs: docs[0].page_content)

    assert "The flight leaves from gate B12." == chain.invoke("Which gate?")


def test_it_runs_asynchronously(filled: Memory) -> None:
    found = asyncio.run(HelamemRetriever(memory=filled).ainvoke("peanuts"))

    assert "1" == found[0].id


def test_what_served_can_be_learned(filled: Memory) -> None:
    recall = filled.search("peanuts")
    documents = HelamemRetriever(memory=filled).invoke("peanuts")
    filled.reinforce(recall, used=[int(documents[0].id or 0)])

    assert 1 == filled.get(1).uses


def test_retrieving_writes_nothing(filled: Memory) -> None:
    before = list(filled.export())
    HelamemRetriever(memory=filled).invoke("peanuts")

    assert before == list(filled.export())
