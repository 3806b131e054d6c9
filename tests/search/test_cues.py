"""What learning reads from the cues of a recall."""

from __future__ import annotations

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
