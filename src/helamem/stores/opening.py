"""Opens the store of a place: SQLite for a file or RAM, PostgreSQL for a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.errors import MissingExtraError
from helamem.places import is_url
from helamem.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path

    from helamem.config import Config
    from helamem.protocols import Analysis, Store


def open_store(
    place: str | Path, namespace: str, config: Config, *, made_by: Analysis | None
) -> Store:
    """The store of a namespace.

    Args:
        made_by: The embedder and language behind its vectors and terms; None takes it as it is.

    Raises:
        MissingExtraError: The place is a URL, and the driver is not installed.
        StoreError: It cannot be opened, or another embedder or language made it.
    """
    if is_url(place):
        return _on_a_server(str(place), namespace, config, made_by)
    return SQLiteStore(
        place,
        namespace=namespace,
        made_by=made_by,
        synchronous=config.storage.durability,
        zone=config.zone,
        history=config.storage.history,
    )


def _on_a_server(url: str, namespace: str, config: Config, made_by: Analysis | None) -> Store:
    try:
        from helamem.stores.postgres import PostgresStore  # noqa: PLC0415  # an extra
    except ImportError as exc:
        raise MissingExtraError("psycopg", "postgres") from exc
    return PostgresStore(
        url,
        namespace=namespace,
        made_by=made_by,
        connections=config.storage.connections,
        synchronous=config.storage.durability == "full",
        zone=config.zone,
        history=config.storage.history,
    )
