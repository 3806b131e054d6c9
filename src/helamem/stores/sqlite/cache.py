"""The index of a namespace, kept up with what this handle, others, and other processes write."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from helamem.protocols import QUIET, ROLES
from helamem.stores.sqlite import rows
from helamem.stores.sqlite.index import Columns, NodeIndex
from helamem.stores.sqlite.namespace import listed
from helamem.stores.sqlite.node_table import CHANGES_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from helamem.stores.sqlite.namespace import Space

ROLE_CODES = {role: code for code, role in enumerate(ROLES) if code}
MANY_CHANGES = 0.1  # beyond this share of the nodes, everything is read anew


class Cache:
    """Reads newer nodes in, and corrects what has changed since it last looked."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._reindexings = -1
        self._generation = -1
        self._snapshot: int | None = None
        self._index = NodeIndex.empty(space.dimension)

    def current(self) -> NodeIndex:
        """The index as of now, or as of the block of reading that this is called in."""
        db = self._space.db
        with db.reading():
            if db.snapshot is not None and db.snapshot == self._snapshot:
                return self._index
            self._forget_what_is_stale()
            generation, last = db.row(
                "SELECT generation, last_node FROM namespace WHERE id = ?", self._space.id
            )
            if generation - self._generation >= CHANGES_KEPT:
                self._generation = -1
            if generation != self._generation:
                self._index = self._corrected()
                self._generation = generation
            known = int(self._index.ids[-1]) if len(self._index.ids) else 0
            if last > known:
                self._index = self._index.extended(*self._read("n.id > ?", known))
            self._snapshot = db.snapshot
            return self._index

    @contextlib.contextmanager
    def restored_on_failure(self) -> Iterator[None]:
        """If the block raises, the index is what it was before."""
        before = self._reindexings, self._generation, self._index
        try:
            yield
        except BaseException:
            self._reindexings, self._generation, self._index = before
            raise

    def _forget_what_is_stale(self) -> None:
        """Drop every vector and column if all of them were made anew."""
        reindexings = self._space.reindexings()
        if reindexings != self._reindexings:
            self._reindexings = reindexings
            self._generation = -1
            self._index = NodeIndex.empty(self._space.dimension)

    def _corrected(self) -> NodeIndex:
        """The index without what went since, and with what changed; empty where that is much."""
        space, index = self._space, self._index
        changes = space.db.column(
            "SELECT DISTINCT node FROM change WHERE namespace = ? AND generation > ?",
            space.id,
            self._generation,
        )
        if self._generation < 0 or len(changes) > len(index.ids) * MANY_CHANGES:
            (n,) = space.db.row("SELECT count(*) FROM node WHERE namespace = ?", space.id)
            return NodeIndex.empty(space.dimension, capacity=n)
        known = int(index.ids[-1]) if len(index.ids) else 0
        changed, vectors, speakers = self._read(
            "n.id IN (SELECT value FROM json_each(?))",
            listed(id_ for id_ in changes if id_ <= known),
        )
        gone = np.setdiff1d(np.array(changes, np.int64), changed.ids)
        return index.corrected(gone, changed, vectors, speakers)

    def _read(
        self, condition: str, value: int | str
    ) -> tuple[Columns, NDArray[np.float32], tuple[str, ...]]:
        """Some nodes, their vectors, and the speakers of the index and of these nodes."""
        space = self._space
        found = space.db.rows(
            "SELECT id, kind, active, "  # noqa: S608  # our own words
            f"CASE WHEN traits & {QUIET} OR NOT active THEN -1 ELSE coalesce(session, -1) END,"
            " length, at, speaker, traits, role,"
            " coalesce((SELECT min(place) FROM superseded WHERE by = n.id), id)"
            f" FROM node n WHERE namespace = ? AND {condition} ORDER BY id",
            space.id,
            value,
        )
        blobs = space.db.column(
            "SELECT value FROM node n JOIN vector v ON v.node = n.id"  # noqa: S608  # our own words
            f" WHERE n.namespace = ? AND {condition} ORDER BY n.id",
            space.id,
            value,
        )
        names = dict.fromkeys((*self._index.speakers, *(row[6] for row in found if row[6])))
        number = {name: i for i, name in enumerate(names)}
        numbered = [
            (*row[:6], number.get(row[6], -1), row[7], ROLE_CODES.get(row[8], 0), row[9])
            for row in found
        ]
        return Columns.of(numbered), rows.unblobbed(blobs, space.dimension), tuple(names)
