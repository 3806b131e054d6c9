# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of facts: their sources, what supersedes them, and distillation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.errors import NotFoundError
from helamem.protocols import ChangedFact, Distillate
from helamem.records import Change, Fact
from helamem.testing import samples
from helamem.testing.base import Contract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import NewFact


class FactContract(Contract):
    """Facts rest on episodes, and may be replaced."""

    def test_a_fact_comes_back_as_it_went_in(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        given = samples.fact(
            "Maya avoids peanuts.",
            b,
            a,
            kind="trait",
            confidence=0.75,
            speaker="Maya",
            at=3.5,
            stored_at=4.5,
            metadata={"model": "none"},
            uses=2,
            used_at=9.5,
        )

        [id_] = self.store.add_facts([given], cluster=b"cluster")

        expected = Fact(
            id=id_,
            text="Maya avoids peanuts.",
            kind="trait",
            confidence=0.75,
            sources=(a, b),
            at=samples.moment(3.5),
            stored_at=samples.moment(4.5),
            speaker="Maya",
            metadata={"model": "none"},
            uses=2,
            used_at=samples.moment(9.5),
        )
        assert [expected] == self.store.get([id_]) == self.store.facts()

    def test_a_fact_and_its_episodes_are_joined_both_ways(self) -> None:
        a, b = samples.add(self.store, "a", "b")

        fact = samples.add_fact(self.store, "a fact", a, b)

        ones = dict.fromkeys([(a, fact), (fact, a), (b, fact), (fact, b)], 1.0)
        assert ones == samples.weights(self.store.all_edges(), samples.SOURCE)

    def test_a_source_named_twice_counts_once(self) -> None:
        [a] = samples.add(self.store, "a")

        fact = samples.add_fact(self.store, "a fact", a, a)

        assert [(fact, (a,))] == [(each.id, each.sources) for each in self.store.facts()]

    def test_a_cluster_is_recorded_with_its_facts_and_without(self) -> None:
        [a] = samples.add(self.store, "a")

        self.store.add_facts([samples.fact("a fact", a)], cluster=b"one")
        self.store.add_facts([], cluster=b"two")
        self.store.add_facts([], cluster=b"two")

        assert {b"one", b"two"} == self.store.clusters()
        assert {b"two"} == self.store.clusters(among=[b"two", b"three"])
        assert set() == self.store.clusters(among=[])

    def test_facts_without_their_episodes_are_not_stored(self) -> None:
        [a] = samples.add(self.store, "a")
        fact = samples.add_fact(self.store, "a fact", a)

        for missing in (fact, fact + 1):  # a fact is no source
            with self.unchanged(NotFoundError):
                self.store.add_facts(
                    [samples.fact("good", a), samples.fact("bad", a, missing)], cluster=b"new"
                )

    def test_facts_are_listed_oldest_first(self) -> None:
        [a] = samples.add(self.store, "a")
        ids = [samples.add_fact(self.store, text, a) for text in ("one", "two", "three")]

        assert ids == [fact.id for fact in self.store.facts()]

    def test_a_superseded_fact_leaves_every_search(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        old, new = (
            samples.add_fact(self.store, "tea then", a),
            samples.add_fact(self.store, "coffee", b),
        )
        self.store.learn(samples.lesson({(old, b): 0.5}))
        self.store.nodes(samples.ints(old))

        self.store.supersede(old, new, at=5.0)

        assert [new] == self.store.ids(kinds=["fact"]).tolist()
        assert [new] == self.store.nearest(samples.vector("x"), 9, kinds=["fact"])[0].tolist()
        found = samples.postings(self.store, "tea")
        assert ([], [0.0], 3, 1.0) == (
            found.ids.tolist(),
            found.document_frequency.tolist(),
            found.n_documents,
            found.mean_length,
        )
        assert old not in {
            t for _, t, *_ in samples.rows(self.store.edges(samples.ints(a, b, new)))
        }

    def test_a_superseded_fact_is_listed_when_asked_for(self) -> None:
        [a] = samples.add(self.store, "a")
        old, new = samples.add_fact(self.store, "then", a), samples.add_fact(self.store, "now", a)

        self.store.supersede(old, new, at=5.0)

        assert [new] == [fact.id for fact in self.store.facts()]
        listed = {fact.id: fact.superseded_by for fact in self.store.facts(superseded=True)}
        assert {old: new, new: None} == listed
        assert [(old, new)] == [
            (each.id, each.superseded_by)
            for each in self.store.get([old])
            if isinstance(each, Fact)
        ]
        assert (
            Change(id=old, event="superseded", at=samples.moment(5.0))
            == self.store.history(old)[-1]
        )

    def test_a_fact_superseded_twice_is_counted_once(self) -> None:
        [a] = samples.add(self.store, "a")
        old, new, newest = (
            samples.add_fact(self.store, text, a) for text in ("then", "now", "soon")
        )

        self.store.supersede(old, new, at=5.0)
        self.store.supersede(old, newest, at=6.0)

        assert 3 == samples.postings(self.store, "then").n_documents
        assert {old: newest, new: None, newest: None} == {
            fact.id: fact.superseded_by for fact in self.store.facts(superseded=True)
        }

    def test_no_fact_supersedes_a_turn(self) -> None:
        [a] = samples.add(self.store, "a")
        fact = samples.add_fact(self.store, "a fact", a)

        for old, new in ((a, fact), (fact, fact + 1), (fact + 1, fact)):
            with self.unchanged(NotFoundError):
                self.store.supersede(old, new, at=5.0)

    def test_no_fact_supersedes_itself(self) -> None:
        [a] = samples.add(self.store, "a")
        fact = samples.add_fact(self.store, "a fact", a)

        with self.unchanged(ValueError):
            self.store.supersede(fact, fact, at=5.0)

    def test_facts_do_not_supersede_one_another_in_a_circle(self) -> None:
        [a] = samples.add(self.store, "a")
        first, second, third = (samples.add_fact(self.store, text, a) for text in ("x", "y", "z"))
        self.store.supersede(first, second, at=5.0)
        self.store.supersede(second, third, at=6.0)

        for old, new in ((second, first), (third, first)):
            with self.unchanged(ValueError):
                self.store.supersede(old, new, at=7.0)

    def test_the_facts_that_rest_on_some_episodes_are_found(self) -> None:
        a, b, c = samples.add(self.store, "a", "b", "c")
        old, of_b = samples.add_fact(self.store, "old", a), samples.add_fact(self.store, "of b", b)
        new = samples.add_fact(self.store, "new", a, b)
        self.store.supersede(old, new, at=5.0)

        assert [of_b, new] == [fact.id for fact in self.store.facts(resting_on=[a, b])]
        assert [old, new] == [
            fact.id for fact in self.store.facts(superseded=True, resting_on=[a, c])
        ]
        assert [] == self.store.facts(resting_on=[c])
        assert [] == self.store.facts(resting_on=[])

    def test_a_cluster_is_distilled_in_one_go(self) -> None:
        a, b, c = samples.add(self.store, "a", "b", "c")
        known, outdated = (
            samples.add_fact(self.store, "known", a),
            samples.add_fact(self.store, "then", a),
        )
        changed = ChangedFact(id=known, confidence=0.9, sources=(b, c), metadata={"seen": 2})

        ids = self.store.distil(
            _distillate(
                facts=[samples.fact("new", b), samples.fact("now", c)],
                changed=[changed],
                superseded=[(outdated, 1)],
            )
        )

        assert ids is not None
        found = {fact.id: fact for fact in self.store.facts(superseded=True)}
        assert sorted([known, outdated, *ids]) == sorted(found)
        assert (0.9, (a, b, c), {"seen": 2}) == (
            found[known].confidence,
            found[known].sources,
            found[known].metadata,
        )
        assert ids[1] == found[outdated].superseded_by
        assert {(known, a), (known, b), (known, c)} <= set(
            samples.weights(self.store.all_edges(), samples.SOURCE)
        )
        assert {b"m1", b"m2"} <= self.store.clusters()

    def test_what_has_been_distilled_is_not_distilled_again(self) -> None:
        [a] = samples.add(self.store, "a")
        assert [] == self.store.distil(_distillate(facts=[]))
        before = samples.snapshot(self.store)

        for marks in ([b"m1", b"m2"], [b"m2", b"m3"]):  # all of it, or a part
            again = _distillate(facts=[samples.fact("new", a)], marks=marks)
            assert self.store.distil(again) is None
            assert before == samples.snapshot(self.store)

        assert self.store.distil(_distillate(facts=[samples.fact("new", a)], marks=[b"m3"]))

    def test_a_cluster_is_distilled_whole_or_not_at_all(self) -> None:
        [a] = samples.add(self.store, "a")
        fact = samples.add_fact(self.store, "known", a)
        nothing = ChangedFact(id=fact + 99, confidence=0.5, sources=(a,), metadata={})
        new = samples.fact("new", a)

        for wrong in (
            _distillate(facts=[new, samples.fact("bad", a, fact + 99)]),
            _distillate(facts=[new], changed=[nothing]),
            _distillate(facts=[new], superseded=[(fact + 99, 0)]),
        ):
            with self.unchanged(NotFoundError):
                self.store.distil(wrong)


def _distillate(
    *,
    facts: Sequence[NewFact],
    marks: Sequence[bytes] = (b"m1", b"m2"),
    changed: Sequence[ChangedFact] = (),
    superseded: Sequence[tuple[int, int]] = (),
) -> Distillate:
    return Distillate(marks=marks, facts=facts, changed=changed, superseded=superseded, at=5.0)
