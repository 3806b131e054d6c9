"""A large namespace is searched by an index, where it has one, and finds nearly what a scan finds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import psycopg
import pytest

from helamem.core.vectors import normalize
from helamem.errors import StoreError
from helamem.filters import parse
from helamem.stores.postgres import PostgresStore, indexes, nearness, schema
from helamem.stores.postgres.database import Scope
from helamem.stores.postgres.indexes import HOLDS, Index
from helamem.stores.postgres.namespace import key_of
from helamem.testing import samples
from helamem.testing.passages import PassageContract
from helamem.testing.regions import RegionContract
from helamem.testing.reindexing import made, staged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.filters import Filter
    from helamem.protocols import Analysis, Store
    from helamem.stores.postgres.reindexing import Reindexing
    from postgres_server import Server

pytestmark = pytest.mark.slow  # they need a database server

DIMENSION, LARGE, MANY = 8, 50, 120
SORTLESS = "&options=-c%20enable_sort%3Doff"  # a small table is scanned and sorted otherwise


def opened(url: str, namespace: str = "main", **others: Any) -> PostgresStore:
    given = {"made_by": samples.ANALYSIS, "large": LARGE, **others}
    return PostgresStore(url, namespace=namespace, **given)


def being_widened(store: PostgresStore) -> tuple[Analysis, Reindexing]:
    """An analysis with longer vectors, and a reindexing to it in which all is staged."""
    wider = replace(store.analysis, embedder="wider", dimension=2 * DIMENSION)
    reindexing = store.reindexing(wider)
    staged(reindexing, wider.dimension)
    return wider, reindexing


def names(server: Server, only: str = "true") -> list[str]:
    """The indexes that are there."""
    found = server.execute(
        "SELECT relname FROM pg_class JOIN pg_index ON indexrelid = oid"
        f" WHERE starts_with(relname, 'near_') AND {only} ORDER BY 1",
        database="memories",
    )
    return [name for (name,) in found]


def fill(store: Store, n: int = MANY, seed: int = 0) -> list[int]:
    """So many turns with random vectors; each third one has passages."""
    generator = np.random.default_rng(seed)
    drawn = generator.normal(size=(3 * n, DIMENSION)).astype(np.float32)
    vectors = normalize(drawn).reshape(n, 3, DIMENSION)
    turns = [
        samples.episode(
            f"turn {seed} {i}",
            vector=vectors[i, 0],
            passages=0.8 * vectors[i, 1:] if i % 3 == 0 else (),
            metadata={"n": i},
        )
        for i in range(n)
    ]
    return [id_ for id_, _ in store.add(turns, link=0.0, now=0.0)]


def found(store: Store, vector: Any, where: Filter | None = None, nearest: int = 20) -> list[int]:
    """The candidates of a question without words."""
    asked = samples.query("nowhere", nearest=nearest, lexical=1, where=where)
    region = store.region(replace(asked, vector=vector))
    return [int(id_) for id_ in region.nodes.ids[region.allowed]]


@pytest.fixture(autouse=True)
def no_index(server: Server, database: str) -> Iterator[None]:
    """Indexes do not outlive their test."""
    yield
    server.execute(
        "SELECT 1", *(f"DROP INDEX helamem.{name}" for name in names(server)), database=database
    )


def asked_by_index(url: str, monkeypatch: pytest.MonkeyPatch, ask: Any) -> set[str]:
    """The indexes that the server uses for the statements of a question."""
    used: set[str] = set()
    send = Scope._sent

    def watched(scope: Scope, sql: str, values: dict[str, Any]) -> psycopg.Cursor[Any]:
        if sql.startswith("WITH"):
            plan = send(scope, f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values).fetchone()
            used.update(_indexes(plan))
        return send(scope, sql, values)

    with monkeypatch.context() as patched:
        patched.setattr(Scope, "_sent", watched)
        patched.setattr(psycopg.Connection, "pipeline", _unpiped)
        ask()
    return used


def _unpiped(connection: psycopg.Connection[Any]) -> Any:
    return connection.transaction()


def _indexes(plan: Any) -> set[str]:
    """The names of the indexes that a plan has really read."""
    [told] = plan
    told = json.loads(told) if isinstance(told, str) else told
    waiting, used = [told[0]["Plan"]], set()
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        if node.get("Index Name", "").startswith("near_") and node["Actual Loops"]:
            used.add(node["Index Name"])
    return used


def test_a_large_namespace_gets_its_indexes(server: Server, url: str) -> None:
    store = opened(url)
    fill(store, LARGE - 1)
    assert [] == store.repair(at=0.0, dry_run=False)
    fill(store, seed=1)
    told = [
        f"{LARGE - 1 + MANY} memories of 'main' are searched by a scan: an index made",
        "114 passages of 'main' are searched by a scan: an index made",
    ]

    assert told == store.repair(at=0.0, dry_run=True)
    assert [] == names(server)
    assert told == store.repair(at=0.0, dry_run=False)
    assert [Index(table, DIMENSION, key_of("main")).name for table in HOLDS] == names(server)
    assert [] == store.repair(at=0.0, dry_run=False)
    assert [] == store.check()
    store.close()


def test_an_index_is_made_in_roomy_memory_which_the_connection_gives_up_after(url: str) -> None:
    store = opened(url)
    fill(store)
    watched = "SHOW maintenance_work_mem", "SHOW max_parallel_maintenance_workers"

    def shown(connection: psycopg.Connection[Any]) -> list[Any]:
        return [connection.execute(each).fetchall()[0][0] for each in watched]

    before = store._db.alone(shown)
    within: list[Any] = []
    where = indexes._partition

    def partition(connection: psycopg.Connection[Any], index: Index) -> str:
        within.append(shown(connection))
        return where(connection, index)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(indexes, "_partition", partition)
        store.repair(at=0.0, dry_run=False)

    assert ["64MB", "2"] == before
    assert [["1GB", "0"]] * len(HOLDS) == within
    assert before == store._db.alone(shown)
    store.close()


def test_it_finds_what_a_scan_finds(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = opened(url + SORTLESS), opened(url, "other")
    ids = fill(store)
    fill(other, seed=5)
    queries = normalize(np.random.default_rng(9).normal(size=(20, DIMENSION)).astype(np.float32))
    scanned = [found(store, each) for each in queries]
    store.repair(at=0.0, dry_run=False)

    looked_up: list[list[int]] = []
    used = asked_by_index(
        url, monkeypatch, lambda: looked_up.extend(found(store, each) for each in queries)
    )

    assert set(names(server)) == used
    hits = sum(len({*a} & {*b}) for a, b in zip(scanned, looked_up, strict=True))
    assert hits >= 0.97 * sum(map(len, scanned))
    assert {id_ for each in looked_up for id_ in each} <= {*ids}
    store.close()
    other.close()


def test_what_changes_is_found_as_it_is(url: str) -> None:
    store = opened(url + SORTLESS)
    a, b, c, *_ = fill(store)
    store.repair(at=0.0, dry_run=False)
    [query] = normalize(np.ones((1, DIMENSION), np.float32))

    store.update(a, samples.episode("new", vector=query), at=1.0)
    store.update(b, samples.episode("newer", vector=-query, passages=[0.9 * query]), at=1.0)
    [(new, _)] = store.add([samples.episode("newest", vector=query)], link=0.0, now=0.0)
    assert {a, b, new} <= {*found(store, query, nearest=3)}

    store.remove([a], at=2.0)
    store.supersede(new, c, at=2.0)
    assert b in (rest := found(store, query, nearest=3))
    assert not {a, new} & {*rest}
    store.close()


@pytest.mark.parametrize(("least", "uses"), [(10, True), (80, False)])
def test_a_filter_that_leaves_few_is_scanned(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch, least: int, uses: bool
) -> None:
    store = opened(url + SORTLESS)
    fill(store)
    query = samples.vector("x")
    where = parse({"n": {"gte": least}})
    expected = found(store, query, where)
    store.repair(at=0.0, dry_run=False)

    got: list[int] = []
    used = asked_by_index(url, monkeypatch, lambda: got.extend(found(store, query, where)))

    assert expected == got
    assert uses == bool(used)
    store.close()


def test_many_candidates_are_scanned(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(url + SORTLESS)
    ids = fill(store)
    store.repair(at=0.0, dry_run=False)

    got: list[int] = []
    used = asked_by_index(
        url, monkeypatch, lambda: got.extend(found(store, samples.vector("x"), nearest=101))
    )

    assert (set(), 101) == (used, len({*got} & {*ids}))
    assert nearness.MOST == 100
    store.close()


def test_an_index_that_is_not_whole_is_not_used_and_made_again(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(url + SORTLESS)
    fill(store)
    store.repair(at=0.0, dry_run=False)
    [broken] = names(server, "starts_with(relname, 'near_node')")
    server.execute(
        f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'helamem.{broken}'::regclass",
        database="memories",
    )

    used = asked_by_index(url, monkeypatch, lambda: found(store, samples.vector("x")))
    assert broken not in used
    mended = store.repair(at=0.0, dry_run=False)

    assert [
        "120 memories of 'main' are searched by a scan: an index made",
        f"no search uses the index {broken}: dropped",
    ] == mended
    assert broken in names(server, "indisvalid")
    store.close()


def test_what_no_search_uses_is_dropped(server: Server, url: str) -> None:
    store, gone, keeping = opened(url), opened(url, "gone"), opened(url, "other")
    ids = fill(store)
    for each in (gone, keeping):
        fill(each)
        each.repair(at=0.0, dry_run=False)
    store.repair(at=0.0, dry_run=False)
    store.remove(ids[30:], at=1.0)  # 30 memories are left, and 20 passages
    gone.drop()

    store.repair(at=0.0, dry_run=False)

    kept = [("node", "main"), ("node", "other"), ("passage", "other")]
    expected = [Index(table, DIMENSION, key_of(name)).name for table, name in kept]
    assert sorted(expected) == names(server)
    for each in (store, gone, keeping):
        each.close()


def test_who_owns_nothing_leaves_it_to_the_owner(server: Server, url: str) -> None:
    owner = opened(url)
    fill(owner)
    server.execute(
        "CREATE ROLE guest LOGIN",
        "GRANT USAGE ON SCHEMA helamem TO guest",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA helamem TO guest",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA helamem TO guest",
        database="memories",
    )
    guest = opened(server.url("memories", "guest") + SORTLESS)
    try:
        left = guest.repair(at=0.0, dry_run=False)
        expected = found(guest, samples.vector("x"))
        owner.repair(at=0.0, dry_run=False)
        looked_up = found(guest, samples.vector("x"))
    finally:
        guest.close()
        owner.close()
        server.execute("DROP OWNED BY guest", "DROP ROLE guest", database="memories")

    assert (
        "120 memories of 'main' are searched by a scan: left to the owner of the tables" == left[0]
    )
    assert expected == looked_up


def test_whoever_is_second_leaves_it_to_the_first(server: Server, url: str) -> None:
    store = opened(url)
    fill(store)

    with psycopg.connect(server.url("memories"), autocommit=True) as first:
        first.execute("SELECT pg_advisory_lock(%s)", [indexes.LOCK])
        told = store.repair(at=0.0, dry_run=False)

    assert "120 memories of 'main' are searched by a scan: another process is at it" == told[0]
    assert [] == names(server)
    store.close()


def test_other_vectors_get_other_indexes(server: Server, url: str) -> None:
    store = opened(url)
    fill(store)
    store.repair(at=0.0, dry_run=False)
    wider, reindexing = being_widened(store)

    adopted = reindexing.adopt()

    assert adopted is not None
    ns = key_of("main")
    assert [Index(table, wider.dimension, ns).name for table in HOLDS] == names(server)
    [waiting, *_] = opened(url, made_by=wider).reindexing(wider).unindexed(after=0, limit=1)
    vector = made(waiting, wider.dimension).vector
    assert waiting.id in found(adopted, vector, nearest=1)
    store.close()


def test_passages_of_an_older_schema_are_kept(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = schema.migrations()[:3]
    ns = key_of("main")
    server.execute("CREATE DATABASE older")
    try:
        with psycopg.connect(server.url("older"), autocommit=True) as connection:
            monkeypatch.setattr(schema, "migrations", lambda: older)
            schema.ensure(connection, "older")
            connection.execute(
                "INSERT INTO helamem.node (namespace, id, at, stored_at, turn, length, traits, kind, text,"
                " speaker, role, metadata, vector, passages) VALUES"
                " (%s, 1, 0, 0, 1, 1, 0, 0, 'long', '', '', '{}', '[1,0]', '{\"[0,1]\",\"[0,.5]\"}')",
                [ns],
            )
            monkeypatch.undo()
            schema.ensure(connection, "older")
            connection.execute("SELECT set_config('helamem.scope', 'everything', false)")
            kept = connection.execute(
                "SELECT node, n, vector::text FROM helamem.passage"
            ).fetchall()
    finally:
        server.execute("DROP DATABASE older WITH (FORCE)")

    assert [(1, 1, "[0,1]"), (1, 2, "[0,0.5]")] == sorted(kept)


@pytest.mark.parametrize(
    ("count", "there", "makes", "drops"),
    [
        (49, {}, False, False),
        (50, {}, True, False),
        (50, {"it": True}, False, False),
        (25, {"it": True}, False, False),
        (24, {"it": True}, False, True),
        (50, {"it": False}, True, True),
        (24, {"it": False}, False, True),
        (50, {"another": True}, True, True),
    ],
)
def test_what_is_due(count: int, there: dict[str, bool], makes: bool, drops: bool) -> None:
    it = Index("node", 8, UUID(int=1))
    named = {it.name if name == "it" else name: whole for name, whole in there.items()}

    due = indexes.due({it: ("main", count)}, named, LARGE)

    making = {it: ("main", count)} if makes else {}
    assert (making, (*named,) if drops else ()) == (due.making, due.dropping)


def test_a_reindexing_waits_for_whoever_makes_indexes(server: Server, url: str) -> None:
    store = opened(url)
    fill(store)
    store.repair(at=0.0, dry_run=False)
    _, reindexing = being_widened(store)

    with psycopg.connect(server.url("memories"), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [indexes.LOCK])
        with pytest.raises(StoreError, match=r"makes indexes.*Try again"):
            reindexing.adopt()

    assert DIMENSION == store.analysis.dimension
    assert reindexing.adopt() is not None
    store.close()


class TestWithIndexes(RegionContract, PassageContract):
    """What a store says does not depend on whether it looks into an index."""

    @pytest.fixture(autouse=True)
    def place(self, url: str) -> None:
        self.url = url

    def make_store(self, namespace: str) -> Store:
        store = PostgresStore(
            self.url + SORTLESS,
            namespace=namespace,
            made_by=samples.ANALYSIS,
            large=1,
        )
        ns = key_of(namespace)
        indexes.make(store._db, [Index(table, self.dimension, ns) for table in HOLDS])
        return store
