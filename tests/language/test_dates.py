from __future__ import annotations

from datetime import UTC, datetime

import pytest

from helamem.language.dates import NamedDate, asks_when, dates_named, names_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What did Ana do in May?", [NamedDate(month=5)]),
        ("What happened on 5 May, 2023?", [NamedDate(year=2023, month=5, day=5)]),
        ("the 3rd of July", [NamedDate(month=7, day=3)]),
        ("on May 5th 2023 and in June", [NamedDate(year=2023, month=5, day=5), NamedDate(month=6)]),
        ("between 2021 and March 2022", [NamedDate(year=2021), NamedDate(year=2022, month=3)]),
        ("due 2023-05-08", [NamedDate(year=2023, month=5, day=8)]),
        ("in 2023-05", [NamedDate(year=2023, month=5)]),
        ("what about Sept. 2020", [NamedDate(year=2020, month=9)]),
        ("May I come in?", []),
        ("they may come, and mar nothing", []),
        ("room 2045678 and 1,999", []),
        ("", []),
    ],
)
def test_dates_are_read_as_they_are_named(text: str, expected: list[NamedDate]) -> None:
    assert expected == dates_named(text)


def test_a_day_lasts_from_midnight_to_midnight() -> None:
    start, end = NamedDate(year=2023, month=5, day=8).interval(1999) or (0, 0)

    assert datetime(2023, 5, 8, tzinfo=UTC).timestamp() == start
    assert datetime(2023, 5, 9, tzinfo=UTC).timestamp() == end


def test_a_month_without_a_year_is_taken_in_the_year_at_hand() -> None:
    start, end = NamedDate(month=2).interval(2024) or (0, 0)

    assert datetime(2024, 2, 1, tzinfo=UTC).timestamp() == start
    assert datetime(2024, 3, 1, tzinfo=UTC).timestamp() == end


def test_a_day_that_is_not_in_the_calendar_has_no_interval() -> None:
    assert NamedDate(month=2, day=29).interval(2023) is None


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When did Ana move?", True),
        ("In which year was it?", True),
        ("How long has Ben known her?", True),
        ("What did she say when he left?", False),
        ("Who came?", False),
    ],
)
def test_questions_for_a_time_are_known(question: str, expected: bool) -> None:
    assert expected is asks_when(question)


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
    assert expected is names_time(text)


@pytest.mark.parametrize("word", ["apr\u0131l", "APR\u0130L", "\u017feptember"])
def test_letters_that_only_fold_into_a_month_break_nothing(word: str) -> None:
    assert dates_named(f"Was it on {word}, or in 2023?")[-1] == NamedDate(year=2023)
