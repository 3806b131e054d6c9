from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("langchain_core", reason="langchain-core is not installed")

from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from helamem.adapters.langchain import HelamemRetriever, HelamemVectorStore

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


def test_a_question_may_ask_for_a_number_of_its_own(filled: Memory) -> None:
    retriever = HelamemRetriever(memory=filled)

    assert 1 == len(retriever.invoke("peanuts", k=1))
    assert 2 == len(retriever.invoke("peanuts"))


def test_association_brings_no_more_than_that(filled: Memory) -> None:
    for _ in range(5):
        filled.reinforce(filled.search("peanuts"), used=[1, 2])

    assert 1 == len(HelamemRetriever(memory=filled, k=1).invoke("peanuts"))


@pytest.mark.parametrize("question", ["", "  ", "\n"])
def test_a_blank_question_brings_nothing(filled: Memory, question: str) -> None:
    assert [] == HelamemRetriever(memory=filled).invoke(question)


def test_own_metadata_keep_their_names(memory: Memory) -> None:
    own: dict[str, Any] = {
        "score": "A",
        "id": "B7",
        "session": "mine",
        "speaker": "me",
        "helamem.keep": True,
    }
    memory.add(ALLERGY, speaker="Ana", session="s1", metadata=own)
    found = HelamemRetriever(memory=memory).invoke("peanuts")[0].metadata

    del own["helamem.keep"]
    assert own.items() <= found.items()
    assert "helamem.keep" not in found
    ours = found["helamem"]
    assert (1, "s1", "Ana") == (ours["id"], ours["session"], ours["speaker"])
    assert ours["score"] > 0


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


class TestVectorStore:
    @pytest.fixture
    def store(self, memory: Memory) -> HelamemVectorStore:
        return HelamemVectorStore(memory)

    def test_documents_come_back_as_they_were_added(self, store: HelamemVectorStore) -> None:
        added = [
            Document(page_content=ALLERGY, metadata={"topic": "food", "id": 7}, id="diet"),
            Document(page_content="The flight leaves from gate B12.", metadata={}, id="trip"),
        ]
        assert ["diet", "trip"] == store.add_documents(added)

        assert added == store.get_by_ids(["diet", "none", "trip"])
        assert added == store.similarity_search("Is Maya allergic to peanuts?")
        assert added[1:] == store.similarity_search("Which gate?", k=1)
        assert added[:1] == store.similarity_search("gate", filter={"topic": "food"})
        assert [] == store.similarity_search(" ")

    def test_a_known_id_is_replaced(self, store: HelamemVectorStore, memory: Memory) -> None:
        store.add_texts([ALLERGY], ids=["diet"])
        store.add_texts(["Maya is vegan."], ids=["diet"])

        assert ["Maya is vegan."] == [each.text for each in memory.list()]
        assert not any(change.text for change in memory.history(1))

    def test_other_memories_are_no_documents(
        self, store: HelamemVectorStore, memory: Memory
    ) -> None:
        memory.add("Peanuts are legumes.")
        store.add_texts([ALLERGY], ids=["diet"])

        assert ["diet"] == [each.id for each in store.similarity_search("peanuts")]
        assert store.delete()
        assert ["Peanuts are legumes."] == [each.text for each in memory.list()]
        assert store.delete()

    def test_scores_fall(self, store: HelamemVectorStore) -> None:
        store.add_texts([ALLERGY, "The flight leaves from gate B12."])

        scores = [score for _, score in store.similarity_search_with_score("Which gate?")]
        assert sorted(scores, reverse=True) == scores

    def test_it_is_made_from_texts_on_a_memory(self, memory: Memory) -> None:
        store = HelamemVectorStore.from_texts([ALLERGY], memory=memory)

        assert [ALLERGY] == [each.page_content for each in store.similarity_search("peanuts")]
        with pytest.raises(TypeError, match=r"needs memory=Memory\(\.\.\.\)"):
            HelamemVectorStore.from_texts([ALLERGY])

    def test_nothing_is_stored_where_numbers_differ(
        self, store: HelamemVectorStore, memory: Memory
    ) -> None:
        with pytest.raises(ValueError, match="shorter"):
            store.add_texts([ALLERGY, "Two."], ids=["a"])
        with pytest.raises(ValueError, match="shorter"):
            store.add_texts([ALLERGY, "Two."], [{}])
        with pytest.raises(ValueError, match="text"):
            store.add_texts([ALLERGY, " "])
        assert 0 == memory.stats().episodes
