from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem.config import Config
from helamem.errors import ConfigError
from helamem.evaluation import systems
from helamem.language.english import ENGLISH
from helamem.language.terms import terms_of
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from helamem.evaluation.datasets import Conversation, Dataset, Question
    from helamem.evaluation.systems import Found, System

ALL = tuple(systems.SYSTEMS)


@pytest.fixture
def conversation(dataset: Dataset) -> Conversation:
    return dataset.conversations[0]


def ask(
    system: System[Any], conversation: Conversation, folder: Path, question: Question, k: int
) -> Found:
    state = system.build(conversation, HashingEmbedder(), folder)
    try:
        return system.search(state, question, k)
    finally:
        if hasattr(state, "close"):
            state.close()


@pytest.mark.parametrize("name", ALL)
def test_every_system_ranks_turns_of_the_conversation(
    name: str, conversation: Conversation, tmp_path: Path
) -> None:
    (system,) = systems.named([name])
    found = ask(system, conversation, tmp_path, conversation.questions[0], 100)
    ranked = found.ranked()
    assert ranked
    assert set(ranked) <= set(conversation.turn_ids)
    assert len(set(ranked)) == len(ranked)


@pytest.mark.parametrize("name", ALL)
def test_a_context_keeps_to_its_budget_and_grows_with_it(
    name: str, conversation: Conversation, tmp_path: Path
) -> None:
    (system,) = systems.named([name])
    found = ask(system, conversation, tmp_path, conversation.questions[0], 100)
    small, large = found.within(60), found.within(1000)
    assert 0 < small[1] <= 60
    assert len(small[0]) < len(large[0])
    assert set(small[0]) <= set(found.ranked())
    assert large[0] == found.ranked()


@pytest.mark.parametrize("name", [name for name in ALL if name != "full-text"])
def test_a_shorter_list_is_the_beginning_of_a_longer_one(
    name: str, conversation: Conversation, tmp_path: Path
) -> None:
    (system,) = systems.named([name])
    state = system.build(conversation, HashingEmbedder(), tmp_path)
    for question in conversation.questions:
        whole = system.search(state, question, 100).ranked()
        assert whole[:4] == system.search(state, question, 4).ranked()[:4]
    if hasattr(state, "close"):
        state.close()


def test_a_shorter_list_is_the_beginning_after_learning_too(
    conversation: Conversation, tmp_path: Path
) -> None:
    state = systems.remember(conversation, HashingEmbedder(), tmp_path / "m.db", Config.of())
    ids = {turn_id: id_ for id_, turn_ids in state.turn_ids.items() for turn_id in turn_ids}
    asked = [q for q in conversation.questions if q.evidence]
    for question in asked:
        recall = state.memory.search(question.text, k=4, at=question.at)
        state.memory.reinforce(recall, used=[ids[each] for each in question.evidence])
    for question in asked:
        assert state.search(question, 100).ranked()[:4] == state.search(question, 4).ranked()[:4]
        assert any(hit.parts.received["cue"] > 0 for hit in state.search(question, 4).hits)
    state.close()


def test_recency_brings_the_last_turns_and_full_text_brings_all(
    conversation: Conversation, tmp_path: Path
) -> None:
    recency, whole = systems.named(["recency", "full-text"])
    question = conversation.questions[0]
    assert ask(recency, conversation, tmp_path, question, 2).ranked() == ["D3:2", "D3:1"]
    assert ask(whole, conversation, tmp_path, question, 2).ranked() == list(conversation.turn_ids)
    assert ask(whole, conversation, tmp_path, question, 2).within(whole.prompt_tokens)[0] == list(
        conversation.turn_ids
    )


def test_bm25_is_the_textbook_sum(conversation: Conversation) -> None:
    question = conversation.questions[0]
    index = systems.index(conversation, HashingEmbedder(), vectors=False, words=True)
    documents = [terms_of(systems.dated(turn), ENGLISH) for turn in conversation.turns]
    mean = sum(map(len, documents)) / len(documents)

    def naive(document: Sequence[str]) -> float:
        total = 0.0
        for term in set(terms_of(question.text, ENGLISH)):
            df = sum(term in each for each in documents)
            idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
            count = document.count(term)
            total += idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * len(document) / mean))
        return total

    expected = [naive(document) for document in documents]
    assert systems._bm25(index, question).tolist() == pytest.approx(expected)


def test_fusion_adds_up_reciprocal_ranks() -> None:
    fused = systems.reciprocal_rank_fusion([np.array([0.9, 0.5, 0.1]), np.array([0.0, 3.0, 5.0])])
    assert fused.tolist() == pytest.approx([1 / 61, 1 / 62 + 1 / 62, 1 / 63 + 1 / 61])


def test_a_system_of_ones_own_is_two_functions(conversation: Conversation, tmp_path: Path) -> None:
    def build(conversation: Conversation, embedder: object, folder: Path) -> Conversation:
        return conversation

    def search(conversation: Conversation, question: Question, k: int) -> Found:
        longest = sorted(
            zip(conversation.turns, conversation.turn_ids, strict=True),
            key=lambda pair: -len(pair[0].text),
        )
        return systems.found(conversation, [id_ for _, id_ in longest[:k]])

    mine = systems.System("longest", build, search)
    assert ask(mine, conversation, tmp_path, conversation.questions[0], 1).ranked() == ["D1:1"]


def test_a_memory_keeps_every_turn_and_asks_at_the_time_of_the_question(
    conversation: Conversation, tmp_path: Path
) -> None:
    state = systems.remember(conversation, HashingEmbedder(), tmp_path / "m.db", Config.of())
    assert sorted(state.turn_ids.values()) == sorted((each,) for each in conversation.turn_ids)
    question = conversation.questions[0]
    assert question.at == state.memory.search(question.text).at
    state.close()


def test_turns_that_say_the_same_are_memories_of_their_own(
    conversation: Conversation, tmp_path: Path
) -> None:
    from dataclasses import replace

    twins = replace(
        conversation,
        turns=(conversation.turns[0], *conversation.turns),
        turn_ids=("D0:1", *conversation.turn_ids),
    )
    state = systems.remember(twins, HashingEmbedder(), tmp_path / "m.db", Config.of())
    assert [("D0:1",), ("D1:1",)] == [state.turn_ids[1], state.turn_ids[2]]
    state.close()


def test_settings_are_for_the_default_alone() -> None:
    default, paper = systems.named(["default", "paper"], {"activation.words": 0.0})
    assert default.settings is not None
    assert paper.settings == Config.of("paper")
    assert default.settings.activation.words == 0.0


def test_an_unknown_system_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no system 'faiss'; there are default, paper, "):
        systems.named(["default", "faiss"])


def test_a_system_that_is_named_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="'bm25' is named twice; name each system once"):
        systems.named(["bm25", "default", "bm25"])


def test_a_text_in_the_place_of_names_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a list of names, like \['default'\], and not a text"):
        systems.named("default")


def test_a_search_that_brings_no_found_is_told_how_to_make_one(conversation: Conversation) -> None:
    mine = systems.System("mine", lambda talk, *_: talk, lambda *_: ["D1:1"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"search of the system 'mine' must .* not list; .*found\("):
        mine.find(conversation, conversation.questions[0], 10)


def test_a_turn_that_is_not_there_cannot_be_found(conversation: Conversation) -> None:
    with pytest.raises(ValueError, match=r"has no turn 'D9:9'; rank ids out of conversation\.turn"):
        systems.found(conversation, ["D1:1", "D9:9"])
