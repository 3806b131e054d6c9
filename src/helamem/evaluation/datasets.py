"""Conversations with questions whose evidence is known: what every measurement starts from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from helamem.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from helamem.records import Turn

CATEGORIES = ("multi-hop", "temporal", "open-domain", "single-hop")
UNANSWERABLE = "unanswerable"

# Files as they were published; a file with another digest is measured all the same, and says so.
PUBLISHED: Mapping[str, str] = {
    "79fa87e90f04081343b8c8debecb80a9a6842b76a7aa537dc9fdf651ea698ff4": "LoCoMo, locomo10.json",
    "d6f21ea9d60a0d56f34a05b609c79c88a451d2ae03597821ea3d5a9678c3a442": ("LongMemEval-S, cleaned"),
}

_ASKED_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about a conversation.

    Attributes:
        at: When it is asked: after the last turn.
        evidence: The ids of the turns that answer it; empty where the data set names none.
        sessions: The sessions that answer it, where the data set names these apart from turns.
    """

    id: str
    text: str
    answer: str
    category: str
    evidence: tuple[str, ...]
    at: datetime
    sessions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A fact that somebody else distilled from a conversation, with the turns that it rests on."""

    text: str
    speaker: str
    turn_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What one memory is built from, and what it is asked.

    Attributes:
        turn_ids: One a turn, all different: what evidence refers to.
    """

    id: str
    turns: tuple[Turn, ...]
    turn_ids: tuple[str, ...]
    questions: tuple[Question, ...]
    observations: tuple[Observation, ...] = ()

    def sessions_of(self, turn_ids: Iterable[str]) -> tuple[str, ...]:
        """The sessions of turns, each once, in the order of their first turn."""
        session = {i: turn.session for i, turn in zip(self.turn_ids, self.turns, strict=True)}
        return tuple(dict.fromkeys(session[turn_id] for turn_id in turn_ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A file of conversations.

    Attributes:
        sha256: The digest of the file's bytes.
        categories: Of the questions that retrieval is scored on, in the order of reports.
    """

    name: str
    sha256: str
    conversations: tuple[Conversation, ...]
    categories: tuple[str, ...] = CATEGORIES

    @property
    def published_as(self) -> str | None:
        """Which published file this is, byte for byte; None for any other."""
        return PUBLISHED.get(self.sha256)

    def scored(self, conversation: Conversation) -> list[Question]:
        """The questions that retrieval is scored on: those of its categories that have evidence."""
        return [
            question
            for question in conversation.questions
            if question.category in self.categories and question.evidence
        ]

    def apart(self, conversation: Conversation) -> list[Question]:
        """The unanswerable questions that point at turns: scored, and reported separately."""
        return [
            question
            for question in conversation.questions
            if question.category == UNANSWERABLE and question.evidence
        ]

    def left_out(self) -> int:
        """How many questions name no turn that the conversation has."""
        return sum(not q.evidence for c in self.conversations for q in c.questions)


def read_bytes(file: Path) -> bytes:
    """A file's content.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as exc:
        raise DataError(f"{file} cannot be read: {exc.strerror}") from exc


def parsed(content: bytes | str, where: str | Path) -> Any:  # noqa: ANN401  # whatever JSON holds
    """What JSON says.

    Raises:
        DataError: It is not JSON.
    """
    try:
        return json.loads(content)
    except ValueError as exc:
        raise DataError(f"{where} is not JSON: {exc}") from exc


def digest(content: bytes) -> str:
    """The SHA-256 of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def after(turns: Iterable[Turn]) -> datetime:
    """A day after the last turn: when questions are asked that do not say when."""
    return max(turn.at for turn in turns if turn.at is not None) + _ASKED_AFTER


def refuse_twins(ids: Iterable[str], what: str) -> None:
    """Refuse ids that stand for two things.

    Raises:
        DataError: One of them is there twice.
    """
    seen: set[str] = set()
    for id_ in ids:
        if id_ in seen:
            raise DataError(f"{what} {id_} is there twice")
        seen.add(id_)
