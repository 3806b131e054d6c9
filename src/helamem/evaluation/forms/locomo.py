"""LoCoMo's JSON: long talks of two people, with questions and the turns that answer them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from helamem import readers
from helamem.errors import DataError
from helamem.evaluation import datasets
from helamem.evaluation.datasets import (
    UNANSWERABLE,
    Conversation,
    Dataset,
    Observation,
    Question,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

CATEGORIES = {
    1: "multi-hop",
    2: "temporal",
    3: "open-domain",
    4: "single-hop",
    5: UNANSWERABLE,
}
_DIA_ID = re.compile(r"D\d+:\d+")


def load(file: Path, content: bytes) -> Dataset:
    """`locomo10.json` whole, a list of some of its conversations, or one of them.

    Evidence is every `D<session>:<turn>` in a question's evidence strings that names a turn of the
    conversation; what else stands there is dropped.

    Raises:
        DataError: It is not LoCoMo's form; the message says where.
    """
    value = datasets.parsed(content, file)
    items = value if isinstance(value, list) else [value]
    conversations = tuple(_conversation(item, file) for item in items)
    datasets.refuse_twins((c.id for c in conversations), f"{file}: conversation")
    return Dataset(name=file.stem, sha256=datasets.digest(content), conversations=conversations)


def _conversation(item: dict[str, Any], file: Path) -> Conversation:
    try:
        read = readers.read_locomo(item)[0]
    except DataError as exc:
        raise DataError(f"{file}: {exc}") from exc
    where = f"{file}: {read.id}"
    if not read.turns or not isinstance(item.get("qa"), list):
        raise DataError(f"{where} needs turns, and a list of questions as 'qa'")
    turn_ids = tuple(str(turn.metadata["dia_id"]) for turn in read.turns)
    datasets.refuse_twins(turn_ids, f"{where}: turn")
    asked_at = datasets.after(read.turns)
    return Conversation(
        id=read.id,
        turns=read.turns,
        turn_ids=turn_ids,
        questions=tuple(
            _question(raw, f"{read.id}/{n}", set(turn_ids), asked_at, file)
            for n, raw in enumerate(item["qa"])
        ),
        observations=tuple(_observations(item.get("observation"), set(turn_ids), where)),
    )


def _question(
    raw: dict[str, Any], id_: str, turn_ids: set[str], asked_at: datetime, file: Path
) -> Question:
    try:
        text, category = raw["question"].strip(), CATEGORIES[raw["category"]]
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


def _observations(
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
