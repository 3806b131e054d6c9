"""Names in a text: of the speakers whom a question means, and of whatever a turn calls by its name.

Pure functions on strings, which raise on none. Names are told by their capitals, and by what stands around them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from helamem.language.text import (
    APOSTROPHES,
    MONTHS,
    STOP_WORDS,
    TOKEN,
    UNSPACED_RUN,
    folded,
    opens_sentence,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# So many words into a sentence, a name that is set off is but called out: "Oh hey Ana, ...", not "In Leeds."
OPENING = 2
LOOK_BACK = 16  # characters before a name that may say how it is meant
_LEADS_TO_NAME = re.compile(
    r"\b(?:a|an|the|of|in|on|at|to|from|with|by|for|about|and|or)$", re.IGNORECASE
)
_SET_OFF = ",.!?;:\u2026"
_POSSESSIVE = re.compile(r"'s\b", re.IGNORECASE)
_MONTH_WORDS = frozenset(month.lower() for month in MONTHS)


def mentions(query: str, speakers: Sequence[str]) -> list[tuple[int, int, int]]:
    """Where a query, composed (NFC), names speakers: from where to where, a possessive 's included, and which; in order.

    A speaker is named by any word of the name. Case and accents do not matter, initials do not count. A
    name that is also a stop word or a month, such as Will or April, must have its capital, and not just
    because a sentence begins.

    >>> mentions("What did Zoe tell Ben Ode?", ["Ben Ode", "Zoë"])
    [(9, 12, 1), (18, 21, 0), (22, 25, 0)]
    """
    plain = query.translate(APOSTROPHES)
    words = [(word, i) for i, name in enumerate(speakers) for word in _name_words(name)]
    found = []
    for token in TOKEN.finditer(plain):
        said = folded(token[0]).casefold()
        telling = token[0][0].isupper() and not opens_sentence(plain, token.start())
        for word, i in words:
            if _is_name(word, said, telling=telling):
                start, end = _place(word, said, token)
                possessive = _POSSESSIVE.match(plain, end)
                found.append((start, possessive.end() if possessive else end, i))
    return sorted(found)


def names_something(text: str) -> bool:
    """Whether a text calls something by its name: a place, a title, a brand, somebody who is not here.

    What counts is a capital inside a sentence, in a language that has them; but neither words that are all
    capitals nor a name that is but called out, as in "Thanks, Ana!" and "Hey Ana, ...".

    >>> names_something("We saw Carmen in Leeds, Ana!"), names_something("Thanks, Ana! I AM glad.")
    (True, False)
    """
    plain = folded(text)
    place = 0  # in the sentence
    for token in TOKEN.finditer(plain):
        place = 0 if opens_sentence(plain, token.start()) else place + 1
        if place and _is_proper(token[0]) and not _is_called_out(plain, token, place):
            return True
    return False


@lru_cache(maxsize=4096)
def _name_words(name: str) -> tuple[str, ...]:
    return tuple(word for word in TOKEN.findall(folded(name).casefold()) if len(word) > 1)


def _is_name(word: str, said: str, *, telling: bool) -> bool:
    """Whether a folded token says a word of a name; `telling`: it has a capital that means something."""
    if word in STOP_WORDS or word in _MONTH_WORDS:
        return word == said and telling
    return word == said or (bool(UNSPACED_RUN.match(word)) and word in said)


def _place(word: str, said: str, token: re.Match[str]) -> tuple[int, int]:
    """From where to where a name's word stands: all of the token, unless it is a run without spaces."""
    if word == said:
        return token.span()
    start = token.start() + said.find(word)
    return start, min(start + len(word), token.end())


def _is_proper(token: str) -> bool:
    capital = token[0].isupper() and (len(token) == 1 or not token.isupper())
    return capital and token.casefold() not in STOP_WORDS


def _is_called_out(text: str, token: re.Match[str], place: int) -> bool:
    """Whether a name addresses somebody: set off at its end, and either by a comma or by opening a sentence."""
    before = text[max(0, token.start() - LOOK_BACK) : token.start()].rstrip()
    after = text[token.end() : token.end() + 1]
    opens = place <= OPENING and not _LEADS_TO_NAME.search(before)
    return (not after or after in _SET_OFF) and (opens or before.endswith(","))
