"""The inverted index: term frequencies per node, and document frequencies."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from helamem.stores import encoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.protocols import Term
    from helamem.stores.postgres.database import Scope, Statement

_ADD_TERMS = (
    "INSERT INTO helamem.term AS t (namespace, term, documents)"
    " SELECT %(ns)s, * FROM unnest(%(terms)s::bigint[], %(documents)s::bigint[])"
    " ON CONFLICT (namespace, term) DO UPDATE SET documents = t.documents + excluded.documents"
)
_ADD_POSTINGS = (
    "INSERT INTO helamem.posting (namespace, term, node, count, rank, length)"
    " SELECT %(ns)s, * FROM"
    " unnest(%(terms)s::bigint[], %(nodes)s::bigint[], %(counts)s::int[], %(ranks)s::int[], %(lengths)s::int[])"
)
_COUNT = (
    "UPDATE helamem.term t SET documents = t.documents + %(sign)s * x.n FROM"
    " (SELECT p.term, count(*) AS n FROM helamem.posting p WHERE p.namespace = %(ns)s"
    "  AND p.node = ANY(%(ids)s::bigint[]) GROUP BY p.term ORDER BY p.term) x"
    " WHERE t.namespace = %(ns)s AND t.term = x.term"
)
_REMOVE = "DELETE FROM helamem.posting WHERE namespace = %(ns)s AND node = ANY(%(ids)s::bigint[])"
_DROP_UNUSED = (
    "DELETE FROM helamem.term t WHERE t.namespace = %(ns)s AND t.term = ANY(%(terms)s::bigint[]) AND t.documents = 0"
    " AND NOT EXISTS (SELECT 1 FROM helamem.posting p WHERE p.namespace = %(ns)s AND p.term = t.term)"
)


def adding(contents: Sequence[tuple[int, Sequence[Term], int]]) -> list[Statement]:
    """The statements that index the terms of active nodes: id, terms, and number of terms."""
    documents = Counter(encoding.digest(each.term) for _, terms, _ in contents for each in terms)
    if not documents:
        return []
    postings = sorted(
        (encoding.digest(each.term), id_, each.count, each.rank, length)
        for id_, terms, length in contents
        for each in terms
    )
    terms, nodes, counts, ranks, lengths = (list(column) for column in zip(*postings, strict=True))
    ordered = sorted(documents)
    return [
        (_ADD_TERMS, {"terms": ordered, "documents": [documents[term] for term in ordered]}),
        (
            _ADD_POSTINGS,
            {"terms": terms, "nodes": nodes, "counts": counts, "ranks": ranks, "lengths": lengths},
        ),
    ]


def finding_terms(ids: Sequence[int]) -> Statement:
    """The statement that gives the terms of some nodes."""
    return (
        "SELECT DISTINCT term FROM helamem.posting WHERE namespace = %(ns)s AND node = ANY(%(ids)s::bigint[])"
        " ORDER BY term",
        {"ids": list(ids)},
    )


def terms_of(scope: Scope, ids: Sequence[int]) -> list[int]:
    """The terms that some nodes have, ascending."""
    [found] = scope.batch(finding_terms(ids))
    return [term for (term,) in found]


def removing(ids: Sequence[int], active: Sequence[int], terms: Iterable[int]) -> list[Statement]:
    """The statements that take nodes out of the index, and terms that no node has any more.

    Args:
        active: Those of the nodes that count as documents.
        terms: What `terms_of` gives.
    """
    return [
        counting(active, -1),
        (_REMOVE, {"ids": list(ids)}),
        (_DROP_UNUSED, {"terms": list(terms)}),
    ]


def counting(ids: Sequence[int], sign: int) -> Statement:
    """The statement that adjusts the document frequencies of the terms of some nodes."""
    return _COUNT, {"ids": list(ids), "sign": sign}
