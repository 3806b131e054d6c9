"""Workers: what they do to the namespaces of a database, what the queue knows, and what stops them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

pytest.importorskip("procrastinate")

from click.testing import CliRunner
from procrastinate.exceptions import ConnectorException

from helamem import Config, Memory
from helamem.cli import main
from helamem.errors import EmbedderMismatchError, StoreError
from helamem.memory import SYSTEM_CLOCK
from helamem.models.embedders import HashingEmbedder
from helamem.stores.postgres import PostgresStore
from helamem.stores.postgres.indexes import LOCK, Index
from helamem.stores.postgres.namespace import key_of
from helamem.stores.postgres.news import News
from helamem.testing import FixedClock
from helamem.worker.queue import MOST_TRIES, SCHEMA, Queue
from helamem.worker.worker import Pace, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.protocols import Clock
    from postgres_server import Server

pytestmark = pytest.mark.slow  # they need a database server

CONFIG = Config.of(embedder="hashing:64")
FORGETTING = Pace(forget=True)
BOUGHT = "I bought {} kilos of pears at the market in Lisbon."


@contextmanager
def opened(url: str, namespace: str = "maya", clock: Clock = SYSTEM_CLOCK) -> Iterator[Memory]:
    with Memory(
        url, namespace=namespace, config=CONFIG, embedder=HashingEmbedder(64), clock=clock
    ) as memory:
        yield memory


def fill(url: str, *namespaces: str, turns: int = 6, clock: Clock = SYSTEM_CLOCK) -> None:
    """Turns that belong together, so that there is something to distil."""
    for name in namespaces:
        with opened(url, name, clock) as memory:
            memory.add([BOUGHT.format(i + 2) for i in range(turns)], speaker="Ana", session="s")
            recall = memory.search("What did Ana buy?")
            for _ in range(9):
                memory.reinforce(recall, used=[hit.id for hit in recall.hits[:6]])


def facts(url: str, namespace: str) -> list[str]:
    with opened(url, namespace) as memory:
        return [each.text for each in memory.facts()]


def jobs(server: Server, columns: str = "task_name, status::text, args") -> list[tuple[Any, ...]]:
    return server.execute(
        f"SELECT {columns} FROM {SCHEMA}.procrastinate_jobs ORDER BY id", database="memories"
    )


@pytest.fixture
def empty(server: Server, url: str) -> str:
    """A database in which nothing is stored, and no job waits."""
    Queue(url).prepare()
    server.execute(
        f"TRUNCATE {SCHEMA}.procrastinate_jobs, {SCHEMA}.procrastinate_workers CASCADE",
        database="memories",
    )
    return url


class TestOnce:
    def test_it_distils_where_something_is_new(self, empty: str) -> None:
        fill(empty, "maya", "ben")
        with opened(empty, "ben") as memory:
            expected = [memory.get(id_).text for id_ in memory.consolidate().facts_added]

        assert 2 == Worker(empty, CONFIG).run(once=True).done

        assert expected
        assert expected == facts(empty, "maya") == facts(empty, "ben")

    def test_it_does_nothing_where_nothing_is_new(self, empty: str, server: Server) -> None:
        fill(empty, "maya")
        Worker(empty, CONFIG).run(once=True)

        assert 0 == Worker(empty, CONFIG).run(once=True).done
        assert [] == jobs(server)

    def test_it_forgets_only_if_told_to_and_once_a_day(self, empty: str) -> None:
        fill(empty, "maya", turns=40, clock=FixedClock())  # long ago
        left: list[int] = []
        for pace in (None, FORGETTING, FORGETTING):
            with opened(empty) as memory:
                memory.add(f"News for the worker, of {len(left)}.")
                before = memory.stats().episodes
            Worker(empty, CONFIG, pace).run(once=True)
            with opened(empty) as memory:
                left.append(memory.stats().episodes - before)

        assert [0, -4, 0] == left

    def test_a_dropped_namespace_is_left_alone(self, empty: str) -> None:
        fill(empty, "maya")
        worker = Worker(empty, CONFIG)
        asyncio.run(put(worker._queue, "maya"))
        with opened(empty) as memory:
            memory.drop_namespace("maya")

        assert (1, 0) == (worker.run(once=True).done, worker.tally.failed)
        with opened(empty, "other") as memory:
            assert () == memory.namespaces()


class TestIndexes:
    @pytest.fixture(autouse=True)
    def no_index_stays(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr("helamem.stores.postgres.indexes.LARGE", 6)
        defaults = PostgresStore.__init__.__kwdefaults__ or {}
        monkeypatch.setitem(defaults, "large", 6)
        yield
        for name in made(server):
            server.execute(f"DROP INDEX helamem.{name}", database="memories")

    def test_a_large_namespace_gets_its_index(self, empty: str, server: Server) -> None:
        fill(empty, "maya")
        fill(empty, "ben", turns=2)

        assert 3 == Worker(empty, CONFIG).run(once=True).done
        assert [Index("node", 64, key_of("maya")).name] == made(server)
        assert [] == jobs(server)

    def test_who_is_second_tries_again_later(self, empty: str, server: Server) -> None:
        fill(empty, "maya")
        with psycopg.connect(server.url("memories"), autocommit=True) as other:
            other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            assert 1 == Worker(empty, CONFIG).run(once=True).failed

        [(kind, status, _)] = jobs(server)
        assert ("index", "todo", []) == (kind, status, made(server))


def made(server: Server) -> list[str]:
    found = server.execute(
        "SELECT relname FROM pg_class WHERE starts_with(relname, 'near_') ORDER BY 1",
        database="memories",
    )
    return [name for (name,) in found]


class TestReindexing:
    WIDER = Config.of(embedder="hashing:32")

    def test_a_worker_makes_the_database_anew_and_goes_on(self, empty: str, server: Server) -> None:
        fill(empty, "maya")

        assert 2 == Worker(empty, self.WIDER, Pace(reindex=True)).run(once=True).done
        assert [] == jobs(server)
        with Memory(empty, namespace="maya", config=self.WIDER) as memory:
            assert 32 == memory.stats().dimension
            assert memory.facts()

    def test_it_does_so_once(self, empty: str) -> None:
        fill(empty, "maya")
        Worker(empty, self.WIDER, Pace(reindex=True)).run(once=True)

        worker = Worker(empty, self.WIDER, Pace(reindex=True))
        asyncio.run(put(worker._queue, "", "reindex"))
        assert (1, 0) == (worker.run(once=True).done, worker.tally.failed)

    def test_who_is_not_told_to_leaves_it_and_all_jobs_alone(
        self, empty: str, server: Server
    ) -> None:
        fill(empty, "maya")
        asyncio.run(put(Queue(empty), "", "reindex"))

        with pytest.raises(EmbedderMismatchError):
            Worker(empty, self.WIDER).run(once=True)
        Worker(empty, CONFIG).run(once=True)

        assert ["reindex"] == [kind for kind, *_ in jobs(server)]

    def test_a_worker_with_the_former_embedder_stops(
        self, empty: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(empty, "maya")
        worker = Worker(empty, CONFIG, Pace(every_s=0.01))
        look = worker._look

        async def look_late() -> None:
            await look()
            with opened(empty) as memory:
                memory.reindex(embedder=HashingEmbedder(32))

        monkeypatch.setattr(worker, "_look", look_late)
        with pytest.raises(EmbedderMismatchError):
            worker.run()

    def test_what_a_newer_version_has_read_is_left(self, empty: str, server: Server) -> None:
        fill(empty, "maya")
        server.execute(
            "UPDATE helamem.meta SET value = '999' WHERE key = 'version'", database="memories"
        )

        assert not Worker(empty, CONFIG, Pace(reindex=True))._is_behind()


async def put(queue: Queue, name: str, kind: str = "consolidate", **more: int) -> bool:
    async with queue.app.open_async():
        return await queue.put(kind, key_of(name) if name else None, **more)


class TestQueue:
    def test_a_job_of_a_kind_waits_once_for_a_namespace(self, empty: str, server: Server) -> None:
        done = [asyncio.run(put(Queue(empty), *each)) for each in (
            ("maya",), ("maya",), ("ben",), ("maya", "forget"),
        )]  # fmt: skip

        assert [True, False, True, True] == done
        locks = [lock for (lock,) in jobs(server, "lock")]
        assert locks[0] == locks[2] != locks[1]  # those of a namespace run one after the other

    def test_it_holds_no_names(self, empty: str, server: Server) -> None:
        asyncio.run(put(Queue(empty), "maya"))

        assert "maya" not in json.dumps(jobs(server, "to_jsonb(procrastinate_jobs)"))

    def test_a_job_of_a_dead_worker_is_put_in_again(self, empty: str, server: Server) -> None:
        fill(empty, "maya")
        asyncio.run(put(Queue(empty), "maya"))
        died(server)

        Worker(empty, CONFIG).run(once=True)

        assert facts(empty, "maya")
        assert [] == jobs(server)

    def test_it_goes_where_the_same_waits_already(self, empty: str, server: Server) -> None:
        asyncio.run(put(Queue(empty), "maya"))
        died(server)
        asyncio.run(put(Queue(empty), "maya"))

        assert 1 == Worker(empty, CONFIG).run(once=True).done
        assert [] == jobs(server)

    def test_a_job_that_kills_its_workers_fails_for_good(self, empty: str, server: Server) -> None:
        asyncio.run(put(Queue(empty), "maya"))
        died(server, tries=MOST_TRIES - 1)

        assert 0 == Worker(empty, CONFIG).run(once=True).done
        assert [("failed",)] == jobs(server, "status::text")

    def test_a_job_that_fails_is_tried_again_later(
        self, empty: str, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(empty, "maya")
        worker = Worker(empty, CONFIG)
        monkeypatch.setattr(worker._chores, "_engine", broken)

        assert 1 == worker.run(once=True).failed
        [(kind, status, told)] = jobs(server)
        assert ("consolidate", "todo", 1) == (kind, status, told["tries"])
        assert [(True,)] == jobs(server, "scheduled_at > now() + interval '30 seconds'")

    def test_the_last_try_is_kept_as_a_failure(
        self, empty: str, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(empty, "maya")
        worker = Worker(empty, CONFIG)
        monkeypatch.setattr(worker._chores, "_engine", broken)
        asyncio.run(put(worker._queue, "maya", tries=MOST_TRIES - 1))

        assert 1 == worker.run(once=True).failed
        assert [("failed",)] == jobs(server, "status::text")


def broken(*_: object) -> Any:
    raise StoreError("It is broken.")


def died(server: Server, tries: int = 0) -> None:
    """Let the jobs that wait be those of a worker that died."""
    server.execute(
        f"SET search_path = {SCHEMA}",
        "WITH gone AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 day') RETURNING id)"
        f" UPDATE procrastinate_jobs SET status = 'doing', attempts = {tries}, worker_id = (SELECT id FROM gone)",
        "DELETE FROM procrastinate_workers",
        database="memories",
    )


class TestTables:
    def test_they_are_made_once(self, server: Server, url: str) -> None:
        server.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE", database="memories")
        for _ in range(2):
            Queue(url).prepare()

        asyncio.run(put(Queue(url), "maya"))

    def test_later_migrations_are_applied(
        self, empty: str, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from helamem.worker import queue

        monkeypatch.setattr(
            queue, "_migrations", lambda: {"00": "no SQL", "99": "CREATE TABLE later ()"}
        )
        for _ in range(2):
            Queue(empty).prepare()

        assert [] == server.execute(f"SELECT * FROM {SCHEMA}.later", database="memories")
        server.execute(f"DROP SCHEMA {SCHEMA} CASCADE", database="memories")

    def test_a_user_without_the_right_is_told_whom_to_ask(self, server: Server, url: str) -> None:
        server.execute(
            f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
            "CREATE ROLE guest LOGIN",
            database="memories",
        )
        try:
            with pytest.raises(StoreError, match="Let the owner of the database run"):
                Queue(server.url("memories", "guest")).prepare()
        finally:
            server.execute("DROP ROLE guest")

    def test_a_user_who_owns_nothing_works(self, empty: str, server: Server) -> None:
        server.execute(*granting(), database="memories")
        try:
            fill(empty, "maya")
            app = server.url("memories", "app")
            assert 1 == Worker(app, CONFIG).run(once=True).done
            assert facts(empty, "maya")
            with psycopg.connect(app) as connection:
                found = connection.execute("SELECT count(*) FROM helamem.namespace").fetchone()
            assert (0,) == found
        finally:
            server.execute("DROP OWNED BY app", "DROP ROLE app", database="memories")


def granting() -> list[str]:
    """The statements that the documentation gives for a user who owns nothing."""
    import re
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "postgres.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sql\n((?:CREATE ROLE app|GRANT).*?)```", text, re.S)
    return [each.strip() for block in blocks for each in block.split(";") if each.strip()]


class TestCommand:
    def run(self, *arguments: str) -> Any:
        return CliRunner().invoke(main, ["--embedder", "hashing:64", *arguments])

    def test_it_says_what_it_did(self, empty: str) -> None:
        fill(empty, "maya")
        outcome = self.run("--file", empty, "worker", "--once", "--json")

        assert {"done": 1, "failed": 0} == json.loads(outcome.output)
        assert (
            "0 jobs done, none failed."
            == self.run("--file", empty, "worker", "--once").output.strip()
        )

    def test_a_failed_job_is_an_exit_code(
        self, empty: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from helamem.worker.jobs import Chores

        fill(empty, "maya")
        monkeypatch.setattr(Chores, "_engine", broken)

        outcome = self.run("--file", empty, "worker", "--once")
        assert 1 == outcome.exit_code
        assert "0 jobs done, 1 failed" in outcome.output

    def test_a_file_needs_none(self, tmp_path: Any) -> None:
        outcome = self.run("--file", str(tmp_path / "m.db"), "worker")

        assert 1 == outcome.exit_code
        assert "workers are for databases" in outcome.output

    def test_a_lost_server_is_one_sentence(
        self, empty: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def lost(*_: object) -> None:
            try:
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            except psycopg.Error as exc:
                raise ConnectorException from exc

        monkeypatch.setattr(Queue, "rescue", lost)
        outcome = self.run("--file", empty, "worker")

        assert 1 == outcome.exit_code
        assert "was lost" in outcome.output.splitlines()[-1]

    def test_it_outlives_lost_connections(
        self, empty: str, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look = News.waiting

        def lost(self: News, **more: Any) -> Any:
            monkeypatch.undo()
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'helamem%'"
            )
            return look(self, **more)

        fill(empty, "maya")
        monkeypatch.setattr(News, "waiting", lost)

        assert 1 == Worker(empty, CONFIG).run(once=True).done

    def test_a_signal_ends_it_when_its_jobs_are_done(
        self, empty: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from helamem.worker.jobs import Chores

        fill(empty, "maya")
        consolidate = Chores.consolidate

        def told(self: Chores, name: str) -> bool:
            os.kill(os.getpid(), signal.SIGTERM)
            return consolidate(self, name)

        monkeypatch.setattr(Chores, "consolidate", told)

        assert (1, 0) == (Worker(empty, CONFIG).run().done, 0)
        assert facts(empty, "maya")
