# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of updating an episode."""

from __future__ import annotations

from helamem.errors import NotFoundError, StoreError
from helamem.records import Change
from helamem.testing import samples
from helamem.testing.base import Contract


class UpdatingContract(Contract):
    """An episode's text can be replaced."""

    def test_text_metadata_vector_and_words_are_replaced(self) -> None:
        [id_] = samples.add(self.store, "Maya is allergic to peanuts.", metadata={"n": 1})

        changed = samples.episode("Maya is allergic to almonds.", metadata={"n": 2}, traits=3)
        self.store.update(id_, changed, at=5.0)

        [memory] = self.store.get([id_])
        assert ("Maya is allergic to almonds.", {"n": 2}) == (memory.text, memory.metadata)
        assert changed.vector.tobytes() == self.store.vectors(samples.ints(id_)).tobytes()
        found = samples.postings(self.store, "peanuts", "almonds")
        assert [0.0, 1.0] == found.document_frequency.tolist()
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
        assert 3.0 == samples.postings(self.store, "one").mean_length

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
            Change(id=id_, event="added", at=samples.moment(samples.STORED_AT)),
            Change(id=id_, event="updated", at=samples.moment(5.0), text="one"),
            Change(id=id_, event="updated", at=samples.moment(6.0), text="two"),
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
