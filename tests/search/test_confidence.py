"""How probable it is that hits hold an answer: the signs by a worked example, and what moves them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from helamem import Memory, Recall
from helamem.models.embedders import HashingEmbedder, StaticEmbedder
from helamem.search.confidence import INTERCEPT, WEIGHTS, Signs, probability
from helamem.testing import FixedClock

MARCH_1 = datetime(2024, 3, 1, 9, tzinfo=UTC)
TALK = (
    ("Ana", "Maya is allergic to peanuts."),
    ("Ben", "My sister Ines moved to Porto."),
    ("Ana", "The plumber repaired the boiler."),
    ("Ben", "I will bake a lemon cake on Friday."),
)


@pytest.fixture
def memory() -> Memory:
    memory = Memory(
        ":memory:", embedder=HashingEmbedder(512), clock=FixedClock(MARCH_1.timestamp())
    )
    for i, (speaker, text) in enumerate(TALK):
        memory.add(text, speaker=speaker, at=MARCH_1, session=str(i))
    return memory


def test_a_worked_example() -> None:
    signs = Signs(closeness=-0.5, known=1, gathered=0.5, attributed=-1, dated=1, recognized=0.2)

    sums = -0.5 * WEIGHTS["closeness"] + WEIGHTS["known"] + 0.5 * WEIGHTS["gathered"]
    evidence = INTERCEPT + sums - WEIGHTS["attributed"] + WEIGHTS["dated"]
    assert probability(signs) == pytest.approx(0.2 + 0.8 / (1 + math.exp(-evidence)))


@pytest.mark.parametrize("name", [*WEIGHTS, "recognized"])
def test_every_sign_raises_it(name: str) -> None:
    assert probability(Signs(**{name: 0.5})) > probability(Signs())


def test_what_is_known_is_told_from_what_is_not(memory: Memory) -> None:
    known = memory.search("What is Maya allergic to?")
    unknown = memory.search("Which museum has the oldest telescope?")

    assert known.confidence > 0.7
    assert unknown.confidence < 0.3
    assert (1.0, 1.0) == (known.signs["known"], known.signs["gathered"])
    assert (0.0, 0.0) == (unknown.signs["known"], unknown.signs["gathered"])


def test_words_of_the_first_hits_count_by_how_telling_they_are(memory: Memory) -> None:
    recall = memory.search("Does the boiler of the submarine leak?")

    # each idf: boiler, in one of four, ln(1 + 3.5 / 1.5); the others, in none, ln(1 + 4.5 / 0.5)
    boiler, other = math.log1p(3.5 / 1.5), math.log1p(4.5 / 0.5)
    assert recall.signs["known"] == pytest.approx(boiler / (boiler + 2 * other))
    assert recall.signs["gathered"] == pytest.approx(recall.signs["known"])


def test_what_the_other_said_counts_against_it(memory: Memory) -> None:
    said = memory.search("Where did Ben's sister Ines move?")
    not_said = memory.search("Where did Ana's sister Ines move?")

    assert said.signs["attributed"] > 0 > not_said.signs["attributed"]
    assert said.confidence > not_said.confidence


def test_what_the_embedder_cannot_read_leaves_closeness_out() -> None:
    memory = Memory(":memory:", embedder=StaticEmbedder(), clock=FixedClock(MARCH_1.timestamp()))
    for text in ("我对花生过敏。", "我的姐姐搬到了波尔图。"):
        memory.add(text)
    recall = memory.search("我对什么过敏")

    assert recall.signs["closeness"] == 0
    assert recall.signs["known"] > 0
    assert memory.search("天空有多高").confidence < recall.confidence


def test_a_day_on_which_nothing_was_said_counts_against_it(memory: Memory) -> None:
    right = memory.search("What is Maya allergic to, said on 1 March 2024?")
    wrong = memory.search("What is Maya allergic to, said on 5 July 2019?")
    no_day = memory.search("What is Maya allergic to?")

    assert (1.0, -1.0, 0.0) == tuple(each.signs["dated"] for each in (right, wrong, no_day))
    assert right.signs["known"] == wrong.signs["known"]


def test_a_need_that_was_served_before_raises_it(memory: Memory) -> None:
    before = memory.search("Which treat is planned?")
    memory.reinforce(before, used=[4])
    after = memory.search("Which treat is planned?")

    assert 0 == before.signs["recognized"] < after.signs["recognized"]
    assert after.confidence > before.confidence


def test_a_guess_raises_it_less_and_what_misled_lowers_it_again(memory: Memory) -> None:
    query = "Which treat is planned?"
    confidences = [memory.search(query).confidence]
    memory.reinforce(memory.search(query), used=[4], certainty=0.3)
    confidences.append(memory.search(query).confidence)
    memory.reinforce(memory.search(query), used=[4])
    confidences.append(memory.search(query).confidence)
    for _ in range(3):
        memory.reinforce(memory.search(query), used=[], unhelpful=[4])
        confidences.append(memory.search(query).confidence)

    first, guessed, sure, *refuted = confidences
    assert first < guessed < sure
    assert sure > refuted[0] > refuted[1] > refuted[2] > first


class TestLeast:
    def test_below_it_there_are_no_hits_and_a_note_says_so(self, memory: Memory) -> None:
        recall = memory.search("Which museum has the oldest telescope?", min_confidence=0.5)

        assert ((), "") == (recall.hits, recall.context())
        assert recall.confidence > 0
        (note,) = recall.notes
        assert f"their confidence is {recall.confidence:.2f}, below min_confidence = 0.5" in note

    def test_above_it_nothing_changes(self, memory: Memory) -> None:
        query = "What is Maya allergic to?"

        assert memory.search(query) == memory.search(query, min_confidence=0.5)

    def test_a_recall_that_was_held_back_can_be_learned_from(self, memory: Memory) -> None:
        recall = memory.search("Which treat is planned?", min_confidence=1.0)

        assert memory.reinforce(recall, used=[4]).bound == 1

    def test_in_an_empty_memory_there_is_none(self) -> None:
        recall = Memory(":memory:", embedder=HashingEmbedder(64)).search("Maya?")

        assert (0.0, {}, ()) == (recall.confidence, dict(recall.signs), recall.hits)

    @pytest.mark.parametrize(("least", "error"), [(1.5, ValueError), ("high", TypeError)])
    def test_what_is_no_probability_is_refused(
        self, memory: Memory, least: float, error: type[Exception]
    ) -> None:
        with pytest.raises(error, match="min_confidence"):
            memory.search("Maya?", min_confidence=least)

    def test_it_survives_json(self, memory: Memory) -> None:
        recall = memory.search("Maya?")

        assert recall == Recall.from_dict(recall.to_dict())


def test_filters_confine_it(memory: Memory) -> None:
    query = "What is Maya allergic to?"

    confined = memory.search(query, filters={"speaker": "Ben"})
    assert confined.signs["gathered"] < memory.search(query).signs["gathered"]
    assert confined.confidence < memory.search(query).confidence
