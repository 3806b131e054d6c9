"""The nodes of a namespace in RAM: unit vectors and columns, for scoring.

A cache: everything in it can be read again from the file. Rows are nodes in ascending order of id.
An index is of one moment. That of a later moment shares memory with it where nodes were only added.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.core.surroundings import inside
from helamem.core.vectors import top_k
from helamem.protocols import NODE_KINDS, QUIET, Nodes
from helamem.stores.sqlite.growing import Rows
from helamem.stores.sqlite.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from helamem.protocols import Floats, Ints, NodeKind

CUE = NODE_KINDS.index("cue")
SPARSE = 4  # if fewer than one row in so many is wanted, gathering them is faster than scoring all


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The columns of nodes without their vectors; see `protocols.Nodes`.

    Attributes:
        turns: The ids that order turns: their own, or that of the turn that they replaced.
    """

    ids: Ints
    kinds: Ints
    active: NDArray[np.bool_]
    sessions: Ints
    lengths: NDArray[np.float32]
    at: NDArray[np.float64]
    speakers: Ints
    traits: Ints
    roles: Ints
    turns: Ints

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> Columns:
        """From rows of numbers, in the order of the attributes."""
        values = list(zip(*rows, strict=True)) or [()] * len(DTYPES)
        return cls(*(np.array(value, dtype) for value, dtype in zip(values, DTYPES, strict=True)))

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """All of them, in the order of the attributes."""
        return [getattr(self, name) for name in Columns.__slots__]

    def of_rows(self, wanted: NDArray[np.bool_]) -> Columns:
        """Some of the rows."""
        return Columns(*(getattr(self, name)[wanted] for name in Columns.__slots__))


DTYPES = (
    np.int64, np.int64, np.bool_, np.int64, np.float32, np.float64, np.int64, np.int64, np.int64,
    np.int64,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class NodeIndex:
    """The nodes of a namespace as of one moment.

    Attributes:
        columns: What is known about them.
        grown: The same columns, to be appended to.
        wholes: The unit vector of each node's whole text.
        passages: Those of the passages of long texts.
        owners: For each passage the row of its node.
        turns: How turns follow each other in their sessions.
        speakers: The names that the column of speakers points to.
    """

    columns: Columns
    grown: tuple[Rows, ...]
    wholes: Rows
    passages: Rows
    owners: Rows
    turns: Turns
    speakers: tuple[str, ...]

    @classmethod
    def empty(cls, dimension: int, capacity: int = 0) -> NodeIndex:
        """The index of a namespace without nodes."""
        vectors, nobody = np.empty((0, dimension), np.float32), np.empty(0, np.int64)
        return _index(Columns.of([]), Rows(vectors, room=capacity), Rows(vectors), Rows(nobody), ())

    @property
    def ids(self) -> Ints:
        """All ids, ascending."""
        return self.columns.ids

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The unit vector of each node's whole text."""
        return self.wholes.values

    @property
    def n_bytes(self) -> int:
        """Its size in RAM, without the names of speakers."""
        rows = (*self.grown, self.wholes, self.passages, self.owners)
        return sum(each.n_bytes for each in rows) + self.turns.n_bytes

    def extended(
        self,
        newer: Columns,
        vectors: NDArray[np.float32],
        n_vectors: Ints,
        speakers: tuple[str, ...],
    ) -> NodeIndex:
        """A new index with newer nodes; this one stays as it is.

        Args:
            vectors: The vectors of the nodes, one node after the other, that of the whole first.
            n_vectors: How many each of them has.
        """
        wholes, passages, owners = _parted(vectors, n_vectors)
        grown = tuple(
            rows.followed_by(added) for rows, added in zip(self.grown, newer.arrays, strict=True)
        )
        columns = Columns(*(rows.values for rows in grown))
        return NodeIndex(
            columns,
            grown,
            self.wholes.followed_by(wholes),
            self.passages.followed_by(passages),
            self.owners.followed_by(len(self.ids) + owners),
            self.turns.followed_by(columns.ids, columns.turns, columns.sessions),
            speakers,
        )

    def corrected(
        self,
        gone: Ints,
        changed: Columns,
        vectors: NDArray[np.float32],
        n_vectors: Ints,
        speakers: tuple[str, ...],
    ) -> NodeIndex:
        """A new index without some nodes, and with new values for others."""
        stays = ~np.isin(self.ids, gone)
        columns, wholes = self.columns.of_rows(stays), self.vectors[stays]
        rows = np.searchsorted(columns.ids, changed.ids)
        for old, new in zip(columns.arrays, changed.arrays, strict=True):
            old[rows] = new
        wholes[rows], passages, owners = _parted(vectors, n_vectors)
        whose = self.owners.values
        kept = (stays & ~np.isin(self.ids, changed.ids))[whose]
        moved = (np.cumsum(stays) - 1)[whose[kept]]
        return _index(
            columns,
            Rows(wholes),
            Rows(self.passages.values[kept]).followed_by(passages),
            Rows(moved).followed_by(rows[owners]),
            speakers,
        )

    def rows(self, ids: Ints) -> Ints:
        """The row of each id.

        Raises:
            KeyError: An id is not in the index.
        """
        rows, found = self._look_up(ids)
        if not found.all():
            raise KeyError(int(ids[np.argmin(found)]))
        return rows

    def is_active(self, ids: Ints) -> NDArray[np.bool_]:
        """Whether each id is that of an active node."""
        rows, found = self._look_up(ids)
        active = np.zeros(len(ids), np.bool_)
        active[found] = self.columns.active[rows[found]]
        return active

    def _look_up(self, ids: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        if not len(self.ids):
            return np.zeros(len(ids), np.int64), np.zeros(len(ids), np.bool_)
        rows = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return rows, self.ids[rows] == ids

    def of_kinds(self, kinds: Sequence[NodeKind], *, superseded: bool = False) -> Ints:
        """The rows of active nodes of these kinds, or of superseded ones as well."""
        wanted = np.zeros(len(NODE_KINDS), np.bool_)
        wanted[[NODE_KINDS.index(kind) for kind in kinds]] = True
        return np.flatnonzero(wanted[self.columns.kinds] & (self.columns.active | superseded))

    def memories(self, ids: Ints) -> Ints:
        """Those of the nodes that are not cues."""
        memories: Ints = ids[self.columns.kinds[self.rows(ids)] != CUE]
        return memories

    def nearest(
        self, vector: Floats, k: int, kinds: Sequence[NodeKind], within: Ints | None
    ) -> tuple[Ints, Floats]:
        """Ids and similarities of the most similar active nodes, best first, ties by id."""
        rows = self.of_kinds(kinds)
        rows = rows[~self._is_quiet[rows]]
        if within is not None:
            rows = rows[np.isin(self.ids[rows], within)]
        similarities = self._similarities(vector, rows)
        best = top_k(similarities, k)
        return self.ids[rows[best]], similarities[best]

    def during(
        self, starts: Floats, ends: Floats, kinds: Sequence[NodeKind], within: Ints | None
    ) -> Ints:
        """Ids of the active nodes that were said in one of some periods; ascending."""
        rows = self.of_kinds(kinds)
        if within is not None:
            rows = rows[np.isin(self.ids[rows], within)]
        found: Ints = self.ids[rows[inside(self.columns.at[rows], starts, ends)]]
        return found

    def similarities(self, vector: Floats, ids: Ints) -> NDArray[np.float32]:
        """The similarity of each of these nodes: the same number as in `nearest`."""
        return self._similarities(vector, self.rows(ids))

    def _similarities(self, vector: Floats, rows: Ints) -> NDArray[np.float32]:
        """That of the whole or of the best passage, whichever is higher."""
        best = np.full(len(self.ids), -1.0, np.float32)
        best[rows] = _scores(self.vectors, rows, vector)
        wanted = np.zeros(len(self.ids), np.bool_)
        wanted[rows] = True
        owners = self.owners.values
        chosen = np.flatnonzero(wanted[owners])
        np.maximum.at(best, owners[chosen], _scores(self.passages.values, chosen, vector))
        return best[rows]

    def nodes(self, ids: Ints) -> Nodes:
        """The columns of these nodes."""
        rows = self.rows(ids)
        columns = self.columns
        return Nodes(
            ids=ids,
            kinds=columns.kinds[rows],
            sessions=columns.sessions[rows],
            previous=self._ids_of(self.turns.before(rows)),
            next=self._ids_of(self.turns.after(rows)),
            lengths=columns.lengths[rows],
            at=columns.at[rows],
            speakers=columns.speakers[rows],
            traits=columns.traits[rows],
            roles=columns.roles[rows],
        )

    def around(self, ids: Ints, reach: int) -> Ints:
        """These nodes, and the turns up to `reach` away in their sessions; ascending, without quiet ones."""
        found = np.zeros(len(self.ids), np.bool_)
        rows = self.rows(ids)
        found[rows] = True
        for beside in (self.turns.before, self.turns.after):
            reached = rows
            for _ in range(reach):
                reached = beside(reached)
                found[reached[reached >= 0]] = True
        return self.ids[found & ~self._is_quiet]

    @property
    def _is_quiet(self) -> NDArray[np.bool_]:
        return (self.columns.traits & QUIET) > 0

    def n_neighbors(self) -> int:
        """The number of turns with a next turn."""
        return int((self.turns.after(np.arange(len(self.ids))) >= 0).sum())

    def _ids_of(self, rows: Ints) -> Ints:
        """The ids of rows; 0 for a row of -1."""
        if not len(self.ids):
            return np.zeros(0, np.int64)
        return np.where(rows >= 0, self.ids[rows], 0)


def _parted(
    vectors: NDArray[np.float32], n_vectors: Ints
) -> tuple[NDArray[np.float32], NDArray[np.float32], Ints]:
    """The vectors of whole texts, those of passages, and for each passage which node has it.

    Args:
        vectors: One node after the other, that of the whole first.
        n_vectors: How many each has.
    """
    firsts = np.cumsum(n_vectors) - n_vectors
    is_passage = np.ones(len(vectors), np.bool_)
    is_passage[firsts] = False
    owners = np.repeat(np.arange(len(n_vectors)), n_vectors - 1)
    return vectors[firsts], vectors[is_passage], owners


def _index(
    columns: Columns, wholes: Rows, passages: Rows, owners: Rows, speakers: tuple[str, ...]
) -> NodeIndex:
    columns, speakers = _drop_unused_speakers(columns, speakers)
    grown = tuple(map(Rows, columns.arrays))
    turns = Turns.of(columns.ids, columns.turns, columns.sessions)
    return NodeIndex(columns, grown, wholes, passages, owners, turns, speakers)


def _drop_unused_speakers(
    columns: Columns, speakers: tuple[str, ...]
) -> tuple[Columns, tuple[str, ...]]:
    """Drop speakers without active memories, and renumber the column."""
    tell = columns.active & (columns.kinds != CUE) & (columns.speakers >= 0)
    left = np.unique(columns.speakers[tell])
    if len(left) == len(speakers):
        return columns, speakers
    number = np.full(len(speakers) + 1, -1)  # the last is for turns without a speaker
    number[left] = np.arange(len(left))
    return (
        replace(columns, speakers=number[columns.speakers]),
        tuple(speakers[i] for i in left),
    )


def _scores(vectors: NDArray[np.float32], rows: Ints, query: Floats) -> NDArray[np.float32]:
    """The dot products of some of the vectors with the question."""
    if SPARSE * len(rows) < len(vectors):
        return _cosines(vectors[rows], query)
    return _cosines(vectors, query)[rows]


def _cosines(vectors: NDArray[np.float32], query: Floats) -> NDArray[np.float32]:
    """One cosine per row, which depends on that row alone, so equal rows tie.

    A matrix product would sum the last rows in another order than the others.
    """
    cosines: NDArray[np.float32] = np.einsum("ij,j->i", vectors, query)
    return np.clip(cosines, -1, 1, out=cosines)
