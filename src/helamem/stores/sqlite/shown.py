"""How often memories were hits of a recall that `reinforce` was told about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.stores.sqlite.namespace import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.stores.sqlite.namespace import Space


def count(space: Space, ids: Sequence[int], step: int | None) -> None:
    """Count that memories were shown, if they are there; under a step of the journal if there is one."""
    there = space.db.column(
        "SELECT id FROM node WHERE namespace = ? AND kind < 2"
        " AND id IN (SELECT value FROM json_each(?)) ORDER BY id",
        space.id,
        listed(ids),
    )
    space.db.many(
        "INSERT INTO shown VALUES (?, 1) ON CONFLICT (node) DO UPDATE SET times = times + 1",
        [(id_,) for id_ in there],
    )
    if step is not None:
        space.db.many("INSERT INTO step_shown VALUES (?, ?)", [(id_, step) for id_ in there])


def uncount(space: Space, step: int) -> None:
    """Undo the counts of a lesson."""
    space.db.execute(
        "UPDATE shown SET times = times - 1"
        " WHERE node IN (SELECT node FROM step_shown WHERE step = ?)",
        step,
    )
    space.db.execute("DELETE FROM shown WHERE times <= 0")
    space.db.execute("DELETE FROM step_shown WHERE step = ?", step)


def ignored(space: Space, at_least: int) -> list[tuple[int, int]]:
    """The active memories that were shown this often and never used, with how often; most often first."""
    return space.db.rows(
        "SELECT n.id, s.times FROM shown s JOIN node n ON n.id = s.node"
        " WHERE n.namespace = ? AND n.active AND s.times >= ?"
        " AND n.id NOT IN (SELECT node FROM usage WHERE uses > 0) ORDER BY s.times DESC, n.id",
        space.id,
        at_least,
    )


def forget(space: Space, ids: Sequence[int]) -> None:
    """Forget nodes that are removed."""
    for table in ("shown", "step_shown"):
        space.db.execute(
            f"DELETE FROM {table} WHERE node IN (SELECT value FROM json_each(?))",  # noqa: S608
            listed(ids),
        )
