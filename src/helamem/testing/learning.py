# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of learning: edges, cues, facts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import hebbian
from helamem.errors import NotFoundError
from helamem.protocols import ChangedFact, Distillate, EdgeRule, Edges, Learned, NewCue
from helamem.records import Change, Fact
from helamem.testing import samples
from helamem.testing.base import Contract
from helamem.testing.writing import moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.protocols import NewFact


class LearningContract(Contract):
    """Weights grow, fade and shrink as `core.hebbian` says, in both directions."""

    def test_first_gain_is_the_weight(self) -> None:
        a, b = samples.add(self.store, "a", "b")

        learned = self.store.learn(samples.lesson({(b, a): 0.25}, used=[a, b], now=3.0))

        assert Learned(cue=None, strengthened=1, bound=0, weakened=0) == learned
        expected = [(a, b, samples.LEARNED, 0.25, 3.0), (b, a, samples.LEARNED, 0.25, 3.0)]
        assert expected == samples.rows(self.store.all_edges())

    def test_a_saturating_gain_shrinks_with_the_weight(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        rule = EdgeRule(tau=math.inf, saturation=1.0, ceiling=1.0, floor=0.0)

        for expected in (0.5, 0.75, 0.875):  # half of what was missing each time
            self.store.learn(samples.lesson({(a, b): 0.5}, rule=rule))
            assert {(a, b): expected, (b, a): expected} == samples.weights(self.store.all_edges())

    def test_no_weight_exceeds_the_ceiling(self) -> None:
        a, b, c = samples.add(self.store, "a", "b", "c")
        rule = EdgeRule(tau=math.inf, saturation=0.0, ceiling=0.75, floor=0.0)

        self.store.learn(samples.lesson({(a, b): 0.5, (b, c): 2.0}, rule=rule))
        self.store.learn(samples.lesson({(a, b): 0.5}, rule=rule))

        assert {0.75} == set(samples.weights(self.store.all_edges()).values())

    def test_a_weight_fades_before_it_grows(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        halving = EdgeRule(tau=1 / math.log(2), saturation=0.0, ceiling=1.0, floor=0.0)

        self.store.learn(samples.lesson({(a, b): 0.5}, rule=halving, now=10.0))
        self.store.learn(samples.lesson({(a, b): 0.5}, rule=halving, now=12.0))

        weights = samples.weights(self.store.all_edges())
        np.testing.assert_allclose(0.5 / 4 + 0.5, weights[a, b], rtol=1e-6)
        assert {12.0} == set(self.store.all_edges().touched.tolist())

    def test_a_weight_below_the_floor_starts_anew(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        rule = EdgeRule(tau=1.0, saturation=0.0, ceiling=1.0, floor=0.01)

        self.store.learn(samples.lesson({(a, b): 0.5}, rule=rule, now=0.0))
        self.store.learn(samples.lesson({(a, b): 0.25}, rule=rule, now=10.0))

        assert {(a, b): 0.25, (b, a): 0.25} == samples.weights(self.store.all_edges())

    def test_a_clock_that_went_back_lets_no_weight_grow_by_itself(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        rule = EdgeRule(tau=1.0, saturation=0.0, ceiling=1.0, floor=0.0)

        self.store.learn(samples.lesson({(a, b): 0.5}, rule=rule, now=1e6))
        self.store.learn(samples.lesson({(a, b): 0.25}, rule=rule, now=0.0))

        assert {(a, b): 0.75, (b, a): 0.75} == samples.weights(self.store.all_edges())
        assert 0 == self.store.prune(rule=rule, now=-1e6)

    def test_many_lessons_give_what_the_formulas_give(self) -> None:
        generator = np.random.default_rng(6)
        ids = samples.add(self.store, *"abcdef")
        kept: dict[tuple[int, int], tuple[float, float]] = {}
        now = 0.0
        for _ in range(30):
            now += float(generator.exponential(2.0))
            rule = EdgeRule(
                tau=float(generator.choice([3.0, 30.0, math.inf])),
                saturation=float(generator.choice([0.0, 0.5, 1.0])),
                ceiling=float(generator.choice([0.8, 1.0])),
                floor=float(generator.choice([0.0, 0.05])),
            )
            chosen = sorted(generator.choice(ids, size=3, replace=False).tolist())
            gains = dict(zip(_pairs(chosen), generator.random(3).tolist(), strict=True))

            self.store.learn(samples.lesson(gains, rule=rule, now=now))

            _strengthen(kept, gains, rule, now)
        edges = self.store.all_edges()
        weights = samples.weights(edges)
        assert sorted(kept) == sorted(weights)
        np.testing.assert_allclose(
            [weights[pair] for pair in kept], [w for w, _ in kept.values()], rtol=1e-5
        )
        touched = {(s, t): at for s, t, _, _, at in samples.rows(edges)}
        assert {pair: at for pair, (_, at) in kept.items()} == touched

    def test_edges_leave_the_nodes_asked_for(self) -> None:
        a, b, c = samples.add(self.store, "a", "b", "c")
        fact = samples.add_fact(self.store, "a fact", c)
        self.store.learn(samples.lesson({(a, b): 0.5, (b, c): 0.25}))

        found = [(s, t) for s, t, *_ in samples.rows(self.store.edges(samples.ints(c, a)))]

        assert [(a, b), (c, b), (c, fact)] == found
        assert [] == samples.rows(self.store.edges(samples.ints()))

    def test_what_misled_is_weakened_where_an_edge_is(self) -> None:
        a, b, c = samples.add(self.store, "a", "b", "c")
        self.store.learn(samples.lesson({(a, b): 0.5, (b, c): 0.5}, now=1.0))

        learned = self.store.learn(samples.lesson(weakened=[(a, b), (a, c)], keep=0.25, now=9.0))

        assert Learned(cue=None, strengthened=0, bound=0, weakened=1) == learned
        halves = {(a, b): 0.125, (b, a): 0.125, (b, c): 0.5, (c, b): 0.5}
        assert halves == samples.weights(self.store.all_edges())
        assert {1.0} == set(self.store.all_edges().touched.tolist())

    def test_only_learned_edges_are_weakened(self) -> None:
        [a] = samples.add(self.store, "a")
        fact = samples.add_fact(self.store, "a fact", a)

        self.store.learn(samples.lesson(weakened=[(a, fact)]))

        assert {1.0} == set(samples.weights(self.store.all_edges(), samples.SOURCE).values())

    def test_what_misled_may_be_gone_already(self) -> None:
        a, b, gone = samples.add(self.store, "a", "b", "gone")
        self.store.learn(samples.lesson({(a, b): 0.5}))
        self.store.remove([gone], at=5.0)

        learned = self.store.learn(samples.lesson(weakened=[(a, b), (a, gone)]))

        assert 1 == learned.weakened
        assert {0.25} == set(samples.weights(self.store.all_edges()).values())

    def test_uses_and_lessons_are_counted(self) -> None:
        a, b = samples.add(self.store, "a", "b", uses=2)
        fact = samples.add_fact(self.store, "a fact", a)

        self.store.learn(samples.lesson(used=[a, fact], at=5.0))
        self.store.learn(samples.lesson(used=[a], at=6.0))

        found = {
            memory.id: (memory.uses, memory.used_at) for memory in self.store.get([a, b, fact])
        }
        assert {a: (4, moment(6.0)), b: (2, None), fact: (1, moment(5.0))} == found
        assert 2 == self.store.lessons()

    def test_a_lesson_about_what_is_not_there_teaches_nothing(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        missing = b + 1

        for wrong in (
            samples.lesson({(a, b): 0.5, (b, missing): 0.5}, used=[a]),
            samples.lesson({(a, b): 0.5}, used=[a, missing], cue=samples.cue("which?")),
            samples.lesson({(a, b): 0.5}, used=[a], cue=missing),
        ):
            with self.unchanged(NotFoundError):
                self.store.learn(wrong)

    def test_nothing_is_wired_to_itself(self) -> None:
        a, b = samples.add(self.store, "a", "b")

        with self.unchanged(ValueError):
            self.store.learn(samples.lesson({(a, b): 0.5, (b, b): 0.5}))

    def test_faint_edges_are_pruned(self) -> None:
        a, b, c = samples.add(self.store, "a", "b", "c")
        fact = samples.add_fact(self.store, "a fact", a, stored_at=0.0)
        self.store.learn(samples.lesson({(a, b): 0.5}, now=0.0))
        self.store.learn(samples.lesson({(b, c): 0.5}, now=2.0))
        rule = EdgeRule(tau=1 / math.log(2), saturation=1.0, ceiling=1.0, floor=0.1)

        assert 0 == self.store.prune(rule=rule, now=2.0)  # 0.125 is left of the first
        assert 1 == self.store.prune(rule=rule, now=3.0)  # 0.0625 is

        expected = {(a, fact), (fact, a), (b, c), (c, b)}
        assert expected == {(s, t) for s, t, *_ in samples.rows(self.store.all_edges())}

    def test_a_cue_goes_with_the_last_edge_that_is_pruned(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        rule = EdgeRule(tau=1.0, saturation=1.0, ceiling=1.0, floor=0.1)
        old = self.store.learn(
            samples.lesson(used=[a], cue=samples.cue("old?"), rule=rule, now=0.0)
        )
        new = self.store.learn(
            samples.lesson(used=[b], cue=samples.cue("new?"), rule=rule, now=9.0)
        )

        assert 1 == self.store.prune(rule=rule, now=9.0)

        assert [new.cue] == [id_ for id_, *_ in self.store.cues()]
        assert [new.cue] == self.store.ids(kinds=["cue"]).tolist()
        assert old.cue != new.cue

    def test_nothing_is_mended_where_nothing_is_wrong(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        samples.add_fact(self.store, "a fact", a)
        self.store.learn(samples.lesson({(a, b): 0.5}, used=[a], cue=samples.cue("which?")))
        before = samples.snapshot(self.store)

        assert [] == self.store.repair(at=9.0, dry_run=True)
        assert [] == self.store.repair(at=9.0, dry_run=False)
        assert before == samples.snapshot(self.store)


class CueContract(Contract):
    """A question is a node, bound to what served it."""

    def test_a_new_cue_is_bound_to_what_was_used(self) -> None:
        a, b = samples.add(self.store, "a", "b")

        learned = self.store.learn(
            samples.lesson(used=[a, b], cue=samples.cue("which?", at=5.0), cue_gains=[0.5, 0.25])
        )

        cue = learned.cue
        assert cue is not None
        assert Learned(cue=cue, strengthened=0, bound=2, weakened=0) == learned
        assert [(cue, "which?", 5.0)] == self.store.cues()
        expected = {(cue, a): 0.5, (a, cue): 0.5, (cue, b): 0.25, (b, cue): 0.25}
        assert expected == samples.weights(self.store.all_edges())
        assert samples.vector("which?").tobytes() == self.store.vectors(samples.ints(cue)).tobytes()
        assert [2] == self.store.nodes(samples.ints(cue)).kinds.tolist()

    def test_the_same_question_is_the_same_cue(self) -> None:
        a, b = samples.add(self.store, "a", "b")

        first = self.store.learn(samples.lesson(used=[a], cue=samples.cue("which?")))
        again = self.store.learn(samples.lesson(used=[a, b], cue=samples.cue("which?", at=9.0)))

        assert first.cue == again.cue
        assert [(first.cue, "which?", samples.AT)] == self.store.cues()
        assert 2.0 == samples.weights(self.store.all_edges())[a, first.cue or 0]

    def test_cues_can_be_read_by_their_ids(self) -> None:
        (a,) = samples.add(self.store, "a")
        first, _, third = (
            self.store.learn(samples.lesson(used=[a], cue=samples.cue(text))).cue or 0
            for text in ("which?", "who?", "when?")
        )

        found = self.store.cues(samples.ints(third, first, a))

        assert [(first, "which?"), (third, "when?")] == [(id_, text) for id_, text, *_ in found]
        assert [] == self.store.cues(samples.ints())

    def test_a_cue_may_be_named_by_its_id(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        cue = self.store.learn(samples.lesson(used=[a], cue=samples.cue("which?"))).cue
        assert cue is not None

        assert Learned(cue=cue, strengthened=0, bound=1, weakened=0) == self.store.learn(
            samples.lesson(used=[b], cue=cue)
        )
        assert {a, b} == {t for s, t in samples.weights(self.store.all_edges()) if s == cue}

    def test_a_cue_and_an_episode_may_have_one_key(self) -> None:
        question = samples.cue("which?")
        [(a, _)] = self.store.add([samples.episode("a", key=question.key)], link=0.0, now=0.0)

        cue = self.store.learn(samples.lesson(used=[a], cue=question)).cue

        assert cue != a
        assert [cue] == self.store.ids(kinds=["cue"]).tolist()

    def test_a_cue_with_a_bad_vector_teaches_nothing(self) -> None:
        [a] = samples.add(self.store, "a")
        bad = NewCue(key=b"k", text="which?", vector=np.zeros(3, np.float32), at=1.0)

        with self.unchanged(ValueError):
            self.store.learn(samples.lesson(used=[a], cue=bad))

    def test_cues_and_learned_edges_can_be_put_back(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        samples.add_fact(self.store, "a fact", a)
        self.store.learn(samples.lesson({(a, b): 0.5}, now=1.0))
        asked: list[list[int]] = []

        def edges(cues: list[int]) -> Edges:
            asked.append(cues)
            return _edges({(a, b): 0.125, (cues[0], b): 0.25, (cues[1], a): 0.75}, touched=7.0)

        cues = self.store.restore([samples.cue("which?"), samples.cue("who?")], edges)

        assert [cues] == asked
        assert ["which?", "who?"] == [text for _, text, *_ in self.store.cues()]
        expected = {(a, b): 0.125, (cues[0], b): 0.25, (cues[1], a): 0.75}
        found = samples.weights(self.store.all_edges())
        assert expected | {(t, s): w for (s, t), w in expected.items()} == found
        assert 2 == len(samples.weights(self.store.all_edges(), samples.SOURCE))

    def test_a_known_cue_is_not_put_back_twice(self) -> None:
        [a] = samples.add(self.store, "a")
        known = self.store.learn(samples.lesson(used=[a], cue=samples.cue("which?"))).cue

        cues = self.store.restore([samples.cue("which?")], lambda cues: _edges({(cues[0], a): 0.5}))

        assert [known] == cues == self.store.ids(kinds=["cue"]).tolist()

    def test_cues_without_their_edges_are_not_put_back(self) -> None:
        samples.add(self.store, "a")

        def edges(cues: list[int]) -> Edges:
            assert 1 == len(self.store.vectors(samples.ints(*cues)))
            raise KeyError(cues[0])

        with self.unchanged(KeyError):
            self.store.restore([samples.cue("which?")], edges)


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
            at=moment(3.5),
            stored_at=moment(4.5),
            speaker="Maya",
            metadata={"model": "none"},
            uses=2,
            used_at=moment(9.5),
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
        found = self.store.postings(["tea"], max_rows=9)
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
        assert Change(id=old, event="superseded", at=moment(5.0)) == self.store.history(old)[-1]

    def test_a_fact_superseded_twice_is_counted_once(self) -> None:
        [a] = samples.add(self.store, "a")
        old, new, newest = (
            samples.add_fact(self.store, text, a) for text in ("then", "now", "soon")
        )

        self.store.supersede(old, new, at=5.0)
        self.store.supersede(old, newest, at=6.0)

        assert 3 == self.store.postings(["then"], max_rows=9).n_documents
        assert {old: newest, new: None, newest: None} == {
            fact.id: fact.superseded_by for fact in self.store.facts(superseded=True)
        }

    def test_only_facts_supersede_facts(self) -> None:
        [a] = samples.add(self.store, "a")
        fact = samples.add_fact(self.store, "a fact", a)

        for old, new in ((a, fact), (fact, a), (fact, fact + 1), (fact + 1, fact)):
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


def _pairs(ids: Sequence[int]) -> list[tuple[int, int]]:
    return [(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :]]


def _strengthen(
    kept: dict[tuple[int, int], tuple[float, float]],
    gains: Mapping[tuple[int, int], float],
    rule: EdgeRule,
    now: float,
) -> None:
    """The effect of a lesson on weights and times, by the formulas of the core."""
    for (a, b), gain in gains.items():
        for pair in ((a, b), (b, a)):
            weight, touched = kept.get(pair, (0.0, now))
            left = hebbian.decayed(
                np.array([weight]), np.array([now - touched]), tau=rule.tau, floor=rule.floor
            )
            grown = hebbian.strengthened(
                left, np.array([gain]), saturation=rule.saturation, ceiling=rule.ceiling
            )
            kept[pair] = float(grown[0]), now


def _edges(weights: Mapping[tuple[int, int], float], touched: float = 0.0) -> Edges:
    both = dict(weights) | {(b, a): weight for (a, b), weight in weights.items()}
    return Edges(
        sources=np.array([a for a, _ in both], np.int64),
        targets=np.array([b for _, b in both], np.int64),
        channels=np.full(len(both), samples.LEARNED),
        weights=np.array(list(both.values()), np.float32),
        touched=np.full(len(both), touched),
    )


def _distillate(
    *,
    facts: Sequence[NewFact],
    marks: Sequence[bytes] = (b"m1", b"m2"),
    changed: Sequence[ChangedFact] = (),
    superseded: Sequence[tuple[int, int]] = (),
) -> Distillate:
    return Distillate(marks=marks, facts=facts, changed=changed, superseded=superseded, at=5.0)
