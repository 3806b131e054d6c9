"""Reads of single kinds: memories, columns, cues, history, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.core.vectors import top_k
from helamem.errors import NotFoundError
from helamem.protocols import NODE_KINDS, Nodes
from helamem.records import Change
from helamem.reports import Namespace, Stats
from helamem.stores import encoding
from helamem.stores.postgres import edge_table, filtering, rows
from helamem.stores.postgres.nearness import BEST_PASSAGE, Where, scanned
from helamem.stores.postgres.rows import CUE, EPISODE, FACT, ROLE_CODES
from helamem.stores.postgres.texts import restored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from numpy.typing import NDArray

    from helamem.filters import Filter
    from helamem.protocols import Floats, Ints, NodeKind
    from helamem.records import Episode, Fact
    from helamem.stores.postgres.database import Scope, Statement
    from helamem.stores.postgres.namespace import Space

NEAR = 32  # how many more than asked for are scored again here, where sums are rounded otherwise
_SPEAKERS = "SELECT name FROM helamem.speaker WHERE namespace = %(ns)s ORDER BY first, name"
# What is quiet or superseded is nobody's neighbor, and has none; -1 stands for no session.
NODE_COLUMNS = (
    "n.id, n.kind, CASE WHEN n.heard THEN coalesce(n.session, -1) ELSE -1 END,"
    " coalesce(CASE WHEN n.heard THEN (SELECT b.id FROM helamem.node b WHERE b.namespace = %(ns)s"
    "  AND b.session = n.session AND (b.turn, b.id) < (n.turn, n.id) AND b.heard"
    "   ORDER BY b.turn DESC, b.id DESC LIMIT 1) END, 0),"
    " coalesce(CASE WHEN n.heard THEN (SELECT b.id FROM helamem.node b WHERE b.namespace = %(ns)s"
    "  AND b.session = n.session AND (b.turn, b.id) > (n.turn, n.id) AND b.heard"
    "   ORDER BY b.turn, b.id LIMIT 1) END, 0),"
    " n.length, n.at, n.speaker, n.traits, n.role"
)


def get(scope: Scope, ids: Sequence[int], zone: tzinfo) -> dict[int, Episode | Fact]:
    """The memories that are there, by id."""
    found = scope.rows(f"{rows.MEMORIES} AND n.id = ANY(%(ids)s::bigint[])", ids=list(ids))
    return {row[0]: rows.memory(row, zone) for row in found}


def speakers(scope: Scope) -> tuple[str, ...]:
    """The speakers, by their first memory."""
    return tuple(map(restored, scope.column(_SPEAKERS)))


def nodes(scope: Scope, ids: Ints) -> Nodes:
    """The columns of nodes, in the order of `ids`.

    Raises:
        NotFoundError: One of them is not there.
    """
    found, names = scope.batch(
        (
            f"SELECT {NODE_COLUMNS} FROM helamem.node n WHERE n.namespace = %(ns)s AND n.id = ANY(%(ids)s::bigint[])",
            {"ids": ids.tolist()},
        ),
        (_SPEAKERS, {}),
    )
    by_id = {row[0]: row for row in found}
    return columns(
        [_found(by_id, id_) for id_ in ids.tolist()], [restored(name) for (name,) in names]
    )


def _found(by_id: dict[int, Any], id_: int) -> Any:  # noqa: ANN401  # a row
    if id_ not in by_id:
        raise NotFoundError("memory", id_)
    return by_id[id_]


def columns(table: Sequence[tuple[Any, ...]], speakers: Sequence[str]) -> Nodes:
    """Rows of `NODE_COLUMNS` as columns."""
    number = {name: i for i, name in enumerate(speakers)}
    ids, kinds, sessions, previous, following, lengths, at, names, traits, roles = (
        zip(*table, strict=True) if table else ((),) * 10
    )
    return Nodes(
        ids=np.array(ids, np.int64),
        kinds=np.array(kinds, np.int64),
        sessions=np.array(sessions, np.int64),
        previous=np.array(previous, np.int64),
        next=np.array(following, np.int64),
        lengths=np.array(lengths, np.float32),
        at=np.array(at, np.float64),
        speakers=np.array([number.get(restored(name), -1) for name in names], np.int64),
        traits=np.array(traits, np.int64),
        roles=np.array([ROLE_CODES.get(restored(role), 0) for role in roles], np.int64),
    )


def vectors(scope: Scope, ids: Ints, dimension: int) -> NDArray[np.float32]:
    """The vectors, in the order of `ids`.

    Raises:
        NotFoundError: One of them is not there.
    """
    found: dict[int, bytes] = dict(
        scope.rows(
            "SELECT id, vector_send(vector) FROM helamem.node WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[])",
            ids=ids.tolist(),
        )
    )
    return rows.vectors(b"".join(_found(found, id_) for id_ in ids.tolist()), dimension)


def nearest(
    scope: Scope, vector: NDArray[np.float32], k: int, kinds: Sequence[NodeKind]
) -> tuple[Ints, Floats]:
    """The active nodes most similar to a vector of length 1, best first, ties by id."""
    wanted = "%(kinds)s::smallint[]"
    of_kinds = Where(
        f"n.kind = ANY({wanted}) AND n.heard", f"p.heard AND {EPISODE} = ANY({wanted})"
    )
    found = scope.rows(
        f"SELECT n.id, vector_send(n.vector), {BEST_PASSAGE} FROM {scanned(of_kinds, '%(k)s')} near"
        " JOIN helamem.node n ON n.namespace = %(ns)s AND n.id = near.id",
        kinds=[NODE_KINDS.index(kind) for kind in kinds],
        vector=rows.literal(vector, len(vector)),
        k=k + NEAR,
    )
    found.sort()
    ids = np.array([id_ for id_, *_ in found], np.int64)
    wholes = rows.vectors(b"".join(sent for _, sent, _ in found), len(vector))
    scored = similarities(wholes, [passage for *_, passage in found], vector)
    best = top_k(scored, k)
    return ids[best], scored[best]


def similarities(
    wholes: NDArray[np.float32], passages: Sequence[bytes | None], query: NDArray[np.float32]
) -> NDArray[np.float32]:
    """That of each whole text, or of its best passage where this is higher."""
    found = cosines(wholes, query)
    sent = {i: each for i, each in enumerate(passages) if each is not None}
    long = list(sent)
    of_passages = cosines(rows.vectors(b"".join(sent.values()), len(query)), query)
    found[long] = np.maximum(found[long], of_passages)
    return found


def cosines(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """One cosine a row, which depends on that row alone: twins tie, wherever they stand."""
    found: NDArray[np.float32] = np.einsum("ij,j->i", vectors, query)
    return np.clip(found, -1, 1, out=found)


def ids(
    scope: Scope, kinds: Sequence[NodeKind], where: Filter | None, *, superseded: bool = False
) -> Ints:
    """The ids of active nodes, or of superseded ones as well, ascending; a filter restricts memories."""
    values: dict[str, Any] = {"kinds": [NODE_KINDS.index(kind) for kind in kinds]}
    values["superseded"] = superseded
    only = ""
    if where is not None:
        made = filtering.condition(where)
        by_hand = filtering.matching_odd(scope, where, made)
        values |= {**made.values, "by_hand": by_hand}
        only = f" AND (n.kind = {CUE} OR {made.sql} OR n.id = ANY(%(by_hand)s::bigint[]))"
    found = scope.column(
        "SELECT n.id FROM helamem.node n"
        " LEFT JOIN helamem.session s ON s.namespace = %(ns)s AND s.id = n.session"
        " WHERE n.namespace = %(ns)s AND (n.active OR %(superseded)s)"
        f" AND n.kind = ANY(%(kinds)s::smallint[]){only} ORDER BY n.id",
        **values,
    )
    return np.array(found, np.int64)


def cues(scope: Scope, ids: Ints | None) -> list[tuple[int, str, float]]:
    """Every cue, or those with these ids, by id: id, text, epoch seconds."""
    found = scope.rows(
        f"SELECT id, text, at FROM helamem.node WHERE namespace = %(ns)s AND kind = {CUE}"
        " AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[])) ORDER BY id",
        ids=None if ids is None else ids.tolist(),
    )
    return [(id_, restored(text), at) for id_, text, at in found]


def history(scope: Scope, id_: int, zone: tzinfo) -> list[Change]:
    """What happened to a memory, oldest first, also after it was removed.

    Raises:
        NotFoundError: There never was one.
    """
    added, changes = scope.batch(
        (
            "SELECT 'added', stored_at, NULL FROM helamem.node"
            f" WHERE namespace = %(ns)s AND id = %(id)s AND kind < {CUE}",
            {"id": id_},
        ),
        (
            "SELECT event, at, text FROM helamem.history WHERE namespace = %(ns)s AND node = %(id)s"
            " ORDER BY event <> 'added', n",
            {"id": id_},
        ),
    )
    if not added and not changes:
        raise NotFoundError("memory", id_)
    return [
        Change(
            id=id_,
            event=event,
            at=encoding.moment(at, zone),
            text=None if text is None else restored(text),
        )
        for event, at, text in [*added, *changes]
    ]


def namespaces(scope: Scope) -> list[Namespace]:
    """The namespaces of the database, by name, those that hold something."""
    found = scope.rows(
        "SELECT s.name, count(*) FILTER (WHERE kind = 0), count(*) FILTER (WHERE kind = 1),"
        " count(*) FILTER (WHERE kind = 2), max(at) FILTER (WHERE kind = 0)"
        " FROM helamem.namespace s JOIN helamem.node n ON n.namespace = s.namespace GROUP BY s.namespace, s.name"
    )
    return [
        Namespace(
            name=restored(name),
            episodes=episodes,
            facts=facts,
            cues=cues,
            last_at=None if last is None else encoding.moment(last),
        )
        for name, episodes, facts, cues, last in sorted(found)
    ]


_COUNTS: tuple[Statement, ...] = (
    (
        f"SELECT count(*) FILTER (WHERE kind = {EPISODE}), count(*) FILTER (WHERE kind = {FACT}),"
        f" count(*) FILTER (WHERE kind = {CUE}), count(DISTINCT session) FILTER (WHERE heard),"
        f" min(at) FILTER (WHERE kind = {EPISODE}), max(at) FILTER (WHERE kind = {EPISODE}),"
        f" count(session) FILTER (WHERE heard) - count(DISTINCT session) FILTER (WHERE heard)"
        " FROM helamem.node WHERE namespace = %(ns)s AND active",
        {},
    ),
    edge_table.COUNTED,
    (_SPEAKERS, {}),
    ("SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c WHERE c.relnamespace = 'helamem'::regnamespace AND c.relkind = 'r'", {}),
)  # fmt: skip


def stats(scope: Scope, space: Space, zone: tzinfo) -> Stats:
    """The sizes of a namespace."""
    [counts], [edges], names, [(n_bytes,)] = scope.batch(*_COUNTS)
    episodes, facts, cues, sessions, first, last, n_neighbors = counts
    analysis = space.analysis
    return Stats(
        namespace=space.name,
        embedder=analysis.embedder,
        dimension=analysis.dimension,
        language=analysis.language,
        language_version=analysis.version,
        episodes=episodes,
        facts=facts,
        cues=cues,
        sessions=sessions,
        speakers=tuple(restored(name) for (name,) in names),
        edges={"temporal": n_neighbors, **edge_table.counted(edges)},
        first_at=None if first is None else encoding.moment(first, zone),
        last_at=None if last is None else encoding.moment(last, zone),
        file_bytes=n_bytes,
        path=space.shown,
    )
