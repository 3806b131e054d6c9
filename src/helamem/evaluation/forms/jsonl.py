"""A plain form for anyone's own data: one conversation a line.

    {"id": "talk-1",
     "turns": [{"id": "t1", "text": "...", "speaker": "Iris", "at": "2024-03-03T10:05:00Z",
                "session": "s1"}, ...],
     "questions": [{"id": "q1", "text": "...", "answer": "...", "category": "single-hop",
                    "evidence": ["t1"], "at": "2024-06-02T08:00:00Z"}, ...]}

Of a turn, `id` and `text` and `at` are needed; of a question, `text`. A category "unanswerable" is reported apart.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from helamem.errors import DataError
from helamem.evaluation import datasets
from helamem.evaluation.datasets import UNANSWERABLE, Conversation, Dataset, Question
from helamem.records import Turn

if TYPE_CHECKING:
    from pathlib import Path

TURN_FIELDS = {"id", "text", "speaker", "role", "at", "session", "metadata"}
QUESTION_FIELDS = {"id", "text", "answer", "category", "evidence", "at"}


def load(file: Path, content: bytes) -> Dataset:
    """A file in the form that the module's text shows; blank lines are passed over.

    Raises:
        DataError: A line is malformed, or a question's evidence names no turn; it says which.
    """
    lines = content.decode("utf-8-sig", errors="replace").splitlines()
    conversations = tuple(
        _conversation(line, number) for number, line in enumerate(lines, start=1) if line.strip()
    )
    datasets.refuse_twins((c.id for c in conversations), f"{file}: conversation")
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


def _conversation(line: str, number: int) -> Conversation:
    raw = datasets.parsed(line, f"line {number}")
    try:
        turns = tuple(_turn(each) for each in raw["turns"])
        turn_ids = tuple(str(each["id"]) for each in raw["turns"])
        datasets.refuse_twins(turn_ids, f"line {number}: turn")
        questions = tuple(
            _question(each, f"{raw['id']}/{n}", turns) for n, each in enumerate(raw["questions"])
        )
        _refuse_unknown(questions, set(turn_ids))
    except DataError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise DataError(
            f"not a conversation with turns and questions: {exc!r}", line=number
        ) from exc
    return Conversation(id=str(raw["id"]), turns=turns, turn_ids=turn_ids, questions=questions)


def _turn(raw: dict[str, Any]) -> Turn:
    _refuse_fields(raw, TURN_FIELDS)
    return Turn(
        raw["text"],
        speaker=raw.get("speaker", ""),
        role=raw.get("role", ""),
        at=datetime.fromisoformat(raw["at"]),
        session=raw.get("session", ""),
        metadata=raw.get("metadata", {}),
    )


def _question(raw: dict[str, Any], id_: str, turns: tuple[Turn, ...]) -> Question:
    _refuse_fields(raw, QUESTION_FIELDS)
    return Question(
        id=str(raw.get("id", id_)),
        text=raw["text"],
        answer=str(raw.get("answer", "")),
        category=raw.get("category", "all"),
        evidence=tuple(map(str, raw.get("evidence", ()))),
        at=datetime.fromisoformat(raw["at"]) if "at" in raw else datasets.after(turns),
    )


def _refuse_fields(raw: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(raw) - known)
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}; there are {', '.join(sorted(known))}")


def _refuse_unknown(questions: tuple[Question, ...], turn_ids: set[str]) -> None:
    for question in questions:
        missing = sorted(set(question.evidence) - turn_ids)
        if missing:
            raise ValueError(f"evidence {missing[0]!r} of {question.id} names no turn")
