from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from helamem.evaluation import rewording
from helamem.language.english import ENGLISH
from helamem.language.terms import terms_of

if TYPE_CHECKING:
    from helamem.evaluation.datasets import Conversation, Dataset, Question


@pytest.fixture
def question(dataset: Dataset) -> Question:
    conversation: Conversation = dataset.conversations[0]
    return conversation.questions[0]


def wordings(question: Question, n: int) -> list[str]:
    return [rewording.reworded(question, np.random.default_rng(i)).text for i in range(n)]


def test_the_words_change_and_nothing_else(question: Question) -> None:
    again = rewording.reworded(question, np.random.default_rng(0))
    assert again.text != question.text
    assert (again.id, again.evidence, again.answer, again.at) == (
        question.id,
        question.evidence,
        question.answer,
        question.at,
    )


def test_the_same_generator_gives_the_same_words(question: Question) -> None:
    assert wordings(question, 20) == wordings(question, 20)


def test_wordings_differ_and_each_keeps_a_telling_word(question: Question) -> None:
    said = wordings(question, 40)
    known = set(terms_of(question.text, ENGLISH)) | set(terms_of("get purchase", ENGLISH))
    assert len(set(said)) > 20
    assert all(known & set(terms_of(each, ENGLISH)) for each in said)


def test_a_word_is_exchanged_for_one_of_its_line() -> None:
    words = rewording._with_exchanged_word(["movie", "Pepper"], np.random.default_rng(0))
    assert words == ["film", "Pepper"]


def test_a_follow_up_has_half_of_the_words_in_order() -> None:
    words = ["one", "two", "three", "four", "five"]
    half = rewording._halved(words, np.random.default_rng(1))
    assert len(half) == 3
    assert half == [word for word in words if word in half]


def test_a_question_without_a_telling_word_still_has_a_wording(question: Question) -> None:
    from dataclasses import replace

    blank = replace(question, text="Who are you?")
    assert "Who are you" in rewording.reworded(blank, np.random.default_rng(0)).text


def test_a_word_of_several_lines_has_all_their_others() -> None:
    assert rewording.SYNONYMS["get"] == ("buy", "purchase", "receive")
    assert rewording.SYNONYMS["see"] == ("visit",)
