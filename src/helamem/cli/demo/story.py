"""The data of `helamem demo`: a conversation, and questions with known answers."""

from __future__ import annotations

import json
import re
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from helamem.exchange import archives, detect, files
from helamem.exchange.locomo import read_locomo
from helamem.frozen import dataclass
from helamem.language.english import ENGLISH
from helamem.language.sentences import is_question, sentences
from helamem.language.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from helamem.records import Turn

_LABEL = re.compile(r"D\d+:\d+")
UNANSWERABLE = 5  # the category of LoCoMo's trick questions
MIN_TERMS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about the conversation.

    Attributes:
        again: The same question reworded; empty if there is none.
        answer: The right answer; empty if there is none.
        evidence: The indices of the turns that hold the answer.
    """

    text: str
    again: str = ""
    answer: str = ""
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A conversation, and questions about it."""

    name: str
    turns: Sequence[Turn]
    questions: Sequence[Question]


def sample() -> Story:
    """The conversation that comes with helamem: a cello maker looks for a new workshop."""
    content = resources.files("helamem.cli").joinpath("sample.json").read_text(encoding="utf-8")
    return _locomo_story("the sample conversation", json.loads(content))


def load(path: Path, *, most: int) -> Story:
    """Load a story from a file, with at most `most` questions.

    LoCoMo labels the turns that answer its questions. In other files, questions that somebody asked are
    used, with the next turn as the answer.

    Raises:
        DataError: The file is malformed, or in no known format.
        OSError: It cannot be read.
    """
    content = archives.decoded(path.read_bytes(), path.name)
    form = files.form_of(path.name, content)
    if form == "locomo":
        story = _locomo_story(path.name, json.loads(content))
    else:
        turns = detect.read(content, form, session=path.name).turns
        story = Story(name=path.name, turns=turns, questions=list(_asked_questions(turns)))
    return Story(
        name=story.name, turns=story.turns, questions=_most_telling_first(story.questions)[:most]
    )


def _most_telling_first(questions: Sequence[Question]) -> list[Question]:
    """The questions in order, those with several evidence turns first."""
    return sorted(questions, key=lambda each: not 2 <= len(each.evidence) <= 4)


def _locomo_story(name: str, content: Any) -> Story:
    """The first conversation of LoCoMo's JSON."""
    record = content[0] if isinstance(content, list) else content
    conversation = read_locomo(record)[0]
    places = {turn.metadata["dia_id"]: i for i, turn in enumerate(conversation.turns)}
    questions = [
        Question(
            text=item["question"],
            again=item.get("again", ""),
            answer=str(item.get("answer", "")),
            evidence=evidence,
        )
        for item in record.get("qa", [])
        if item.get("category") != UNANSWERABLE
        and (evidence := _turn_numbers(item.get("evidence", []), places))
    ]
    return Story(name=name, turns=conversation.turns, questions=questions)


def _turn_numbers(labels: Sequence[str], places: dict[Any, int]) -> tuple[int, ...]:
    found = (label for entry in labels for label in _LABEL.findall(entry))
    return tuple(sorted({places[label] for label in found if label in places}))


def _asked_questions(turns: Sequence[Turn]) -> Iterator[Question]:
    """Questions asked in the conversation, each with the next turn."""
    for place, (turn, reply) in enumerate(pairwise(turns)):
        answered = turn.session == reply.session and _speaker_of(turn) != _speaker_of(reply)
        for sentence in sentences(turn.text, ENGLISH):
            if (
                answered
                and is_question(sentence, ENGLISH)
                and len(terms_of(sentence, ENGLISH)) >= MIN_TERMS
            ):
                yield Question(text=sentence, evidence=(place + 1,))
                break


def _speaker_of(turn: Turn) -> str:
    return turn.speaker or turn.role
