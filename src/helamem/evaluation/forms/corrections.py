"""Corrected evidence: LoCoMo's questions cite wrong turns here and there, and an audit says which are right.

The file is the audit's `errors.json` (dial481/locomo-audit), a list with an object a question:

    {"question_id": "locomo_0_qa1", "question": "...", "correct_evidence": ["D1:14"], ...}

The number after "qa" counts the questions of a conversation. Right answers and reasons stand there too, and are
not used: they are commentary more than answers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from helamem.errors import DataError
from helamem.evaluation import datasets
from helamem.evaluation.forms import values
from helamem.evaluation.forms.stream import Reader
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from helamem.evaluation.datasets import Conversation, Dataset
    from helamem.records import Json

# Conversation and number of a question.
Key: TypeAlias = "tuple[str, int]"

_ID = re.compile(r"locomo_\d+_qa(\d+)")


@dataclass(frozen=True, slots=True)
class Correction:
    """The corrected evidence of one question."""

    id: str
    number: int
    text: str
    evidence: tuple[str, ...]


def corrected(dataset: Dataset, file: Path) -> Dataset:
    """The data set with the evidence that a file says is right; what is about other conversations is counted.

    Raises:
        DataError: The file is malformed, or fits no question of the data set, or one of them twice.
    """
    reader = Reader(file)
    corrections = list(_read(reader))
    placed = [(_find_question(each, dataset, file), each) for each in corrections]
    fitting = {key: each for key, each in placed if key is not None}
    datasets.check_ids(
        (f"of {key[0]}, number {key[1]}," for key, _ in placed if key is not None),
        f"{file}: question",
    )
    if not fitting:
        raise DataError(f"{file} corrects no question of {dataset.name}")
    conversations = tuple(_with_corrections(each, fitting, file) for each in dataset.conversations)
    changed: dict[str, Json] = {
        "file": file.name,
        "sha256": reader.sha256,
        "questions": _differing(dataset.conversations, conversations),
        "not_here": len(corrections) - len(fitting),
    }
    return replace(
        dataset,
        conversations=conversations,
        changed={**dataset.changed, "corrections": changed},
    )


def _read(reader: Reader) -> Iterator[Correction]:
    seen: list[str] = []
    for number, each in enumerate(reader.elements()):
        try:
            found = _correction(values.an_object(each.value, "a correction"))
        except (TypeError, ValueError) as exc:
            raise DataError(f"{reader.file}: correction {number}: {exc}") from exc
        seen.append(found.id)
        yield found
    datasets.check_ids(seen, f"{reader.file}: question")


def _correction(raw: values.Object) -> Correction:
    id_ = values.text(raw, "question_id")
    match = _ID.fullmatch(id_)
    if match is None:
        raise ValueError(f"'question_id' is {id_!r}, and not like 'locomo_0_qa1'")
    return Correction(
        id=id_,
        number=int(match[1]),
        text=values.text(raw, "question"),
        evidence=tuple(dict.fromkeys(values.texts(raw, "correct_evidence"))),
    )


def _find_question(correction: Correction, dataset: Dataset, file: Path) -> Key | None:
    """The question with this number and text; None if it belongs to another conversation."""
    fitting = [
        outline.id
        for outline in dataset.outlines
        if correction.number < len(outline.questions)
        if outline.questions[correction.number].text == correction.text
    ]
    if len(fitting) > 1:
        raise DataError(f"{file}: {correction.id} fits {fitting[0]} as well as {fitting[1]}")
    return (fitting[0], correction.number) if fitting else None


def _with_corrections(
    conversation: Conversation, fitting: Mapping[Key, Correction], file: Path
) -> Conversation:
    questions = list(conversation.questions)
    for number, question in enumerate(questions):
        correction = fitting.get((conversation.id, number))
        if correction is not None:
            unknown = sorted(set(correction.evidence) - set(conversation.turn_ids))
            if unknown:
                raise DataError(f"{file}: evidence {unknown[0]!r} of {correction.id} names no turn")
            questions[number] = replace(question, evidence=correction.evidence)
    return replace(conversation, questions=tuple(questions))


def _differing(before: Iterable[Conversation], after: Iterable[Conversation]) -> int:
    """How many questions got different evidence."""
    pairs = (
        (old, new)
        for a, b in zip(before, after, strict=True)
        for old, new in zip(a.questions, b.questions, strict=True)
    )
    return sum(set(old.evidence) != set(new.evidence) for old, new in pairs)
