# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of sessions: what comes before and after a turn."""

from __future__ import annotations

from helamem.protocols import ASKS, ROLES, WISHES
from helamem.testing import samples
from helamem.testing.base import Contract


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
        assert [a, d] == samples.around(self.store, [a], 1)

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

        assert [c] == samples.around(self.store, [c], 0)
        assert [b, c, d] == samples.around(self.store, [c], 1)
        assert [a, b, c, x] == samples.around(self.store, [x, a], 2)
        assert [a, b, c, d, e] == samples.around(self.store, [c, e], 9)
        assert [] == samples.around(self.store, [], 2)

    def test_nothing_lies_around_facts_and_cues(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        fact = samples.add_fact(self.store, "a fact", a)
        cue = self.store.learn(samples.lesson(used=[b], cue=samples.cue("which?"))).cue
        assert cue is not None

        nodes = self.store.nodes(samples.ints(fact, cue))

        assert ([0, 0], [0, 0]) == (nodes.previous.tolist(), nodes.next.tolist())
        assert [-1, -1] == nodes.sessions.tolist()
        assert [a, fact] == samples.around(self.store, [fact], 0)  # a is its source

    def test_nodes_come_in_the_order_asked_for(self) -> None:
        a, b = (
            samples.add(self.store, "one two", speaker="Ben", at=3.5, traits=ASKS + WISHES)[0],
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

    def test_speakers_are_named_once(self) -> None:
        for speaker in ("Ana", "Ben", "", "Ana"):
            samples.add(self.store, f"by {speaker}", speaker=speaker, session=speaker)

        assert ["Ana", "Ben"] == sorted(self.store.speakers())
