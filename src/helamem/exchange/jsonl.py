"""JSON lines: a turn, a message, or a list of messages in each."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from helamem import indexing
from helamem.errors import DataError
from helamem.exchange.messages import read_messages, record_turn
from helamem.exchange.reading import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

    from helamem.exchange.reading import Reading
    from helamem.records import Json, Turn


def read_jsonl(lines: Iterable[str], zone: tzinfo | None = None, *, session: str = "") -> Reading:
    """The turns of all lines; blank lines are skipped.

    A line is an object with "text" and optionally "speaker", "role", "session", "metadata" and a time, "at"
    or "timestamp", in ISO 8601 with its zone or in seconds since 1970. Or it is a message with "role" and
    "content", or a conversation: an object with a list of messages as its "messages".

    Args:
        zone: The zone of times that name none; None refuses such times.
        session: What precedes the names of conversations that have none, so that those of two files differ.

    Raises:
        DataError: A line is malformed; `line` says which, counted from 1.
    """
    found = Collector()
    for number, line in _numbered(lines):
        record = parsed(line, number)
        if not isinstance(record, dict):
            raise DataError(
                "expected an object with 'text', or with 'role' and 'content'", line=number
            )
        try:
            if "text" in record and "content" not in record:
                _keep(found, record_turn(record, zone))
            else:
                unnamed = "/".join(filter(None, [session, f"conversation {number}"]))
                _messages(found, record, number, zone, unnamed)
        except DataError as error:
            reason = str(error).removeprefix("message 1: ")
            raise DataError(reason, line=number) from error
        except (TypeError, ValueError) as error:
            raise DataError(str(error), line=number) from error
    return found.reading()


def _messages(
    found: Collector, record: dict[str, Json], number: int, zone: tzinfo | None, unnamed: str
) -> None:
    several = isinstance(record.get("messages"), list)
    if not several and not {"content", "parts", "tool_calls", "type", "role"} & set(record):
        there = ", ".join(record) or "nothing"
        raise DataError(f"there is no 'text' and no 'content'; there is {there}")
    reading = read_messages(record if several else [record], zone)
    session = str(record.get("session") or record.get("id") or unnamed)
    for i, turn in enumerate(reading.turns):
        _keep(found, _in_session(turn, session) if several else turn, reading.losses.get(i, ()))
    for each in reading.left_out:
        found.leave_out(number - 1, f"line {number}: {each.reason}")


def _keep(found: Collector, turn: Turn, losses: Iterable[str] = ()) -> None:
    """Add a turn, checking its metadata while the line is known."""
    indexing.plain_json(turn.metadata)
    found.keep(turn, losses)


def _in_session(turn: Turn, session: str) -> Turn:
    return turn if turn.session else replace(turn, session=session)


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            stripped = line.lstrip("\ufeff").strip()
            if stripped:
                yield number, stripped
    except UnicodeDecodeError as error:
        raise DataError("this is not UTF-8 text", line=number + 1) from error


def parsed(text: str, line: int | None = None) -> Json:
    """The value of a JSON text.

    Raises:
        DataError: It is not JSON, or holds NaN or an infinity.
    """
    try:
        value: Json = json.loads(text.lstrip("\ufeff"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise DataError(f"this is not JSON: {error.msg}", line=line or error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"this is not JSON: {error}", line=line) from error
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number in JSON")
