"""Conversations with questions whose evidence is known, read strictly from a file given by path."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helamem import readers
from helamem.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from helamem.records import Turn

CATEGORIES = ("multi-hop", "temporal", "open-domain", "single-hop")
UNANSWERABLE = "unanswerable"

# Files as they were published; a file with another digest is measured all the same, and says so.
PUBLISHED: Mapping[str, str] = {
    "79fa87e90f04081343b8c8debecb80a9a6842b76a7aa537dc9fdf651ea698ff4": "LoCoMo, locomo10.json",
}

_LOCOMO_CATEGORIES = {
    1: "multi-hop",
    2: "temporal",
    3: "open-domain",
    4: "single-hop",
    5: UNANSWERABLE,
}
_DIA_ID = re.compile(r"D\d+:\d+")
_ASKED_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about a conversation.

    Attributes:
        at: When it is asked: after the last turn.
        evidence: The ids of the turns that answer it; empty where the data set names none.
    """

    id: str
    text: str
    answer: str
    category: str
    evidence: tuple[str, ...]
    at: datetime


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


def load_locomo(path: str | Path) -> Dataset:
    """LoCoMo's JSON, whole or in part: `locomo10.json`, a list of its conversations, or one of them.

    Evidence is every `D<session>:<turn>` in a question's evidence strings that names a turn of the
    conversation; what else stands there is dropped.

    Raises:
        DataError: The file cannot be read, or is not LoCoMo's form; it says where.
    """
    file = Path(path)
    content = _bytes(file)
    value = _parsed(content, file)
    items = value if isinstance(value, list) else [value]
    conversations = tuple(_locomo_conversation(item, file) for item in items)
    _refuse_twins((c.id for c in conversations), f"{file}: conversation")
    return Dataset(
        name=file.stem, sha256=hashlib.sha256(content).hexdigest(), conversations=conversations
    )


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise DataError(f"{file} cannot be read: {exc.strerror}") from exc


def _parsed(content: bytes, file: Path) -> Any:  # noqa: ANN401  # whatever JSON holds
    try:
        return json.loads(content)
    except ValueError as exc:
        raise DataError(f"{file} is not JSON: {exc}") from exc


def _locomo_conversation(item: dict[str, Any], file: Path) -> Conversation:
    try:
        read = readers.read_locomo(item)[0]
    except DataError as exc:
        raise DataError(f"{file}: {exc}") from exc
    where = f"{file}: {read.id}"
    if not read.turns or not isinstance(item.get("qa"), list):
        raise DataError(f"{where} needs turns, and a list of questions as 'qa'")
    turn_ids = tuple(str(turn.metadata["dia_id"]) for turn in read.turns)
    _refuse_twins(turn_ids, f"{where}: turn")
    asked_at = _after(read.turns)
    return Conversation(
        id=read.id,
        turns=read.turns,
        turn_ids=turn_ids,
        questions=tuple(
            _locomo_question(raw, f"{read.id}/{n}", set(turn_ids), asked_at, file)
            for n, raw in enumerate(item["qa"])
        ),
        observations=tuple(_locomo_observations(item.get("observation"), set(turn_ids), where)),
    )


def _after(turns: Iterable[Turn]) -> datetime:
    return max(turn.at for turn in turns if turn.at is not None) + _ASKED_AFTER


def _locomo_question(
    raw: dict[str, Any], id_: str, turn_ids: set[str], asked_at: datetime, file: Path
) -> Question:
    try:
        text, category = raw["question"].strip(), _LOCOMO_CATEGORIES[raw["category"]]
        said = _DIA_ID.findall(" ".join(raw["evidence"]))
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise DataError(f"{file}: question {id_} is not LoCoMo's form: {exc!r}") from exc
    if not text:
        raise DataError(f"{file}: question {id_} is blank")
    return Question(
        id=id_,
        text=text,
        answer=str(raw.get("answer", "")),
        category=category,
        evidence=tuple(dict.fromkeys(each for each in said if each in turn_ids)),
        at=asked_at,
    )


def _locomo_observations(
    raw: dict[str, Any] | None, turn_ids: set[str], where: str
) -> Iterator[Observation]:
    """The facts that LoCoMo's authors had distilled, session by session."""
    try:
        for by_speaker in (raw or {}).values():
            for speaker, facts in by_speaker.items():
                for text, source in facts:
                    said = _DIA_ID.findall(source if isinstance(source, str) else " ".join(source))
                    sources = tuple(dict.fromkeys(each for each in said if each in turn_ids))
                    if sources:
                        yield Observation(text=text, speaker=speaker, turn_ids=sources)
    except (AttributeError, TypeError, ValueError) as exc:
        raise DataError(f"{where}: the observations are not LoCoMo's form: {exc!r}") from exc


def _refuse_twins(ids: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for id_ in ids:
        if id_ in seen:
            raise DataError(f"{what} {id_} is there twice")
        seen.add(id_)
