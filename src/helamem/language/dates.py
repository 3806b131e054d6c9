"""What a question or a turn gives away about time: the dates it names, and whether it asks for one.

Pure functions on text in one `Language`. A date may be named in part: "in May", "5 May", "2023", "May 2023".
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from helamem.language.english import ENGLISH

if TYPE_CHECKING:
    from helamem.language.language import Language

_ISO_DATE = re.compile(
    r"\b(?P<year>(?:19|20)\d\d)-(?P<month>0[1-9]|1[0-2])(?:-(?P<day>0[1-9]|[12]\d|3[01]))?\b"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDate:
    """A date as a text names it; what it leaves open is None."""

    year: int | None = None
    month: int | None = None
    day: int | None = None

    def interval(self, year: int) -> tuple[float, float] | None:
        """Its first and last moment in epoch seconds (UTC), in `year` where it names none.

        None where there is no such day, as for 29 February in most years.
        """
        year = self.year or year
        last_month = self.month or 12
        try:
            start = datetime(year, self.month or 1, self.day or 1, tzinfo=UTC)
            end = datetime(
                year, last_month, self.day or calendar.monthrange(year, last_month)[1], tzinfo=UTC
            )
        except ValueError:
            return None
        return start.timestamp(), (end + timedelta(days=1)).timestamp()


def dates_named(text: str, language: Language = ENGLISH) -> list[NamedDate]:
    """The dates that a text names, in order.

    >>> dates_named("What did Ana plan on 5 May, 2023?")
    [NamedDate(year=2023, month=5, day=5)]
    """
    found: dict[int, NamedDate] = {}
    rest = text
    for match in _ISO_DATE.finditer(text):
        found[match.start()] = _date(match["year"], int(match["month"]), match["day"])
        rest = _blanked(rest, match)
    for match in language.month_date.finditer(rest):
        if _is_month(match, rest):
            day = match["before"] or match["after"]
            found[match.start()] = _date(
                match["year"], language.months[match["month"].lower()], day
            )
            rest = _blanked(rest, match)
    found |= {match.start(): NamedDate(year=int(match[0])) for match in _YEAR.finditer(rest)}
    return [found[start] for start in sorted(found)]


def asks_when(question: str, language: Language = ENGLISH) -> bool:
    """Whether a question asks for a time."""
    return bool(language.asks_when.match(question))


def names_time(text: str, language: Language = ENGLISH) -> bool:
    """Whether a text places something in time: a date, a weekday, "last week", "since"."""
    return bool(language.time_words.search(text))


def _is_month(match: re.Match[str], text: str) -> bool:
    """Whether a month's name means the month: "may" does with a number, or with a capital inside a sentence."""
    word = match["month"]
    if match["before"] or match["after"] or match["year"]:
        return True
    if len(word) > 3:
        return True
    return word[0].isupper() and bool(text[: match.start()].strip())


def _date(year: str | None, month: int, day: str | None) -> NamedDate:
    number = int(day) if day and 1 <= int(day) <= 31 else None
    return NamedDate(year=int(year) if year else None, month=month, day=number)


def _blanked(text: str, match: re.Match[str]) -> str:
    return text[: match.start()] + " " * (match.end() - match.start()) + text[match.end() :]
