"""Reads the columns, vectors and speakers of nodes from their own rows, not from packs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.frozen import dataclass
from helamem.protocols import QUIET, ROLES
from helamem.stores.sqlite import rows
from helamem.stores.sqlite.columns import ACTIVE, HEARD, Columns
from helamem.stores.sqlite.namespace import listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from helamem.protocols import Ints
    from helamem.stores.sqlite.namespace import Space

ROLE_CODES = {role: code for code, role in enumerate(ROLES) if code}


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Some nodes, by ascending id.

    Attributes:
        vectors: Their vectors, node by node; the first of a node is that of its whole text.
        n_vectors: The number of vectors of each node.
        speakers: The names to which the column of speakers points: known ones, then newer ones.
    """

    columns: Columns
    vectors: NDArray[np.float32]
    n_vectors: Ints
    speakers: tuple[str, ...]


def after(space: Space, id_: int, speakers: tuple[str, ...], limit: int) -> Read:
    """The first nodes after an id, `limit` at most."""
    return _read(space, speakers, "n.id > ? ORDER BY n.id LIMIT ?", id_, limit)


def among(space: Space, ids: Iterable[int], speakers: tuple[str, ...]) -> Read:
    """Those of the nodes that exist."""
    wanted = "n.id IN (SELECT value FROM json_each(?)) ORDER BY n.id"
    return _read(space, speakers, wanted, listed(ids))


def _read(space: Space, speakers: tuple[str, ...], condition: str, *values: int | str) -> Read:
    found = space.db.rows(
        f"SELECT id, kind + {ACTIVE} * (active <> 0) + {HEARD} * (traits & {QUIET} = 0),"  # noqa: S608  # our own words
        f" CASE WHEN traits & {QUIET} OR NOT active THEN -1 ELSE coalesce(session, -1) END,"
        " length, at, speaker, traits, role,"
        " coalesce((SELECT min(place) FROM superseded WHERE by = n.id), id), active"
        f" FROM node n WHERE namespace = ? AND {condition}",
        space.id,
        *values,
    )
    blobs = space.db.column(
        "SELECT value FROM node n JOIN vector v ON v.node = n.id"  # noqa: S608  # our own words
        f" WHERE n.namespace = ? AND {condition}",
        space.id,
        *values,
    )
    names = dict.fromkeys((*speakers, *(row[5] for row in found if row[5] and row[9])))
    number = {name: i for i, name in enumerate(names)}
    numbered = [
        (*row[:5], number.get(row[5], -1), row[6], ROLE_CODES.get(row[7], 0), row[8])
        for row in found
    ]
    vectors, n_vectors = rows.unblobbed(blobs, space.dimension)
    return Read(Columns.of(numbered), vectors, n_vectors, tuple(names))
