"""What is known about one language: its frequent words and the patterns that its sentences follow.

A `Language` without any of it is neutral: it splits text by Unicode alone and works for every script.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOTHING = re.compile(r"(?!)")  # matches nowhere


def _unchanged(word: str) -> str:
    return word


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Language:
    """The words and patterns of one language. All patterns default to one that matches nowhere.

    A store keeps terms and traits that were made with it. Whoever changes what they come out as raises
    `version`, so that older files are known to need a new index.

    Attributes:
        name: As in the setting `language`.
        version: The number of its analysis.
        stop_words: Words that tell nothing, lower case, without apostrophes.
        stem: From a lower-case word without accents to its stem.
        contraction: What is left out of a text, as the "'ll" of "I'll".
        capitals_name: Whether a capital inside a sentence marks a name.
        titles: What a full stop follows inside a sentence, as in "Dr. Lee"; lower case.
        mid_sentence: Abbreviations that may also end a sentence.
        one_letter_words: Letters that are words, so that a full stop after them ends a sentence.
        question_opening: How only a question begins.
        courtesy: A phrase at the start of a question that only asks to be told.
        negation: A word that denies, in lower case.
        leads_to_name: A word at the end of a text after which a name is not a form of address.
        possessive: An ending that belongs to the name before it.
        first_person, second_person, third_person: Pronouns, lower case.
        pointing: Words that open a sentence only after another one, lower case.
        demonstrative: Words that point at what was said or shown before, lower case.
        pleasantry: How thanks, greetings and applause begin.
        months: The number of each name of a month, short and long, lower case.
        month_words: Names of months that are also names of people, lower case.
        month_date: A date with a month's name: groups `before`, `month`, `after`, `year`.
        time_words: Anything that places a text in time.
        asks_when: How a question that asks for a time begins.
        asks_many: Signs that a question asks for all there is of a kind.
        asks_why: How a question that asks for a reason or a manner begins.
        lately: A time without a date that narrows a question.
    """

    name: str
    version: int
    stop_words: frozenset[str] = frozenset()
    stem: Callable[[str], str] = _unchanged
    contraction: re.Pattern[str] = NOTHING
    capitals_name: bool = False
    titles: frozenset[str] = frozenset()
    mid_sentence: frozenset[str] = frozenset()
    one_letter_words: frozenset[str] = frozenset()
    question_opening: re.Pattern[str] = NOTHING
    courtesy: re.Pattern[str] = NOTHING
    negation: re.Pattern[str] = NOTHING
    leads_to_name: re.Pattern[str] = NOTHING
    possessive: re.Pattern[str] = NOTHING
    first_person: frozenset[str] = frozenset()
    second_person: frozenset[str] = frozenset()
    third_person: frozenset[str] = frozenset()
    pointing: frozenset[str] = frozenset()
    demonstrative: frozenset[str] = frozenset()
    pleasantry: re.Pattern[str] = NOTHING
    months: Mapping[str, int] = field(default_factory=dict)
    month_words: frozenset[str] = frozenset()
    month_date: re.Pattern[str] = NOTHING
    time_words: re.Pattern[str] = NOTHING
    asks_when: re.Pattern[str] = NOTHING
    asks_many: tuple[re.Pattern[str], ...] = ()
    asks_why: re.Pattern[str] = NOTHING
    lately: re.Pattern[str] = NOTHING


NEUTRAL = Language(
    name="neutral",
    version=2,
    time_words=re.compile(r"\b(?:19|20)\d\d\b"),  # a year is one in every language
)
