"""Packs: the vectors and columns of a large namespace once more, a thousand nodes to a row, so that they are read quickly.

They are written in the transaction of the turns. A node that is changed or removed is emptied in its pack, and from
then on read from its own row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.quantization import random_axes
from helamem.errors import CorruptError
from helamem.frozen import dataclass
from helamem.protocols import located
from helamem.stores import encoding
from helamem.stores.sqlite import nodes
from helamem.stores.sqlite.columns import ACTIVE, GONE, Columns
from helamem.stores.vectors import coded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from helamem.protocols import Ints
    from helamem.stores.sqlite.database import Database
    from helamem.stores.sqlite.namespace import Space
    from helamem.stores.sqlite.nodes import Read

EXACT_BELOW = 100_000  # episodes and facts, from which on a namespace is packed
NODES = 1024  # in a pack
AT_ONCE = 64  # packs that one transaction writes at most
SEED = 33  # of the axes, which are kept with the packs
MANY_EMPTIED = 1 / 16  # beyond this share, packs are made anew
RECORD = np.dtype([
    ("id", "<i8"), ("mark", "u1"), ("session", "<i4"), ("length", "<f4"), ("at", "<f8"), ("speaker", "<i8"),
    ("traits", "<i8"), ("role", "u1"), ("place", "<i8"), ("vectors", "<u4"),
])  # fmt: skip
COLUMNS = ("id", "mark", "session", "length", "at", "speaker", "traits", "role", "place")


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """Consecutive nodes.

    Attributes:
        records: The columns; a speaker is the digest of a name, or 0 for none.
        codes: The codes of their vectors, node by node.
        scales: The scale of each vector.
    """

    records: NDArray[np.void]
    codes: NDArray[np.int8]
    scales: NDArray[np.float32]

    @classmethod
    def of(cls, read: Read, axes: NDArray[np.float32]) -> Pack:
        """A pack of nodes that were read from their own rows."""
        records = np.zeros(len(read.columns.ids), RECORD)
        for name, column in zip(COLUMNS, read.columns.arrays, strict=True):
            records[name] = column
        digests = np.array([*map(encoding.digest, read.speakers), 0], np.int64)
        records["speaker"] = digests[read.columns.speakers]
        records["vectors"] = read.n_vectors
        return cls(records, *coded(read.vectors, axes))

    @classmethod
    def decoded(cls, content: bytes, codes: bytes, dimension: int) -> Pack:
        """A pack from its columns in the file.

        Raises:
            CorruptError: It is damaged.
        """
        n_vectors, rest = divmod(len(codes), dimension + 4)
        if rest or len(content) % RECORD.itemsize:
            raise CorruptError(_DAMAGED)
        records = np.frombuffer(content, RECORD)
        if int(records["vectors"].sum()) != n_vectors:
            raise CorruptError(_DAMAGED)
        parts = np.frombuffer(codes, np.int8, n_vectors * dimension).reshape(-1, dimension)
        return cls(records, parts, np.frombuffer(codes, "<f4", offset=parts.size))

    @property
    def columns(self) -> Columns:
        """The columns, with digests in place of the numbers of speakers."""
        return Columns(*(np.ascontiguousarray(self.records[name]) for name in COLUMNS))

    def encoded(self) -> tuple[bytes, bytes]:
        """Its columns in the file."""
        return self.records.tobytes(), self.codes.tobytes() + self.scales.astype("<f4").tobytes()


_DAMAGED = "The file is damaged: packed vectors are not as long as they should be. `helamem repair` makes them anew."


def axes_of(space: Space) -> NDArray[np.float32] | None:
    """The axes by which the vectors of a namespace are rotated; None if it is not packed."""
    is_packed = space.db.find("SELECT 1 FROM packing WHERE namespace = ?", space.id)
    return _axes(space) if is_packed else None


def _axes(space: Space) -> NDArray[np.float32]:
    (found,) = space.db.row("SELECT value FROM axes WHERE namespace = ?", space.id)
    if len(found) != 4 * space.dimension**2:
        raise CorruptError(_DAMAGED)
    return np.frombuffer(found, "<f4").reshape(space.dimension, space.dimension)


def read(space: Space) -> Iterator[Pack]:
    """All packs of a namespace, by ascending id."""
    return _of(space.db, space.id, space.dimension)


def _of(db: Database, namespace: int, dimension: int) -> Iterator[Pack]:
    query = "SELECT nodes, codes FROM pack WHERE namespace = ? ORDER BY first"
    for content, codes in db.execute(query, namespace):
        yield Pack.decoded(content, codes, dimension)


def keep_up(space: Space) -> None:
    """Pack the newest nodes where there are enough of them. Needs a transaction."""
    n_documents, newest, last = space.db.row(
        "SELECT n_documents, last_node, (SELECT last FROM packing WHERE namespace = n.id)"
        " FROM namespace n WHERE id = ?",
        space.id,
    )
    if last is None:
        if n_documents < EXACT_BELOW:
            return
        last = _begin(space)
    if newest - last < NODES:
        return
    axes = _axes(space)
    for _ in range(AT_ONCE):
        newer = nodes.after(space, last, (), NODES)
        if len(newer.columns.ids) < NODES:
            return
        last = _add(space, newer, axes)


def _begin(space: Space) -> int:
    """Choose the axes; nothing is packed yet."""
    axes = random_axes(space.dimension, np.random.default_rng(SEED))
    space.db.execute("INSERT INTO axes VALUES (?, ?)", space.id, axes.astype("<f4").tobytes())
    space.db.execute("INSERT INTO packing VALUES (?, 0, 0, 0)", space.id)
    return 0


def _add(space: Space, newer: Read, axes: NDArray[np.float32]) -> int:
    """Pack some nodes; return the last of them."""
    first, last = int(newer.columns.ids[0]), int(newer.columns.ids[-1])
    space.db.execute(
        "INSERT INTO pack (namespace, first, last, nodes, codes) VALUES (?, ?, ?, ?, ?)",
        space.id,
        first,
        last,
        *Pack.of(newer, axes).encoded(),
    )
    space.db.execute(
        "UPDATE packing SET last = ?, nodes = nodes + ? WHERE namespace = ?",
        last,
        len(newer.columns.ids),
        space.id,
    )
    return last


def empty(space: Space, ids: Iterable[int]) -> None:
    """Empty changed or removed nodes in their packs. Needs a transaction."""
    found = space.db.find("SELECT last, nodes, emptied FROM packing WHERE namespace = ?", space.id)
    if found is None:
        return
    last, n_nodes, n_emptied = found
    left = np.unique(np.array([id_ for id_ in ids if id_ <= last], np.int64))
    while len(left):
        emptied, left = _empty_first(space, left)
        n_emptied += emptied
    if n_emptied > MANY_EMPTIED * n_nodes:
        drop(space)
        return
    space.db.execute("UPDATE packing SET emptied = ? WHERE namespace = ?", n_emptied, space.id)


def _empty_first(space: Space, ids: Ints) -> tuple[int, Ints]:
    """Empty the nodes in the pack of the first one; return how many these were, and the other nodes."""
    found = space.db.find(
        "SELECT id, last, nodes FROM pack WHERE namespace = ? AND first <= ?"
        " ORDER BY first DESC LIMIT 1",
        space.id,
        int(ids[0]),
    )
    if found is None:
        return 0, ids[1:]
    number, last, content = found
    records = np.frombuffer(content, RECORD)
    mine = located(records["id"].astype(np.int64), ids[ids <= last])
    mine = mine[mine >= 0]
    mine = mine[records["mark"][mine] != GONE]
    _overwrite(space, number, records, mine)
    rest = ids[ids > last]
    return len(mine), rest if len(rest) < len(ids) else ids[1:]


def _overwrite(space: Space, number: int, records: NDArray[np.void], mine: Ints) -> None:
    """Empty some nodes of a pack in place; only their ids and numbers of vectors stay."""
    ends = np.cumsum(records["vectors"], dtype=np.int64)
    dimension, codes_bytes = space.dimension, int(ends[-1]) * space.dimension
    emptied = np.zeros(len(records), RECORD)
    for name in ("id", "vectors"):
        emptied[name] = records[name]
    emptied["mark"], emptied["session"] = GONE, -1
    for place in mine.tolist():
        n = int(records["vectors"][place])
        first = int(ends[place]) - n
        space.db.overwrite(
            "pack", "nodes", number, place * RECORD.itemsize, emptied[place].tobytes()
        )
        space.db.overwrite("pack", "codes", number, first * dimension, bytes(n * dimension))
        space.db.overwrite("pack", "codes", number, codes_bytes + 4 * first, bytes(4 * n))


def drop(space: Space) -> None:
    """Remove the packs of a namespace; the next addition begins them anew. Needs a transaction."""
    for table in ("pack", "packing", "axes"):
        space.db.execute(f"DELETE FROM {table} WHERE namespace = ?", space.id)  # noqa: S608


def numbered(digests: Ints, marks: NDArray[np.uint8]) -> tuple[NDArray[np.int32], Ints]:
    """Number speakers in the order of their first active memories; those without one get -1.

    Args:
        digests: The digest of each node's speaker; 0 for none.
        marks: Their marks.

    Returns:
        The number of each node's speaker, and for each number a node that has it.
    """
    speaking = np.flatnonzero((digests != 0) & (marks & ACTIVE > 0))
    known, firsts = np.unique(digests[speaking], return_index=True)
    order = np.argsort(firsts)
    number = np.empty(len(known), np.int32)
    number[order] = np.arange(len(known))
    places = located(known, digests)
    found = np.where(places >= 0, np.append(number, -1)[places], -1).astype(np.int32)
    return found, speaking[firsts[order]]


def wrong(db: Database, namespace: int, dimension: int) -> int:
    """How many nodes of a namespace disagree with its packs."""
    found = db.find("SELECT last FROM packing WHERE namespace = ?", namespace)
    if found is None:
        return 0
    there = db.column("SELECT id FROM node WHERE namespace = ? AND id <= ?", namespace, found[0])
    try:
        records = [pack.records for pack in _of(db, namespace, dimension)]
    except CorruptError:
        return len(there)
    known = np.concatenate([np.empty(0, RECORD), *records])
    kept = known["id"][known["mark"] != GONE]
    return len(np.setdiff1d(kept, there)) + len(np.setdiff1d(there, known["id"]))
