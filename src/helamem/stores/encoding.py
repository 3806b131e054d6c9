"""Values as every store keeps them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.errors import CorruptError
from helamem.moments import by_clock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from helamem.protocols import Floats
    from helamem.records import Json


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
