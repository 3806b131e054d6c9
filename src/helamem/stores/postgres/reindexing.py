"""Reindexes a whole database: results are staged beside the data in use, then swapped in at once.

What concerns all namespaces is done in transactions that name all of them; see `database.EVERYTHING`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from helamem.errors import StoreError
from helamem.protocols import NODE_KINDS, Unindexed
from helamem.stores import encoding
from helamem.stores.postgres import rows
from helamem.stores.postgres.database import WRITE
from helamem.stores.postgres.namespace import NOBODY, everything, recording
from helamem.stores.postgres.rows import CUE, IS_DOCUMENT
from helamem.stores.postgres.schema import LOCK
from helamem.stores.postgres.texts import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from helamem.protocols import Analysis, Reindexed, Store
    from helamem.stores.postgres.database import Database, Scope

UNDER_WAY = "reindexing"  # the analysis of the staged data, in `meta`
MADE = "unnest(%(spaces)s::uuid[], %(nodes)s::bigint[], %(vectors)s::text[], %(passages)s::text[], %(terms)s::text[], %(lengths)s::int[], %(traits)s::int[])"
STAGE = (
    "INSERT INTO helamem.staged (namespace, node, vector, passages, terms, length, traits)"
    f" SELECT n.namespace, n.id, m.vector::vector, m.passages::vector[], m.terms, m.length, m.traits FROM {MADE}"
    " AS m(namespace, node, vector, passages, terms, length, traits)"
    " JOIN helamem.node n ON n.namespace = m.namespace AND n.id = m.node"
    " ON CONFLICT (namespace, node) DO UPDATE SET vector = excluded.vector, passages = excluded.passages,"
    " terms = excluded.terms, length = excluded.length, traits = excluded.traits"
)
UNSTAGED = (
    "FROM helamem.node n WHERE NOT EXISTS"
    " (SELECT 1 FROM helamem.staged s WHERE s.namespace = n.namespace AND s.node = n.id)"
)
_TERMS = (
    "SELECT n.namespace, (t->>0)::bigint AS term, n.id, (t->>1)::int AS count, (t->>2)::int AS rank, s.length, n.active"
    " FROM helamem.staged s JOIN helamem.node n ON n.namespace = s.namespace AND n.id = s.node,"
    " json_array_elements(s.terms::json) t"
)
IN_PLACE = (
    "UPDATE helamem.node n SET vector = s.vector, passages = s.passages, length = s.length, traits = s.traits"
    " FROM helamem.staged s"
    " WHERE s.namespace = n.namespace AND s.node = n.id",
    "DELETE FROM helamem.posting",
    "DELETE FROM helamem.term",
    "INSERT INTO helamem.term (namespace, term, documents)"
    f" SELECT namespace, term, count(*) FILTER (WHERE active) FROM ({_TERMS}) x GROUP BY 1, 2",
    "INSERT INTO helamem.posting (namespace, term, node, count, rank, length)"
    f" SELECT namespace, term, id, count, rank, length FROM ({_TERMS}) x ORDER BY 1, 2, 3",
    "UPDATE helamem.namespace SET (n_documents, total_length) ="
    " (SELECT count(*), coalesce(sum(length), 0) FROM helamem.node n"
    f"  WHERE n.namespace = helamem.namespace.namespace AND {IS_DOCUMENT})",
    "DELETE FROM helamem.staged",
    f"DELETE FROM helamem.meta WHERE key = '{UNDER_WAY}'",
)


class Reindexing:
    """See `protocols.Reindexing`.

    Args:
        adopted: Returns the store with this analysis after the swap.
    """

    def __init__(
        self, db: Database, analysis: Analysis, adopted: Callable[[Analysis], Store]
    ) -> None:
        self._db = db
        self._analysis = analysis
        self._adopted = adopted
        self._mark = json.dumps(asdict(analysis), sort_keys=True)
        self._places: dict[int, UUID] = {}  # of the last batch: which namespace each node is of
        self._last = NOBODY, 0  # the namespace and id of its last node
        with db.transaction(everything(WRITE)) as scope:
            if _under_way(scope) != self._mark:
                scope.batch(
                    ("DELETE FROM helamem.staged", {}),
                    (
                        "INSERT INTO helamem.meta VALUES (%(key)s, %(mark)s)"
                        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                        {"key": UNDER_WAY, "mark": self._mark},
                    ),
                )

    def unindexed(self, *, after: int, limit: int) -> list[Unindexed]:
        """Nodes without staged data, namespace by namespace; `after` is the last of the batch before, or 0."""
        last = self._last if after else (NOBODY, 0)
        found = self._db.read(everything(""), lambda scope: _waiting(scope, *last, limit))
        if found:
            self._last = found[-1][-2], found[-1][0]
        found.sort()
        self._places = {row[0]: row[-2] for row in found}
        return [
            Unindexed(
                id=id_,
                kind=NODE_KINDS[kind],
                text=restored(text),
                metadata=rows.loaded(metadata, id_),
                speakers=tuple(restored(name) for name in speakers if name),
            )
            for id_, kind, text, metadata, _, speakers in found
        ]

    def stage(self, made: Sequence[Reindexed]) -> None:
        """Store the results for some nodes of the last batch."""
        known = [each for each in made if each.id in self._places]
        values = {
            "spaces": [self._places[each.id] for each in known],
            "nodes": [each.id for each in known],
            "vectors": [rows.literal(each.vector, self._analysis.dimension) for each in known],
            "passages": [rows.literals(each.passages, self._analysis.dimension) for each in known],
            "terms": [_dumped(each) for each in known],
            "lengths": [each.length for each in known],
            "traits": [each.traits for each in known],
        }
        with self._db.transaction(everything(WRITE)) as scope:
            self._require_under_way(scope)
            scope.rows(STAGE, **values)

    def adopt(self) -> Store | None:
        """Replace the live data by the staged data, in one transaction."""
        with self._db.transaction(everything(WRITE)) as scope:
            self._require_under_way(scope)
            # Whoever writes begins with a row of this table, and so waits.
            scope.rows("LOCK TABLE helamem.namespace IN EXCLUSIVE MODE")
            if scope.find(f"SELECT 1 {UNSTAGED} LIMIT 1"):
                return None
            scope.batch(*((each, {}) for each in IN_PLACE), *recording(self._analysis))
        return self._adopted(self._analysis)

    def _require_under_way(self, scope: Scope) -> None:
        if _under_way(scope) != self._mark:
            raise StoreError(
                f"Another reindexing of {self._db.shown} has begun or ended meanwhile. "
                "Nothing was changed; see `helamem doctor`, and start again if it is needed."
            )


def _waiting(scope: Scope, namespace: UUID, id_: int, limit: int) -> list[tuple[Any, ...]]:
    """The next nodes: id, kind, text, metadata, namespace, and who spoke it, or has spoken where it is a cue."""
    return scope.rows(
        "SELECT n.id, n.kind, n.text, n.metadata, n.namespace, CASE n.kind"
        f" WHEN {CUE} THEN ARRAY(SELECT name FROM helamem.speaker p WHERE p.namespace = n.namespace ORDER BY first)"
        f" ELSE ARRAY[n.speaker] END {UNSTAGED} AND (n.namespace, n.id) > (%(namespace)s, %(id)s)"
        " ORDER BY n.namespace, n.id LIMIT %(limit)s",
        namespace=namespace,
        id=id_,
        limit=limit,
    )


def _under_way(scope: Scope) -> str | None:
    """The analysis of the reindexing under way; other reindexings wait until this transaction ends."""
    _, found = scope.batch(
        ("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": LOCK}),
        ("SELECT value FROM helamem.meta WHERE key = %(key)s", {"key": UNDER_WAY}),
    )
    return found[0][0] if found else None


def _dumped(made: Reindexed) -> str:
    return json.dumps([(encoding.digest(each.term), each.count, each.rank) for each in made.terms])
