"""LongMemEval's JSON: chats of a user with an assistant; each question has a history of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from helamem.errors import DataError
from helamem.evaluation import datasets
from helamem.evaluation.datasets import (
    UNANSWERABLE,
    Conversation,
    Dataset,
    Outline,
    Question,
    Stored,
)
from helamem.evaluation.forms import stream, values
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helamem.evaluation.forms.stream import Reader
    from helamem.evaluation.forms.values import Object

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


def load(reader: Reader) -> Dataset:
    """`longmemeval_s`, `longmemeval_m` or `longmemeval_oracle`, whole or in part.

    Evidence is the turns with `has_answer`; a question's sessions are its `answer_session_ids`. Of an
    abstention question nothing is evidence. The whole file is checked, and each history read again when
    it is needed: there may be gigabytes of them.

    Raises:
        DataError: It is not LongMemEval's form; the message says where.
    """
    file, places, outlines = reader.file, [], []
    for number, each in enumerate(reader.elements()):
        found = _conversation(each.value, number, file)
        outlines.append(Outline(id=found.id, turns=len(found.turns), questions=found.questions))
        places.append(each.place)
    datasets.check_ids((outline.id for outline in outlines), f"{file}: question")

    def read(number: int) -> Conversation:
        return _conversation(stream.read_at(file, places[number]), number, file)

    return Dataset(
        name=file.stem,
        sha256=reader.sha256,
        conversations=Stored(outlines, read),
        categories=CATEGORIES,
    )


def _conversation(item: object, number: int, file: Path) -> Conversation:
    try:
        raw = values.an_object(item, "a question")
        found = list(_turns(raw))
        question = _question(raw, [id_ for id_, _, answers in found if answers])
    except (TypeError, ValueError) as exc:
        raise DataError(f"{file}: question {number}: {exc}") from exc
    if not found:
        raise DataError(f"{file}: question {number}: there is no turn in its history")
    return Conversation(
        id=question.id,
        turns=tuple(turn for _, turn, _ in found),
        turn_ids=tuple(id_ for id_, _, _ in found),
        questions=(question,),
    )


def _question(raw: Object, evidence: list[str]) -> Question:
    id_, kind = values.text(raw, "question_id"), values.text(raw, "question_type")
    if kind not in CATEGORIES:
        raise ValueError(f"'question_type' is {kind!r}; there are {', '.join(CATEGORIES)}")
    abstains = id_.endswith(_ABSTENTION)
    history = values.names(raw, "haystack_session_ids")
    answering = set(values.names(raw, "answer_session_ids")) if not abstains else set()
    if missing := sorted(answering.difference(history)):
        raise ValueError(f"'answer_session_ids' names {missing[0]!r}, which is not in its history")
    return Question(
        id=id_,
        text=values.text(raw, "question"),
        answer=values.answer(raw),
        category=UNANSWERABLE if abstains else kind,
        evidence=() if abstains else tuple(evidence),
        at=_moment(values.text(raw, "question_date")),
        sessions=tuple(
            _session(number, session_id)
            for number, session_id in enumerate(history)
            if session_id in answering
        ),
    )


def _turns(raw: Object) -> Iterator[tuple[str, Turn, bool]]:
    """Each turn with its id, and whether it answers. A session's turns are a second apart."""
    ids, dates = values.names(raw, "haystack_session_ids"), values.texts(raw, "haystack_dates")
    sessions = values.a_list(raw, "haystack_sessions")
    if not len(ids) == len(dates) == len(sessions):
        raise ValueError(
            f"there are {len(ids)} haystack_session_ids, {len(dates)} haystack_dates and "
            f"{len(sessions)} haystack_sessions"
        )
    for number, (id_, date, session) in enumerate(zip(ids, dates, sessions, strict=True)):
        start, name = _moment(date), _session(number, id_)
        for n, each in enumerate(_listed(session)):
            said = values.an_object(each, "a turn")
            content, role = (
                values.optional_text(said, "content"),
                values.optional_text(said, "role"),
            )
            if content.strip():
                at = start + timedelta(seconds=n)
                turn = Turn(content, speaker=role, role=role, at=at, session=name)
                yield f"{name}:{n}", turn, _is_evidence(said)


def _listed(session: object) -> list[Any]:
    if not isinstance(session, list):
        raise TypeError(f"a session must be a list of turns, and is {values.named(session)}")
    return session


def _is_evidence(turn: Object) -> bool:
    """Whether a turn is marked as answering; in most turns of the files nothing is said of that."""
    mark = turn.get("has_answer")
    if mark is not None and not isinstance(mark, bool):  # 1 is not true: it would be lost
        raise TypeError(f"'has_answer' must be true or false, and is {values.named(mark)}")
    return mark is True


def _session(number: int, session_id: str) -> str:
    """A session's name; the number tells two apart that a history holds twice."""
    return f"{number}/{session_id}"


def _moment(said: str) -> datetime:
    try:
        return datetime.strptime(said, _TIME).replace(tzinfo=UTC)
    except ValueError as exc:
        raise ValueError(f"{said!r} is not a time like '2023/05/20 (Sat) 02:21'") from exc
