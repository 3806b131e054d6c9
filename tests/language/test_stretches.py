"""Stretches of a text: what one vector describes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from helamem.language.english import ENGLISH
from helamem.language.sentences import sentences, stretches


def test_sentences_stay_whole_and_together() -> None:
    text = "It rained. We stayed in. The cat slept all day. Nobody called."

    assert stretches(text, 25, ENGLISH) == [
        "It rained. We stayed in.",
        "The cat slept all day.",
        "Nobody called.",
    ]
    assert stretches(text, 999, ENGLISH) == [text]


def test_a_sentence_that_is_too_long_is_cut_between_words() -> None:
    assert stretches("one two three four", 9, ENGLISH) == ["one two", "three", "four"]
    assert stretches("abcdefgh", 3, ENGLISH) == ["abc", "def", "gh"]


def test_a_huge_text_without_spaces_is_cut_as_well() -> None:
    assert len(stretches("x" * 1_000_000, 300, ENGLISH)) == 3334


@given(st.text(max_size=300), st.integers(1, 50))
def test_nothing_is_lost_and_nothing_is_too_long(text: str, size: int) -> None:
    found = stretches(text, size, ENGLISH)

    assert all(0 < len(each) <= size for each in found)
    assert "".join("".join(found).split()) == "".join("".join(sentences(text, ENGLISH)).split())
