# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of namespaces: none sees or changes another."""

from __future__ import annotations

from contextlib import suppress

from helamem.errors import NotFoundError, StoreError
from helamem.protocols import EdgeRule
from helamem.testing import calls, samples
from helamem.testing.base import Contract, raising


class IsolationContract(Contract):
    """Namespaces are isolated, also with equal names and keys."""

    def test_nothing_done_in_one_namespace_shows_in_another(self) -> None:
        mine, theirs = self.store_of("mine"), self.store_of("theirs")
        samples.fill(mine)
        before = samples.snapshot(mine)

        a, b, *_ = samples.fill(theirs)
        theirs.update(a, samples.episode("something else"), at=5.0)
        theirs.remove([b], at=6.0)
        theirs.prune(rule=EdgeRule(tau=1.0, saturation=1.0, ceiling=1.0, floor=0.5), now=1e9)

        assert before == samples.snapshot(mine)
        assert ["Ana"] == list(mine.speakers())

    def test_dropping_one_namespace_leaves_the_others(self) -> None:
        mine, theirs = self.store_of("mine"), self.store_of("theirs")
        samples.fill(mine)
        samples.fill(theirs)
        before = samples.snapshot(mine)
        last = max(theirs.ids(kinds=["episode", "fact", "cue"]).tolist())

        theirs.drop()

        assert before == samples.snapshot(mine)
        assert [] == theirs.ids(kinds=["episode", "fact", "cue"]).tolist()
        assert ([], [], set(), 0) == (
            theirs.facts(superseded=True), theirs.cues(), theirs.clusters(), theirs.lessons(),
        )  # fmt: skip
        assert "theirs" not in {each.name for each in theirs.namespaces()}
        with raising(NotFoundError):
            theirs.history(last)
        [new] = samples.add(theirs, "something new")
        assert new > last
        assert ["something new"] == [memory.text for memory in theirs.get([new])]
        assert [] == theirs.check()

    def test_a_transaction_that_drops_ends_with_that_and_the_next_begins_anew(self) -> None:
        store = self.store_of("mine")
        samples.fill(store)
        with store.transaction() as inside:
            with suppress(LookupError), inside.transaction():
                inside.drop()
                raise LookupError
            samples.add(inside, "after a step that was undone")
            inside.drop()
            with raising(StoreError):
                samples.add(inside, "lost")

        assert [] == store.ids(kinds=["episode", "fact", "cue"]).tolist()
        [new] = samples.add(store, "something new")
        assert ["something new"] == [memory.text for memory in store.get([new])]
        assert [] == store.check()

    def test_a_namespace_counts_itself(self) -> None:
        mine = self.store_of("mine")
        assert [] == [each for each in mine.namespaces() if each.name == "mine"]
        samples.fill(mine)

        [found] = [each for each in mine.namespaces() if each.name == "mine"]

        stats = mine.stats()
        assert (stats.episodes, stats.cues) == (found.episodes, found.cues)

    def test_what_is_called_alike_is_stored_in_each(self) -> None:
        one, other = self.store_of("mine"), self.store_of("theirs")

        for store in (one, other):
            assert [True] == [
                new for _, new in store.add(samples.episodes("same"), link=0.5, now=0.0)
            ]
            assert [] == samples.rows(store.all_edges())
            assert store.distil(samples.nothing(b"mark")) == []

    def test_the_ids_of_one_namespace_mean_nothing_in_another(self) -> None:
        mine, theirs = self.store_of("mine"), self.store_of("theirs")
        [own] = samples.add(mine, "mine")
        # In RAM each namespace may count by itself; these ids are too high to be its own.
        foreign = [id_ for id_ in samples.fill(theirs) if id_ > own]
        before = samples.snapshot(theirs)

        for id_ in foreign:
            for use in calls.about(mine, own, id_):
                with raising(NotFoundError):
                    use()
        assert [] == samples.rows(mine.edges(samples.ints(*foreign)))
        assert [] == samples.around(mine, foreign, 9)
        assert before == samples.snapshot(theirs)
        assert [own] == mine.ids(kinds=["episode", "fact", "cue"]).tolist()

    def test_no_lesson_reaches_into_another_namespace(self) -> None:
        mine, theirs = self.store_of("mine"), self.store_of("theirs")
        a, b, c = samples.add(theirs, "a", "b", "c")
        theirs.learn(samples.lesson({(a, b): 0.5, (b, c): 0.5}))
        before = samples.snapshot(theirs)

        mine.learn(samples.lesson(weakened=[(a, b), (b, c)]))

        assert before == samples.snapshot(theirs)

    def test_any_name_is_a_namespace(self) -> None:
        names = ["", " ", "a", "A", "a/b", "x' OR 1=1", "ü", "u\u0308", "\U0001f95c"]
        for name in names:
            samples.add(self.store_of(name), f"of {name}")

        for name in names:
            store = self.store_of(name)
            found = store.get(store.ids(kinds=["episode"]).tolist())
            assert (name, [f"of {name}"]) == (store.namespace, [memory.text for memory in found])
