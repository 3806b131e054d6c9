# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of reading: neighbours, vectors, words, filters, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import filters
from helamem.core.vectors import normalize
from helamem.errors import NotFoundError
from helamem.protocols import ASKS, NAMES_TIME, ROLES, Term
from helamem.records import Change, Episode, Fact
from helamem.testing import samples
from helamem.testing.base import Contract, raising
from helamem.testing.writing import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helamem.protocols import Floats, Ints, NodeKind, Store


class SequenceContract(Contract):
    """Turns follow one another within their session."""

    def test_neighbors_are_the_turns_of_the_same_session(self) -> None:
        a, x, b, y, c = (
            samples.add(self.store, text, session=session)[0]
            for text, session in (("a", "s"), ("x", "t"), ("b", "s"), ("y", "t"), ("c", "s"))
        )

        nodes = self.store.nodes(samples.ints(a, b, c, x, y))

        assert [0, a, b, 0, x] == nodes.previous.tolist()
        assert [b, c, 0, y, 0] == nodes.next.tolist()
        assert [True, True, True, False, False] == (nodes.sessions == nodes.sessions[0]).tolist()

    def test_order_is_that_of_adding_whatever_the_times_say(self) -> None:
        later, earlier = (
            samples.add(self.store, "b", at=9.0)[0],
            samples.add(self.store, "a", at=1.0)[0],
        )

        assert [earlier] == self.store.nodes(samples.ints(later)).next.tolist()

    def test_a_removal_in_the_middle_joins_its_neighbors(self) -> None:
        a, b, c, d = samples.add(self.store, "a", "b", "c", "d")

        self.store.remove([b, c], at=5.0)

        nodes = self.store.nodes(samples.ints(a, d))
        assert ([0, a], [d, 0]) == (nodes.previous.tolist(), nodes.next.tolist())
        assert [a, d] == self.store.around(samples.ints(a), 1).tolist()

    def test_a_session_goes_on_after_its_last_turn_was_removed(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        self.store.remove([b], at=5.0)

        [(c, _)] = self.store.add(samples.episodes("c"), link=0.5, now=0.0)

        assert [a] == self.store.nodes(samples.ints(c)).previous.tolist()
        assert {(a, c): 0.5, (c, a): 0.5} == samples.weights(self.store.all_edges())

    def test_a_session_may_begin_again_after_all_of_it_was_removed(self) -> None:
        self.store.remove(samples.add(self.store, "a", "b"), at=5.0)

        [(c, _)] = self.store.add(samples.episodes("c"), link=0.5, now=0.0)

        assert [0] == self.store.nodes(samples.ints(c)).previous.tolist()
        assert [] == samples.rows(self.store.all_edges())

    def test_around_reaches_so_many_turns_both_ways(self) -> None:
        a, b, c, d, e = samples.add(self.store, *"abcde")
        [x] = samples.add(self.store, "x", session="t")

        assert [c] == self.store.around(samples.ints(c), 0).tolist()
        assert [b, c, d] == self.store.around(samples.ints(c), 1).tolist()
        assert [a, b, c, x] == self.store.around(samples.ints(x, a), 2).tolist()
        assert [a, b, c, d, e] == self.store.around(samples.ints(c, e), 9).tolist()
        assert [] == self.store.around(samples.ints(), 2).tolist()

    def test_nothing_lies_around_facts_and_cues(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        fact = samples.add_fact(self.store, "a fact", a)
        cue = self.store.learn(samples.lesson(used=[b], cue=samples.cue("which?"))).cue
        assert cue is not None

        nodes = self.store.nodes(samples.ints(fact, cue))

        assert [fact, cue] == self.store.around(samples.ints(cue, fact), 3).tolist()
        assert ([0, 0], [0, 0]) == (nodes.previous.tolist(), nodes.next.tolist())
        assert [-1, -1] == nodes.sessions.tolist()

    def test_nodes_come_in_the_order_asked_for(self) -> None:
        a, b = (
            samples.add(self.store, "one two", speaker="Ben", at=3.5, traits=ASKS + NAMES_TIME)[0],
            samples.add(self.store, "three", speaker="", at=2.5)[0],
        )
        fact = samples.add_fact(self.store, "a fact about Ben", a, speaker="Ben", at=1.5)

        nodes = self.store.nodes(samples.ints(fact, a, b, a))

        names = self.store.speakers()
        assert [fact, a, b, a] == nodes.ids.tolist()
        assert [0, 0, 0, 0] == nodes.roles.tolist()
        assert [1, 0, 0, 0] == nodes.kinds.tolist()
        assert [4.0, 2.0, 1.0, 2.0] == nodes.lengths.tolist()
        assert [1.5, 3.5, 2.5, 3.5] == nodes.at.tolist()
        assert [0, 3, 0, 3] == nodes.traits.tolist()
        assert ["Ben", "Ben", None, "Ben"] == [names[i] if i >= 0 else None for i in nodes.speakers]

    def test_roles_are_those_of_the_turns(self) -> None:
        ids = [
            samples.add(self.store, f"by {role}", role=role)[0]
            for role in ("user", "assistant", "tool", "")
        ]

        assert ["user", "assistant", "other", "other"] == [
            ROLES[code] for code in self.store.nodes(samples.ints(*ids)).roles
        ]

    def test_during_are_the_active_nodes_of_some_periods(self) -> None:
        a, b, c, d = (samples.add(self.store, f"at {at}", at=at)[0] for at in (1.0, 2.0, 3.0, 9.0))
        fact = samples.add_fact(self.store, "a fact", a, at=2.5)

        def during(*periods: tuple[float, float], within: Ints | None = None) -> list[int]:
            starts, ends = np.array(periods, np.float64).reshape(-1, 2).T
            kinds: tuple[NodeKind, ...] = ("episode", "fact")
            return [int(id_) for id_ in self.store.during(starts, ends, kinds=kinds, within=within)]

        assert [b, fact] == during((2.0, 3.0))
        assert [a, b, d, fact] == during((5.0, float("inf")), (float("-inf"), 3.0))
        assert [b, c, fact] == during((2.0, 3.0), (1.5, 4.0))
        assert [c] == during((2.0, 4.0), within=samples.ints(a, c, d))
        assert [] == during() == during((4.0, 5.0))

    def test_speakers_are_named_once(self) -> None:
        for speaker in ("Ana", "Ben", "", "Ana"):
            samples.add(self.store, f"by {speaker}", speaker=speaker, session=speaker)

        assert ["Ana", "Ben"] == sorted(self.store.speakers())


class SearchingContract(Contract):
    """The nearest by meaning, and where words are."""

    def test_an_empty_store_finds_nothing(self) -> None:
        ids, cosines = self.store.nearest(samples.vector("x"), 5, kinds=["episode"])
        found = self.store.postings(["word"], max_rows=9)

        assert ([], []) == (ids.tolist(), cosines.tolist())
        assert ([], [0.0], 0, 0.0) == (
            found.ids.tolist(),
            found.document_frequency.tolist(),
            found.n_documents,
            found.mean_length,
        )
        assert [] == self.store.vectors(samples.ints()).tolist()
        assert 0 == len(self.store.nodes(samples.ints()).ids)

    def test_nearest_is_what_all_cosines_say(self) -> None:
        generator = np.random.default_rng(2)
        ids, given = _store_random(self.store, 60, generator)
        for query in normalize(generator.normal(size=(5, self.dimension)).astype(np.float32)):
            cosines = given.astype(np.float64) @ query
            expected = np.argsort(-cosines)

            for k in (0, 1, 7, 60, 100):
                found, scores = self.store.nearest(query, k, kinds=["episode"])

                assert [ids[i] for i in expected[:k]] == found.tolist()
                np.testing.assert_allclose(scores, cosines[expected[:k]], atol=1e-6)

    def test_of_equals_the_older_comes_first(self) -> None:
        vectors = np.eye(self.dimension, dtype=np.float32)[[0, 1, 1, 0, 1]]
        ids = [
            self.store.add([samples.episode(f"turn {i}", vector=each)], link=0.0, now=0.0)[0][0]
            for i, each in enumerate(vectors)
        ]

        found, cosines = self.store.nearest(vectors[1], 4, kinds=["episode"])

        assert ([ids[i] for i in (1, 2, 4, 0)], [1.0, 1.0, 1.0, 0.0]) == (
            found.tolist(),
            cosines.tolist(),
        )

    def test_nearest_of_some_kinds(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        fact = samples.add_fact(self.store, "a fact", a)
        cue = self.store.learn(samples.lesson(used=[b], cue=samples.cue("which?"))).cue
        expected: dict[NodeKind, list[int | None]] = {
            "episode": [a, b],
            "fact": [fact],
            "cue": [cue],
        }

        for kind, ids in expected.items():
            assert ids == sorted(
                self.store.nearest(samples.vector("x"), 9, kinds=[kind])[0].tolist()
            )
        assert [a, b, fact] == sorted(
            self.store.nearest(samples.vector("x"), 9, kinds=["fact", "episode"])[0].tolist()
        )
        assert [] == self.store.nearest(samples.vector("x"), 9, kinds=[])[0].tolist()

    def test_nearest_within_some_ids(self) -> None:
        ids, given = _store_random(self.store, 30, np.random.default_rng(3))
        query = samples.vector("x")

        for step in (1, 2, 7, 29):
            within = ids[::step]
            cosines = given[::step].astype(np.float64) @ query
            found, _ = self.store.nearest(query, 5, kinds=["episode"], within=samples.ints(*within))

            assert [within[i] for i in np.argsort(-cosines)[:5]] == found.tolist()
        assert (
            [] == self.store.nearest(query, 5, kinds=["episode"], within=samples.ints())[0].tolist()
        )
        assert (
            []
            == self.store.nearest(query, 5, kinds=["fact"], within=samples.ints(*ids))[0].tolist()
        )

    def test_similarities_come_in_the_order_asked_for(self) -> None:
        ids, given = _store_random(self.store, 30, np.random.default_rng(4))
        query = samples.vector("x")
        for chosen in ([3, 0, 29, 3], list(range(30)), [5], []):
            similarities = self.store.similarities(query, samples.ints(*(ids[i] for i in chosen)))

            np.testing.assert_allclose(similarities, given[chosen] @ query, atol=1e-6)

    def test_postings_are_what_counting_says(self) -> None:
        generator = np.random.default_rng(5)
        vocabulary = [f"w{i}" for i in range(12)]
        texts = [
            " ".join(vocabulary[i] for i in generator.geometric(0.25, size=n) % 12)
            for n in generator.integers(1, 9, size=40)
        ]
        ids = samples.add(self.store, *[f"{text} t{i}" for i, text in enumerate(texts)])
        asked = [*reversed(vocabulary), "nowhere"]

        found = self.store.postings(asked, max_rows=10**6)

        expected = [
            (asked.index(term.term), id_, float(term.count), term.rank)
            for i, (id_, text) in enumerate(zip(ids, texts, strict=True))
            for term in samples.terms(f"{text} t{i}")
            if term.term in asked
        ]
        rows = zip(
            found.terms.tolist(),
            found.ids.tolist(),
            found.counts.tolist(),
            found.ranks.tolist(),
            strict=True,
        )
        assert sorted(expected) == sorted(rows)
        n_with = [sum(term in text.split() for text in texts) for term in asked]
        assert n_with == found.document_frequency.tolist()
        lengths = [len(text.split()) + 1 for text in texts]
        assert (40, sum(lengths) / 40) == (found.n_documents, found.mean_length)

    def test_frequent_terms_are_left_out_beyond_the_budget(self) -> None:
        samples.add(
            self.store,
            *[f"all {'half' if i % 2 else ''} {'one' if i == 3 else ''} {i}" for i in range(8)],
        )
        asked = ["all", "one", "nowhere", "half"]

        for budget, expected in ((13, {0, 1, 3}), (12, {1, 3}), (5, {1, 3}), (4, {1}), (0, {1})):
            found = self.store.postings(asked, max_rows=budget)

            assert expected == set(found.terms.tolist())
            assert [8.0, 1.0, 0.0, 4.0] == found.document_frequency.tolist()

    def test_the_rarest_term_is_never_left_out(self) -> None:
        samples.add(self.store, *[f"all {i}" for i in range(8)])

        assert 8 == len(self.store.postings(["all"], max_rows=1).ids)

    def test_facts_have_words_and_cues_have_none(self) -> None:
        [a] = samples.add(self.store, "said")
        fact = samples.add_fact(self.store, "peanuts harm Maya", a)
        self.store.learn(samples.lesson(used=[a], cue=samples.cue("peanuts?")))

        found = self.store.postings(["peanuts"], max_rows=9)

        assert ([fact], 2, 2.0) == (found.ids.tolist(), found.n_documents, found.mean_length)

    def test_words_of_any_script_are_told_apart(self) -> None:
        given = ["naïve", "naive", "日本", "日", "\u02bc", "a\x00b", "a", "\U0001f95c"]
        ids = [
            self.store.add(
                [samples.episode(word, terms=[Term(term=word, count=1, rank=0)])],
                link=0.0,
                now=0.0,
            )[0][0]
            for word in given
        ]

        found = self.store.postings(given, max_rows=99)

        assert list(enumerate(ids)) == sorted(
            zip(found.terms.tolist(), found.ids.tolist(), strict=True)
        )

    def test_unknown_ids_are_refused(self) -> None:
        [a] = samples.add(self.store, "a")
        for unknown in (a + 1, 0, -1):
            missing = samples.ints(a, unknown)
            for read in (
                lambda missing=missing: self.store.nodes(missing),
                lambda missing=missing: self.store.around(missing, 1),
                lambda missing=missing: self.store.vectors(missing),
                lambda missing=missing: self.store.similarities(samples.vector("x"), missing),
                lambda missing=missing: self.store.get(missing.tolist()),
                lambda missing=missing: self.store.history(int(missing[1])),
            ):
                with raising(NotFoundError):
                    read()


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

        assert [Change(id=a, event="added", at=moment(3.5))] == self.store.history(a)

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
        assert (moment(3.5), moment(7.5)) == (stats.first_at, stats.last_at)

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


def _store_random(store: Store, n: int, generator: np.random.Generator) -> tuple[list[int], Floats]:
    given = normalize(generator.normal(size=(n, samples.DIMENSION)).astype(np.float32))
    new = [samples.episode(f"turn {i}", vector=each) for i, each in enumerate(given)]
    return [id_ for id_, _ in store.add(new, link=0.0, now=0.0)], given
