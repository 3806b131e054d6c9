from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import is_proportional
from helamem.search.passages import CUT, excerpt, passage

FILLER = "The weather was as it is in autumn, and nobody came to see us. "


def test_a_long_question_about_a_long_text_takes_time_in_proportion() -> None:
    def of_different_words(text: str) -> str:
        return " ".join(f"word{i}" for i in range(len(text) // 8))

    assert is_proportional(
        lambda text: passage(of_different_words(text), of_different_words(text), 200), "x"
    )


def test_a_short_text_stays_as_it_is() -> None:
    assert "The tap drips." == passage("The tap drips.", "tap", 14)


@pytest.mark.parametrize("before", [0, 1, 50, 400])
@pytest.mark.parametrize("after", [0, 1, 50, 400])
def test_the_sentence_that_the_question_is_about_is_shown(before: int, after: int) -> None:
    needle = "The password of the safe is 1234."
    text = FILLER * before + f"{needle} " + FILLER * after

    found = passage(text, "What is the safe's password?", 200)

    assert needle in found
    assert len(found) <= 200
    assert (before > 2) <= found.startswith(CUT)
    assert (after > 2) <= found.endswith(CUT)


def test_an_excerpt_has_the_beginning_and_the_passage() -> None:
    opening, needle = "I moved to Leeds in May.", "The password of the safe is 1234."
    text = f"{opening} {FILLER * 50}{needle} {FILLER * 50}"

    found = excerpt(text, "What is the safe's password?", 400)

    assert found.startswith(opening)
    assert needle in found
    assert f"see us. {CUT} " in found
    assert len(found) <= 400


def test_an_excerpt_without_room_or_need_for_both_is_a_passage() -> None:
    text = "The password of the safe is 1234. " + FILLER * 50

    for size, query in ((200, "Who came in autumn?"), (400, "What is the safe's password?")):
        assert passage(text, query, size) == excerpt(text, query, size)


def test_an_excerpt_of_a_text_without_sentences_begins_with_whole_words() -> None:
    words = " ".join(f"word{i}" for i in range(5000))

    found = excerpt(words, "word4321 please", 300)

    assert found.startswith("word0 word1 ")
    assert "word4321" in found
    assert set(found.replace(CUT, "").split()) <= set(words.split())


def test_rare_words_count_more_than_frequent_ones() -> None:
    text = (
        "We met in the garden. " * 100 + "The garden has an almond tree. " + "In the garden. " * 50
    )

    assert "almond" in passage(text, "Is there an almond in the garden?", 120)


def test_whole_sentences_are_shown() -> None:
    text = "".join(f"This is the sentence with the number {i}. " for i in range(1000))

    found = passage(text, "number 777", 150)

    said = found.removeprefix(f"{CUT} ").removesuffix(f" {CUT}")
    assert said.startswith("This is the sentence")
    assert said.endswith(".")
    assert "number 777." in said


def test_without_sentences_it_is_cut_between_words() -> None:
    words = " ".join(f"word{i}" for i in range(5000))

    found = passage(words, "word4321 please", 80)

    assert "word4321" in found
    assert set(found.removeprefix(CUT).removesuffix(CUT).split()) <= set(words.split())


def test_without_spaces_it_is_cut_anywhere() -> None:
    assert passage("x" * 10_000, "y", 50).startswith("x" * 30)


def test_without_the_words_the_beginning_is_shown() -> None:
    assert passage(FILLER * 50, "password", 100).startswith("The weather")


@given(
    text=st.text(st.sampled_from("ab .\n?\u3002\u00e9\u0130"), max_size=800),
    query=st.text(st.sampled_from("ab .*(\u0130"), max_size=10),
    size=st.integers(20, 390),
    cut=st.sampled_from([passage, excerpt]),
)
def test_it_is_never_longer_and_never_invented(
    text: str, query: str, size: int, cut: Callable[[str, str, int], str]
) -> None:
    found = cut(text, query, size)

    assert len(found) <= size
    assert all(" ".join(part.split()) in " ".join(text.split()) for part in found.split(CUT))
