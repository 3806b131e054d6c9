from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.language.english import ENGLISH
from helamem.learning import implicit
from samples import MAY_8, episode, hit

HITS = [
    hit(episode(1, "Maya is allergic to peanuts.", "Ana")),
    hit(episode(2, "The flight leaves from gate B12 at 9:40.", "Ana")),
    hit(episode(3, "I will bake a lemon cake for the party.", "Ben")),
]


@pytest.mark.parametrize(
    ("question", "reply", "used"),
    [
        ("What must Maya not eat?", "Nothing with peanuts: she is allergic.", [1]),
        ("Where do I have to go?", "Gate B12.", [2]),
        ("What will there be?", "A lemon cake, and no peanuts, Maya being allergic.", [1, 3]),
        ("Who is it?", "Maya.", []),  # one word may be there by chance
        ("What must Maya not eat?", "I do not know.", []),
        ("What must Maya not eat?", "", []),
        ("Tell me about the party!", "What a nice party.", []),
    ],
)
def test_what_only_a_memory_could_tell_gives_it_away(
    question: str, reply: str, used: list[int]
) -> None:
    assert used == implicit.used(question, reply, HITS, ENGLISH)


def test_repeating_the_question_proves_nothing() -> None:
    question = "Is Maya allergic to peanuts?"

    assert [] == implicit.used(question, "Maya, allergic to peanuts? Maybe.", HITS, ENGLISH)


def test_a_question_in_a_memory_is_no_sign_of_its_use() -> None:
    turn = episode(1, "I'm sorry about the rain. Is there anything else to talk about?", "Ada")
    reply = "Enjoy the sofa. Is there anything else you would like to talk about?"

    assert [] == implicit.used("I am on the sofa.", reply, [hit(turn)], ENGLISH)
    assert [1] == implicit.used("How is it?", "There is rain, sorry.", [hit(turn)], ENGLISH)


def test_weights_follow_the_formula() -> None:
    hits = [hit(episode(1, "red apples", "")), hit(episode(2, "red pears", ""))]

    first, second = implicit.tellings("", hits, ENGLISH)

    assert pytest.approx({"red": math.log(1 + 2 / 2), "appl": math.log(1 + 2 / 1)}) == first
    assert {"red", "pear"} == set(second)


def test_nothing_is_used_where_nothing_was_found() -> None:
    assert [] == implicit.used("a question", "an answer", [], ENGLISH)


@given(st.text(), st.lists(st.text(), max_size=5))
def test_a_reply_that_repeats_nothing_uses_nothing(reply: str, texts: list[str]) -> None:
    hits = [hit(episode(i, text or "-")) for i, text in enumerate(texts, 1)]

    assert set(implicit.used("", reply, hits, ENGLISH)) <= set(range(1, len(texts) + 1))
    assert [] == implicit.used(reply, reply, hits, ENGLISH)


@pytest.mark.parametrize(
    ("question", "answer", "held"),
    [
        ("What must Maya not eat?", "Peanuts", [1]),
        ("Where do I have to go?", "B12", [2]),
        ("What will there be?", "A lemon cake, and no peanuts", [3]),  # two of the three words
        ("What will there be?", "Wine, bread, cheese and a cake", []),  # one of four
        ("Who is allergic to peanuts?", "Peanuts, allergic", []),  # the question's own words
        ("Who is it?", "Nobody", []),
        ("Who is it?", "", []),
    ],
)
def test_a_short_answer_stands_in_the_memory_that_holds_it(
    question: str, answer: str, held: list[int]
) -> None:
    assert held == implicit.holding(question, answer, HITS, ENGLISH)


def test_a_word_of_several_sessions_does_not_say_which_holds_the_answer() -> None:
    apart = [hit(episode(1, "A red kettle.")), hit(episode(2, "A red lamp.", session="s2"))]
    together = [hit(episode(1, "A red kettle.")), hit(episode(2, "A red lamp."))]

    assert [] == implicit.holding("Which colour?", "Red", apart, ENGLISH)
    assert [1] == implicit.holding("What is it?", "A red kettle", apart, ENGLISH)
    assert [1] == implicit.holding("Which colour?", "Red", together, ENGLISH)


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        ("Mon 8 May 2023, 13:56", [1]),  # as its time is shown
        ("7 May 2023", [1]),  # what "yesterday" meant
        ("20 June 2023", [3]),
        ("2023", []),  # the year of both sessions
    ],
)
def test_a_date_stands_in_the_time_of_a_memory(answer: str, held: list[int]) -> None:
    in_june = MAY_8 + timedelta(days=43)
    hits = [
        hit(episode(1, "I bought a kettle yesterday.")),
        hit(episode(2, "A kettle, how nice!")),
        hit(episode(3, "The kettle broke.", session="s2", at=in_june)),
    ]

    assert held == implicit.holding("When was the kettle bought?", answer, hits, ENGLISH)


def test_nothing_holds_an_answer_where_nothing_was_found() -> None:
    assert [] == implicit.holding("a question", "an answer", [], ENGLISH)
    assert [] == implicit.repeated("a question", "an answer", [], ENGLISH)


@pytest.mark.parametrize(
    ("answer", "repeated"),
    [
        ("12 days", [1]),  # the 12 of a date is another
        ("90%", [1, 2]),  # of one session the first
        ("The trilogy, read", []),  # the question's own words
        ("trilogy in May", []),  # not in a row
        ("", []),
    ],
)
def test_an_answer_rests_on_every_session_that_repeats_it(answer: str, repeated: list[int]) -> None:
    on_12_may = MAY_8 + timedelta(days=4)
    hits = [
        hit(episode(1, "I read the trilogy in 12 days, 90% of it at night.")),
        hit(episode(2, "My score is 90%.", session="s2", at=on_12_may)),
        hit(episode(3, "Now 90% again.", session="s2", at=on_12_may)),
    ]

    assert repeated == implicit.repeated("How fast was the trilogy read?", answer, hits, ENGLISH)
