"""Data sets: conversations, and questions whose evidence is known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias, overload

import numpy as np

from helamem.errors import DataError
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from helamem.records import Json, Turn

# The current activity, steps done, total steps.
Progress: TypeAlias = Callable[[str, int, int], None]

CATEGORIES = ("multi-hop", "temporal", "open-domain", "single-hop")
UNANSWERABLE = "unanswerable"

# Digests of published files; a file with another digest is measured too, and the result says so.
PUBLISHED: Mapping[str, str] = {
    "79fa87e90f04081343b8c8debecb80a9a6842b76a7aa537dc9fdf651ea698ff4": "LoCoMo, locomo10.json",
    "d6f21ea9d60a0d56f34a05b609c79c88a451d2ae03597821ea3d5a9678c3a442": ("LongMemEval-S, cleaned"),
}

EVIDENCE_NEEDED = "give questions their 'evidence': the ids of the turns that answer them"

_ASKED_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about a conversation.

    Attributes:
        at: When it is asked: after the last turn.
        evidence: The ids of the turns that answer it; empty if the data set names none.
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
    """A fact that others distilled from a conversation, with its source turns."""

    text: str
    speaker: str
    turn_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The turns that one memory is built from, and its questions.

    Attributes:
        turn_ids: One per turn, unique; evidence refers to them.
    """

    id: str
    turns: tuple[Turn, ...]
    turn_ids: tuple[str, ...]
    questions: tuple[Question, ...]
    observations: tuple[Observation, ...] = ()

    def sessions_of(self, turn_ids: Iterable[str]) -> tuple[str, ...]:
        """The distinct sessions, in the order of their first turns."""
        session = {i: turn.session for i, turn in zip(self.turn_ids, self.turns, strict=True)}
        return tuple(dict.fromkeys(name for turn_id in turn_ids if (name := session[turn_id])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A conversation without its turns: enough to count and plan."""

    id: str
    turns: int
    questions: tuple[Question, ...]


class Stored(Sequence[Conversation]):
    """Conversations that stay in their file; each access reads one again.

    Args:
        read: Returns the conversation at an index.
    """

    def __init__(self, outlines: Sequence[Outline], read: Callable[[int], Conversation]) -> None:
        self.outlines = tuple(outlines)
        self._read = read

    def __len__(self) -> int:
        return len(self.outlines)

    @overload
    def __getitem__(self, index: int) -> Conversation: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Conversation]: ...

    def __getitem__(self, index: int | slice) -> Conversation | Sequence[Conversation]:
        if isinstance(index, slice):
            return self.chosen(range(*index.indices(len(self))))
        return self._read(range(len(self))[index])

    def chosen(self, numbers: Sequence[int]) -> Stored:
        """The conversations at these indices."""
        return Stored([self.outlines[n] for n in numbers], lambda i: self._read(numbers[i]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A file of conversations.

    Attributes:
        sha256: The digest of the file's bytes.
        categories: Of the questions that retrieval is scored on, in the order of reports.
        changed: How it differs from the file: a sample, or corrected evidence.
    """

    name: str
    sha256: str
    conversations: Sequence[Conversation]
    categories: tuple[str, ...] = CATEGORIES
    changed: Mapping[str, Json] = field(default_factory=dict)

    @property
    def published_as(self) -> str | None:
        """The name of the published file with these bytes; None for any other file."""
        return PUBLISHED.get(self.sha256)

    @property
    def outlines(self) -> Sequence[Outline]:
        """The conversations without their turns, so that a large file need not be in memory."""
        if isinstance(self.conversations, Stored):
            return self.conversations.outlines
        return [
            Outline(id=each.id, turns=len(each.turns), questions=each.questions)
            for each in self.conversations
        ]

    def scored(self, conversation: Conversation | Outline) -> list[Question]:
        """The questions for scoring retrieval: those with evidence, in the scored categories."""
        return [
            question
            for question in conversation.questions
            if question.category in self.categories and question.evidence
        ]

    def by_session(self, conversation: Conversation | Outline) -> list[Question]:
        """The questions whose evidence is known only by session."""
        return [
            question
            for question in conversation.questions
            if question.category in self.categories and question.sessions and not question.evidence
        ]

    def apart(self, conversation: Conversation | Outline) -> list[Question]:
        """The unanswerable questions that cite turns; they are scored and reported separately."""
        return [
            question
            for question in conversation.questions
            if question.category == UNANSWERABLE and question.evidence
        ]

    def left_out(self, *, by_session: bool = False) -> int:
        """How many questions cite no turn of their conversation.

        Args:
            by_session: Whether questions with known sessions are asked, and so not counted here.
        """
        bare = sum(not question.evidence for o in self.outlines for question in o.questions)
        return bare - (sum(len(self.by_session(o)) for o in self.outlines) if by_session else 0)

    def sampled(self, n: int) -> Dataset:
        """A random but reproducible sample of the conversations."""
        total = len(self.conversations)
        if n >= total:
            return self
        drawn = np.random.default_rng(0).choice(total, n, replace=False)
        numbers = sorted(int(number) for number in drawn)
        kept: Sequence[Conversation] = (
            self.conversations.chosen(numbers)
            if isinstance(self.conversations, Stored)
            else tuple(self.conversations[number] for number in numbers)
        )
        changed: dict[str, Json] = {**self.changed, "sample": {"conversations": n, "of": total}}
        return replace(self, conversations=kept, changed=changed)


def digest(content: bytes) -> str:
    """The SHA-256 of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def after(turns: Iterable[Turn]) -> datetime:
    """One day after the last turn: the time of questions without a time of their own."""
    return max(turn.at for turn in turns if turn.at is not None) + _ASKED_AFTER


def check_ids(ids: Iterable[str], what: str) -> None:
    """Refuse blank and duplicate ids.

    Raises:
        DataError: An id is blank or occurs twice.
    """
    seen: set[str] = set()
    for number, id_ in enumerate(ids):
        if not id_.strip():
            raise DataError(f"{what} number {number} has a blank id; give it a name of its own")
        if id_ in seen:
            raise DataError(f"{what} {id_} is there twice")
        seen.add(id_)
