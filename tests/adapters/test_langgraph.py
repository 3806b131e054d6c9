from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypedDict

import pytest

pytest.importorskip("langgraph", reason="langgraph is not installed")

from hypothesis import given
from hypothesis import strategies as st
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime  # noqa: TC002  # LangGraph reads the annotation
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from helamem import Config, Memory
from helamem.adapters.langgraph import HelamemStore, label
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

TRIP_AT = (("users", "maya"), "trip")
USERS, MAYA, ANA = ("users",), ("users", "maya"), ("users", "ana")
DIET = {"text": "Maya is allergic to peanuts.", "topic": "food", "weight": 3}
TRIP = {"text": "The flight leaves from gate B12.", "topic": "travel", "weight": 5}


@pytest.fixture
def store(memory: Memory) -> HelamemStore:
    return HelamemStore(memory)


@pytest.fixture
def filled(store: HelamemStore) -> HelamemStore:
    store.put(MAYA, "diet", DIET)
    store.put(MAYA, "trip", TRIP)
    store.put(ANA, "diet", {"text": "Ana eats everything.", "topic": "food", "weight": 1})
    return store


def keys(found: Any) -> list[tuple[tuple[str, ...], str]]:
    return [(item.namespace, item.key) for item in found]


class TestItems:
    def test_an_item_comes_back_as_it_went_in(self, filled: HelamemStore) -> None:
        item = filled.get(MAYA, "diet")

        assert item is not None
        assert (DIET, "diet", MAYA) == (item.value, item.key, item.namespace)
        assert item.created_at == item.updated_at

    def test_what_is_not_there_is_none(self, filled: HelamemStore) -> None:
        assert filled.get(MAYA, "car") is None
        assert filled.get(USERS, "diet") is None

    def test_putting_again_replaces(self, filled: HelamemStore, clock: Any, memory: Memory) -> None:
        clock.advance(60)
        filled.put(MAYA, "diet", {"text": "Maya is vegan."})
        item = filled.get(MAYA, "diet")

        assert item is not None
        assert {"text": "Maya is vegan."} == item.value
        assert 60 == (item.updated_at - item.created_at).total_seconds()
        assert 3 == memory.stats().episodes
        assert "Maya is vegan." == filled.search(MAYA, query="Who is vegan?")[0].value["text"]

    def test_deleting_leaves_the_others(self, filled: HelamemStore) -> None:
        filled.delete(MAYA, "diet")
        filled.delete(MAYA, "diet")

        assert [(MAYA, "trip"), (ANA, "diet")] == keys(filled.search(USERS))

    def test_equal_values_under_two_keys_are_two_items(self, store: HelamemStore) -> None:
        store.put(MAYA, "a", DIET)
        store.put(MAYA, "b", DIET)

        assert 2 == len(store.search(MAYA))

    def test_time_to_live_is_refused(self, store: HelamemStore) -> None:
        with pytest.raises(NotImplementedError):
            store.put(MAYA, "diet", DIET, ttl=5)

    def test_an_empty_value_is_an_item(self, store: HelamemStore) -> None:
        store.put(MAYA, "nothing", {})

        assert [(MAYA, "nothing")] == keys(store.search(MAYA))

    def test_items_are_no_neighbors_in_time(self, filled: HelamemStore, memory: Memory) -> None:
        assert 0 == memory.stats().edges["temporal"]


class TestSearch:
    def test_the_best_comes_first_with_its_score(self, filled: HelamemStore) -> None:
        found = filled.search(USERS, query="Which gate does the flight leave from?")

        assert (MAYA, "trip") == keys(found)[0]
        assert (found[0].score or 0) > (found[1].score or 0) > 0

    def test_a_search_stays_in_its_folder(self, filled: HelamemStore) -> None:
        assert {ANA} == {item.namespace for item in filled.search(ANA, query="Maya, peanuts?")}
        assert 3 == len(filled.search((), query="Maya, peanuts?"))

    def test_a_folder_is_not_the_beginning_of_a_name(self, store: HelamemStore) -> None:
        store.put(("users", "maya2"), "diet", DIET)

        assert [] == store.search(MAYA)

    def test_without_a_query_all_come_in_the_order_in_which_they_were_put(
        self, filled: HelamemStore
    ) -> None:
        found = filled.search(USERS)

        assert [(MAYA, "diet"), (MAYA, "trip"), (ANA, "diet")] == keys(found)
        assert [None, None, None] == [item.score for item in found]

    def test_pages(self, filled: HelamemStore) -> None:
        assert [(MAYA, "trip")] == keys(filled.search(USERS, limit=1, offset=1))
        everything = keys(filled.search(USERS, query="flight"))
        assert everything[1:2] == keys(filled.search(USERS, query="flight", limit=1, offset=1))

    @pytest.mark.parametrize(
        ("condition", "found"),
        [
            ({"topic": "food"}, [(MAYA, "diet"), (ANA, "diet")]),
            ({"topic": {"$ne": "food"}}, [(MAYA, "trip")]),
            ({"weight": {"$gt": 1, "$lte": 3}}, [(MAYA, "diet")]),
            ({"weight": {"$gte": 3}, "topic": {"$eq": "travel"}}, [(MAYA, "trip")]),
            ({"weight": {"$lt": 1}}, []),
            ({"text": "*"}, []),
        ],
    )
    def test_filters_mean_what_they_mean_in_langgraph(
        self, filled: HelamemStore, condition: dict[str, Any], found: list[Any]
    ) -> None:
        reference = InMemoryStore()
        for item in filled.search(()):
            reference.put(item.namespace, item.key, item.value)

        assert found == keys(filled.search(USERS, filter=condition))
        assert found == keys(reference.search(USERS, filter=condition))

    def test_filters_reach_into_objects(self, store: HelamemStore) -> None:
        store.put(MAYA, "a", {"place": {"city": "Rome"}})
        store.put(MAYA, "b", {"place": {"city": "Oslo"}})

        assert [(MAYA, "a")] == keys(store.search(MAYA, filter={"place": {"city": "Rome"}}))

    def test_only_the_fields_named_are_searched(self, memory: Memory) -> None:
        store = HelamemStore(memory, fields=["text"])
        store.put(MAYA, "a", {"text": "red", "note": "blue"})
        store.put(MAYA, "b", {"text": "red", "note": "blue"}, index=["note"])
        store.put(MAYA, "c", {"text": "blue"}, index=False)

        assert [(MAYA, "b"), (MAYA, "a")] == keys(store.search(MAYA, query="blue"))
        assert 3 == len(store.search(MAYA))

    def test_other_memories_are_no_items(self, filled: HelamemStore, memory: Memory) -> None:
        memory.add("Maya is allergic to peanuts, I heard.", speaker="Ben")
        memory.consolidate()

        assert 3 == len(filled.search((), query="peanuts"))
        assert 3 == len(filled.search(()))

    def test_what_served_is_learned(self, filled: HelamemStore, memory: Memory) -> None:
        def score() -> float:
            found = filled.search(USERS, query="Where does it go?")
            return next(item.score or 0 for item in found if (item.namespace, item.key) == TRIP_AT)

        before = score()
        memory.reinforce(memory.search("Where does it go?"), used=[2])

        assert score() > before


class TestNamespaces:
    @pytest.mark.parametrize(
        ("options", "found"),
        [
            ({}, [("docs",), ANA, MAYA, ("users", "maya", "old")]),
            ({"prefix": USERS}, [ANA, MAYA, ("users", "maya", "old")]),
            ({"prefix": ("*", "maya")}, [MAYA, ("users", "maya", "old")]),
            ({"suffix": ("old",)}, [("users", "maya", "old")]),
            ({"max_depth": 1}, [("docs",), USERS]),
            ({"max_depth": 2, "prefix": USERS}, [ANA, MAYA]),
            ({"limit": 1, "offset": 1}, [ANA]),
        ],
    )
    def test_listing_means_what_it_means_in_langgraph(
        self, filled: HelamemStore, options: dict[str, Any], found: list[Any]
    ) -> None:
        filled.put(("docs",), "a", {"text": "x"})
        filled.put(("users", "maya", "old"), "a", {"text": "x"})
        reference: BaseStore = InMemoryStore()
        for item in filled.search(()):
            reference.put(item.namespace, item.key, item.value)

        assert found == filled.list_namespaces(**options)
        assert found == reference.list_namespaces(**options)

    def test_an_address_becomes_a_label(self, store: HelamemStore) -> None:
        store.put(("users", label("maya@example.com")), "diet", DIET)

        assert 1 == len(store.search(("users", label("maya@example.com"))))

    @given(st.text(), st.text())
    def test_labels_are_valid_and_tell_texts_apart(self, one: str, other: str) -> None:
        assert label(one)
        assert not {".", "\x00"} & set(label(one))
        assert (one == other) == (label(one) == label(other)) or "%" in (label(one), label(other))


class TestBatches:
    def test_operations_are_carried_out_in_order(self, store: HelamemStore) -> None:
        results = store.batch(
            [
                PutOp(MAYA, "a", {"text": "one"}),
                GetOp(MAYA, "a"),
                SearchOp(USERS),
                PutOp(MAYA, "a", None),
                GetOp(MAYA, "a"),
                ListNamespacesOp((MatchCondition("prefix", USERS),)),
            ]
        )

        assert results[1].value == {"text": "one"}  # type: ignore[union-attr]
        assert 1 == len(results[2])  # type: ignore[arg-type]
        assert [None, None, None, []] == [results[0], *results[3:]]

    def test_an_unknown_operation_is_refused(self, store: HelamemStore) -> None:
        with pytest.raises(ValueError, match="unknown operation: str"):
            store.batch(["get"])  # type: ignore[list-item]

    def test_it_works_asynchronously(self, store: HelamemStore) -> None:
        async def use() -> Any:
            await store.aput(MAYA, "diet", DIET)
            return await store.asearch(MAYA, query="peanuts")

        assert [(MAYA, "diet")] == keys(asyncio.run(use()))


class State(TypedDict):
    question: str
    found: str


def test_a_graph_remembers_with_it() -> None:
    def remember(state: State, runtime: Runtime) -> dict[str, str]:
        assert runtime.store is not None
        runtime.store.put(MAYA, "diet", DIET)
        return {}

    def recall(state: State, runtime: Runtime) -> dict[str, str]:
        assert runtime.store is not None
        return {"found": runtime.store.search(MAYA, query=state["question"])[0].value["text"]}

    builder = StateGraph(State)
    builder.add_node("remember", remember)
    builder.add_node("recall", recall)
    builder.add_edge(START, "remember")
    builder.add_edge("remember", "recall")
    builder.add_edge("recall", END)
    memory = Memory(":memory:", config=Config(), embedder=HashingEmbedder(64))
    graph = builder.compile(store=HelamemStore(memory))

    assert DIET["text"] == graph.invoke({"question": "Peanuts?", "found": ""})["found"]
