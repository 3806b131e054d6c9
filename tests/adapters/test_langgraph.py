from __future__ import annotations

import asyncio
import itertools
import json
import math
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

import pytest

pytest.importorskip("langgraph", reason="langgraph is not installed")

from hypothesis import assume, given
from hypothesis import strategies as st
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime  # noqa: TC002  # LangGraph reads the annotation
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from helamem import Config, Memory
from helamem.adapters.langgraph import HelamemStore, label
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from pathlib import Path

    from langgraph.store.base import BaseStore

TRIP_AT = (("users", "maya"), "trip")
MAY_8 = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
USERS, MAYA, ANA = ("users",), ("users", "maya"), ("users", "ana")
DIET = {"text": "Maya is allergic to peanuts.", "topic": "food", "weight": 3}
TRIP = {"text": "The flight leaves from gate B12.", "topic": "travel", "weight": 5}


def opened(path: Path) -> Memory:
    return Memory(path, config=Config(), embedder=HashingEmbedder(64))


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

    def test_an_item_is_never_updated_before_it_is_made(self) -> None:
        memory = Memory(
            ":memory:", embedder=HashingEmbedder(8), clock=itertools.count(1.7e9).__next__
        )
        store = HelamemStore(memory)
        store.put(MAYA, "diet", DIET)

        item = store.get(MAYA, "diet")

        assert item is not None
        assert item.created_at <= item.updated_at

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

    def test_an_empty_value_is_an_item(self, store: HelamemStore) -> None:
        store.put(MAYA, "nothing", {})

        assert [(MAYA, "nothing")] == keys(store.search(MAYA))

    def test_no_history_is_kept_of_old_values(self, store: HelamemStore, memory: Memory) -> None:
        for i in range(5):
            store.put(MAYA, "pin", {"text": f"The PIN is {i}."})

        [kept] = memory.list()
        assert ["added"] == [change.event for change in memory.history(kept.id)]

    def test_a_value_that_was_replaced_is_nowhere_in_the_file(self, tmp_path: Path) -> None:
        with opened(tmp_path / "memory.db") as memory:
            store = HelamemStore(memory)
            store.put(MAYA, "pin", {"text": "The PIN is QZX4411."})
            store.put(MAYA, "pin", {"text": "[redacted]"})
            assert "QZX4411" not in json.dumps(list(memory.export()))

        assert b"QZX4411" not in b"".join(each.read_bytes() for each in tmp_path.iterdir())

    def test_what_an_update_redacts_is_redacted_in_the_item(
        self, filled: HelamemStore, memory: Memory
    ) -> None:
        memory.update(1, "Maya is allergic to [redacted].")

        item = filled.get(MAYA, "diet")
        assert item is not None
        assert {"text": "Maya is allergic to [redacted]."} == item.value
        assert "peanuts" not in json.dumps(list(memory.export()))

    def test_an_item_is_never_forgotten(self, filled: HelamemStore, memory: Memory) -> None:
        memory.add("hi", session="s")
        memory.add("ho", session="s")
        memory.reinforce(memory.search("ho"), used=[5])
        later = memory.now() + timedelta(days=400)
        plan = memory.forget(at=later, dry_run=False, max_share=1)

        assert (4,) == plan.ids

        assert 3 == len(filled.search(()))

    @pytest.mark.parametrize("value", [{"at": MAY_8}, {"x": math.nan}, {"x": {1, 2}}])
    def test_what_is_not_json_is_refused(self, store: HelamemStore, value: dict[str, Any]) -> None:
        with pytest.raises(
            ValueError, match=r"The value of 'k' in \('users',\) cannot be stored.*\.$"
        ):
            store.put(USERS, "k", value)
        assert [] == store.search(())

    def test_items_are_no_neighbors_in_time(self, filled: HelamemStore, memory: Memory) -> None:
        assert 0 == memory.stats().edges["temporal"]


class TestConcurrency:
    """Whatever runs at once, a key has one item, and deleting it leaves none."""

    def test_threads(self, memory: Memory) -> None:
        store = HelamemStore(memory)
        gate = threading.Barrier(8)

        def put(i: int) -> None:
            gate.wait()
            for n in range(5):
                store.put(MAYA, f"k{n}", {"v": i})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(put, range(8)))

        assert [(MAYA, f"k{n}") for n in range(5)] == sorted(keys(store.search(MAYA, limit=99)))

    def test_tasks(self, memory: Memory) -> None:
        store = HelamemStore(memory)

        async def use() -> list[Any]:
            await asyncio.gather(*(store.aput(MAYA, "same", {"v": i}) for i in range(20)))
            found = await store.asearch(MAYA, limit=99)
            await store.adelete(MAYA, "same")
            return [len(found), await store.aget(MAYA, "same")]

        assert [1, None] == asyncio.run(use())

    def test_who_puts_and_deletes_at_once_meets_no_error(self, memory: Memory) -> None:
        store = HelamemStore(memory)

        def use(i: int) -> None:
            for n in range(20):
                if (i + n) % 2:
                    store.put(MAYA, "same", {"v": i})
                else:
                    store.delete(MAYA, "same")
                store.get(MAYA, "same")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(use, range(4)))

        assert 1 >= len(store.search(MAYA))
        assert () == memory.check()

    def test_processes(self, tmp_path: Path) -> None:
        path = tmp_path / "memory.db"
        with opened(path) as memory:
            running = [
                subprocess.Popen([sys.executable, "-c", PUT_FROM_A_PROCESS, str(path), str(i)])
                for i in range(3)
            ]
            assert [0, 0, 0] == [each.wait(timeout=120) for each in running]
            store = HelamemStore(memory)

            assert [(MAYA, f"k{n}") for n in range(10)] == sorted(
                keys(store.search(MAYA, limit=99))
            )


PUT_FROM_A_PROCESS = """
import sys
from helamem import Config, Memory
from helamem.adapters.langgraph import HelamemStore
from helamem.models.embedders import HashingEmbedder
with Memory(sys.argv[1], config=Config(), embedder=HashingEmbedder(64)) as memory:
    store = HelamemStore(memory)
    for n in range(10):
        store.put(("users", "maya"), f"k{n}", {"v": sys.argv[2]})
"""


class TestLifetimes:
    """As in LangGraph's Postgres store."""

    def store(self, memory: Memory, **ttl: Any) -> HelamemStore:
        return HelamemStore(memory, ttl=ttl)  # type: ignore[arg-type]

    def test_what_is_over_goes_with_the_next_sweep(self, memory: Memory, clock: Any) -> None:
        store = self.store(memory, default_ttl=1)
        store.put(MAYA, "default", DIET)
        store.put(MAYA, "longer", DIET, ttl=3)
        store.put(MAYA, "forever", DIET, ttl=None)

        clock.advance(59)
        assert 0 == store.sweep_ttl()
        clock.advance(1)
        assert (1, 0) == (store.sweep_ttl(), store.sweep_ttl())

        assert ["forever", "longer"] == sorted(key for _, key in keys(store.search(MAYA)))

    def test_until_then_it_is_there_unless_the_settings_omit_it(
        self, memory: Memory, clock: Any
    ) -> None:
        store = self.store(memory, default_ttl=1)
        omitting = self.store(memory, omit_expired=True)
        store.put(MAYA, "diet", DIET)
        store.put(ANA, "diet", DIET, ttl=None)
        clock.advance(60)

        assert store.get(MAYA, "diet", refresh_ttl=False) is not None
        assert omitting.get(MAYA, "diet") is None
        for query in (None, "peanuts"):
            for wanted in (None, {"topic": "food"}):
                found = omitting.search(USERS, query=query, filter=wanted)
                assert [(ANA, "diet")] == keys(found)
        assert [ANA] == omitting.list_namespaces()
        assert [ANA, MAYA] == store.list_namespaces()
        assert 1 == store.sweep_ttl()

    @pytest.mark.parametrize("read", ["get", "search"])
    def test_reading_starts_it_anew(self, memory: Memory, clock: Any, read: str) -> None:
        store = self.store(memory, default_ttl=1)
        store.put(MAYA, "diet", DIET)
        clock.advance(40)

        if read == "get":
            store.get(MAYA, "diet")
        else:
            store.search(MAYA, query="peanuts")
        clock.advance(40)

        assert 0 == store.sweep_ttl()
        clock.advance(20)
        assert 1 == store.sweep_ttl()

    def test_reading_leaves_it_alone_where_the_settings_or_the_caller_say_so(
        self, memory: Memory, clock: Any
    ) -> None:
        store = self.store(memory, default_ttl=1, refresh_on_read=False)
        store.put(MAYA, "diet", DIET)
        clock.advance(40)

        store.get(MAYA, "diet")
        store.search(MAYA)
        HelamemStore(memory).get(MAYA, "diet", refresh_ttl=False)
        clock.advance(20)

        assert 1 == store.sweep_ttl()

    def test_reading_writes_nothing_where_nothing_expires(
        self, filled: HelamemStore, memory: Memory
    ) -> None:
        before = list(memory.export())
        filled.get(MAYA, "diet")
        filled.search(MAYA, query="peanuts")

        assert before == list(memory.export())

    def test_what_is_over_is_not_revived_where_it_is_omitted(
        self, memory: Memory, clock: Any
    ) -> None:
        store = self.store(memory, default_ttl=1, omit_expired=True)
        store.put(MAYA, "diet", DIET)
        clock.advance(60)

        assert store.get(MAYA, "diet", refresh_ttl=True) is None
        assert 1 == store.sweep_ttl()

    def test_putting_again_sets_it_anew(self, memory: Memory, clock: Any) -> None:
        store = self.store(memory)
        store.put(MAYA, "diet", DIET, ttl=1)
        store.put(MAYA, "diet", DIET)
        clock.advance(1000)

        assert 0 == store.sweep_ttl()

    def test_a_read_does_not_bring_back_an_old_value(self, memory: Memory) -> None:
        store = self.store(memory, default_ttl=1)
        store.put(MAYA, "diet", DIET)
        read = memory.get_by_key('langgraph ["users", "maya", "diet"]')
        assert read is not None
        store.put(MAYA, "diet", TRIP)

        assert not memory.annotate(read, {**read.metadata, "n": 1})
        item = store.get(MAYA, "diet")
        assert item is not None
        assert TRIP == item.value

    def test_a_sweeper_sweeps_in_the_background(self, memory: Memory) -> None:
        store = self.store(memory, default_ttl=0)
        store.put(MAYA, "diet", DIET)
        swept = threading.Event()
        delete = memory.delete

        def deleting(*ids: int, **options: Any) -> tuple[int, ...]:
            gone = delete(*ids, **options)
            swept.set()
            return gone

        memory.delete = deleting  # type: ignore[method-assign, assignment]
        future = store.start_ttl_sweeper(1e-4)
        assert swept.wait(60)
        assert store.stop_ttl_sweeper()
        assert future.result(60) is None
        assert [] == store.search(MAYA)

    def test_without_lifetimes_there_is_nothing_to_sweep(self, store: HelamemStore) -> None:
        assert store.start_ttl_sweeper().done()
        assert store.stop_ttl_sweeper()

    def test_a_sweeper_can_be_cancelled(self, memory: Memory) -> None:
        store = self.store(memory, default_ttl=1)
        assert store.start_ttl_sweeper(60).cancel()
        assert store.stop_ttl_sweeper(60)

    def test_a_sweep_that_fails_is_not_the_last(
        self, memory: Memory, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = self.store(memory, default_ttl=0)
        again = threading.Event()
        calls = []

        def failing(**_: Any) -> tuple[()]:
            calls.append(1)
            if len(calls) > 1:
                again.set()
            raise RuntimeError("disk")

        memory.list = failing  # type: ignore[assignment, method-assign]
        store.start_ttl_sweeper(1e-4)
        assert again.wait(60)
        assert store.stop_ttl_sweeper()
        assert "could not be deleted" in caplog.text


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

    def test_a_key_with_dots_is_a_key_or_else_a_path(self, store: HelamemStore) -> None:
        store.put(MAYA, "key", {"user.level": "x", "user": {"level": "y"}})
        store.put(MAYA, "path", {"user": {"level": "x"}})

        assert ["key", "path"] == [
            key for _, key in keys(store.search(MAYA, filter={"user.level": "x"}))
        ]
        assert [] == store.search(MAYA, filter={"user.level": "y"})

    def test_what_is_no_number_is_neither_more_nor_less(self, store: HelamemStore) -> None:
        for key, value in {
            "text": "many",
            "none": None,
            "list": [3],
            "two": 2,
            "ten": "10",
        }.items():
            store.put(MAYA, key, {"n": value})
        store.put(MAYA, "missing", {})

        found = store.search(MAYA, filter={"n": {"$gte": 2}})
        assert ["ten", "two"] == sorted(key for _, key in keys(found))

    @pytest.mark.parametrize(
        ("condition", "message"),
        [
            ({"n": {"$near": 1}}, r"'\$near' is not an operator .* known are \$eq"),
            ({"n": {"$gt": 1, "less": 2}}, "'less' is not an operator"),
            ({"n": {"m": [{"$gt": "x"}]}}, r"\$gt compares with a number, but 'x' is not one"),
        ],
    )
    def test_a_filter_that_means_nothing_is_refused(
        self, store: HelamemStore, condition: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            store.search(MAYA, filter=condition)

    def test_a_filter_is_no_sql(self, filled: HelamemStore) -> None:
        evil = "access') = 'public' OR '1'='1' OR json_extract(value, '$."

        assert [] == filled.search(USERS, filter={evil: "x"})
        assert [] == filled.search(USERS, filter={"topic": "food' OR '1'='1"})

    def test_many_items_can_be_filtered_and_asked_for(self, store: HelamemStore) -> None:
        for i in range(300):
            store.put(MAYA, f"k{i}", {"text": f"peanut number {i}", "even": i % 2 == 0})

        found = store.search(MAYA, query="peanut", filter={"even": True}, limit=200)
        assert 150 == len(found)
        assert all(item.value["even"] for item in found)
        pages = [
            store.search(MAYA, query="peanut", filter={"even": True}, limit=50, offset=offset)
            for offset in (0, 50, 100, 150)
        ]
        assert [item.key for item in found] == [item.key for page in pages for item in page]

    def test_an_item_left_out_of_searches_is_found_by_none(
        self, store: HelamemStore, memory: Memory
    ) -> None:
        store.put(MAYA, "a", DIET, index=False)
        store.put(MAYA, "b", {"weight": None})

        assert [] == store.search(MAYA, query="peanuts")
        assert () == memory.search("peanuts").hits
        assert 2 == len(store.search(MAYA))
        store.put(MAYA, "a", DIET)
        assert 1 == len(store.search(MAYA, query="peanuts"))

    def test_the_field_that_fits_comes_first(self, memory: Memory) -> None:
        store = HelamemStore(memory, fields=["key17"])
        store.put(MAYA, "one", {"k0": "apple", "k1": "bread"}, index=["k0", "k1"])
        store.put(MAYA, "two", {"k1": "bread", "k3": "cheese"}, index=["k1", "k3"])

        for query, first in (("apple", "one"), ("cheese", "two")):
            found = store.search(MAYA, query=query)
            assert first == found[0].key
            assert (found[0].score or 0) > (found[1].score or 0)

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


NAMES = st.sampled_from(["a", "b", "a.b", "b.a.b", "a b", "$"])
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.5, -0.0, 1e300, 10**30, 10**400, "", "1", "2.5", "x", "'", "\ud83e", "\0"])
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=5,
)
BOUNDS = st.sampled_from([-1, 0, 1, 0.5, math.inf, math.nan, "1", True])
OPERATIONS = st.dictionaries(st.sampled_from(["$eq", "$ne"]), VALUES, min_size=1) | st.dictionaries(
    st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), BOUNDS, min_size=1
)
CONDITIONS = st.recursive(
    PLAIN | st.just(math.nan) | OPERATIONS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(NAMES.filter("$".__ne__), inner, max_size=2)
    ),
    max_leaves=4,
)


def fits_in_langgraph(value: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """What `InMemoryStore` says; where it fails on what is no number, no."""
    reference = InMemoryStore()
    reference.put(MAYA, "k", value)
    try:
        return bool(reference.search(MAYA, filter=wanted))
    except (TypeError, ValueError, OverflowError):
        return False


def reads_a_path(value: Any, wanted: Any) -> bool:
    """Whether a key with dots is not there, but leads into an object, as only the SQL stores have it."""
    if isinstance(wanted, dict) and isinstance(value, dict):
        return any(
            (key not in value and isinstance(value.get(key.split(".")[0]), dict) and "." in key)
            or reads_a_path(value.get(key), each)
            for key, each in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(value, list):
        return any(map(reads_a_path, value, wanted))
    return False


@given(
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.dictionaries(NAMES, CONDITIONS, min_size=1, max_size=2),
)
def test_every_filter_means_what_it_means_in_langgraph(
    value: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assume(not reads_a_path(value, wanted))
    memory = Memory(":memory:", config=Config(), embedder=HashingEmbedder(8))
    store = HelamemStore(memory)
    store.put(MAYA, "k", value)
    found = bool(store.search(MAYA, filter=wanted))
    memory.close()

    assert fits_in_langgraph(value, wanted) == found


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
        with pytest.raises(ValueError, match="not str"):
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
