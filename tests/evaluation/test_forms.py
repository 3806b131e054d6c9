from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from helamem.errors import DataError
from helamem.evaluation import forms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def longmemeval() -> list[dict[str, Any]]:
    return [
        {
            "question_id": "kettle",
            "question_type": "single-session-user",
            "question": "What did I win?",
            "answer": "A kettle",
            "question_date": "2024/06/02 (Sun) 09:15",
            "haystack_dates": ["2024/04/20 (Sat) 19:30", "2024/05/01 (Wed) 08:00"],
            "haystack_session_ids": ["fair", "garden"],
            "haystack_sessions": [
                [
                    {"role": "user", "content": "I won a kettle.", "has_answer": True},
                    {"role": "assistant", "content": "Well done!", "has_answer": False},
                ],
                [
                    {"role": "user", "content": " "},
                    {"role": "user", "content": "How do I plant beans?"},
                ],
            ],
            "answer_session_ids": ["fair"],
        },
        {
            "question_id": "flute_abs",
            "question_type": "multi-session",
            "question": "How many flutes do I own?",
            "answer": "You did not say.",
            "question_date": "2024/06/02 (Sun) 09:15",
            "haystack_dates": ["2024/04/20 (Sat) 19:30"],
            "haystack_session_ids": ["fair"],
            "haystack_sessions": [[{"role": "user", "content": "I won a kettle."}]],
            "answer_session_ids": ["fair"],
        },
    ]


def plain() -> dict[str, Any]:
    return {
        "id": "talk",
        "turns": [
            {"id": "a", "text": "I won a kettle.", "speaker": "Tom", "at": "2024-04-20T19:30:00Z"},
            {"id": "b", "text": "Well done!", "speaker": "Iris", "at": "2024-04-20T19:31:00Z"},
        ],
        "questions": [
            {
                "text": "What did Tom win?",
                "answer": "a kettle",
                "category": "easy",
                "evidence": ["a"],
            },
            {"text": "Who sang?", "category": "unanswerable", "at": "2024-05-01T00:00:00Z"},
        ],
    }


def write(folder: Path, content: str) -> Path:
    file = folder / "data.json"
    file.write_text(content, encoding="utf-8")
    return file


def test_longmemeval_has_one_history_a_question(tmp_path: Path) -> None:
    dataset = forms.load(write(tmp_path, json.dumps(longmemeval())))
    first, second = dataset.conversations
    assert first.id == "kettle"
    assert [turn.text for turn in first.turns] == [
        "I won a kettle.",
        "Well done!",
        "How do I plant beans?",
    ]
    assert first.turns[2].at == datetime(2024, 5, 1, 8, 0, 1, tzinfo=UTC)
    (question,) = first.questions
    assert question.evidence == ("0/fair:0",)
    assert question.sessions == ("0/fair",)
    assert question.at == datetime(2024, 6, 2, 9, 15, tzinfo=UTC)
    assert second.questions[0].category == "unanswerable"


def test_of_an_abstention_nothing_is_evidence(tmp_path: Path) -> None:
    dataset = forms.load(write(tmp_path, json.dumps(longmemeval())))
    (question,) = dataset.conversations[1].questions
    assert (question.evidence, question.sessions) == ((), ())
    assert [len(dataset.scored(c)) for c in dataset.conversations] == [1, 0]


def test_a_session_that_a_history_holds_twice_is_two(tmp_path: Path) -> None:
    data = longmemeval()[:1]
    for key in ("haystack_dates", "haystack_session_ids", "haystack_sessions"):
        data[0][key] = [data[0][key][0]] * 2
    (conversation,) = forms.load(write(tmp_path, json.dumps(data))).conversations
    assert len(set(conversation.turn_ids)) == 4
    assert {turn.session for turn in conversation.turns} == {"0/fair", "1/fair"}


def _unknown_type(data: list[dict[str, Any]]) -> None:
    data[0]["question_type"] = "riddle"


def _missing_date(data: list[dict[str, Any]]) -> None:
    data[0]["haystack_dates"].pop()


def _odd_date(data: list[dict[str, Any]]) -> None:
    data[0]["question_date"] = "yesterday"


@pytest.mark.parametrize("spoil", [_unknown_type, _missing_date, _odd_date])
def test_malformed_longmemeval_names_the_question(
    tmp_path: Path, spoil: Callable[[list[dict[str, Any]]], None]
) -> None:
    data = longmemeval()
    spoil(data)
    with pytest.raises(DataError, match="question 0 is not LongMemEval's form"):
        forms.load(write(tmp_path, json.dumps(data)))


def test_ones_own_data_is_one_conversation_a_line(tmp_path: Path) -> None:
    second = {**plain(), "id": "other"}
    dataset = forms.load(write(tmp_path, f"{json.dumps(plain())}\n\n{json.dumps(second)}\n"))
    first = dataset.conversations[0]
    assert [c.id for c in dataset.conversations] == ["talk", "other"]
    assert dataset.categories == ("easy",)
    assert [q.id for q in first.questions] == ["talk/0", "talk/1"]
    assert first.questions[0].evidence == ("a",)
    assert first.questions[0].at == datetime(2024, 4, 21, 19, 31, tzinfo=UTC)
    assert first.questions[1].at == datetime(2024, 5, 1, tzinfo=UTC)


def _wrong_evidence(line: dict[str, Any]) -> None:
    line["questions"][0]["evidence"] = ["c"]


def _misspelt(line: dict[str, Any]) -> None:
    line["turns"][0]["speeker"] = "Tom"


def _no_time(line: dict[str, Any]) -> None:
    del line["turns"][0]["at"]


def _naive_time(line: dict[str, Any]) -> None:
    line["turns"][0]["at"] = "2024-04-20T19:30:00"


def _twins(line: dict[str, Any]) -> None:
    line["turns"][1]["id"] = "a"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_wrong_evidence, "line 2: .*evidence 'c' of talk/0 names no turn"),
        (_misspelt, "line 2: .*unknown field 'speeker'"),
        (_no_time, "line 2: .*'at'"),
        (_naive_time, "line 2: .*has no time zone"),
        (_twins, "line 2: turn a is there twice"),
    ],
)
def test_a_malformed_line_is_named(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], told: str
) -> None:
    line = plain()
    spoil(line)
    content = f"{json.dumps({**plain(), 'id': 'first'})}\n{json.dumps(line)}\n"
    with pytest.raises(DataError, match=told):
        forms.load(write(tmp_path, content))


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2 is not JSON"):
        forms.load(write(tmp_path, f"{json.dumps(plain())}\n{{]\n"))


def test_the_form_can_be_said(tmp_path: Path) -> None:
    file = write(tmp_path, json.dumps(plain()))
    assert forms.load(file, "jsonl") == forms.load(file)
    with pytest.raises(DataError, match="not a list of questions"):
        forms.load(file, "longmemeval")
