"""Integrity checks of a file, and the repairs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from helamem.frozen import dataclass
from helamem.moments import EARLIEST, LATEST
from helamem.stores.sqlite import packs, removing, word_checks
from helamem.stores.sqlite.rows import IS_DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from helamem.stores.sqlite.database import Database
    from helamem.stores.sqlite.namespace import Space

# In every query ?1 is the namespace, ?2 the number of bytes of a vector, ?3 the time of mending.
MINE = "(SELECT id FROM node WHERE namespace = ?1)"
HUGE = 1e18  # larger than any weight and any time


def _unreadable(column: str) -> str:
    """SQL for an invalid time: not a number, or outside the years 1 to 9999."""
    number = f"typeof({column}) IN ('real', 'integer')"
    return f"NOT ({number} AND {column} >= {EARLIEST!r} AND {column} < {LATEST!r})"


@dataclass(frozen=True, slots=True)
class Check:
    """A kind of damage.

    Attributes:
        query: Counts the damage, or selects the nodes to remove; empty if `count` counts it.
        complaint: The sentence about it, with a place for the number.
        remedy: The sentence about the repair.
        mends: The statements that repair it; empty if the nodes are removed.
        count: Counts it in a namespace, where SQL would take long.
    """

    query: str
    complaint: str
    remedy: str
    mends: tuple[str, ...] = ()
    count: Callable[[Database, int], int] | None = None

    def found(self, db: Database, space: int, n_bytes: int) -> int:
        """How many there are."""
        if self.count is not None:
            return self.count(db, space)
        counting = self.query if self.mends else f"SELECT count(*) FROM ({self.query})"
        return int(db.row(counting, *_bound(counting, space, n_bytes, 0.0))[0])


def _rows(where: str, complaint: str, remedy: str, table: str, *, change: str = "") -> Check:
    """A check for rows that meet a condition; they are deleted or changed."""
    deed = f"UPDATE {table} SET {change}" if change else f"DELETE FROM {table}"
    return Check(
        f"SELECT count(*) FROM {table} WHERE {where}",  # our own words
        complaint,
        remedy,
        (f"{deed} WHERE {where}",),
    )


def _nodes(where: str, complaint: str) -> Check:
    """A check for nodes that meet a condition; they are removed with all that depends on them."""
    return Check(
        f"SELECT n.id FROM node n LEFT JOIN fact f ON f.node = n.id WHERE n.namespace = ?1 AND {where}",
        complaint,
        "removed",
    )


TERMS = "(SELECT id FROM term WHERE namespace = ?1)"
_DOCUMENTS = (
    "(SELECT term, sum(n) AS n FROM (SELECT id AS term, 0 AS n FROM term WHERE namespace = ?1 UNION ALL"
    " SELECT term, 1 FROM word WHERE node IN (SELECT id FROM node WHERE namespace = ?1 AND active)) GROUP BY term)"
)
LOST = "NOT IN (SELECT id FROM node)"
HOLDS = "(id NOT IN (SELECT node FROM superseded))"
CHECKS: tuple[Check, ...] = (
    *(
        _rows(f"{column} {LOST}", f"{{}} rows of {table} belong to no node", "removed", table)
        for table, column in (
            ("vector", "node"), ("usage", "node"), ("word", "node"), ("posting", "node"),
            ("fact_source", "episode"), ("fact", "node"), ("edge", "source"), ("edge", "target"),
            ("superseded", "node"), ("handed", "node"), ("handed", "other"), ("shown", "node"),
        )
    ),
    _rows("fact NOT IN (SELECT node FROM fact)", "{} sources belong to no fact", "removed", "fact_source"),
    *(
        _rows("term NOT IN (SELECT id FROM term)", f"{{}} rows of {table} belong to no term", "removed", table)
        for table in ("posting", "packed")
    ),
    _rows(f"by {LOST}", "{} memories were superseded by a missing one", "reactivated", "superseded"),
    _rows(f"source IN {MINE} AND source = target", "{} edges join a memory to itself", "removed", "edge"),
    _rows(
        f"source IN {MINE} AND NOT (typeof(weight) IN ('real', 'integer') AND weight BETWEEN 0 AND {HUGE}"
        f" AND typeof(touched) IN ('real', 'integer') AND abs(touched) < {HUGE})",
        "{} edges have an invalid weight or time", "removed", "edge",
    ),
    _rows(
        f"source IN {MINE} AND NOT EXISTS (SELECT 1 FROM edge r WHERE r.source = edge.target"
        " AND r.target = edge.source AND r.channel = edge.channel)",
        "{} edges lead one way only", "removed", "edge",
    ),
    _nodes("typeof(n.text) <> 'text' OR n.kind NOT IN (0, 1, 2)", "{} nodes are of no kind, or have no text"),
    _nodes("(n.kind = 1) <> (f.node IS NOT NULL)", "{} nodes have kind 'fact' but no fact row, or the reverse"),
    _nodes("n.kind = 0 AND n.session NOT IN (SELECT id FROM session)", "{} episodes belong to no session"),
    _nodes("n.kind = 1 AND n.id NOT IN (SELECT fact FROM fact_source)", "{} facts rest on nothing"),
    _nodes("n.id NOT IN (SELECT node FROM vector)", "{} nodes have no vector"),
    _nodes("n.id IN (SELECT node FROM vector WHERE length(value) = 0 OR length(value) % ?2)", "{} vectors have the wrong length"),
    _nodes("n.kind = 2 AND n.id NOT IN (SELECT source FROM edge)", "{} earlier questions are bound to nothing"),
    _rows(
        f"namespace = ?1 AND {_unreadable('stored_at')}", "{} memories have an invalid storing time",
        "set to the time of the repair", "node", change="stored_at = ?3",
    ),
    _rows(
        f"namespace = ?1 AND {_unreadable('at')}", "{} memories have an invalid time",
        "set to the time at which they were stored", "node", change="at = stored_at",
    ),
    _rows(
        "namespace = ?1 AND (NOT json_valid(metadata) OR json_type(metadata) <> 'object')",
        "{} memories have metadata that are not a JSON object", "emptied", "node", change="metadata = '{}'",
    ),
    _rows(
        f"node IN {MINE} AND (typeof(uses) <> 'integer' OR uses < 0 OR used_at IS NOT NULL AND {_unreadable('used_at')})",
        "{} memories have an impossible count or time of uses", "reset to never used", "usage",
    ),
    _rows(
        f"namespace = ?1 AND {_unreadable('at')}", "{} history events have an invalid time", "removed", "history"
    ),
    _rows(
        f"node IN {MINE} AND NOT (typeof(confidence) IN ('real', 'integer') AND confidence > 0 AND confidence <= 1)",
        "{} facts have a confidence outside (0, 1]", "set to 0.5", "fact", change="confidence = 0.5",
    ),
    _rows(
        f"namespace = ?1 AND active <> {HOLDS}", "{} superseded memories are still active, or the reverse",
        "set by whether another one superseded them", "node", change=f"active = {HOLDS}",
    ),
    Check(
        "SELECT count(*) FROM namespace WHERE id = ?1 AND (n_documents, total_length) <>"
        f" (SELECT count(*), coalesce(sum(length), 0) FROM node WHERE namespace = ?1 AND {IS_DOCUMENT})",
        "the stored number or length of documents is wrong", "counted again",
        (
            "UPDATE namespace SET (n_documents, total_length) = (SELECT count(*), coalesce(sum(length), 0)"
            f" FROM node WHERE namespace = ?1 AND {IS_DOCUMENT}) WHERE id = ?1",
        ),
    ),
    Check(
        "",
        "words of {} memories are not where they are looked for", "put there",
        (
            f"DELETE FROM word WHERE node IN {MINE} AND term NOT IN {TERMS}",
            f"DELETE FROM posting WHERE term IN {TERMS}",
            f"DELETE FROM packed WHERE term IN {TERMS}",
            "INSERT INTO posting SELECT term, impact_level(count, length), node, count, rank"
            " FROM word JOIN node ON node.id = word.node WHERE namespace = ?1 ORDER BY 1, 2, 3",
        ),
        word_checks.misplaced,
    ),
    Check(
        "",
        "{} terms have a wrong document frequency", "counted again",
        (
            f"UPDATE term AS t SET documents = d.n FROM {_DOCUMENTS} d WHERE d.term = t.id",
        ),
        word_checks.miscounted,
    ),
)  # fmt: skip


_PACKED = "{} memories are packed otherwise than their rows say"


def wrong(database: Database, namespace: int, dimension: int) -> list[str]:
    """What is wrong with the file, and with one namespace in it: one sentence each."""
    found = [
        f"SQLite says: {line}" for line in database.column("PRAGMA integrity_check") if line != "ok"
    ]
    found += [
        f"table {table}, row {row} refers to a missing row of {parent}"
        for table, row, parent, _ in database.rows("PRAGMA foreign_key_check")
    ]
    for check in CHECKS:
        count = check.found(database, namespace, 4 * dimension)
        if count:
            found.append(check.complaint.format(count))
    n_packed = packs.wrong(database, namespace, dimension)
    if n_packed:
        found.append(_PACKED.format(n_packed))
    found += [
        f"memory {id_} was superseded by one that it superseded"
        for id_ in _in_rings(database, namespace)
    ]
    return found


def mend(space: Space, at: float) -> list[str]:
    """Repair the file; return the damage and the remedy of each kind."""
    done: list[str] = []
    for id_ in _in_rings(space.db, space.id):
        space.db.execute("DELETE FROM superseded WHERE node = ?", id_)
        done.append(f"memory {id_} was superseded by one that it superseded: reactivated")
    for check in CHECKS:
        count = check.found(space.db, space.id, 4 * space.dimension)
        if count:
            _mend(space, check, at)
            done.append(f"{check.complaint.format(count)}: {check.remedy}")
    n_packed = packs.wrong(space.db, space.id, space.dimension)
    if n_packed:
        packs.drop(space)
        done.append(f"{_PACKED.format(n_packed)}: to be packed anew")
    return done


def _mend(space: Space, check: Check, at: float) -> None:
    values = space.id, 4 * space.dimension, at
    for statement in check.mends:
        space.db.execute(statement, *_bound(statement, *values))
    if not check.mends:
        removing.take_away(space, space.db.column(check.query, *_bound(check.query, *values)), at)


def _bound(query: str, *values: float) -> Sequence[float]:
    """The values that a query refers to by number."""
    return values[: max((int(n) for n in re.findall(r"\?(\d)", query)), default=0)]


def _in_rings(database: Database, namespace: int) -> Iterator[int]:
    """One memory of each cycle of memories that superseded each other."""
    newer = dict(
        database.rows(
            "SELECT s.node, s.by FROM superseded s JOIN node n ON n.id = s.node WHERE namespace = ?",
            namespace,
        )
    )
    sound: set[int] = set()
    for start in sorted(newer):
        path: dict[int, None] = {}
        at: int | None = start
        while at is not None and at not in sound:
            if at in path:
                yield at
                break
            path[at] = None
            at = newer.get(at)
        sound.update(path)
