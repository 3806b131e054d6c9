"""The keys that identify turns: a store keeps one episode per key.

A turn with a time is told by what was said, by whom, when, and the how-manieth of its like it is. A turn
without one is told by what was said before it. See docs/decisions/0015-what-makes-two-turns-the-same.md.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, tzinfo
from typing import TypeAlias

from helamem.moments import by_clock

Said: TypeAlias = "tuple[str, str, str]"  # by whom: role and speaker; and what


def digest(*parts: object) -> bytes:
    """A 16-byte digest of the parts, which must be JSON."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).digest()


def dated(session: str, said: Said, at: float, occurrence: int) -> bytes:
    """The key of a turn whose time is known.

    Args:
        session: As it was named; empty where it was not.
        said: The role and the name of the speaker, and the text.
        at: In epoch seconds, `settled`.
        occurrence: 0 for the first turn of its list that says just this, just then, 1 for the second, ...
    """
    return digest("dated", session, list(said), at, occurrence)


def start(session: str) -> bytes:
    """The key before the first turn of a conversation."""
    return digest("start", session)


def following(before: bytes, said: Said) -> bytes:
    """The key of a turn without a time that comes after the one with the key `before`."""
    return digest("following", before.hex(), list(said))


def item(key: object) -> bytes:
    """The key of a turn that the caller identifies by a text of their own; see `Engine.put`."""
    return digest("key", key)


def cue(text: str) -> bytes:
    """The key of a question; upper and lower case do not tell two apart."""
    return digest("cue", text.casefold())


def settled(seconds: float) -> float:
    """A time as it survives the way through a datetime: rounded to microseconds.

    >>> settled(0.1234567)
    0.123457
    """
    return round(seconds, 6)


def day(at: float, zone: tzinfo = UTC) -> str:
    """The session of a turn that names none: the day on which it was said.

    So what is added one by one still has neighbours, but not those of last year.

    >>> day(0.0)
    '1970-01-01'
    """
    return by_clock(at, zone).date().isoformat()
