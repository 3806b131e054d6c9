# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The whole contract of `protocols.Store`: one namespace, several, several threads, several handles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from helamem.errors import NotFoundError, StoreError
from helamem.protocols import Analysis, Distillate, EdgeRule
from helamem.testing import samples
from helamem.testing.base import Contract, raising
from helamem.testing.keeping import AnnotatingContract, PuttingContract, QuietContract
from helamem.testing.learning import CueContract, FactContract, LearningContract
from helamem.testing.reading import LookingContract, SearchingContract, SequenceContract
from helamem.testing.reindexing import ReindexingContract, SharedReindexingContract
from helamem.testing.writing import AddingContract, RemovingContract, UpdatingContract

if TYPE_CHECKING:
    from collections.abc import Callable

    from helamem.protocols import Store

N_THREADS = 4


class IsolationContract(Contract):
    """Namespaces are isolated, also with equal names and keys."""

    def test_nothing_done_in_one_namespace_shows_in_another(self) -> None:
        mine, theirs = self.store_of("mine"), self.store_of("theirs")
        _fill(mine)
        before = samples.snapshot(mine)

        a, b, *_ = _fill(theirs)
        theirs.update(a, samples.episode("something else"), at=5.0)
        theirs.remove([b], at=6.0)
        theirs.prune(rule=EdgeRule(tau=1.0, saturation=1.0, ceiling=1.0, floor=0.5), now=1e9)

        assert before == samples.snapshot(mine)
        assert ["Ana"] == list(mine.speakers())

    def test_dropping_one_namespace_leaves_the_others(self) -> None:
        mine, theirs = self.store_of("mine"), self.store_of("theirs")
        _fill(mine)
        _fill(theirs)
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

    def test_a_namespace_counts_itself(self) -> None:
        mine = self.store_of("mine")
        assert [] == [each for each in mine.namespaces() if each.name == "mine"]
        _fill(mine)

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
            assert store.distil(_nothing(b"mark")) == []

    def test_the_ids_of_one_namespace_mean_nothing_in_another(self) -> None:
        mine, theirs = self.store_of("mine"), self.store_of("theirs")
        [own] = samples.add(mine, "mine")
        # In RAM each namespace may count by itself; these ids are too high to be its own.
        foreign = [id_ for id_ in _fill(theirs) if id_ > own]
        before = samples.snapshot(theirs)

        for id_ in foreign:
            for use in _uses_of(mine, own, id_):
                with raising(NotFoundError):
                    use()
        assert [] == samples.rows(mine.edges(samples.ints(*foreign)))
        nearest, _ = mine.nearest(
            samples.vector("x"), 9, kinds=["episode"], within=samples.ints(*foreign)
        )
        assert [] == nearest.tolist()
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


class TransactionContract(Contract):
    """A transaction happens as one step, or not at all."""

    def test_what_is_written_inside_is_seen_inside_and_stays(self) -> None:
        [a] = samples.add(self.store, "one")

        with self.store.transaction() as inside:
            [b] = samples.add(inside, "two")
            inside.update(a, samples.episode("deux"), at=5.0)
            assert [a, b] == inside.ids(kinds=["episode"]).tolist()
            nearest, _ = inside.nearest(samples.vector("deux"), 1, kinds=["episode"])
            assert [a] == nearest.tolist()
            inside.remove([b], at=6.0)

        assert ["deux"] == [memory.text for memory in self.store.get([a])]
        assert [a] == self.store.ids(kinds=["episode"]).tolist()

    def test_a_failure_undoes_all_of_it(self) -> None:
        ids = _fill(self.store)

        with self.unchanged(ZeroDivisionError), self.store.transaction() as inside:
            inside.remove(ids[:1], at=5.0)
            samples.add(inside, "new")
            samples.snapshot(inside)
            inside.learn(samples.lesson(used=ids[1:2], cue=samples.cue("new?")))
            raise ZeroDivisionError

    def test_a_step_that_fails_inside_undoes_itself_alone(self) -> None:
        [a] = samples.add(self.store, "one")

        with self.store.transaction() as inside:
            [b] = samples.add(inside, "two")
            with raising(NotFoundError):
                inside.remove([b, b + 99], at=5.0)

        assert [a, b] == self.store.ids(kinds=["episode"]).tolist()

    def test_nothing_is_written_while_reading(self) -> None:
        with self.store.reading() as seen:
            with raising(StoreError), seen.transaction():
                pass
            with raising(StoreError):
                samples.add(seen, "one")

        assert [] == self.store.ids(kinds=["episode"]).tolist()


class ThreadContract(Contract):
    """Each method may be called from any thread."""

    def test_no_increment_is_lost(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        lesson = samples.lesson({(a, b): 1.0}, used=[a, b], cue=samples.cue("which?"))

        _at_once(lambda _: [self.store.learn(lesson) for _ in range(10)])

        n = 10 * N_THREADS
        assert {float(n)} == set(samples.weights(self.store.all_edges()).values())
        assert [n, n] == [memory.uses for memory in self.store.get([a, b])]
        assert (n, 1) == (self.store.lessons(), len(self.store.cues()))

    def test_every_turn_is_stored_once(self) -> None:
        def add(thread: int) -> None:
            for i in range(10):
                samples.add(self.store, f"everybody's {i}", f"of {thread}: {i}")

        _at_once(add)

        ids = self.store.ids(kinds=["episode"])
        assert (
            10 * (N_THREADS + 1)
            == len(ids)
            == len({each.text for each in self.store.get(ids.tolist())})
        )
        nodes = self.store.nodes(ids)
        assert nodes.ids[:-1].tolist() == nodes.previous[1:].tolist()

    def test_what_is_put_under_one_key_is_there_once(self) -> None:
        def put(thread: int) -> None:
            for i in range(10):
                said = f"of {thread}: {i}"
                self.store.put(samples.episode(said, key=samples.digest("one")), at=5.0)

        _at_once(put)

        assert 1 == len(self.store.ids(kinds=["episode"]))

    def test_who_reads_while_others_write_sees_whole_memories(self) -> None:
        samples.add(self.store, "zero")

        def use(thread: int) -> None:
            for i in range(15):
                if thread % 2:
                    ids = samples.add(self.store, f"kept {thread} {i}", f"passing {thread} {i}")
                    self.store.remove(ids[1:], at=5.0)
                else:
                    ids = self.store.ids(kinds=["episode"]).tolist()
                    assert len(ids) == len(set(ids))
                    found, cosines = self.store.nearest(samples.vector("x"), 99, kinds=["episode"])
                    assert len(found) == len(cosines)
                    assert cosines.tolist() == sorted(cosines.tolist(), reverse=True)

        _at_once(use)

        assert 1 + 15 * N_THREADS // 2 == len(self.store.ids(kinds=["episode"]))


class ClosingContract(Contract):
    """A closed store raises StoreError."""

    def test_a_closed_store_is_of_no_use(self) -> None:
        store = self.make_store("closed")
        [id_] = samples.add(store, "one")
        store.nodes(samples.ints(id_))

        store.close()
        store.close()

        for use in [*_uses_of(store, id_, id_), *_uses_of_all(store)]:
            with raising(StoreError):
                use()


class StoreContract(
    AddingContract,
    UpdatingContract,
    PuttingContract,
    AnnotatingContract,
    QuietContract,
    RemovingContract,
    SequenceContract,
    SearchingContract,
    LookingContract,
    LearningContract,
    CueContract,
    FactContract,
    ReindexingContract,
    IsolationContract,
    TransactionContract,
    ThreadContract,
    ClosingContract,
):
    """What every store must do. Subclass it, and say in `make_store` how one is made."""


class SharedStoreContract(SharedReindexingContract):
    """Several handles on one namespace: what one writes, the others see. For stores outside of RAM."""

    def test_what_one_handle_writes_the_other_sees(self) -> None:
        other = self._other()
        a, b, *_ = _fill(self.store)
        assert samples.snapshot(self.store) == samples.snapshot(other)

        for change in (
            lambda: samples.add(self.store, "newer"),
            lambda: self.store.update(a, samples.episode("something else"), at=5.0),
            lambda: self.store.remove([b], at=6.0),
            lambda: samples.add(self.store, "newest"),
        ):
            change()
            assert samples.snapshot(self.store) == samples.snapshot(other)

    def test_handles_may_take_turns(self) -> None:
        stores = [self.store, self._other()]

        ids = [samples.add(stores[i % 2], f"turn {i}")[0] for i in range(6)]
        stores[0].remove([ids[1]], at=5.0)
        ids += samples.add(stores[1], "turn 6")

        expected = [id_ for id_ in ids if id_ != ids[1]]
        for store in stores:
            assert expected == store.ids(kinds=["episode"]).tolist()
            assert expected == store.around(samples.ints(expected[0]), 9).tolist()

    def test_several_handles_lose_no_increment(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        handles = [self.store, *(self._other() for _ in range(N_THREADS - 1))]

        _at_once(lambda i: [handles[i].learn(samples.lesson({(a, b): 1.0})) for _ in range(10)])

        assert {(a, b): 10.0 * N_THREADS, (b, a): 10.0 * N_THREADS} == samples.weights(
            self.store.all_edges()
        )

    def test_all_is_there_when_it_is_opened_again(self) -> None:
        first = self.make_store("main")
        _fill(first)
        before = samples.snapshot(first)
        first.close()

        assert before == samples.snapshot(self.store)

    def _other(self) -> Store:
        """Another handle on the namespace of `store`; closed with the others."""
        return self._open.setdefault(f"main, handle {len(self._open)}", self.make_store("main"))


def _fill(store: Store) -> list[int]:
    """Store some of everything; return the ids."""
    ids = [
        id_
        for id_, _ in store.add(
            samples.episodes("one two", "two three", "three"), link=0.5, now=0.0
        )
    ]
    old, new = samples.add_fact(store, "then", *ids[:2]), samples.add_fact(store, "now", *ids)
    store.supersede(old, new, at=3.0)
    cue = store.learn(
        samples.lesson({(ids[0], ids[2]): 0.5}, used=ids[:2], cue=samples.cue("which?"))
    ).cue
    store.update(ids[2], samples.episode("three four"), at=4.0)
    assert cue is not None
    return [*ids, new, cue]


def _nothing(mark: bytes) -> Distillate:
    return Distillate(marks=[mark], facts=[], changed=[], superseded=[], at=1.0)


def _at_once(work: Callable[[int], object]) -> None:
    """Do the work in several threads, and raise the first error."""
    with ThreadPoolExecutor(N_THREADS) as pool:
        list(pool.map(work, range(N_THREADS)))


def _uses_of(store: Store, own: int, id_: int) -> list[Callable[[], object]]:
    """Every call of a store with an existing id."""
    one, question = samples.ints(id_), samples.vector("x")
    return [
        lambda: store.get([id_]),
        lambda: store.nodes(one),
        lambda: store.around(one, 1),
        lambda: store.vectors(one),
        lambda: store.similarities(question, one),
        lambda: store.history(id_),
        lambda: store.update(id_, samples.episode("new"), at=1.0),
        lambda: store.remove([id_], at=1.0),
        lambda: store.supersede(own, id_, at=1.0),
        lambda: store.supersede(id_, own, at=1.0),
        lambda: store.learn(samples.lesson(used=[id_])),
        lambda: store.learn(samples.lesson({(own, id_): 0.5})),
        lambda: store.learn(samples.lesson(used=[own], cue=id_)),
        lambda: store.add_facts([samples.fact("new", id_)], cluster=b"new"),
    ]


def _uses_of_all(store: Store) -> list[Callable[[], object]]:
    """Every other call of a store."""
    nothing = np.empty(0, np.int64)
    analysis = Analysis(embedder="test", dimension=samples.DIMENSION)
    return [
        lambda: store.add(samples.episodes("new"), link=0.0, now=0.0),
        lambda: store.put(samples.episode("new"), at=1.0),
        lambda: store.find(b"new"),
        lambda: store.annotate(1, {}, was={}),
        lambda: store.distil(_nothing(b"new")),
        lambda: store.restore([samples.cue("new?")], lambda _: store.all_edges()),
        lambda: store.prune(rule=samples.PLAIN, now=0.0),
        lambda: store.repair(at=0.0, dry_run=True),
        lambda: store.nearest(samples.vector("x"), 1, kinds=["episode"]),
        lambda: store.postings(["one"], max_rows=9),
        lambda: store.edges(nothing),
        store.all_edges,
        lambda: store.ids(kinds=["episode"]),
        store.speakers,
        store.facts,
        store.cues,
        store.clusters,
        store.lessons,
        store.stats,
        lambda: store.analysis,
        lambda: store.reindexing(analysis),
        store.check,
    ]
