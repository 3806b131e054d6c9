from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.language.english import ENGLISH
from helamem.language.language import NEUTRAL
from helamem.models import prompts
from samples import episode, fact


@given(st.lists(st.text(), max_size=4))
def test_no_text_can_end_a_line_or_close_a_tag(texts: list[str]) -> None:
    block = prompts.quoted("memories", [{"id": i, "text": text} for i, text in enumerate(texts)])
    first, *rows, last = block.splitlines()

    assert ("<memories>", "</memories>") == (first, last)
    assert texts == [json.loads(row)["text"] for row in rows]
    assert not any("<" in row or ">" in row for row in rows)


def test_every_prompt_that_shows_memories_calls_them_data() -> None:
    for prompt in (
        prompts.REFLECT,
        prompts.RELATING,
        prompts.ANSWER,
        prompts.PLAN,
        prompts.SELECT,
        prompts.VERIFY,
        prompts.CONVERSE,
    ):
        assert prompts.GUARD in prompt


def test_lines_carry_what_dates_are_worked_out_from() -> None:
    assert {
        "id": 7,
        "at": "Mon 8 May 2023, 13:56",
        "speaker": "Ana",
        "text": "I went yesterday.",
    } == prompts.episode_line(episode(7, "I went yesterday."))


@pytest.mark.parametrize(
    ("said", "dated"),
    [
        ("I left yesterday, not today.", "I left yesterday (7 May 2023), not today (8 May 2023)."),
        ("It rained last month's end.", "It rained last month's (April 2023) end."),
        ("We met two years ago.", "We met two years ago (2021)."),
        ("Next week is full.", "Next week (15 to 21 May 2023) is full."),
        ("We paint these past few weeks.", "We paint these past few weeks."),
        ("A fine past ten days!", "A fine past ten days (28 April to 8 May 2023)!"),
        ("See you on Friday, or next Friday.", "See you on Friday, or next Friday (12 May 2023)."),
        ("The next day we left.", "The next day we left."),
        ("It was last week (a Sunday).", "It was last week (a Sunday)."),
    ],
)
def test_relative_days_get_their_dates(said: str, dated: str) -> None:
    assert dated == prompts.with_dates(said, date(2023, 5, 8), ENGLISH)


def test_a_period_over_two_years_names_both() -> None:
    assert "Last week (26 December 2022 to 1 January 2023) was slow." == prompts.with_dates(
        "Last week was slow.", date(2023, 1, 2), ENGLISH
    )


def test_a_language_without_relative_times_has_none() -> None:
    assert "yesterday" == prompts.with_dates("yesterday", date(2023, 5, 8), NEUTRAL)


def test_the_assistant_is_marked() -> None:
    line = prompts.episode_line(episode(7, speaker="", role="assistant"))

    assert ("assistant", "assistant") == (line["speaker"], line["role"])


def test_facts_say_since_when() -> None:
    assert {
        "id": 9,
        "since": "Mon 8 May 2023, 13:56",
        "about": "Ana",
        "text": "Ana likes tea.",
    } == prompts.fact_line(fact(9))
