"""Reads LoCoMo's JSON: long conversations of two people, in sessions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from helamem.errors import DataError
from helamem.exchange.reading import an_object
from helamem.frozen import dataclass
from helamem.language.english import MONTHS
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIME = re.compile(r"(\d{1,2}):(\d\d) (am|pm) on (\d{1,2}) (\w+),? (\d{4})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation and its name in the data set."""

    id: str
    turns: tuple[Turn, ...]


def read_locomo(value: object) -> list[Conversation]:
    """The conversations of LoCoMo's JSON, or of a part of it.

    A session's first turn has the session's time, taken as UTC, and each next turn is a second later. A
    photo's caption becomes part of the text. Sessions are named like "conv-26/session_1", and the metadata
    have the "dia_id".

    Raises:
        DataError: The file has another form.
    """
    return [_conversation(item) for item in (value if isinstance(value, list) else [value])]


def _conversation(item: object) -> Conversation:
    try:
        record = an_object(item)
        conversation = an_object(record["conversation"])
        name = str(record.get("sample_id", "conversation"))
        turns = [
            turn
            for key in sorted(filter(_is_session, conversation), key=_session_number)
            for turn in _session(name, key, conversation)
        ]
    except KeyError as error:
        raise DataError(f"this is not LoCoMo's form: {error} is missing") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"this is not LoCoMo's form: {error}") from error
    return Conversation(name, tuple(turns))


def _is_session(key: str) -> bool:
    return bool(re.fullmatch(r"session_\d+", key))


def _session_number(key: str) -> int:
    return int(key.removeprefix("session_"))


def _session(name: str, key: str, conversation: Mapping[str, Any]) -> Iterator[Turn]:
    start = _moment(conversation[f"{key}_date_time"])
    if not isinstance(conversation[key], list):
        raise TypeError(f"{key!r} must be a list of turns")
    for offset, turn in enumerate(map(an_object, conversation[key])):
        spoken, caption = turn["text"], turn.get("blip_caption")
        if not isinstance(spoken, str):
            raise TypeError(f"a turn's 'text' must be a text, not {type(spoken).__name__}")
        text = " ".join(filter(None, [spoken.strip(), caption and f"[image: {caption}]"]))
        if text:
            yield Turn(
                text,
                speaker=turn["speaker"],
                at=start + timedelta(seconds=offset),
                session=f"{name}/{key}",
                metadata={"dia_id": turn["dia_id"]},
            )


def _moment(text: str) -> datetime:
    """The moment of a text such as "1:56 pm on 8 May, 2023"."""
    match = _TIME.fullmatch(text.strip())
    if match is None or match[5].capitalize() not in MONTHS:
        raise ValueError(f"{text!r} is not a time like '1:56 pm on 8 May, 2023'")
    hour = int(match[1]) % 12 + (12 if match[3].lower() == "pm" else 0)
    month = MONTHS.index(match[5].capitalize()) + 1
    return datetime(int(match[6]), month, int(match[4]), hour, int(match[2]), tzinfo=UTC)
