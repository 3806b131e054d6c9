"""Names in a text: of the speakers whom a question means, and of whatever a turn calls by its name.

Pure functions on strings, which raise on none. Names are told by their capitals, and by what stands around them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from helamem.language.characters import APOSTROPHES
from helamem.language.english import ENGLISH
from helamem.language.sentences import opens_sentence
from helamem.language.terms import TOKEN, UNSPACED_RUN, folded

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from helamem.language.language import Language

# So many words into a sentence, a name that is set off is but called out: "Oh hey Ana, ...", not "In Leeds."
OPENING = 2
LOOK_BACK = 16  # characters before a name that may say how it is meant
_SET_OFF = ",.!?;:\u2026"


def mentions(
    query: str, speakers: Sequence[str], language: Language = ENGLISH
) -> list[tuple[int, int, int]]:
    """Where a query, composed (NFC), names speakers: from where to where, a possessive 's included, and which; in order.

    A speaker is named by any word of the name. Case and accents do not matter, initials do not count. A
    name that is also a stop word or a month, such as Will or April, must have its capital, and not just
    because a sentence begins.

    >>> mentions("What did Zoe tell Ben Ode?", ["Ben Ode", "Zoë"])
    [(9, 12, 1), (18, 21, 0), (22, 25, 0)]
    """
    plain = query.translate(APOSTROPHES)
    words = [(word, i) for i, name in enumerate(speakers) for word in _name_words(name, language)]
    found = []
    for token in TOKEN.finditer(plain):
        said = folded(token[0], language).casefold()
        telling = token[0][0].isupper() and not opens_sentence(plain, token.start())
        for word, i in words:
            if _is_name(word, said, language, telling=telling):
                start, end = _place(word, said, token)
                possessive = language.possessive.match(plain, end)
                found.append((start, possessive.end() if possessive else end, i))
    return sorted(found)


def names_something(text: str, language: Language = ENGLISH) -> bool:
    """Whether a text calls something by its name: a place, a title, a brand, somebody who is not here.

    What counts is a capital inside a sentence, in a language that has them; but neither words that are all
    capitals nor a name that is but called out, as in "Thanks, Ana!" and "Hey Ana, ...".

    >>> names_something("We saw Carmen in Leeds, Ana!"), names_something("Thanks, Ana! I AM glad.")
    (True, False)
    """
    if not language.capitals_name:
        return False
    plain = folded(text, language)
    place = 0  # in the sentence
    for token in TOKEN.finditer(plain):
        place = 0 if opens_sentence(plain, token.start()) else place + 1
        if (
            place
            and _is_proper(token[0], language)
            and not _is_called_out(plain, token, place, language)
        ):
            return True
    return False


@lru_cache(maxsize=4096)
def _name_words(name: str, language: Language) -> tuple[str, ...]:
    return tuple(word for word in TOKEN.findall(folded(name, language).casefold()) if len(word) > 1)


def _is_name(word: str, said: str, language: Language, *, telling: bool) -> bool:
    """Whether a folded token says a word of a name; `telling`: it has a capital that means something."""
    if word in language.stop_words or word in language.month_words:
        return word == said and telling
    return word == said or (bool(UNSPACED_RUN.match(word)) and word in said)


def _place(word: str, said: str, token: re.Match[str]) -> tuple[int, int]:
    """From where to where a name's word stands: all of the token, unless it is a run without spaces."""
    if word == said:
        return token.span()
    start = token.start() + said.find(word)
    return start, min(start + len(word), token.end())


def _is_proper(token: str, language: Language) -> bool:
    capital = token[0].isupper() and (len(token) == 1 or not token.isupper())
    return capital and token.casefold() not in language.stop_words


def _is_called_out(text: str, token: re.Match[str], place: int, language: Language) -> bool:
    """Whether a name addresses somebody: set off at its end, and either by a comma or by opening a sentence."""
    before = text[max(0, token.start() - LOOK_BACK) : token.start()].rstrip()
    after = text[token.end() : token.end() + 1]
    opens = place <= OPENING and not language.leads_to_name.search(before)
    return (not after or after in _SET_OFF) and (opens or before.endswith(","))
