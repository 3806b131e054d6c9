import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.language.english import ENGLISH
from helamem.language.sentences import is_question, sentences

any_text = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", []),
        ("  \n ", []),
        ("one without an end", ["one without an end"]),
        ("Hi! it was fun... right? yes", ["Hi!", "it was fun...", "right?", "yes"]),
        ("It cost 3.50 at example.com today.", ["It cost 3.50 at example.com today."]),
        ("Dr. Lee and J. R. Smith came.", ["Dr. Lee and J. R. Smith came."]),
        ("Come at 5 p.m. today.", ["Come at 5 p.m. today."]),
        ("Come at 5 p.m. We eat then.", ["Come at 5 p.m.", "We eat then."]),
        ("It was I. Then you came.", ["It was I.", "Then you came."]),
        ("Line one\nline two\n\n- three", ["Line one", "line two", "- three"]),
        ('She said "go." Then left.', ['She said "go."', "Then left."]),
        (
            "\u884c\u3063\u305f\u3002\u98df\u3079\u305f\u3002",
            ["\u884c\u3063\u305f\u3002", "\u98df\u3079\u305f\u3002"],
        ),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(given: str, expected: list[str]) -> None:
    assert expected == sentences(given, ENGLISH)


@given(any_text)
def test_sentences_lose_nothing_but_space(given: str) -> None:
    assert "".join(given.split()) == "".join("".join(sentences(given, ENGLISH)).split())


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Why?", True),
        ("Really?!", True),
        ("You did? \U0001f600", True),
        ('He asked "why?"', True),
        ("\u672c\u5f53\u304b\uff1f", True),
        ("do you like it", True),
        ("How are you doing", True),
        ("How\u2019s your day", True),
        ("When I was young, I sang.", False),
        ("What a day!", False),
        ("Do it.", False),
        ("Why? Because.", False),
        ("", False),
    ],
)
def test_questions_are_told_from_statements(sentence: str, expected: bool) -> None:
    assert expected == is_question(sentence, ENGLISH)
