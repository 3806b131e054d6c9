"""Handles on one file share its connections and indexes, and readers do not wait."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from helamem.errors import StoreError
from helamem.stores.sqlite import SQLiteStore, cache, nodes
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def opened(path: Path, namespace: str = "main", **others: Any) -> SQLiteStore:
    return SQLiteStore(path, namespace=namespace, made_by=samples.ANALYSIS, **others)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with_file = opened(path)
    yield with_file
    with_file.close()


def episodes(store: SQLiteStore) -> list[int]:
    return [int(id_) for id_ in store.ids(kinds=["episode"])]


class TestLeases:
    def test_handles_on_one_file_share_it(self, path: Path, store: SQLiteStore) -> None:
        (path.parent / "link.db").symlink_to(path)
        others = [opened(path, "other"), opened(path.parent / "link.db")]

        assert {store._file} == {each._file for each in others}
        assert 3 == store._file.users
        for each in others:
            each.close()
            each.close()
        assert 1 == store._file.users

    def test_handles_with_other_settings_do_not(self, path: Path, store: SQLiteStore) -> None:
        other = opened(path, synchronous="normal")

        assert other._file is not store._file
        other.close()

    def test_the_last_handle_closes_the_file(self, path: Path) -> None:
        one, other = opened(path), opened(path)
        file = one._file

        one.close()
        samples.add(other, "still open")
        with pytest.raises(StoreError, match="is closed"):
            one.ids(kinds=["episode"])
        other.close()

        with pytest.raises(StoreError, match="is closed"), file.reader():
            pass
        assert [path.name] == [each.name for each in path.parent.iterdir()]  # no log is left

    def test_a_handle_that_nobody_has_any_more_is_given_up(
        self, path: Path, store: SQLiteStore
    ) -> None:
        other = opened(path)
        assert 2 == store._file.users

        del other
        gc.collect()

        assert 1 == store._file.users

    def test_a_file_that_took_its_place_is_another(self, path: Path, store: SQLiteStore) -> None:
        samples.add(store, "one")
        for each in path.parent.glob("memory.db*"):
            each.unlink()

        other = opened(path)

        assert [] == episodes(other)
        assert [1] == episodes(store)  # what is open stays open
        with (
            store._file.reader(),
            pytest.raises(StoreError, match="removed or replaced"),
            store.reading(),
        ):
            pass
        other.close()

    def test_nothing_is_stored_where_nobody_will_find_it(
        self, path: Path, store: SQLiteStore
    ) -> None:
        samples.add(store, "one")
        path.rename(path.with_name("moved.db"))

        with pytest.raises(StoreError, match="removed or replaced"):
            samples.add(store, "two")
        path.touch()
        with pytest.raises(StoreError, match="removed or replaced"):
            samples.add(store, "three")

        assert [1] == episodes(store)


class TestWaiting:
    def test_readers_do_not_wait_for_a_writer(self, store: SQLiteStore) -> None:
        [a] = samples.add(store, "one")

        with store.transaction() as inside, ThreadPoolExecutor(1) as others:
            [b] = samples.add(inside, "two")
            seen = others.submit(store.region, samples.query())

            assert [a] == seen.result().nodes.ids.tolist()
            assert [a, b] == episodes_inside(inside)
        assert [a, b] == episodes(store)

    def test_readers_do_not_wait_for_readers(self, store: SQLiteStore) -> None:
        [a] = samples.add(store, "one")
        n = 12
        all_read = threading.Barrier(n)

        def read(_: int) -> list[int]:
            with store.reading() as seen:
                all_read.wait()  # each holds its snapshot while the others begin theirs
                return episodes_inside(seen)

        with ThreadPoolExecutor(n) as pool:
            assert [[a]] * n == list(pool.map(read, range(n)))

    def test_who_reads_may_read_more(self, store: SQLiteStore) -> None:
        [a] = samples.add(store, "one")

        with store.reading() as seen:
            assert [a] == episodes_inside(seen)
            [b] = samples.add(store, "two")
            assert [a, b] == episodes(store)
            assert [a] == episodes_inside(seen)

    def test_a_snapshot_is_of_its_moment_however_far_others_have_read(
        self, path: Path, store: SQLiteStore
    ) -> None:
        a, b = samples.add(store, "one", "two")

        with store.reading() as seen:
            seen.get([a])  # from here on it sees this moment, and the index is not looked at yet
            samples.add(store, "three")
            store.update(a, samples.episode("changed"), at=1.0)
            store.region(samples.query())
            assert [a, b] == episodes_inside(seen)
            assert samples.vector("one").tolist() == seen.vectors(samples.ints(a))[0].tolist()

        assert samples.vector("changed").tolist() == store.vectors(samples.ints(a))[0].tolist()


class TestBlocks:
    def test_a_store_of_a_block_is_of_no_use_after_it(self, store: SQLiteStore) -> None:
        with store.reading() as seen:
            pass
        with store.transaction() as inside:
            pass

        for block in (seen, inside):
            with pytest.raises(StoreError, match="block that has ended"):
                block.ids(kinds=["episode"])
        with pytest.raises(StoreError, match="block that has ended"):
            samples.add(inside, "one")

    def test_a_block_is_neither_closed_nor_reindexed(self, store: SQLiteStore) -> None:
        with store.transaction() as inside:
            for use in (inside.close, lambda: inside.reindexing(store.analysis)):
                with pytest.raises(StoreError, match="Leave the block first"):
                    use()

    def test_a_part_that_fails_leaves_no_trace_in_what_is_read(self, store: SQLiteStore) -> None:
        a, b, c = samples.add(store, "one", "two", "three")

        with store.transaction() as inside:
            with contextlib.suppress(ZeroDivisionError), inside.transaction() as part:
                part.remove([a], at=1.0)
                assert [b, c] == episodes_inside(part)
                raise ZeroDivisionError
            inside.remove([b], at=1.0)  # as many changes as were undone
            assert [a, c] == episodes_inside(inside)
        assert [a, c] == episodes(store)


class TestIndexes:
    def test_they_are_read_once_for_all_handles(
        self, path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = samples.add(store, "one", "two")
        store.nodes(samples.ints(*ids))
        other = opened(path)

        def refuse(*_: object) -> None:
            raise AssertionError("it is read again")

        monkeypatch.setattr(nodes, "_read", refuse)

        assert ids == other.nodes(samples.ints(*ids)).ids.tolist()
        other.close()

    def test_those_not_used_for_longest_go_beyond_the_limit(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stores = [opened(path, f"of {i}") for i in range(6)]
        ids = [
            samples.add(store, *[f"{i} {j}" for j in range(20)]) for i, store in enumerate(stores)
        ]
        episodes(stores[0])
        caches = stores[0]._file.caches
        monkeypatch.setattr(cache, "MOST_BYTES", 3 * caches.n_bytes)

        for _ in range(2):
            for expected, store in zip(ids, stores, strict=True):
                assert expected == store.region(samples.query()).nodes.ids.tolist()
                assert caches.n_bytes <= cache.MOST_BYTES

        assert 3 * 20 * samples.DIMENSION * 4 <= caches.n_bytes
        monkeypatch.setattr(cache, "MOST_BYTES", 1)
        assert ids[0] == episodes(stores[0])  # the one in use is kept, however large
        for store in stores:
            store.close()


FORKING = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from helamem.errors import StoreError
from helamem.stores.sqlite import SQLiteStore, files
from helamem.testing import samples

files.FORK_S = 0.1  # how long is waited for a thread that goes on reading

store = SQLiteStore(sys.argv[1], namespace="main", made_by=samples.ANALYSIS)
samples.add(store, "before")


def in_child(work):
    child = os.fork()
    if not child:
        os._exit(work())
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def go_on():
    assert [1] == store.ids(kinds=["episode"]).tolist()
    samples.add(store, "in the child")
    store.close()
    return 0


def refuse():
    try:
        store.ids(kinds=["episode"])
    except StoreError:
        return 0
    return 1


in_child(go_on)
assert [1, 2] == store.ids(kinds=["episode"]).tolist()
with store.transaction() as inside:
    samples.add(inside, "in the parent")
    in_child(refuse)
with store.reading() as seen:
    assert [1, 2, 3] == seen.ids(kinds=["episode"]).tolist()
    in_child(refuse)
    with ThreadPoolExecutor(1) as others:  # nothing is left locked
        others.submit(samples.add, store, "by another thread").result()
assert [1, 2, 3, 4] == store.ids(kinds=["episode"]).tolist()
assert [] == store.check()
store.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_child_goes_on_with_connections_of_its_own(path: Path) -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKING, str(path)], check=True, timeout=300
    )


def episodes_inside(block: Any) -> list[int]:
    return [int(id_) for id_ in block.ids(kinds=["episode"])]
