"""What a question or a turn gives away about time: the dates it names, and whether it asks for one.

Pure functions on English text. A date may be named in part: "in May", "5 May", "2023", "May 2023".
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from helamem.language.text import MONTHS

_LONG = [name.lower() for name in MONTHS]
_MONTHS = {name: i for i, name in enumerate(_LONG, start=1)}
_MONTHS |= {name[:3]: i for name, i in _MONTHS.items()} | {"sept": 9}
# "may", "mar", "jan" and the like are also words and names: in lower case only the long names count.
_NAMES = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY = r"(?P<{0}>\d{{1,2}})(?:st|nd|rd|th)?"
_MONTH_DATE = re.compile(
    rf"(?:\b{_DAY.format('before')}(?:\s+of)?\s+)?\b(?P<month>{_NAMES})\b\.?"
    rf"(?:\s+{_DAY.format('after')}\b(?!\d))?(?:,?\s+(?P<year>(?:19|20)\d\d)\b)?",
    re.IGNORECASE | re.ASCII,  # or a dotless i would count as one
)
_ISO_DATE = re.compile(
    r"\b(?P<year>(?:19|20)\d\d)-(?P<month>0[1-9]|1[0-2])(?:-(?P<day>0[1-9]|[12]\d|3[01]))?\b"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")

_TIME_WORDS = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|recently|soon|since|ago|upcoming|"
    r"(?:last|next|this|past|every)\s+\w+|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:week|month|year|weekend|day|morning|evening|night)s?|"
    r"summer|winter|spring|fall|autumn|(?:19|20)\d\d|" + "|".join(_LONG) + r")\b",
    re.IGNORECASE,
)
_ASKS_WHEN = re.compile(
    r"\W*(?:when|since when|how long|(?:in |on )?(?:what|which) (?:year|month|week|day|date|time))\b",
    re.IGNORECASE,
)


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


def dates_named(text: str) -> list[NamedDate]:
    """The dates that a text names, in order.

    >>> dates_named("What did Ana plan on 5 May, 2023?")
    [NamedDate(year=2023, month=5, day=5)]
    """
    found: dict[int, NamedDate] = {}
    rest = text
    for match in _ISO_DATE.finditer(text):
        found[match.start()] = _date(match["year"], int(match["month"]), match["day"])
        rest = _blanked(rest, match)
    for match in _MONTH_DATE.finditer(rest):
        if _is_month(match, rest):
            day = match["before"] or match["after"]
            found[match.start()] = _date(match["year"], _MONTHS[match["month"].lower()], day)
            rest = _blanked(rest, match)
    found |= {match.start(): NamedDate(year=int(match[0])) for match in _YEAR.finditer(rest)}
    return [found[start] for start in sorted(found)]


def asks_when(question: str) -> bool:
    """Whether a question asks for a time."""
    return bool(_ASKS_WHEN.match(question))


def names_time(text: str) -> bool:
    """Whether a text places something in time: a date, a weekday, "last week", "since"."""
    return bool(_TIME_WORDS.search(text))


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
