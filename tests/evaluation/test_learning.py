from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem.config import Config
from helamem.errors import ConfigError, DataError
from helamem.evaluation import learners, summaries
from helamem.evaluation.copies import original
from helamem.evaluation.experiments import learning
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.evaluation.copies import Original
    from helamem.evaluation.datasets import Conversation, Dataset


@pytest.fixture
def conversation(dataset: Dataset) -> Conversation:
    return dataset.conversations[0]


@pytest.fixture
def memory(conversation: Conversation) -> Iterator[Original]:
    with original(conversation, HashingEmbedder()) as built:
        yield built


@pytest.fixture(scope="module")
def result(dataset: Dataset) -> dict[str, Any]:
    return learning.run(dataset, embedder=HashingEmbedder(), splits=2, pass_splits=1)


def test_what_one_copy_learns_another_does_not_know(
    memory: Original, conversation: Conversation
) -> None:
    question = conversation.questions[0]
    with memory.copy(Config.of()) as state:
        before = state.memory.search(question.text, at=question.at)
        state.memory.reinforce(before, used=[before.hits[0].id])
        assert state.memory.stats().cues == 1
    with memory.copy(Config.of()) as state:
        assert state.memory.stats().cues == 0
        assert before.ids == state.memory.search(question.text, at=question.at).ids


def links(memory: Original, **settings: Any) -> int:
    with memory.copy(Config.of(**settings)) as state:
        return state.memory.stats().edges["learned"]


def test_a_copy_is_built_as_its_settings_say(memory: Original, conversation: Conversation) -> None:
    sessions = {turn.session for turn in conversation.turns}
    neighbours = len(conversation.turns) - len(sessions)
    assert 0 == links(memory)
    assert neighbours == links(memory, **{"learning.link": 0.5})
    by_lessons = {"learning.link": 0.5, "learning.decay_by": "lessons"}
    assert neighbours == links(memory, **by_lessons)
    assert 0 == links(memory)


def judged(name: str, memory: Original, conversation: Conversation, question: int) -> set[str]:
    arm, asked = learners.ARMS[name], conversation.questions[question]
    with memory.copy(arm.config) as state:
        recall = state.memory.search(asked.text, k=3, at=asked.at)
        return {t for id_ in arm.judge(asked, recall, state) for t in state.turn_ids[id_]}


def test_judges_differ_as_they_should(memory: Original, conversation: Conversation) -> None:
    evidence = set(conversation.questions[0].evidence)
    assert judged("none", memory, conversation, 0) == set()
    assert judged("oracle", memory, conversation, 0) == evidence
    assert judged("gated", memory, conversation, 0) <= evidence
    assert judged("paper", memory, conversation, 0) > judged("gated", memory, conversation, 0)


def test_only_learning_differs_between_arms() -> None:
    plain = Config.of()
    for arm in learners.ARMS.values():
        assert all(name.startswith("learning.") for name in arm.settings)
        assert plain.spreading == arm.config.spreading
    assert learners.ARMS["paper"].config.learning.gate == "returned"
    assert not learners.ARMS["gated"].config.learning.cue
    assert learners.ARMS["gated+cue"].config == plain


def test_lessons_and_what_the_judge_knew_are_counted(
    memory: Original, conversation: Conversation
) -> None:
    noted = learners.Judged()
    asked = conversation.questions[:3]
    with memory.copy(Config.of()) as state:
        learners.learn(state, learners.ARMS["oracle"], asked, noted)
        assert state.memory.stats().cues == 3
    assert noted.summary() == {"lessons": 3, "precision": 1.0, "recall": 1.0}


def test_a_paper_judge_is_right_about_as_much_as_came_back(
    memory: Original, conversation: Conversation
) -> None:
    noted = learners.Judged()
    with memory.copy(learners.ARMS["paper"].config) as state:
        learners.learn(state, learners.ARMS["paper"], [conversation.questions[1]], noted)
        assert state.memory.stats().cues == 0
    summary = noted.summary()
    assert summary["recall"] == 1.0
    assert summary["precision"] == pytest.approx(1 / noted.named, abs=1e-4)


def test_halves_are_disjoint_and_complete(conversation: Conversation) -> None:
    questions = conversation.questions
    experience, test = learning.halves(questions, np.random.default_rng(1))
    assert len(experience) == len(questions) // 2
    assert {q.id for q in experience}.isdisjoint(q.id for q in test)
    assert len(questions) == len(experience) + len(test)


def test_a_question_that_was_asked_is_no_test(conversation: Conversation) -> None:
    twice = [replace(q, text="Any news?") for q in conversation.questions]
    experience, test = learning.halves(twice, np.random.default_rng(1))
    assert experience
    assert test == []


def test_the_result_has_the_published_names(result: dict[str, Any]) -> None:
    assert result["splits"] == 2
    assert list(result["arms"]) == ["none", "paper", "gated", "gated+cue", "oracle", "implicit"]
    arm = result["arms"]["gated+cue"]
    assert {"recall@10", "recall@5", "mrr", "by_category", "ci95"} <= set(arm)
    assert all("recall@10" in each for each in arm["by_category"].values())
    assert len(arm["ci95"]) == 2
    assert result["curve"]["share"] == [0.0, 0.1, 0.25, 0.5, 1.0]
    assert result["passes"]["pass"] == [1, 2, 3, 5, 10]
    assert result == json.loads(json.dumps(result, allow_nan=False))


def test_all_arms_start_alike_and_without_learning_nothing_changes(result: dict[str, Any]) -> None:
    curve = result["curve"]
    assert len({curve[name][0] for name in result["arms"]}) == 1
    assert len(set(curve["none"])) == 1
    assert result["arms"]["none"]["gain"] == {"mean": 0.0, "ci95": [0.0, 0.0]}
    assert result["arms"]["none"]["judge"]["lessons"] == 0


def test_the_first_pass_is_the_whole_experience(dataset: Dataset) -> None:
    once = learning.run(dataset, embedder=HashingEmbedder(), splits=1, pass_splits=1)
    headings = [heading for heading, _ in learning.tables(once)]
    assert headings[0].endswith("test questions, 1 split")
    assert headings[-2].endswith("in the first split alone")
    for name in once["arms"]:
        assert once["curve"][name][-1] == once["passes"][name][0]


def test_the_same_seed_gives_the_same_result(dataset: Dataset) -> None:
    first, second = (
        learning.run(dataset, embedder=HashingEmbedder(), splits=1, pass_splits=0)["arms"]
        for _ in range(2)
    )
    assert first == second


def test_a_gain_is_paired() -> None:
    after = {"a": 1.0, "b": 0.5, "c": 1.0}
    before = {"c": 1.0, "b": 0.0, "a": 0.5}
    won = summaries.gain(after, before)
    assert won["mean"] == pytest.approx(1 / 3, abs=1e-4)
    assert 0 <= won["ci95"][0] <= won["mean"] <= won["ci95"][1] <= 0.5


def test_of_nothing_there_is_no_mean_no_interval_and_no_quantile() -> None:
    assert summaries.mean([]) is None
    assert summaries.interval([]) == []
    assert summaries.gain({}, {}) == {"mean": None, "ci95": []}
    assert summaries.percentiles([]) == {"p50": None, "p95": None}


def test_a_judge_who_named_nothing_was_neither_right_nor_wrong(result: dict[str, Any]) -> None:
    assert learners.Judged().summary() == {"lessons": 0, "precision": None, "recall": None}
    *_, (_, rows) = learning.tables(result)
    assert rows[1] == ["none: nothing", "", ""]


def test_settings_hold_for_every_arm_and_an_arm_keeps_its_own(dataset: Dataset) -> None:
    settings = {"cues.association": 0.0, "learning.cue": True}
    made = learning.run(
        dataset, embedder=HashingEmbedder(), splits=1, pass_splits=0, settings=settings
    )

    assert settings == made["set"]
    assert {0.0} == {each["cues"]["association"] for each in made["config"].values()}
    assert not made["config"]["gated"]["learning"]["cue"]
    assert made["config"]["gated+cue"]["learning"]["cue"]


def test_passes_need_splits_to_go_through(dataset: Dataset) -> None:
    with pytest.raises(ConfigError, match="pass_splits is 2, but can be 1 at most"):
        learning.run(dataset, embedder=HashingEmbedder(), splits=1, pass_splits=2)


def test_a_single_question_cannot_be_experience_and_test(dataset: Dataset) -> None:
    (conversation,) = dataset.conversations
    one = replace(conversation, questions=tuple(dataset.scored(conversation))[:1])

    with pytest.raises(DataError, match="no conversation has a question to learn from"):
        learning.run(replace(dataset, conversations=(one,)), embedder=HashingEmbedder(), splits=1)


def test_experience_is_shown_what_asking_shows_and_the_paper_what_it_returns() -> None:
    plain = Config.of()
    for name, arm in learners.ARMS.items():
        if name == "paper":
            assert 15 == arm.shown + arm.config.selection.associative
        else:
            assert arm.shown == plain.ask.k
