"""LongMemEval's JSON: chats of a user with an assistant; each question has a history of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from helamem.errors import DataError
from helamem.evaluation import datasets
from helamem.evaluation.datasets import UNANSWERABLE, Conversation, Dataset, Question
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CATEGORIES = (
    "single-session-user",
    "single-session-assistant",
    "single-session-preference",
    "multi-session",
    "temporal-reasoning",
    "knowledge-update",
)
_ABSTENTION = "_abs"  # how the ids of questions end that nothing in the history answers
_TIME = "%Y/%m/%d (%a) %H:%M"


def load(file: Path, content: bytes) -> Dataset:
    """`longmemeval_s`, `longmemeval_m` or `longmemeval_oracle`, whole or in part.

    Evidence is the turns with `has_answer`; a question's sessions are its `answer_session_ids`. Of an
    abstention question nothing is evidence.

    Raises:
        DataError: It is not LongMemEval's form; the message says where.
    """
    value = datasets.parsed(content, file)
    if not isinstance(value, list):
        raise DataError(f"{file} is not a list of questions")
    conversations = tuple(_conversation(item, n, file) for n, item in enumerate(value))
    datasets.refuse_twins((c.id for c in conversations), f"{file}: question")
    return Dataset(
        name=file.stem,
        sha256=datasets.digest(content),
        conversations=conversations,
        categories=CATEGORIES,
    )


def _conversation(item: dict[str, Any], number: int, file: Path) -> Conversation:
    try:
        found = list(_turns(item))
        turns = tuple(turn for _, turn, _ in found)
        question = _question(item, [id_ for id_, _, answers in found if answers])
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise DataError(f"{file}: question {number} is not LongMemEval's form: {exc!r}") from exc
    if not turns or not question.text:
        raise DataError(f"{file}: question {question.id} needs a text and a history")
    return Conversation(
        id=question.id,
        turns=turns,
        turn_ids=tuple(id_ for id_, _, _ in found),
        questions=(question,),
    )


def _question(item: dict[str, Any], evidence: list[str]) -> Question:
    abstains = item["question_id"].endswith(_ABSTENTION)
    if not abstains and item["question_type"] not in CATEGORIES:
        raise ValueError(f"question_type is {item['question_type']!r}")
    answering = set(item.get("answer_session_ids", ()))
    return Question(
        id=item["question_id"],
        text=item["question"].strip(),
        answer=str(item.get("answer", "")),
        category=UNANSWERABLE if abstains else item["question_type"],
        evidence=() if abstains else tuple(evidence),
        at=_moment(item["question_date"]),
        sessions=()
        if abstains
        else tuple(
            _session(i, id_)
            for i, id_ in enumerate(item["haystack_session_ids"])
            if id_ in answering
        ),
    )


def _turns(item: dict[str, Any]) -> Iterator[tuple[str, Turn, bool]]:
    """Each turn with its id, and whether it answers. A session's turns are a second apart."""
    sessions = zip(
        item["haystack_session_ids"],
        item["haystack_dates"],
        item["haystack_sessions"],
        strict=True,
    )
    for i, (session_id, date, session) in enumerate(sessions):
        start = _moment(date)
        for n, raw in enumerate(session):
            if raw["content"].strip():
                turn = Turn(
                    raw["content"],
                    speaker=raw["role"],
                    role=raw["role"],
                    at=start + timedelta(seconds=n),
                    session=_session(i, session_id),
                )
                yield f"{_session(i, session_id)}:{n}", turn, bool(raw.get("has_answer"))


def _session(number: int, session_id: str) -> str:
    """A session's name; the number tells two apart that a history holds twice."""
    return f"{number}/{session_id}"


def _moment(said: str) -> datetime:
    return datetime.strptime(said, _TIME).replace(tzinfo=UTC)
