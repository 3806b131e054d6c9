"""Several processes, and a server that is killed while they write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helamem.stores.postgres import PostgresStore
from helamem.testing import samples
from stores.processes import Process, running

if TYPE_CHECKING:
    from postgres_server import Server

pytestmark = pytest.mark.slow  # they need a database server

LEARNING = """
a, b, c = store.ids(kinds=["episode"]).tolist()
wait()
for i in range(25):
    pairs = {(a, b): 1.0, (c, b): 1.0} if i % 2 else {(b, c): 1.0, (b, a): 1.0}
    store.learn(samples.lesson(pairs, used=[c, a, b], cue=samples.cue("which?")))
"""
ADDING = """
for i in range(100_000):
    [id_] = samples.add(store, f"{me}-{i}", session=me)
    say(f"{me}-{i}")
"""


def opened(url: str) -> PostgresStore:
    return PostgresStore(url, namespace="main", made_by=samples.ANALYSIS)


def deadlocks(server: Server) -> int:
    [(n,)] = server.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = 'memories'")
    return int(n)


def test_four_processes_lose_no_increment(server: Server, url: str) -> None:
    store = opened(url)
    a, b, c = samples.add(store, "a", "b", "c")
    before = deadlocks(server)
    processes = [Process(LEARNING, url, str(i)) for i in range(4)]

    with running(*processes):
        for each in processes:
            each.go_on()
        for each in processes:
            each.end()

    weights = samples.weights(store.all_edges())
    assert {100.0} == {weights[pair] for pair in ((a, b), (b, a), (b, c), (c, b))}
    assert [100, 100, 100] == [each.uses for each in store.get([a, b, c])]
    assert (100, 1) == (store.lessons(), len(store.cues()))
    assert before == deadlocks(server)
    assert [] == store.check()
    store.close()


def test_what_was_acknowledged_survives_the_servers_death(server: Server, url: str) -> None:
    acknowledged: list[str] = []
    for round_ in range(5):
        writers = [Process(ADDING, url, f"{round_}-{i}") for i in range(2)]
        with running(*writers):
            acknowledged += [each.hear() for each in writers]
            server.kill()
            server.start()
            for each in writers:
                acknowledged += each.kill()

        store = opened(url)
        stored = [each.text for each in store.get(store.ids(kinds=["episode"]).tolist())]
        assert set(acknowledged) <= set(stored)
        assert len(stored) == len(set(stored))
        assert [] == store.check()
        store.close()
