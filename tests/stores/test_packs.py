"""Large namespaces are packed: what is read from packs is what the rows of the nodes say."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem.errors import CorruptError
from helamem.protocols import Reindexed
from helamem.stores.sqlite import SQLiteStore, nodes, packs
from helamem.testing import StoreContract, samples
from helamem.testing.base import raising

if TYPE_CHECKING:
    from pathlib import Path

    from helamem.protocols import Store

PACKED = 8


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "EXACT_BELOW", 12)
    monkeypatch.setattr(packs, "NODES", PACKED)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def opened(path: Path, busy_s: float = 10.0) -> SQLiteStore:
    """A handle; those with another `busy_s` share nothing with it."""
    return SQLiteStore(path, namespace="main", made_by=samples.ANALYSIS, busy_s=busy_s)


def fill(store: SQLiteStore, n: int = 60) -> list[int]:
    return [
        id_
        for i in range(n)
        for id_ in samples.add(
            store, f"turn {i}", session=f"session {i % 5}", speaker="Ben" if i % 2 else "Ana"
        )
    ]


def n_packs(path: Path) -> int:
    connection = sqlite3.connect(path)
    (n,) = connection.execute("SELECT count(*) FROM pack").fetchone()
    connection.close()
    return int(n)


@pytest.mark.slow  # what packs alone do is tested above and below
class TestPacked(StoreContract):
    """A store is a store whether it packs or not."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packs, "EXACT_BELOW", 1)
        monkeypatch.setattr(packs, "NODES", 2)
        self.path = tmp_path / "memory.db"

    def make_store(self, namespace: str) -> Store:
        return SQLiteStore(self.path, namespace=namespace, made_by=samples.ANALYSIS)


def change(store: SQLiteStore, ids: list[int], choose: random.Random) -> None:
    """Do one thing to a few of many memories."""
    a, b = choose.sample(ids, 2)
    match choose.randrange(5):
        case 0:
            store.remove([a], at=1.0)
        case 1:
            passages = [samples.vector(f"passage {i}") for i in range(choose.randrange(3))]
            text = f"new {choose.random()}"
            store.update(a, samples.episode(text, passages=passages), at=1.0)
        case 2:
            samples.add(store, f"more {choose.random()}", speaker=choose.choice(["Cleo", "Ana"]))
        case 3:
            store.learn(samples.lesson(used=[a], cue=samples.cue(f"why {choose.random()}?")))
        case _:
            store.supersede(min(a, b), max(a, b), at=1.0)
            if choose.random() < 0.5:
                store.revert(min(a, b), at=1.0)
    ids[:] = store.ids(kinds=["episode"]).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_whoever_reads_packs_sees_what_others_see(
    seed: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = random.Random(seed)
    monkeypatch.setattr(packs, "MANY_EMPTIED", choose.choice([0.1, 1.0]))
    store, other = opened(path), opened(path, 11.0)
    ids = fill(store)
    expected: dict[str, Any] = {}
    for _ in range(8):
        for _ in range(choose.randrange(4)):
            change(choose.choice([store, other]), ids, choose)
        new = opened(path, 12.0)
        expected = samples.snapshot(new)
        new.close()

        assert expected == samples.snapshot(store) == samples.snapshot(other)
    unpacked = without_packs(path)
    assert expected == samples.snapshot(unpacked)
    for each in (unpacked, store, other):
        assert [] == each.check()
        each.close()


def without_packs(path: Path) -> SQLiteStore:
    """A handle that reads every node from its own row."""
    connection = sqlite3.connect(path)
    for table in ("pack", "packing", "axes"):
        connection.execute(f"DELETE FROM {table}")
    connection.commit()
    connection.close()
    return opened(path, 13.0)


def test_a_namespace_is_packed_once_it_is_large(path: Path) -> None:
    store, other = opened(path), opened(path, 11.0)
    fill(store, 11)
    assert (0, True, True) == (n_packs(path), is_exact(store), is_exact(other))

    fill_more(store, 11, 30)

    assert (30 // PACKED, False, False) == (n_packs(path), is_exact(store), is_exact(other))
    assert samples.snapshot(store) == samples.snapshot(other)
    store.close()
    other.close()


def fill_more(store: SQLiteStore, first: int, last: int) -> None:
    for i in range(first, last):
        samples.add(store, f"turn {i}", session=f"session {i % 5}")


def is_exact(store: SQLiteStore) -> bool:
    with store.reading() as seen:
        return seen._seen.index.vectors.is_exact


def test_to_open_a_packed_namespace_few_nodes_are_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(path)
    ids = fill(store)
    store.remove(ids[3:4], at=1.0)
    store.update(ids[20], samples.episode("new"), at=1.0)
    store.close()
    n_read = []
    real = nodes._read

    def counted(*arguments: Any) -> nodes.Read:
        found = real(*arguments)
        n_read.append(len(found.columns.ids))
        return found

    monkeypatch.setattr(nodes, "_read", counted)
    store = opened(path)
    store.nearest(samples.vector("turn 5"), 3, kinds=["episode"])

    assert [1, 60 % PACKED] == n_read  # what was changed, and what is newer than the last pack
    store.close()


def test_nothing_of_a_deleted_vector_is_left(path: Path) -> None:
    store = opened(path)
    [gone] = samples.add(store, "a secret", speaker="Clara")
    fill(store)
    [kept, *_] = packs_of(store)
    place = int(np.flatnonzero(kept.records["id"] == gone)[0])
    codes, digest = kept.codes[place].tobytes(), kept.records["speaker"][place].tobytes()
    assert (1, True) == (path.read_bytes().count(codes), digest in path.read_bytes())

    store.remove([gone], at=1.0)

    content = path.read_bytes() + path.with_name("memory.db-wal").read_bytes()
    assert (0, 0) == (content.count(codes), content.count(digest))
    [emptied, *_] = packs_of(store)
    assert not emptied.codes[place].any()
    assert not emptied.scales[place]
    store.close()


def packs_of(store: SQLiteStore) -> list[packs.Pack]:
    with store.reading() as seen:
        return list(packs.read(seen._seen.space))


def test_a_dropped_namespace_leaves_no_packs(path: Path) -> None:
    store = opened(path)
    fill(store)

    store.drop()

    assert 0 == n_packs(path)
    fill(store)
    assert 60 // PACKED == n_packs(path)
    store.close()


def test_packs_that_are_emptied_are_made_anew(path: Path) -> None:
    store = opened(path)
    ids = fill(store, 160)
    for i in range(10):
        store.update(ids[i], samples.episode(f"new {i}"), at=1.0)
    assert 160 // PACKED == n_packs(path)

    store.update(ids[10], samples.episode("new 10"), at=1.0)
    assert 0 == n_packs(path)

    samples.add(store, "one more")
    assert 161 // PACKED == n_packs(path)
    store.close()


def test_a_few_packs_are_made_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "EXACT_BELOW", 1000)
    store = opened(path)
    fill(store)
    monkeypatch.setattr(packs, "EXACT_BELOW", 12)
    monkeypatch.setattr(packs, "AT_ONCE", 3)

    found = []
    for i in range(3):
        samples.add(store, f"more {i}")
        found.append(n_packs(path))
        new = opened(path, 11.0)
        assert samples.snapshot(store) == samples.snapshot(new)
        new.close()

    assert [3, 6, 7] == found
    store.close()


def test_damaged_packs_are_not_trusted(path: Path) -> None:
    store = opened(path)
    ids = fill(store)
    expected = samples.snapshot(store)
    store.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE pack SET codes = substr(codes, 1, 20) WHERE id = 2")
    connection.commit()
    connection.close()

    store = opened(path)
    with raising(CorruptError):
        store.nodes(samples.ints(ids[0]))
    assert 1 == len(store.check())
    assert 1 == len(store.repair(at=1.0, dry_run=False))

    assert [] == store.check()
    assert expected == samples.snapshot(store)
    store.close()


def test_reindexing_begins_packs_anew(path: Path) -> None:
    store = opened(path)
    fill(store)
    making = store.reindexing(store.analysis)
    for node in making.unindexed(after=0, limit=100):
        making.stage([Reindexed(id=node.id, vector=samples.vector(f"{node.text} again"))])

    adopted = making.adopt()

    assert adopted is not None
    assert 0 == n_packs(path)
    found, _ = adopted.nearest(samples.vector("turn 7 again"), 1, kinds=["episode"])
    assert ["turn 7"] == [each.text for each in adopted.get(found.tolist())]
    store.close()
