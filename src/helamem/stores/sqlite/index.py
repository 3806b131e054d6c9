"""What a store keeps in RAM of its nodes: unit vectors and columns, for scoring.

A cache: everything in it can be read again from the file. Rows are nodes in ascending order of id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.core.surroundings import inside
from helamem.core.vectors import top_k
from helamem.protocols import NODE_KINDS, QUIET, Nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from helamem.protocols import Floats, Ints, NodeKind

CUE = NODE_KINDS.index("cue")
SPARSE = 4  # below one wanted row in so many, gathering rows is faster than scoring them all


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What is known about nodes beside their vectors, one row each; see `protocols.Nodes`.

    Attributes:
        turns: The ids by which turns follow each other: their own, or that of the turn whose place they have taken.
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

    def followed_by(self, newer: Columns) -> Columns:
        """These rows, then the newer ones."""
        return Columns(
            *(
                np.concatenate([getattr(self, name), getattr(newer, name)])
                for name in Columns.__slots__
            )
        )

    def of_rows(self, wanted: NDArray[np.bool_]) -> Columns:
        """Some of the rows."""
        return Columns(*(getattr(self, name)[wanted] for name in Columns.__slots__))


DTYPES = (
    np.int64, np.int64, np.bool_, np.int64, np.float32, np.float64, np.int64, np.int64, np.int64,
    np.int64,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Vectors that can be appended to; what has been handed out stays as it is.

    Attributes:
        buffer: Shape (capacity, dimension), of which the first `n` rows count.
    """

    buffer: NDArray[np.float32]
    n: int

    @classmethod
    def empty(cls, dimension: int, capacity: int = 0) -> Vectors:
        """No vectors, with room for some."""
        return cls(np.empty((capacity, dimension), np.float32), 0)

    @property
    def rows(self) -> NDArray[np.float32]:
        """Shape (n, dimension)."""
        return self.buffer[: self.n]

    def followed_by(self, added: NDArray[np.float32]) -> Vectors:
        """These, then the added ones."""
        buffer, grown = self.buffer, self.n + len(added)
        if grown > len(buffer):
            buffer = np.empty((max(grown, len(buffer) * 3 // 2), buffer.shape[1]), np.float32)
            buffer[: self.n] = self.rows
        buffer[self.n : grown] = added
        return Vectors(buffer, grown)

    def scores(self, chosen: Ints, query: Floats) -> NDArray[np.float32]:
        """The cosines of some of the rows with the question."""
        if SPARSE * len(chosen) < self.n:
            return _cosines(self.rows[chosen], query)
        return _cosines(self.rows, query)[chosen]


@dataclass(frozen=True, slots=True, eq=False)
class NodeIndex:
    """The nodes of a namespace as of one moment; a newer moment is another index.

    Attributes:
        wholes: The unit vector of each node's whole text.
        passages: Those of the passages of long texts.
        owners: For each passage the row of its node.
        order: The rows session by session, in the order of their turns.
        places: Where in `order` each row stands.
        speakers: The names that the column of speakers points to.
    """

    columns: Columns
    wholes: Vectors
    passages: Vectors
    owners: Ints
    order: Ints
    places: Ints
    speakers: tuple[str, ...]

    @classmethod
    def empty(cls, dimension: int, capacity: int = 0) -> NodeIndex:
        """The index of a namespace without nodes."""
        nothing = np.empty(0, np.int64)
        wholes, passages = Vectors.empty(dimension, capacity), Vectors.empty(dimension)
        return cls(Columns.of([]), wholes, passages, nothing, nothing, nothing, ())

    @property
    def ids(self) -> Ints:
        """All ids, ascending."""
        return self.columns.ids

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The unit vector of each node's whole text."""
        return self.wholes.rows

    @property
    def n_bytes(self) -> int:
        """How much RAM it takes, without the names of speakers."""
        columns = sum(getattr(self.columns, name).nbytes for name in Columns.__slots__)
        vectors = self.wholes.buffer.nbytes + self.passages.buffer.nbytes + self.owners.nbytes
        return int(vectors + columns + self.order.nbytes + self.places.nbytes)

    def extended(
        self,
        newer: Columns,
        vectors: NDArray[np.float32],
        n_vectors: Ints,
        speakers: tuple[str, ...],
    ) -> NodeIndex:
        """This index with newer nodes; what has been handed out of this one stays as it is.

        Args:
            vectors: The vectors of the nodes, one node after the other, that of the whole first.
            n_vectors: How many each of them has.
        """
        wholes, passages, owners = _parted(vectors, n_vectors)
        return _index(
            self.columns.followed_by(newer),
            self.wholes.followed_by(wholes),
            self.passages.followed_by(passages),
            np.concatenate([self.owners, len(self.ids) + owners]),
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
        """This index without some of its nodes, and with new values for others of them."""
        stays = ~np.isin(self.ids, gone)
        columns, wholes = self.columns.of_rows(stays), self.vectors[stays]
        rows = np.searchsorted(columns.ids, changed.ids)
        for name in Columns.__slots__:
            getattr(columns, name)[rows] = getattr(changed, name)
        wholes[rows], passages, owners = _parted(vectors, n_vectors)
        kept = (stays & ~np.isin(self.ids, changed.ids))[self.owners]
        moved = (np.cumsum(stays) - 1)[self.owners[kept]]
        return _index(
            columns,
            Vectors(wholes, len(wholes)),
            Vectors(self.passages.rows[kept], len(moved)).followed_by(passages),
            np.concatenate([moved, rows[owners]]),
            speakers,
        )

    def rows(self, ids: Ints) -> Ints:
        """The row of each id.

        Raises:
            KeyError: An id is not here.
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
        best[rows] = self.wholes.scores(rows, vector)
        wanted = np.zeros(len(self.ids), np.bool_)
        wanted[rows] = True
        chosen = np.flatnonzero(wanted[self.owners])
        np.maximum.at(best, self.owners[chosen], self.passages.scores(chosen, vector))
        return best[rows]

    def nodes(self, ids: Ints) -> Nodes:
        """The columns of these nodes."""
        rows = self.rows(ids)
        columns = self.columns
        return Nodes(
            ids=ids,
            kinds=columns.kinds[rows],
            sessions=columns.sessions[rows],
            previous=self._beside(rows, -1),
            next=self._beside(rows, 1),
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
        for away in range(1, reach + 1):
            for side in (-away, away):
                beside, there = self._neighbors(rows, side)
                found[beside[there]] = True
        return self.ids[found & ~self._is_quiet]

    @property
    def _is_quiet(self) -> NDArray[np.bool_]:
        return (self.columns.traits & QUIET) > 0

    def n_neighbors(self) -> int:
        """How many turns have a turn after them."""
        return int(self._neighbors(np.arange(len(self.ids)), 1)[1].sum())

    def _beside(self, rows: Ints, away: int) -> Ints:
        """The id of the turn so many places after (or before) each; 0 where there is none."""
        beside, there = self._neighbors(rows, away)
        if not len(self.ids):
            return np.zeros(0, np.int64)
        return np.where(there, self.ids[beside], 0)

    def _neighbors(self, rows: Ints, away: int) -> tuple[Ints, NDArray[np.bool_]]:
        """The row so many places away in the session's order, and whether there is one."""
        sessions = self.columns.sessions
        places = self.places[rows] + away
        inside = (places >= 0) & (places < len(self.order))
        beside = self.order[np.where(inside, places, self.places[rows])]
        there = inside & (sessions[beside] == sessions[rows]) & (sessions[rows] >= 0)
        return beside, there


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
    columns: Columns, wholes: Vectors, passages: Vectors, owners: Ints, speakers: tuple[str, ...]
) -> NodeIndex:
    order = _in_sequence(columns)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    columns, speakers = _drop_unused_speakers(columns, speakers)
    return NodeIndex(columns, wholes, passages, owners, order, places, speakers)


def _in_sequence(columns: Columns) -> Ints:
    """The rows session by session, in the order of their turns."""
    if np.array_equal(columns.turns, columns.ids):
        return np.argsort(columns.sessions, kind="stable")
    return np.lexsort((columns.ids, columns.turns, columns.sessions))


def _drop_unused_speakers(
    columns: Columns, speakers: tuple[str, ...]
) -> tuple[Columns, tuple[str, ...]]:
    """Drop speakers without active memories, and renumber the column."""
    tell = columns.active & (columns.kinds != CUE) & (columns.speakers >= 0)
    left = np.unique(columns.speakers[tell])
    if len(left) == len(speakers):
        return columns, speakers
    number = np.full(len(speakers) + 1, -1)  # the last is for nobody
    number[left] = np.arange(len(left))
    return (
        replace(columns, speakers=number[columns.speakers]),
        tuple(speakers[i] for i in left),
    )


def _cosines(vectors: NDArray[np.float32], query: Floats) -> NDArray[np.float32]:
    """One cosine a row, which depends on that row alone: twins tie, wherever they stand.

    A matrix product would sum the last rows in another order than those before them.
    """
    cosines: NDArray[np.float32] = np.einsum("ij,j->i", vectors, query)
    return np.clip(cosines, -1, 1, out=cosines)
