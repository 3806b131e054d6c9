"""Characters and scripts: the three forms of a text.

It is stored as it came (`clean`), embedded in NFC (`composed`), and compared word by word as `plain`: NFKD without
marks, with one letter for those that people type alike.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from helamem.language.patterns import pattern

if TYPE_CHECKING:
    import re

APOSTROPHES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\uff07": "'"})
HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Scripts that put no space between words, or glue particles to them: Thai to Myanmar, kana, Hangul, Han.
UNSPACED = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17dd\u3040-\u30ff\uac00-\ud7af" + HAN
INDIC = "\u0900-\u0963\u0966-\u096f\u0971-\u0dff"  # their vowel signs are not letters to `re`
EMOJI = "\u2600-\u27bf\U0001f000-\U0001faff"

# Accents, Hebrew and Arabic vowel points, the Arabic line that lengthens a letter, joiners, direction marks
# and skin tones: people search without them.
_UNSEEN = pattern(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u00ad\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufe0e\ufe0f\ufeff\U0001f3fb-\U0001f3ff]"
)
# Normalizing sorts marks in quadratic time, so a hostile run of them must come in pieces.
_NOT_ASCII = pattern(r"[^\x00-\x7f]{1,256}")
_WITH_BASE = pattern(r"[\x00-\x7f]?[^\x00-\x7f]{1,256}")  # a mark composes with what is before it
_SURROGATE_PAIR = pattern("[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = pattern("[\ud800-\udfff]")

_CONTROLS = dict.fromkeys([*range(32), *range(127, 160), 0x2028, 0x2029], " ")

# Letters that Unicode does not decompose, with their usual substitutes on other keyboards.
_ALIKE = {
    "\u00e6": "ae", "\u00c6": "Ae", "\u0153": "oe", "\u0152": "Oe",
    "\u00fe": "th", "\u00de": "Th", "\u00f0": "d", "\u00d0": "D",
    "\u0131": "i", "\u0138": "k", "\u014b": "n", "\u014a": "N",
    "\u06cc": "\u064a", "\u0649": "\u064a", "\u06d2": "\u064a",  # the Persian, dotless and Urdu yeh
    "\u06a9": "\u0643", "\u0671": "\u0627", "\u0629": "\u0647",  # kaf, alef, and heh at the end of a word
    "\u06c1": "\u0647", "\u06be": "\u0647",
}  # fmt: skip
_LETTER_WITH = pattern(r"((?:LATIN|CYRILLIC) (?:SMALL|CAPITAL) LETTER [A-Z-]+) WITH ")


class _Alike(dict[int, str]):
    """Maps a character to its substitute, found on first use."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _alike(chr(code))
        return found


_FOLDED = _Alike()


def clean(text: str) -> tuple[str, list[str]]:
    """The text as UTF-8 can store it, and sentences about what was replaced.

    Everything but lone surrogates stays, including NUL, control characters and direction marks.
    """
    if text.isascii():
        return text, []
    joined = _SURROGATE_PAIR.sub(_join_surrogates, text)
    replaced, n = _SURROGATE.subn("\ufffd", joined)
    if not n:
        return replaced, []
    return replaced, [f"{n} lone {'surrogate was' if n == 1 else 'surrogates were'} replaced"]


def on_one_line(text: str) -> str:
    """The text without line breaks and control characters."""
    return " ".join(text.translate(_CONTROLS).split())


def plain(text: str) -> str:
    r"""The text with one kind of apostrophe, and without anything that people leave out when they search.

    >>> plain("Zo\u00eb\u2019s caf\u00e9")
    "Zoe's cafe"
    """
    text = text.translate(APOSTROPHES)
    return text if text.isascii() else _NOT_ASCII.sub(_without_marks, text)


def composed(text: str) -> str:
    """The text in NFC, in linear time for any text."""
    return text if text.isascii() else _WITH_BASE.sub(_composed, text)


def _without_marks(run: re.Match[str]) -> str:
    stripped = _UNSEEN.sub("", unicodedata.normalize("NFKD", run[0]))
    return unicodedata.normalize("NFC", stripped).translate(_FOLDED)


def _composed(run: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", run[0])


def _alike(character: str) -> str:
    """The digit or plain letter that people type for a character: "l" for a crossed l.

    The character's name tells the letter, as in LATIN SMALL LETTER L WITH STROKE.
    """
    if character in _ALIKE:
        return _ALIKE[character]
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    letter = _LETTER_WITH.match(unicodedata.name(character, ""))
    return unicodedata.lookup(letter[1]) if letter else character


def _join_surrogates(match: re.Match[str]) -> str:
    return match[0].encode("utf-16", "surrogatepass").decode("utf-16")
