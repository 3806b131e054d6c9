from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.language.breadth import breadth
from helamem.language.english import ENGLISH
from helamem.models.embedders import HashingEmbedder
from helamem.search.questions import understand

MANY = [
    "What books has Tim read?",
    "What kinds of outdoor activities does Ana like?",
    "How many dogs has Ben?",
    "What are Ana's hobbies?",
    "Which cities have both Ana and Ben visited?",
    "What people has Maria met?",
    "Would Ana enjoy a concert?",
]
ONE = [
    "When did Ana buy the red kettle?",
    "Why did Ben leave the choir?",
    "What did Ana do on 5 May 2023?",
    "What was the name of the shop that Ana went to last week?",
    "How did Ben feel about losing the race to his brother?",
    "What happens on Friday?",
    "What makes Ana happy?",
    "\u592a\u90ce\u306f\u4f55\u3092\u3057\u305f?",
]


@pytest.mark.parametrize("question", MANY)
def test_what_asks_for_many_is_broad(question: str) -> None:
    assert breadth(question, 2) > 0.5


@pytest.mark.parametrize("question", ONE)
def test_what_asks_for_one_is_narrow(question: str) -> None:
    assert breadth(question, 4) < 0.3


def test_without_signs_the_number_of_words_says_it() -> None:
    assert breadth("What did Ana do?", 2) == 0.5


@pytest.mark.parametrize(
    ("question", "single"),
    [
        ("What area was hit by a flood?", "What areas were hit by a flood?"),
        ("What does Ana cook?", "What dishes does Ana cook?"),
        ("What is this about?", "What are these about?"),
    ],
)
def test_only_a_plural_before_the_verb_counts(question: str, single: str) -> None:
    assert breadth(question, 3) < breadth(single, 3)


@given(st.text(max_size=200), st.integers(0, 50))
def test_any_text_has_a_breadth(question: str, n_words: int) -> None:
    assert 0 < breadth(question, n_words) < 1


@given(st.sampled_from([*MANY, *ONE]), st.integers(0, 20))
def test_more_words_never_make_a_question_broader(question: str, n_words: int) -> None:
    assert breadth(question, n_words + 1) <= breadth(question, n_words)


def test_worked_example() -> None:
    # x = 1 - 3 / 2 + 1 (has) + 1 (books) = 1.5
    assert breadth("What detective books has Tim read?", 3) == pytest.approx(0.8176, abs=1e-4)


def test_a_question_is_as_broad_however_politely_it_is_asked() -> None:
    def asked(query: str) -> float:
        return understand(query, ["Ana"], HashingEmbedder(8), ENGLISH, names_apart=True).breadth

    assert asked("What does Ana like?") == asked("Could you please tell me what Ana likes?")
    assert asked("What hobbies does Ana have?") > asked("What did Ana do?")
    assert asked("What hobbies has Ana?") == asked("What hobbies has she?")
