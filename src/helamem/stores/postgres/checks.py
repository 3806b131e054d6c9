"""Integrity checks of a namespace, and the repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.frozen import dataclass
from helamem.moments import EARLIEST, LATEST
from helamem.stores.postgres import removing
from helamem.stores.postgres.rows import CUE, EPISODE, FACT, IS_DOCUMENT, IS_SUPERSEDED

if TYPE_CHECKING:
    from helamem.stores.postgres.database import Scope

HUGE = 1e18  # larger than any weight and any time
MINE = "namespace = %(ns)s"


@dataclass(frozen=True, slots=True)
class Check:
    """A kind of damage.

    Attributes:
        found: Selects what is damaged: the nodes to remove, or any rows.
        complaint: The sentence about it, with a place for the number.
        remedy: The sentence about the repair.
        mend: The statement that repairs it; empty if the nodes are removed.
    """

    found: str
    complaint: str
    remedy: str
    mend: str = ""


def _lost(column: str) -> str:
    """A condition: the node that a column names is not there."""
    return f"NOT EXISTS (SELECT 1 FROM helamem.node n WHERE n.namespace = %(ns)s AND n.id = t.{column})"


def _unreadable(column: str) -> str:
    """A condition: a time is not a number, or outside the years 1 to 9999."""
    return f"NOT (t.{column} >= {EARLIEST!r} AND t.{column} < {LATEST!r})"


def _rows(table: str, where: str, complaint: str, remedy: str, change: str = "") -> Check:
    """A check for rows that meet a condition; they are deleted or changed."""
    deed = f"UPDATE helamem.{table} t SET {change}" if change else f"DELETE FROM helamem.{table} t"
    condition = f"WHERE t.namespace = %(ns)s AND ({where})"
    return Check(
        f"SELECT 1 FROM helamem.{table} t {condition}",
        complaint,
        remedy,
        f"{deed} {condition}",
    )


def _nodes(where: str, complaint: str) -> Check:
    """A check for nodes that meet a condition; they are removed with all that depends on them."""
    return Check(
        f"SELECT t.id FROM helamem.node t WHERE t.namespace = %(ns)s AND ({where})",
        complaint,
        "removed",
    )


def _none_in(table: str, column: str) -> str:
    return f"NOT EXISTS (SELECT 1 FROM helamem.{table} x WHERE x.namespace = %(ns)s AND x.{column} = t.id)"


_HOLDS = f"(NOT {IS_SUPERSEDED.format('t.id')})"
_HEARD = "(SELECT n.heard FROM helamem.node n WHERE n.namespace = %(ns)s AND n.id = t.node)"
_DOCUMENTS = f"FROM helamem.node WHERE {MINE} AND {IS_DOCUMENT}"
_COUNTED = f"(SELECT count(*) {_DOCUMENTS}), (SELECT coalesce(sum(length), 0) {_DOCUMENTS})"
_FREQUENCY = (
    "(SELECT count(*) FROM helamem.posting p JOIN helamem.node n ON n.namespace = %(ns)s AND n.id = p.node AND n.active"
    " WHERE p.namespace = %(ns)s AND p.term = t.term)"
)
_MEMORIES = f"(SELECT count(*) FROM helamem.node n WHERE n.{MINE} AND n.speaker = t.name AND n.active AND n.kind < {CUE})"
CHECKS: tuple[Check, ...] = (
    *(
        _rows(table, _lost(column), f"{{}} rows of {table} belong to no node", "removed")
        for table, column in (
            ("usage", "node"), ("passage", "node"), ("posting", "node"), ("fact_source", "episode"), ("fact_source", "fact"),
            ("fact", "node"), ("edge", "source"), ("edge", "target"), ("staged", "node"),
            ("superseded", "node"), ("superseded", "by"), ("handed", "node"), ("handed", "other"),
            ("shown", "node"), ("step_edge", "a"), ("step_edge", "b"), ("step_use", "node"), ("step_fact", "fact"),
        )
    ),
    _rows("edge", "t.source = t.target", "{} edges join a memory to itself", "removed"),
    _rows("edge", f"NOT (t.weight BETWEEN 0 AND {HUGE} AND abs(t.touched) < {HUGE})", "{} edges have an invalid weight or time", "removed"),
    _rows(
        "edge", "NOT EXISTS (SELECT 1 FROM helamem.edge r WHERE r.namespace = %(ns)s AND r.source = t.target"
        " AND r.target = t.source AND r.channel = t.channel)", "{} edges lead one way only", "removed",
    ),
    _nodes(f"t.kind NOT IN ({EPISODE}, {FACT}, {CUE})", "{} nodes are of no kind"),
    _nodes(
        f"(t.kind = {FACT}) <> EXISTS (SELECT 1 FROM helamem.fact f WHERE f.namespace = %(ns)s AND f.node = t.id)",
        "{} nodes have kind 'fact' but no fact row, or the reverse",
    ),
    _nodes(
        f"t.kind = {EPISODE} AND NOT EXISTS (SELECT 1 FROM helamem.session s WHERE s.namespace = %(ns)s AND s.id = t.session)",
        "{} episodes belong to no session",
    ),
    _nodes(f"t.kind = {FACT} AND {_none_in('fact_source', 'fact')}", "{} facts rest on nothing"),
    _nodes(
        "vector_dims(t.vector) <> %(dimension)s OR EXISTS (SELECT 1 FROM helamem.passage p"
        " WHERE p.namespace = %(ns)s AND p.node = t.id AND vector_dims(p.vector) <> %(dimension)s)",
        "{} vectors have the wrong length",
    ),
    _nodes(f"t.kind = {CUE} AND {_none_in('edge', 'source')}", "{} earlier questions are bound to nothing"),
    _rows("node", _unreadable("stored_at"), "{} memories have an invalid storing time", "set to the time of the repair", "stored_at = %(at)s::float8"),
    _rows("node", _unreadable("at"), "{} memories have an invalid time", "set to the time at which they were stored", "at = stored_at"),
    _rows("node", "t.metadata IS NOT JSON OBJECT", "{} memories have metadata that are not a JSON object", "emptied", "metadata = '{}'"),
    _rows("usage", f"(t.uses < 0 OR t.used_at IS NOT NULL AND {_unreadable('used_at')})", "{} memories have an impossible count or time of uses", "reset to never used"),
    _rows("history", _unreadable("at"), "{} history events have an invalid time", "removed"),
    _rows("fact", "NOT (t.confidence > 0 AND t.confidence <= 1)", "{} facts have a confidence outside (0, 1]", "set to 0.5", "confidence = 0.5"),
    _rows("node", f"t.active <> {_HOLDS}", "{} superseded memories are still active, or the reverse", "set by whether another one superseded them", f"active = {_HOLDS}"),
    _rows("passage", f"t.heard <> {_HEARD}", "{} passages are searched though their memory is not, or the reverse", "set by their memory", f"heard = {_HEARD}"),
    _rows("namespace", f"(t.n_documents, t.total_length) <> ({_COUNTED})", "the stored number or length of documents is wrong", "counted again", f"(n_documents, total_length) = ROW({_COUNTED})"),
    _rows("term", f"t.documents <> {_FREQUENCY}", "{} terms have a wrong document frequency", "counted again", f"documents = {_FREQUENCY}"),
    _rows("speaker", f"t.memories <> {_MEMORIES}", "{} speakers have a wrong number of memories", "counted again", f"memories = {_MEMORIES}"),
)  # fmt: skip
_RINGS = (
    "WITH RECURSIVE path AS (SELECT node AS first, by AS node FROM helamem.superseded WHERE namespace = %(ns)s UNION"
    " SELECT p.first, s.by FROM path p JOIN helamem.superseded s ON s.namespace = %(ns)s AND s.node = p.node)"
    " SELECT first FROM path WHERE first = node ORDER BY first"
)


def wrong(scope: Scope, dimension: int) -> list[str]:
    """The damage in a namespace, one sentence each."""
    values = {"dimension": dimension, "at": 0.0}
    *counts, rings = scope.batch(
        *((f"SELECT count(*) FROM ({check.found}) x", values) for check in CHECKS),
        (_RINGS, {}),
    )
    found = [check.complaint.format(n) for check, [(n,)] in zip(CHECKS, counts, strict=True) if n]
    if rings:
        found.append(f"memory {rings[0][0]} was superseded by one that it superseded")
    return found


def mend(scope: Scope, dimension: int, at: float) -> list[str]:
    """Repair a namespace; return the damage and the remedy of each kind."""
    done: list[str] = []
    while rings := scope.column(_RINGS):
        scope.rows(
            "DELETE FROM helamem.superseded WHERE namespace = %(ns)s AND node = %(id)s",
            id=rings[0],
        )
        done.append(f"memory {rings[0]} was superseded by one that it superseded: reactivated")
    for check in CHECKS:
        values = {"dimension": dimension, "at": at}
        found = scope.column(check.found, **values)
        if found:
            _mend(scope, check, found, values)
            done.append(f"{check.complaint.format(len(found))}: {check.remedy}")
    return done


def _mend(scope: Scope, check: Check, found: list[int], values: dict[str, float]) -> None:
    if check.mend:
        scope.rows(check.mend, **values)
    else:
        removing.take_away(scope, found, values["at"])
