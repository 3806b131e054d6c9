"""The connections of this process: one pool for each database, shared by all handles on it."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg_pool import ConnectionPool

from helamem.errors import StoreError
from helamem.places import shown
from helamem.stores.postgres import faults, schema

if TYPE_CHECKING:
    from psycopg import Connection

# Statements are not prepared: connections may go through a pooler, and plans should know the namespace.
SETTINGS = {"autocommit": True, "prepare_threshold": None}
NAME = "helamem"  # as the server lists its connections


@dataclass(slots=True)
class _Lent:
    pool: ConnectionPool[Connection[tuple[Any, ...]]]
    handles: int = 0


_lock = threading.Lock()
_pools: dict[tuple[str, int], _Lent] = {}


def lent(
    url: str, *, connections: int, wait_s: float
) -> ConnectionPool[Connection[tuple[Any, ...]]]:
    """The pool of a database, for one more handle; the schema is brought up to date first.

    Raises:
        StoreError: The database cannot be reached or used.
    """
    with _lock:
        found = _pools.get((url, connections))
        if found is None:
            _prepare(url, wait_s)
            found = _pools[url, connections] = _Lent(_opened(url, connections, wait_s))
        found.handles += 1
        return found.pool


def returned(pool: ConnectionPool[Connection[tuple[Any, ...]]]) -> None:
    """End a handle's use of its pool; the last one closes it."""
    with _lock:
        [(key, found)] = [each for each in _pools.items() if each[1].pool is pool]
        found.handles -= 1
        if found.handles:
            return
        del _pools[key]
    pool.close()


def _prepare(url: str, wait_s: float) -> None:
    """Connect once, so that errors are told as they are, and bring the schema up to date."""
    with connected(url, wait_s) as connection, faults.explained(shown(url)):
        schema.ensure(connection, shown(url))


def connected(url: str, wait_s: float) -> Connection[tuple[Any, ...]]:
    """A connection outside of any pool.

    Raises:
        StoreError: There is none to be had; it says why.
    """
    name = shown(url)
    try:
        return psycopg.connect(
            url, autocommit=True, connect_timeout=max(int(wait_s), 2), application_name=NAME
        )
    except psycopg.OperationalError as exc:
        raise _unreachable(exc, name) from exc
    except psycopg.ProgrammingError:
        # The driver quotes a part of the URL, which may be of its password.
        raise StoreError(
            f"{name} is no URL that PostgreSQL can read. Write postgresql://USER@HOST/DATABASE, with special "
            "characters percent-encoded."
        ) from None


def _unreachable(error: psycopg.Error, name: str) -> StoreError:
    """The driver gives no SQLSTATE for what the server says before it admits a connection."""
    words = str(error)
    for sqlstate, sign in _SIGNS:
        if re.search(sign, words):
            return faults.meaning(psycopg.errors.lookup(sqlstate)(words), name)
    return StoreError(
        f"{name} cannot be reached: {faults.said(error)}. Check the address, and that the server runs."
    )


_SIGNS = (
    ("28P01", "password authentication failed"),
    ("28000", 'pg_hba.conf|role ".*" (does not exist|is not permitted)'),
    ("3D000", 'database ".*" does not exist'),
    ("53300", "too many (clients|connections)|connection slots are reserved"),
)


def _opened(
    url: str, connections: int, wait_s: float
) -> ConnectionPool[Connection[tuple[Any, ...]]]:
    return ConnectionPool(
        url,
        min_size=0,
        max_size=connections,
        timeout=wait_s,
        open=True,
        name=NAME,
        kwargs={**SETTINGS, "application_name": NAME},
    )
