# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The whole contract of `protocols.Store`: one namespace, several, several threads, several handles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from helamem.errors import NotFoundError, StoreError
from helamem.testing import calls, samples
from helamem.testing.adding import AddingContract
from helamem.testing.base import Contract, raising
from helamem.testing.cues import CueContract
from helamem.testing.facts import FactContract
from helamem.testing.isolation import IsolationContract
from helamem.testing.journal import JournalContract
from helamem.testing.keeping import AnnotatingContract, PuttingContract, QuietContract
from helamem.testing.learning import LearningContract
from helamem.testing.looking import LookingContract
from helamem.testing.passages import PassageContract
from helamem.testing.regions import RegionContract
from helamem.testing.reindexing import ReindexingContract, SharedReindexingContract
from helamem.testing.removing import RemovingContract
from helamem.testing.searching import SearchingContract
from helamem.testing.sequence import SequenceContract
from helamem.testing.superseding import RevertingContract, SupersedingContract
from helamem.testing.updating import UpdatingContract

if TYPE_CHECKING:
    from collections.abc import Callable

    from helamem.protocols import Store

N_THREADS = 4


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
        ids = samples.fill(self.store)

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

        for use in [*calls.about(store, id_, id_), *calls.others(store)]:
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
    PassageContract,
    RegionContract,
    LookingContract,
    LearningContract,
    CueContract,
    FactContract,
    SupersedingContract,
    RevertingContract,
    JournalContract,
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
        a, b, *_ = samples.fill(self.store)
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
            assert expected == samples.around(store, [expected[0]], 9)

    def test_several_handles_lose_no_increment(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        handles = [self.store, *(self._other() for _ in range(N_THREADS - 1))]

        _at_once(lambda i: [handles[i].learn(samples.lesson({(a, b): 1.0})) for _ in range(10)])

        assert {(a, b): 10.0 * N_THREADS, (b, a): 10.0 * N_THREADS} == samples.weights(
            self.store.all_edges()
        )

    def test_all_is_there_when_it_is_opened_again(self) -> None:
        first = self.make_store("main")
        samples.fill(first)
        before = samples.snapshot(first)
        first.close()

        assert before == samples.snapshot(self.store)

    def _other(self) -> Store:
        """Another handle on the namespace of `store`; closed with the others."""
        return self._open.setdefault(f"main, handle {len(self._open)}", self.make_store("main"))


def _at_once(work: Callable[[int], object]) -> None:
    """Do the work in several threads, and raise the first error."""
    with ThreadPoolExecutor(N_THREADS) as pool:
        list(pool.map(work, range(N_THREADS)))
