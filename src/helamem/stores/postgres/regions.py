"""Reads the region of a question in one statement: candidates, what edges lead to, and the turns around these.

The statement is a chain of named steps, in the order of `Store.region`'s description. Its sums are
PostgreSQL's: candidates whose scores differ by less than their rounding may change places with those that
just fail to be candidates. In a large namespace an index may miss some of the nearest; see `indexes`. All
numbers that come out are computed here, as any other store does.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.core import lexical
from helamem.protocols import FoundCues, Postings, RegionRows
from helamem.stores import encoding
from helamem.stores.postgres import edge_table, filtering, indexes, nearness, reading, rows
from helamem.stores.postgres.edge_table import COLUMNS, LEARNED
from helamem.stores.postgres.nearness import Where
from helamem.stores.postgres.rows import CUE, IS_SUPERSEDED, LIVING_EDGE
from helamem.stores.postgres.texts import restored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from helamem.filters import Filter
    from helamem.protocols import Nodes, RegionQuery
    from helamem.stores.postgres.database import Scope

_MEMORY = f"n.namespace = %(ns)s AND n.active AND n.kind < {CUE}"
_HEARD = Where(f"n.kind < {CUE} AND n.heard", "p.heard")
_BY_WORDS = (
    "(SELECT w.node AS id FROM scored w WHERE {0} ORDER BY w.score DESC, w.node LIMIT %(lexical)s)"
)
_SAID_THEN = (
    "EXISTS (SELECT 1 FROM helamem.node n WHERE n.namespace = %(ns)s AND n.id = w.node AND {})"
)
# From the first start to the last end, which an index finds, and before the end of the last period that has begun.
_DURING = (
    "n.at >= %(first)s::float8 AND n.at < %(last)s::float8"
    " AND n.at < (%(ends)s::float8[])[width_bucket(n.at, %(starts)s::float8[])]"
)
_IS_ALLOWED = "{} IN (SELECT id FROM allowed)"
_ITS_NODE = f"p.node IN (SELECT n.id FROM helamem.node n WHERE n.namespace = %(ns)s AND {_DURING})"
_DECAYED = edge_table.decayed(
    "e.weight", "(SELECT coalesce(%(now)s::float8, lessons) FROM space) - e.touched"
)
_IS_ALIVE = f"(CASE WHEN e.channel = {LEARNED} THEN {_DECAYED} ELSE e.weight END) > 0"

# The terms that candidates are found by, as `core.lexical.affordable` says, where they occur, and BM25. What else is
# asked for is too frequent: it is looked up in the region only.
_WORDS = f"""
space AS MATERIALIZED (
    SELECT n_documents, total_length, lessons,
        total_length::float8 / greatest(n_documents, 1) AS mean_length
    FROM helamem.namespace WHERE namespace = %(ns)s
), asked AS MATERIALIZED (
    SELECT w.place, w.term, coalesce(t.documents, 0) AS documents
    FROM unnest(%(terms)s::bigint[]) WITH ORDINALITY AS w(term, place)
    LEFT JOIN helamem.term t ON t.namespace = %(ns)s AND t.term = w.term
), affordable AS (
    SELECT place, term, documents, ln(1 + (n_documents - documents + 0.5::float8) / (documents + 0.5::float8)) AS idf
    FROM space, (
        SELECT *, sum(documents) OVER (ORDER BY documents, place) AS upto FROM asked
    ) a WHERE documents > 0 AND (upto <= %(max_postings)s OR upto = documents)
), frequent AS MATERIALIZED (
    SELECT place, term FROM asked WHERE documents > 0 AND place NOT IN (SELECT place FROM affordable)
), found AS MATERIALIZED (
    SELECT a.place, p.node, p.count, p.rank, p.length, a.idf
    FROM affordable a JOIN helamem.posting p ON p.namespace = %(ns)s AND p.term = a.term
    WHERE NOT {IS_SUPERSEDED.format("p.node")}
), scored AS MATERIALIZED (
    SELECT node, sum(count * (%(k1)s::float8 + 1) / (count + %(k1)s::float8 * (1 - %(b)s::float8
        + %(b)s::float8 * CASE WHEN mean_length > 0 THEN length / mean_length ELSE 1 END)) * idf ORDER BY place) AS score
    FROM found, space GROUP BY node
)"""
_CUES = f"""
cues AS MATERIALIZED (
    SELECT id, text, vector FROM helamem.node WHERE namespace = %(ns)s AND kind = {CUE}
    ORDER BY vector <#> %(vector)s::vector, id LIMIT %(cues)s
)"""
# Nodes are looked up by arrays of ids: whatever number of rows PostgreSQL expects of a step, it reads the whole
# namespace sooner than it joins that many.
_AROUND = f"""
starts AS MATERIALIZED (
    SELECT id FROM cues UNION SELECT id FROM candidates
), near AS MATERIALIZED (
    SELECT {COLUMNS} FROM helamem.edge e
    WHERE e.namespace = %(ns)s AND e.source = ANY(ARRAY(SELECT id FROM starts)) AND {LIVING_EDGE}
), walked AS MATERIALIZED (
    SELECT {COLUMNS} FROM near e WHERE {_IS_ALIVE}
    UNION ALL
    SELECT {COLUMNS} FROM helamem.edge e
    WHERE e.namespace = %(ns)s AND e.source = ANY(ARRAY(SELECT target FROM near EXCEPT SELECT id FROM starts))
    AND {LIVING_EDGE} AND {_IS_ALIVE}
), reached AS MATERIALIZED (
    SELECT n.id, n.session, n.turn, n.heard FROM helamem.node n
    WHERE {_MEMORY} AND n.id = ANY(ARRAY(SELECT id FROM candidates UNION SELECT target FROM walked))
), region AS MATERIALIZED (
    SELECT id FROM reached n WHERE heard
    UNION
    SELECT b.id FROM reached n, LATERAL (
        SELECT b.id FROM helamem.node b WHERE b.namespace = %(ns)s AND b.session = n.session
        AND (b.turn, b.id) < (n.turn, n.id) AND b.heard ORDER BY b.turn DESC, b.id DESC LIMIT {{reach}}
    ) b WHERE n.heard
    UNION
    SELECT b.id FROM reached n, LATERAL (
        SELECT b.id FROM helamem.node b WHERE b.namespace = %(ns)s AND b.session = n.session
        AND (b.turn, b.id) > (n.turn, n.id) AND b.heard ORDER BY b.turn, b.id LIMIT {{reach}}
    ) b WHERE n.heard
), members AS MATERIALIZED (
    SELECT {reading.NODE_COLUMNS}, n.vector, {nearness.BEST_PASSAGE}, {{allowed}} AS allowed
    FROM helamem.node n WHERE n.namespace = %(ns)s AND n.id = ANY(ARRAY(SELECT id FROM region))
)"""
_MEMBER = "m(id, kind, session, previous, following, length, at, speaker, traits, role, vector, passage, allowed)"
_RESULT = f"""
SELECT * FROM (
    SELECT sum(n_documents)::bigint, coalesce(sum(mean_length), 0), coalesce(sum(lessons), 0)::bigint FROM space
) space, (
    SELECT array_agg(documents ORDER BY place) FROM asked
) asked, (
    SELECT array_agg(name ORDER BY first, name) FROM helamem.speaker WHERE namespace = %(ns)s
) speakers, (
    SELECT array_agg(id), array_agg(text), string_agg(vector_send(vector), ''::bytea)
    FROM (SELECT * FROM cues ORDER BY id) c
) cues, (
    SELECT array_agg(id), array_agg(kind), array_agg(session), array_agg(previous), array_agg(following),
        array_agg(length), array_agg(at), array_agg(speaker), array_agg(traits), array_agg(role),
        array_agg(allowed), string_agg(vector_send(vector), ''::bytea), array_agg(passage)
    FROM (SELECT * FROM members AS {_MEMBER} ORDER BY id) m
) members, (
    SELECT array_agg(place), array_agg(node), array_agg(count), array_agg(rank)
    FROM (
        SELECT place, node, count, rank FROM found WHERE node IN (SELECT id FROM region)
        UNION ALL
        SELECT place, p.node, p.count, p.rank FROM frequent f JOIN helamem.posting p
        ON p.namespace = %(ns)s AND p.term = f.term AND p.node = ANY(ARRAY(SELECT id FROM region))
        ORDER BY 1, 2
    ) p
) postings, (
    SELECT array_agg(source), array_agg(target), array_agg(channel), array_agg(weight), array_agg(touched)
    FROM (SELECT * FROM walked ORDER BY 1, 2, 3) e
) edges
"""
# How many columns each part of the result has.
_SPACE, _ASKED, _SPEAKERS, _CUE, _NODE, _POSTING, _EDGE = 3, 1, 1, 3, 13, 4, 5


def read(scope: Scope, query: RegionQuery, vector: NDArray[np.float32], large: int) -> RegionRows:
    """The region of a question.

    Args:
        vector: The question's, of length 1.
        large: How many memories a filter must leave, for an index to be used.
    """
    allowed, values = _allowed(scope, query.where)
    values |= _values(query, vector) | {"large": large}
    _, [found] = scope.batch(indexes.SETTINGS, (_statement(query, allowed, scope.ns), values))
    columns = iter(found)
    space = tuple(islice(columns, _SPACE))
    documents, speakers = (next(columns) or () for _ in range(_ASKED + _SPEAKERS))
    names = tuple(map(restored, speakers))
    cues = _found_cues(tuple(islice(columns, _CUE)), vector)
    *table, allowed_ones, sent, passages = islice(columns, _NODE)
    nodes = reading.columns(_rows(table), names)
    vectors = rows.vectors(sent, len(vector))
    postings = _postings(space, documents, tuple(islice(columns, _POSTING)))
    edges = rows.edges(_rows(tuple(islice(columns, _EDGE))))
    return RegionRows(
        nodes=nodes,
        similarity=reading.similarities(vectors, passages or (), vector),
        vectors=vectors,
        allowed=np.array(allowed_ones or (), np.bool_),
        postings=postings,
        left_out=_left_out(query, nodes, postings),
        edges=edges.decayed(query.rule, space[2] if query.now is None else query.now),
        cues=cues,
        speakers=names,
    )


def _left_out(query: RegionQuery, nodes: Nodes, postings: Postings) -> float:
    """The most that a memory may score which is no candidate, as a share of the best score.

    By the terms that were read it scores less than the best; of each other one it may be full.
    """
    read = lexical.affordable(postings.document_frequency, query.max_postings)
    if read.all() or not query.nearest or not query.lexical:
        return 0.0
    idf = lexical.inverse_document_frequency(postings.document_frequency, postings.n_documents)
    counts = postings.table(nodes.ids)
    known, full = (
        lexical.bm25(
            counts * wanted,
            nodes.lengths,
            idf,
            mean_length=postings.mean_length,
            k1=query.k1,
            b=query.b,
        ).max(initial=0.0)
        for wanted in (read, np.ones_like(read))
    )
    highest = known + (query.k1 + 1) * idf[~read].sum()
    return float(highest / full) if full else np.inf


def _rows(columns: Sequence[Sequence[Any] | None]) -> list[tuple[Any, ...]]:
    return list(zip(*(each or () for each in columns), strict=True))


def _found_cues(columns: Sequence[Any], vector: NDArray[np.float32]) -> FoundCues:
    ids, texts, sent = columns
    return FoundCues(
        np.array(ids or (), np.int64),
        reading.cosines(rows.vectors(sent, len(vector)), vector),
        tuple(map(restored, texts or ())),
    )


def _postings(
    space: Sequence[Any], documents: Sequence[int], columns: Sequence[Sequence[int] | None]
) -> Postings:
    terms, ids, counts, ranks = (np.array(each or (), np.int64) for each in columns)
    n_documents, mean_length, _ = space
    return Postings(
        terms=terms - 1,  # PostgreSQL counts from 1
        ids=ids,
        counts=counts.astype(np.float32),
        ranks=ranks,
        document_frequency=np.array(documents, np.float32),
        n_documents=n_documents or 0,
        mean_length=mean_length,
    )


def _allowed(scope: Scope, where: Filter | None) -> tuple[str, dict[str, Any]]:
    """The step that gives what may be returned, and its values; nothing where all may be."""
    if where is None:
        return "", {}
    made = filtering.condition(where)
    by_hand = filtering.matching_odd(scope, where, made)
    step = (
        "allowed AS MATERIALIZED (SELECT n.id FROM helamem.node n"
        " LEFT JOIN helamem.session s ON s.namespace = %(ns)s AND s.id = n.session"
        f" WHERE {_MEMORY} AND ({made.sql} OR n.id = ANY(%(by_hand)s::bigint[])))"
    )
    return step, {**made.values, "by_hand": by_hand}


def _statement(query: RegionQuery, allowed: str, ns: UUID) -> str:
    enough = "(SELECT count(*) FROM allowed) >= %(large)s" if allowed else "true"
    is_allowed = _IS_ALLOWED.format("n.id") if allowed else "true"
    steps = [
        _WORDS,
        _CUES,
        *([allowed] if allowed else []),
        nearness.usable(len(query.vector), ns, enough=enough),
        f"candidates AS MATERIALIZED ({_candidates(query, is_filtered=bool(allowed), ns=ns)})",
        _AROUND.format(allowed=is_allowed, reach=int(query.reach)),
    ]
    return f"WITH {', '.join(steps)} {_RESULT}"


def _candidates(query: RegionQuery, *, is_filtered: bool, ns: UUID) -> str:
    """The step of candidates: the best of all, and the best of the time that the question names."""
    if not query.nearest or not query.lexical:
        return f"SELECT n.id FROM helamem.node n WHERE {_MEMORY}"
    where, by_words = _HEARD, "true"
    if is_filtered:
        by_words = _IS_ALLOWED.format("w.node")
        where = where.and_(_IS_ALLOWED.format("n.id"), _IS_ALLOWED.format("p.node"))
    parts = [_nearest(query, where, ns), _BY_WORDS.format(by_words)]
    if query.periods:
        then = where.and_(_DURING, _ITS_NODE)
        parts += [
            nearness.scanned(then, "%(nearest)s"),
            _BY_WORDS.format(f"{by_words} AND {_SAID_THEN.format(_DURING)}"),
        ]
    return " UNION ".join(parts)


def _nearest(query: RegionQuery, where: Where, ns: UUID) -> str:
    if query.nearest > nearness.MOST:
        return nearness.scanned(where, "%(nearest)s")
    return nearness.looked_up(where, "%(nearest)s", len(query.vector), ns)


def _values(query: RegionQuery, vector: NDArray[np.float32]) -> dict[str, Any]:
    starts, ends = apart(query.periods)
    return {
        "vector": rows.literal(vector, len(vector)),
        "terms": [encoding.digest(term) for term in query.terms],
        "starts": starts,
        "ends": ends,
        "first": starts[0] if starts else None,
        "last": ends[-1] if ends else None,
        "nearest": query.nearest,
        "lexical": query.lexical,
        "cues": query.cues,
        "max_postings": query.max_postings,
        "k1": query.k1,
        "b": query.b,
        "tau": query.rule.tau,
        "floor": query.rule.floor,
        "now": query.now,
    }


def apart(periods: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Starts and ends of the same time as periods that are apart, ascending; without empty ones."""
    starts: list[float] = []
    ends: list[float] = []
    for start, end in sorted(each for each in periods if each[0] < each[1]):
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends
