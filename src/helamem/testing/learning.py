# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of learning: edges that grow, fade and are pruned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import hebbian
from helamem.errors import NotFoundError
from helamem.protocols import EdgeRule, Learned
from helamem.testing import samples
from helamem.testing.base import Contract

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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

    def test_nodes_are_found_by_how_many_learned_edges_leave_them(self) -> None:
        a, b, c, d = samples.add(self.store, "a", "b", "c", "d")
        samples.add_fact(self.store, "about d", d)
        self.store.learn(samples.lesson({(a, b): 0.5, (a, c): 0.5}, used=[a], cue=samples.cue("?")))

        assert [a] == self.store.joined(at_least=3).tolist()
        assert [a, b, c] == self.store.joined(at_least=1).tolist()[:3]
        assert d not in self.store.joined(at_least=1)
        assert [] == self.store.joined(at_least=4).tolist()
        self.store.supersede(a, d, at=1.0)
        assert [] == self.store.joined(at_least=3).tolist()

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
        assert {a: (4, samples.moment(6.0)), b: (2, None), fact: (1, samples.moment(5.0))} == found
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
