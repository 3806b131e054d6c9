# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of removing: what goes along, and what stays."""

from __future__ import annotations

from helamem.errors import NotFoundError
from helamem.testing import samples
from helamem.testing.base import Contract, raising


class RemovingContract(Contract):
    """Removed memories are gone everywhere, with everything that rests on them alone."""

    def test_no_reading_finds_what_was_removed(self) -> None:
        a, b = samples.add(self.store, "Maya hates peanuts", "Ben likes almonds")
        self.store.learn(samples.lesson({(a, b): 0.5}))

        assert [a] == self.store.remove([a], at=5.0)

        assert [b] == self.store.ids(kinds=["episode"]).tolist()
        assert [b] == self.store.nearest(samples.vector("x"), 5, kinds=["episode"])[0].tolist()
        assert [] == samples.rows(self.store.all_edges())
        found = samples.postings(self.store, "peanuts", "almonds")
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
        ):
            with raising(NotFoundError):
                read()

    def test_history_tells_that_it_went_but_not_what_it_said(self) -> None:
        [id_] = samples.add(self.store, "one")
        self.store.update(id_, samples.episode("two"), at=5.0)

        self.store.remove([id_], at=6.0)

        changes = self.store.history(id_)
        assert ("deleted", samples.moment(6.0)) == (changes[-1].event, changes[-1].at)
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
        found = samples.postings(self.store, "then")
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
