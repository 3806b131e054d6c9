"""The columns of nodes: all that is known about them but texts and vectors."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.frozen import dataclass
from helamem.protocols import NODE_KINDS
from helamem.stores.growing import Rows
from helamem.stores.sqlite.turns import Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from helamem.protocols import Ints, NodeKind

KINDS, ACTIVE, HEARD = 3, 4, 8  # bits of a mark: the kind, whether it is active, and not quiet
GONE = 3  # the mark of a node that was removed: no kind has it
MARKS = np.arange(16, dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The columns of some nodes.

    Attributes:
        ids: Their ids.
        marks: What kind each is, and whether it is active and heard: see `marked`.
        sessions: A number per session; -1 for none.
        lengths: Number of terms.
        at: When it was said.
        speakers: A number per speaker; -1 for none.
        traits: As stored.
        roles: Codes of `protocols.ROLES`.
        places: The ids that order turns: their own, or that of the turn that they replaced.
    """

    ids: Ints
    marks: NDArray[np.uint8]
    sessions: NDArray[np.int32]
    lengths: NDArray[np.float32]
    at: NDArray[np.float64]
    speakers: NDArray[np.int32]
    traits: Ints
    roles: NDArray[np.uint8]
    places: Ints

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> Columns:
        """Columns from rows, whose numbers are in the order of the attributes."""
        values = list(zip(*rows, strict=True)) or [()] * len(DTYPES)
        columns: list[NDArray[Any]] = [
            np.array(value, dtype) for value, dtype in zip(values, DTYPES, strict=True)
        ]
        return cls(*columns)

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """All columns, in the order of the attributes."""
        return [getattr(self, name) for name in Columns.__slots__]

    @property
    def placed(self) -> Placed:
        """What decides how these turns follow each other."""
        return Placed(self.ids, self.places, self.sessions)

    def where(self, wanted: NDArray[Any] | slice) -> Columns:
        """The columns of some of the nodes, by a mask, indices or a slice."""
        return Columns(*(each[wanted] for each in self.arrays))


DTYPES = (
    np.int64, np.uint8, np.int32, np.float32, np.float64, np.int32, np.int64, np.uint8, np.int64,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The columns of all nodes as of one moment; see `Columns`."""

    ids: Rows
    marks: Rows
    sessions: Rows
    lengths: Rows
    at: Rows
    speakers: Rows
    traits: Rows
    roles: Rows
    places: Rows

    @classmethod
    def of(cls, columns: Columns, room: int = 0) -> Table:
        """A table of these columns, with room for so many nodes."""
        return cls(*(Rows(each, room=room) for each in columns.arrays))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def columns(self) -> tuple[Rows, ...]:
        """All columns, in the order of the attributes."""
        return tuple(getattr(self, each.name) for each in fields(self))

    @property
    def n_bytes(self) -> int:
        """Its size in RAM."""
        return sum(each.n_bytes for each in self.columns)

    def placed(self) -> Placed:
        """What decides how all turns follow each other."""
        return Placed(self.ids.values, self.places.values, self.sessions.values)

    def at_rows(self, rows: Ints) -> Columns:
        """The columns of some nodes."""
        return Columns(*(each.at(rows) for each in self.columns))

    def followed_by(self, newer: Columns) -> Table:
        """A table with newer nodes at the end; this one stays as it is."""
        pairs = zip(self.columns, newer.arrays, strict=True)
        return Table(*(rows.followed_by(added) for rows, added in pairs))

    def corrected(self, rows: Ints, columns: Columns) -> Table:
        """A table with other values for some nodes; a column in which nothing differs is shared."""
        made = []
        for old, new in zip(self.columns, columns.arrays, strict=True):
            differs = old.at(rows) != new
            made.append(old.replaced(rows[differs], new[differs]) if differs.any() else old)
        return Table(*made)


def marked(holds: Callable[[NDArray[np.uint8]], NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """For each mark, whether a condition holds."""
    return holds(MARKS)


def of_kinds(kinds: Sequence[NodeKind], needed: int) -> NDArray[np.bool_]:
    """For each mark, whether it is of one of these kinds and has the needed bits."""
    wanted = [NODE_KINDS.index(kind) for kind in kinds]
    return marked(lambda marks: np.isin(marks & KINDS, wanted) & (marks & needed == needed))


IS_THERE = marked(lambda marks: marks & KINDS != GONE)
IS_ACTIVE = marked(lambda marks: marks & ACTIVE > 0)
IS_HEARD = marked(lambda marks: marks & HEARD > 0)
