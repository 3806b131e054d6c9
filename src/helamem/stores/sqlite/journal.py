"""The journal of lessons and consolidations: their changes, as numbers and digests only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.protocols import Step
from helamem.stores import journals
from helamem.stores.journals import CONSOLIDATION, LESSON
from helamem.stores.sqlite.edge_table import LEARNED
from helamem.stores.sqlite.namespace import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import ChangedFact, Lesson
    from helamem.stores.journals import Pair
    from helamem.stores.sqlite.namespace import Space


def record(space: Space, lesson: Lesson, cue: int | None, gains: dict[Pair, float]) -> int:
    """Begin the step of a lesson before it is applied, with the present edges and uses.

    Args:
        gains: The gain of each pair, including cues; see `journals.gains_of`.
    """
    rule = lesson.rule
    step = _begin(space, LESSON, lesson.at)
    space.db.execute(
        "UPDATE step SET cue = ?, now = ?, tau = ?, saturation = ?, ceiling = ?, floor = ?, number ="
        " (SELECT lessons + 1 FROM namespace n WHERE n.id = namespace) WHERE id = ?",
        cue, lesson.now, rule.tau, rule.saturation, rule.ceiling, rule.floor, step,
    )  # fmt: skip
    space.db.many(
        "INSERT INTO step_edge SELECT ?1, ?2, ?3, e.weight, e.touched, ?4, ?5 FROM (SELECT 1)"
        " LEFT JOIN edge e ON e.source = ?1 AND e.target = ?2 AND e.channel = ?6"
        " WHERE ?4 > 0 OR e.weight IS NOT NULL",
        [(a, b, step, gain, keep, LEARNED) for a, b, gain, keep in journals.changes(lesson, gains)],
    )
    space.db.many(
        "INSERT INTO step_use SELECT ?1, ?2, (SELECT used_at FROM usage WHERE node = ?1)",
        [(id_, step) for id_ in sorted(set(lesson.used.tolist()))],
    )
    return step


def begin(space: Space, at: float) -> int:
    """Begin the step of a consolidation."""
    return _begin(space, CONSOLIDATION, at)


def _begin(space: Space, kind: int, at: float) -> int:
    added = space.db.execute(
        "INSERT INTO step (namespace, kind, at) VALUES (?, ?, ?)", space.id, kind, at
    )
    return int(added.lastrowid or 0)


def note_distilled(space: Space, step: int, marks: Sequence[bytes], facts: Sequence[int]) -> None:
    """Add the result of a cluster to the step of a consolidation."""
    space.db.many("INSERT OR IGNORE INTO step_mark VALUES (?, ?)", [(step, each) for each in marks])
    space.db.many(
        "INSERT OR IGNORE INTO step_fact (fact, step) VALUES (?, ?)", [(id_, step) for id_ in facts]
    )


def drop_empty(space: Space, step: int) -> None:
    """Drop the step of a consolidation that found nothing new."""
    space.db.execute(
        "DELETE FROM step WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM step_mark WHERE step = ?1)",
        step,
    )


def note_change(space: Space, step: int, fact: ChangedFact, new_sources: Sequence[int]) -> None:
    """Add the present state of a known fact to the step of a consolidation."""
    space.db.execute(
        "INSERT INTO step_fact SELECT f.node, ?, f.confidence, n.metadata, ?"
        " FROM fact f JOIN node n ON n.id = f.node WHERE f.node = ?"
        " ON CONFLICT (fact, step) DO UPDATE SET sources = (SELECT json_group_array(value) FROM"
        " (SELECT value FROM json_each(sources) UNION SELECT value FROM json_each(excluded.sources)))",
        step, listed(new_sources), fact.id,
    )  # fmt: skip


def bound(space: Space, most: int) -> None:
    """Drop the oldest steps beyond the limit."""
    space.db.execute(
        "DELETE FROM step WHERE namespace = ?1 AND id <="
        " (SELECT id FROM step WHERE namespace = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        space.id,
        most,
    )


def steps(space: Space, limit: int) -> list[Step]:
    """The latest steps, latest first."""
    found = space.db.rows(
        "SELECT id, kind, at, cue, undone FROM step WHERE namespace = ? ORDER BY id DESC LIMIT ?",
        space.id,
        limit,
    )
    return [
        Step(
            id=id_,
            kind="lesson" if kind == LESSON else "consolidation",
            at=at,
            cue=cue,
            used=tuple(space.db.column("SELECT node FROM step_use WHERE step = ?", id_)),
            edges=int(space.db.row("SELECT count(*) FROM step_edge WHERE step = ?", id_)[0]),
            facts=tuple(
                space.db.column(
                    "SELECT fact FROM step_fact WHERE step = ? AND confidence IS NULL", id_
                )
            ),
            undone=bool(undone),
        )
        for id_, kind, at, cue, undone in found
    ]


def copy_edge(space: Space, old: int, new: int, other: int) -> None:
    """Copy the entries of an edge to its copy."""
    space.db.execute(
        "INSERT OR REPLACE INTO step_edge SELECT min(?2, ?3), max(?2, ?3), step, before, before_touched, gain, keep"
        " FROM step_edge WHERE a = min(?1, ?3) AND b = max(?1, ?3)",
        old, new, other,
    )  # fmt: skip


def forget_edge(space: Space, a: int, b: int) -> None:
    """Drop the entries of an edge, so that no undo brings it back."""
    space.db.execute("DELETE FROM step_edge WHERE a = ? AND b = ?", min(a, b), max(a, b))


def copy_uses(space: Space, old: int, new: int) -> None:
    """Copy the uses of a memory to its successor."""
    space.db.execute(
        "INSERT OR IGNORE INTO step_use SELECT ?, step, used_at FROM step_use WHERE node = ?",
        new,
        old,
    )


def forget(space: Space, ids: Sequence[int]) -> None:
    """Drop removed nodes, and lessons about nothing else."""
    gone = listed(ids)
    for table, column in (("step_edge", "a"), ("step_edge", "b"), ("step_use", "node"), ("step_fact", "fact")):  # fmt: skip
        space.db.execute(
            f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))",  # noqa: S608
            gone,
        )
    space.db.execute(
        "UPDATE step SET cue = NULL WHERE namespace = ?"
        " AND cue IN (SELECT value FROM json_each(?))",
        space.id,
        gone,
    )
    space.db.execute(
        "DELETE FROM step WHERE namespace = ? AND kind = ? AND NOT undone"
        " AND NOT EXISTS (SELECT 1 FROM step_edge WHERE step = id)"
        " AND NOT EXISTS (SELECT 1 FROM step_use WHERE step = id)",
        space.id,
        LESSON,
    )
