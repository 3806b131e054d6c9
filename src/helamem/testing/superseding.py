# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of corrections: what supersedes a memory gets its place and edges, and the way back is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem import filters
from helamem.errors import NotFoundError, StoreError
from helamem.protocols import EdgeRule, Supersession
from helamem.testing import samples
from helamem.testing.base import Contract

if TYPE_CHECKING:
    from helamem.protocols import Store

RULE = EdgeRule(tau=10.0, saturation=1.0, ceiling=1.0, floor=0.01)


class SupersedingContract(Contract):
    """What is superseded leaves every search; its successor has its edges, and its place."""

    def test_a_superseded_turn_leaves_every_search(self) -> None:
        a, b, c = samples.add(self.store, "one two", "three", "four")

        self.store.supersede(a, b, at=5.0)

        assert [b, c] == self.store.ids(kinds=["episode"]).tolist()
        found, _ = self.store.nearest(samples.vector("one two"), 9, kinds=["episode"])
        assert [b, c] == sorted(found.tolist())
        assert [] == self.store.check()

    def test_it_is_kept_and_says_by_what_it_was_superseded(self) -> None:
        a, b = samples.add(self.store, "one", "two")

        self.store.supersede(a, b, at=5.0)

        assert [(a, b), (b, None)] == [
            (each.id, each.superseded_by) for each in self.store.get([a, b])
        ]
        assert [a, b] == self.store.ids(kinds=["episode"], superseded=True).tolist()
        where = filters.parse({"text": "one"})
        assert [] == self.store.ids(kinds=["episode"], where=where).tolist()
        found = self.store.ids(kinds=["episode", "cue"], where=where, superseded=True)
        assert [a] == found.tolist()
        assert ["added", "superseded"] == [each.event for each in self.store.history(a)]
        assert [Supersession(old=a, new=b)] == self.store.supersessions()

    def test_it_is_told_alone_of_some_memories(self) -> None:
        a, b, c, d, e = samples.add(self.store, "one", "two", "three", "four", "five")
        self.store.learn(samples.lesson({(a, e): 0.5, (c, e): 0.5}))
        self.store.supersede(a, b, at=5.0, rule=RULE)
        self.store.supersede(b, c, at=5.0, rule=RULE)
        self.store.supersede(d, e, at=5.0)

        first, second, third = self.store.supersessions()

        assert [(a, b), (b, c), (d, e)] == [(x.old, x.new) for x in (first, second, third)]
        assert [first] == self.store.supersessions(among=[a])
        assert [first, second] == self.store.supersessions(among=[b, b, e + 9])
        assert [second, third] == self.store.supersessions(among=[c, d])
        assert [] == self.store.supersessions(among=[])

    def test_a_turn_may_supersede_a_fact(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        fact = samples.add_fact(self.store, "a fact", a)

        self.store.supersede(fact, b, at=5.0, yields=False, because=a)

        assert [] == self.store.facts()
        assert [b] == [each.superseded_by for each in self.store.facts(superseded=True)]
        assert [Supersession(old=fact, new=b, yields=False, because=a)] == (
            self.store.supersessions()
        )

    def test_learned_edges_are_handed_over_as_they_are(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        learned = self.store.learn(
            samples.lesson({(a, c): 0.5}, used=[a], cue=samples.cue("which?"), rule=RULE)
        )
        before = _weights(self.store)

        self.store.supersede(a, b, at=5.0, rule=RULE, now=3.0)

        cue = learned.cue or 0
        assert {
            (b, c): before[a, c],
            (c, b): before[a, c],
            (b, cue): before[a, cue],
            (cue, b): before[a, cue],
        } == _weights(self.store)
        hidden = _weights(self.store, superseded=True)
        assert before == {pair: hidden[pair] for pair in before}

    def test_without_a_rule_nothing_is_handed_over(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(samples.lesson({(a, c): 0.5}))

        self.store.supersede(a, b, at=5.0)

        assert {} == _weights(self.store)

    def test_edges_that_both_have_are_summed_as_learning_sums(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(samples.lesson({(a, c): 0.5, (b, c): 0.25}, rule=RULE))
        likewise, other = samples.add(self.store, "four", "five")
        self.store.learn(samples.lesson({(likewise, other): 0.25}, rule=RULE))
        decayed = samples.lesson({(a, c): 0.5}, rule=RULE).gains[0] * 2.718281828459045**-1

        self.store.supersede(a, b, at=5.0, rule=RULE, now=10.0)
        self.store.learn(samples.lesson({(likewise, other): decayed}, rule=RULE, now=10.0))

        found = _weights(self.store)
        assert abs(found[b, c][0] - found[likewise, other][0]) < 1e-6
        assert found[b, c] == found[c, b]
        assert 10.0 == found[b, c][1]

    def test_no_edge_joins_the_successor_to_itself(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        self.store.learn(samples.lesson({(a, b): 0.5}))

        self.store.supersede(a, b, at=5.0, rule=RULE)

        assert {} == _weights(self.store)
        assert [] == self.store.check()

    def test_it_stands_in_the_place_of_a_turn_of_its_session_and_moment(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        [new] = samples.add(self.store, "deux")

        self.store.supersede(b, new, at=5.0)

        assert [0, a, new] == self.store.nodes(samples.ints(a, new, c)).previous.tolist()
        assert [new, c, 0] == self.store.nodes(samples.ints(a, new, c)).next.tolist()

    def test_it_stands_there_after_several_steps(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        first, second = samples.add(self.store, "deux", "due")

        self.store.supersede(b, first, at=5.0)
        self.store.supersede(first, second, at=6.0)

        assert [second, c, 0] == self.store.nodes(samples.ints(a, second, c)).next.tolist()

    def test_a_turn_that_was_said_later_keeps_its_own_place(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        [later] = samples.add(self.store, "deux", at=samples.AT + 1)

        self.store.supersede(b, later, at=5.0)

        assert [c, later, 0] == self.store.nodes(samples.ints(a, c, later)).next.tolist()

    def test_the_turns_of_a_session_are_heard_in_their_places(self) -> None:
        _, b, _ = samples.add(self.store, "one", "two", "three")
        [new] = samples.add(self.store, "deux")

        self.store.supersede(b, new, at=5.0)

        heard = [each.text for each in self.store.heard("s", last=9)]
        assert ["one", "two", "deux", "three"] == heard

    def test_a_superseded_turn_is_not_changed(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        self.store.supersede(a, b, at=5.0)

        with self.unchanged(StoreError):
            self.store.update(a, samples.episode("three"), at=6.0)
        with self.unchanged(StoreError):
            self.store.put(samples.episode("one", metadata={"n": 1}), at=6.0)

    def test_no_turn_supersedes_one_that_superseded_it(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.supersede(a, b, at=5.0)
        self.store.supersede(b, c, at=5.0)

        for old, new in ((b, a), (c, a), (c, c)):
            with self.unchanged(ValueError):
                self.store.supersede(old, new, at=6.0)

    def test_what_was_superseded_by_one_that_goes_holds_again(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(samples.lesson({(a, c): 0.5}, rule=RULE))
        before = _weights(self.store)
        self.store.supersede(a, b, at=5.0, rule=RULE)

        assert [b] == self.store.remove([b], at=6.0)

        assert [a, c] == self.store.ids(kinds=["episode"]).tolist()
        assert before == _weights(self.store)
        assert "restored" == self.store.history(a)[-1].event
        assert [] == self.store.supersessions()

    def test_the_successor_of_one_that_goes_takes_over(self) -> None:
        a, b, c, d = samples.add(self.store, "one", "two", "three", "four")
        self.store.learn(samples.lesson({(a, d): 0.5}, rule=RULE))
        before = _weights(self.store)
        self.store.supersede(a, b, at=5.0, rule=RULE)
        self.store.supersede(b, c, at=6.0, rule=RULE)

        self.store.remove([b], at=7.0)

        assert {a: c} == {each.old: each.new for each in self.store.supersessions()}
        assert [c] == self.store.revert(a, at=8.0)
        assert before == _weights(self.store)

    def test_a_superseded_turn_may_go_alone_or_with_its_successor(self) -> None:
        for together in (False, True):
            a, b = samples.add(self.store, f"one {together}", f"two {together}")
            fact = samples.add_fact(self.store, "a fact", a, b)
            self.store.supersede(fact, b, at=5.0, yields=False, because=a)
            self.store.supersede(a, b, at=5.0, rule=RULE)

            gone = self.store.remove([a, b] if together else [a], at=6.0)

            assert ({a, b, fact} if together else {a}) == set(gone)
            assert [] == self.store.check()
        assert [None] == [each.because for each in self.store.supersessions()]

    def test_marks_can_be_taken_away(self) -> None:
        self.store.add_facts([], cluster=b"one")
        self.store.mark([b"one", b"two", b"three"])

        self.store.unmark([b"one", b"three", b"unknown"])

        assert {b"two"} == self.store.clusters()


class RevertingContract(Contract):
    """What is reverted is as it was, apart from what was learned since."""

    def test_everything_is_as_before(self) -> None:
        ids = samples.fill(self.store)
        a, c = ids[0], ids[2]
        [new] = samples.add(self.store, "instead")
        before = samples.snapshot(self.store)

        self.store.supersede(a, new, at=5.0, rule=RULE, now=2.0, yields=False)
        assert [new] == self.store.revert(a, at=6.0)

        after = samples.snapshot(self.store)
        events = [each.event for each in after.pop("history")[a]]
        assert ["superseded", "restored"] == events[-2:]
        del before["history"]
        assert before == after
        assert c in after["ids"]["episode"]

    def test_one_that_was_made_for_it_is_superseded_in_turn(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(samples.lesson({(a, c): 0.5}, used=[a], rule=RULE))
        before = samples.rows(self.store.all_edges())
        self.store.supersede(a, b, at=5.0, rule=RULE)

        self.store.revert(a, at=6.0)

        assert [Supersession(old=b, new=a)] == self.store.supersessions()
        assert before == samples.rows(self.store.all_edges())
        assert "superseded" == self.store.history(b)[-1].event

    def test_what_is_reverted_can_be_reverted(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(samples.lesson({(a, c): 0.5}, rule=RULE))
        self.store.supersede(a, b, at=5.0, rule=RULE)
        corrected = samples.rows(self.store.all_edges())

        self.store.revert(a, at=6.0)
        self.store.revert(b, at=7.0)

        assert {a: b} == {each.old: each.new for each in self.store.supersessions()}
        assert {(b, c), (c, b)} == set(_weights(self.store))
        assert corrected == samples.rows(self.store.all_edges())

    def test_what_was_learned_since_goes_along(self) -> None:
        a, b, c, d = samples.add(self.store, "one", "two", "three", "four")
        self.store.learn(samples.lesson({(a, c): 0.25}))
        self.store.supersede(a, b, at=5.0, rule=samples.PLAIN)
        self.store.learn(samples.lesson({(b, c): 0.25, (b, d): 0.125}, used=[b]))

        self.store.revert(a, at=6.0)

        found = {pair: weight for pair, (weight, _) in _weights(self.store).items()}
        assert {(a, c): 0.5, (c, a): 0.5, (a, d): 0.125, (d, a): 0.125} == found
        assert [1] == [each.uses for each in self.store.get([a])]

    def test_what_one_that_stays_has_learned_since_stays_with_it(self) -> None:
        a, b, c, d = samples.add(self.store, "one", "two", "three", "four")
        self.store.learn(samples.lesson({(a, c): 0.25, (b, d): 0.5}))
        self.store.supersede(a, b, at=5.0, rule=samples.PLAIN, yields=False)
        self.store.learn(samples.lesson({(b, d): 0.25}))

        self.store.revert(a, at=6.0)

        found = {pair: weight for pair, (weight, _) in _weights(self.store).items()}
        assert {(a, c): 0.25, (c, a): 0.25, (b, d): 0.75, (d, b): 0.75} == found

    def test_facts_that_were_superseded_because_of_it_hold_again(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        fact = samples.add_fact(self.store, "a fact", a)
        self.store.learn(samples.lesson({(a, c): 0.25, (fact, c): 0.5}))
        before = samples.rows(self.store.all_edges())
        rule = samples.PLAIN
        self.store.supersede(fact, b, at=5.0, rule=rule, yields=False, because=a)
        self.store.supersede(a, b, at=5.0, rule=rule)
        assert 0.75 == _weights(self.store)[b, c][0]

        self.store.revert(a, at=6.0)

        assert [fact] == [each.id for each in self.store.facts()]
        assert before == samples.rows(self.store.all_edges())

    def test_later_corrections_are_reverted_first(self) -> None:
        a, b, c, d = samples.add(self.store, "one", "two", "three", "four")
        self.store.learn(samples.lesson({(a, d): 0.25}))
        before = samples.rows(self.store.all_edges())
        self.store.supersede(a, b, at=5.0, rule=samples.PLAIN)
        self.store.supersede(b, c, at=6.0, rule=samples.PLAIN)

        assert [b, c] == self.store.revert(a, at=7.0)

        assert [a, d] == self.store.ids(kinds=["episode"]).tolist()
        assert before == samples.rows(self.store.all_edges())

    def test_it_stands_in_its_place_again(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        [new] = samples.add(self.store, "deux")
        self.store.supersede(b, new, at=5.0)

        self.store.revert(b, at=6.0)
        assert [b, c, 0] == self.store.nodes(samples.ints(a, b, c)).next.tolist()

        self.store.revert(new, at=7.0)
        assert [new, c, 0] == self.store.nodes(samples.ints(a, new, c)).next.tolist()

    def test_what_was_superseded_elsewhere_is_put_back(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(samples.lesson({(a, c): 0.25, (b, c): 0.5}))
        before = _weights(self.store)
        self.store.supersede(a, b, at=5.0, rule=samples.PLAIN, yields=False)
        [told] = self.store.supersessions()
        self.store.supersede(a, b, at=6.0, yields=False, handed=told.handed)

        assert [told] == self.store.supersessions()
        self.store.revert(a, at=7.0)
        assert before == _weights(self.store)

    def test_only_what_is_superseded_is_reverted(self) -> None:
        a, b = samples.add(self.store, "one", "two")

        with self.unchanged(ValueError):
            self.store.revert(a, at=5.0)
        with self.unchanged(NotFoundError):
            self.store.revert(b + 9, at=5.0)


def _weights(
    store: Store, *, superseded: bool = False
) -> dict[tuple[int, int], tuple[float, float]]:
    """Weight and time of each learned edge."""
    return {
        (source, target): (weight, touched)
        for source, target, channel, weight, touched in samples.rows(
            store.all_edges(superseded=superseded)
        )
        if channel == samples.LEARNED
    }
