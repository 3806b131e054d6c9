"""Values as every store keeps them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from helamem.errors import CorruptError
from helamem.moments import by_clock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

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
