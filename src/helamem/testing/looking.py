# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of looking up: memories by their ids, history, filters, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem import filters
from helamem.errors import NotFoundError
from helamem.records import Change, Episode, Fact
from helamem.testing import samples
from helamem.testing.base import Contract, raising

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helamem.protocols import Store


class LookingContract(Contract):
    """Memories by id, by kind, by condition; and how many there are."""

    def test_memories_come_in_the_order_asked_for(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        fact = samples.add_fact(self.store, "a fact", a)

        found = self.store.get([fact, b, a, b])

        assert [fact, b, a, b] == [memory.id for memory in found]
        assert [Fact, Episode, Episode, Episode] == [type(memory) for memory in found]
        assert [] == self.store.get([])

    def test_a_cue_is_not_a_memory(self) -> None:
        [a] = samples.add(self.store, "one")
        cue = self.store.learn(samples.lesson(used=[a], cue=samples.cue("which?"))).cue
        assert cue is not None

        with raising(NotFoundError):
            self.store.get([cue])

    def test_history_begins_with_the_adding(self) -> None:
        [a] = samples.add(self.store, "one", stored_at=3.5)

        assert [Change(id=a, event="added", at=samples.moment(3.5))] == self.store.history(a)

    def test_conditions_mean_what_matches_says(self) -> None:
        ids = _store_varied(self.store)
        rows = {memory.id: filterable(memory) for memory in self.store.get(ids)}

        for conditions in CONDITIONS:
            where = filters.parse(conditions)
            assert where is not None
            expected = [id_ for id_ in ids if filters.matches(where, rows[id_])]

            assert (conditions, expected) == (
                conditions,
                self.store.ids(kinds=["episode", "fact"], where=where).tolist(),
            )

    def test_conditions_keep_to_the_kinds_asked_for(self) -> None:
        _store_varied(self.store)
        where = filters.parse({"speaker": {"exists": True}})

        for kind in ("episode", "fact"):
            found = self.store.ids(kinds=[kind], where=where).tolist()
            assert self.store.ids(kinds=[kind]).tolist() == found
            assert found

    def test_there_is_as_much_as_was_stored(self) -> None:
        a, b, c = (
            samples.add(self.store, text, at=at)[0]
            for text, at in (("a", 7.5), ("b", 3.5), ("c", 5.5))
        )
        [x] = samples.add(self.store, "x", session="t", speaker="Ben", at=4.5)
        old, new = (
            samples.add_fact(self.store, "then", a, x),
            samples.add_fact(self.store, "now", b),
        )
        self.store.supersede(old, new, at=9.0)
        self.store.learn(
            samples.lesson({(a, b): 1.0, (b, c): 1.0}, used=[a, b], cue=samples.cue("which?"))
        )

        stats = self.store.stats()

        assert ("main", self.dimension) == (stats.namespace, stats.dimension)
        assert (4, 1, 1, 2) == (stats.episodes, stats.facts, stats.cues, stats.sessions)
        assert ["Ana", "Ben"] == sorted(stats.speakers)
        assert {"temporal": 2, "learned": 2, "cue": 2, "source": 1} == dict(stats.edges)
        assert (samples.moment(3.5), samples.moment(7.5)) == (stats.first_at, stats.last_at)

    def test_an_empty_store_counts_nothing(self) -> None:
        stats = self.store.stats()

        assert (0, 0, 0, 0) == (stats.episodes, stats.facts, stats.cues, stats.sessions)
        assert ((), None, None) == (stats.speakers, stats.first_at, stats.last_at)
        assert {0} == set(stats.edges.values())


def filterable(memory: Episode | Fact) -> dict[str, Any]:
    """A memory as `filters.matches` takes it; a fact has no role and no session."""
    row = {
        "id": memory.id,
        "kind": "episode" if isinstance(memory, Episode) else "fact",
        "text": memory.text,
        "speaker": memory.speaker,
        "at": memory.at.timestamp(),
        "stored_at": memory.stored_at.timestamp(),
        "metadata": memory.metadata,
    }
    if isinstance(memory, Episode):
        row |= {"role": memory.role, "session": memory.session}
    return row


CONDITIONS: tuple[Mapping[str, object], ...] = (
    {"speaker": "Ana"},
    {"speaker": ["Ana", "Zoe"]},
    {"speaker": {"icontains": "AN"}},
    {"speaker": {"contains": "an"}},
    {"speaker": ""},
    {"text": {"icontains": "TURN"}},
    {"role": "user"},
    {"role": {"exists": False}},
    {"session": {"nin": ["s", "t"]}},
    {"session": "*"},
    {"kind": "fact"},
    {"id": {"gt": 2}},
    {"at": {"gte": "2024-01-01T00:00:00Z", "lt": "2024-03-01T00:00:00Z"}},
    {"timestamp": {"lte": "2024-02-01T00:00:00+00:00"}},
    {"stored_at": {"gt": "2030-01-01T00:00:00Z"}},
    {"n": 1},
    {"n": 1.0},
    {"n": "1"},
    {"n": True},
    {"n": None},
    {"n": {"ne": 1}},
    {"n": {"in": [2, "1", None]}},
    {"n": {"gt": 1}},
    {"n": {"lte": "2"}},
    {"n": {"gt": 2**60}},
    {"n": {"exists": True}},
    {"n": {"not": {"gte": 0}}},
    {"tags": {"contains": "red"}},
    {"tags": {"contains": 1}},
    {"tags": {"icontains": "STRASSE"}},
    {"tags": "red"},
    {"place.city": "Köln"},
    {"metadata.place.city": {"icontains": "KÖLN"}},
    {"place": "*"},
    {"place.city.part": "*"},
    {"a.b": 1},
    {"speaker": "x' OR 1=1 --"},
    {"x' OR 1=1 --": 1},
    {'quo"ted': 1},
    {"back\\slash": 1},
    {"": 1},
    {"0": 1},
    {"OR": [{"n": 1}, {"speaker": "Zoe"}]},
    {"AND": [{"n": {"gte": 0}}, {"NOT": {"speaker": "Ana"}}]},
    {"OR": []},
    {"NOT": [{"n": 1}, {"n": 2}]},
)

VARIED: tuple[dict[str, Any], ...] = (
    {},
    {"n": 1, "tags": ["red", "blue"], "place": {"city": "Köln"}},
    {"n": 1.0, "tags": "red", "place": "Köln"},
    {"n": "1", "tags": [1, None, True], "place": {"city": "köln"}},
    {"n": True, "tags": [], "place": {"city": {"part": 1}}},
    {"n": None, "tags": ["Straße"]},
    {"n": 2, "tags": {"red": 1}, "a": {"b": 1}, "a.b": 2},
    {"n": 2**70, "tags": ["a\x00red"], 'quo"ted': 1, "back\\slash": 1, "": 1, "$.n": 1},
    {"n": [1, 2], "0": 1, "x' OR 1=1 --": 1},
    {"n": -5, "tags": "\ud800 red"},
)


def _store_varied(store: Store) -> list[int]:
    """Store episodes and facts that differ in every field that filters use."""
    ids = [
        samples.add(
            store,
            f"turn {i}",
            speaker=("Ana", "Ben", "", "Joanna")[i % 4],
            role=("user", "", "assistant")[i % 3],
            session=("s", "t", "")[i % 3],
            at=1_704_000_000.0 + 1_000_000 * i,
            metadata=metadata,
        )[0]
        for i, metadata in enumerate(VARIED)
    ]
    facts = [
        samples.add_fact(store, f"fact {i}", ids[0], speaker="Zoe" if i else "", metadata=metadata)
        for i, metadata in enumerate(VARIED[:3])
    ]
    return [*ids, *facts]
