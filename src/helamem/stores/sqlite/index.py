"""The nodes of a namespace in RAM: columns, and an index of vectors.

A cache: everything in it can be read again from the file. Rows are nodes in ascending order of id.
An index is of one moment, and shares its memory with those of other moments.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.core.arrays import distinct
from helamem.core.surroundings import inside
from helamem.frozen import dataclass
from helamem.protocols import NODE_KINDS, Nodes, located
from helamem.stores.sqlite.columns import (
    ACTIVE,
    GONE,
    HEARD,
    IS_ACTIVE,
    IS_HEARD,
    IS_THERE,
    KINDS,
    MARKS,
    Columns,
    Table,
    of_kinds,
)
from helamem.stores.sqlite.speakers import Speakers
from helamem.stores.sqlite.turns import NONE, Turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from helamem.protocols import Floats, Ints, NodeKind, Originals, VectorIndex
    from helamem.stores.sqlite.nodes import Read

CUE = NODE_KINDS.index("cue")


@dataclass(frozen=True, slots=True, eq=False)
class NodeIndex:
    """The nodes of a namespace as of one moment.

    Attributes:
        table: What is known about them. A node that was removed keeps its row, marked as gone.
        turns: How turns follow each other in their sessions.
        vectors: Their vectors; an owner is a row.
        speakers: Who spoke.
        tally: How many nodes have each mark.
    """

    table: Table
    turns: Turns
    vectors: VectorIndex
    speakers: Speakers
    tally: Ints

    @classmethod
    def of(
        cls, columns: Columns, vectors: VectorIndex, speakers: tuple[str, ...], room: int = 0
    ) -> NodeIndex:
        """An index from the columns of all nodes, by ascending id, with room for so many.

        Args:
            vectors: Their vectors; none of those that are marked as gone.
            speakers: The names that the column of speakers points to.
        """
        speaking = _speaking(columns)
        return cls(
            Table.of(columns, room),
            Turns.of(columns.placed, room),
            vectors,
            Speakers().counted(speakers, speaking, speaking[:0]),
            _tallied(columns),
        )

    @classmethod
    def empty(cls, vectors: VectorIndex, room: int = 0) -> NodeIndex:
        """The index of a namespace without nodes, with room for some."""
        return cls.of(Columns.of([]), vectors, (), room)

    @property
    def last(self) -> int:
        """The highest id that was ever in it; 0 for none."""
        return int(self.table.ids.at(np.array([-1]))[0]) if len(self.table) else 0

    @property
    def n_gone(self) -> int:
        """The number of nodes that were removed."""
        return self._n(~IS_THERE)

    @property
    def is_all_active(self) -> bool:
        """Whether nothing is superseded."""
        return not self._n(IS_THERE & ~IS_ACTIVE)

    @property
    def n_bytes(self) -> int:
        """Its size in RAM, without the names of speakers."""
        return self.table.n_bytes + self.turns.n_bytes + self.vectors.n_bytes

    # Other moments

    def shares_with(self, other: NodeIndex) -> bool:
        """Whether both share memory."""
        return self.table.ids.shares_with(other.table.ids)

    def extended(self, newer: Read) -> NodeIndex:
        """A new index with newer nodes; this one stays as it is."""
        n, columns = len(self.table), newer.columns
        table = self.table.followed_by(columns)
        nobody = columns.speakers[:0]
        return NodeIndex(
            table,
            self._turns_with(columns, table),
            self.vectors.added(
                n + np.repeat(np.arange(len(columns.ids)), newer.n_vectors), newer.vectors
            ),
            self.speakers.counted(newer.speakers, _speaking(columns), nobody),
            self.tally + _tallied(columns),
        )

    def corrected(self, gone: Ints, changed: Read) -> NodeIndex:
        """A new index without some nodes, and with new values for others.

        Args:
            gone: Ids that are not there any more; some may never have been in the index.
            changed: Nodes of the index; some may have been marked as gone.
        """
        left = self._look_up(gone)
        left = left[left >= 0]
        now = np.searchsorted(self.table.ids.values, changed.columns.ids)
        rows = np.concatenate([left, now])
        old = self.table.at_rows(rows)
        new = _joined(_removed(old.where(slice(len(left)))), changed.columns)
        table = self.table.corrected(rows, new)
        return NodeIndex(
            table,
            _moved(self.turns, rows, old, new, table),
            self.vectors.removed(rows).added(np.repeat(now, changed.n_vectors), changed.vectors),
            self.speakers.counted(changed.speakers, _speaking(new), _speaking(old)),
            self.tally + _tallied(new) - _tallied(old),
        )

    def _turns_with(self, newer: Columns, table: Table) -> Turns:
        """The links between turns, with newer ones; a turn that replaces another has its place."""
        n = len(self.table)
        if len(newer.ids) > n:
            return Turns.of(table.placed(), table.ids.room)
        is_last = newer.ids == newer.places
        turns = self.turns.followed_by(np.where(is_last, newer.sessions, NONE), table.sessions)
        instead = newer.where(~is_last)
        if not len(instead.ids):
            return turns
        rows = n + np.flatnonzero(~is_last)
        return turns.moved(rows, np.full(len(rows), NONE), instead.sessions, table.placed)

    # Looking up

    def rows(self, ids: Ints) -> Ints:
        """The row of each id.

        Raises:
            KeyError: An id is not in the index.
        """
        rows = self._look_up(ids)
        if (rows < 0).any():
            raise KeyError(int(ids[np.argmin(rows >= 0)]))
        return rows

    def is_active(self, ids: Ints) -> NDArray[np.bool_]:
        """Whether each id is that of an active node."""
        rows = self._look_up(ids)
        active = rows >= 0
        active[active] = IS_ACTIVE[self.table.marks.at(rows[active])]
        return active

    def _look_up(self, ids: Ints) -> Ints:
        """The row of each id; -1 for none."""
        rows = located(self.table.ids.values, ids)
        if not self.n_gone:
            return rows
        is_there = rows >= 0
        is_there[is_there] = IS_THERE[self.table.marks.at(rows[is_there])]
        return np.where(is_there, rows, NONE)

    def of_kinds(self, kinds: Sequence[NodeKind], *, superseded: bool = False) -> Ints:
        """The ids of active nodes of these kinds, or of superseded ones as well, ascending."""
        wanted = self._marked(of_kinds(kinds, 0 if superseded else ACTIVE))
        found: Ints = self.table.ids.values[wanted]
        return found

    def memories(self, ids: Ints) -> Ints:
        """Those of the nodes that are not cues."""
        memories: Ints = ids[self.table.marks.at(self.rows(ids)) & KINDS != CUE]
        return memories

    def lengths(self, ids: Ints) -> Floats:
        """The numbers of terms of these nodes."""
        return self.table.lengths.at(self.rows(ids))

    # Candidates

    def nearest(
        self,
        vector: Floats,
        k: int,
        kinds: Sequence[NodeKind],
        within: Ints | None,
        originals: Originals,
    ) -> tuple[Ints, Floats]:
        """Ids and similarities of the most similar active nodes, best first, ties by id."""
        heard = of_kinds(kinds, ACTIVE | HEARD)
        wanted = self._among(self._marked(heard), within)
        rows, similarities = self.vectors.search(vector, k, wanted, self._of_rows(originals))
        return self.table.ids.at(rows), similarities

    def during(
        self, starts: Floats, ends: Floats, kinds: Sequence[NodeKind], within: Ints | None
    ) -> Ints:
        """Ids of the active nodes that were said in one of some periods; ascending."""
        wanted = self._among(self._marked(of_kinds(kinds, ACTIVE)), within)
        during = wanted & inside(self.table.at.values, starts, ends)
        return self.table.ids.at(np.flatnonzero(during))

    def _marked(self, holds: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """For each row, whether its mark is one of those for which a condition holds."""
        n, n_rows = self._n(holds), len(self.table)
        if n in (0, n_rows):
            return np.full(n_rows, n > 0)
        return self.table.marks.looked_up(holds)

    def _n(self, holds: NDArray[np.bool_]) -> int:
        """The number of nodes with a mark for which a condition holds."""
        return int(self.tally[holds].sum())

    def _among(self, wanted: NDArray[np.bool_], within: Ints | None) -> NDArray[np.bool_]:
        if within is None:
            return wanted
        among = np.zeros(len(wanted), np.bool_)
        rows = self._look_up(within)
        among[rows[rows >= 0]] = True
        return wanted & among

    def measured(
        self, vector: Floats, ids: Ints, originals: Originals
    ) -> tuple[Floats, NDArray[np.float32]]:
        """The similarity of each of these nodes, the same number as in `nearest`, and the vector of its text."""
        return self.vectors.measured(vector, self.rows(ids), self._of_rows(originals))

    def wholes(self, ids: Ints, originals: Originals) -> NDArray[np.float32]:
        """The vectors of whole texts."""
        return self.vectors.wholes(self.rows(ids), self._of_rows(originals))

    def _of_rows(self, originals: Originals) -> Originals:
        """A reader of the vectors of rows, from one of those of ids."""
        return lambda rows: originals(self.table.ids.at(rows))

    # Columns

    def nodes(self, ids: Ints) -> Nodes:
        """The columns of these nodes."""
        rows = self.rows(ids)
        columns = self.table.at_rows(rows)
        return Nodes(
            ids=ids,
            kinds=(columns.marks & KINDS).astype(np.int64),
            sessions=columns.sessions.astype(np.int64),
            previous=self._ids_of(self.turns.before(rows)),
            next=self._ids_of(self.turns.after(rows)),
            lengths=columns.lengths,
            at=columns.at,
            speakers=self.speakers.numbered(columns.speakers),
            traits=columns.traits,
            roles=columns.roles.astype(np.int64),
        )

    def around(self, ids: Ints, reach: int) -> Ints:
        """These nodes, and the turns up to `reach` away in their sessions; ascending, without quiet ones."""
        rows = self.rows(ids)
        found = [rows]
        for beside in (self.turns.before, self.turns.after):
            reached = rows
            for _ in range(reach):
                reached = beside(reached)
                found.append(reached)
        rows = distinct(*found)
        rows = rows[rows >= 0]
        around: Ints = self.table.ids.at(rows[IS_HEARD[self.table.marks.at(rows)]])
        return around

    def n_neighbors(self) -> int:
        """The number of turns with a next turn."""
        return int((self.turns.after(np.arange(len(self.table))) >= 0).sum())

    def _ids_of(self, rows: Ints) -> Ints:
        """The ids of rows; 0 for a row of -1."""
        if not len(rows):
            return np.zeros(0, np.int64)
        return np.where(rows >= 0, self.table.ids.at(rows), 0)


def _removed(columns: Columns) -> Columns:
    """Nodes that were removed: they keep their ids, and belong nowhere."""
    n = len(columns.ids)
    return replace(
        columns,
        marks=np.full(n, GONE, np.uint8),
        sessions=np.full(n, NONE, np.int32),
        speakers=np.full(n, -1, np.int32),
    )


def _joined(one: Columns, other: Columns) -> Columns:
    pairs = zip(one.arrays, other.arrays, strict=True)
    return Columns(*(np.concatenate(pair) for pair in pairs))


def _speaking(columns: Columns) -> NDArray[np.int32]:
    """The speakers of the active memories."""
    tells = IS_ACTIVE[columns.marks] & (columns.marks & KINDS != CUE)
    speaking: NDArray[np.int32] = columns.speakers[tells]
    return speaking


def _tallied(columns: Columns) -> Ints:
    """The number of nodes with each mark."""
    return np.bincount(columns.marks, minlength=len(MARKS))


def _moved(turns: Turns, rows: Ints, old: Columns, new: Columns, table: Table) -> Turns:
    """The links between turns, after some have left their session or entered another."""
    moved = (old.sessions != new.sessions) | (old.places != new.places)
    if not moved.any():
        return turns
    return turns.moved(rows[moved], old.sessions[moved], new.sessions[moved], table.placed)
