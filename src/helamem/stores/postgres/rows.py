"""Converts rows to records and back. The only place that knows the order of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.errors import CorruptError
from helamem.protocols import ROLES, Edges
from helamem.stores import encoding
from helamem.stores.encoding import digest, require_vector
from helamem.stores.postgres.texts import restored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from numpy.typing import NDArray

    from helamem.protocols import Floats
    from helamem.records import Episode, Fact

EPISODE, FACT, CUE = range(3)
ROLE_CODES = {role: code for code, role in enumerate(ROLES) if code}
IS_DOCUMENT = f"kind < {CUE} AND heard"

# What was superseded is left out, with its edges.
IS_SUPERSEDED = (
    "EXISTS (SELECT 1 FROM helamem.superseded x WHERE x.namespace = %(ns)s AND x.node = {})"
)
LIVING_EDGE = f"NOT {IS_SUPERSEDED.format('e.source')} AND NOT {IS_SUPERSEDED.format('e.target')}"

MEMORIES = (
    "SELECT n.id, n.kind, n.text, n.speaker, n.role, s.name, n.at, n.utc_offset, n.stored_at, n.metadata,"
    " coalesce(u.uses, 0), u.used_at, o.by, f.kind, f.confidence,"
    " ARRAY(SELECT episode FROM helamem.fact_source x WHERE x.namespace = %(ns)s AND x.fact = f.node ORDER BY episode)"
    " FROM helamem.node n"
    " LEFT JOIN helamem.session s ON s.namespace = %(ns)s AND s.id = n.session"
    " LEFT JOIN helamem.usage u ON u.namespace = %(ns)s AND u.node = n.id"
    " LEFT JOIN helamem.fact f ON f.namespace = %(ns)s AND f.node = n.id"
    " LEFT JOIN helamem.superseded o ON o.namespace = %(ns)s AND o.node = n.id"
    f" WHERE n.namespace = %(ns)s AND n.kind < {CUE}"
)
FILTERABLE = (
    "SELECT n.id, n.kind, n.text, n.speaker, n.role, s.name, n.at, n.stored_at, n.metadata FROM helamem.node n"
    " LEFT JOIN helamem.session s ON s.namespace = %(ns)s AND s.id = n.session"
    f" WHERE n.namespace = %(ns)s AND n.kind < {CUE}"
)


def memory(row: tuple[Any, ...], zone: tzinfo) -> Episode | Fact:
    """A record from a row of `MEMORIES`; times are in `zone` unless the turn brought its own zone."""
    return encoding.memory(row, zone, restored)


def filterable(row: tuple[Any, ...]) -> dict[str, Any]:
    """A row of `FILTERABLE` as `filters.matches` takes it."""
    return encoding.filterable(row, restored)


def edges(rows: Sequence[tuple[Any, ...]]) -> Edges:
    """Rows of source, target, channel, weight and touched."""
    sources, targets, channels, weights, touched = zip(*rows, strict=True) if rows else ((),) * 5
    return Edges(
        sources=np.array(sources, np.int64),
        targets=np.array(targets, np.int64),
        channels=np.array(channels, np.int64),
        weights=np.array(weights, np.float32),
        touched=np.array(touched, np.float64),
    )


def session_id(name: str) -> int:
    """The number of a session: a digest of its name, not negative, and far from the largest integer."""
    return digest(name) & (2**62 - 1)


def literal(vector: Floats, dimension: int) -> str:
    """A vector as PostgreSQL reads it.

    Raises:
        ValueError: See `require_vector`.
    """
    require_vector(vector, dimension)
    return f"[{','.join(map(repr, np.asarray(vector, np.float32).tolist()))}]"


def literals(vectors: Sequence[Floats], dimension: int) -> str:
    """Vectors as PostgreSQL reads an array of them.

    Raises:
        ValueError: As in `literal`.
    """
    return "{" + ",".join(f'"{literal(each, dimension)}"' for each in vectors) + "}"


def vectors(sent: bytes | None, dimension: int) -> NDArray[np.float32]:
    """Vectors from what `vector_send` gives, one after the other: dimension, a spare number, values.

    Raises:
        CorruptError: A vector has the wrong length.
    """
    n_bytes = 4 + 4 * dimension
    raw = np.frombuffer(sent or b"", np.uint8)
    if len(raw) % n_bytes:
        raise CorruptError(
            "The database is damaged: a vector has another length. Restore a backup."
        )
    table = raw.reshape(-1, n_bytes)[:, 4:]
    return np.ascontiguousarray(table).view(">f4").astype(np.float32).reshape(-1, dimension)
