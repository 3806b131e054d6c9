"""What a store keeps in RAM of its nodes: unit vectors and columns, for scoring.

A cache: everything in it can be read again from the file. Rows are nodes in ascending order of id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import vectors
from helamem.protocols import NODE_KINDS, Nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from helamem.protocols import Floats, Ints, NodeKind

# One column a line, in the order in which `NodeIndex.extended` takes them.
COLUMNS = (
    ("ids", np.int64),
    ("kinds", np.int64),
    ("active", np.bool_),
    ("sessions", np.int64),
    ("positions", np.int64),
    ("lengths", np.float32),
    ("at", np.float64),
    ("speakers", np.int64),
    ("traits", np.int64),
)


@dataclass(frozen=True, slots=True, eq=False)
class NodeIndex:
    """The nodes of a namespace as of one moment; a newer moment is another index.

    Attributes:
        columns: By the names of `COLUMNS`, one row a node.
        buffer: Shape (capacity, dimension), of which the first `len(ids)` rows count.
        previous, next: Ids of the neighbouring turns; 0 where there is none.
        order: The rows session by session, in the order of their turns.
        speakers: The names that the column of speakers points to.
    """

    columns: dict[str, NDArray[np.generic]]
    buffer: NDArray[np.float32]
    order: Ints
    places: Ints
    speakers: tuple[str, ...]

    @classmethod
    def empty(cls, dimension: int) -> NodeIndex:
        """The index of a namespace without nodes."""
        columns: dict[str, NDArray[np.generic]] = {
            name: np.empty(0, dtype) for name, dtype in COLUMNS
        }
        nothing = np.empty(0, np.int64)
        return cls(columns, np.empty((0, dimension), np.float32), nothing, nothing, ())

    @property
    def ids(self) -> Ints:
        """All ids, ascending."""
        return self.columns["ids"]  # type: ignore[return-value]

    @property
    def vectors(self) -> NDArray[np.float32]:
        """One unit vector a node."""
        return self.buffer[: len(self.ids)]

    def extended(
        self,
        columns: dict[str, NDArray[np.generic]],
        added: NDArray[np.float32],
        speakers: tuple[str, ...],
    ) -> NodeIndex:
        """This index with newer nodes; what has been handed out of this one stays as it is."""
        n, grown = len(self.ids), len(self.ids) + len(added)
        buffer = self.buffer
        if grown > len(buffer):
            buffer = np.empty((max(grown, len(buffer) * 3 // 2, 256), added.shape[1]), np.float32)
            buffer[:n] = self.vectors
        buffer[n:grown] = added
        joined = {name: np.concatenate([self.columns[name], columns[name]]) for name, _ in COLUMNS}
        order = np.lexsort((joined["positions"], joined["sessions"]))
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        return NodeIndex(joined, buffer, order, places, speakers)

    def rows(self, ids: Ints) -> Ints:
        """The row of each id.

        Raises:
            KeyError: An id is not here.
        """
        if not len(ids):
            return np.empty(0, np.int64)
        if not len(self.ids):
            raise KeyError(int(ids[0]))
        places = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        missing = np.flatnonzero(self.ids[places] != ids)
        if missing.size:
            raise KeyError(int(ids[missing[0]]))
        return places

    def of_kinds(self, kinds: Sequence[NodeKind]) -> Ints:
        """The rows of active nodes of these kinds."""
        codes = [NODE_KINDS.index(kind) for kind in kinds]
        return np.flatnonzero(np.isin(self.columns["kinds"], codes) & self.columns["active"])

    def nearest(
        self, vector: Floats, k: int, kinds: Sequence[NodeKind], within: Ints | None
    ) -> tuple[Ints, Floats]:
        """Ids and cosines of the most similar active nodes, best first."""
        rows = self.of_kinds(kinds)
        if within is not None:
            rows = rows[np.isin(self.ids[rows], within)]
        few = 2 * len(rows) < len(self.ids)
        similarity = (
            vectors.similarities(vector, self.vectors[rows])
            if few
            else vectors.similarities(vector, self.vectors)[rows]
        )
        best = vectors.top_k(similarity, k)
        return self.ids[rows[best]], similarity[best]

    def nodes(self, ids: Ints) -> Nodes:
        """The columns of these nodes."""
        rows = self.rows(ids)
        return Nodes(
            ids=ids,
            kinds=self.columns["kinds"][rows],  # type: ignore[arg-type]
            sessions=self.columns["sessions"][rows],  # type: ignore[arg-type]
            previous=self._beside(rows, -1),
            next=self._beside(rows, 1),
            lengths=self.columns["lengths"][rows],  # type: ignore[arg-type]
            at=self.columns["at"][rows],  # type: ignore[arg-type]
            speakers=self.columns["speakers"][rows],  # type: ignore[arg-type]
            traits=self.columns["traits"][rows],  # type: ignore[arg-type]
        )

    def around(self, ids: Ints, reach: int) -> Ints:
        """These nodes, and the turns up to `reach` away in their sessions; ascending."""
        found = np.zeros(len(self.ids), np.bool_)
        rows = self.rows(ids)
        found[rows] = True
        for away in range(1, reach + 1):
            for side in (-away, away):
                beside, there = self._neighbors(rows, side)
                found[beside[there]] = True
        return self.ids[found]

    def n_neighbors(self) -> int:
        """How many turns have a turn after them."""
        return int(self._neighbors(np.arange(len(self.ids)), 1)[1].sum())

    def _beside(self, rows: Ints, away: int) -> Ints:
        """The id of the turn so many places after (or before) each; 0 where there is none."""
        beside, there = self._neighbors(rows, away)
        return np.where(there, self.ids[beside], 0)

    def _neighbors(self, rows: Ints, away: int) -> tuple[Ints, NDArray[np.bool_]]:
        """The row so many places away in the session's order, and whether there is one."""
        sessions = self.columns["sessions"]
        places = self.places[rows] + away
        inside = (places >= 0) & (places < len(self.order))
        beside = self.order[np.where(inside, places, self.places[rows])]
        there = inside & (sessions[beside] == sessions[rows]) & (sessions[rows] >= 0)  # type: ignore[operator]
        return beside, there
