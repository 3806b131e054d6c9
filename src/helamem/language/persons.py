"""Grammatical persons in a sentence: first, second, and references to others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from helamem.language.terms import folded, tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.language.language import Language

_QUOTED = re.compile('"[^"]*"|\u201c[^\u201d]*\u201d|\u00ab[^\u00bb]*\u00bb')
_NO_PRONOUNS = {"US"}  # the country


def speaks_of_self(sentence: str, language: Language, *, alone: bool = False) -> bool:
    """Whether a sentence says "I", "my", "we" or the like outside of quotation marks.

    Args:
        alone: Whether "we" and "our" do not count, which may mean everybody.

    >>> from helamem.language import ENGLISH
    >>> speaks_of_self("I moved to Leeds.", ENGLISH), speaks_of_self("World War I ended; the US joined late.", ENGLISH)
    (True, False)
    """
    self_ = language.first_person - language.together if alone else language.first_person
    return any(word in self_ for word in _words(sentence, language))


def addresses(sentence: str, language: Language) -> bool:
    """Whether a sentence says "you" or "your" outside of quotation marks.

    >>> from helamem.language import ENGLISH
    >>> addresses("You'll love it.", ENGLISH), addresses('She said "you".', ENGLISH)
    (True, False)
    """
    return any(word in language.second_person for word in _words(sentence, language))


def speaks_of_others(sentence: str, language: Language) -> bool:
    """Whether a sentence says "she", "they" or the like outside of quotation marks.

    >>> from helamem.language import ENGLISH
    >>> speaks_of_others("They moved.", ENGLISH), speaks_of_others("It rained.", ENGLISH)
    (True, False)
    """
    return any(word in language.third_person for word in _words(sentence, language))


def leaves_open(sentence: str, language: Language) -> bool:
    """Whether a sentence depends on another one: it begins with "that", or names nobody for "she".

    >>> from helamem.language import ENGLISH
    >>> leaves_open("That is great.", ENGLISH), leaves_open("She called.", ENGLISH), leaves_open("Ana lost her keys.", ENGLISH)
    (True, True, False)
    """
    words = list(_words(sentence, language))
    if not words or words[0] in language.pointing | language.third_person:
        return True
    open_ = language.third_person | language.demonstrative
    return any(word in open_ for word in words) and not _names_somebody(sentence, language)


def _words(sentence: str, language: Language) -> Iterator[str]:
    """The words in lower case, without the numeral of "World War I" and the country US."""
    tokens = tokens_of(folded(_QUOTED.sub(" ", sentence), language))
    for place, token in enumerate(tokens):
        numeral = token == "I" and place > 1 and tokens[place - 1][0].isupper()  # noqa: S105
        if not (numeral or token in _NO_PRONOUNS):
            yield token.lower()


def _names_somebody(sentence: str, language: Language) -> bool:
    pronouns = (
        language.first_person | language.second_person | language.third_person | language.pointing
    )
    return any(
        token[0].isupper() and token.lower() not in pronouns
        for token in tokens_of(folded(sentence, language))
    )
