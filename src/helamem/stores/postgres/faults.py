"""What PostgreSQL's errors mean here: one sentence that says what to do."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psycopg

from helamem.errors import SchemaError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOST = (
    "08",
    "57P01",
    "57P02",
    "57P03",
)  # the beginnings of SQLSTATEs: the connection is gone, or going
_CONFLICT = "Others were writing the same to {shown}, and kept being in the way. Nothing was stored; try again."


class LostConnectionError(StoreError):
    """The connection to the database was lost before anything was changed."""


class ConflictError(StoreError):
    """Another transaction was in the way; nothing was changed."""


def is_lost(error: psycopg.Error) -> bool:
    """Whether an error means that the connection is gone."""
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not error.sqlstate:
        return True
    return (error.sqlstate or "").startswith(LOST)


@contextlib.contextmanager
def explained(shown: str) -> Iterator[None]:
    """Translate the driver's errors into ours.

    Args:
        shown: The database as messages name it, without a password.
    """
    try:
        yield
    except psycopg.Error as exc:
        raise meaning(exc, shown) from exc


def meaning(error: psycopg.Error, shown: str) -> StoreError:
    """The error of ours that says the same, and what to do."""
    kind, advice = _MEANINGS.get(error.sqlstate or "", (None, ""))
    if kind is not None:
        return kind(advice.format(shown=shown, error=said(error)))
    if is_lost(error):
        return LostConnectionError(
            f"The connection to {shown} was lost. Nothing was stored; try again when the server is back."
        )
    return StoreError(
        f"PostgreSQL could not do that to {shown}; nothing was changed: {said(error)}"
    )


def said(error: BaseException) -> str:
    """The first line of the driver's message: details may repeat values, and so memories."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# By SQLSTATE.
_MEANINGS: dict[str, tuple[type[StoreError], str]] = {
    "40001": (ConflictError, _CONFLICT),
    "40P01": (ConflictError, _CONFLICT),
    "28P01": (StoreError, "{shown} refuses the password. Give another one in the URL, in PGPASSWORD, or in ~/.pgpass."),
    "28000": (StoreError, "{shown} refuses this user: {error}. Give another user in the URL, or let the server's pg_hba.conf admit it."),
    "3D000": (StoreError, "{shown} does not exist. Make it: createdb NAME, or name another database in the URL."),
    "42501": (StoreError, "{shown} refuses this user the right to do that: {error}. Nothing was changed; let the owner of the tables grant it, as docs/postgres.md shows."),
    "42P01": (SchemaError, "{shown} has lost tables of helamem: {error}. Restore a backup."),
    "42703": (SchemaError, "{shown} has lost columns of helamem: {error}. Restore a backup."),
    "53100": (StoreError, "The disk of {shown} is full. Nothing was stored; free some space and try again."),
    "53200": (StoreError, "{shown} is out of memory. Nothing was stored; try again, or give the server more."),
    "53300": (StoreError, "{shown} admits no more connections. Nothing was done; lower storage.connections, or raise the server's max_connections."),
    "54000": (StoreError, "{shown} cannot keep something this large: {error}. Nothing was stored."),
    "25006": (StoreError, "{shown} can only be read: it is a replica, or was set so. Nothing was stored; give the URL of the primary server."),
    "55P03": (StoreError, "Another process has been writing to this namespace of {shown} for too long. Nothing was stored; try again."),
    "57014": (StoreError, "{shown} broke off a statement that took longer than the server allows. Nothing was stored; raise its statement_timeout."),
}  # fmt: skip
