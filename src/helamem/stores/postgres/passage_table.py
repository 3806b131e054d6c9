"""The vectors of passages of long texts, each in a row of its own, so that they can be in an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.stores.postgres import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import NewEpisode
    from helamem.stores.postgres.database import Statement

_ADD = (
    "INSERT INTO helamem.passage (namespace, node, n, heard, vector)"
    " SELECT %(ns)s, p.node, p.n, m.heard, p.vector::vector"
    " FROM unnest(%(nodes)s::bigint[], %(numbers)s::int[], %(vectors)s::text[]) AS p(node, n, vector)"
    " JOIN helamem.node m ON m.namespace = %(ns)s AND m.id = p.node ORDER BY 2, 3"
)


def adding(added: Sequence[tuple[int, NewEpisode]], dimension: int) -> list[Statement]:
    """The statement that inserts the vectors of passages, if there are any."""
    table = [
        (id_, n, rows.literal(vector, dimension))
        for id_, each in added
        for n, vector in enumerate(each.passages, start=1)
    ]
    if not table:
        return []
    nodes, numbers, vectors = (list(column) for column in zip(*table, strict=True))
    return [(_ADD, {"nodes": nodes, "numbers": numbers, "vectors": vectors})]


def hearing(ids: Sequence[int]) -> Statement:
    """The statement that lets passages be searched if their nodes are."""
    return (
        "UPDATE helamem.passage p SET heard = m.heard FROM helamem.node m WHERE p.namespace = %(ns)s"
        " AND p.node = ANY(%(ids)s::bigint[]) AND m.namespace = %(ns)s AND m.id = p.node",
        {"ids": list(ids)},
    )


def removing(ids: Sequence[int]) -> Statement:
    """The statement that deletes the vectors of passages of nodes."""
    return (
        "DELETE FROM helamem.passage WHERE namespace = %(ns)s AND node = ANY(%(ids)s::bigint[])",
        {"ids": list(ids)},
    )
