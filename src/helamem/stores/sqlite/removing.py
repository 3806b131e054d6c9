"""Removing: what goes along, and what must not stay behind in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.stores.sqlite import fact_table, node_table, posting_table, residue
from helamem.stores.sqlite.database import PAGE_BYTES
from helamem.stores.sqlite.namespace import DROPPED, listed
from helamem.stores.sqlite.rows import CUE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helamem.stores.sqlite.database import Database
    from helamem.stores.sqlite.namespace import Space


def remove(space: Space, ids: Sequence[int], at: float) -> list[int]:
    """Take nodes away, with every fact and cue that rests on them alone; all ids that went."""
    wanted = list(dict.fromkeys(int(id_) for id_ in ids))
    for id_ in wanted:
        node_table.require(space, id_, None)
    return take_away(space, wanted, at)


def take_away(space: Space, ids: Sequence[int], at: float) -> list[int]:
    """Remove nodes that are there, with the facts and cues that rest on them alone; all ids that went."""
    going = list(dict.fromkeys([*ids, *_orphaned_by(space, list(ids))]))
    fact_table.point_past(space, going)
    for id_ in going:
        _remove_node(space, id_, at)
    if going:
        node_table.changed(space, going)
    return going


def unbound_cues(space: Space) -> list[int]:
    """The cues that nothing is bound to any more."""
    return space.db.column(
        "SELECT id FROM node WHERE namespace = ? AND kind = 2 AND id NOT IN (SELECT source FROM edge)",
        space.id,
    )


def drop(space: Space) -> None:
    """Take away everything of a namespace, and its name; its number is never given again."""
    ids = space.db.column("SELECT id FROM node WHERE namespace = ?", space.id)
    space.db.execute(
        "UPDATE fact SET superseded_by = NULL"
        " WHERE node IN (SELECT id FROM node WHERE namespace = ?)",
        space.id,
    )
    for table in ("node", "session", "term", "cluster", "history"):
        space.db.execute(f"DELETE FROM {table} WHERE namespace = ?", space.id)  # noqa: S608
    space.db.execute(
        "UPDATE namespace SET name = ?, n_documents = 0, total_length = 0, lessons = 0 WHERE id = ?",
        f"{DROPPED}{space.id}",
        space.id,
    )
    node_table.changed(space, ids)


def scrub(space: Space, says: Callable[[str], bool]) -> int:
    """Take old texts out of history; how many."""
    texts = space.db.rows(
        "SELECT id, text FROM history WHERE namespace = ? AND text IS NOT NULL", space.id
    )
    going = [id_ for id_, text in texts if says(text)]
    space.db.execute(
        "UPDATE history SET text = NULL WHERE id IN (SELECT value FROM json_each(?))", listed(going)
    )
    return len(going)


def wipe(db: Database) -> bool:
    """Take what was removed out of the log and out of the gaps between rows, too.

    Returns:
        False while another process reads an older state: the log cannot be emptied then.
    """
    if not db.empty_log():
        return False
    image = db.image()
    if image is not None and not residue.has_residue(image, PAGE_BYTES):
        return True
    db.execute("VACUUM")
    return db.empty_log()


def _orphaned_by(space: Space, ids: list[int]) -> list[int]:
    """The facts that rest on nothing but these, and the cues that are bound to nothing else."""
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
    space.db.execute("DELETE FROM node WHERE id = ?", id_)
    space.db.execute("UPDATE history SET text = NULL WHERE node = ?", id_)
    space.db.execute(
        "DELETE FROM session WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM node WHERE session = ?1)",
        session,
    )
