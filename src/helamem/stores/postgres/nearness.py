"""SQL for the nodes that are nearest to `%(vector)s`: by the vector of the whole text, or of its best passage.

A scan finds the nearest themselves, ties by id. An index finds nearly all of them: it searches a graph, in half
precision. Both choose by the same distance in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
_SCANS = {
    "node": (
        "(SELECT n.id AS node, n.vector <#> %(vector)s::vector AS far FROM helamem.node n"
        " WHERE n.namespace = %(ns)s AND {where} ORDER BY far, n.id LIMIT {k})"
    ),
    # OFFSET 0 keeps PostgreSQL from sorting whole vectors by their nodes.
    "passage": (
        "(SELECT node, min(far) AS far FROM (SELECT p.node, p.vector <#> %(vector)s::vector AS far"
        " FROM helamem.passage p WHERE p.namespace = %(ns)s AND {where} OFFSET 0) f"
        " GROUP BY node ORDER BY far, node LIMIT {k})"
    ),
}
_LOOKUPS = {
    "node": (
        "(SELECT n.id AS node, n.vector <#> %(vector)s::vector AS far FROM helamem.node n"
        f" WHERE n.namespace = %(ns)s AND {{where}} AND {{holds}} ORDER BY {{order}} LIMIT {{k}} + {SPARE})"
    ),
    "passage": (
        "(SELECT p.node, p.vector <#> %(vector)s::vector AS far FROM helamem.passage p"
        f" WHERE p.namespace = %(ns)s AND {{where}} AND {{holds}} ORDER BY {{order}} LIMIT {{k}} * {PARTS})"
    ),
}
_ALIASES = {"node": "n.", "passage": "p."}


class Where(NamedTuple):
    """A condition in SQL, on a row `n` of nodes, and on a row `p` of passages."""

    node: str
    passage: str

    def and_(self, node: str, passage: str) -> Where:
        """This one and another."""
        return Where(f"{self.node} AND {node}", f"{self.passage} AND {passage}")


def scanned(where: Where, k: str) -> str:
    """The `k` nearest nodes that meet a condition, found by a scan: their ids, in no order."""
    return _best(
        [scan.format(where=only, k=k) for scan, only in zip(_SCANS.values(), where, strict=True)],
        k,
    )


def looked_up(where: Where, k: str, dimension: int, ns: UUID) -> str:
    """The same, by an index of each table where there is one; `usable` must be a step of the statement."""
    ways = []
    for (table, alias), only in zip(_ALIASES.items(), where, strict=True):
        index = Index(table, dimension, ns)
        known = {"holds": index.holds(alias), "order": index.order(alias), "k": k}
        with_index, without = (
            f"{only} AND {sign}(SELECT {table} FROM usable)" for sign in ("", "NOT ")
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
