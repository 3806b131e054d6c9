"""A lesson, applied in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.protocols import Learned, NewCue
from helamem.stores import journals
from helamem.stores.postgres import edge_table, journal, namespace, node_table

if TYPE_CHECKING:
    from helamem.protocols import Lesson
    from helamem.stores.postgres.database import Scope


def learn(
    scope: Scope, lesson: Lesson, dimension: int, *, history: int, journal_size: int
) -> Learned:
    """Apply a lesson; weights change in the database, whoever else is writing.

    Args:
        history: How many events of the history of each memory are kept.
        journal_size: How many lessons and consolidations the journal keeps; 0 for none.
    """
    node_table.require(scope, lesson.named())
    cue = lesson.cue
    if isinstance(cue, NewCue):
        cue = node_table.add_cue(scope, cue, dimension)
    used = lesson.used.tolist()
    pairs = [(int(a), int(b)) for a, b in lesson.pairs]
    bound = [] if cue is None else [(cue, id_) for id_ in used]
    cue_gains = lesson.cue_gains[: len(bound)]
    entering = []
    if journal_size:
        gains = journals.gains_of(pairs, lesson.gains, bound, cue_gains)
        entering = journal.recording(lesson, cue, gains, journal_size)
    growing, strengthened = edge_table.strengthening(pairs, lesson.gains, lesson)
    binding, n_bound = edge_table.strengthening(bound, cue_gains, lesson)
    begun, *_, weakened = scope.batch(
        *entering,
        *growing,
        *binding,
        *node_table.using(used, lesson.at, history),
        journal.showing(lesson),
        (namespace.COUNT_LESSON, {}),
        edge_table.weakening(lesson),
    )
    return Learned(
        cue=cue,
        strengthened=strengthened,
        bound=n_bound,
        weakened=len(weakened) // 2,
        step=begun[0][0] if entering else None,
    )
