"""Splits text into sentences, and detects questions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.language.characters import EMOJI
from helamem.language.patterns import pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from helamem.language.language import Language

_CLOSERS = "\"'\u201d\u2019\u00bb)\\]\u300d\u300f"
_SENTENCE_END = pattern(
    rf"(?<![.!?\u2026])[.!?\u2026]+[{_CLOSERS}]*(?=\s)|[\u3002\uff01\uff1f]+[{_CLOSERS}]*|\n+"
)
_QUESTION_MARK = pattern(rf"[?\uff1f\u061f][!?{_CLOSERS}\s]*(?:[{EMOJI}\ufe0f\u200d\s])*$")
_EMOJI_ALONE = pattern(rf"[{EMOJI}]")


def sentences(text: str, language: Language) -> list[str]:
    """The sentences of a text, stripped and not blank; a line break ends a sentence.

    >>> from helamem.language import ENGLISH
    >>> sentences("Dr. Lee called at 3 p.m. today. Great! Now what?", ENGLISH)
    ['Dr. Lee called at 3 p.m. today.', 'Great!', 'Now what?']
    """
    found = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if _is_abbreviation(text, start, match, language):
            continue
        found.append(text[start : match.end()].strip())
        start = match.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


def stretches(text: str, size: int, language: Language) -> list[str]:
    """The text in stretches of at most `size` characters, each of whole sentences where these are not longer.

    >>> from helamem.language import ENGLISH
    >>> stretches("It rained. We stayed in. The cat slept all day.", 25, ENGLISH)
    ['It rained. We stayed in.', 'The cat slept all day.']
    """
    found: list[str] = []
    for sentence in sentences(text, language):
        for piece in _pieces(sentence, size):
            if found and len(found[-1]) + 1 + len(piece) <= size:
                found[-1] += f" {piece}"
            else:
                found.append(piece)
    return found


def _pieces(sentence: str, size: int) -> Iterator[str]:
    """A sentence in pieces of at most `size` characters, cut between words where that is possible."""
    start = 0
    while len(sentence) - start > size:
        space = sentence.rfind(" ", start + 1, start + size + 1)
        end = space if space > 0 else start + size
        yield sentence[start:end]
        start = end + (space > 0)
    yield sentence[start:]


def opens_sentence(text: str, start: int) -> bool:
    """Whether the word at `start` is the first of a sentence."""
    before = text[max(0, start - 8) : start]
    stripped = before.rstrip(" \t\"'([*_-")
    return (
        not stripped
        or stripped[-1] in ".!?:\n\r\u2026\u3002\uff01\uff1f"
        or bool(_EMOJI_ALONE.match(stripped[-1]))
    )


def is_question(sentence: str, language: Language) -> bool:
    """Whether a sentence is a question: by its question mark or its beginning."""
    return has_question_mark(sentence) or bool(language.question_opening.match(sentence))


def has_question_mark(sentence: str) -> bool:
    """Whether a sentence ends with a question mark; unlike by its beginning, no title is taken for a question."""
    return bool(_QUESTION_MARK.search(sentence.rstrip()[-64:]))


def _is_abbreviation(text: str, start: int, end: re.Match[str], language: Language) -> bool:
    """Whether the full stop of `end` belongs to an abbreviation or an initial."""
    if end[0] != ".":
        return False
    before = text[max(start, end.start() - 8) : end.start()].rpartition(" ")[2].lower()
    if before in language.titles or _is_initial(before, language):
        return True
    return before in language.mid_sentence and text[end.end() : end.end() + 2].strip()[:1].islower()


def _is_initial(word: str, language: Language) -> bool:
    return len(word) == 1 and word.isalpha() and word not in language.one_letter_words
