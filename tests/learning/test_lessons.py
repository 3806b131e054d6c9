"""What a recall and a judgement teach: pairs, the question's cue, and what is weakened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from helamem import Config, Recall
from helamem.config import Learning
from helamem.learning import lessons
from helamem.protocols import Lesson, NewCue
from helamem.search.recall import CueMatch
from samples import episode, hit

NOW = datetime(2024, 3, 1, tzinfo=UTC)
RECALL = Recall(
    query="Who  bakes?",
    at=NOW,
    hits=tuple(
        hit(episode(id_, "a turn"), score=score) for id_, score in ((4, 2.0), (2, 1.0), (9, -1.0))
    ),
    cues=(
        CueMatch(id=20, similarity=0.5, probability=0.5),
        CueMatch(id=21, similarity=0.4, probability=0.4),
    ),
    vector=np.ones(2, np.float32),
)


def taught(recall: Recall = RECALL, *, graded: bool = False, **options: Any) -> Lesson:
    given: dict[str, Any] = {"used": [2, 4], "unhelpful": [], "certainty": 1.0, **options}
    config = Config(learning=Learning(graded=graded))
    return lessons.lesson(recall, config=config, at=NOW.timestamp(), lessons=0, **given)


def test_what_served_is_paired_once() -> None:
    lesson = taught(used=[4, 2, 4, 7])

    assert [2, 4, 7] == lesson.used.tolist()
    assert [[2, 4], [2, 7], [4, 7]] == lesson.pairs.tolist()


def test_gains_shrink_with_certainty() -> None:
    sure, unsure = taught(), taught(certainty=0.5)
    rates = Config().learning

    assert pytest.approx([rates.rate]) == sure.gains.tolist()
    assert pytest.approx([0.5 * rates.rate]) == unsure.gains.tolist()
    assert pytest.approx([0.5 * rates.cue_rate] * 2) == unsure.cue_gains.tolist()


def test_graded_gains_follow_the_scores_relative_to_the_best_hit() -> None:
    lesson = taught(used=[2, 4, 7, 9], graded=True)
    rates = Config().learning

    # 2 has half the score of the best, 4 is the best, 7 was no hit, 9 scored below nothing
    assert pytest.approx([rates.cue_rate * each for each in (0.5, 1.0, 1.0, 0.0)]) == (
        lesson.cue_gains.tolist()
    )


def test_without_a_positive_score_all_count_alike() -> None:
    hits = tuple(replace(each, score=-1.0) for each in RECALL.hits)
    lesson = taught(replace(RECALL, hits=hits), graded=True)

    assert pytest.approx([Config().learning.cue_rate] * 2) == lesson.cue_gains.tolist()


def test_a_new_question_becomes_a_cue() -> None:
    cue = taught().cue

    assert isinstance(cue, NewCue)
    assert ("Who bakes?", NOW.timestamp()) == (cue.text, cue.at)
    assert [1.0, 1.0] == cue.vector.tolist()


def test_nearly_the_same_question_is_the_cue_that_is_there() -> None:
    near = replace(RECALL.cues[0], similarity=Config().learning.cue_merge)

    assert 20 == taught(replace(RECALL, cues=(near,))).cue


def test_where_nothing_served_no_cue_is_kept() -> None:
    assert taught(used=[]).cue is None


def test_what_misled_loses_hold_of_the_other_hits_and_of_probable_cues() -> None:
    lesson = taught(unhelpful=[9])

    assert [[2, 9], [4, 9], [9, 20]] == lesson.weakened.tolist()
    assert pytest.approx(1 - Config().learning.weaken) == lesson.keep


def test_where_nothing_misled_nothing_is_weakened() -> None:
    assert (0, 2) == taught().weakened.shape
