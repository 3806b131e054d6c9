from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.language.dates import names_time, names_year, periods_named, with_absolute_days
from helamem.language.english import ENGLISH
from helamem.language.times import Period

TODAY = date(2024, 5, 15)  # a Wednesday


def days(first: str, last: str | None = None) -> Period:
    return Period(date.fromisoformat(first), date.fromisoformat(last or first))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What happened on 5 May, 2023?", days("2023-05-05")),
        ("the 3rd of July 2022", days("2022-07-03")),
        ("on May 5th 2023", days("2023-05-05")),
        ("July 5th, 2017", days("2017-07-05")),
        ("due 2023-05-08", days("2023-05-08")),
        ("What did I eat on 2017/07/02?", days("2017-07-02")),
        ("on 2017.07.02", days("2017-07-02")),
        ("on 18/05/2024", days("2024-05-18")),
        ("on 05/18/2024", days("2024-05-18")),
        ("am 18.05.2024.", days("2024-05-18")),
        ("2023\u5e745\u67088\u65e5", days("2023-05-08")),
        ("in 2023-05", days("2023-05-01", "2023-05-31")),
        ("a trip on 2019/08?", days("2019-08-01", "2019-08-31")),
        ("what about Sept. 2020", days("2020-09-01", "2020-09-30")),
        ("in 2023", days("2023-01-01", "2023-12-31")),
        ("yesterday", days("2024-05-14")),
        ("What did I say last night?", days("2024-05-14")),
        ("the day before yesterday", days("2024-05-13")),
        ("today", days("2024-05-15")),
        ("this morning", days("2024-05-15")),
        ("last Friday", days("2024-05-10")),
        ("last Wednesday", days("2024-05-08")),
        ("on Monday", days("2024-05-13")),
        ("this Wednesday", days("2024-05-15")),
        ("next Friday", days("2024-05-17")),
        ("three days ago", days("2024-05-12")),
        ("two weeks ago", days("2024-04-28", "2024-05-04")),
        ("a couple of months ago", days("2024-03-01", "2024-03-31")),
        ("5 years ago", days("2019-01-01", "2019-12-31")),
        ("last week", days("2024-05-06", "2024-05-12")),
        ("this week", days("2024-05-13", "2024-05-19")),
        ("last weekend", days("2024-05-11", "2024-05-12")),
        ("last month", days("2024-04-01", "2024-04-30")),
        ("last year", days("2023-01-01", "2023-12-31")),
        ("in the last 3 days", days("2024-05-12", "2024-05-15")),
        ("over the past two weeks", days("2024-05-01", "2024-05-15")),
        ("between March and May 2023", days("2023-03-01", "2023-05-31")),
        ("on 5-May-2023", days("2023-05-05")),
        ("due 18-05-2024", days("2024-05-18")),
        ("in 7/2023", days("2023-07-01", "2023-07-31")),
        ("between 3 and 7 May 2024", days("2024-05-03", "2024-05-07")),
        ("from 3 to 7 May 2024", days("2024-05-03", "2024-05-07")),
        ("3\u20137 May 2024", days("2024-05-03", "2024-05-07")),
        ("on May 3-7, 2024", days("2024-05-03", "2024-05-07")),
        ("from 28th to 29th of February 2024", days("2024-02-28", "2024-02-29")),
        ("from 2 May 2023 to 5 May 2023", days("2023-05-02", "2023-05-05")),
        ("between 2021 and March 2022", days("2021-01-01", "2022-03-31")),
        ("on 18/5/24", days("2024-05-18")),
        ("on 5/18/24", days("2024-05-18")),
        ("am 18.05.24", days("2024-05-18")),
        ("backup 20240518", days("2024-05-18")),
        ("in March '23", days("2023-03-01", "2023-03-31")),
        ("in May '98", days("1998-05-01", "1998-05-31")),
        ("in March of 2023", days("2023-03-01", "2023-03-31")),
        ("the second of June 2023", days("2023-06-02")),
        ("the twenty-first of June, 2023", days("2023-06-21")),
        ("last March", days("2024-03-01", "2024-03-31")),
        ("last June", days("2023-06-01", "2023-06-30")),
        ("last May", days("2023-05-01", "2023-05-31")),
        ("this May", days("2024-05-01", "2024-05-31")),
        ("next June", days("2024-06-01", "2024-06-30")),
        ("What was said on the 5th?", days("2024-05-05")),
        ("on the 18th and later", days("2024-04-18")),
        ("in Q3 2023", days("2023-07-01", "2023-09-30")),
        ("the day after tomorrow", days("2024-05-17")),
        ("on Fri", days("2024-05-10")),
        ("last Sat", days("2024-05-11")),
        ("What happened Monday night?", days("2024-05-13")),
        ("What happened Monday?", days("2024-05-13")),
        ("from Monday to Wednesday", days("2024-05-13", "2024-05-15")),
        ("the Friday before last", days("2024-05-03")),
        ("two Fridays ago", days("2024-05-03")),
        ("one Wednesday ago", days("2024-05-08")),
        ("the week before last", days("2024-04-29", "2024-05-05")),
        ("the month before last", days("2024-03-01", "2024-03-31")),
        ("over the weekend", days("2024-05-11", "2024-05-12")),
        ("in the past week", days("2024-05-08", "2024-05-15")),
        ("over the last month", days("2024-04-14", "2024-05-15")),
        ("twenty-one days ago", days("2024-04-24")),
        ("six months back", days("2023-11-01", "2023-11-30")),
        ("a fortnight ago", days("2024-04-28", "2024-05-04")),
        ("2 wks ago", days("2024-04-28", "2024-05-04")),
        ("two hours ago", days("2024-05-15")),
        ("thirty hours ago", days("2024-05-14", "2024-05-15")),
        ("a week ago yesterday", days("2024-05-07")),
        ("one year ago today", days("2023-05-15")),
        ("a month ago today", days("2024-04-15")),
        ("Show me what I did yesterday. Be brief.", days("2024-05-14")),
        ("What I did yesterday. Be brief.", days("2024-05-14")),
        ("The bill of yesterday. Thanks.", days("2024-05-14")),
    ],
)
def test_a_period_is_read_however_it_is_named(text: str, expected: Period) -> None:
    assert [expected] == periods_named(text, TODAY, ENGLISH)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("What is new since June?", "2023-06-01", None),
        ("What is new since Monday?", "2024-05-13", None),
        ("all until last Friday, please", None, "2024-05-10"),
        ("before Tuesday", None, "2024-05-13"),
        ("since last week", "2024-05-06", None),
        ("from 2022", "2022-01-01", None),
        ("after May 2023", "2023-06-01", None),
        ("before 2020", None, "2019-12-31"),
        ("until 5 May 2020", None, "2020-05-05"),
    ],
)
def test_a_period_may_be_open(text: str, first: str | None, last: str | None) -> None:
    expected = Period(first and date.fromisoformat(first), last and date.fromisoformat(last))  # type: ignore[arg-type]

    assert [expected] == periods_named(text, TODAY, ENGLISH)


@pytest.mark.parametrize(
    "text",
    [
        "May I come in?",
        "they may come, and mar nothing",
        "room 2045678 and 1,999",
        "version 2.0.2015",
        "1,999 and 2021.5",
        "29 February 2023",
        "the 31st of April 2020",
        "I met Tom yesterday. What does he like?",
        "I met Tom yesterday. Today I feel great.",
        "at the last minute",
        "on the 18th floor",
        "the Monday club",
        "version 20.10.24 and v18.05.24",
        "3/4 of a cup",
        "he sat on the sun deck",
        "",
    ],
)
def test_what_names_no_day_is_no_period(text: str) -> None:
    assert [] == periods_named(text, TODAY, ENGLISH)


def test_a_date_without_a_year_comes_every_year() -> None:
    found = periods_named("What did Ana do on 29 February?", TODAY, ENGLISH)

    assert days("2024-02-29") in found
    assert days("2020-02-29") in found
    assert all(each.first and each.first.year % 4 == 0 for each in found)
    assert days("2023-03-01", "2023-03-31") in periods_named("in March", TODAY, ENGLISH)


def test_a_date_between_strokes_is_read_both_ways_where_it_can_be() -> None:
    assert [days("2024-06-05"), days("2024-05-06")] == periods_named("05/06/2024", TODAY, ENGLISH)
    assert [days("2024-06-05")] == periods_named("05.06.2024", TODAY, ENGLISH)


def test_two_dates_are_two_periods() -> None:
    expected = [days("2023-05-05"), days("2023-06-01", "2023-06-30")]

    assert expected == periods_named("on 5 May 2023 and in June 2023", TODAY, ENGLISH)


def test_a_day_lasts_from_midnight_to_midnight_where_it_is_asked() -> None:
    zone = timezone(timedelta(hours=-7))

    start, end = days("2023-05-08").seconds(zone)

    assert datetime(2023, 5, 8, 7, tzinfo=UTC).timestamp() == start
    assert datetime(2023, 5, 9, 7, tzinfo=UTC).timestamp() == end


@given(st.dates(date(1950, 1, 1), date(2090, 1, 1)), st.text(max_size=20))
def test_a_day_is_read_in_every_form(day: date, rest: str) -> None:
    assume = rest.replace("-", " ").replace("/", " ").replace(".", " ")
    words = "".join(each for each in assume if each.isalpha() and each.isascii())
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y"):
        text = f"x{words}x ({day.strftime(form)})"

        assert Period(day, day) in periods_named(text, TODAY, ENGLISH), text


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_no_text_is_too_odd(text: str) -> None:
    for each in periods_named(text, TODAY, ENGLISH):
        assert each.first is None or each.last is None or each.first <= each.last
    with_absolute_days(text, TODAY, ENGLISH)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What did I eat yesterday?", "What did I eat 2024-05-14?"),
        ("Yesterday, or two days ago?", "2024-05-14, or 2024-05-13?"),
        ("Who sang Yesterday in the last week?", "Who sang Yesterday in the last week?"),
        ("on 5 May 2023", "on 5 May 2023"),
    ],
)
def test_a_day_that_is_named_by_its_distance_gets_its_date(text: str, expected: str) -> None:
    assert expected == with_absolute_days(text, TODAY, ENGLISH)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I went there last week.", True),
        ("We met in 2019", True),
        ("See you on Friday!", True),
        ("I love pottery.", False),
    ],
)
def test_turns_that_place_something_in_time_are_known(text: str, expected: bool) -> None:
    assert expected is names_time(text, ENGLISH)


@pytest.mark.parametrize("word", ["apr\u0131l", "APR\u0130L", "\u017feptember"])
def test_letters_that_only_fold_into_a_month_break_nothing(word: str) -> None:
    assert (
        days("2023-01-01", "2023-12-31")
        == periods_named(f"Was it on {word}, or in 2023?", TODAY, ENGLISH)[-1]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in May 2023", True),
        ("on 18.05.2024", True),
        ("on 2023-05-08", True),
        ("in May", False),
        ("room 2045678", False),
    ],
)
def test_a_year_is_known_where_one_is_named(text: str, expected: bool) -> None:
    assert expected is names_year(text)


@pytest.mark.parametrize("today", [date.min, date.max, TODAY], ids=str)
def test_what_lies_outside_of_the_calendar_is_no_period(today: date) -> None:
    for text in (
        "yesterday",
        "tomorrow",
        "last week",
        "next year",
        "5000 years ago",
        "9" * 5000 + " days ago",
    ):
        for bound in ("", "since ", "after ", "before ", "until "):
            for period in periods_named(bound + text, today, ENGLISH):
                period.seconds(timezone(timedelta(hours=14)))

    assert [] == periods_named("What was 5000 years ago?", today, ENGLISH)
    assert [] == periods_named("yesterday", date.min, ENGLISH)
    assert [Period(date.max, date.max)] == periods_named("today", date.max, ENGLISH)


@pytest.mark.parametrize(
    "text",
    ["half a year ago", "on 31-13-99", "555-12-2024", "from 30 to 31 February"],
)
def test_what_is_no_period_is_none_of_that_length(text: str) -> None:
    assert all(period.last != period.first for period in periods_named(text, TODAY, ENGLISH))
