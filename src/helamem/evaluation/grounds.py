"""A place as such: its kind, its size, and how often writers were in each other's way."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from helamem.places import is_url

if TYPE_CHECKING:
    from helamem.records import Json

_ABOUT = (
    "SELECT current_setting('server_version'), (SELECT extversion FROM pg_extension WHERE extname = 'vector'),"
    " current_setting('shared_buffers'), current_setting('fsync')"
)
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def about(place: str) -> dict[str, Json]:
    """Which store it is, and the settings that times depend on."""
    if not is_url(place):
        return {"store": f"SQLite {sqlite3.sqlite_version}"}
    server, pgvector, buffers, fsync = _asked(place, _ABOUT)
    return {
        "store": f"PostgreSQL {server}, pgvector {pgvector}",
        "shared_buffers": buffers,
        "fsync": fsync,
    }


def deadlocks(place: str) -> int | None:
    """How many deadlocks a database has had so far; None for a file, which has one writer at a time."""
    return int(_asked(place, _DEADLOCKS)[0]) if is_url(place) else None


def _asked(place: str, sql: str) -> tuple[Any, ...]:
    import psycopg  # noqa: PLC0415  # an extra

    with psycopg.connect(place) as connection:
        [row] = connection.execute(sql.encode()).fetchall()
        return row
