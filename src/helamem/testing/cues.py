# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of cues: questions as nodes, bound to what served them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.protocols import Edges, Learned, NewCue
from helamem.testing import samples
from helamem.testing.base import Contract

if TYPE_CHECKING:
    from collections.abc import Mapping


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

        with self.unchanged(KeyError), self.store.transaction() as inside:

            def edges(cues: list[int]) -> Edges:
                assert 1 == len(inside.vectors(samples.ints(*cues)))
                raise KeyError(cues[0])

            inside.restore([samples.cue("which?")], edges)


def _edges(weights: Mapping[tuple[int, int], float], touched: float = 0.0) -> Edges:
    both = dict(weights) | {(b, a): weight for (a, b), weight in weights.items()}
    return Edges(
        sources=np.array([a for a, _ in both], np.int64),
        targets=np.array([b for _, b in both], np.int64),
        channels=np.full(len(both), samples.LEARNED),
        weights=np.array(list(both.values()), np.float32),
        touched=np.full(len(both), touched),
    )
