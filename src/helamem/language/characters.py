"""Characters and scripts: what people leave out when they search, and what cannot be stored."""

from __future__ import annotations

import re
import unicodedata

APOSTROPHES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\uff07": "'"})
HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Scripts that put no space between words, or glue particles to them: Thai to Myanmar, kana, Hangul, Han.
UNSPACED = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17dd\u3040-\u30ff\uac00-\ud7af" + HAN
INDIC = "\u0900-\u0963\u0966-\u096f\u0971-\u0dff"  # their vowel signs are not letters to `re`
EMOJI = "\u2600-\u27bf\U0001f000-\U0001faff"

# Accents, Hebrew and Arabic vowel points, joiners, direction marks and skin tones: people search without them.
_UNSEEN = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u0610-\u061a\u064b-\u065f\u0670"
    "\u00ad\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufe0e\ufe0f\ufeff\U0001f3fb-\U0001f3ff]"
)
# Normalizing sorts marks in quadratic time, so a hostile run of them must come in pieces.
_NOT_ASCII = re.compile(r"[^\x00-\x7f]{1,256}")
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> tuple[str, list[str]]:
    """The text as it can be kept in UTF-8, and what had to be replaced for it, one sentence each.

    Everything but lone surrogates stays as it is: NUL, control characters and direction marks too.
    """
    if text.isascii():
        return text, []
    joined = _SURROGATE_PAIR.sub(_join_surrogates, text)
    replaced, n = _SURROGATE.subn("\ufffd", joined)
    if not n:
        return replaced, []
    return replaced, [f"{n} lone {'surrogate was' if n == 1 else 'surrogates were'} replaced"]


def plain(text: str) -> str:
    r"""The text with one kind of apostrophe, and without anything that people leave out when they search.

    >>> plain("Zo\u00eb\u2019s caf\u00e9")
    "Zoe's cafe"
    """
    text = text.translate(APOSTROPHES)
    return text if text.isascii() else _NOT_ASCII.sub(_without_marks, text)


def _without_marks(run: re.Match[str]) -> str:
    stripped = _UNSEEN.sub("", unicodedata.normalize("NFKD", run[0]))
    return unicodedata.normalize("NFC", stripped)


def _join_surrogates(match: re.Match[str]) -> str:
    return match[0].encode("utf-16", "surrogatepass").decode("utf-16")
