"""The journal on a server is bounded, and nothing of a step remains without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helamem.stores.postgres import PostgresStore, schema
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres_server import Server

pytestmark = pytest.mark.slow  # they need a database server

PARTS = ("step_edge", "step_use", "step_fact")


def opened(url: str) -> PostgresStore:
    return PostgresStore(url, namespace="main", made_by=samples.ANALYSIS, journal=2)


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    store = opened(url)
    yield store
    store.close()


def steps_of(server: Server, table: str) -> set[int]:
    found = server.execute(f"SELECT DISTINCT step FROM helamem.{table}", database="memories")
    return {step for (step,) in found}


def test_the_oldest_steps_go_first_with_all_their_parts(
    server: Server, store: PostgresStore
) -> None:
    a, b = samples.add(store, "one", "two")
    steps = [store.learn(samples.lesson({(a, b): 0.5}, used=[a])).step for _ in range(3)]

    assert steps[:0:-1] == [each.id for each in store.journal(limit=9)]
    assert set(steps[1:]) == steps_of(server, "step_edge") == steps_of(server, "step_use")


def test_what_is_undone_leaves_no_part(server: Server, store: PostgresStore) -> None:
    a, b = samples.add(store, "one", "two")
    step = store.learn(samples.lesson({(a, b): 0.5}, used=[a])).step

    store.undo(step or 0, at=1.0)

    assert [set(), set(), set()] == [steps_of(server, table) for table in PARTS]


def test_what_is_dropped_leaves_no_part(server: Server, store: PostgresStore) -> None:
    a, b = samples.add(store, "one", "two")
    store.learn(samples.lesson({(a, b): 0.5}, used=[a]))

    store.drop()

    assert [] == store.journal(limit=9)
    assert [set(), set(), set()] == [steps_of(server, table) for table in PARTS]


def test_a_database_from_before_the_journal_gets_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.execute("CREATE DATABASE older")
    first = schema.migrations()[:1]
    try:
        with monkeypatch.context() as patched:
            patched.setattr(schema, "migrations", lambda: first)
            opened(server.url("older")).close()

        store = opened(server.url("older"))
        a, b = samples.add(store, "one", "two")
        step = store.learn(samples.lesson({(a, b): 0.5}, used=[a])).step
        assert 1 == store.undo(step or 0, at=1.0).edges
        assert [] == samples.rows(store.all_edges())
        store.close()
    finally:
        server.execute("DROP DATABASE older WITH (FORCE)")
