"""Grammatical persons in an English sentence: who speaks of themselves, who is addressed, who is left open."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from helamem.language.text import TOKEN, folded

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST = frozenset(["i", "me", "my", "myself", "we", "us", "our", "ours", "ourselves"])
_SECOND = frozenset(["you", "your", "yours", "yourself", "yourselves"])
_THIRD = frozenset(
    [
        "he",
        "she",
        "they",
        "him",
        "her",
        "them",
        "his",
        "hers",
        "their",
        "theirs",
        "himself",
        "herself",
        "themselves",
    ]
)
_POINTING = frozenset(["it", "its", "this", "that", "these", "those", "there", "then"])
_QUOTED = re.compile('"[^"]*"|\u201c[^\u201d]*\u201d|\u00ab[^\u00bb]*\u00bb')


def speaks_of_self(sentence: str) -> bool:
    """Whether a sentence says "I", "my", "we" or the like outside of quotation marks.

    >>> speaks_of_self("I moved to Leeds."), speaks_of_self("World War I ended; the US joined late.")
    (True, False)
    """
    return any(word in _FIRST for word in _words(sentence))


def addresses(sentence: str) -> bool:
    """Whether a sentence says "you" or "your" outside of quotation marks.

    >>> addresses("You'll love it."), addresses('She said "you".')
    (True, False)
    """
    return any(word in _SECOND for word in _words(sentence))


def leaves_open(sentence: str) -> bool:
    """Whether a sentence needs another one to be understood: it opens by pointing, or names nobody for "she".

    >>> leaves_open("That is great."), leaves_open("She called."), leaves_open("Ana lost her keys.")
    (True, True, False)
    """
    words = list(_words(sentence))
    if not words or words[0] in _POINTING | _THIRD:
        return True
    return any(word in _THIRD for word in words) and not (
        speaks_of_self(sentence) or _names_somebody(sentence)
    )


def _words(sentence: str) -> Iterator[str]:
    """The words in lower case; the numeral of "World War I" and the country US are not pronouns."""
    tokens = TOKEN.findall(folded(_QUOTED.sub(" ", sentence)))
    for place, token in enumerate(tokens):
        numeral = token == "I" and place > 1 and tokens[place - 1][0].isupper()  # noqa: S105
        if not (numeral or token == "US"):  # noqa: S105
            yield token.lower()


def _names_somebody(sentence: str) -> bool:
    return any(
        token[0].isupper() and token.lower() not in _FIRST | _THIRD | _SECOND | _POINTING
        for token in TOKEN.findall(folded(sentence))
    )
