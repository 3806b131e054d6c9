"""Splits text into word pieces as BERT's uncased models do, without a tokenizer package.

Characters are normalised and lower-cased, accents go, every Chinese character and punctuation mark
stands alone, and a word is cut into the longest pieces that the vocabulary has, from left to right.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from helamem.protocols import Floats

UNKNOWN = 100  # the number of "[UNK]", for a word that cannot be split into known pieces
START, END = 101, 102  # the numbers of "[CLS]" and "[SEP]", which models want around a text

_MOST_CHARACTERS = 100  # a longer word is unknown
KEPT = 65_536  # words whose pieces are remembered
_CONTROL = ("Cc", "Cf", "Co", "Cs")
_LATIN_END = "\u0250"  # code points from here on belong to non-Latin scripts
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def numbers(text: str) -> list[int]:
    """The numbers of a text's pieces in the vocabulary, without the marks of its start and end.

    >>> [vocabulary_list()[number] for number in numbers("Zoë's kayaking!")]
    ['zoe', "'", 's', 'kay', '##aking', '!']
    """
    return [number for word in words(text) for number in pieces(word)]


def words(text: str) -> list[str]:
    """The words and punctuation of a text, lower-cased and without accents.

    >>> words("Zoë's café, 東京")
    ['zoe', "'", 's', 'cafe', ',', '東', '京']
    """
    if not text.isascii():
        text = unicodedata.normalize("NFD", "".join(map(_readable, text)))
    return "".join(map(_apart, text.lower())).split()


@lru_cache(maxsize=KEPT)
def pieces(word: str) -> tuple[int, ...]:
    """The numbers of the pieces of a word that `words` gave.

    >>> pieces("kay"), pieces("☃")
    ((10905,), (100,))
    """
    if len(word) > _MOST_CHARACTERS:
        return (UNKNOWN,)
    found = tuple(_cut(word, vocabulary()))
    return (UNKNOWN,) if UNKNOWN in found else found


@lru_cache(maxsize=1)
def vocabulary() -> Mapping[str, int]:
    """The number of every piece; pieces inside a word begin with "##"."""
    found = vocabulary_list()
    return dict(zip(found, range(len(found)), strict=True))


def vocabulary_list() -> list[str]:
    """The pieces in the order of their numbers."""
    file = Path(__file__).with_name("data") / "wordpiece.txt"
    return file.read_text(encoding="utf-8").rstrip("\n").split("\n")


def is_legible(word: str) -> bool:
    """Whether models of English read a word that `words` gave: one in Latin letters, or a mark.

    The vocabulary has single letters of other scripts, too, but they say nothing about words.
    """
    return all(map(_is_latin, word)) and UNKNOWN not in pieces(word)


def coverage(texts: Sequence[str]) -> Floats:
    """The share of each text that models of English read, by its letters and digits.

    A word that falls into more than two pieces counts less, by as many as it has more. A text without
    letters and digits has 1.0.

    >>> coverage(["I like kayaking.", "I like 東京", "..."]).round(2).tolist()
    [1.0, 0.71, 1.0]
    """
    return np.array([_share_read(words(text)) for text in texts], dtype=np.float64)


def _share_read(found: list[str]) -> float:
    sizes = [len(word) if word[0].isalnum() else 0 for word in found]
    read = sum(size * _legibility(word) for word, size in zip(found, sizes, strict=True))
    return read / sum(sizes) if any(sizes) else 1.0


@lru_cache(maxsize=KEPT)
def _legibility(word: str) -> float:
    return min(1.0, 2 / len(pieces(word))) if is_legible(word) else 0.0


def is_ideograph(character: str) -> bool:
    """Whether it is a character of Chinese writing, which stands for a word or a part of one."""
    code = ord(character)
    return code >= 0x3400 and any(first <= code <= last for first, last in _IDEOGRAPHS)


def _cut(word: str, known: Mapping[str, int]) -> Iterator[int]:
    start, mark = 0, ""
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = mark + word[start:end]
            if piece in known:  # `get` takes 17 us in other threads of a free-threaded Python 3.13
                break
        else:
            yield UNKNOWN
            return
        yield known[piece]
        start, mark = end, "##"


def _is_latin(character: str) -> bool:
    return character < _LATIN_END or not character.isalpha()


@lru_cache(maxsize=4096)
def _readable(character: str) -> str:
    """Normalize a character before accents are removed: drop control characters, unify spaces."""
    if character in "\t\n\r":
        return " "
    if character == "\ufffd" or unicodedata.category(character) in _CONTROL:
        return ""
    if character.isspace():
        return " "
    return f" {character} " if is_ideograph(character) else character


@lru_cache(maxsize=4096)
def _apart(character: str) -> str:
    """Handle a normalised character: separate punctuation, drop accents."""
    category = unicodedata.category(character)
    if category == "Mn":
        return ""
    if category == "Cc":
        return " " if character in "\t\n\r" else ""
    is_mark = category[0] == "P" or (character.isascii() and category[0] == "S")
    return f" {character} " if is_mark else character
