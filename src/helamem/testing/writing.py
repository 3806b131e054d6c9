# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of writing: adding, updating, removing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from helamem.core.vectors import normalize
from helamem.errors import NotFoundError, StoreError
from helamem.protocols import Heard
from helamem.records import Change, Episode
from helamem.testing import samples
from helamem.testing.base import Contract, raising

if TYPE_CHECKING:
    from helamem.records import Json

EVERYTHING = (
    "\U0001f95c שָׁלוֹם مرحبا \x00 \x07 \x1b[0m \u202e\ufeff e\u0301 'quoted' \"; DROP TABLE node"
)
METADATA: dict[str, Json] = {
    "topic": "food",
    "n": 3,
    "share": 0.1,
    "huge": 2**63,
    "true": True,
    "nothing": None,
    "place": {"city": "Köln", "": [1, "two", {"three": []}]},
    EVERYTHING: EVERYTHING,
}


def moment(seconds: float) -> datetime:
    """Epoch seconds as a time."""
    return datetime.fromtimestamp(seconds, UTC)


class AddingContract(Contract):
    """Stored turns are read back unchanged, once each."""

    def test_a_handle_knows_its_namespace(self) -> None:
        assert "main" == self.store.namespace

    def test_an_episode_comes_back_as_it_went_in(self) -> None:
        given = samples.episode(
            "Maya is allergic to peanuts.",
            role="user",
            at=1_715_000_000.123456,
            stored_at=-1.5,
            metadata=METADATA,
            uses=3,
            used_at=1_716_000_000.5,
        )

        [(id_, new)] = self.store.add([given], link=0.0, now=0.0)

        assert new
        expected = Episode(
            id=id_,
            text="Maya is allergic to peanuts.",
            speaker="Ana",
            role="user",
            session="s",
            at=moment(1_715_000_000.123456),
            stored_at=moment(-1.5),
            metadata=METADATA,
            uses=3,
            used_at=moment(1_716_000_000.5),
        )
        assert [expected] == self.store.get([id_])

    def test_any_text_comes_back(self) -> None:
        given = [EVERYTHING, " ", "a" * 1_000_000]

        ids = samples.add(
            self.store, *given, speaker=EVERYTHING, role=EVERYTHING, session=EVERYTHING
        )

        assert given == [memory.text for memory in self.store.get(ids)]
        [first, *_] = self.store.get(ids)
        assert isinstance(first, Episode)
        assert (EVERYTHING, EVERYTHING, EVERYTHING) == (first.speaker, first.role, first.session)

    def test_vectors_come_back_bit_by_bit(self) -> None:
        drawn = np.random.default_rng(1).normal(size=(20, self.dimension)).astype(np.float32)
        given = np.concatenate([normalize(drawn), np.zeros((2, self.dimension), np.float32)])
        given[20, 0], given[21, 0] = -0.0, 1e-42  # a sign, and a number below the normal ones

        ids = [
            self.store.add([samples.episode(f"turn {i}", vector=each)], link=0.0, now=0.0)[0][0]
            for i, each in enumerate(given)
        ]

        assert given.tobytes() == self.store.vectors(samples.ints(*ids)).tobytes()
        assert (
            given[[7, 2, 7]].tobytes()
            == self.store.vectors(samples.ints(*(ids[i] for i in (7, 2, 7)))).tobytes()
        )

    def test_what_was_read_does_not_change_later(self) -> None:
        [id_] = samples.add(self.store, "Maya is allergic to peanuts.")
        ids = samples.ints(id_)
        vectors, nodes = self.store.vectors(ids), self.store.nodes(ids)
        read = vectors.tobytes(), samples.rows(nodes)

        self.store.update(id_, samples.episode("Only to almonds, then."), at=1.0)
        samples.add(self.store, "Noted.")
        self.store.nodes(ids)

        assert read == (vectors.tobytes(), samples.rows(nodes))

    def test_ids_are_positive_and_ascend(self) -> None:
        ids = samples.add(self.store, "one", "two", "three") + samples.add(self.store, "four")

        assert ids == sorted(set(ids))
        assert ids[0] > 0
        assert ids == self.store.ids(kinds=["episode"]).tolist()

    def test_the_same_turn_is_stored_once(self) -> None:
        first, again = samples.episode("one"), samples.episode("one", metadata={"later": True})

        [(one, new)] = self.store.add([first], link=0.0, now=0.0)
        before = samples.snapshot(self.store)

        assert new
        assert [(one, False)] == self.store.add([again], link=1.0, now=5.0)
        assert before == samples.snapshot(self.store)

    def test_the_same_turn_twice_in_one_call_is_stored_once(self) -> None:
        one, two = samples.episodes("one", "two")

        added = self.store.add([one, two, one, two], link=0.5, now=0.0)

        ids = self.store.ids(kinds=["episode"]).tolist()
        assert 2 == len(ids)
        assert [(ids[0], True), (ids[1], True), (ids[0], False), (ids[1], False)] == added

    def test_keys_are_known_by_their_episodes(self) -> None:
        given = samples.episodes(*(f"turn {i}" for i in range(1200)))
        ids = [id_ for id_, _ in self.store.add(given, link=0.0, now=0.0)]

        keys = [each.key for each in given]
        assert dict(zip(keys, ids, strict=True)) == self.store.known([*keys, b"another"])
        assert {} == self.store.known([])
        assert {} == self.store_of("other").known(keys)

    def test_the_latest_turns_of_a_session_are_heard(self) -> None:
        samples.add(self.store, "one", "two", "three")
        samples.add(self.store, "elsewhere", session="t")

        heard = self.store.heard("s", last=2)

        assert [
            Heard(key=samples.episode(text).key, role="", speaker="Ana", text=text, at=samples.AT)
            for text in ("two", "three")
        ] == heard
        assert [] == self.store.heard("nowhere", last=2)
        assert [] == self.store_of("other").heard("s", last=2)

    def test_a_turn_keeps_its_key_and_the_offset_of_its_clock(self) -> None:
        given = samples.episode("one", offset=9 * 3600), samples.episode("two")
        ids = [id_ for id_, _ in self.store.add(given, link=0.0, now=0.0)]

        assert [(given[1].key, None), (given[0].key, 9 * 3600)] == self.store.origins(ids[::-1])
        at = [memory.at for memory in self.store.get(ids)]
        assert [timedelta(hours=9), timedelta(0)] == [each.utcoffset() for each in at]
        assert at[0] == at[1]
        with self.unchanged(NotFoundError):
            self.store.origins([*ids, ids[-1] + 1])

    def test_adding_nothing_adds_nothing(self) -> None:
        assert [] == self.store.add([], link=0.5, now=0.0)
        assert [] == self.store.ids(kinds=["episode", "fact", "cue"]).tolist()

    def test_a_link_wires_a_new_turn_to_the_one_before_it_in_its_session(self) -> None:
        first, other, second = (
            samples.episode("one"),
            samples.episode("elsewhere", session="t"),
            samples.episode("two"),
        )

        (a, _), (_, _), (b, _) = self.store.add([first, other, second], link=0.25, now=7.0)
        [(c, _)] = self.store.add(samples.episodes("three"), link=0.75, now=9.0)

        learned = samples.LEARNED
        expected = [(a, b, 0.25, 7.0), (b, a, 0.25, 7.0), (b, c, 0.75, 9.0), (c, b, 0.75, 9.0)]
        assert [(s, t, learned, w, at) for s, t, w, at in expected] == samples.rows(
            self.store.all_edges()
        )

    def test_without_a_link_no_edge_is_stored(self) -> None:
        samples.add(self.store, "one", "two")

        assert [] == samples.rows(self.store.all_edges())

    def test_a_batch_with_one_bad_vector_adds_nothing(self) -> None:
        samples.add(self.store, "zero")
        for bad in (np.ones(self.dimension + 1), np.full(self.dimension, np.nan)):
            wrong = samples.episode("three", vector=bad.astype(np.float32))
            with self.unchanged(ValueError):
                self.store.add([*samples.episodes("one", "two"), wrong], link=0.5, now=0.0)


class UpdatingContract(Contract):
    """An episode's text can be replaced."""

    def test_text_metadata_vector_and_words_are_replaced(self) -> None:
        [id_] = samples.add(self.store, "Maya is allergic to peanuts.", metadata={"n": 1})

        changed = samples.episode("Maya is allergic to almonds.", metadata={"n": 2}, traits=3)
        self.store.update(id_, changed, at=5.0)

        [memory] = self.store.get([id_])
        assert ("Maya is allergic to almonds.", {"n": 2}) == (memory.text, memory.metadata)
        assert changed.vector.tobytes() == self.store.vectors(samples.ints(id_)).tobytes()
        assert [0.0, 1.0] == self.store.postings(
            ["peanuts", "almonds"], max_rows=9
        ).document_frequency.tolist()
        assert [3] == self.store.nodes(samples.ints(id_)).traits.tolist()

    def test_a_search_sees_the_new_vector_at_once(self) -> None:
        [id_] = samples.add(self.store, "peanuts")
        self.store.nearest(samples.vector("?"), 1, kinds=["episode"])

        self.store.update(id_, samples.episode("almonds"), at=5.0)

        _, [cosine] = self.store.nearest(samples.vector("almonds"), 1, kinds=["episode"])
        assert abs(cosine - 1.0) < 1e-6

    def test_lengths_follow(self) -> None:
        a, _ = samples.add(self.store, "one two three", "four")

        self.store.update(a, samples.episode("one two three four five"), at=5.0)

        assert [5.0] == self.store.nodes(samples.ints(a)).lengths.tolist()
        assert 3.0 == self.store.postings(["one"], max_rows=9).mean_length

    def test_id_time_place_uses_and_edges_stay(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(samples.lesson({(a, b): 0.5}, used=[a, b]))
        source = samples.add_fact(self.store, "a fact", b)
        edges, [before] = self.store.all_edges(), self.store.get([b])

        self.store.update(
            b, samples.episode("deux", at=9.0, session="elsewhere", stored_at=9.0), at=5.0
        )

        nodes, [after] = self.store.nodes(samples.ints(b)), self.store.get([b])
        assert (a, c) == (nodes.previous[0], nodes.next[0])
        assert samples.rows(edges) == samples.rows(self.store.all_edges())
        assert [(b,)] == [each.sources for each in self.store.facts() if each.id == source]
        for name in ("id", "at", "stored_at", "session", "speaker", "uses", "used_at"):
            assert getattr(before, name) == getattr(after, name)

    def test_history_keeps_the_old_texts(self) -> None:
        [id_] = samples.add(self.store, "one")

        self.store.update(id_, samples.episode("two"), at=5.0)
        self.store.update(id_, samples.episode("three"), at=6.0)

        assert [
            Change(id=id_, event="added", at=moment(samples.STORED_AT)),
            Change(id=id_, event="updated", at=moment(5.0), text="one"),
            Change(id=id_, event="updated", at=moment(6.0), text="two"),
        ] == self.store.history(id_)

    def test_a_turn_is_known_by_what_it_came_as(self) -> None:
        [id_] = samples.add(self.store, "one")

        self.store.update(id_, samples.episode("two"), at=5.0)

        assert [(id_, False)] == self.store.add(samples.episodes("one"), link=0.0, now=0.0)
        assert {samples.episode("one").key: id_} == self.store.known(
            [samples.episode("one").key, samples.episode("two").key]
        )

    def test_a_turn_does_not_come_to_say_what_another_says(self) -> None:
        [one, two] = samples.add(self.store, "one", "two")
        [elsewhere] = samples.add(self.store, "two", session="t")

        with self.unchanged(StoreError):
            self.store.update(one, samples.episode("two"), at=5.0)

        self.store.update(elsewhere, samples.episode("one", session="t"), at=5.0)
        self.store.update(two, samples.episode("two", metadata={"n": 1}), at=5.0)

    def test_only_metadata_may_change(self) -> None:
        [id_] = samples.add(self.store, "one")

        self.store.update(id_, samples.episode("one", metadata={"n": 1}), at=5.0)

        assert [{"n": 1}] == [memory.metadata for memory in self.store.get([id_])]

    def test_only_an_episode_that_is_there_can_be_updated(self) -> None:
        [id_] = samples.add(self.store, "one")
        fact = samples.add_fact(self.store, "a fact", id_)

        for missing in (fact, fact + 1, 0, -1):
            with self.unchanged(NotFoundError):
                self.store.update(missing, samples.episode("two"), at=5.0)


class RemovingContract(Contract):
    """Removed memories are gone everywhere, with everything that rests on them alone."""

    def test_no_reading_finds_what_was_removed(self) -> None:
        a, b = samples.add(self.store, "Maya hates peanuts", "Ben likes almonds")
        self.store.learn(samples.lesson({(a, b): 0.5}))

        assert [a] == self.store.remove([a], at=5.0)

        assert [b] == self.store.ids(kinds=["episode"]).tolist()
        assert [b] == self.store.nearest(samples.vector("x"), 5, kinds=["episode"])[0].tolist()
        assert [] == samples.rows(self.store.all_edges())
        found = self.store.postings(["peanuts", "almonds"], max_rows=9)
        assert ([0.0, 1.0], 1, 3.0) == (
            found.document_frequency.tolist(),
            found.n_documents,
            found.mean_length,
        )
        gone = samples.ints(a)
        for read in (
            lambda: self.store.get([b, a]),
            lambda: self.store.vectors(gone),
            lambda: self.store.nodes(gone),
            lambda: self.store.around(gone, 1),
            lambda: self.store.similarities(samples.vector("x"), gone),
        ):
            with raising(NotFoundError):
                read()

    def test_history_tells_that_it_went_but_not_what_it_said(self) -> None:
        [id_] = samples.add(self.store, "one")
        self.store.update(id_, samples.episode("two"), at=5.0)

        self.store.remove([id_], at=6.0)

        changes = self.store.history(id_)
        assert ("deleted", moment(6.0)) == (changes[-1].event, changes[-1].at)
        assert {None} == {change.text for change in changes}

    def test_an_id_is_never_used_again(self) -> None:
        ids = samples.add(self.store, "one", "two")
        self.store.remove(ids, at=5.0)

        assert samples.add(self.store, "three")[0] > max(ids)

    def test_a_removed_turn_can_be_stored_again(self) -> None:
        [id_] = samples.add(self.store, "one")
        self.store.remove([id_], at=5.0)

        [(again, new)] = self.store.add(samples.episodes("one"), link=0.0, now=0.0)

        assert new
        assert again > id_

    def test_a_fact_goes_with_its_last_episode(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        of_a = samples.add_fact(self.store, "rests on one", a)
        of_both = samples.add_fact(self.store, "rests on both", a, b)

        assert {a, of_a} == set(self.store.remove([a], at=5.0))
        assert [(of_both, (b,))] == [(fact.id, fact.sources) for fact in self.store.facts()]
        assert {b, of_both} == set(self.store.remove([b], at=6.0))
        assert [] == self.store.facts()
        assert [c] == self.store.ids(kinds=["episode", "fact"]).tolist()

    def test_a_fact_goes_when_all_its_episodes_go_at_once(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        of_both = samples.add_fact(self.store, "rests on both", a, b)

        assert {a, b, of_both} == set(self.store.remove([a, b], at=5.0))

    def test_a_superseded_fact_goes_with_its_episodes_too(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        old, new = samples.add_fact(self.store, "then", a), samples.add_fact(self.store, "now", b)
        self.store.supersede(old, new, at=5.0)

        assert {a, old} == set(self.store.remove([a], at=6.0))
        assert [new] == [fact.id for fact in self.store.facts(superseded=True)]

    def test_a_fact_can_be_removed_by_itself(self) -> None:
        [a] = samples.add(self.store, "one")
        fact = samples.add_fact(self.store, "rests on one", a)

        assert [fact] == self.store.remove([fact], at=5.0)
        assert [] == samples.rows(self.store.all_edges())
        assert [a] == self.store.ids(kinds=["episode", "fact"]).tolist()

    def test_what_a_removed_fact_had_replaced_holds_again(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        old, new = samples.add_fact(self.store, "then", a), samples.add_fact(self.store, "now", b)
        edges = samples.weights(self.store.edges(samples.ints(old)), samples.SOURCE)
        self.store.supersede(old, new, at=5.0)

        self.store.remove([new], at=6.0)

        assert [(old, None)] == [(fact.id, fact.superseded_by) for fact in self.store.facts()]
        assert [old] == self.store.ids(kinds=["fact"]).tolist()
        found = self.store.postings(["then"], max_rows=9)
        assert ([old], [1.0], 3) == (
            found.ids.tolist(),
            found.document_frequency.tolist(),
            found.n_documents,
        )
        assert edges == samples.weights(self.store.edges(samples.ints(old)), samples.SOURCE)

    def test_of_a_chain_of_facts_only_the_last_one_holds(self) -> None:
        sources = samples.add(self.store, "one", "two", "three")
        first, second, third = (
            samples.add_fact(self.store, text, source)
            for text, source in zip(("then", "later", "now"), sources, strict=True)
        )
        self.store.supersede(first, second, at=5.0)
        self.store.supersede(second, third, at=6.0)

        self.store.remove([second], at=7.0)

        found = {fact.id: fact.superseded_by for fact in self.store.facts(superseded=True)}
        assert {first: third, third: None} == found

    def test_a_cue_that_nothing_is_bound_to_any_more_goes(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        of_a = self.store.learn(samples.lesson(used=[a], cue=samples.cue("only one?"))).cue
        of_both = self.store.learn(samples.lesson(used=[a, b], cue=samples.cue("both?"))).cue

        self.store.remove([a], at=5.0)

        assert [of_both] == [id_ for id_, *_ in self.store.cues()]
        assert [of_both] == self.store.ids(kinds=["cue"]).tolist()
        assert of_a is not None
        with raising(NotFoundError):
            self.store.vectors(samples.ints(of_a))

    def test_an_id_named_twice_is_removed_once(self) -> None:
        a, b = samples.add(self.store, "one", "two")

        assert [a] == self.store.remove([a, a], at=5.0)
        assert [b] == self.store.ids(kinds=["episode"]).tolist()

    def test_a_cue_can_be_removed_by_itself(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        cue = self.store.learn(samples.lesson(used=[a, b], cue=samples.cue("which?"))).cue
        assert cue is not None

        assert [cue] == self.store.remove([cue], at=5.0)
        assert ([], []) == (self.store.cues(), samples.rows(self.store.all_edges()))
        assert [a, b] == self.store.ids(kinds=["episode", "cue"]).tolist()

    def test_one_unknown_id_leaves_all_of_them(self) -> None:
        ids = samples.add(self.store, "one", "two")

        for missing in (ids[1] + 1, 0, -1):
            with self.unchanged(NotFoundError):
                self.store.remove([*ids, missing], at=5.0)

    def test_removing_nothing_removes_nothing(self) -> None:
        samples.add(self.store, "one")

        assert [] == self.store.remove([], at=5.0)
        assert 1 == len(self.store.ids(kinds=["episode"]))
