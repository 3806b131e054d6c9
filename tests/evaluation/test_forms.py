from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from evaluation import longmemeval_files
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


def test_an_answer_that_is_a_number_is_text(tmp_path: Path) -> None:
    data = longmemeval()
    data[0]["answer"] = 3
    dataset = forms.load(write(tmp_path, json.dumps(data)))
    assert dataset.conversations[0].questions[0].answer == "3"


def test_histories_stay_in_the_file_and_are_read_alike_each_time(tmp_path: Path) -> None:
    file = longmemeval_files.write(tmp_path / "lme.json", questions=11)
    dataset = forms.load(file)
    assert [outline.id for outline in dataset.outlines] == [c.id for c in dataset.conversations]
    assert [outline.turns for outline in dataset.outlines] == [24] * 11
    assert dataset.conversations[3] == dataset.conversations[3]
    assert dataset.conversations[3] is not dataset.conversations[3]
    assert dataset.conversations[-1].id == "q0010"
    assert [c.id for c in dataset.conversations[2:4]] == ["q0002", "q0003"]
    assert dataset.conversations[9].questions[0].category == "unanswerable"


def test_without_marked_turns_the_sessions_are_known(tmp_path: Path) -> None:
    data = longmemeval()
    del data[0]["haystack_sessions"][0][0]["has_answer"]
    dataset = forms.load(write(tmp_path, json.dumps(data)))
    assert [dataset.scored(c) for c in dataset.outlines] == [[], []]
    assert [[q.sessions for q in dataset.by_session(c)] for c in dataset.outlines] == [
        [("0/fair",)],
        [],
    ]


def test_a_session_may_be_empty_and_a_history_may_not(tmp_path: Path) -> None:
    data = longmemeval()
    data[0]["haystack_sessions"][1] = []
    (first, _) = forms.load(write(tmp_path, json.dumps(data))).conversations
    assert len(first.turns) == 2
    data[0]["haystack_sessions"][0] = []
    with pytest.raises(DataError, match="question 0: there is no turn in its history"):
        forms.load(write(tmp_path, json.dumps(data)))


@pytest.mark.parametrize("kept", [3, 11, 50])
def test_a_sample_is_some_of_the_conversations_and_always_the_same(
    tmp_path: Path, kept: int
) -> None:
    dataset = forms.load(longmemeval_files.write(tmp_path / "lme.json", questions=11))
    sample = dataset.sampled(kept)
    ids = [c.id for c in sample.conversations]
    assert len(ids) == min(kept, 11)
    assert ids == sorted(ids)
    assert ids == [outline.id for outline in dataset.sampled(kept).outlines]
    assert sample.changed == ({"sample": {"conversations": 3, "of": 11}} if kept == 3 else {})


def test_a_sample_of_ones_own_data_too(tmp_path: Path) -> None:
    lines = [json.dumps({**plain(), "id": f"talk-{n}"}) for n in range(4)]
    sample = forms.load(write(tmp_path, "\n".join(lines))).sampled(2)
    assert len(sample.conversations) == 2


def test_reading_tells_how_many_megabytes_are_read(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    file = longmemeval_files.write(tmp_path / "lme.json", questions=3, words=900)
    forms.load(file, progress=lambda *step: told.append(step))
    size = file.stat().st_size // 1_000_000
    assert told[-1] == ("reading lme.json (MB)", size, size)


def _unknown_type(data: list[dict[str, Any]]) -> None:
    data[0]["question_type"] = "riddle"


def _missing_date(data: list[dict[str, Any]]) -> None:
    data[0]["haystack_dates"].pop()


def _odd_date(data: list[dict[str, Any]]) -> None:
    data[0]["question_date"] = "yesterday"


def _session_of_text(data: list[dict[str, Any]]) -> None:
    data[0]["haystack_sessions"][0] = "I won a kettle."


def _odd_mark(data: list[dict[str, Any]]) -> None:
    data[0]["haystack_sessions"][0][0]["has_answer"] = "yes"


def _numeric_mark(data: list[dict[str, Any]]) -> None:
    data[0]["haystack_sessions"][0][0]["has_answer"] = 1


def _blank_id(data: list[dict[str, Any]]) -> None:
    data[0]["question_id"] = " "


def _blank_session(data: list[dict[str, Any]]) -> None:
    data[0]["haystack_session_ids"][1] = ""


def _blank_answering_session(data: list[dict[str, Any]]) -> None:
    data[0]["answer_session_ids"].append("")


def _lost_session(data: list[dict[str, Any]]) -> None:
    data[0]["answer_session_ids"].append("elsewhere")


def _no_sessions(data: list[dict[str, Any]]) -> None:
    del data[0]["answer_session_ids"]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_unknown_type, "'question_type' is 'riddle'; there are single-session-user"),
        (_missing_date, "there are 2 haystack_session_ids, 1 haystack_dates"),
        (_odd_date, "'yesterday' is not a time like"),
        (_session_of_text, "a session must be a list of turns, and is a text"),
        (_odd_mark, "'has_answer' must be true or false, and is a text"),
        (_numeric_mark, "'has_answer' must be true or false, and is a whole number"),
        (_blank_id, "'question_id' is blank"),
        (_blank_session, "'haystack_session_ids' holds a blank text"),
        (_blank_answering_session, "'answer_session_ids' holds a blank text"),
        (_lost_session, "'answer_session_ids' names 'elsewhere', which is not in its history"),
        (_no_sessions, "'answer_session_ids' is missing"),
    ],
)
def test_malformed_longmemeval_names_the_question(
    tmp_path: Path, spoil: Callable[[list[dict[str, Any]]], None], told: str
) -> None:
    data = longmemeval()
    spoil(data)
    with pytest.raises(DataError, match=rf"data\.json: question 0: {told}"):
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


def _odd_time(line: dict[str, Any]) -> None:
    line["turns"][0]["at"] = "yesterday"


def _no_answer(line: dict[str, Any]) -> None:
    line["questions"][0]["answer"] = None


def _evidence_as_text(line: dict[str, Any]) -> None:
    line["questions"][0]["evidence"] = "a"


def _unknown_at_the_top(line: dict[str, Any]) -> None:
    line["question"] = []


def _no_question(line: dict[str, Any]) -> None:
    line["questions"] = []


def _nameless(line: dict[str, Any]) -> None:
    del line["id"]


def _twin_questions(line: dict[str, Any]) -> None:
    line["questions"][0]["id"] = line["questions"][1]["id"] = "q"


def _numeric_turn_ids(line: dict[str, Any]) -> None:
    line["turns"][0]["id"], line["questions"][0]["evidence"] = 1, [1]


def _numeric_question_id(line: dict[str, Any]) -> None:
    line["questions"][0]["id"] = 7


def _numeric_id(line: dict[str, Any]) -> None:
    line["id"] = 3


def _numeric_evidence(line: dict[str, Any]) -> None:
    line["turns"][0]["id"], line["questions"][0]["evidence"] = "1", [1]


def _blank_turn_id(line: dict[str, Any]) -> None:
    line["turns"][0]["id"] = " "


def _blank_question_id(line: dict[str, Any]) -> None:
    line["questions"][0]["id"] = ""


def _blank_evidence(line: dict[str, Any]) -> None:
    line["questions"][0]["evidence"] = [""]


def _blank_category(line: dict[str, Any]) -> None:
    line["questions"][0]["category"] = " "


def _twins(line: dict[str, Any]) -> None:
    line["turns"][1]["id"] = "a"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_wrong_evidence, "line 2: .*evidence 'c' of talk/0 names no turn"),
        (_misspelt, "line 2: .*unknown field 'speeker'"),
        (_no_time, "line 2: .*'at'"),
        (_naive_time, "line 2: .*has no time zone"),
        (_odd_time, "line 2: 'at' is 'yesterday', and not like"),
        (_no_answer, "line 2: 'answer' must be a text or a number, and is null"),
        (_evidence_as_text, "line 2: 'evidence' must be a list, and is a text"),
        (_unknown_at_the_top, "line 2: unknown field 'question'"),
        (_no_question, "line 2: 'questions' is empty"),
        (_nameless, "line 2: 'id' is missing"),
        (_twin_questions, "line 2: question q is there twice"),
        (_twins, "line 2: turn a is there twice"),
        (_numeric_turn_ids, "line 2: 'id' must be a text, and is a whole number"),
        (_numeric_question_id, "line 2: 'id' must be a text, and is a whole number"),
        (_numeric_id, "line 2: 'id' must be a text, and is a whole number"),
        (_numeric_evidence, "line 2: 'evidence' must be a list of texts, and holds a whole number"),
        (_blank_turn_id, "line 2: 'id' is blank"),
        (_blank_question_id, "line 2: 'id' is blank"),
        (_blank_evidence, "line 2: 'evidence' holds a blank text"),
        (_blank_category, "line 2: 'category' is blank"),
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


def test_a_text_may_hold_what_ends_lines_elsewhere(tmp_path: Path) -> None:
    line = plain()
    line["turns"][0]["text"] = "One.\u2028Two.\u0085Three."
    file = write(tmp_path, json.dumps(line, ensure_ascii=False))
    assert forms.load(file, "jsonl").conversations[0].turns[0].text == "One.\u2028Two.\u0085Three."


def test_bytes_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "latin.jsonl"
    file.write_bytes(
        json.dumps(plain(), ensure_ascii=False).replace("won", "wön").encode("latin-1")
    )
    with pytest.raises(DataError, match="not UTF-8 text, at byte"):
        forms.load(file, "jsonl")


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2 is not JSON"):
        forms.load(write(tmp_path, f"{json.dumps(plain())}\n{{]\n"))


def test_a_line_that_breaks_off_is_named(tmp_path: Path) -> None:
    half = json.dumps({**plain(), "id": "other"})[:40]
    with pytest.raises(
        DataError, match="line 2 breaks off after 40 bytes; is all of the conversation on this line"
    ):
        forms.load(write(tmp_path, f"{json.dumps(plain())}\n{half}\n"))


def test_the_form_can_be_said(tmp_path: Path) -> None:
    file = write(tmp_path, json.dumps(plain()))
    assert forms.load(file, "jsonl") == forms.load(file)
    with pytest.raises(DataError, match=r"of the form jsonl, and not longmemeval; .* any form"):
        forms.load(file, "longmemeval")
