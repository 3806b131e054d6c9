"""One namespace of an open file: what every piece of a transaction is about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helamem.errors import CorruptError, EmbedderMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helamem.stores.sqlite.database import Database


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace by its number, in a file whose vectors have one length.

    Who calls a function that takes one and writes has begun a transaction.
    """

    db: Database
    id: int
    dimension: int


def claimed(db: Database, name: str, *, embedder: str, dimension: int) -> Space:
    """The namespace of this name, made if it is new; the file is this embedder's from now on.

    Raises:
        EmbedderMismatchError: The file was made with another embedder.
        CorruptError: The file does not say which.
    """
    mine = {"embedder": embedder, "dimension": str(dimension)}
    kept = _meta(db)
    if not kept:
        with db.writing():
            db.many("INSERT OR IGNORE INTO meta VALUES (?, ?)", list(mine.items()))
        kept = _meta(db)
    if not mine.keys() <= kept.keys():
        raise CorruptError(
            f"{db.path} is damaged: it does not say which embedder made it. Restore a backup."
        )
    if kept != mine:
        raise EmbedderMismatchError(
            expected=_spelled(kept), actual=_spelled(mine), path=db.path, namespace=name
        )
    return Space(db, _number(db, name), dimension)


def _meta(db: Database) -> dict[str, str]:
    with db.reading():
        return dict(db.rows("SELECT key, value FROM meta"))


def _number(db: Database, name: str) -> int:
    find = "SELECT id FROM namespace WHERE name = ?"
    with db.reading():
        found = db.find(find, name)
    if found is None:
        with db.writing():
            db.execute("INSERT OR IGNORE INTO namespace (name) VALUES (?)", name)
            found = db.row(find, name)
    return int(found[0])


def _spelled(embedder: dict[str, str]) -> str:
    return f"{embedder['embedder']} ({embedder['dimension']} dimensions)"


def listed(ids: Iterable[int]) -> str:
    """Ids as one value that `json_each` opens again."""
    return json.dumps(list(ids))
