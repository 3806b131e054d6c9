# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of the journal: what was learned can be undone, as if it had never been learned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from helamem.errors import NotFoundError
from helamem.protocols import ChangedFact, Distillate, EdgeRule
from helamem.testing import samples
from helamem.testing.base import Contract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Lesson, NewFact, Store

RULE = EdgeRule(tau=7.0, saturation=1.0, ceiling=1.0, floor=0.01)


class JournalContract(Contract):
    """Whatever is undone leaves what the later lessons make of what was before."""

    def test_a_lesson_is_entered_with_what_it_changed(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")

        learned = self.store.learn(
            samples.lesson({(a, b): 0.5}, used=[b, a], cue=samples.cue("which?"), at=9.0)
        )
        self.store.learn(samples.lesson(weakened=[(a, b), (b, c)]))

        second, first = self.store.journal(limit=9)
        assert (learned.step, "lesson", 9.0) == (first.id, first.kind, first.at)
        assert (learned.cue, (a, b), 3) == (first.cue, first.used, first.edges)
        assert ((), 1) == (second.used, second.edges)
        assert [second] == self.store.journal(limit=1)

    def test_a_lesson_is_undone_to_the_last_digit(self) -> None:
        a, b, c, d = samples.add(self.store, "one", "two", "three", "four")
        self.store.learn(_lesson({(a, b): 0.3, (b, c): 0.7}, used=[a, b], now=1.0, at=1.0))
        before = _state(self.store)

        learned = self.store.learn(
            samples.lesson(
                {(a, b): 0.1, (a, d): 0.2}, used=[a, d], cue=samples.cue("which?"),
                weakened=[(b, c)], rule=RULE, now=5.0, at=5.0,
            )
        )  # fmt: skip
        assert before != _state(self.store)
        undone = self.store.undo(learned.step or 0, at=6.0)

        assert before == _state(self.store)
        assert (5, 0, [learned.cue]) == (undone.edges, undone.left, list(undone.removed))
        assert "undone" == self.store.history(d)[-1].event

    def test_later_lessons_are_as_if_it_had_never_been(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        pairs = {(a, b): 0.3, (b, c): 0.6}
        first = _lesson(pairs, used=[a, b], now=1.0, at=1.0)
        wrong = _lesson({(a, b): 0.5}, used=[a], now=4.0, at=4.0)
        later = samples.lesson(
            {(b, c): 0.2, (a, b): 0.1}, used=[b, c], weakened=[(a, b)], rule=RULE, now=6.0, at=6.0
        )
        likewise = self.store_of("another")
        for _ in range(3):
            samples.add(likewise, "x")
        x, y, z = samples.add(likewise, "one", "two", "three")

        _, step, _ = (self.store.learn(lesson).step or 0 for lesson in (first, wrong, later))
        self.store.undo(step, at=7.0)
        renamed = {a: x, b: y, c: z}
        likewise.learn(_lesson({(x, y): 0.3, (y, z): 0.6}, used=[x, y], now=1.0, at=1.0))
        likewise.learn(
            samples.lesson(
                {(y, z): 0.2, (x, y): 0.1},
                used=[y, z],
                weakened=[(x, y)],
                rule=RULE,
                now=6.0,
                at=6.0,
            )
        )

        here = sorted(
            (renamed[source], renamed[target], *rest)
            for source, target, *rest in samples.rows(self.store.all_edges())
        )
        assert here == [tuple(row) for row in samples.rows(likewise.all_edges())]
        uses = [(each.uses, each.used_at) for each in self.store.get([a, b, c])]
        assert uses == [(each.uses, each.used_at) for each in likewise.get([x, y, z])]

    def test_lessons_are_undone_in_any_order(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        before = _state(self.store)
        for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)):
            steps = [
                self.store.learn(
                    samples.lesson(
                        {(a, b): 0.1 * n, (b, c): 0.2}, used=[a, c], cue=samples.cue(f"{n % 2}?"),
                        rule=RULE, now=float(n), at=float(n),
                    )
                ).step
                for n in (1, 2, 3)
            ]  # fmt: skip
            for i in order:
                self.store.undo(steps[i] or 0, at=9.0)

            assert before == _state(self.store)

    def test_the_clock_of_lessons_goes_back_with_the_last(self) -> None:
        [a] = samples.add(self.store, "one")
        first, second, third = (
            self.store.learn(samples.lesson(used=[a])).step or 0 for _ in range(3)
        )

        self.store.undo(second, at=1.0)
        assert 3 == self.store.lessons()
        self.store.undo(third, at=1.0)
        assert 1 == self.store.lessons()
        self.store.undo(first, at=1.0)
        assert 0 == self.store.lessons()

    def test_the_clock_of_lessons_stops_at_a_number_that_was_given_again(self) -> None:
        [a] = samples.add(self.store, "one")
        for _ in range(2):
            self.store.undo(self.store.learn(samples.lesson(used=[a])).step or 0, at=1.0)
        self.store.learn(samples.lesson(used=[a]))
        last = self.store.learn(samples.lesson(used=[a])).step or 0

        self.store.undo(last, at=1.0)

        assert 1 == self.store.lessons()

    def test_a_consolidation_under_way_stays_when_something_is_removed(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        step = self.store.begin(at=1.0)

        self.store.remove([b], at=2.0)
        ids = self._distilled(step, [samples.fact("now", a)])

        assert [tuple(ids)] == [each.facts for each in self.store.journal(limit=9)]

    def test_what_is_undone_stays_in_the_journal_without_what_it_was_about(self) -> None:
        [a] = samples.add(self.store, "one")
        step = self.store.learn(samples.lesson(used=[a])).step or 0

        self.store.undo(step, at=1.0)

        [told] = self.store.journal(limit=9)
        assert (step, True, ()) == (told.id, told.undone, told.used)
        with self.unchanged(ValueError):
            self.store.undo(step, at=2.0)

    def test_only_what_the_journal_has_is_undone(self) -> None:
        [a] = samples.add(self.store, "one")
        step = self.store.learn(samples.lesson(used=[a])).step or 0

        with self.unchanged(NotFoundError):
            self.store.undo(step + 9, at=1.0)
        other = self.store_of("another")
        samples.add(other, "one")
        try:
            other.undo(step, at=1.0)
        except NotFoundError:
            return
        raise AssertionError("a lesson of another namespace was undone")

    def test_an_edge_that_faded_stays_away(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        self.store.learn(_lesson({(a, b): 0.02}, now=0.0))
        step = self.store.learn(_lesson({(a, b): 0.02}, now=1.0)).step or 0
        self.store.prune(rule=RULE, now=100.0)

        self.store.undo(step, at=2.0)

        assert [] == samples.rows(self.store.all_edges())

    def test_a_severed_edge_stays_away(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(_lesson({(a, b): 0.5, (b, c): 0.5}))
        step = self.store.learn(_lesson({(a, b): 0.5})).step or 0

        assert self.store.sever(b, a)
        assert not self.store.sever(a, b)
        self.store.undo(step, at=2.0)

        assert {(b, c), (c, b)} == set(samples.weights(self.store.all_edges()))
        with self.unchanged(NotFoundError):
            self.store.sever(a, c + 9)

    def test_a_severed_edge_can_be_learned_again(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        self.store.learn(_lesson({(a, b): 0.5}))
        self.store.sever(a, b)

        self.store.learn(_lesson({(a, b): 0.25}))

        assert {0.25} == set(samples.weights(self.store.all_edges()).values())

    def test_an_edge_that_something_else_changed_is_left(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(_lesson({(a, c): 0.5}))
        step = self.store.learn(_lesson({(b, c): 0.25})).step or 0
        self.store.supersede(a, b, at=1.0, rule=RULE)
        before = samples.rows(self.store.all_edges())

        undone = self.store.undo(step, at=2.0)

        assert (0, 1) == (undone.edges, undone.left)
        assert before == samples.rows(self.store.all_edges())

    def test_what_a_correction_was_handed_is_undone_too(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(_lesson({(a, c): 0.25}))
        step = self.store.learn(_lesson({(a, c): 0.25})).step or 0
        self.store.supersede(a, b, at=1.0, rule=RULE)

        self.store.undo(step, at=2.0)
        assert {0.25} == set(samples.weights(self.store.all_edges()).values())

        self.store.revert(a, at=3.0)
        assert {(a, c): 0.25, (c, a): 0.25} == samples.weights(self.store.all_edges())

    def test_what_is_removed_leaves_the_journal(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        self.store.learn(_lesson({(a, b): 0.5}, used=[a, b]))
        self.store.learn(_lesson({(b, c): 0.5}, used=[b, c]))

        self.store.remove([a], at=1.0)

        second, first = self.store.journal(limit=9)
        assert ((b,), 0) == (first.used, first.edges)
        self.store.remove([b], at=2.0)
        assert [second.id] == [each.id for each in self.store.journal(limit=9)]
        self.store.undo(second.id, at=3.0)
        assert [0] == [each.uses for each in self.store.get([c])]

    def test_what_lessons_have_shown_and_never_used_is_counted(self) -> None:
        a, b, c = samples.add(self.store, "one", "two", "three")
        first = replace(samples.lesson(used=[a]), shown=samples.ints(a, b, c, c + 99))
        second = replace(samples.lesson(used=[b]), shown=samples.ints(b, c))
        self.store.learn(first)
        step = self.store.learn(second).step or 0

        assert [(c, 2)] == self.store.ignored(at_least=1)
        assert [] == self.store.ignored(at_least=3)
        self.store.undo(step, at=1.0)
        assert [(b, 1), (c, 1)] == self.store.ignored(at_least=1)
        self.store.remove([b], at=2.0)
        assert [(c, 1)] == self.store.ignored(at_least=1)

    def test_a_consolidation_is_undone(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        known = samples.add_fact(self.store, "known", a)
        old = samples.add_fact(self.store, "then", a)
        before = _state(self.store)

        step = self.store.begin(at=1.0)
        changed = ChangedFact(id=known, confidence=0.9, sources=(a, b), metadata={"seen": 2})
        ids = self._distilled(
            step, [samples.fact("now", b)], changed=[changed], superseded=[(old, 0)]
        )
        self._distilled(step, [samples.fact("more", b)], mark=b"m2")

        [told] = self.store.journal(limit=1)
        assert ("consolidation", 2) == (told.kind, len(told.facts))
        undone = self.store.undo(step or 0, at=2.0)

        assert set(ids) < set(undone.removed)
        assert before == _state(self.store)

    def test_a_consolidation_that_finds_nothing_new_leaves_no_trace(self) -> None:
        [a] = samples.add(self.store, "one")
        first = self.store.begin(at=1.0)
        self._distilled(first, [samples.fact("now", a)])

        second = self.store.begin(at=2.0)
        again = Distillate(marks=[b"m1"], facts=[], changed=[], superseded=[], at=2.0, step=second)
        assert self.store.distil(again) is None

        assert [first] == [each.id for each in self.store.journal(limit=9)]

    def test_what_a_later_consolidation_changed_stays(self) -> None:
        a, b = samples.add(self.store, "one", "two")
        known = samples.add_fact(self.store, "known", a)
        steps = []
        for n, confidence in enumerate((0.6, 0.7)):
            steps.append(self.store.begin(at=1.0) or 0)
            changed = ChangedFact(id=known, confidence=confidence, sources=(a,), metadata={"n": n})
            self._distilled(steps[n], [], changed=[changed], mark=b"m%d" % n)

        assert 1 == self.store.undo(steps[0], at=2.0).left
        assert [0.7] == [fact.confidence for fact in self.store.facts()]
        self.store.undo(steps[1], at=3.0)
        assert [(0.5, {})] == [(each.confidence, each.metadata) for each in self.store.facts()]
        assert b > a

    def _distilled(
        self,
        step: int | None,
        facts: Sequence[NewFact],
        *,
        changed: Sequence[ChangedFact] = (),
        superseded: Sequence[tuple[int, int]] = (),
        mark: bytes = b"m1",
    ) -> list[int]:
        ids = self.store.distil(
            Distillate(
                marks=[mark], facts=facts, changed=changed, superseded=superseded, at=1.0, step=step
            )
        )
        assert ids is not None
        return ids


class WithoutJournalContract(Contract):
    """A store that keeps no journal learns all the same; `make_store` gives such a store."""

    def test_a_lesson_is_learned_and_not_entered(self) -> None:
        a, b = samples.add(self.store, "one", "two")

        lesson = samples.lesson({(a, b): 0.5}, used=[a], cue=samples.cue("which?"))
        learned = self.store.learn(replace(lesson, shown=samples.ints(a, b)))

        assert (None, 1, 1) == (learned.step, learned.strengthened, learned.bound)
        assert [] == self.store.journal(limit=9)
        assert [(b, 1)] == self.store.ignored(at_least=1)
        assert 1 == self.store.lessons()

    def test_a_consolidation_is_not_entered(self) -> None:
        [a] = samples.add(self.store, "one")
        step = self.store.begin(at=1.0)
        facts = [samples.fact("a fact", a)]

        self.store.distil(
            Distillate(marks=[b"m"], facts=facts, changed=[], superseded=[], at=1.0, step=step)
        )

        assert step is None
        assert [] == self.store.journal(limit=9)
        assert ["a fact"] == [each.text for each in self.store.facts()]


def _lesson(pairs: dict[tuple[int, int], float], **others: Any) -> Lesson:  # noqa: ANN401
    """A lesson by a rule with decay and saturation; without a time, as if decay stood still."""
    rule = RULE if "now" in others else samples.PLAIN
    return samples.lesson(pairs, **{"rule": rule, **others})


def _state(store: Store) -> dict[str, Any]:
    """Everything but history, which tells what was undone, and the numbers of ids."""
    found = samples.snapshot(store)
    del found["history"]
    return found
