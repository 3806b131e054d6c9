"""A plain form for anyone's own data: one conversation a line.

    {"id": "talk-1",
     "turns": [{"id": "t1", "text": "...", "speaker": "Iris", "at": "2024-03-03T10:05:00Z",
                "session": "s1"}, ...],
     "questions": [{"id": "q1", "text": "...", "answer": "...", "category": "single-hop",
                    "evidence": ["t1"], "at": "2024-06-02T08:00:00Z"}, ...]}

Of a turn, `id` and `text` and `at` are needed; of a question, `text`. Ids are texts, never numbers, so that evidence
names them as they are. A category "unanswerable" is reported apart.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from helamem.errors import DataError
from helamem.evaluation import datasets
from helamem.evaluation.datasets import UNANSWERABLE, Conversation, Dataset, Question
from helamem.evaluation.forms import stream, values
from helamem.records import Turn

if TYPE_CHECKING:
    from pathlib import Path

    from helamem.evaluation.forms.stream import Reader
    from helamem.evaluation.forms.values import Object

FIELDS = {"id", "turns", "questions"}
TURN_FIELDS = {"id", "text", "speaker", "role", "at", "session", "metadata"}
QUESTION_FIELDS = {"id", "text", "answer", "category", "evidence", "at"}


def load(reader: Reader) -> Dataset:
    """A file in the form that the module's text shows; blank lines are passed over.

    Raises:
        DataError: A line is malformed, or a question's evidence names no turn; it says which.
    """
    file = reader.file
    content = stream.read_bytes(file)
    conversations = tuple(
        _conversation(line, number, file)
        for number, line in enumerate(_lines(content, file), start=1)
        if line.strip()
    )
    datasets.check_ids((c.id for c in conversations), f"{file}: conversation")
    return Dataset(
        name=file.stem,
        sha256=datasets.digest(content),
        conversations=conversations,
        categories=tuple(
            dict.fromkeys(
                question.category
                for conversation in conversations
                for question in conversation.questions
                if question.category != UNANSWERABLE
            )
        ),
    )


def _lines(content: bytes, file: Path) -> list[str]:
    """Lines end as JSON lines do: a text may hold other characters that end lines elsewhere."""
    try:
        return content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as exc:
        raise DataError(f"{file} is not UTF-8 text, at byte {exc.start}") from exc


def _conversation(line: str, number: int, file: Path) -> Conversation:
    where = f"{file}, line {number}"
    raw = stream.parsed(line, where, whole="is all of the conversation on this line?")
    try:
        found = values.an_object(raw, "a line")
        values.refuse_others(found, FIELDS)
        id_ = values.text(found, "id")
        raw_turns = values.objects(found, "turns", "a turn")
        turns = tuple(map(_turn, raw_turns))
        turn_ids = tuple(values.text(each, "id") for each in raw_turns)
        questions = tuple(
            _question(each, f"{id_}/{n}", turns)
            for n, each in enumerate(values.objects(found, "questions", "a question"))
        )
        _refuse_unknown(questions, set(turn_ids))
    except (TypeError, ValueError) as exc:
        raise DataError(f"{where}: {exc}") from exc
    datasets.check_ids(turn_ids, f"{where}: turn")
    datasets.check_ids((question.id for question in questions), f"{where}: question")
    return Conversation(id=id_, turns=turns, turn_ids=turn_ids, questions=questions)


def _turn(raw: Object) -> Turn:
    values.refuse_others(raw, TURN_FIELDS)
    return Turn(
        values.text(raw, "text"),
        speaker=values.optional_text(raw, "speaker"),
        role=values.optional_text(raw, "role"),
        at=_moment(raw),
        session=values.optional_text(raw, "session"),
        metadata=values.an_object(raw.get("metadata", {}), "'metadata'"),
    )


def _question(raw: Object, id_: str, turns: tuple[Turn, ...]) -> Question:
    values.refuse_others(raw, QUESTION_FIELDS)
    return Question(
        id=values.text(raw, "id") if "id" in raw else id_,
        text=values.text(raw, "text"),
        answer=values.answer(raw),
        category=values.text(raw, "category") if "category" in raw else "all",
        evidence=tuple(dict.fromkeys(values.names(raw, "evidence"))) if "evidence" in raw else (),
        at=_moment(raw) if "at" in raw else datasets.after(turns),
    )


def _moment(raw: Object) -> datetime:
    said = values.text(raw, "at")
    try:
        moment = datetime.fromisoformat(said)
    except ValueError as exc:
        raise ValueError(f"'at' is {said!r}, and not like '2024-03-03T10:05:00Z'") from exc
    if moment.tzinfo is None:
        raise ValueError(f"'at' is {said!r}, which has no time zone; put Z after it for UTC")
    return moment


def _refuse_unknown(questions: tuple[Question, ...], turn_ids: set[str]) -> None:
    for question in questions:
        missing = sorted(set(question.evidence) - turn_ids)
        if missing:
            raise ValueError(f"evidence {missing[0]!r} of {question.id} names no turn")
