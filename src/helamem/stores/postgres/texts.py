"""Texts that PostgreSQL cannot keep as they are: with a NUL, or half of a surrogate pair.

Such a character is stored as a mark and its code in four digits. A text with a mark is odd: SQL can compare it for
equality, but cannot search in it.
"""

from __future__ import annotations

import re

MARK = "\ufdd0"  # no character, by Unicode's own word; where a text has it, it is stored in the same way
_UNSTORABLE = re.compile(f"[\0{MARK}\ud800-\udfff]")
_STORED = re.compile(f"{MARK}([0-9a-f]{{4}})")


def stored(text: str) -> str:
    r"""The text as it is stored.

    >>> stored("a\0b") == "a\ufdd00000b"
    True
    """
    return _UNSTORABLE.sub(lambda found: f"{MARK}{ord(found[0]):04x}", text)


def restored(text: str) -> str:
    r"""The text that was stored.

    >>> restored(stored("a\0b\ud800")) == "a\0b\ud800"
    True
    """
    if MARK not in text:
        return text
    return _STORED.sub(lambda found: chr(int(found[1], 16)), text)


def is_storable(text: str) -> bool:
    """Whether a text is stored as it is."""
    return _UNSTORABLE.search(text) is None
