from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from helamem.errors import DataError
from helamem.evaluation import forms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from helamem.evaluation.datasets import Dataset


def test_every_turn_has_the_id_that_evidence_names(dataset: Dataset) -> None:
    (conversation,) = dataset.conversations
    assert len(conversation.turns) == 11
    said = dict(zip(conversation.turn_ids, conversation.turns, strict=True))
    assert said["D2:4"].text == "A copper kettle. I keep it on the window sill."
    assert said["D2:5"].text == "Look at her! [image: a greyhound on a beach]"


def test_evidence_is_read_out_of_joined_strings_and_unknown_turns_are_dropped(
    dataset: Dataset,
) -> None:
    questions = dataset.conversations[0].questions
    assert [q.evidence for q in questions] == [
        ("D2:2", "D2:4"),
        ("D1:4",),
        ("D1:1", "D3:1"),
        (),
        ("D3:1",),
    ]


def test_categories_have_their_names(dataset: Dataset) -> None:
    assert [q.category for q in dataset.conversations[0].questions] == [
        "single-hop",
        "temporal",
        "multi-hop",
        "open-domain",
        "unanswerable",
    ]


def test_questions_without_evidence_are_left_out_and_counted(dataset: Dataset) -> None:
    (conversation,) = dataset.conversations
    assert [q.id for q in dataset.scored(conversation)] == ["talk-1/0", "talk-1/1", "talk-1/2"]
    assert [q.id for q in dataset.apart(conversation)] == ["talk-1/4"]
    assert dataset.left_out() == 1


def test_questions_are_asked_after_the_last_turn(dataset: Dataset) -> None:
    (conversation,) = dataset.conversations
    last = max(turn.at for turn in conversation.turns if turn.at)
    assert all(question.at > last for question in conversation.questions)


def test_an_answer_that_is_a_number_is_text_and_a_trap_is_no_answer(dataset: Dataset) -> None:
    answers = [q.answer for q in dataset.conversations[0].questions]
    assert answers[3:] == ["2024", ""]


def test_observations_name_the_turns_they_rest_on(dataset: Dataset) -> None:
    observations = dataset.conversations[0].observations
    assert [(o.speaker, o.turn_ids) for o in observations] == [
        ("Iris", ("D1:1",)),
        ("Tom", ("D1:2", "D1:4")),
    ]


def test_the_digest_is_that_of_the_file(locomo_file: Path, dataset: Dataset) -> None:
    assert dataset.sha256 == hashlib.sha256(locomo_file.read_bytes()).hexdigest()
    assert dataset.name == "talks"
    assert dataset.published_as is None


def test_one_conversation_alone_is_a_data_set(tmp_path: Path, locomo: list[Any]) -> None:
    file = tmp_path / "one.json"
    file.write_text(json.dumps(locomo[0]), encoding="utf-8")
    assert [c.id for c in forms.load(file).conversations] == ["talk-1"]


def _blank(talk: dict[str, Any]) -> None:
    talk["qa"][1]["question"] = "  "


def _no_question(talk: dict[str, Any]) -> None:
    del talk["qa"][2]["question"]


def _unknown_category(talk: dict[str, Any]) -> None:
    talk["qa"][0]["category"] = 6


def _number_as_evidence(talk: dict[str, Any]) -> None:
    talk["qa"][0]["evidence"] = [7]


def _evidence_as_text(talk: dict[str, Any]) -> None:
    talk["qa"][0]["evidence"] = "D1:1"


def _no_answer(talk: dict[str, Any]) -> None:
    talk["qa"][0]["answer"] = None


def _category_as_text(talk: dict[str, Any]) -> None:
    talk["qa"][0]["category"] = "4"


def _turn_of_text(talk: dict[str, Any]) -> None:
    talk["conversation"]["session_1"][0] = "Hi Tom!"


def _session_of_text(talk: dict[str, Any]) -> None:
    talk["conversation"]["session_1"] = "Hi Tom!"


def _no_questions(talk: dict[str, Any]) -> None:
    del talk["qa"]


def _twin_turns(talk: dict[str, Any]) -> None:
    talk["conversation"]["session_2"][1]["dia_id"] = "D2:1"


def _blank_turn_id(talk: dict[str, Any]) -> None:
    talk["conversation"]["session_2"][1]["dia_id"] = " "


def _blank_name(talk: dict[str, Any]) -> None:
    talk["sample_id"] = ""


def _odd_observation(talk: dict[str, Any]) -> None:
    talk["observation"]["session_1_observation"]["Tom"] = ["Tom bakes."]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_blank, "question talk-1/1: 'question' is blank"),
        (_no_question, "question talk-1/2: 'question' is missing"),
        (_unknown_category, "question talk-1/0: 'category' is 6; there are 1, 2, 3, 4, 5"),
        (_number_as_evidence, "question talk-1/0: 'evidence' must be a list of texts, and holds"),
        (_evidence_as_text, "question talk-1/0: 'evidence' must be a list, and is a text"),
        (_no_answer, "question talk-1/0: 'answer' must be a text or a number, and is null"),
        (_category_as_text, "talk-1/0: 'category' must be a whole number, and is a text"),
        (_turn_of_text, "expected an object, not str"),
        (_session_of_text, "'session_1' must be a list of turns"),
        (_no_questions, "talk-1 needs turns, and a list of questions"),
        (_twin_turns, "talk-1: turn D2:1 is there twice"),
        (_blank_turn_id, "talk-1: turn number 5 has a blank id; give it a name"),
        (_blank_name, "conversation number 0 has a blank id; give it a name"),
        (_odd_observation, "talk-1: the observations are not"),
    ],
)
def test_what_is_malformed_is_named(
    tmp_path: Path, locomo: list[Any], spoil: Callable[[dict[str, Any]], None], told: str
) -> None:
    spoil(locomo[0])
    file = tmp_path / "odd.json"
    file.write_text(json.dumps(locomo), encoding="utf-8")
    with pytest.raises(DataError, match=told):
        forms.load(file)


def test_two_conversations_of_one_name_are_refused(tmp_path: Path, locomo: list[Any]) -> None:
    file = tmp_path / "twins.json"
    file.write_text(json.dumps(locomo * 2), encoding="utf-8")
    with pytest.raises(DataError, match="conversation talk-1 is there twice"):
        forms.load(file)


def test_a_missing_file_and_a_file_of_another_kind_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json cannot be read: No such file"):
        forms.load(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("not JSON", encoding="utf-8")
    with pytest.raises(DataError, match=r"text\.json is not JSON"):
        forms.load(tmp_path / "text.json")
    (tmp_path / "list.json").write_text('[{"messages": []}]', encoding="utf-8")
    with pytest.raises(DataError, match=r"list\.json is of no known form"):
        forms.load(tmp_path / "list.json")
    (tmp_path / "none.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match=r"none\.json is of no known form"):
        forms.load(tmp_path / "none.json")
    with pytest.raises(DataError, match=r"none\.json holds no conversation"):
        forms.load(tmp_path / "none.json", "locomo")
