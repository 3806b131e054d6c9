from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

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
