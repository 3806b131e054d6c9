"""What can go wrong with a database is one sentence that says what to do, and leaves nothing half-written."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from helamem import Config, Memory
from helamem.errors import (
    EmbedderMismatchError,
    LanguageMismatchError,
    MissingExtraError,
    SchemaError,
    StoreError,
)
from helamem.models.embedders import HashingEmbedder
from helamem.stores.postgres import PostgresStore, faults, node_table, schema
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.stores.postgres.database import Statement
    from postgres_server import Server

pytestmark = pytest.mark.slow  # they need a database server


def opened(url: str, namespace: str = "main", **others: Any) -> PostgresStore:
    return PostgresStore(
        url,
        namespace=namespace,
        **{"made_by": samples.ANALYSIS, "wait_s": 5.0, **others},
    )


def cut_off(server: Server) -> None:
    """End all connections of stores, as a restart of the server would."""
    server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'helamem'"
    )


def texts(store: PostgresStore) -> list[str]:
    return [each.text for each in store.get(store.ids(kinds=["episode"]).tolist())]


@pytest.fixture
def other(server: Server) -> Iterator[str]:
    """A database of the test's own, with nothing in it."""
    server.execute("CREATE DATABASE other")
    yield "other"
    server.execute("DROP DATABASE other WITH (FORCE)")


@pytest.fixture
def stranger(server: Server) -> Iterator[str]:
    """A user without any right."""
    server.execute("CREATE ROLE stranger LOGIN")
    yield "stranger"
    server.execute("DROP ROLE stranger")


class TestOpening:
    def test_without_the_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [each for each in sys.modules if each.startswith("helamem.stores.postgres")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "psycopg", None)

        with pytest.raises(MissingExtraError, match=r"pip install 'helamem\[postgres\]'"):
            Memory(
                "postgresql://ana@db.example/memories", config=Config(), embedder=HashingEmbedder(8)
            )

    @pytest.mark.parametrize(
        ("url", "advice"),
        [
            ("postgresql://ana:sec%ret@db.example/memories", "percent-encoded"),
            (
                "postgresql://ana:secret@db.example:5432/memories?sslmood=x",
                "Write postgresql://USER@HOST",
            ),
            ("postgresql://ana:secret@/memories?host=/nowhere", "Check the address"),
        ],
    )
    def test_an_address_that_leads_nowhere(self, url: str, advice: str) -> None:
        with pytest.raises(StoreError, match=advice) as raised:
            opened(url)

        assert "sec" not in str(raised.value).replace("seconds", "")

    def test_a_database_that_is_not_there(self, server: Server) -> None:
        with pytest.raises(StoreError, match=r"does not exist. Make it: createdb"):
            opened(server.url("nowhere"))

    def test_a_user_who_is_not_there(self, server: Server) -> None:
        with pytest.raises(StoreError, match=r'role "nobody" does not exist.*Give another user'):
            opened(server.url("memories", "nobody"))

    def test_a_server_without_pgvector(self, server: Server, other: str) -> None:
        server.execute(f"ALTER DATABASE {other} SET extension_control_path = '/nowhere'")

        with pytest.raises(StoreError, match=r"has no pgvector. Install it"):
            opened(server.url(other))
        assert [(None,)] == server.execute("SELECT to_regclass('helamem.meta')", database=other)

    def test_a_pgvector_that_is_too_old(self, server: Server, other: str) -> None:
        opened(server.url(other)).close()
        server.execute(
            "UPDATE pg_extension SET extversion = '0.8.3' WHERE extname = 'vector'", database=other
        )

        with pytest.raises(
            StoreError, match=r"0\.8\.3.*0\.8\.4 or newer.*ALTER EXTENSION vector UPDATE"
        ):
            opened(server.url(other))

    def test_a_database_of_a_newer_version(self, server: Server, other: str) -> None:
        opened(server.url(other)).close()
        server.execute("UPDATE helamem.meta SET value = '99' WHERE key = 'schema'", database=other)

        with pytest.raises(SchemaError, match=r"schema 99.*pip install -U helamem"):
            opened(server.url(other))

    def test_a_user_who_may_not_make_tables(
        self, server: Server, other: str, stranger: str
    ) -> None:
        with pytest.raises(StoreError, match=r"may not make them.*GRANT CREATE"):
            opened(server.url(other, stranger))

    def test_a_user_who_may_not_read_the_tables(
        self, server: Server, url: str, stranger: str
    ) -> None:
        opened(url).close()

        with pytest.raises(StoreError, match=r"refuses this user the right.*grant"):
            opened(server.url("memories", stranger))

    def test_another_embedder_or_language(self, url: str) -> None:
        opened(url).close()

        with pytest.raises(EmbedderMismatchError, match=r"reindex"):
            opened(url, made_by=replace(samples.ANALYSIS, embedder="another"))
        with pytest.raises(LanguageMismatchError, match=r"reindex"):
            opened(url, made_by=replace(samples.ANALYSIS, language="neutral"))

    def test_nothing_is_there_yet_to_be_taken_as_it_is(self, url: str) -> None:
        with pytest.raises(StoreError, match=r"is empty"):
            opened(url, made_by=None)

    def test_processes_that_make_the_tables_at_once_wait_for_each_other(
        self, server: Server, other: str
    ) -> None:
        def make(_: int) -> None:
            with psycopg.connect(server.url(other), autocommit=True) as connection:
                schema.ensure(connection, other)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(make, range(4)))

        opened(server.url(other)).close()


class TestLostConnections:
    def test_a_call_after_a_restart_does_what_it_should(self, server: Server, url: str) -> None:
        store = opened(url)
        samples.add(store, "one")

        cut_off(server)
        assert ["one"] == texts(store)
        cut_off(server)
        samples.add(store, "two")
        cut_off(server)
        with store.transaction() as inside:
            samples.add(inside, "three")

        assert ["one", "two", "three"] == texts(store)
        store.close()

    def test_a_write_that_is_cut_off_is_done_once(
        self, server: Server, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = opened(url)
        samples.add(store, "one")
        adding, cuts = node_table.adding, [True]

        def cut(*arguments: Any) -> list[Statement]:
            if cuts:
                cuts.pop()
                cut_off(server)
            return adding(*arguments)

        monkeypatch.setattr(node_table, "adding", cut)
        [id_] = samples.add(store, "two")

        assert [] == cuts
        assert ["one", "two"] == texts(store)
        assert ["two"] == [each.text for each in store.get([id_])]
        assert [] == store.check()
        store.close()

    def test_a_transaction_that_is_cut_off_did_nothing(self, server: Server, url: str) -> None:
        store = opened(url)
        samples.add(store, "one")

        def add() -> None:
            with store.transaction() as inside:
                samples.add(inside, "two")
                cut_off(server)
                samples.add(inside, "three")

        with pytest.raises(StoreError, match=r"was lost. Nothing was stored; try again"):
            add()

        assert ["one"] == texts(store)
        assert [] == store.check()
        store.close()

    def test_who_loses_it_at_the_very_end_is_told_that_nobody_knows(
        self, server: Server, url: str
    ) -> None:
        store = opened(url)

        def add() -> None:
            with store.transaction() as inside:
                samples.add(inside, "one")
                cut_off(server)

        with pytest.raises(StoreError, match=r"may be stored or not.*stored once"):
            add()

        assert [True] == [new for _, new in store.add(samples.episodes("one"), link=0.0, now=0.0)]
        assert ["one"] == texts(store)
        store.close()

    def test_reading_that_is_cut_off_says_so(self, server: Server, url: str) -> None:
        store = opened(url)

        def read() -> None:
            with store.reading() as inside:
                cut_off(server)
                inside.lessons()

        with pytest.raises(StoreError, match=r"was lost"):
            read()

        assert 0 == store.lessons()
        store.close()


class TestWaiting:
    def test_all_connections_are_in_use(self, url: str) -> None:
        store = opened(url, connections=1, wait_s=0.1)
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with store.transaction():
                held.set()
                done.wait()

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait()
        with pytest.raises(StoreError, match=r"All 1 connections.*raise storage\.connections"):
            store.lessons()
        done.set()
        holder.join()
        assert 0 == store.lessons()
        store.close()

    def test_the_server_admits_no_more_connections(
        self, server: Server, url: str, stranger: str
    ) -> None:
        theirs = server.url("memories", stranger)
        server.execute(
            "GRANT USAGE ON SCHEMA helamem TO stranger",
            "GRANT SELECT ON ALL TABLES IN SCHEMA helamem TO stranger",
            "ALTER ROLE stranger CONNECTION LIMIT 1",
            database="memories",
        )
        store = opened(url)
        samples.add(store, "one")
        guest = opened(theirs, wait_s=0.1)
        server.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'stranger'"
        )
        with (
            psycopg.connect(theirs),
            pytest.raises(StoreError, match=r"admits no more connections.*max_connections"),
        ):
            guest.lessons()
        for each in (store, guest):
            each.close()
        server.execute("DROP OWNED BY stranger", database="memories")

    def test_another_process_writes_for_too_long(self, url: str) -> None:
        store, other = opened(url, wait_s=0.1), opened(url)

        with other.transaction() as inside:
            samples.add(inside, "theirs")
            with pytest.raises(StoreError, match=r"for too long. Nothing was stored"):
                samples.add(store, "mine")
            assert [] == texts(store)

        assert ["theirs"] == texts(store)
        for each in (store, other):
            each.close()

    def test_who_writes_elsewhere_waits_for_nobody(self, url: str) -> None:
        store, other = opened(url, wait_s=0.1), opened(url, "other")

        with other.transaction() as inside:
            samples.add(inside, "theirs")
            samples.add(store, "mine")

        assert (["mine"], ["theirs"]) == (texts(store), texts(other))
        for each in (store, other):
            each.close()


def test_a_replica_can_be_read(server: Server, url: str) -> None:
    store = opened(url)
    samples.add(store, "one")
    store.close()
    others = opened(url)  # keeps connections of the time before; those of another pool are new
    server.execute("ALTER DATABASE memories SET default_transaction_read_only = on")
    try:
        store = opened(url, connections=3)
        assert ["one"] == texts(store)
        with pytest.raises(StoreError, match=r"can only be read.*primary"):
            samples.add(store, "two")
        store.close()
    finally:
        server.execute("ALTER DATABASE memories RESET default_transaction_read_only")
        others.close()


@pytest.mark.parametrize("sqlstate", sorted(faults._MEANINGS))
def test_every_error_of_the_server_says_what_to_do(sqlstate: str) -> None:
    error = psycopg.errors.lookup(sqlstate)("a first line\nDETAIL: Key (text)=(a secret) exists.")

    told = str(faults.meaning(error, "postgresql://ana@db.example/memories"))

    assert told.startswith(("postgresql://ana@db.example/memories ", "The ", "Another ", "Others "))
    assert told.endswith(".")
    assert "{" not in told
    assert "secret" not in told


def test_an_unknown_error_is_told_without_its_details() -> None:
    error = psycopg.errors.DataError("a first line\nDETAIL: Key (text)=(a secret) exists.")

    told = str(faults.meaning(error, "postgresql://ana@db.example/memories"))

    assert "nothing was changed: a first line" in told
    assert "secret" not in told
