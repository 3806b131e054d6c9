"""One namespace of an open file, and the metadata of the file."""

from __future__ import annotations

import json
from dataclasses import field
from typing import TYPE_CHECKING

from helamem.errors import (
    CorruptError,
    EmbedderMismatchError,
    LanguageMismatchError,
    StoreError,
)
from helamem.frozen import dataclass
from helamem.protocols import Analysis

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helamem.stores.sqlite.database import Database


CHANGES_KEPT = 1000  # generations that caches can catch up with; older caches read everything again
GRAVES = 0  # the namespace to which emptied rows belong
WIPE, MOVED = "wipe", "moved"  # keys of `meta`: pending work that outlives a process
GROWN = "grown"  # the key of `meta` for the nodes that were moved when a row among them grew: first and last ones
NEAR = 1000  # more rows than lie on the pages that a growing row changes, however short they are
MOST_GROWN = 50  # ranges of nodes that are remembered
NEW_POSTINGS = "new postings"  # the key of `meta` for how postings move on; see posting_table
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


@dataclass(frozen=True, slots=True)
class State:
    """The state of a namespace at one moment.

    Attributes:
        reindexings: How often the file was reindexed; anything read before the last time is stale.
        generation: How often nodes were changed or removed.
        last_node: The newest node.
        name: The namespace's name, which changes when it is dropped.
        n_documents, total_length: The number of active episodes and facts, and of their terms.
        lessons: The number of lessons learned.
        is_packed: Whether its vectors are packed; see `packs`.
    """

    reindexings: int
    generation: int
    last_node: int
    name: str = field(compare=False)
    n_documents: int = field(compare=False)
    total_length: int = field(compare=False)
    lessons: int = field(compare=False)
    is_packed: bool = field(compare=False, kw_only=True)

    @property
    def mean_length(self) -> float:
        """The mean number of terms of a document; 0 if there are none."""
        return self.total_length / self.n_documents if self.n_documents else 0.0

    def is_newer_than(self, other: State) -> bool:
        """Whether nodes were changed or added after the other moment."""
        mine = self.reindexings, self.generation, self.last_node
        return mine > (other.reindexings, other.generation, other.last_node)


def state(space: Space) -> State:
    """The state of a namespace now.

    Raises:
        EmbedderMismatchError, LanguageMismatchError: The file was reindexed with another embedder or language
            than this handle's.
    """
    *counts, is_packed, as_json = space.db.row(
        "SELECT generation, last_node, name, n_documents, total_length, lessons,"
        " (SELECT count(*) FROM packing WHERE namespace = namespace.id),"
        " (SELECT json_group_object(key, value) FROM meta) FROM namespace WHERE id = ?",
        space.id,
    )
    meta = json.loads(as_json)
    require_fit(space.db, _analysis(meta), space.analysis)
    return State(int(meta.get("reindexings", 0)), *counts, is_packed=bool(is_packed))


def found(db: Database, name: str, mine: Analysis | None) -> Space | None:
    """The namespace of this name, if there is one.

    Args:
        mine: This handle's analysis; None accepts that of the file.

    Raises:
        EmbedderMismatchError: The file was made with another embedder.
        LanguageMismatchError: The file was read with another language.
        CorruptError: The file does not record its analysis.
        StoreError: The file is empty, and `mine` is None.
    """
    kept = made_with(db)
    if kept is None:
        if mine is None:
            raise StoreError(f"{db.path} is empty: nothing has been stored in it yet.")
        return None
    if mine is not None:
        require_fit(db, kept, mine)
    number = db.find("SELECT id FROM namespace WHERE name = ?", name)
    return None if number is None else Space(db, number[0], kept if mine is None else mine)


def begun(db: Database, name: str, mine: Analysis | None) -> Space:
    """The namespace of this name, made if it is not there; a new file records the analysis. Needs a transaction.

    Raises:
        EmbedderMismatchError, LanguageMismatchError, CorruptError, StoreError: See `found`.
    """
    if mine is not None and made_with(db) is None:
        record(db, mine)
    db.execute("INSERT OR IGNORE INTO namespace (name) VALUES (?)", name)
    space = found(db, name, mine)
    if space is None:
        raise _damaged(db)
    return space


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
    if not kept.keys() - {WIPE, MOVED, GROWN, NEW_POSTINGS}:
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


def grew(db: Database, id_: int) -> None:
    """Record that the rows near a node's were moved, which may have left copies of them. Needs a transaction."""
    low, high = _near(db, id_)
    apart = []
    for start, end in _grown(db):
        if start <= high and low <= end:
            low, high = min(low, start), max(high, end)
        else:
            apart.append([start, end])
    if len(apart) == MOST_GROWN:
        moved(db)
        return
    put_meta(db, GROWN, json.dumps([*apart, [low, high]]))


def note_leaving(db: Database, ids: Iterable[int]) -> None:
    """Before texts go, record where copies of them may lie that moving has left. Needs a transaction."""
    ranges = _grown(db)
    if ranges and any(low <= id_ <= high for id_ in ids for low, high in ranges):
        moved(db)


def _near(db: Database, id_: int) -> tuple[int, int]:
    """The first and the last node whose rows may lie on the pages that change when a node's row grows."""
    low = db.find("SELECT id FROM node WHERE id < ? ORDER BY id DESC LIMIT 1 OFFSET ?", id_, NEAR)
    high = db.find("SELECT id FROM node WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?", id_, NEAR)
    last = db.row("SELECT max(id) FROM node")
    return (low or (0,))[0], (high or last)[0]


def _grown(db: Database) -> list[list[int]]:
    found: list[list[int]] = json.loads(_meta(db).get(GROWN, "[]"))
    return found


def has_moved(db: Database) -> bool:
    """Whether the file may contain stale copies of rows."""
    return MOVED in _meta(db)


def _damaged(db: Database) -> CorruptError:
    return CorruptError(
        f"{db.path} is damaged: it does not say which embedder made it. Restore a backup."
    )


def _analysis(meta: dict[str, str]) -> Analysis:
    return Analysis(
        embedder=meta["embedder"],
        dimension=int(meta["dimension"]),
        language=meta["language"],
        version=int(meta["version"]),
    )


def require_known(space: Space, name: str) -> None:
    """Refuse to write into a namespace that was dropped, or reindexed, after this handle was opened.

    Raises:
        StoreError: It was dropped.
        EmbedderMismatchError, LanguageMismatchError: See `state`.
    """
    if state(space).name != name:
        raise StoreError(
            f"The namespace {name!r} was dropped. Nothing was stored; open it again with Memory(...) "
            "to begin it anew."
        )


def all_of(db: Database) -> list[tuple[str, int, int, int, float | None]]:
    """Every namespace that is not empty: name, episodes, facts, cues, time of the last episode."""
    return db.rows(
        "SELECT s.name, sum(n.kind = 0), sum(n.kind = 1), sum(n.kind = 2),"
        " max(CASE n.kind WHEN 0 THEN n.at END)"
        " FROM namespace s JOIN node n ON n.namespace = s.id"
        " WHERE s.id <> ? GROUP BY s.id ORDER BY s.name",
        GRAVES,
    )


def _meta(db: Database) -> dict[str, str]:
    return dict(db.rows("SELECT key, value FROM meta"))


def _spelled(analysis: Analysis) -> str:
    return f"{analysis.embedder} ({analysis.dimension} dimensions)"


def listed(ids: Iterable[int]) -> str:
    """Ids as one bound value for `json_each`."""
    return json.dumps(list(ids))
