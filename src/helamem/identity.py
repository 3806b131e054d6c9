"""The keys that identify turns: a store keeps one episode per key.

The key of a turn with a time holds text, speaker, role, time, and its number among equal turns. That of a
turn without one holds the key of the turn before. See docs/decisions/0015-what-makes-two-turns-the-same.md.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, tzinfo
from typing import TypeAlias

from helamem.moments import by_clock

Utterance: TypeAlias = "tuple[str, str, str]"  # role, speaker and text


def digest(*parts: object) -> bytes:
    """A 16-byte digest of the parts, which must be JSON."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).digest()


def dated(session: str, utterance: Utterance, at: float, occurrence: int) -> bytes:
    """The key of a turn whose time is known.

    Args:
        session: As it was named; empty if it was not.
        utterance: Role, speaker and text.
        at: Epoch seconds, `settled`.
        occurrence: The turn's number, from 0, among those of its list with the same text and time.
    """
    return digest("dated", session, list(utterance), at, occurrence)


def start(session: str) -> bytes:
    """The key before the first turn of a conversation."""
    return digest("start", session)


def following(before: bytes, utterance: Utterance) -> bytes:
    """The key of a turn without a time that follows the turn with the key `before`."""
    return digest("following", before.hex(), list(utterance))


def item(key: object) -> bytes:
    """The key of a turn that the caller identifies by a text; see `Engine.put`."""
    return digest("key", key)


def cue(text: str) -> bytes:
    """The key of a question, ignoring case."""
    return digest("cue", text.casefold())


def settled(seconds: float) -> float:
    """A time rounded to microseconds, as a datetime stores it.

    >>> settled(0.1234567)
    0.123457
    """
    return round(seconds, 6)


def day(at: float, zone: tzinfo = UTC) -> str:
    """The session of a turn that names none: the day on which it was said.

    So turns added one by one have neighbours of the same day only.

    >>> day(0.0)
    '1970-01-01'
    """
    return by_clock(at, zone).date().isoformat()
