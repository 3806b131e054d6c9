"""Undoing lessons and consolidations, and severing edges.

A lesson is undone by applying all later ones again, from the edges as they were before it. The server uses the
expressions with which it learned, so the result is the same to the last digit.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from helamem.errors import NotFoundError
from helamem.protocols import Undone
from helamem.stores import journals
from helamem.stores.journals import LESSON
from helamem.stores.postgres import edge_table, fact_table, journal, node_table, removing
from helamem.stores.postgres.edge_table import LEARNED, SOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.stores.postgres.database import Scope, Statement

_RULE = {name: f"c.{name}" for name in edge_table.BOUND}


def _applied(weight: str, touched: str) -> str:
    """SQL for the weight and time of an edge after change `c`."""
    grown = edge_table.grown(
        f"coalesce({weight}, 0)", f"coalesce({touched}, c.now)", "c.gain", "c.now", _RULE
    )
    kept = f"CASE WHEN c.gain > 0 THEN {grown} ELSE {weight} END"
    weakened = f"(SELECT CASE WHEN c.keep = 1 THEN k ELSE {edge_table.weakened('k', 'c.keep')} END FROM (SELECT {kept} AS k) z)"
    return f"{weakened}, CASE WHEN c.gain > 0 THEN greatest({touched}, c.now) ELSE {touched} END"


# Each edge after each change, by the step and every later one: without the step, and with it.
_REPLAY = (
    "WITH RECURSIVE change AS (SELECT e.a, e.b, e.step, e.before, e.before_touched, e.gain, e.keep, s.now, s.tau,"
    "  s.saturation, s.ceiling, s.floor, row_number() OVER (PARTITION BY e.a, e.b ORDER BY e.step) AS n"
    "  FROM helamem.step_edge m"
    "  JOIN helamem.step_edge e ON e.namespace = %(ns)s AND e.a = m.a AND e.b = m.b AND e.step >= m.step"
    "  JOIN helamem.step s ON s.namespace = %(ns)s AND s.id = e.step"
    "  WHERE m.namespace = %(ns)s AND m.step = %(step)s),"
    " replay (a, b, step, n, weight, touched, with_weight, with_touched) AS ("
    f"  SELECT a, b, step, n, before, before_touched, {_applied('c.before', 'c.before_touched')}"
    "  FROM change c WHERE n = 1 UNION ALL"
    f"  SELECT c.a, c.b, c.step, c.n, {_applied('r.weight', 'r.touched')},"
    f"  {_applied('r.with_weight', 'r.with_touched')}"
    "  FROM replay r JOIN change c ON c.a = r.a AND c.b = r.b AND c.n = r.n + 1)"
    " SELECT r.a, r.b, r.step, r.weight, r.touched, r.with_weight, r.with_touched, e.weight, e.touched FROM replay r"
    f" LEFT JOIN helamem.edge e ON e.namespace = %(ns)s AND e.source = r.a AND e.target = r.b AND e.channel = {LEARNED}"
    " ORDER BY r.a, r.b, r.n"
)
_BEFORE = (
    "UPDATE helamem.step_edge SET before = %(before)s::float8, before_touched = %(touched)s::float8"
    " WHERE namespace = %(ns)s AND a = %(a)s AND b = %(b)s AND step = %(step)s"
)
_LATER_USE = (
    "(SELECT min(l.step) FROM helamem.step_use l"
    " WHERE l.namespace = %(ns)s AND l.node = m.node AND l.step > %(step)s)"
)
_USED = "m.namespace = %(ns)s AND m.step = %(step)s"
_UNUSE = (
    f"UPDATE helamem.usage u SET uses = greatest(u.uses - 1, 0), used_at = CASE WHEN {_LATER_USE} IS NULL"
    f" THEN m.used_at ELSE u.used_at END FROM helamem.step_use m WHERE {_USED}"
    " AND u.namespace = %(ns)s AND u.node = m.node",
    "DELETE FROM helamem.usage u USING helamem.step_use m"
    f" WHERE {_USED} AND u.namespace = %(ns)s AND u.node = m.node AND u.uses = 0",
    f"UPDATE helamem.step_use s SET used_at = m.used_at FROM helamem.step_use m WHERE {_USED}"
    f" AND s.namespace = %(ns)s AND s.node = m.node AND s.step = {_LATER_USE}",
)
_UNSHOW = (
    "UPDATE helamem.shown SET times = times - 1 WHERE namespace = %(ns)s AND node = ANY"
    "(ARRAY(SELECT unnest(shown) FROM helamem.step WHERE namespace = %(ns)s AND id = %(step)s))",
    "DELETE FROM helamem.shown WHERE namespace = %(ns)s AND times <= 0",
)
_END = (
    "UPDATE helamem.step SET undone = true, shown = '{}', marks = '{}'"
    " WHERE namespace = %(ns)s AND id = %(step)s",
    *(
        f"DELETE FROM helamem.{table} WHERE namespace = %(ns)s AND step = %(step)s"
        for table in ("step_edge", "step_use", "step_fact")
    ),
)
_RESTORE = (
    "UPDATE helamem.fact SET confidence = %(confidence)s WHERE namespace = %(ns)s AND node = %(fact)s",
    "UPDATE helamem.node SET metadata = %(metadata)s WHERE namespace = %(ns)s AND id = %(fact)s",
    "DELETE FROM helamem.fact_source WHERE namespace = %(ns)s AND fact = %(fact)s"
    " AND episode = ANY(%(sources)s::bigint[])",
    f"DELETE FROM helamem.edge WHERE namespace = %(ns)s AND channel = {SOURCE}"
    " AND (source = %(fact)s AND target = ANY(%(sources)s::bigint[])"
    "  OR target = %(fact)s AND source = ANY(%(sources)s::bigint[]))",
)


def undo(scope: Scope, step: int, at: float) -> Undone:
    """Undo a step.

    Raises:
        NotFoundError: The journal has no such step.
        ValueError: It is undone already.
    """
    found = scope.find(
        "SELECT kind, undone, cue, marks FROM helamem.step WHERE namespace = %(ns)s AND id = %(step)s",
        step=step,
    )
    if found is None:
        raise NotFoundError("lesson", step)
    kind, undone, cue, marks = found
    if undone:
        raise ValueError(f"lesson {step} is undone already")
    if kind == LESSON:
        outcome = _undo_lesson(scope, step, cue, at)
    else:
        outcome = _undo_facts(scope, step, marks, at)
    scope.batch(*((sql, {"step": step}) for sql in (*_UNSHOW, *_END)))
    if kind == LESSON:
        _set_clock_back(scope, step)
    return outcome


def _undo_lesson(scope: Scope, step: int, cue: int | None, at: float) -> Undone:
    replayed = scope.rows(_REPLAY, step=step)
    edges = [list(states) for _, states in groupby(replayed, key=lambda row: row[:2])]
    left = sum(_is_left(states[-1]) for states in edges)
    used = scope.column(
        f"SELECT node FROM helamem.step_use m WHERE {_USED} ORDER BY node", step=step
    )
    scope.batch(
        *(statement for states in edges for statement in _undoing_edge(states)),
        *((sql, {"step": step}) for sql in _UNUSE),
        node_table.noting(used, "undone", at),
    )
    unbound = [id_ for id_ in removing.unbound_cues(scope) if id_ == cue]
    removed = removing.take_away(scope, unbound, at)
    return Undone(edges=len(edges) - left, left=left, removed=removed)


def _is_left(state: tuple[Any, ...]) -> bool:
    """Whether something else than lessons has changed an edge: an import, or a correction."""
    *_, with_weight, with_touched, weight, touched = state
    return weight is not None and (with_weight, with_touched) != (weight, touched)


def _undoing_edge(states: Sequence[tuple[Any, ...]]) -> list[Statement]:
    """The statements that write what later lessons make of an edge, and what each of them found."""
    statements: list[Statement] = [
        (_BEFORE, {"a": a, "b": b, "step": step, "before": before, "touched": since})
        for (_, _, _, before, since, *_), (a, b, step, *_) in pairwise(states)
    ]
    a, b, _, weight, touched, *_, present, _ = last = states[-1]
    if present is not None and not _is_left(last):  # it has not faded, and was not severed
        state = None if weight is None else (weight, touched)
        statements.append(edge_table.putting(a, b, state))
    return statements


def _undo_facts(scope: Scope, step: int, marks: Sequence[bytes], at: float) -> Undone:
    """Remove the facts of a consolidation, and restore known ones unless a later one changed them."""
    found = scope.rows(
        "SELECT f.fact, f.confidence, f.metadata, f.sources, (SELECT min(l.step) FROM helamem.step_fact l"
        "  WHERE l.namespace = %(ns)s AND l.fact = f.fact AND l.step > f.step)"
        " FROM helamem.step_fact f WHERE f.namespace = %(ns)s AND f.step = %(step)s ORDER BY f.fact",
        step=step,
    )
    changed = [row for row in found if row[1] is not None]
    scope.batch(
        *(statement for row in changed for statement in _restoring(*row)),
        fact_table.unmarking(marks),
    )
    added = [fact for fact, confidence, *_ in found if confidence is None]
    left = sum(later is not None for *_, later in changed)
    return Undone(edges=0, left=left, removed=removing.take_away(scope, added, at))


def _restoring(
    fact: int, confidence: float, metadata: str, sources: Sequence[int], later: int | None
) -> list[Statement]:
    """The statements that restore a fact, or what a later step found it to be."""
    values = {"fact": fact, "confidence": confidence, "metadata": metadata}
    if later is None:
        restored = [(sql, {**values, "sources": list(sources)}) for sql in _RESTORE]
        return [*restored, node_table.unstaging([fact])]
    return [
        (
            "UPDATE helamem.step_fact SET confidence = %(confidence)s, metadata = %(metadata)s"
            " WHERE namespace = %(ns)s AND fact = %(fact)s AND step = %(later)s",
            {**values, "later": later},
        )
    ]


def _set_clock_back(scope: Scope, step: int) -> None:
    """Set the number of lessons to that of the last lesson that is not undone, or was imported."""
    number, lessons, undone = scope.row(
        "SELECT s.number, n.lessons, ARRAY(SELECT x.number FROM helamem.step x WHERE x.namespace = %(ns)s"
        "  AND x.number IS NOT NULL GROUP BY x.number HAVING bool_and(x.undone))"
        " FROM helamem.step s JOIN helamem.namespace n ON n.namespace = %(ns)s"
        " WHERE s.namespace = %(ns)s AND s.id = %(step)s",
        step=step,
    )
    scope.batch(
        (
            "UPDATE helamem.namespace SET lessons = %(lessons)s WHERE namespace = %(ns)s",
            {"lessons": journals.clock_without(number, lessons, set(undone))},
        )
    )


def sever(scope: Scope, a: int, b: int) -> bool:
    """Remove the learned edge between two nodes; return whether there was one."""
    node_table.require(scope, {a, b})
    scope.batch(journal.forgetting_edge(a, b))
    return edge_table.sever(scope, a, b)
