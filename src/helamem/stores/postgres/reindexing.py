"""Reindexes a whole database: results are staged beside the data in use, then swapped in at once.

What concerns all namespaces is done in transactions that name all of them; see `database.EVERYTHING`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from helamem.protocols import NODE_KINDS, Unindexed
from helamem.stores.encoding import loaded
from helamem.stores.postgres import indexes, rows
from helamem.stores.postgres.database import WRITE
from helamem.stores.postgres.indexes import BusyError, Index
from helamem.stores.postgres.namespace import NOBODY, everything, recording
from helamem.stores.postgres.rows import CUE, IS_DOCUMENT
from helamem.stores.postgres.schema import LOCK
from helamem.stores.postgres.texts import restored
from helamem.stores.staging import UNDER_WAY, Staging, Waiting, dumped_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from helamem.protocols import Analysis, Reindexed, Store
    from helamem.stores.postgres.database import Database, Scope

MADE = (
    "unnest(%(spaces)s::uuid[], %(nodes)s::bigint[], %(texts)s::text[], %(metadata)s::text[], %(vectors)s::text[],"
    " %(passages)s::text[], %(terms)s::text[], %(lengths)s::int[], %(traits)s::int[])"
)
# Whoever changes a node begins with its namespace's row: until the end, nobody does.
HOLD = (
    "SELECT 1 FROM helamem.namespace WHERE namespace = ANY(%(spaces)s::uuid[])"
    " ORDER BY namespace FOR NO KEY UPDATE"
)
STAGE = (
    "INSERT INTO helamem.staged (namespace, node, vector, passages, terms, length, traits)"
    f" SELECT n.namespace, n.id, m.vector::vector, m.passages::vector[], m.terms, m.length, m.traits FROM {MADE}"
    " AS m(namespace, node, text, metadata, vector, passages, terms, length, traits)"
    " JOIN helamem.node n ON n.namespace = m.namespace AND n.id = m.node AND n.text = m.text"
    " AND n.metadata = m.metadata"
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
    "UPDATE helamem.node n SET vector = s.vector, length = s.length, traits = s.traits"
    " FROM helamem.staged s WHERE s.namespace = n.namespace AND s.node = n.id",
    "DELETE FROM helamem.passage",
    "INSERT INTO helamem.passage (namespace, node, n, heard, vector)"
    " SELECT s.namespace, s.node, p.n, n.heard, p.vector"
    " FROM helamem.staged s JOIN helamem.node n ON n.namespace = s.namespace AND n.id = s.node,"
    " unnest(s.passages) WITH ORDINALITY AS p(vector, n)",
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


class Reindexing(Staging):
    """See `protocols.Reindexing`.

    Args:
        adopted: Returns the store with this analysis after the swap.
    """

    def __init__(
        self, db: Database, analysis: Analysis, adopted: Callable[[Analysis], Store]
    ) -> None:
        self._db = db
        self._last = NOBODY, 0  # the namespace and id of the last node of the last batch
        self._indexed: set[tuple[str, UUID]] = set()  # the tables and namespaces that had an index
        super().__init__(analysis, db.shown, adopted)

    def _begin(self) -> None:
        with self._db.transaction(everything(WRITE)) as scope:
            if _under_way(scope) != self._mark:
                scope.batch(
                    ("DELETE FROM helamem.staged", {}),
                    (
                        "INSERT INTO helamem.meta VALUES (%(key)s, %(mark)s)"
                        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                        {"key": UNDER_WAY, "mark": self._mark},
                    ),
                )

    def _next(self, after: int, limit: int) -> list[Waiting]:
        """Namespace by namespace."""
        last = self._last if after else (NOBODY, 0)
        found = self._db.read(everything(""), lambda scope: _waiting(scope, *last, limit))
        if found:
            self._last = found[-1][-2], found[-1][0]
        return [
            Waiting(
                Unindexed(
                    id=id_,
                    kind=NODE_KINDS[kind],
                    text=restored(text),
                    metadata=loaded(metadata, id_),
                    speakers=tuple(restored(name) for name in speakers if name),
                ),
                namespace,
                (text, metadata),
            )
            for id_, kind, text, metadata, namespace, speakers in found
        ]

    def _stage(self, made: Sequence[tuple[Waiting, Reindexed]]) -> None:
        dimension = self._analysis.dimension
        values = {
            "spaces": [was.namespace for was, _ in made],
            "nodes": [each.id for _, each in made],
            "texts": [was.said[0] for was, _ in made],
            "metadata": [was.said[1] for was, _ in made],
            "vectors": [rows.literal(each.vector, dimension) for _, each in made],
            "passages": [rows.literals(each.passages, dimension) for _, each in made],
            "terms": [dumped_terms(each) for _, each in made],
            "lengths": [each.length for _, each in made],
            "traits": [each.traits for _, each in made],
        }
        with self._db.transaction(everything(WRITE)) as scope:
            self._require_own(_under_way(scope))
            scope.batch((HOLD, values), (STAGE, values))

    def adopt(self) -> Store | None:
        """Replace the live data by the staged data, in one transaction; None if something is not staged.

        The indexes of large namespaces are dropped before and made afterwards: to change every row with them
        would take longer.

        Raises:
            BusyError: Another process makes indexes; what is staged stays.
        """
        self._indexed |= indexes.drop_all(self._db)
        store = super().adopt()
        if store is not None and self._indexed:
            dimension = self._analysis.dimension
            due = [Index(table, dimension, ns) for table, ns in sorted(self._indexed)]
            # All is in place without them; the doctor tells which are missing.
            with contextlib.suppress(BusyError):
                indexes.make(self._db, due)
        return store

    def _swap(self) -> bool:
        with self._db.transaction(everything(WRITE)) as scope:
            self._require_own(_under_way(scope))
            # Whoever writes begins with a row of this table, and so waits.
            scope.rows("LOCK TABLE helamem.namespace IN EXCLUSIVE MODE")
            if scope.find(f"SELECT 1 {UNSTAGED} LIMIT 1"):
                return False
            scope.batch(*((each, {}) for each in IN_PLACE), *recording(self._analysis))
        return True


def _waiting(scope: Scope, namespace: UUID, id_: int, limit: int) -> list[tuple[Any, ...]]:
    """The next nodes: id, kind, text, metadata, namespace, and the speaker, or for a cue all speakers."""
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
