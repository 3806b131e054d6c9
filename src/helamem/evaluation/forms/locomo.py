"""LoCoMo's JSON: long talks of two people, with questions and the turns that answer them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from helamem.errors import DataError
from helamem.evaluation import datasets
from helamem.evaluation.datasets import (
    UNANSWERABLE,
    Conversation,
    Dataset,
    Observation,
    Question,
)
from helamem.evaluation.forms import values
from helamem.exchange.locomo import read_locomo

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from helamem.evaluation.forms.stream import Reader

CATEGORIES = {
    1: "multi-hop",
    2: "temporal",
    3: "open-domain",
    4: "single-hop",
    5: UNANSWERABLE,
}
_DIA_ID = re.compile(r"D\d+:\d+")


def load(reader: Reader) -> Dataset:
    """`locomo10.json` whole, a list of some of its conversations, or one of them.

    Evidence is every `D<session>:<turn>` in a question's evidence strings that names a turn of the
    conversation; what else stands there is dropped.

    Raises:
        DataError: It is not LoCoMo's form; the message says where.
    """
    file = reader.file
    conversations = tuple(_conversation(each.value, file) for each in reader.elements())
    datasets.check_ids((c.id for c in conversations), f"{file}: conversation")
    return Dataset(name=file.stem, sha256=reader.sha256, conversations=conversations)


def _conversation(item: Any, file: Path) -> Conversation:  # noqa: ANN401  # whatever JSON holds
    try:
        read = read_locomo(values.an_object(item, "a conversation"))[0]
    except (DataError, TypeError) as exc:
        raise DataError(f"{file}: {exc}") from exc
    where = f"{file}: {read.id}"
    if not read.turns or not isinstance(item.get("qa"), list) or not item["qa"]:
        raise DataError(f"{where} needs turns, and a list of questions as 'qa'")
    turn_ids = tuple(str(turn.metadata["dia_id"]) for turn in read.turns)
    datasets.check_ids(turn_ids, f"{where}: turn")
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
    item: object, id_: str, turn_ids: set[str], asked_at: datetime, file: Path
) -> Question:
    try:
        raw = values.an_object(item, "a question")
        return Question(
            id=id_,
            text=values.text(raw, "question"),
            answer=values.answer(raw),
            category=_category(values.whole_number(raw, "category")),
            evidence=named_turns(values.texts(raw, "evidence"), turn_ids),
            at=asked_at,
        )
    except (TypeError, ValueError) as exc:
        raise DataError(f"{file}: question {id_}: {exc}") from exc


def _category(number: int) -> str:
    if number not in CATEGORIES:
        raise ValueError(f"'category' is {number}; there are {', '.join(map(str, CATEGORIES))}")
    return CATEGORIES[number]


def named_turns(said: Iterable[str], turn_ids: Collection[str]) -> tuple[str, ...]:
    """The turns that evidence strings name, each once; what names none is dropped."""
    found = _DIA_ID.findall(" ".join(said))
    return tuple(dict.fromkeys(each for each in found if each in turn_ids))


def _observations(
    raw: dict[str, Any] | None, turn_ids: set[str], where: str
) -> Iterator[Observation]:
    """The facts that LoCoMo's authors had distilled, session by session."""
    try:
        for by_speaker in (raw or {}).values():
            for speaker, facts in by_speaker.items():
                for text, source in facts:
                    sources = named_turns([source] if isinstance(source, str) else source, turn_ids)
                    if sources:
                        yield Observation(text=text, speaker=speaker, turn_ids=sources)
    except (AttributeError, TypeError, ValueError) as exc:
        raise DataError(f"{where}: the observations are not LoCoMo's form: {exc}") from exc
