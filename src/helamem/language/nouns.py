"""Nouns after numbers."""

from __future__ import annotations


def noun(n: int, singular: str, plural: str = "") -> str:
    """A noun as it stands after a number.

    >>> noun(1, "turn"), noun(2, "turn"), noun(0, "memory", "memories")
    ('turn', 'turns', 'memories')
    """
    return singular if n == 1 else plural or f"{singular}s"
