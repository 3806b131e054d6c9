"""SQL for the nodes that are nearest to `%(vector)s`: by the vector of the whole text, or of its best passage.

A scan finds the nearest themselves, ties by id. An index finds nearly all of them: it searches a graph, in half
precision. Both choose by the same distance in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.stores.postgres.indexes import BREADTH, HOLDS, Index

if TYPE_CHECKING:
    from uuid import UUID

# The best passage of a node `n`, null for a text without any.
BEST_PASSAGE = (
    "(SELECT vector_send(p.vector) FROM helamem.passage p WHERE p.namespace = %(ns)s AND p.node = n.id"
    " ORDER BY p.vector <#> %(vector)s::vector LIMIT 1)"
)
SPARE = 32  # how many more an index is asked for than are kept, since it knows half of each number
PARTS = 4  # how many passages it is asked for in place of each node, since one node has several
MOST = BREADTH // PARTS  # nodes beyond which it would have to search its graph several times
_ITS_NODE = "helamem.passage p JOIN helamem.node n ON n.namespace = %(ns)s AND n.id = p.node"
_SCANS = {
    "node": (
        "(SELECT n.id AS node, n.vector <#> %(vector)s::vector AS far FROM helamem.node n"
        " WHERE n.namespace = %(ns)s AND {where} ORDER BY far, n.id LIMIT {k})"
    ),
    "passage": (
        f"(SELECT p.node, min(p.vector <#> %(vector)s::vector) AS far FROM {_ITS_NODE}"
        " WHERE p.namespace = %(ns)s AND {where} GROUP BY p.node ORDER BY far, p.node LIMIT {k})"
    ),
}
_LOOKUPS = {
    "node": (
        "(SELECT n.id AS node, n.vector <#> %(vector)s::vector AS far FROM helamem.node n"
        f" WHERE n.namespace = %(ns)s AND {{where}} AND {{holds}} ORDER BY {{order}} LIMIT {{k}} + {SPARE})"
    ),
    "passage": (
        f"(SELECT p.node, p.vector <#> %(vector)s::vector AS far FROM {_ITS_NODE}"
        f" WHERE p.namespace = %(ns)s AND {{where}} AND {{holds}} ORDER BY {{order}} LIMIT {{k}} * {PARTS})"
    ),
}
_ALIASES = {"node": "n.", "passage": "p."}


def scanned(where: str, k: str) -> str:
    """The `k` nearest nodes `n` that meet a condition, found by a scan: their ids, in no order."""
    return _best([scan.format(where=where, k=k) for scan in _SCANS.values()], k)


def looked_up(where: str, k: str, dimension: int, ns: UUID) -> str:
    """The same, by an index of each table where there is one; `usable` must be a step of the statement."""
    ways = []
    for table, alias in _ALIASES.items():
        index = Index(table, dimension, ns)
        known = {"holds": index.holds(alias), "order": index.order(alias), "k": k}
        with_index, without = (
            f"{where} AND {sign}(SELECT {table} FROM usable)" for sign in ("", "NOT ")
        )
        ways += [
            _SCANS[table].format(where=without, k=k),
            _LOOKUPS[table].format(where=with_index, **known),
        ]
    return _best(ways, k)


def usable(dimension: int, ns: UUID, *, enough: str) -> str:
    """The step of a statement that says which tables have an index that may be used.

    Args:
        enough: SQL: whether so many rows meet the condition that an index finds enough of them.
    """
    columns = (
        f"{Index(table, dimension, ns).is_usable} AND {enough} AS {table}" for table in HOLDS
    )
    return f"usable AS MATERIALIZED (SELECT {', '.join(columns)})"


def _best(ways: list[str], k: str) -> str:
    return f"(SELECT node AS id FROM ({' UNION ALL '.join(ways)}) v GROUP BY node ORDER BY min(far), node LIMIT {k})"
