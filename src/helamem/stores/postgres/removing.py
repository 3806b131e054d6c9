"""Removing nodes, and everything that depends on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.stores.postgres import journal, node_table, passage_table, posting_table, superseding
from helamem.stores.postgres.rows import CUE
from helamem.stores.postgres.texts import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helamem.stores.postgres.database import Scope, Statement

TABLES = (
    "session", "speaker", "node", "passage", "usage", "term", "posting", "edge", "fact", "fact_source", "cluster", "history",
    "superseded", "handed", "staged", "step", "step_edge", "step_use", "step_fact", "shown", "namespace",
)  # fmt: skip
_ORPHANED_FACTS = (
    "SELECT DISTINCT fact FROM helamem.fact_source f WHERE namespace = %(ns)s AND episode = ANY(%(ids)s::bigint[])"
    " AND NOT EXISTS (SELECT 1 FROM helamem.fact_source o WHERE o.namespace = %(ns)s AND o.fact = f.fact"
    "  AND o.episode <> ALL(%(ids)s::bigint[])) ORDER BY fact"
)
_ORPHANED_CUES = (
    "SELECT DISTINCT n.id FROM helamem.edge e"
    f" JOIN helamem.node n ON n.namespace = %(ns)s AND n.id = e.target AND n.kind = {CUE}"
    " WHERE e.namespace = %(ns)s AND e.source = ANY(%(ids)s::bigint[]) AND NOT EXISTS"
    " (SELECT 1 FROM helamem.edge o WHERE o.namespace = %(ns)s AND o.source = n.id"
    "  AND o.target <> ALL(%(ids)s::bigint[])) ORDER BY 1"
)
_GONE = "= ANY(%(ids)s::bigint[])"
_EMPTYING = (
    f"DELETE FROM helamem.edge WHERE namespace = %(ns)s AND target {_GONE} AND source IN"
    f" (SELECT target FROM helamem.edge WHERE namespace = %(ns)s AND source {_GONE})",
    f"DELETE FROM helamem.edge WHERE namespace = %(ns)s AND source {_GONE}",
    f"DELETE FROM helamem.usage WHERE namespace = %(ns)s AND node {_GONE}",
    f"DELETE FROM helamem.fact_source WHERE namespace = %(ns)s AND fact {_GONE}",
    f"DELETE FROM helamem.fact_source WHERE namespace = %(ns)s AND episode {_GONE}",
    f"DELETE FROM helamem.fact WHERE namespace = %(ns)s AND node {_GONE}",
    f"DELETE FROM helamem.superseded WHERE namespace = %(ns)s AND node {_GONE}",
    f"UPDATE helamem.superseded SET because = NULL WHERE namespace = %(ns)s AND because {_GONE}",
    f"DELETE FROM helamem.handed WHERE namespace = %(ns)s AND node {_GONE}",
    f"DELETE FROM helamem.handed WHERE namespace = %(ns)s AND other {_GONE}",
    f"DELETE FROM helamem.node WHERE namespace = %(ns)s AND id {_GONE}",
    "DELETE FROM helamem.session s WHERE s.namespace = %(ns)s AND s.id = ANY(%(sessions)s::bigint[]) AND NOT EXISTS"
    " (SELECT 1 FROM helamem.node n WHERE n.namespace = %(ns)s AND n.session = s.id)",
)


def remove(scope: Scope, ids: Sequence[int], at: float) -> list[int]:
    """Remove nodes, and facts and cues that rest on them alone; return all removed ids."""
    wanted = list(dict.fromkeys(int(id_) for id_ in ids))
    node_table.require(scope, wanted)
    return take_away(scope, wanted, at)


def take_away(scope: Scope, ids: Sequence[int], at: float) -> list[int]:
    """Remove existing nodes, and facts and cues that rest on them alone; return all removed ids."""
    facts = scope.column(_ORPHANED_FACTS, ids=list(ids))
    cues = scope.column(_ORPHANED_CUES, ids=[*ids, *facts])
    going = list(dict.fromkeys([*ids, *facts, *cues]))
    if going:
        superseding.relink(scope, going, at)
        scope.batch(*_removing(scope, going, at))
    return going


def _removing(scope: Scope, going: Sequence[int], at: float) -> list[Statement]:
    found, terms = scope.batch(
        (
            "SELECT id, active, session FROM helamem.node WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[])",
            {"ids": list(going)},
        ),
        posting_table.finding_terms(going),
    )
    active = [id_ for id_, is_active, _ in found if is_active]
    sessions = sorted({session for _, _, session in found if session is not None})
    values = {"ids": list(going), "sessions": sessions}
    return [
        *node_table.noting_end(going, at),
        *node_table.uncounting(going),
        *posting_table.removing(going, active, [term for (term,) in terms]),
        *((statement, values) for statement in _EMPTYING),
        *journal.forgetting(going),
        passage_table.removing(going),
        node_table.unstaging(going),
    ]


def unbound_cues(scope: Scope) -> list[int]:
    """The cues without bindings."""
    return scope.column(
        f"SELECT id FROM helamem.node n WHERE namespace = %(ns)s AND kind = {CUE} AND NOT EXISTS"
        " (SELECT 1 FROM helamem.edge e WHERE e.namespace = %(ns)s AND e.source = n.id) ORDER BY id"
    )


def drop(scope: Scope) -> None:
    """Remove a namespace with all its contents, and its name."""
    scope.batch(
        *((f"DELETE FROM helamem.{table} WHERE namespace = %(ns)s", {}) for table in TABLES)
    )


def scrub(scope: Scope, says: Callable[[str], bool]) -> int:
    """Remove old texts from history; return how many."""
    texts = scope.rows(
        "SELECT node, n, text FROM helamem.history WHERE namespace = %(ns)s AND text IS NOT NULL"
    )
    going = [(node, n) for node, n, text in texts if says(restored(text))]
    scope.batch(
        (
            "UPDATE helamem.history h SET text = NULL FROM unnest(%(nodes)s::bigint[], %(ns_of)s::int[]) AS g(node, n)"
            " WHERE h.namespace = %(ns)s AND h.node = g.node AND h.n = g.n",
            {"nodes": [node for node, _ in going], "ns_of": [n for _, n in going]},
        )
    )
    return len(going)
