"""Edges: one row per direction. Weights change in SQL, so that concurrent writers lose nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.protocols import CHANNELS
from helamem.stores.postgres import rows
from helamem.stores.postgres.rows import CUE, IS_SUPERSEDED, LIVING_EDGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.protocols import EdgeRule, Edges, Floats, Ints, Lesson
    from helamem.stores.postgres.database import Scope, Statement

LEARNED, SOURCE = CHANNELS.index("learned"), CHANNELS.index("source")
COLUMNS = "e.source, e.target, e.channel, e.weight, e.touched"
LONG_GONE = (
    500.0  # decay times after which nothing is left; PostgreSQL's exp() fails where it would give 0
)
FAINT = 1e-200  # a weight that is 0 for all purposes; a product below the least number fails too

_BOTH = (
    "INSERT INTO helamem.edge (namespace, source, target, channel, weight, touched)"
    " SELECT %(ns)s, d.source, d.target, %(channel)s, %(weight)s::float8, %(touched)s::float8"
    " FROM (SELECT a, b FROM unnest(%(a)s::bigint[], %(b)s::bigint[]) AS p(a, b)) p,"
    " LATERAL (VALUES (a, b), (b, a)) AS d(source, target) ORDER BY 2, 3"
)


# The parts of a rule in SQL, where they are bound by their names.
BOUND = {name: f"%({name})s::float8" for name in ("tau", "floor", "saturation", "ceiling")}


def decayed(weight: str, age: str, rule: Mapping[str, str] = BOUND) -> str:
    """SQL for what time has left of a weight: `core.hebbian.decayed` for one weight."""
    aged = f"greatest({age}, 0) / {rule['tau']}"
    left = f"CASE WHEN {aged} > {LONG_GONE} OR {weight} < {FAINT} THEN 0 ELSE {weight} * exp(-({aged})) END"
    return f"(SELECT CASE WHEN d < {rule['floor']} THEN 0 ELSE d END FROM (SELECT {left} AS d) x)"


def grown(weight: str, touched: str, gain: str, now: str, rule: Mapping[str, str] = BOUND) -> str:
    """SQL for a weight after a gain: `core.hebbian.strengthened` for one weight."""
    left = decayed(weight, f"{now} - {touched}", rule)
    sum_ = f"d + {gain} * (1 - {rule['saturation']} * d)"
    return f"(SELECT least({rule['ceiling']}, {sum_}) FROM (SELECT {left} AS d) y)"


def weakened(weight: str, keep: str) -> str:
    """SQL for the share of a weight that is kept."""
    return f"CASE WHEN {weight} < {FAINT} THEN 0 ELSE {weight} * {keep} END"


_PAIRS = "unnest(%(sources)s::bigint[], %(targets)s::bigint[], %(gains)s::float8[]) AS g(source, target, gain)"
_BEGIN = (
    "INSERT INTO helamem.edge (namespace, source, target, channel, weight, touched)"
    f" SELECT %(ns)s, source, target, {LEARNED}, 0, %(now)s::float8 FROM {_PAIRS} ORDER BY 2, 3"
    " ON CONFLICT (namespace, source, target, channel) DO NOTHING"
)
_GROW = (
    "UPDATE helamem.edge e SET touched = greatest(e.touched, %(now)s::float8), weight ="
    f" {grown('e.weight', 'e.touched', 'g.gain', '%(now)s::float8')}"
    f" FROM {_PAIRS} WHERE e.namespace = %(ns)s AND e.channel = {LEARNED}"
    " AND e.source = g.source AND e.target = g.target"
)
_WEAKEN = (
    f"UPDATE helamem.edge e SET weight = {weakened('weight', '%(keep)s::float8')}"
    " FROM unnest(%(sources)s::bigint[], %(targets)s::bigint[]) AS g(source, target)"
    f" WHERE e.namespace = %(ns)s AND e.channel = {LEARNED} AND e.source = g.source AND e.target = g.target"
    " RETURNING 1"
)


_PUT = (
    "INSERT INTO helamem.edge (namespace, source, target, channel, weight, touched)"
    f" SELECT %(ns)s, a, b, {LEARNED}, %(weight)s::float8, %(touched)s::float8"
    " FROM (VALUES (%(a)s::bigint, %(b)s::bigint), (%(b)s::bigint, %(a)s::bigint)) AS d(a, b) ORDER BY 2, 3"
    " ON CONFLICT (namespace, source, target, channel)"
    " DO UPDATE SET weight = excluded.weight, touched = excluded.touched"
)
_CUT = (
    f"DELETE FROM helamem.edge WHERE namespace = %(ns)s AND channel = {LEARNED}"
    " AND (source = %(a)s AND target = %(b)s OR source = %(b)s AND target = %(a)s)"
)


def putting(a: int, b: int, edge: tuple[float, float] | None) -> Statement:
    """The statement that writes a learned edge in both directions, as weight and time; None deletes it."""
    if edge is None:
        return _CUT, {"a": a, "b": b}
    return _PUT, {"a": a, "b": b, "weight": edge[0], "touched": edge[1]}


def linking(
    pairs: Sequence[tuple[int, int]], channel: int, *, weight: float, touched: float
) -> Statement:
    """The statement that links nodes in both directions."""
    return _BOTH, {
        "a": [a for a, _ in pairs],
        "b": [b for _, b in pairs],
        "channel": channel,
        "weight": weight,
        "touched": touched,
    }


def strengthening(
    pairs: Sequence[tuple[int, int]], gains: Floats, lesson: Lesson
) -> tuple[list[Statement], int]:
    """The statements that strengthen both directions of each pair, and how many pairs these are."""
    growing = [(pair, gain) for pair, gain in zip(pairs, gains.tolist(), strict=True) if gain]
    statements: list[Statement] = []
    for once in _rounds(growing):
        directed = sorted((*way, gain) for pair, gain in once for way in (pair, pair[::-1]))
        values = {
            "sources": [source for source, _, _ in directed],
            "targets": [target for _, target, _ in directed],
            "gains": [gain for _, _, gain in directed],
            "now": lesson.now,
            **_rule(lesson.rule),
        }
        statements += [(_BEGIN, values), (_GROW, values)]
    return statements, len(growing)


def _rounds(
    growing: Sequence[tuple[tuple[int, int], float]],
) -> list[list[tuple[tuple[int, int], float]]]:
    """The pairs, those that are named again in another round: a statement changes a row once."""
    seen: Counter[tuple[int, int]] = Counter()
    rounds: list[list[tuple[tuple[int, int], float]]] = []
    for (a, b), gain in growing:
        pair = min(a, b), max(a, b)
        if seen[pair] == len(rounds):
            rounds.append([])
        rounds[seen[pair]].append((pair, gain))
        seen[pair] += 1
    return rounds


def _rule(rule: EdgeRule) -> dict[str, float]:
    return {
        "tau": rule.tau,
        "floor": rule.floor,
        "saturation": rule.saturation,
        "ceiling": rule.ceiling,
    }


def weakening(lesson: Lesson) -> Statement:
    """The statement that weakens edges; a share of the stored weight is that of the decayed one, so `touched` stays."""
    both = sorted(direction for a, b in lesson.weakened.tolist() for direction in ((a, b), (b, a)))
    return _WEAKEN, {
        "sources": [source for source, _ in both],
        "targets": [target for _, target in both],
        "keep": lesson.keep,
    }


def putting_back(edges: Edges) -> Statement:
    """The statement that writes exported edges, replacing existing ones."""
    columns = (edges.sources, edges.targets, edges.channels, edges.weights, edges.touched)
    values: dict[tuple[int, int, int], tuple[float, float]] = {
        (source, target, channel): (weight, touched)
        for source, target, channel, weight, touched in zip(
            *(column.tolist() for column in columns), strict=True
        )
    }
    ordered = sorted(values)
    return (
        "INSERT INTO helamem.edge (namespace, source, target, channel, weight, touched)"
        " SELECT %(ns)s, * FROM unnest(%(sources)s::bigint[], %(targets)s::bigint[], %(channels)s::smallint[],"
        " %(weights)s::float8[], %(touched)s::float8[])"
        " ON CONFLICT (namespace, source, target, channel)"
        " DO UPDATE SET weight = excluded.weight, touched = excluded.touched",
        {
            "sources": [source for source, _, _ in ordered],
            "targets": [target for _, target, _ in ordered],
            "channels": [channel for _, _, channel in ordered],
            "weights": [values[key][0] for key in ordered],
            "touched": [values[key][1] for key in ordered],
        },
    )


def prune(scope: Scope, rule: EdgeRule, now: float) -> int:
    """Delete learned edges that have decayed below the floor; return how many."""
    gone = scope.rows(
        f"DELETE FROM helamem.edge e WHERE namespace = %(ns)s AND channel = {LEARNED}"
        f" AND {decayed('weight', '%(now)s::float8 - touched')} < %(floor)s::float8 RETURNING 1",
        now=now,
        tau=rule.tau,
        floor=rule.floor,
    )
    return len(gone) // 2


def sever(scope: Scope, a: int, b: int) -> bool:
    """Delete the learned edge between two nodes; return whether there was one."""
    gone = scope.rows(
        f"DELETE FROM helamem.edge WHERE namespace = %(ns)s AND channel = {LEARNED}"
        " AND source = ANY(%(both)s::bigint[]) AND target = ANY(%(both)s::bigint[]) RETURNING 1",
        both=[a, b],
    )
    return bool(gone)


def leaving(scope: Scope, sources: Ints, *, superseded: bool = False) -> Edges:
    """The outgoing edges of these nodes, between active nodes or all."""
    found = scope.rows(
        f"SELECT {COLUMNS} FROM helamem.edge e WHERE e.namespace = %(ns)s"
        f" AND e.source = ANY(%(ids)s::bigint[]) AND (%(superseded)s OR {LIVING_EDGE})",
        ids=sources.tolist(),
        superseded=superseded,
    )
    return rows.edges(found)


def joined(scope: Scope, at_least: int) -> Ints:
    """The active nodes with at least this many learned edges, ascending."""
    found = scope.column(
        "SELECT e.source FROM helamem.edge e WHERE e.namespace = %(ns)s AND e.channel = %(learned)s"
        f" AND NOT {IS_SUPERSEDED.format('e.source')}"
        " GROUP BY 1 HAVING count(*) >= %(at_least)s ORDER BY 1",
        learned=LEARNED,
        at_least=at_least,
    )
    return np.array(found, np.int64)


def everything(scope: Scope, *, superseded: bool = False) -> Edges:
    """Every edge between active nodes, or between all."""
    return rows.edges(
        scope.rows(
            f"SELECT {COLUMNS} FROM helamem.edge e WHERE e.namespace = %(ns)s"
            f" AND (%(superseded)s OR {LIVING_EDGE})",
            superseded=superseded,
        )
    )


# How many edges there are, each once: learned ones between memories, those with a cue, and source edges.
COUNTED: Statement = (
    f"SELECT count(*) FILTER (WHERE channel = {LEARNED} AND NOT cue), count(*) FILTER (WHERE channel = {LEARNED} AND cue),"
    f" count(*) FILTER (WHERE channel = {SOURCE}) FROM (SELECT e.channel,"
    f" EXISTS (SELECT 1 FROM helamem.node n WHERE n.namespace = %(ns)s AND n.kind = {CUE} AND n.id IN (e.source, e.target)) AS cue"
    f" FROM helamem.edge e WHERE e.namespace = %(ns)s AND e.source < e.target AND {LIVING_EDGE}) x",
    {},
)


def counted(row: tuple[Any, ...]) -> dict[str, int]:
    """The counts by their names."""
    return dict(zip(("learned", "cue", "source"), row, strict=True))
