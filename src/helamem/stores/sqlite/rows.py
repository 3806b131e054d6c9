"""Converts rows to records and back. The only place that knows the order of columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import identity
from helamem.errors import CorruptError
from helamem.protocols import QUIET, Edges
from helamem.stores import encoding
from helamem.stores.encoding import require_vector

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from numpy.typing import NDArray

    from helamem.protocols import Floats, Ints
    from helamem.records import Episode, Fact

EPISODE, FACT, CUE = range(3)
IS_DOCUMENT = f"active AND kind < {CUE} AND NOT traits & {QUIET}"  # columns that filters use

MEMORIES = (
    "SELECT n.id, n.kind, n.text, n.speaker, n.role, s.name, n.at, n.utc_offset,"
    " n.stored_at, n.metadata, coalesce(u.uses, 0), u.used_at, x.by, f.kind, f.confidence,"
    " (SELECT json_group_array(episode) FROM (SELECT episode FROM fact_source WHERE fact = f.node ORDER BY episode))"
    " FROM node n"
    " LEFT JOIN session s ON s.id = n.session LEFT JOIN usage u ON u.node = n.id"
    " LEFT JOIN fact f ON f.node = n.id LEFT JOIN superseded x ON x.node = n.id"
    # The plus signs keep SQLite from walking the whole namespace instead of looking up the ids.
    " WHERE n.id IN (SELECT value FROM json_each(?)) AND +n.namespace = ? AND +n.kind < 2"
)

FILTERABLE = (
    "SELECT n.id, n.kind, n.text, n.speaker, n.role, s.name, n.at, n.stored_at, n.metadata FROM node n"
    " LEFT JOIN session s ON s.id = n.session WHERE n.namespace = ? AND n.kind < 2"
)


def memory(row: tuple[Any, ...], zone: tzinfo) -> Episode | Fact:
    """A record from a row of `MEMORIES`; times are in `zone` unless the turn brought its own zone."""
    *columns, sources = row
    return encoding.memory([*columns, json.loads(sources)], zone)


def edges(rows: Sequence[tuple[Any, ...]]) -> Edges:
    """Rows of the table of edges, in the order of its columns."""
    table = np.array(rows, np.float64).reshape(-1, 5)
    return Edges(
        sources=table[:, 0].astype(np.int64),
        targets=table[:, 1].astype(np.int64),
        channels=table[:, 2].astype(np.int64),
        weights=table[:, 3].astype(np.float32),
        touched=table[:, 4],
    )


def blob(vector: Floats, passages: Sequence[Floats], dimension: int) -> bytes:
    """Encode the vectors of a node for the file, that of the whole text first.

    Raises:
        ValueError: See `require_vector`.
    """
    for each in (vector, *passages):
        require_vector(each, dimension)
    return np.ascontiguousarray([vector, *passages], "<f4").tobytes()


def unblobbed(blobs: Sequence[bytes], dimension: int) -> tuple[NDArray[np.float32], Ints]:
    """Decode vectors from the file: one per row, and how many belong to each node.

    Raises:
        CorruptError: A vector has the wrong length.
    """
    sizes = np.array([len(each) for each in blobs], np.int64)
    if (sizes % (4 * dimension)).any() or not sizes.all():
        raise CorruptError("The file is damaged: a vector has another length. Restore a backup.")
    vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(-1, dimension)
    return vectors, sizes // (4 * dimension)


def turn_key(session: str, role: str, speaker: str, text: str, at: float) -> bytes:
    """The key of a turn in files from before role and place were part of the key.

    Such files do not say whether a session was named; a session called like its day counts as unnamed.
    """
    try:
        named = "" if session == identity.day(at) else session
    except (
        OverflowError,
        ValueError,
        OSError,
    ):  # an invalid time must not make the whole file unreadable
        named = session
    return identity.dated(named, (role, speaker, text), at, 0)
