"""Dates and time expressions in a question or turn.

Pure functions on text in one `Language`. A period is absolute ("5 July 2017", "2017/07/05", "18.05.2024",
"May 2023", "2023"), without a year ("in May", "5 May"; it then means every year), or relative ("yesterday",
"last Friday", "two weeks ago", "since June", "between March and May").
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from helamem.language import times
from helamem.language.persons import speaks_of_self
from helamem.language.sentences import is_question, sentences
from helamem.language.times import Period

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.language.language import Language
    from helamem.language.times import Readers

_ANY_DAY = date(2000, 1, 1)  # where an expression stands does not depend on the day


def periods_named(text: str, today: date, language: Language) -> list[Period]:
    """The periods that a text names, relative to `today`, in order.

    A date without a year means that of each year. Of several sentences, one that says "I" or "we" counts only if
    it asks: what people tell of themselves before they ask is about other times.

    >>> from helamem.language import ENGLISH
    >>> periods_named("What did Ana plan on 5 May 2023?", date(2024, 1, 1), ENGLISH)
    [Period(first=datetime.date(2023, 5, 5), last=datetime.date(2023, 5, 5))]
    >>> periods_named("What is new since yesterday?", date(2024, 1, 1), ENGLISH)
    [Period(first=datetime.date(2023, 12, 31), last=None)]
    """
    asking = _asked(text, language)
    found = sorted(
        _expressions(asking, language, times.readers(language), today), key=lambda each: each[0]
    )
    periods: list[Period] = []
    end = 0
    while found:
        start, stop, named = found.pop(0)
        lead = language.times.bound.search(asking, end, start)
        bound = lead.lastgroup if lead else None
        if found and _joined(asking[stop : found[0][0]], bound, language):
            _, stop, until = found.pop(0)
            periods += _between(named, until)
        else:
            periods += _bounded(named, bound, today)
        end = stop
    return periods


def words_of_time(text: str, language: Language) -> list[str]:
    """The parts of a text that name periods, in order.

    >>> from helamem.language import ENGLISH
    >>> words_of_time("What did Ana plan on 5 May 2023?", ENGLISH)
    ['5 May 2023']
    """
    asking = _asked(text, language)
    return [asking[start:stop] for start, stop in _places(asking, language)]


def without_times(text: str, language: Language) -> str:
    """A text without the expressions that name periods.

    >>> from helamem.language import ENGLISH
    >>> without_times("What did Ana eat on 5 May 2023?", ENGLISH)
    'What did Ana eat on ?'
    """
    rest, end = "", 0
    for start, stop in _places(text, language):
        if not _is_title(text, start, stop, language):
            rest, end = rest + text[end:start], stop
    return " ".join((rest + text[end:]).split())


def _places(text: str, language: Language) -> list[tuple[int, int]]:
    """Where the expressions stand that name periods, in order."""
    return sorted(
        (start, stop)
        for start, stop, _ in _expressions(text, language, times.readers(language), _ANY_DAY)
    )


def relative_times(text: str, today: date, language: Language) -> list[tuple[int, int, Period]]:
    """The expressions that mean another time on another day, such as "last week": start, end, period; in order.

    A weekday needs "last" or "next". Those after "the", as in "the next day", count from another day, and those
    before a parenthesis are explained already.

    >>> from helamem.language import ENGLISH
    >>> relative_times("Ana left yesterday.", date(2024, 1, 1), ENGLISH)
    [(9, 18, Period(first=datetime.date(2023, 12, 31), last=datetime.date(2023, 12, 31)))]
    """
    readers = tuple(
        (pattern, times.weekday_beside if read is times.weekday else read)
        for pattern, read in times.relative_readers(language)
    )
    return sorted(
        (start, end, period)
        for start, end, (period,) in _expressions(text, language, readers, today)
        if not _is_title(text, start, end, language)
        and not _follows_determiner(text, start, language)
        and not text[end:].lstrip().startswith("(")
    )


def with_absolute_days(text: str, today: date, language: Language) -> str:
    """The text with a date for each day that it names relative to today: in a memory the same words mean another day.

    >>> from helamem.language import ENGLISH
    >>> with_absolute_days("What did Ana cook last Friday?", date(2024, 5, 15), ENGLISH)
    'What did Ana cook 2024-05-10?'
    >>> with_absolute_days("Who sang Yesterday two weeks ago?", date(2024, 5, 15), ENGLISH)
    'Who sang Yesterday two weeks ago?'
    """
    found = sorted(
        _expressions(text, language, times.relative_readers(language), today), reverse=True
    )
    for start, stop, periods in found:
        day = periods[0].first
        if day and day == periods[0].last and not _is_title(text, start, stop, language):
            text = f"{text[:start]}{day.isoformat()}{text[stop:]}"
    return text


def _is_title(text: str, start: int, stop: int, language: Language) -> bool:
    """Whether a word such as "Yesterday" has a capital inside of a text."""
    word = text[start:stop]
    return word.lower() in language.times.days and word[0].isupper() and bool(text[:start].strip())


def names_time(text: str, language: Language) -> bool:
    """Whether a text places something in time: a date, a weekday, "last week", "since"."""
    return bool(language.time_words.search(text))


def names_year(text: str) -> bool:
    """Whether a text names a year, so that its date does not depend on when it was said."""
    return any(form.search(text) for form in times.YEAR_FORMS)


def _asked(text: str, language: Language) -> str:
    parts = sentences(text, language)
    if len(parts) == 1:
        return text
    return " ".join(each for each in parts if _is_asked(each, language))


def _is_asked(sentence: str, language: Language) -> bool:
    asks = is_question(sentence, language) or language.asking.match(sentence)
    return bool(asks) or not speaks_of_self(sentence, language)


def _joined(between: str, bound: str | None, language: Language) -> bool:
    """Whether the text between two dates makes them the ends of one period."""
    link = language.times.link.fullmatch(between)
    return link is not None and (bound in ("between", "since") or link.lastgroup == "to")


def _between(starts: list[Period], ends: list[Period]) -> list[Period]:
    """The periods from the latest start that is not after each end, to that end."""
    return [
        Period(max(begun), end.last)
        for end in ends
        if end.last and (begun := [s.first for s in starts if s.first and s.first <= end.last])
    ]


def _bounded(named: list[Period], bound: str | None, today: date) -> list[Period]:
    """The period that "since", "after", "before" or "until" makes of the latest date that has begun."""
    begun = [each for each in named if each.first and each.first <= today] or named
    if bound in (None, "between") or not begun:
        return named
    latest = max(begun, key=lambda each: each.first or date.min)
    if bound == "since":
        return [Period(latest.first, None)]
    if bound == "after":
        return [Period(latest.last and _beside(latest.last, 1), None)]
    if bound == "before":
        return [Period(None, latest.first and _beside(latest.first, -1))]
    return [Period(None, latest.last)]


def _beside(day: date, days: int) -> date:
    """A day some days from another, or the same day if the calendar ends between them."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return day


def _expressions(
    text: str, language: Language, readers: Readers, today: date
) -> Iterator[tuple[int, int, list[Period]]]:
    """Start, end and possible periods of each expression in a text; they do not overlap."""
    for pattern, read in readers:
        for match in pattern.finditer(text):
            periods = times.within_calendar(read, match, today, language)
            if periods is not None:
                yield match.start(), match.end(), periods
                text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]


def _follows_determiner(text: str, start: int, language: Language) -> bool:
    before = text[max(0, start - 8) : start].split()
    return bool(before) and before[-1].lower() in language.determiners
