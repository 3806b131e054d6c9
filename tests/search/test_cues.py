"""What learning reads from the cues of a recall."""

from __future__ import annotations

from datetime import UTC, datetime

from helamem import Memory
from helamem.models.embedders import StaticEmbedder
from helamem.search import cues
from helamem.search.recall import CueMatch

FOUND = (
    CueMatch(id=7, similarity=0.97, probability=0.6),
    CueMatch(id=3, similarity=0.8, probability=0.5),
    CueMatch(id=9, similarity=0.4, probability=0.49),
)


def test_only_the_nearest_can_be_the_same_question() -> None:
    assert 7 == cues.same_question(FOUND, least=0.97)
    assert cues.same_question(FOUND, least=0.98) is None
    assert cues.same_question((), least=0.0) is None


def test_a_cue_is_probably_the_same_need_from_one_half_on() -> None:
    assert [7, 3] == cues.probably_same(FOUND)


def test_the_same_words_about_another_day_are_another_need() -> None:
    memory = Memory(":memory:", embedder=StaticEmbedder())
    lunch = memory.add(
        "Lunch with Gus at the canteen.", at=datetime(2024, 3, 8, 12, tzinfo=UTC)
    ).ids[0]
    memory.add("Lunch with Kit at Taco Hut.", at=datetime(2024, 3, 12, 12, tzinfo=UTC))
    memory.reinforce(memory.search("Who had lunch with me on 8 March 2024?"), used=[lunch])

    [same] = memory.search("Who had lunch with me on 8 March 2024?").cues
    [other] = memory.search("Who had lunch with me on 12 March 2024?").cues
    assert same.probability > 0.9
    assert other.similarity < 0.65
    assert "Kit" in memory.search("Who had lunch with me on 12 March 2024?").hits[0].text
