"""One namespace of an open file, and the metadata of the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helamem.errors import (
    CorruptError,
    EmbedderMismatchError,
    LanguageMismatchError,
    StoreError,
)
from helamem.protocols import Analysis

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helamem.stores.sqlite.database import Database


GRAVES = 0  # the namespace to which emptied rows belong
WIPE, MOVED = "wipe", "moved"  # keys of `meta`: pending work that outlives a process
DROPPED = "\x1fdropped "  # prefix of the names of dropped namespaces; no other name can have it


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace by its number, in a file whose vectors and terms were made by one analysis.

    Functions that take a space and write expect an open transaction.
    """

    db: Database
    id: int
    analysis: Analysis

    @property
    def dimension(self) -> int:
        """The length of the vectors."""
        return self.analysis.dimension

    def reindexings(self) -> int:
        """How often the file has been reindexed; anything read before the last time is stale.

        Raises:
            EmbedderMismatchError, LanguageMismatchError: It was, by another embedder or language than this
                handle's.
        """
        kept = _meta(self.db)
        require_fit(self.db, _analysis(kept), self.analysis)
        return int(kept.get("reindexings", 0))


def claimed(db: Database, name: str, mine: Analysis | None) -> Space:
    """Open or create the namespace of this name; a new file records this analysis.

    Args:
        mine: None takes the file as it is, whatever made it.

    Raises:
        EmbedderMismatchError: The file was made with another embedder.
        LanguageMismatchError: The file was read with another language.
        CorruptError: The file does not say which.
    """
    kept = made_with(db)
    if kept is None:
        if mine is None:
            raise StoreError(f"{db.path} is empty: nothing has been stored in it yet.")
        with db.writing():
            if made_with(db) is None:  # or another process was faster
                record(db, mine)
        kept = made_with(db)
    if kept is None:
        raise _damaged(db)
    if mine is not None:
        require_fit(db, kept, mine)
    return Space(db, _number(db, name), kept if mine is None else mine)


def require_fit(db: Database, kept: Analysis, mine: Analysis) -> None:
    """Refuse a file whose vectors or terms cannot be compared with those of an analysis.

    Raises:
        EmbedderMismatchError, LanguageMismatchError: It is another one's.
    """
    if (kept.embedder, kept.dimension) != (mine.embedder, mine.dimension):
        raise EmbedderMismatchError(expected=_spelled(kept), actual=_spelled(mine), path=db.path)
    if kept.language != mine.language:
        raise LanguageMismatchError(expected=kept.language, actual=mine.language, path=db.path)


def made_with(db: Database) -> Analysis | None:
    """The analysis behind a file's vectors and terms; None for a new file."""
    kept = _meta(db)
    if not kept.keys() - {WIPE, MOVED}:
        return None
    if not {"embedder", "dimension", "language", "version"} <= kept.keys():
        raise _damaged(db)
    return _analysis(kept)


def record(db: Database, analysis: Analysis) -> None:
    """Record the analysis behind the vectors and terms. Needs a transaction."""
    for key, value in (
        ("embedder", analysis.embedder),
        ("dimension", str(analysis.dimension)),
        ("language", analysis.language),
        ("version", str(analysis.version)),
    ):
        put_meta(db, key, value)


def put_meta(db: Database, key: str, value: str) -> None:
    """Store a value about the whole file. Needs a transaction."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value)


def owe_wipe(db: Database) -> None:
    """Record that removed data may have left traces. Needs a transaction."""
    put_meta(db, WIPE, "1")


def is_wipe_owed(db: Database) -> bool:
    """Whether traces of removed data are still to be wiped."""
    return WIPE in _meta(db)


def moved(db: Database) -> None:
    """Record that rows with texts were moved, which may have left copies. Needs a transaction."""
    put_meta(db, MOVED, "1")


def has_moved(db: Database) -> bool:
    """Whether the file may contain stale copies of rows."""
    return MOVED in _meta(db)


def _damaged(db: Database) -> CorruptError:
    return CorruptError(
        f"{db.path} is damaged: it does not say which embedder made it. Restore a backup."
    )


def _analysis(kept: dict[str, str]) -> Analysis:
    return Analysis(
        embedder=kept["embedder"],
        dimension=int(kept["dimension"]),
        language=kept["language"],
        version=int(kept["version"]),
    )


def require_known(space: Space, name: str) -> None:
    """Refuse to write into a namespace that was dropped after this handle was opened.

    Raises:
        StoreError: It was.
    """
    if space.db.find("SELECT name FROM namespace WHERE id = ?", space.id) != (name,):
        raise StoreError(
            f"The namespace {name!r} was dropped. Nothing was stored; open it again with Memory(...) "
            "to begin it anew."
        )


def lessons(space: Space) -> int:
    """How many lessons have been learned."""
    return int(space.db.row("SELECT lessons FROM namespace WHERE id = ?", space.id)[0])


def all_of(db: Database) -> list[tuple[str, int, int, int, float | None]]:
    """Every namespace that is not empty: name, episodes, facts, cues, time of the last episode."""
    with db.reading():
        return db.rows(
            "SELECT s.name, sum(n.kind = 0), sum(n.kind = 1), sum(n.kind = 2),"
            " max(CASE n.kind WHEN 0 THEN n.at END)"
            " FROM namespace s JOIN node n ON n.namespace = s.id"
            " WHERE s.id <> ? GROUP BY s.id ORDER BY s.name",
            GRAVES,
        )


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


def _spelled(analysis: Analysis) -> str:
    return f"{analysis.embedder} ({analysis.dimension} dimensions)"


def listed(ids: Iterable[int]) -> str:
    """Ids as one bound value for `json_each`."""
    return json.dumps(list(ids))
