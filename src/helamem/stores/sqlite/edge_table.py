"""Edges: one row per direction. Weights change in SQL, so that concurrent writers lose nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core import hebbian
from helamem.protocols import CHANNELS, Edges
from helamem.stores.sqlite import rows
from helamem.stores.sqlite.namespace import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import EdgeRule, Floats, Ints, Lesson
    from helamem.stores.sqlite.index import NodeIndex
    from helamem.stores.sqlite.namespace import Space

FOREVER = 1e300  # as a decay time, in place of infinity, which times 0 is no number
LEARNED, SOURCE = CHANNELS.index("learned"), CHANNELS.index("source")


def link(space: Space, a: int, b: int, channel: int, *, weight: float, touched: float) -> None:
    """Link two nodes in both directions."""
    space.db.many(
        "INSERT INTO edge VALUES (?, ?, ?, ?, ?)",
        [(a, b, channel, weight, touched), (b, a, channel, weight, touched)],
    )


def strengthen(
    space: Space, pairs: Sequence[tuple[int, int]], gains: Floats, lesson: Lesson
) -> int:
    """Strengthen both directions of each pair, in ascending order so that writers cannot deadlock."""
    rule = lesson.rule
    terms = (rule.tau, rule.floor, rule.saturation, rule.ceiling)
    growing = [(pair, gain) for pair, gain in zip(pairs, gains.tolist(), strict=True) if gain]
    directed = sorted(
        (*direction, gain) for pair, gain in growing for direction in (pair, pair[::-1])
    )
    space.db.many(
        "INSERT INTO edge VALUES (?, ?, ?, learned(0.0, 0.0, ?, ?, ?, ?, ?), ?)"
        " ON CONFLICT (source, target, channel) DO UPDATE SET touched = max(touched, excluded.touched), weight ="
        " learned(weight, excluded.touched - touched, ?, ?, ?, ?, ?)",
        [
            (source, target, LEARNED, gain, *terms, lesson.now, gain, *terms)
            for source, target, gain in directed
        ],
    )
    return len(growing)


def learned(weight: float, age: float, gain: float, *rule: float) -> float:
    """The SQL function for a weight after a lesson: the rule of `core.hebbian` for one weight.

    Args:
        rule: tau, the floor, the saturation and the ceiling.
    """
    tau, floor, saturation, ceiling = rule
    left = hebbian.decayed(np.array(weight), np.array(age), tau=tau, floor=floor)
    grown = hebbian.strengthened(left, np.array(gain), saturation=saturation, ceiling=ceiling)
    return float(grown)


def grown(
    edge: tuple[float, float] | None, gain: float, rule: EdgeRule, now: float
) -> tuple[float, float]:
    """An edge, as weight and time of touching, after a lesson; exactly as `strengthen` computes it."""
    weight, touched = edge or (0.0, now)
    terms = (rule.tau, rule.floor, rule.saturation, rule.ceiling)
    return learned(weight, now - touched, gain, *terms), max(touched, now)


def put(space: Space, a: int, b: int, edge: tuple[float, float] | None) -> None:
    """Write a learned edge in both directions; None deletes it."""
    if edge is None:
        delete(space, a, b, LEARNED)
        return
    space.db.many(
        "INSERT OR REPLACE INTO edge VALUES (?, ?, ?, ?, ?)",
        [(a, b, LEARNED, *edge), (b, a, LEARNED, *edge)],
    )


def delete(space: Space, a: int, b: int, channel: int) -> int:
    """Delete an edge in both directions; return how many rows that were."""
    return space.db.many(
        "DELETE FROM edge WHERE source = ? AND target = ? AND channel = ?",
        [(a, b, channel), (b, a, channel)],
    )


def weaken(space: Space, lesson: Lesson) -> int:
    """Scaling the stored weight scales the decayed weight alike, so `touched` stays."""
    both = sorted(direction for a, b in lesson.weakened.tolist() for direction in ((a, b), (b, a)))
    changed = space.db.many(
        "UPDATE edge SET weight = weight * ? WHERE source = ? AND target = ? AND channel = ?"
        " AND EXISTS (SELECT 1 FROM node WHERE id = source AND namespace = ?)",
        [(lesson.keep, *direction, LEARNED, space.id) for direction in both],
    )
    return max(changed, 0) // 2


def put_back(space: Space, edges: Edges) -> None:
    """Write exported edges, replacing existing ones."""
    columns = (edges.sources, edges.targets, edges.channels, edges.weights, edges.touched)
    space.db.many(
        "INSERT OR REPLACE INTO edge VALUES (?, ?, ?, ?, ?)",
        sorted(zip(*(column.tolist() for column in columns), strict=True)),
    )


def prune(space: Space, rule: EdgeRule, now: float) -> int:
    """Delete learned edges that have decayed below the floor; return how many."""
    edges = rows.edges(
        space.db.rows(
            f"SELECT * FROM edge WHERE channel = ?1 AND {_is_mine(space, '?2')}"  # noqa: S608
            # Faded means age > tau * ln(weight / floor), and ln x is at least 1 - 1 / x.
            " AND (weight < ?3 OR ?4 - touched >= ?5 * (1.0 - ?3 / weight))",
            LEARNED,
            space.id,
            rule.floor,
            now,
            min(rule.tau, FOREVER),
        )
    )
    left = hebbian.decayed(edges.weights, now - edges.touched, tau=rule.tau, floor=rule.floor)
    gone = left < rule.floor
    space.db.many(
        "DELETE FROM edge WHERE source = ? AND target = ? AND channel = ?",
        [
            (source, target, LEARNED)
            for source, target in zip(
                edges.sources[gone].tolist(), edges.targets[gone].tolist(), strict=True
            )
        ],
    )
    return int(gone.sum()) // 2


def leaving(space: Space, sources: Ints, index: NodeIndex, *, superseded: bool = False) -> Edges:
    """The outgoing edges of these nodes, between active nodes or all."""
    mine = sources if superseded else sources[index.is_active(sources)]
    found = space.db.rows(
        "SELECT * FROM edge WHERE source IN (SELECT value FROM json_each(?))", listed(mine.tolist())
    )
    return rows.edges(found) if superseded else _between_active(rows.edges(found), index)


def two_steps_from(space: Space, sources: Ints, index: NodeIndex) -> Edges:
    """The edges that leave these nodes, or what these edges lead to, between active nodes."""
    mine = listed(sources[index.is_active(sources)].tolist())
    found = space.db.rows(
        "WITH near AS (SELECT * FROM edge WHERE source IN (SELECT value FROM json_each(?1)))"
        " SELECT * FROM near UNION ALL SELECT * FROM edge WHERE source IN (SELECT target FROM near)"
        " AND source NOT IN (SELECT value FROM json_each(?1))",
        mine,
    )
    return _between_active(rows.edges(found), index)


def everything(space: Space, index: NodeIndex, *, superseded: bool = False) -> Edges:
    """Every edge between active nodes, or between all."""
    found = space.db.rows(f"SELECT * FROM edge WHERE {_is_mine(space, '?')}", space.id)  # noqa: S608
    return rows.edges(found) if superseded else _between_active(rows.edges(found), index)


def _is_mine(space: Space, namespace: str) -> str:
    """SQL: whether an edge is of a namespace, sought along the edges of the file if the namespace has more nodes.

    Args:
        namespace: The placeholder of its number.
    """
    (n_nodes,) = space.db.row("SELECT n_documents FROM namespace WHERE id = ?", space.id)
    (n_edges,) = space.db.row("SELECT count(*) FROM (SELECT 1 FROM edge LIMIT ?)", n_nodes)
    if n_edges < n_nodes:
        return f"EXISTS (SELECT 1 FROM node WHERE id = edge.source AND namespace = {namespace})"  # noqa: S608
    return f"source IN (SELECT id FROM node WHERE namespace = {namespace})"  # noqa: S608


def joined(space: Space, at_least: int, index: NodeIndex) -> Ints:
    """The active nodes with at least this many learned edges, ascending."""
    found = np.array(
        space.db.column(
            f"SELECT source FROM edge WHERE channel = ? AND {_is_mine(space, '?')}"  # noqa: S608
            " GROUP BY source HAVING count(*) >= ? ORDER BY source",
            LEARNED,
            space.id,
            at_least,
        ),
        np.int64,
    )
    active: Ints = found[index.is_active(found)]
    return active


def counted(edges: Edges, index: NodeIndex) -> dict[str, int]:
    """The number of undirected edges per kind."""
    cues = index.of_kinds(["cue"])
    once = edges.sources < edges.targets
    with_cue = np.isin(edges.sources, cues) | np.isin(edges.targets, cues)
    learned = once & (edges.channels == LEARNED)
    return {
        "learned": int((learned & ~with_cue).sum()),
        "cue": int((learned & with_cue).sum()),
        "source": int((once & (edges.channels == SOURCE)).sum()),
    }


def _between_active(edges: Edges, index: NodeIndex) -> Edges:
    """Restrict a query to edges between nodes that are not superseded."""
    if index.is_all_active:
        return edges
    return edges.where(index.is_active(edges.sources) & index.is_active(edges.targets))
