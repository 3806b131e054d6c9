"""Undoing lessons and consolidations, and severing edges.

A lesson is undone by applying all later ones again without it, edge by edge, from the edge before it. So the result
is what it would be if the lesson had never been learned. The journal drops the oldest steps first, so the later ones
are always there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from helamem.errors import NotFoundError
from helamem.protocols import EdgeRule, Undone
from helamem.stores import journals
from helamem.stores.journals import LESSON
from helamem.stores.sqlite import edge_table, journal, node_table, removing, shown
from helamem.stores.sqlite.edge_table import LEARNED, SOURCE

if TYPE_CHECKING:
    from helamem.stores.journals import Pair
    from helamem.stores.sqlite.namespace import Space

Weight: TypeAlias = tuple[float, float]  # and when it was touched


def undo(space: Space, step: int, at: float) -> Undone:
    """Undo a step.

    Raises:
        NotFoundError: The journal has no such step.
        ValueError: It is undone already.
    """
    found = space.db.find(
        "SELECT kind, undone FROM step WHERE namespace = ? AND id = ?", space.id, step
    )
    if found is None:
        raise NotFoundError("lesson", step)
    kind, undone = found
    if undone:
        raise ValueError(f"lesson {step} is undone already")
    outcome = _undo_lesson(space, step, at) if kind == LESSON else _undo_facts(space, step, at)
    shown.uncount(space, step)
    space.db.execute("UPDATE step SET undone = 1 WHERE id = ?", step)
    for table in ("step_edge", "step_use", "step_fact", "step_mark"):
        space.db.execute(f"DELETE FROM {table} WHERE step = ?", step)  # noqa: S608
    if kind == LESSON:
        _set_clock_back(space, step)
    return outcome


def _undo_lesson(space: Space, step: int, at: float) -> Undone:
    pairs = space.db.rows("SELECT a, b FROM step_edge WHERE step = ?", step)
    undone = sum(_undo_edge(space, step, pair) for pair in pairs)
    used = space.db.rows("SELECT node, used_at FROM step_use WHERE step = ?", step)
    for node, used_at in used:
        _undo_use(space, step, node, used_at)
        node_table.note(space, node, "undone", at)
    (cue,) = space.db.row("SELECT cue FROM step WHERE id = ?", step)
    unbound = [id_ for id_ in removing.unbound_cues(space) if id_ == cue]
    return Undone(
        edges=undone, left=len(pairs) - undone, removed=removing.take_away(space, unbound, at)
    )


def _undo_edge(space: Space, step: int, pair: Pair) -> bool:
    """Apply all later lessons about an edge without this one; return whether nothing else has changed it."""
    history = [_Change(*row) for row in space.db.rows(_LATER, *pair, step)]
    state = with_it = history[0].before
    with_it = history[0].applied(with_it)
    for change in history[1:]:
        space.db.execute(
            "UPDATE step_edge SET before = ?, before_touched = ? WHERE a = ? AND b = ? AND step = ?",
            *(state or (None, None)), *pair, change.step,
        )  # fmt: skip
        state, with_it = change.applied(state), change.applied(with_it)
    now = space.db.find(
        "SELECT weight, touched FROM edge WHERE source = ? AND target = ? AND channel = ?",
        *pair,
        LEARNED,
    )
    if now is None:  # faded, or severed
        return True
    if now != with_it:  # something else has changed it: an import, or a correction
        return False
    edge_table.put(space, *pair, state)
    return True


_LATER = (
    "SELECT e.step, e.before, e.before_touched, e.gain, e.keep, s.now, s.tau, s.saturation, s.ceiling, s.floor"
    " FROM step_edge e JOIN step s ON s.id = e.step WHERE e.a = ? AND e.b = ? AND e.step >= ? ORDER BY e.step"
)


class _Change:
    """A lesson's change to an edge."""

    def __init__(self, step: int, before: float | None, touched: float | None, *rest: Any) -> None:  # noqa: ANN401
        self.step = step
        self.before = None if before is None or touched is None else (before, touched)
        self._gain, self._keep, self._now, *rule = rest
        self._rule = EdgeRule(tau=rule[0], saturation=rule[1], ceiling=rule[2], floor=rule[3])

    def applied(self, state: Weight | None) -> Weight | None:
        """The edge after it."""
        if self._gain:
            state = edge_table.grown(state, self._gain, self._rule, self._now)
        return None if state is None else (state[0] * self._keep, state[1])


def _undo_use(space: Space, step: int, node: int, used_at: float | None) -> None:
    """Subtract a use, and restore the time of the last use unless a later lesson used it too."""
    later = space.db.find("SELECT min(step) FROM step_use WHERE node = ? AND step > ?", node, step)
    if later and later[0] is not None:
        space.db.execute(
            "UPDATE step_use SET used_at = ? WHERE node = ? AND step = ?", used_at, node, later[0]
        )
    else:
        space.db.execute("UPDATE usage SET used_at = ? WHERE node = ?", used_at, node)
    space.db.execute("UPDATE usage SET uses = uses - 1 WHERE node = ? AND uses > 0", node)
    space.db.execute("DELETE FROM usage WHERE node = ? AND uses = 0", node)


def _undo_facts(space: Space, step: int, at: float) -> Undone:
    """Remove the facts of a consolidation, and restore known ones unless a later one changed them."""
    added = space.db.column(
        "SELECT fact FROM step_fact WHERE step = ? AND confidence IS NULL", step
    )
    changed = space.db.rows(
        "SELECT fact, confidence, metadata, sources FROM step_fact"
        " WHERE step = ? AND confidence IS NOT NULL",
        step,
    )
    left = sum(not _undo_change(space, step, *row) for row in changed)
    space.db.execute(
        "DELETE FROM cluster WHERE namespace = ? AND digest IN (SELECT digest FROM step_mark WHERE step = ?)",
        space.id,
        step,
    )
    return Undone(edges=0, left=left, removed=removing.take_away(space, added, at))


def _undo_change(
    space: Space, step: int, fact: int, confidence: float, metadata: str, *sources: str
) -> bool:
    later = space.db.find("SELECT min(step) FROM step_fact WHERE fact = ? AND step > ?", fact, step)
    if later and later[0] is not None:
        space.db.execute(
            "UPDATE step_fact SET confidence = ?, metadata = ? WHERE fact = ? AND step = ?",
            confidence, metadata, fact, later[0],
        )  # fmt: skip
        return False
    space.db.execute("UPDATE fact SET confidence = ? WHERE node = ?", confidence, fact)
    node_table.note_growth(space, fact, "", metadata)
    space.db.execute("UPDATE node SET metadata = ? WHERE id = ?", metadata, fact)
    for source in json.loads(sources[0]):
        space.db.execute("DELETE FROM fact_source WHERE fact = ? AND episode = ?", fact, source)
        edge_table.delete(space, fact, source, SOURCE)
    return True


def _set_clock_back(space: Space, step: int) -> None:
    """Set the number of lessons to that of the last lesson that is not undone, or was imported."""
    (number,) = space.db.row("SELECT number FROM step WHERE id = ?", step)
    (lessons,) = space.db.row("SELECT lessons FROM namespace WHERE id = ?", space.id)
    undone = space.db.column(
        "SELECT number FROM step WHERE namespace = ? AND number IS NOT NULL GROUP BY number HAVING min(undone)",
        space.id,
    )
    lessons = journals.clock_without(number, lessons, set(undone))
    space.db.execute("UPDATE namespace SET lessons = ? WHERE id = ?", lessons, space.id)


def sever(space: Space, a: int, b: int) -> bool:
    """Remove the learned edge between two nodes; return whether there was one."""
    node_table.require_all(space, {a, b})
    journal.forget_edge(space, a, b)
    return edge_table.delete(space, a, b, LEARNED) > 0
