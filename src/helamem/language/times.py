"""Periods of whole days, and the readers of expressions that name them. Pure."""

from __future__ import annotations

import calendar
import math
import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from helamem.frozen import dataclass
from helamem.language.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from helamem.language.language import Language

YEARS_BACK = 120  # number of years in which a date without a year is searched

_D, _M, _Y = r"3[01]|[12]\d|0?[1-9]", r"1[0-2]|0?[1-9]", r"(?:19|20)\d\d"
_YEAR_FIRST = pattern(
    rf"(?<![\d.])(?P<year>{_Y})(?P<sign>[-/.])(?P<month>{_M})(?!\d)(?:(?P=sign)(?P<day>{_D})(?!\d))?(?<!\.\d)"
)
_YEAR_LAST = pattern(
    rf"(?<![\d./-])(?P<one>{_D})(?P<sign>[-/.])(?P<two>{_D})(?P=sign)(?P<year>{_Y})(?!\d)"
)
_SHORT_YEAR = pattern(  # 18/5/24 and 18.05.24; a version would have a "v" before it
    rf"(?<![\d./-])(?<!v)(?<!version )(?:(?P<one>{_D})(?P<sign>/)(?P<two>{_D})/|(?P<day>\d\d)\.(?P<month>\d\d)\.)(?P<year>\d\d)(?![\d./])",
    re.IGNORECASE,
)
_COMPACT = pattern(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?!\d)"
)
_QUARTER = pattern(rf"\bQ(?P<quarter>[1-4])(?:[\s/-]*(?:of\s+)?(?P<year>{_Y}))?\b")
_MONTH_OF_YEAR = pattern(rf"(?<![\d./-])(?P<month>{_M})/(?P<year>{_Y})(?![\d/])")
_EAST_ASIAN = pattern(
    rf"(?:(?P<year>{_Y})\s*\u5e74\s*)?(?P<month>{_M})\s*\u6708(?:\s*(?P<day>{_D})\s*[\u65e5\u53f7])?"
)
_PARTS = ("year", "month", "day")
_DAYS_OF = {"hour": 0, "day": 1, "week": 7, "weekend": 7, "fortnight": 14, "month": 31, "year": 366}
_YEAR = pattern(rf"(?<![\d,.])(?P<year>{_Y})(?![\d,]|\.\d)")
YEAR_FORMS = (_YEAR_FIRST, _YEAR_LAST, _YEAR)  # in which a date has a year


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days from `first` to `last`, both included; None is an open end."""

    first: date | None
    last: date | None

    def seconds(self, zone: tzinfo | None) -> tuple[float, float]:
        """Its start and end in a time zone, in epoch seconds; an open end is infinite.

        >>> from datetime import UTC
        >>> Period(date(1970, 1, 2), None).seconds(UTC)
        (86400.0, inf)
        """
        start, end = -math.inf, math.inf
        if self.first:
            start = datetime.combine(self.first, time(), zone).timestamp()
        if self.last and self.last < date.max:
            end = datetime.combine(self.last + timedelta(days=1), time(), zone).timestamp()
        return start, end


Reader: TypeAlias = "Callable[[re.Match[str], date, Language], list[Period] | None]"
Readers: TypeAlias = "tuple[tuple[re.Pattern[str], Reader], ...]"


def readers(language: Language) -> Readers:
    """The readers of all expressions, in the order in which they are looked for."""
    return (
        (_YEAR_FIRST, _numbered),
        (_YEAR_LAST, _numbered_backwards),
        (_SHORT_YEAR, _with_short_year),
        (_COMPACT, _numbered),
        (_QUARTER, _quarter),
        (_MONTH_OF_YEAR, _numbered),
        (_EAST_ASIAN, _numbered),
        (language.month_days, _days_of_month),
        *relative_readers(language),
        (language.month_date, _with_month),
        (language.times.day_of_month, _day_of_month),
        (_YEAR, _numbered),
    )


def relative_readers(language: Language) -> Readers:
    """The readers of what is relative to a day."""
    times = language.times
    return (
        (times.ago, _ago),
        (times.day, _day_away),
        (times.past, _past),
        (times.before_last, _before_last),
        (times.unit, _unit_beside),
        (times.weekday, weekday),
    )


def within_calendar(
    read: Reader, match: re.Match[str], today: date, language: Language
) -> list[Period] | None:
    """The periods of a match; None if they lie outside of the years 1 to 9999, as 5,000 years ago does."""
    try:
        return read(match, today, language)
    except (OverflowError, ValueError):
        return None


# Each returns the periods that a match can mean; None if it is not a time.


def _numbered(match: re.Match[str], today: date, _: Language) -> list[Period]:
    parts = match.groupdict()
    year, month, day = (int(said) if (said := parts.get(name)) else None for name in _PARTS)
    return _calendar(year, month, day, today)


def _numbered_backwards(match: re.Match[str], today: date, _: Language) -> list[Period]:
    """Day and month, in either order if a slash leaves it open."""
    year, one, two = (int(match[name]) for name in ("year", "one", "two"))
    if match["sign"] == ".":
        return _calendar(year, two, one, today)
    return _either_order(year, one, two, today)


def _with_short_year(match: re.Match[str], today: date, _: Language) -> list[Period]:
    year = _full_year(match["year"], today)
    if match["day"]:
        return _calendar(year, int(match["month"]), int(match["day"]), today)
    return _either_order(year, int(match["one"]), int(match["two"]), today)


def _either_order(year: int, one: int, two: int, today: date) -> list[Period]:
    """A day of a year, of whose numbers either may be the month."""
    found = _calendar(year, two, one, today)
    return found if one == two else found + _calendar(year, one, two, today)


def _quarter(match: re.Match[str], today: date, _: Language) -> list[Period]:
    first = int(match["quarter"]) * 3 - 2
    year = int(match["year"]) if match["year"] else None
    starts, ends = (_calendar(year, month, None, today) for month in (first, first + 2))
    return [Period(start.first, end.last) for start, end in zip(starts, ends, strict=True)]


def _with_month(match: re.Match[str], today: date, language: Language) -> list[Period] | None:
    day = match["before"] or match["after"]
    named = day or match["ordinal"] or match["which"] or match["year"]
    if not (named or _is_month(match)):
        return None
    number = int(day) if day and 1 <= int(day) <= 31 else None
    if match["ordinal"]:
        number = language.times.ordinals[_words(match["ordinal"])]
    year = _full_year(match["year"], today) if match["year"] else None
    found = _calendar(year, language.months[match["month"].lower()], number, today)
    return found if year or not match["which"] else _which(match["which"], found, today, language)


def _which(word: str, found: list[Period], today: date, language: Language) -> list[Period]:
    """The last one that is over, the next one to begin, or this year's."""
    which = language.times.which[word.lower()]
    if which < 0:
        return [each for each in found if each.last and each.last < today][-1:]
    if which > 0:
        return [each for each in found if each.first and each.first > today][:1]
    return [each for each in found if each.first and each.first.year == today.year]


def _full_year(written: str, today: date) -> int:
    """A year of two or four digits: of two, the latest one up to ten years from today."""
    digits = written.lstrip("'\u2019")
    if len(digits) == 4:
        return int(digits)
    century, latest = today.year // 100 * 100, today.year + 10
    return max(
        each + int(digits) for each in (century - 100, century) if each + int(digits) <= latest
    )


def _days_of_month(match: re.Match[str], today: date, language: Language) -> list[Period] | None:
    """From one day of a month to another, as in "3-7 May", in each year that it may be."""
    parts = match.groupdict()
    first = int(parts["since"] or parts["start"] or parts["first"])
    last, year = int(parts["end"] or parts["last"]), parts["year"] or parts["of"]
    if not 1 <= first < last <= 31:
        return None
    month = language.months[(parts["month"] or parts["in"]).lower()]
    days = [_calendar(int(year) if year else None, month, day, today) for day in (first, last)]
    ends = {end.last.year: end.last for end in days[1] if end.last}
    return [
        Period(start.first, ends[start.first.year])
        for start in days[0]
        if start.first and start.first.year in ends
    ]


def _is_month(match: re.Match[str]) -> bool:
    """Whether a month's name alone means the month: "may" needs a capital inside a sentence."""
    word = match["month"]
    return len(word) > 3 or (word[0].isupper() and bool(match.string[: match.start()].strip()))


def _calendar(year: int | None, month: int | None, day: int | None, today: date) -> list[Period]:
    """A day, month or year of the calendar; without a year, that of every year searched."""
    years = [year] if year else range(today.year - YEARS_BACK, today.year + 2)
    return [period for each in years for period in _of_year(each, month, day)]


@lru_cache(maxsize=4096)
def _of_year(year: int, month: int | None, day: int | None) -> tuple[Period, ...]:
    """The day, or the whole month or year; empty if there is no such day, as 29 February in most years."""
    last_month = month or 12
    last_day = calendar.monthrange(year, last_month)[1] if last_month <= 12 else 0
    if (day or 1) > last_day:
        return ()
    return (Period(date(year, month or 1, day or 1), date(year, last_month, day or last_day)),)


def _day_away(match: re.Match[str], today: date, language: Language) -> list[Period]:
    days = language.times.days[" ".join(match["day"].lower().split())]
    return [_one_day(today + timedelta(days=days))]


def _day_of_month(match: re.Match[str], today: date, _: Language) -> list[Period]:
    """The latest day with this number."""
    found = _calendar_days(int(match["day"]), today)
    return [each for each in found if each.first and each.first <= today][-1:]


def _calendar_days(day: int, today: date) -> list[Period]:
    years = (today.year - 1, today.year)
    return [each for year in years for month in range(1, 13) for each in _of_year(year, month, day)]


def _ago(match: re.Match[str], today: date, language: Language) -> list[Period] | None:
    """A number of units ago; weeks count from today, with some days on either side."""
    n = _number(match["number"], language)
    if not match["unit"]:
        return [_one_day(today - timedelta(days=_since(match, today, language) or 7, weeks=n - 1))]
    unit = _unit(match["unit"], language)
    if match["from"]:
        start = today + timedelta(days=language.times.days[match["from"].lower()])
        return [_one_day(_same_day(unit, n, start))]
    if unit in ("week", "weekend", "fortnight"):
        then = today - timedelta(weeks=n * (1 + (unit == "fortnight")))
        return [Period(then - timedelta(days=3), then + timedelta(days=3))]
    return [_units_away(unit, -n, today)]


def _same_day(unit: str, n: int, start: date) -> date:
    """The day that lies a number of units before another."""
    if unit in ("month", "year"):
        month = _units_away(unit, -n, start.replace(day=1)).first or start
        month = month if unit == "month" else month.replace(month=start.month)
        return month.replace(day=min(start.day, calendar.monthrange(month.year, month.month)[1]))
    return start - timedelta(days=n * _DAYS_OF[unit])


def _past(match: re.Match[str], today: date, language: Language) -> list[Period]:
    n = _number(match["number"], language) if match["number"] else 1
    days = n * _DAYS_OF[_unit(match["unit"] or match["one"], language)]
    return [Period(today - timedelta(days=days), today)]


def _before_last(match: re.Match[str], today: date, language: Language) -> list[Period]:
    if not match["unit"]:
        return [_one_day(today - timedelta(days=7 + (_since(match, today, language) or 7)))]
    return [_units_away(_unit(match["unit"], language), -2, today)]


def _unit_beside(match: re.Match[str], today: date, language: Language) -> list[Period]:
    if match["latest"]:
        return [_units_away("weekend", 0 if today.weekday() >= 5 else -1, today)]
    which = language.times.which[match["which"].lower()]
    return [_units_away(_unit(match["unit"], language), which, today)]


def weekday(match: re.Match[str], today: date, language: Language) -> list[Period]:
    """The latest such weekday, today included unless it says "last"; a coming one only for "next"."""
    which = language.times.which.get((match["which"] or "").lower(), 0)
    back = _since(match, today, language)
    if which > 0:
        back -= 7
    elif which < 0 and not back:
        back = 7
    return [_one_day(today - timedelta(days=back))]


def _since(match: re.Match[str], today: date, language: Language) -> int:
    """The days since the latest weekday of a match; 0 if it is today."""
    groups = match.groupdict()
    named = next(said for key in ("weekday", "short", "bare") if (said := groups.get(key)))
    return (today.weekday() - language.times.weekdays[named[:3].lower()]) % 7


def weekday_beside(match: re.Match[str], today: date, language: Language) -> list[Period] | None:
    """A weekday with "last" or "next"; None without, since it may lie on either side of today."""
    which = language.times.which.get((match["which"] or "").lower(), 0)
    return weekday(match, today, language) if which else None


def _units_away(unit: str, n: int, today: date) -> Period:
    """The n-th hour, day, week, weekend, fortnight, month or year from the one that today is in."""
    if unit == "hour":
        return Period(today + timedelta(days=int(n / 24)), today)
    if unit == "day":
        return _one_day(today + timedelta(days=n))
    if unit == "fortnight":
        return Period(today + timedelta(weeks=2 * n), today + timedelta(weeks=2 * n, days=13))
    if unit in ("week", "weekend"):
        monday = today + timedelta(weeks=n, days=-today.weekday())
        return Period(monday + timedelta(days=5 * (unit == "weekend")), monday + timedelta(days=6))
    if unit == "month":
        year, month = divmod(today.year * 12 + today.month - 1 + n, 12)
        return _of_year(year, month + 1, None)[0]
    return _of_year(today.year + n, None, None)[0]


def _one_day(day: date) -> Period:
    return Period(day, day)


def _number(words: str, language: Language) -> int:
    number = _words(words)
    return int(number) if number.isdecimal() else language.times.numbers[number]


def _words(text: str) -> str:
    return " ".join(text.lower().replace("-", " ").split())


def _unit(word: str, language: Language) -> str:
    return language.times.units[word.lower().rstrip("s")]
