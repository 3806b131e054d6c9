"""One language: its stop words and sentence patterns.

An empty `Language` is neutral: it splits text by Unicode alone and works for every script.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOTHING = re.compile(r"(?!)")  # matches nowhere


def _unchanged(word: str) -> str:
    return word


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Times:
    """How a language names relative periods; the patterns have the groups in brackets.

    Attributes:
        days: The offset of words for days, such as -1 for "yesterday".
        weekdays: The number of each weekday, Monday being 0, by its first three letters.
        numbers: Words for numbers; spaces in them may be hyphens in a text.
        ordinals: Words for days of a month, from 1 to 31.
        units: "hour", "day", "week", "weekend", "fortnight", "month" or "year" for each word, in the singular.
        which: -1, 0 or 1 for words such as "last", "this" and "next".
        day: A word for a day (day).
        ago: A number of units or weekdays before now, or before today or yesterday (number, unit, weekday or short,
            from).
        past: The last number of units up to now, or the last one of them (number, unit, or one).
        before_last: The unit or weekday before the last one (unit, weekday or short).
        unit: The last, this or next unit (which, unit), or the latest one that has begun (latest).
        weekday: A day of the week (which, weekday, short or bare).
        day_of_month: A day of a month that is not named (day).
        bound: Words that make the next date an end of a period (since, after, before, until, or between).
        link: Words between the ends of one period (to, or and).
    """

    days: Mapping[str, int] = field(default_factory=dict)
    weekdays: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    ordinals: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    which: Mapping[str, int] = field(default_factory=dict)
    day: re.Pattern[str] = NOTHING
    ago: re.Pattern[str] = NOTHING
    past: re.Pattern[str] = NOTHING
    before_last: re.Pattern[str] = NOTHING
    unit: re.Pattern[str] = NOTHING
    weekday: re.Pattern[str] = NOTHING
    day_of_month: re.Pattern[str] = NOTHING
    bound: re.Pattern[str] = NOTHING
    link: re.Pattern[str] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Language:
    """The words and patterns of one language. All patterns default to one that matches nowhere.

    Stores keep terms and traits made with it. Raise `version` with every change of these, so that older
    files are known to need a new index.

    Attributes:
        name: As in the setting `language`.
        version: The version of its analysis.
        stop_words: Words that tell nothing, lower case, without apostrophes.
        stem: Maps a lower-case word without accents to its stem.
        contraction: Parts that are left out, such as the "'ll" of "I'll".
        capitals_name: Whether a capital inside a sentence marks a name.
        titles: Abbreviations whose full stop does not end a sentence, as in "Dr. Lee"; lower case.
        mid_sentence: Abbreviations that may also end a sentence.
        one_letter_words: Letters that are words, so that a full stop after them ends a sentence.
        question_opening: Beginnings of questions only.
        courtesy: Phrases at the start of a question that only ask to be told.
        asking: The beginning of a sentence that asks, with a question mark or without.
        negation: A word that denies, in lower case.
        leads_to_name: A word at the end of a text after which a name is not a form of address.
        determiners: Words before a noun that is not a name, lower case.
        possessive: An ending that belongs to the name before it.
        first_person, second_person, third_person: Pronouns, lower case.
        pointing: Words that open a sentence only after another one, lower case.
        demonstrative: Words that point at what was said or shown before, lower case.
        together: Those of `first_person` that mean several.
        neuter: Pronouns for things, lower case.
        subject: The name of somebody whom a question is about; in group 1, the verb before it.
        showing: How a sentence points at a picture or a link beside it.
        pleasantry: Beginnings of thanks, greetings and applause.
        reporting: Words after somebody's name that only tell that they spoke, as in "Ana shared her thoughts".
        clause: The words between the first clause of a sentence and one about the same person.
        intention: Words before a verb that is not done yet, such as "want to", "will" and "am".
        past: The ending of a regular verb in the past, at the end of a word.
        irregular: The plain form of other verbs in the past, lower case.
        kin: A word for a relative, in group `kin`; what says whose it is, in group `whose`, or that it is known, stands
            before it in the match.
        months: The number of each name of a month, short and long, lower case.
        month_words: Names of months that are also names of people, lower case.
        month_date: A date with a month's name: groups `before` or `ordinal` or `which`, `month`, `after`, `year`.
        month_days: Days of one month, from one to another: groups `since` or `start`, `end`, `month`, `year`; or
            `in`, `first`, `last`, `of`.
        times: Relative periods.
        time_words: Anything that places a text in time.
        framing: Phrases of a question about the form of its answer, or about having been discussed.
        asks_reply: Signs that a question asks what the assistant said.
        asks_help: Signs that a question asks for something to be done, not for what is remembered.
        wish: How a sentence says what is wanted from then on.
        nicknames: The names that each nickname may stand for, lower case, beside those that it begins.
        pet_ending: The ending of a pet name, as the "y" of "Benny".
        called: What somebody is called, in group 1.
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
    asking: re.Pattern[str] = NOTHING
    negation: re.Pattern[str] = NOTHING
    leads_to_name: re.Pattern[str] = NOTHING
    determiners: frozenset[str] = frozenset()
    possessive: re.Pattern[str] = NOTHING
    first_person: frozenset[str] = frozenset()
    second_person: frozenset[str] = frozenset()
    third_person: frozenset[str] = frozenset()
    pointing: frozenset[str] = frozenset()
    demonstrative: frozenset[str] = frozenset()
    together: frozenset[str] = frozenset()
    neuter: frozenset[str] = frozenset()
    subject: re.Pattern[str] = NOTHING
    showing: re.Pattern[str] = NOTHING
    pleasantry: re.Pattern[str] = NOTHING
    reporting: re.Pattern[str] = NOTHING
    clause: re.Pattern[str] = NOTHING
    intention: re.Pattern[str] = NOTHING
    past: re.Pattern[str] = NOTHING
    irregular: Mapping[str, str] = field(default_factory=dict)
    kin: re.Pattern[str] = NOTHING
    months: Mapping[str, int] = field(default_factory=dict)
    month_words: frozenset[str] = frozenset()
    month_date: re.Pattern[str] = NOTHING
    month_days: re.Pattern[str] = NOTHING
    times: Times = field(default_factory=Times)
    time_words: re.Pattern[str] = NOTHING
    framing: re.Pattern[str] = NOTHING
    asks_reply: re.Pattern[str] = NOTHING
    asks_help: re.Pattern[str] = NOTHING
    wish: re.Pattern[str] = NOTHING
    nicknames: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pet_ending: re.Pattern[str] = NOTHING
    called: re.Pattern[str] = NOTHING


NEUTRAL = Language(
    name="neutral",
    version=3,
    time_words=re.compile(r"\b(?:19|20)\d\d\b"),  # a year is one in every language
)
