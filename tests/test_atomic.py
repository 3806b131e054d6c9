"""What is one step happens as one step: it is broken in the middle, and others come between."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from helamem import Config, Memory, Turn
from helamem.errors import StoreError
from helamem.models.embedders import HashingEmbedder
from helamem.models.scripted import ScriptedLLM
from helamem.stores.sqlite.database import Database
from helamem.stores.sqlite.store import Block, SQLiteStore
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from helamem.protocols import Message
    from helamem.records import Json

pytestmark = pytest.mark.slow

DAY_S = 86_400.0
DENSE = {"consolidation.min_strength": 0.5, "consolidation.min_degree": 1}
EAGER = {
    **DENSE,
    "forgetting.max_strength": 5.0,
    "forgetting.max_share": 1.0,
    "storage.batch_size": 4,
}
TURNS = (
    "Maya is allergic to peanuts and to almonds.",
    "Ben bakes bread with walnuts on Sundays.",
    "Maya plays the cello in a small orchestra.",
    "Dinner for Maya is planned on Friday evening.",
    "The garden gate is broken since the storm.",
)


def opened(path: Path | str = ":memory:", settings: Mapping[str, Any] = DENSE) -> Memory:
    config = Config.of("default", **settings)
    embedder = HashingEmbedder(samples.DIMENSION)
    return Memory(path, config=config, embedder=embedder, clock=lambda: 1.7e9)


def learned(memory: Memory) -> Memory:
    """Turns of one speaker, three of which served together."""
    memory.add([{"text": each, "speaker": "Maya"} for each in TURNS], session="s")
    for _ in range(8):
        memory.reinforce(memory.search("What about Maya?"), used=[1, 3, 4])
    return memory


def filled(memory: Memory) -> Memory:
    """The same, and a fact made of these."""
    learned(memory).consolidate(llm=False)
    assert memory.facts()
    return memory


def everything(memory: Memory) -> dict[str, Any]:
    return samples.snapshot(memory._store)


class Failing:
    """Lets SQLite fail at one statement that writes: the first, the second, ..."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at, self.n = -1, 0
        for name in ("execute", "many"):
            monkeypatch.setattr(Database, name, self._failing(getattr(Database, name)))

    def _failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def run(database: Database, query: str, *values: Any) -> Any:
            if query.startswith(("INSERT", "UPDATE", "DELETE")):
                self.n += 1
                if self.n - 1 == self.at:
                    raise sqlite3.OperationalError("broken in the middle")
            return real(database, query, *values)

        return run

    def each_time(self) -> Iterator[int]:
        """Fail at each statement in turn, for as long as there is one more."""
        for i in itertools.count():
            self.at, self.n = i, 0
            yield i

    @contextlib.contextmanager
    def mended(self) -> Iterator[None]:
        """Nothing fails inside."""
        at, self.at = self.at, -1
        yield
        self.at, self.n = at, 0


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    return Failing(monkeypatch)


@functools.cache
def exported() -> list[str]:
    """A whole memory, with something of everything."""
    memory = opened(settings=EAGER)
    memory.add("Something else was said before.")
    filled(memory)
    memory.add("And after it.", session="t")
    return [json.dumps(line) for line in memory.export()]


OF_ONE_MEMORY: dict[str, Callable[[Memory], Any]] = {
    "add": lambda m: m.add(["One more turn.", "And another one."]),
    "update": lambda m: m.update(1, "Maya is allergic to hazelnuts only."),
    "update metadata": lambda m: m.update(1, metadata={"n": 1}),
    "delete": lambda m: m.delete(1, 4),
    "forget": lambda m: m.forget(dry_run=False, at=m.now().replace(year=2030)),
    "put": lambda m: m._store_item(Turn("An item.", metadata={"helamem.key": "k"})),
    "import an export": lambda m: m.import_(exported()),
    "import turns": lambda m: m.import_(f'{{"text": "Turn number {i}."}}' for i in range(9)),
    "reinforce": lambda m: m.reinforce(m.search("Who bakes?"), used=[2, 5], unhelpful=[1]),
}


@pytest.mark.parametrize("deed", OF_ONE_MEMORY)
def test_what_breaks_in_the_middle_changes_nothing(deed: str, failing: Failing) -> None:
    exported()  # while nothing fails yet
    memory = filled(opened(settings=EAGER))
    before = everything(memory)
    broken = 0
    for _ in failing.each_time():
        try:
            OF_ONE_MEMORY[deed](memory)
        except StoreError:
            broken += 1
            with failing.mended():
                assert before == everything(memory)
            continue
        break

    assert broken > 2
    assert before != everything(memory)
    assert () == memory.check()


def test_an_update_to_what_another_turn_says_changes_nothing() -> None:
    memory = filled(opened())
    before = everything(memory)

    with pytest.raises(StoreError, match="says the same already"):
        memory.update(1, TURNS[1])

    assert before == everything(memory)


def test_a_consolidation_that_breaks_leaves_whole_clusters_and_is_made_good(
    failing: Failing,
) -> None:
    expected = sorted(fact.text for fact in filled(opened()).facts())
    for i in failing.each_time():
        with failing.mended():
            memory = learned(opened())
            before = everything(memory)
        try:
            memory.consolidate(llm=False)
        except StoreError:
            with failing.mended():
                assert before == everything(memory)
                memory.consolidate(llm=False)
                assert expected == sorted(fact.text for fact in memory.facts())
            continue
        assert i > 2
        return


class Between:
    """Lets somebody else act just before a handle's next transaction begins."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
        real = SQLiteStore.transaction

        def transaction(store: SQLiteStore) -> Any:
            monkeypatch.setattr(SQLiteStore, "transaction", real)
            act()
            return store.transaction()

        monkeypatch.setattr(SQLiteStore, "transaction", transaction)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Memory, Memory]]:
    """Two handles on one file."""
    with (
        opened(tmp_path / "m.db", EAGER) as one,
        opened(tmp_path / "m.db", EAGER) as other,
    ):
        yield one, other


def test_a_fact_that_comes_just_before_a_deletion_keeps_no_deleted_words(
    pair: tuple[Memory, Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    learned(other)
    Between(monkeypatch, lambda: other.consolidate(llm=False))

    one.delete(1)

    assert not [fact for fact in one.facts(superseded=True) if "peanuts" in fact.text]


def test_what_was_just_reinforced_is_not_forgotten(
    pair: tuple[Memory, Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    one.add(list(TURNS))
    other.reinforce(other.search("bread"), used=[2])
    later = one.now().replace(year=2030)
    assert {1, 3, 4, 5} == set(one.forget(at=later).ids)
    Between(monkeypatch, lambda: other.reinforce(other.search("gate"), used=[3, 5], at=later))

    plan = one.forget(dry_run=False, at=later)

    assert {1, 4} == set(plan.ids)
    assert {2, 3, 5} == {memory.id for memory in one.list()}


def test_metadata_that_is_updated_at_once_with_the_text_loses_neither(
    pair: tuple[Memory, Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    one.add("Maya is allergic to peanuts.", metadata={"n": 1})
    Between(monkeypatch, lambda: other.update(1, "Maya is allergic to almonds."))

    one.update(1, metadata={"n": 2})

    kept = other.get(1)
    assert ("Maya is allergic to almonds.", {"n": 2}) == (kept.text, kept.metadata)


def test_a_cue_that_went_meanwhile_is_not_missed(
    pair: tuple[Memory, Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    one.add(list(TURNS))
    one.reinforce(one.search("Who bakes?"), used=[2])
    recall = one.search("Who bakes?")
    Between(monkeypatch, lambda: other.delete(2))

    assert 0 < one.reinforce(recall, used=[3]).bound


def one_fact_each(messages: Sequence[Message]) -> dict[str, Any]:
    inside = messages[-1]["content"].split("<episodes>\n")[1].split("</episodes>")[0]
    said = [json.loads(line) for line in inside.splitlines()]
    return {
        "facts": [
            {
                "text": each["text"],
                "kind": "statement",
                "about": "",
                "sources": [each["id"]],
                "valid_from": "",
                "relation": "new",
                "old": None,
            }
            for each in said
        ]
    }


class TestTwoConsolidations:
    """While one model thinks, somebody else does something."""

    def consolidated(self, memory: Memory, meanwhile: Callable[[], object]) -> Any:
        acts = [meanwhile]

        def thinking(messages: Sequence[Message]) -> dict[str, Any]:
            said = one_fact_each(messages)
            if acts:
                acts.pop()()
            return said

        return memory.consolidate(llm=ScriptedLLM(thinking))

    def test_of_overlapping_stretches_nothing_is_stored_twice(
        self, pair: tuple[Memory, Memory]
    ) -> None:
        one, other = pair
        ids = [*one.add(list(TURNS[:3])).ids]

        def meanwhile() -> None:
            ids.extend(other.add(TURNS[3]).ids)
            other.consolidate(llm=ScriptedLLM(one_fact_each))
            ids.extend(other.add(TURNS[4]).ids)

        self.consolidated(one, meanwhile)
        one.consolidate(llm=ScriptedLLM(one_fact_each))

        assert ids == sorted(s for fact in one.facts() for s in fact.sources)

    def test_what_only_this_one_read_is_distilled_all_the_same(
        self, pair: tuple[Memory, Memory]
    ) -> None:
        one, other = pair
        other.add(list(TURNS[:2]))
        early = ScriptedLLM(one_fact_each)

        def slow(messages: Sequence[Message]) -> dict[str, Any]:
            one.add(list(TURNS[2:4]))
            one.consolidate(llm=early)
            return one_fact_each(messages)

        report = other.consolidate(llm=ScriptedLLM(slow))

        assert (1, 0) == (len(early.calls), report.clusters)
        assert [1, 2, 3, 4] == sorted(s for fact in one.facts() for s in fact.sources)

    def test_a_turn_corrected_meanwhile_gives_no_fact_of_the_old_text(
        self, pair: tuple[Memory, Memory]
    ) -> None:
        one, other = pair
        one.add(list(TURNS[:2]))

        report = self.consolidated(one, lambda: other.update(1, "Maya eats what she likes."))

        assert () == one.facts()
        assert "Memory 1 has changed since it was read" in report.failed[0]
        one.consolidate(llm=ScriptedLLM(one_fact_each))
        assert "Maya eats what she likes." in {fact.text for fact in one.facts()}

    def test_a_known_fact_that_went_meanwhile_is_no_longer_concerned(
        self, pair: tuple[Memory, Memory]
    ) -> None:
        one, other = pair
        one.add(TURNS[0])
        one.consolidate(llm=ScriptedLLM(one_fact_each))
        (old,) = one.facts()
        one.add(TURNS[1])

        def meanwhile(messages: Sequence[Message]) -> dict[str, Any]:
            other.delete(old.id)
            reply = one_fact_each(messages)
            reply["facts"][0] |= {"relation": "replaces", "old": old.id}
            return reply

        report = one.consolidate(llm=ScriptedLLM(meanwhile))

        assert () == report.failed
        assert [TURNS[1]] == [fact.text for fact in one.facts()]


def test_consolidating_reads_one_state(
    pair: tuple[Memory, Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = filled(pair[0]), pair[1]
    real = Block.nodes
    turns = iter(["One comes between."])

    def nodes(seen: Block, ids: Any) -> Any:
        found = real(seen, ids)
        text = next(turns, None)
        if text is not None:
            (id_,) = other.add(text).ids
            other.reinforce(other.search("peanuts"), used=[1, id_])
            other.delete(2)
        return found

    monkeypatch.setattr(Block, "nodes", nodes)

    assert one.consolidate(llm=False).hubs
    assert [] == list(turns)
    assert () == one.check()


def test_an_export_is_of_one_moment(pair: tuple[Memory, Memory]) -> None:
    one, other = filled(pair[0]), pair[1]
    lines = one.export()
    header = next(lines)

    other.delete(1, 2, 3)

    kinds = [line["type"] for line in lines]
    assert "helamem" == header["type"]
    assert 5 == kinds.count("episode")
    fresh = opened()
    fresh.import_(json.dumps(line) for line in one.export())
    assert 2 == fresh.stats().episodes


def test_an_extracted_fact_never_replaces_what_a_model_said() -> None:
    memory = opened(settings={**DENSE, "reflection.min_cluster": 8})
    told: Json = {
        "text": "Maya is allergic to peanuts.",
        "kind": "trait",
        "about": "Maya",
        "sources": [1],
        "valid_from": "",
        "relation": "new",
        "old": None,
    }
    learned(memory).consolidate(llm=ScriptedLLM([{"facts": [told]}]))

    added = memory.consolidate(llm=False).facts_added

    assert added
    assert "Maya is allergic to peanuts." in {fact.text for fact in memory.facts()}
