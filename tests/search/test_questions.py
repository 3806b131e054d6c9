from __future__ import annotations

from datetime import UTC, datetime

import pytest

from helamem.language.english import ENGLISH
from helamem.models.embedders import HashingEmbedder, StaticEmbedder
from helamem.search.questions import Question, understand, without_framing

AT = datetime(2024, 5, 15, 12, tzinfo=UTC)


def understood(query: str, *speakers: str) -> Question:
    return understand(query, speakers, HashingEmbedder(), ENGLISH, at=AT, names_apart=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Could you please tell me when Ana left?", "when Ana left?"),
        ("Please remind us again: who left?", "who left?"),
        ("So, do you remember what Ben cooked?", "what Ben cooked?"),
        ("I'd like to know who came.", "who came."),
        ("I\u2019d like to know who came.", "who came."),
        ("Could Ana win?", "Could Ana win?"),
        ("Can you swim?", "Can you swim?"),
        ("Remind me", "Remind me"),
        ("", ""),
    ],
)
def test_what_only_asks_to_be_told_is_left_out(given: str, expected: str) -> None:
    assert expected == without_framing(given, ENGLISH)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Can you list the order in which I brought up trips in our chats?", "trips?"),
        ("Give me a clear summary of my plans so far.", "my plans so far."),
        ("How long did I say the project takes?", "How long the project takes?"),
        ("List Ana's trips. Mention only and only three items.", "Ana's trips."),
        ("In order?", "In order?"),
    ],
)
def test_what_is_said_about_the_answer_is_left_out(given: str, expected: str) -> None:
    assert expected == without_framing(given, ENGLISH)


def test_names_stay_words_and_leave_the_vector() -> None:
    question = understood("What did Ana say about Ben's kettle?", "Ana", "Ben")

    assert ("say", "kettl", "ana", "ben") == question.terms
    assert 2 == question.n_telling
    assert ("Ana", "Ben") == question.named
    assert (question.vector == understood("What did say about kettle?").vector).all()


def test_code_stays_words_and_leaves_the_vector() -> None:
    question = understood("Why does the kettle fail? ```boil(water)```")

    assert "boil" in question.terms
    assert (question.vector == understood("Why does the kettle fail?").vector).all()
    assert understood("```boil(water)```").vector.any()


@pytest.mark.parametrize(
    ("query", "expected"),
    [("Where do I live?", True), ("What did we decide?", False), ("Who left?", False)],
)
def test_a_question_is_of_the_user_if_it_says_i(query: str, expected: bool) -> None:
    assert expected == understood(query).of_self


@pytest.mark.parametrize("time", ["5 May 2023", "2023/05/05", "Yesterday", "Two weeks ago"])
def test_times_stay_words_and_leave_the_vector(time: str) -> None:
    question = understood(f"{time}: what did we eat?")

    assert question.periods
    assert set(question.dating) <= set(question.terms)
    assert (question.vector == understood(": what did we eat?").vector).all()


def test_a_question_of_nothing_but_a_time_keeps_it() -> None:
    assert understood("5 May 2023?").vector.any()


def test_an_ordinary_word_stays_in_the_vector_whoever_speaks() -> None:
    question = understood("How high was the bill for the roof?", "Bill")

    assert ("high", "bill", "roof") == question.terms
    assert () == question.named
    assert (question.vector == understood("How high was the bill for the roof?").vector).all()


def test_a_misspelt_name_is_noted_with_its_term() -> None:
    assert (("carolin", "Caroline"),) == understood("What did Carolin do?", "Caroline").misspelt


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("What did you suggest about renting?", True),
        ("Which book have you recommended to me?", True),
        ("What was your advice on visas?", True),
        ("What did I tell you about my sister?", False),
        ("Can you recommend a book?", False),
        ("What is my budget?", False),
    ],
)
def test_whether_the_assistant_is_asked_for_is_known(query: str, expected: bool) -> None:
    assert expected is understood(query).asks_reply


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Can you recommend a book?", True),
        ("How should I lay out my letter?", True),
        ("What do I need for the visa?", True),
        ("What books did you recommend?", False),
        ("Can you list the order in which I brought up my trips?", False),
        ("When is my call with Maya?", False),
        ("Who plays the piano?", False),
    ],
)
def test_a_question_for_help_is_told_from_one_about_the_past(query: str, expected: bool) -> None:
    assert expected is understood(query).asks_help


def test_a_day_is_that_of_the_one_who_asks() -> None:
    [(start, end)] = understood("What happened yesterday?").periods

    assert datetime(2024, 5, 14, tzinfo=UTC).timestamp() == start
    assert datetime(2024, 5, 15, tzinfo=UTC).timestamp() == end


def test_an_embedder_that_does_not_say_what_it_reads_reads_all() -> None:
    assert 1.0 == understood("\u4f60\u597d").coverage


def test_text_that_the_static_vectors_do_not_know_is_not_covered() -> None:
    question = understand(
        "\u83e0\u841d\u9980\u9968", (), StaticEmbedder(), ENGLISH, at=AT, names_apart=True
    )

    assert question.coverage < 0.5


def test_with_names_in_the_vector_those_of_others_stay_too() -> None:
    query = "Does Priya have a pet?"

    assert understood(query).unnamed is not None
    together = understand(query, (), StaticEmbedder(), ENGLISH, at=AT, names_apart=False)
    assert together.unnamed is None
