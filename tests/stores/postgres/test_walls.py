"""Two walls between namespaces: every statement names one, and the server shows no row of another."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from helamem.filters import parse
from helamem.protocols import ChangedFact, Distillate, EdgeRule
from helamem.stores.postgres import PostgresStore, database
from helamem.stores.postgres.database import NAMESPACE, Scope
from helamem.stores.postgres.namespace import key_of
from helamem.stores.postgres.removing import TABLES
from helamem.testing import calls, samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres_server import Server

pytestmark = pytest.mark.slow  # they need a database server

DOCUMENT = Path(__file__).parents[3] / "docs" / "postgres.md"


def granting() -> list[str]:
    """The statements that the documentation gives for a user who owns nothing."""
    text = DOCUMENT.read_text(encoding="utf-8")
    [block] = re.findall(r"```sql\n(CREATE ROLE app.*?)```", text, re.S)
    return [each.strip() for each in block.split(";") if each.strip()]


@pytest.fixture(scope="module")
def app(server: Server, database: str) -> Iterator[str]:
    """The database as a user sees it who owns nothing."""
    server.execute(*granting(), database=database)
    yield server.url(database, "app")
    server.execute("DROP OWNED BY app", "DROP ROLE app", database=database)


def opened(url: str, namespace: str = "main") -> PostgresStore:
    return PostgresStore(url, namespace=namespace, made_by=samples.ANALYSIS)


def everything(store: PostgresStore) -> None:
    """Call whatever a store can do."""
    a, b, *_ = samples.fill(store)
    store.add(samples.episodes("one", "four five"), link=0.5, now=1.0)
    store.put(samples.episode("an item", key=b"item"), at=1.0)
    store.put(samples.episode("another item", key=b"item"), at=2.0)
    fact = samples.add_fact(store, "a fact", a)
    for each in (*calls.about(store, a, b), *calls.others(store)):
        try:
            each()
        except (LookupError, ValueError):
            continue
    where = parse({"n": {"gt": 1}, "text": {"icontains": "x"}})
    journal(store, *samples.add(store, "this", "that", "those"))
    store.region(samples.query(where=where, periods=[(0.0, 1e10)]))
    store.ids(kinds=["episode"], where=where)
    store.heard("s", last=3)
    store.origins([store.ids(kinds=["episode"]).tolist()[-1]])
    store.scrub(lambda text: "three" in text)
    store.prune(rule=EdgeRule(tau=1.0, saturation=1.0, ceiling=1.0, floor=0.1), now=1e3)
    store.repair(at=1.0, dry_run=False)
    assert isinstance(fact, int)


def journal(store: PostgresStore, a: int, b: int, c: int) -> None:
    """Call what the journal does, on three new memories."""
    lesson = samples.lesson({(a, b): 0.5, (b, c): 0.5}, used=[a], cue=samples.cue("who?"))
    first, second = (store.learn(replace(lesson, shown=samples.ints(a, b))).step for _ in range(2))
    step = store.begin(at=1.0)
    changed = ChangedFact(
        id=samples.add_fact(store, "known", a), confidence=0.9, sources=(b,), metadata={}
    )
    for mark in (b"m1", b"m2", b"m1"):
        store.distil(
            Distillate(
                marks=[mark],
                facts=[samples.fact("new", b)],
                changed=[changed],
                superseded=[],
                at=1.0,
                step=step,
            )
        )
    store.supersede(a, c, at=1.0, rule=samples.PLAIN)
    store.revert(a, at=2.0)
    store.sever(b, c)
    for each in (first, step, second):
        store.undo(each or 0, at=3.0)
    store.journal(limit=9)
    store.ignored(at_least=1)


class TestStatements:
    def test_every_statement_touches_one_partition(
        self, server: Server, url: str, app: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: dict[str, dict[str, Any]] = {}
        send = Scope._sent

        def watched(scope: Scope, sql: str, values: dict[str, Any]) -> psycopg.Cursor[Any]:
            if scope._begin.scope == NAMESPACE:
                sent[sql] = {"ns": scope._begin.ns, **values}
            return send(scope, sql, values)

        monkeypatch.setattr(Scope, "_sent", watched)
        store = opened(app)
        everything(store)
        store.drop()
        store.close()

        assert len(sent) > 80
        mine = _part(server, "main")
        touched = {
            sql: _partitions(app, sql, values) for sql, values in sent.items() if _is_planned(sql)
        }
        assert {} == {sql: parts for sql, parts in touched.items() if not parts <= {mine, ""}}
        # What is inserted names no partition in its plan: it is looked for where it must not be.
        assert {mine, ""} == set().union(*touched.values())

    def test_what_is_stored_lies_in_one_partition(self, server: Server, url: str, app: str) -> None:
        store = opened(app)
        everything(store)
        store.close()

        mine = _part(server, "main")
        for table in TABLES:
            found = {
                part.rpartition("_")[2]
                for (part,) in server.execute(
                    f"SELECT DISTINCT tableoid::regclass::text FROM helamem.{table}",
                    database="memories",
                )
            }
            assert found <= {mine}


class TestRowLevelSecurity:
    def test_who_names_no_namespace_sees_nothing(self, url: str, app: str) -> None:
        samples.fill(opened(url))

        with psycopg.connect(app) as connection:
            for table in TABLES:
                assert (0,) == connection.execute(
                    f"SELECT count(*) FROM helamem.{table}"
                ).fetchone()

    def test_a_statement_that_forgets_the_namespace_sees_its_own(self, url: str, app: str) -> None:
        mine, theirs = opened(url), opened(url, "theirs")
        samples.add(mine, "mine")
        samples.add(theirs, "theirs")

        with psycopg.connect(app) as connection:
            _name(connection, "main")
            assert [("mine",)] == connection.execute("SELECT text FROM helamem.node").fetchall()
            assert 1 == connection.execute("DELETE FROM helamem.node").rowcount
            connection.rollback()
            assert [] == connection.execute("SELECT text FROM helamem.node").fetchall()

    def test_nothing_is_written_into_another_namespace(self, url: str, app: str) -> None:
        opened(url).close()

        with psycopg.connect(app) as connection:
            _name(connection, "main")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                connection.execute(
                    "INSERT INTO helamem.cluster VALUES (%s, '')", [key_of("theirs")]
                )

    def test_partitions_are_closed_to_all_but_their_table(
        self, server: Server, url: str, app: str
    ) -> None:
        store = opened(url)
        samples.fill(store)

        with psycopg.connect(app) as connection:
            _name(connection, "main")
            for table in TABLES:
                part = f"helamem.{table}_{_part(server, 'main')}"
                assert (0,) == connection.execute(f"SELECT count(*) FROM {part}").fetchone()

    def test_the_owner_is_no_exception(self, server: Server) -> None:
        server.execute("CREATE ROLE keeper LOGIN", "CREATE DATABASE kept OWNER keeper")
        server.execute("CREATE EXTENSION vector", database="kept")
        url = server.url("kept", "keeper")
        store = opened(url)
        try:
            samples.fill(store)
            with psycopg.connect(url) as connection:
                assert (0,) == connection.execute("SELECT count(*) FROM helamem.node").fetchone()
            assert 3 == store.stats().episodes
            assert ["main"] == [each.name for each in store.namespaces()]
        finally:
            store.close()
            server.execute("DROP DATABASE kept WITH (FORCE)", "DROP ROLE keeper")

    def test_no_connection_remembers_whose_it_was(self, url: str, app: str) -> None:
        store = opened(app)
        samples.fill(store)

        with store._db._pool.connection() as connection:
            assert ("",) == connection.execute(
                "SELECT current_setting('helamem.namespace', true)"
            ).fetchone()
            assert (0,) == connection.execute("SELECT count(*) FROM helamem.node").fetchone()
        store.close()

    def test_what_concerns_the_whole_database_sees_all_of_it(self, url: str, app: str) -> None:
        for name in ("main", "theirs"):
            samples.fill(opened(url, name))
        store = opened(app)

        assert ["main", "theirs"] == [each.name for each in store.namespaces()]
        assert 10 == len(store.reindexing(store.analysis).unindexed(after=0, limit=99)) - 2
        store.close()

    def test_rows_are_found_by_an_index_all_the_same(self, url: str, app: str) -> None:
        """The policy is one more condition, not a scan: the namespace is still looked up."""
        store = opened(url)
        samples.fill(store)

        plan = _plan(
            app,
            "SELECT text FROM helamem.node WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[])",
            {"ns": key_of("main"), "ids": [7, 8]},
        )

        [scan] = [node for node in _nodes(plan) if "Relation Name" in node]
        assert "Index" in scan["Node Type"] or "Bitmap" in scan["Node Type"]
        conditions = " ".join(node.get("Index Cond", "") for node in _nodes(plan))
        assert "namespace = " in conditions
        store.close()


def _name(connection: psycopg.Connection[Any], namespace: str) -> None:
    connection.execute("SELECT set_config('helamem.namespace', %s, true)", [str(key_of(namespace))])


def _part(server: Server, namespace: str) -> str:
    """The number of the partition that a namespace is in."""
    [(found,)] = server.execute(
        "SELECT i::text FROM generate_series(0, 15) i WHERE satisfies_hash_partition("
        f"'helamem.node'::regclass, 16, i, '{key_of(namespace)}'::uuid)",
        database="memories",
    )
    return str(found)


def _is_planned(sql: str) -> bool:
    return sql.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"))


def _plan(url: str, sql: str, values: dict[str, Any]) -> dict[str, Any]:
    """How the server would run a statement for this user, in the namespace of the values."""
    with psycopg.connect(url) as connection:
        settings = {"lock_ms": "1000", "synchronous": "on", "scope": NAMESPACE, **values}
        connection.execute(database.SCOPE, settings)
        connection.execute("SET LOCAL enable_seqscan = off")  # tables are small here
        found = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}", settings).fetchone()
        assert found is not None
        told = found[0] if isinstance(found[0], list) else json.loads(found[0])
        connection.rollback()
        plan: dict[str, Any] = told[0]["Plan"]
        return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _partitions(url: str, sql: str, values: dict[str, Any]) -> set[str]:
    """The numbers of the partitions that a statement reads or writes; "" where its rows say which."""
    return {
        node["Relation Name"].rpartition("_")[2] if node["Relation Name"][-1].isdigit() else ""
        for node in _nodes(_plan(url, sql, values))
        if "Relation Name" in node and node["Relation Name"] not in ("meta", "pg_class")
    }
