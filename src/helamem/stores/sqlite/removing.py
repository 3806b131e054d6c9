"""Removing nodes, everything that depends on them, and their traces in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.stores.sqlite import journal, node_table, packs, posting_table, shown, superseding
from helamem.stores.sqlite.namespace import (
    DROPPED,
    GRAVES,
    GROWN,
    MOVED,
    WIPE,
    has_moved,
    listed,
    moved,
    note_leaving,
)
from helamem.stores.sqlite.rows import CUE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helamem.stores.sqlite.database import Database
    from helamem.stores.sqlite.namespace import Space


MANY = 1000  # with this few empty rows the file is never rewritten


def remove(space: Space, ids: Sequence[int], at: float) -> list[int]:
    """Remove nodes, and facts and cues that rest on them alone; return all removed ids."""
    wanted = list(dict.fromkeys(int(id_) for id_ in ids))
    for id_ in wanted:
        node_table.require(space, id_, None)
    return take_away(space, wanted, at)


def take_away(space: Space, ids: Sequence[int], at: float) -> list[int]:
    """Remove existing nodes, and facts and cues that rest on them alone; return all removed ids."""
    going = list(dict.fromkeys([*ids, *_orphaned_by(space, list(ids))]))
    note_leaving(space.db, going)
    superseding.relink(space, going, at)
    for id_ in going:
        _remove_node(space, id_, at)
    if going:
        shown.forget(space, going)
        journal.forget(space, going)
        node_table.changed(space, going)
        space.db.execute(
            "UPDATE namespace SET n_documents = n_documents + ? WHERE id = ?", len(going), GRAVES
        )
    return going


def unbound_cues(space: Space) -> list[int]:
    """The cues without bindings."""
    return space.db.column(
        "SELECT id FROM node WHERE namespace = ? AND kind = 2 AND key IS NOT NULL"  # as the index has it
        " AND NOT EXISTS (SELECT 1 FROM edge WHERE source = node.id)",
        space.id,
    )


def drop(space: Space) -> None:
    """Remove a namespace with all its contents; its number is never reused."""
    moved(space.db)
    ids = space.db.column("SELECT id FROM node WHERE namespace = ?", space.id)
    for table in ("handed", "superseded"):
        space.db.execute(
            f"DELETE FROM {table} WHERE node IN (SELECT id FROM node WHERE namespace = ?)",  # noqa: S608
            space.id,
        )
    shown.forget(space, ids)
    journal.forget(space, ids)
    packs.drop(space)
    posting_table.drop(space)
    for table in ("step", "node", "session", "cluster", "history"):
        space.db.execute(f"DELETE FROM {table} WHERE namespace = ?", space.id)  # noqa: S608
    space.db.execute(
        "UPDATE namespace SET name = ?, n_documents = 0, total_length = 0, lessons = 0 WHERE id = ?",
        f"{DROPPED}{space.id}",
        space.id,
    )
    node_table.changed(space, ids)


def scrub(space: Space, says: Callable[[str], bool]) -> int:
    """Remove old texts from history; return how many."""
    texts = space.db.rows(
        "SELECT id, text FROM history WHERE namespace = ? AND text IS NOT NULL", space.id
    )
    going = [id_ for id_, text in texts if says(text)]
    space.db.execute(
        "UPDATE history SET text = NULL WHERE id IN (SELECT value FROM json_each(?))", listed(going)
    )
    return len(going)


def wipe(db: Database) -> bool:
    """Wipe removed data from the log, and from gaps between rows.

    Emptying a row overwrites it, so the log is all there is to it. Only where rows were moved, or where more
    rows are empty than not, the whole file is written anew.

    Returns:
        False while another process reads an older state: the log cannot be emptied then.
    """
    if not db.empty_log():
        return False
    if _is_worth_rewriting(db):
        _rewrite(db)
        if not db.empty_log():
            return False
    with db.writing():
        db.execute("DELETE FROM meta WHERE key = ?", WIPE)
    return True


def _is_worth_rewriting(db: Database) -> bool:
    empty, full = db.row(
        "SELECT (SELECT n_documents FROM namespace WHERE id = ?1),"
        " (SELECT sum(n_documents) FROM namespace WHERE id <> ?1)",
        GRAVES,
    )
    return empty > max(MANY, full or 0) or has_moved(db)


def _rewrite(db: Database) -> None:
    with db.writing():
        moved(db)
        db.execute("DELETE FROM meta WHERE key = ?", GROWN)
        db.execute("DELETE FROM node WHERE namespace = ?", GRAVES)
        db.execute("DELETE FROM session WHERE namespace = ?", GRAVES)
        db.execute("UPDATE namespace SET n_documents = 0 WHERE id = ?", GRAVES)
    db.execute("VACUUM")
    with db.writing():
        db.execute("DELETE FROM meta WHERE key = ?", MOVED)


def _orphaned_by(space: Space, ids: list[int]) -> list[int]:
    """The facts that rest only on these nodes, and the cues bound only to them."""
    facts = space.db.column(
        "SELECT DISTINCT fact FROM fact_source f"
        " WHERE episode IN (SELECT value FROM json_each(?1)) AND NOT EXISTS"
        " (SELECT 1 FROM fact_source o WHERE o.fact = f.fact"
        "  AND o.episode NOT IN (SELECT value FROM json_each(?1)))",
        listed(ids),
    )
    cues = space.db.column(
        "SELECT DISTINCT n.id FROM edge e JOIN node n ON n.id = e.target AND n.kind = 2"
        " WHERE e.source IN (SELECT value FROM json_each(?1)) AND NOT EXISTS"
        " (SELECT 1 FROM edge o WHERE o.source = n.id"
        "  AND o.target NOT IN (SELECT value FROM json_each(?1)))",
        listed([*ids, *facts]),
    )
    return [*facts, *cues]


def _remove_node(space: Space, id_: int, at: float) -> None:
    kind, active, session, stored_at = space.db.row(
        "SELECT kind, active, session, stored_at FROM node WHERE id = ?", id_
    )
    if kind != CUE:
        node_table.note(space, id_, "added", stored_at)
        node_table.note(space, id_, "deleted", at)
        node_table.uncount(space, id_)
    posting_table.remove(space, id_, was_active=bool(active))
    space.db.execute(
        "DELETE FROM edge WHERE (source, target, channel) IN"
        " (SELECT target, source, channel FROM edge WHERE source = ?)",
        id_,
    )
    for statement in _EMPTYING:
        space.db.execute(statement, id_)
    space.db.execute(
        "UPDATE session SET namespace = 0, digest = id, name = ''"
        " WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM node WHERE session = ?1)",
        session,
    )


# Rows with texts or vectors are emptied in place: they only shrink, so no other row moves.
_EMPTYING = (
    "DELETE FROM edge WHERE source = ?",
    "DELETE FROM usage WHERE node = ?",
    "DELETE FROM fact_source WHERE fact = ?",
    "DELETE FROM fact_source WHERE episode = ?",
    "DELETE FROM fact WHERE node = ?",
    "DELETE FROM superseded WHERE node = ?",
    "UPDATE superseded SET because = NULL WHERE because = ?",
    "DELETE FROM handed WHERE node = ?",
    "DELETE FROM handed WHERE other = ?",
    "UPDATE vector SET value = x'' WHERE node = ?",
    "UPDATE node SET namespace = 0, active = 0, key = NULL, text = '', speaker = '', role = '', session = NULL,"
    " metadata = '{}', length = 0, traits = 0, utc_offset = NULL WHERE id = ?",
    "UPDATE history SET text = NULL WHERE node = ?",
)
