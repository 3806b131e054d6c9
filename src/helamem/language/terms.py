"""The terms of a text, by which words are compared.

Pure functions on strings. They accept every string, including lone surrogates, control characters, or a million
characters without a space.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from helamem.language.characters import EMOJI, HAN, INDIC, UNSPACED, plain
from helamem.language.patterns import pattern
from helamem.language.sentences import opens_sentence
from helamem.protocols import Term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.language.language import Language

MAX_TERM = (
    64  # most characters of a run without spaces; longer ones are cut, in texts and queries alike
)
MOST_TOKENS = 2**14  # in RAM: some 3 MB, enough for nearly all that is said

# Units that are written with and without a space before them; a single letter would tear 5G and B12 apart.
_UNITS = "km|cm|mm|kg|mg|lbs?|oz|ml|cl|dl|kwh|kw|mah|[kmgt]b|[kmg]?hz|mph|kph|kmh|min|sec|hrs?|px|pt|am|pm"
_NUMBERS = (
    r"\d{1,3}(?:,\d{3})+(?!\d)"  # 1,000
    r"|\d+(?:[:.]\d+)+"  # 9:40, 3.14
    r"|[vV]\d+(?:\.\d+)+"  # v1.2.3
    rf"|\d+(?=(?i:{_UNITS})(?![^\W_]))"  # 10km
)
_TOKEN = pattern(
    rf"{_NUMBERS}|[{UNSPACED}]+|[{EMOJI}]"
    rf"|[^\W_{UNSPACED}]+(?:[{INDIC}]+[^\W_{UNSPACED}]*)*"  # words, 42P07, b12
)
_ASCII_TOKEN = re.compile(
    rf"{_NUMBERS}|[^\W_]+"
)  # the same there, and compiled sixteen times as fast
_DIGIT = re.compile(r"\d")
_VERSION = re.compile(r"v\d+\.\d")


def token_matches(text: str) -> Iterator[re.Match[str]]:
    """Every word, number and single sign of a text, as it stands there."""
    return (_ASCII_TOKEN if text.isascii() else _TOKEN).finditer(text)


def tokens_of(text: str) -> list[str]:
    """Every word, number and single sign of a text.

    >>> tokens_of("Run 10km at 9:40!")
    ['Run', '10', 'km', 'at', '9:40']
    """
    return (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)


def words_of(text: str, language: Language) -> list[str]:
    """Every word of a text in order, folded and in lower case; nothing is stemmed or left out.

    >>> from helamem.language import ENGLISH
    >>> words_of("Zoë's car is NEW.", ENGLISH)
    ['zoe', 'car', 'is', 'new']
    """
    return [token.casefold() for token in tokens_of(folded(text, language))]


def terms_of(text: str, language: Language) -> list[str]:
    """The terms of a text, in order and with repetitions.

    Words are lower-cased, stripped of accents and stemmed; stop words and contractions such as "don't" are dropped.
    A number is split from its unit, and a version loses its v. Scripts without spaces give pairs of characters,
    and also single Han characters that are no stop words.

    >>> from helamem.language import ENGLISH
    >>> terms_of("Maya's flight leaves from gate B12 at 9:40, error 42P07!", ENGLISH)
    ['maya', 'flight', 'leav', 'gate', 'b12', '9:40', 'error', '42p07']
    """
    tokens = tokens_of(folded(text, language))
    return [term for token in tokens for term in _read(token, language).terms]


def index_terms(text: str, language: Language) -> list[Term]:
    """The distinct terms of a text with their counts, the most telling first.

    Terms with digits come first, then those with a capital inside a sentence, then longer words, then earlier ones.
    """
    counts: dict[str, int] = {}
    tellings: dict[str, int] = {}
    searched = folded(text, language)
    for match in token_matches(searched):
        token = _read(match[0], language)
        if not token.terms:
            continue
        telling = token.telling
        if token.may_open and opens_sentence(searched, match.start()):
            telling = 2
        for term in token.terms:
            counts[term] = counts.get(term, 0) + 1
            tellings[term] = min(telling, tellings.get(term, telling))
    ranked = sorted(counts, key=lambda term: (tellings[term], -len(term)))
    return [Term(term=term, count=counts[term], rank=rank) for rank, term in enumerate(ranked)]


def folded(text: str, language: Language) -> str:
    """The text with one kind of apostrophe, without contractions, and `plain`."""
    searched = plain(text)
    return language.contraction.sub("", searched) if "'" in searched else searched


class _Token(NamedTuple):
    """A token wherever it stands.

    Attributes:
        telling: 0 with a digit, 1 with a capital, else 2.
        may_open: Whether the capital tells nothing where it opens a sentence.
    """

    terms: tuple[str, ...]
    telling: int
    may_open: bool


def _read(token: str, language: Language) -> _Token:
    """A token; those that people repeat are read once."""
    return _read_often(token, language) if len(token) <= MAX_TERM else _read_once(token, language)


def _read_once(token: str, language: Language) -> _Token:
    terms = tuple(_token_terms(token, language))
    if _DIGIT.search(token):
        return _Token(terms, 0, may_open=False)
    if not language.capitals_name or not token[0].isupper():
        return _Token(terms, 2, may_open=False)
    return _Token(terms, 1, may_open=not token[1:].isupper())


_read_often = lru_cache(MOST_TOKENS)(_read_once)


def is_unspaced(token: str) -> bool:
    """Whether a token begins in a script without spaces between words."""
    # Compiling such a set takes a millisecond, so it is left to those who meet other letters.
    return not token.isascii() and re.match(f"[{UNSPACED}]", token) is not None


def _token_terms(token: str, language: Language) -> Iterator[str]:
    if is_unspaced(token):
        yield from _character_terms(token, language)
        return
    word = token.casefold()
    if word not in language.stop_words:
        yield _term(word[:MAX_TERM], language)


def _character_terms(run: str, language: Language) -> Iterator[str]:
    yield from map("".join, pairwise(run))
    single = run if len(run) == 1 else re.findall(f"[{HAN}]", run)
    yield from (each for each in single if each not in language.stop_words)


def _term(word: str, language: Language) -> str:
    if _VERSION.match(word):
        return word[1:]
    return word.replace(",", "") if _DIGIT.search(word) else language.stem(word)
