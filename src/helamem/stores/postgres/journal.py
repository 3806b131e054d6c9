"""The journal of lessons and consolidations: their changes, as numbers and digests only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.protocols import Step
from helamem.stores import journals
from helamem.stores.journals import CONSOLIDATION, LESSON
from helamem.stores.postgres.edge_table import LEARNED
from helamem.stores.postgres.rows import CUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import ChangedFact, Lesson
    from helamem.stores.journals import Pair
    from helamem.stores.postgres.database import Scope, Statement

_BEGIN = (
    "INSERT INTO helamem.step (namespace, id, kind, at)"
    f" VALUES (%(ns)s, nextval('helamem.step_id'), {CONSOLIDATION}, %(at)s) RETURNING id"
)
_THERE = (
    f"FROM helamem.node WHERE namespace = %(ns)s AND kind < {CUE} AND id = ANY(%(shown)s::bigint[])"
)
_LESSON = (
    "INSERT INTO helamem.step"
    " (namespace, id, kind, at, number, cue, now, tau, saturation, ceiling, floor, shown)"
    f" SELECT %(ns)s, nextval('helamem.step_id'), {LESSON}, %(at)s::float8, lessons + 1, %(cue)s::bigint,"
    " %(now)s::float8, %(tau)s::float8, %(saturation)s::float8, %(ceiling)s::float8, %(floor)s::float8,"
    f" ARRAY(SELECT id {_THERE} ORDER BY id) FROM helamem.namespace WHERE namespace = %(ns)s RETURNING id"
)
_NEWEST = "currval('helamem.step_id')"
_EDGES = (
    "INSERT INTO helamem.step_edge (namespace, a, b, step, before, before_touched, gain, keep)"
    f" SELECT %(ns)s, c.a, c.b, {_NEWEST}, e.weight, e.touched, c.gain, c.keep FROM"
    " unnest(%(a)s::bigint[], %(b)s::bigint[], %(gains)s::float8[], %(keeps)s::float8[]) AS c(a, b, gain, keep)"
    " LEFT JOIN helamem.edge e ON e.namespace = %(ns)s AND e.source = c.a AND e.target = c.b"
    f" AND e.channel = {LEARNED} WHERE c.gain > 0 OR e.weight IS NOT NULL"
)
_USES = (
    "INSERT INTO helamem.step_use (namespace, node, step, used_at)"
    f" SELECT %(ns)s, w.id, {_NEWEST}, u.used_at FROM unnest(%(used)s::bigint[]) AS w(id)"
    " LEFT JOIN helamem.usage u ON u.namespace = %(ns)s AND u.node = w.id"
)
_SHOW = (
    f"INSERT INTO helamem.shown AS s (namespace, node, times) SELECT %(ns)s, id, 1 {_THERE} ORDER BY id"
    " ON CONFLICT (namespace, node) DO UPDATE SET times = s.times + 1"
)
_ITS = "WHERE namespace = %(ns)s AND step = ANY(ARRAY(SELECT id FROM gone))"
_DROP = (
    "WITH gone AS (DELETE FROM helamem.step s WHERE s.namespace = %(ns)s AND {} RETURNING s.id),"
    f" edges AS (DELETE FROM helamem.step_edge {_ITS}), uses AS (DELETE FROM helamem.step_use {_ITS})"
    f" DELETE FROM helamem.step_fact {_ITS}"
)
_BOUND = _DROP.format(
    "s.id <= (SELECT id FROM helamem.step WHERE namespace = %(ns)s"
    " ORDER BY id DESC LIMIT 1 OFFSET %(most)s)"
)
_EMPTY = _DROP.format("s.id = %(step)s AND s.marks = '{}'")
_ABOUT_NOTHING = _DROP.format(
    f"s.kind = {LESSON} AND NOT s.undone"
    + "".join(
        f" AND NOT EXISTS (SELECT 1 FROM helamem.{table} x WHERE x.namespace = %(ns)s AND x.step = s.id)"
        for table in ("step_edge", "step_use")
    )
)
_DISTILLED = (
    "UPDATE helamem.step SET marks = marks || %(marks)s::bytea[]"
    " WHERE namespace = %(ns)s AND id = %(step)s",
    "INSERT INTO helamem.step_fact (namespace, fact, step) SELECT %(ns)s, w.id, s.id"
    " FROM helamem.step s, unnest(%(facts)s::bigint[]) AS w(id) WHERE s.namespace = %(ns)s AND s.id = %(step)s"
    " ON CONFLICT (namespace, fact, step) DO NOTHING",
)
_CHANGED = (
    "INSERT INTO helamem.step_fact AS c (namespace, fact, step, confidence, metadata, sources)"
    " SELECT %(ns)s, f.node, s.id, f.confidence, n.metadata, %(sources)s::bigint[] FROM helamem.step s"
    " JOIN helamem.fact f ON f.namespace = %(ns)s AND f.node = %(fact)s"
    " JOIN helamem.node n ON n.namespace = %(ns)s AND n.id = f.node"
    " WHERE s.namespace = %(ns)s AND s.id = %(step)s ON CONFLICT (namespace, fact, step) DO UPDATE SET sources ="
    " ARRAY(SELECT unnest(c.sources) UNION SELECT unnest(excluded.sources) ORDER BY 1)"
)
_STEPS = (
    "SELECT s.id, s.kind, s.at, s.cue, s.undone,"
    " ARRAY(SELECT node FROM helamem.step_use x WHERE x.namespace = %(ns)s AND x.step = s.id ORDER BY node),"
    " (SELECT count(*) FROM helamem.step_edge x WHERE x.namespace = %(ns)s AND x.step = s.id),"
    " ARRAY(SELECT fact FROM helamem.step_fact x WHERE x.namespace = %(ns)s AND x.step = s.id"
    "  AND x.confidence IS NULL ORDER BY fact)"
    " FROM helamem.step s WHERE s.namespace = %(ns)s ORDER BY s.id DESC LIMIT %(limit)s"
)
_COPY_EDGE = (
    "INSERT INTO helamem.step_edge (namespace, a, b, step, before, before_touched, gain, keep)"
    " SELECT %(ns)s, least(%(new)s::bigint, %(other)s::bigint), greatest(%(new)s::bigint, %(other)s::bigint),"
    " step, before, before_touched, gain, keep FROM helamem.step_edge WHERE namespace = %(ns)s"
    " AND a = least(%(old)s::bigint, %(other)s::bigint) AND b = greatest(%(old)s::bigint, %(other)s::bigint)"
    " ON CONFLICT (namespace, a, b, step) DO UPDATE SET before = excluded.before,"
    " before_touched = excluded.before_touched, gain = excluded.gain, keep = excluded.keep"
)
_COPY_USES = (
    "INSERT INTO helamem.step_use (namespace, node, step, used_at)"
    " SELECT %(ns)s, %(new)s::bigint, step, used_at FROM helamem.step_use"
    " WHERE namespace = %(ns)s AND node = %(old)s ON CONFLICT (namespace, node, step) DO NOTHING"
)
_GONE = "= ANY(%(ids)s::bigint[])"
_FORGET = (
    f"DELETE FROM helamem.step_edge WHERE namespace = %(ns)s AND a {_GONE}",
    f"DELETE FROM helamem.step_edge WHERE namespace = %(ns)s AND b {_GONE}",
    f"DELETE FROM helamem.step_use WHERE namespace = %(ns)s AND node {_GONE}",
    f"DELETE FROM helamem.step_fact WHERE namespace = %(ns)s AND fact {_GONE}",
    f"DELETE FROM helamem.shown WHERE namespace = %(ns)s AND node {_GONE}",
    f"UPDATE helamem.step SET cue = NULL WHERE namespace = %(ns)s AND cue {_GONE}",
    "UPDATE helamem.step SET shown = ARRAY(SELECT unnest(shown) EXCEPT SELECT unnest(%(ids)s::bigint[]) ORDER BY 1)"
    " WHERE namespace = %(ns)s AND shown && %(ids)s::bigint[]",
    _ABOUT_NOTHING,
)


def begin(scope: Scope, at: float, most: int) -> int:
    """Begin the step of a consolidation; the oldest steps beyond `most` are dropped."""
    [[(step,)], _] = scope.batch((_BEGIN, {"at": at}), (_BOUND, {"most": most}))
    return int(step)


def recording(
    lesson: Lesson, cue: int | None, gains: dict[Pair, float], most: int
) -> list[Statement]:
    """The statements that begin the step of a lesson before it is applied; the first gives its id.

    Args:
        gains: The gain of each pair, including cues; see `journals.gains_of`.
        most: How many steps are kept.
    """
    changes = journals.changes(lesson, gains)
    rule = lesson.rule
    begun = {
        "at": lesson.at, "cue": cue, "now": lesson.now, "tau": rule.tau, "saturation": rule.saturation,
        "ceiling": rule.ceiling, "floor": rule.floor, "shown": lesson.shown.tolist(),
    }  # fmt: skip
    edges = {
        "a": [a for a, *_ in changes],
        "b": [b for _, b, *_ in changes],
        "gains": [gain for *_, gain, _ in changes],
        "keeps": [keep for *_, keep in changes],
    }
    return [
        (_LESSON, begun),
        (_EDGES, edges),
        (_USES, {"used": sorted(set(lesson.used.tolist()))}),
        (_BOUND, {"most": most}),
    ]


def showing(lesson: Lesson) -> Statement:
    """The statement that counts what a lesson has shown, as far as it is there."""
    return _SHOW, {"shown": lesson.shown.tolist()}


def ignored(scope: Scope, at_least: int) -> list[tuple[int, int]]:
    """The active memories that were shown this often and never used, with how often; most often first."""
    found = scope.rows(
        "SELECT n.id, s.times FROM helamem.shown s"
        " JOIN helamem.node n ON n.namespace = %(ns)s AND n.id = s.node AND n.active"
        " WHERE s.namespace = %(ns)s AND s.times >= %(at_least)s AND NOT EXISTS (SELECT 1 FROM helamem.usage u"
        "  WHERE u.namespace = %(ns)s AND u.node = n.id AND u.uses > 0) ORDER BY s.times DESC, n.id",
        at_least=at_least,
    )
    return [(int(id_), int(times)) for id_, times in found]


def distilling(step: int, marks: Sequence[bytes], facts: Sequence[int]) -> list[Statement]:
    """The statements that add the result of a cluster to the step of a consolidation."""
    values = {"step": step, "marks": list(marks), "facts": list(facts)}
    return [(sql, values) for sql in _DISTILLED]


def changing(step: int, fact: ChangedFact, new_sources: Sequence[int]) -> Statement:
    """The statement that adds the present state of a known fact to the step of a consolidation."""
    return _CHANGED, {"step": step, "fact": fact.id, "sources": list(new_sources)}


def dropping_empty(step: int) -> Statement:
    """The statement that drops the step of a consolidation that found nothing new."""
    return _EMPTY, {"step": step}


def steps(scope: Scope, limit: int) -> list[Step]:
    """The latest steps, latest first."""
    return [
        Step(
            id=id_,
            kind="lesson" if kind == LESSON else "consolidation",
            at=at,
            cue=cue,
            used=tuple(used),
            edges=int(edges),
            facts=tuple(facts),
            undone=undone,
        )
        for id_, kind, at, cue, undone, used, edges, facts in scope.rows(_STEPS, limit=limit)
    ]


def copying_edge(old: int, new: int, other: int) -> Statement:
    """The statement that copies the entries of an edge to its copy."""
    return _COPY_EDGE, {"old": old, "new": new, "other": other}


def forgetting_edge(a: int, b: int) -> Statement:
    """The statement that drops the entries of an edge, so that no undo brings it back."""
    return (
        "DELETE FROM helamem.step_edge WHERE namespace = %(ns)s AND a = %(a)s AND b = %(b)s",
        {"a": min(a, b), "b": max(a, b)},
    )


def copying_uses(old: int, new: int) -> Statement:
    """The statement that copies the uses of a memory to its successor."""
    return _COPY_USES, {"old": old, "new": new}


def forgetting(ids: Sequence[int]) -> list[Statement]:
    """The statements that drop removed nodes, and lessons about nothing else."""
    return [(sql, {"ids": list(ids)}) for sql in _FORGET]
