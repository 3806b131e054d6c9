"""The tables of helamem in a database: numbered migrations, and what they need of the server."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from psycopg import errors

from helamem.errors import SchemaError, StoreError
from helamem.stores.postgres import faults

if TYPE_CHECKING:
    from psycopg import Connection

OLDEST_SERVER = 16
OLDEST_PGVECTOR = (0, 8, 4)  # older ones may damage an HNSW index, or fail while it is vacuumed
LOCK = 0x48654C61  # "HeLa": the advisory lock under which the schema changes
VERSION = "SELECT value::int FROM helamem.meta WHERE key = 'schema'"


def ensure(connection: Connection[Any], shown: str) -> None:
    """Bring the schema of a database up to date.

    Raises:
        SchemaError: It was made by a newer version of helamem.
        StoreError: The server or pgvector is too old, or the user may not make tables.
    """
    if connection.info.server_version < OLDEST_SERVER * 10_000:
        found = connection.info.server_version // 10_000
        raise StoreError(
            f"{shown} is PostgreSQL {found}, and helamem needs {OLDEST_SERVER} or newer. Upgrade the server."
        )
    steps = migrations()
    if version(connection) < len(steps):
        _migrate(connection, steps, shown)
    _require_pgvector(connection, shown)
    if version(connection) > len(steps):
        raise SchemaError(
            f"{shown} has schema {version(connection)}, and this version of helamem knows {len(steps)}. "
            "Install a newer one: pip install -U helamem"
        )


def version(connection: Connection[Any]) -> int:
    """The number of migrations that were applied."""
    found = connection.execute("SELECT to_regclass('helamem.meta')").fetchone()
    if found is None or found[0] is None:
        return 0
    applied = connection.execute(VERSION).fetchone()
    return 0 if applied is None else int(applied[0])


def pgvector(connection: Connection[Any]) -> str | None:
    """The version of pgvector in this database, if it is there."""
    found = connection.execute(
        "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
    ).fetchone()
    return None if found is None else str(found[0])


def migrations() -> list[str]:
    """The migration scripts in order."""
    folder = resources.files("helamem.stores.postgres") / "migrations"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name
    )
    return [file.read_text(encoding="utf-8") for file in files]


def _migrate(connection: Connection[Any], steps: list[str], shown: str) -> None:
    """Apply the missing migrations in one transaction; other processes wait for it."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        done = version(connection)  # another process may have been quicker
        if done == 0:
            _make_place(connection, shown)
        for number, script in enumerate(steps[done:], start=done + 1):
            connection.execute(script)  # pyright: ignore[reportArgumentType, reportCallIssue]  # ours
            connection.execute(
                "INSERT INTO helamem.meta VALUES ('schema', %s)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [str(number)],
            )


def _make_place(connection: Connection[Any], shown: str) -> None:
    """Make the schema, and the extension where it is missing."""
    try:
        connection.execute("CREATE SCHEMA IF NOT EXISTS helamem")
    except errors.InsufficientPrivilege as exc:
        raise StoreError(
            f"{shown} has no tables of helamem yet, and this user may not make them ({faults.said(exc)}). Let the owner of "
            "the database open it once, or grant the right: GRANT CREATE ON DATABASE."
        ) from exc
    if pgvector(connection) is None:
        _make_pgvector(connection, shown)
    _require_pgvector(connection, shown)


def _make_pgvector(connection: Connection[Any], shown: str) -> None:
    try:
        connection.execute("CREATE EXTENSION vector")
    except errors.InsufficientPrivilege as exc:
        raise StoreError(
            f"{shown} has no pgvector yet, and this user may not add it. Let an administrator of the server run: "
            "CREATE EXTENSION vector"
        ) from exc
    except (errors.UndefinedFile, errors.FeatureNotSupported) as exc:
        raise StoreError(
            f"The server of {shown} has no pgvector. Install it there ({_needed()} or newer; see docs/postgres.md), and "
            "try again."
        ) from exc


def _require_pgvector(connection: Connection[Any], shown: str) -> None:
    found = pgvector(connection)
    if found is None:
        raise StoreError(f"{shown} has lost pgvector. Run there: CREATE EXTENSION vector")
    if tuple(int(part) for part in found.split(".")[:3]) < OLDEST_PGVECTOR:
        raise StoreError(
            f"{shown} has pgvector {found}, and helamem needs {_needed()} or newer: older ones can damage their index. "
            "Install it on the server, and run: ALTER EXTENSION vector UPDATE"
        )


def _needed() -> str:
    return ".".join(map(str, OLDEST_PGVECTOR))
