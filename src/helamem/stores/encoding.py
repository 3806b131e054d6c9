"""Values as every store keeps them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.errors import CorruptError
from helamem.moments import by_clock
from helamem.protocols import NODE_KINDS
from helamem.records import Episode, Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from helamem.protocols import Floats
    from helamem.records import Json

EPISODE = NODE_KINDS.index("episode")


def digest(text: str) -> int:
    """A number that represents a text in an index, so that the index contains no words."""
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "little", signed=True)


def dumped(metadata: Mapping[str, Json]) -> str:
    """Metadata as JSON without escapes, since SQL compares the texts.

    With lone surrogates everything outside ASCII is escaped, since UTF-8 cannot encode them.
    """
    plain = json.dumps(dict(metadata), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        plain.encode()
    except UnicodeEncodeError:
        return json.dumps(dict(metadata), allow_nan=False, separators=(",", ":"))
    return plain


def memory(row: Sequence[Any], zone: tzinfo, text_of: Callable[[str], str] = str) -> Episode | Fact:
    """A record from a row of the columns in `MEMORIES` of a store.

    Args:
        zone: The zone of times, unless the turn brought its own.
        text_of: The text from what is stored of it.

    Raises:
        CorruptError: A time or the metadata cannot be read.
    """
    id_, kind, text, speaker, role, session, at, offset, stored_at, metadata, *rest = row
    uses, used_at, superseded_by, fact_kind, confidence, sources = rest
    own = zone if offset is None else timezone(timedelta(seconds=offset))
    shared: dict[str, Any] = {
        "id": id_,
        "text": text_of(text),
        "speaker": text_of(speaker),
        "at": moment(at, own),
        "stored_at": moment(stored_at, zone),
        "metadata": loaded(metadata, id_),
        "uses": uses,
        "used_at": None if used_at is None else moment(used_at, zone),
        "superseded_by": superseded_by,
    }
    if kind == EPISODE:
        return Episode(role=text_of(role), session=text_of(session), **shared)
    return Fact(kind=fact_kind, confidence=confidence, sources=tuple(sources), **shared)


def filterable(row: Sequence[Any], text_of: Callable[[str], str] = str) -> dict[str, Any]:
    """A row of the columns in `FILTERABLE` of a store as `filters.matches` takes it.

    A fact has no role and no session.
    """
    id_, kind, text, speaker, role, session, at, stored_at, metadata = row
    columns = {
        "id": id_,
        "kind": NODE_KINDS[kind],
        "text": text_of(text),
        "speaker": text_of(speaker),
        "at": at,
        "stored_at": stored_at,
        "metadata": loaded(metadata, id_),
    }
    if kind != EPISODE:
        return columns
    return columns | {"role": text_of(role), "session": text_of(session)}


def loaded(metadata: str, id_: int) -> Any:  # noqa: ANN401  # JSON
    """The metadata of a memory.

    Raises:
        CorruptError: They are no JSON.
    """
    try:
        return json.loads(metadata)
    except (TypeError, ValueError, RecursionError) as exc:
        raise CorruptError(
            f"The memory is damaged: the metadata of {id_} are no JSON. `helamem doctor` says more."
        ) from exc


def moment(seconds: float, zone: tzinfo = UTC) -> datetime:
    """Epoch seconds as a time.

    Raises:
        CorruptError: They are no valid time.
    """
    try:
        return by_clock(seconds, zone)
    except (OverflowError, ValueError, TypeError, OSError) as exc:
        raise CorruptError(
            f"The memory is damaged: it holds {seconds!r:.40} as a time. `helamem doctor` says where."
        ) from exc


def unit(vector: Floats, dimension: int) -> Floats:
    """A vector scaled to length 1, so that its dot products with unit vectors are cosines.

    Raises:
        ValueError: See `require_vector`.
    """
    require_vector(vector, dimension)
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / (length or 1.0), np.float32)


def require_vector(vector: Floats, dimension: int) -> None:
    """Refuse a vector of another shape than (dimension,), or with values that are not finite.

    Raises:
        ValueError: It is one.
    """
    if vector.shape != (dimension,):
        raise ValueError(f"a vector here has {dimension} dimensions, not the shape {vector.shape}")
    if not np.isfinite(vector).all():
        raise ValueError("a vector holds an infinity, or something that is not a number")
