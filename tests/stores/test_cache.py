"""What a store keeps in RAM follows the file, whoever changes it, without reading all of it anew."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem.stores import growing
from helamem.stores.sqlite import SQLiteStore, cache, loading, packs
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from helamem.stores.sqlite.cache import Moment
    from helamem.stores.sqlite.index import NodeIndex


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def opened(path: Path, busy_s: float = 10.0) -> SQLiteStore:
    """A handle; those with another `busy_s` share nothing with it, as if they were another process's."""
    return SQLiteStore(
        path,
        namespace="main",
        made_by=samples.ANALYSIS,
        busy_s=busy_s,
    )


@pytest.fixture
def stores(path: Path) -> Iterator[tuple[SQLiteStore, SQLiteStore]]:
    one, other = opened(path), opened(path, 11.0)
    yield one, other
    one.close()
    other.close()


def fill(store: SQLiteStore) -> list[int]:
    """A hundred turns of five sessions, said in turns, by two speakers."""
    return [
        id_
        for i in range(100)
        for id_ in samples.add(
            store, f"turn {i}", session=f"session {i % 5}", speaker="Ben" if i % 2 else "Ana"
        )
    ]


def change(store: SQLiteStore, ids: list[int], choose: random.Random) -> None:
    """Do one thing to a few of many memories."""
    a, b, c = choose.sample(ids, 3)
    match choose.randrange(5):
        case 0:
            store.remove([a, b], at=1.0)
        case 1:
            store.update(a, samples.episode(f"new {choose.random()}"), at=1.0)
        case 2:
            ids += samples.add(store, f"more {choose.random()}", session="session 2")
        case 3:
            old, new = (samples.add_fact(store, f"fact {choose.random()}", a, b) for _ in range(2))
            store.supersede(old, new, at=1.0)
        case _:
            fact = samples.add_fact(store, f"fact {choose.random()}", a)
            store.supersede(samples.add_fact(store, f"old {choose.random()}", c), fact, at=1.0)
            store.remove([fact], at=1.0)
    ids[:] = store.ids(kinds=["episode"]).tolist()


@pytest.mark.parametrize("seed", range(6))
def test_an_old_handle_sees_what_a_new_one_sees(
    seed: int, path: Path, stores: tuple[SQLiteStore, SQLiteStore]
) -> None:
    choose = random.Random(seed)
    ids = fill(stores[0])
    for _ in range(12):
        change(choose.choice(stores), ids, choose)
        if choose.random() < 0.5:  # the others fall behind by several changes
            continue
        new = opened(path, 12.0)
        expected = samples.snapshot(new)
        new.close()

        assert expected == samples.snapshot(stores[0])
        assert expected == samples.snapshot(stores[1])


def test_a_few_changes_do_not_make_it_read_all_again(
    stores: tuple[SQLiteStore, SQLiteStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(stores[0])
    for store in stores:
        store.nodes(samples.ints(ids[0]))

    monkeypatch.setattr(loading, "begun", refuse)
    stores[0].remove(ids[3:6], at=1.0)
    stores[1].update(ids[9], samples.episode("new"), at=1.0)

    for store in stores:
        assert [*ids[:3], *ids[6:]] == store.ids(kinds=["episode"]).tolist()
        assert samples.vector("new").tolist() == store.vectors(samples.ints(ids[9]))[0].tolist()


def test_a_reader_of_an_earlier_moment_does_not_read_all_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(path)
    ids = fill(store)
    store.nodes(samples.ints(ids[0]))
    with store.reading() as seen:
        seen.get(ids[:1])  # its moment begins, and nobody has asked for the index of it
        for text in ("new", "newer"):
            store.update(ids[7], samples.episode(text), at=1.0)
            store.nodes(samples.ints(ids[7]))
        monkeypatch.setattr(loading, "begun", refuse)

        found = seen.vectors(samples.ints(ids[7]))

    assert samples.vector("turn 7").tolist() == found[0].tolist()
    assert samples.vector("newer").tolist() == store.vectors(samples.ints(ids[7]))[0].tolist()
    store.close()


def refuse(*_: object, **__: object) -> NodeIndex:
    raise AssertionError("everything is read anew")


def test_what_was_handed_out_stays_as_it_was(stores: tuple[SQLiteStore, SQLiteStore]) -> None:
    store, _ = stores
    ids = fill(store)
    nodes = store.nodes(np.array(ids))
    before = samples.rows(nodes)
    nearest = store.nearest(samples.vector("turn 7"), 100, kinds=["episode"])
    found = [each.tolist() for each in nearest]

    store.update(ids[7], samples.episode("new"), at=1.0)
    store.remove(ids[:2], at=1.0)
    samples.add(store, "more")
    store.nodes(samples.ints(ids[7]))

    assert before == samples.rows(nodes)
    assert found == [each.tolist() for each in nearest]


def test_what_is_added_is_appended_to_what_is_there(path: Path) -> None:
    store = opened(path)
    ids = fill(store)
    store.nodes(samples.ints(ids[0]))
    n_copied = 0
    for i in range(60):
        before = newest(store).index
        samples.add(store, f"more {i}", session=f"session {i % 7}", speaker="Cleo")
        store.nodes(samples.ints(ids[0]))
        after = newest(store).index
        parts = zip(before.table.columns, after.table.columns, strict=True)
        n_copied += not all(new.shares_with(old) for old, new in parts)

    assert n_copied <= 2  # where there was no room any more
    new = opened(path, 11.0)
    assert samples.snapshot(new) == samples.snapshot(store)
    new.close()
    store.close()


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_use_copies_no_column(
    is_packed: bool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the change nor the search that comes next."""
    if is_packed:
        monkeypatch.setattr(packs, "EXACT_BELOW", 50)
        monkeypatch.setattr(packs, "NODES", 16)
    store = opened(path)
    ids = fill(store)
    fact = samples.add_fact(store, "a fact", ids[50])
    store = reopened(store, path)  # with room for a few more
    n_bytes = []
    real = growing.copied

    def counted(values: NDArray[Any], room: int) -> NDArray[Any]:
        n_bytes.append(values.nbytes)
        return real(values, room)

    monkeypatch.setattr(growing, "copied", counted)
    for act in (
        lambda: samples.add(store, "one more", session="session 2"),
        lambda: store.update(ids[7], samples.episode("new", session="session 2"), at=1.0),
        lambda: store.learn(samples.lesson(used=[ids[8]], cue=samples.cue("which?"))),
        lambda: store.remove([ids[9], ids[30]], at=1.0),
        lambda: store.remove([fact], at=1.0),
        lambda: samples.add(store, "and another", session="session 4"),
    ):
        act()
        store.region(samples.query("turn 50"))

    assert [] == n_bytes
    new = opened(path, 11.0)
    assert samples.snapshot(new) == samples.snapshot(store)
    new.close()
    store.close()


def reopened(store: SQLiteStore, path: Path) -> SQLiteStore:
    store.close()
    again = opened(path)
    again.region(samples.query("turn 50"))
    return again


def newest(store: SQLiteStore) -> Moment:
    found = store._file.caches.of(store._claim.number).newest
    assert found is not None
    return found


def test_who_needs_nothing_new_does_not_wait_for_who_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(path)
    fill(store)
    store.nearest(samples.vector("turn"), 1, kinds=["episode"])
    reading, done = threading.Event(), threading.Event()
    catch_up = cache.caught_up

    def slowly(*arguments: Any) -> Moment:
        reading.set()
        assert done.wait(60)
        return catch_up(*arguments)

    with store.reading() as before, ThreadPoolExecutor(1) as pool:
        before.nearest(samples.vector("turn"), 1, kinds=["episode"])
        samples.add(opened(path), "one more")
        monkeypatch.setattr(cache, "caught_up", slowly)
        later = pool.submit(store.nearest, samples.vector("turn"), 200, kinds=["episode"])
        assert reading.wait(60)
        seen, _ = before.nearest(samples.vector("turn"), 200, kinds=["episode"])
        done.set()

        assert (100, 101) == (len(seen), len(later.result()[0]))
    store.close()
