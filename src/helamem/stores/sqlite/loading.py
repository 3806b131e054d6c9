"""Makes the index of a namespace from the file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.stores.sqlite import nodes, packs
from helamem.stores.sqlite.columns import GONE, Columns
from helamem.stores.sqlite.index import NodeIndex
from helamem.stores.sqlite.namespace import listed
from helamem.stores.vectors import CompactIndex, ExactIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helamem.protocols import Ints
    from helamem.stores.sqlite.namespace import Space


def begun(space: Space) -> NodeIndex:
    """The index of the nodes that are packed, with room for all; what is newer is still to be read."""
    (n,) = space.db.row("SELECT count(*) FROM node WHERE namespace = ?", space.id)
    room = n + n // 8
    axes = packs.axes_of(space)
    if axes is None:
        return NodeIndex.empty(ExactIndex.empty(space.dimension, room), room)
    return _unpacked(space, axes, room)


def _unpacked(space: Space, axes: NDArray[np.float32], room: int) -> NodeIndex:
    columns, vectors = _joined(space, CompactIndex.empty(axes, room))
    numbers, examples = packs.numbered(columns.speakers.astype(np.int64), columns.marks)
    names = _names(space, columns.ids[examples])
    gone = np.flatnonzero(columns.marks == GONE)
    known = replace(columns, speakers=numbers)
    index = NodeIndex.of(known, vectors.removed(gone), names, room)
    changed = nodes.among(space, columns.ids[gone].tolist(), names)
    return index.corrected(columns.ids[:0], changed)


def _joined(space: Space, vectors: CompactIndex) -> tuple[Columns, CompactIndex]:
    """The columns of all packs, and an index with their vectors."""
    parts, n = [Columns.of([])], 0
    for pack in packs.read(space):
        owners = n + np.repeat(np.arange(len(pack.records)), pack.records["vectors"])
        vectors = vectors.restored(owners, pack.codes, pack.scales)
        parts.append(pack.columns)
        n += len(pack.records)
    arrays = zip(*(part.arrays for part in parts), strict=True)
    return Columns(*(np.concatenate(array) for array in arrays)), vectors


def _names(space: Space, ids: Ints) -> tuple[str, ...]:
    """The speakers of some nodes."""
    found = dict(
        space.db.rows(
            "SELECT id, speaker FROM node WHERE id IN (SELECT value FROM json_each(?))",
            listed(ids.tolist()),
        )
    )
    return tuple(found[id_] for id_ in ids.tolist())
