"""Conversations in the forms that other programs write, read into turns.

Pure: files are opened elsewhere, and text or parsed JSON is handed in. What is malformed raises, so a
caller that reads everything before it stores anything imports all or nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from helamem.errors import DataError
from helamem.language.english import MONTHS
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from helamem.records import Json

Format: TypeAlias = Literal["jsonl", "helamem", "locomo", "chatgpt", "claude", "messages"]

FIELDS = ("text", "speaker", "role", "at", "timestamp", "session", "metadata")

_LOCOMO_TIME = re.compile(r"(\d{1,2}):(\d\d) (am|pm) on (\d{1,2}) (\w+),? (\d{4})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation of a data set, and its name there."""

    id: str
    turns: tuple[Turn, ...]


def read(text: str) -> list[Turn]:
    """The turns of a file's text, in any of the formats but an export of helamem's own.

    Raises:
        DataError: The text is malformed, or of no known format.
    """
    kind = _line_format(text)
    if kind == "helamem":
        raise DataError("this is an export of helamem; the import of a memory reads it")
    if kind == "jsonl":
        return list(read_jsonl(text.split("\n")))
    value = _parsed(text)
    return _READERS[detect_json(value)](value)


def detect(text: str) -> Format:
    """The format of a file, from its text.

    Raises:
        DataError: It is none of them.
    """
    return _line_format(text) or detect_json(_parsed(text))


def _line_format(text: str) -> Format | None:
    """The format of a file that has an object in every line; None for one JSON document."""
    first, _, rest = text.lstrip("\ufeff \t\r\n").partition("\n")
    if not first.startswith("{"):
        return None
    try:
        record = _parsed(first)
    except DataError:
        return None  # one object over several lines, or a malformed file: then parsing it will tell
    if isinstance(record, dict) and record.get("type") == "helamem":
        return "helamem"
    return "jsonl" if rest.strip() or (isinstance(record, dict) and "text" in record) else None


def detect_json(value: Json) -> Format:
    """The format of a JSON document.

    Raises:
        DataError: It is none of them.
    """
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        return "messages"
    items = value if isinstance(value, list) else [value]
    first = items[0] if items else {"role": ""}  # an empty list is a list of no messages
    if isinstance(first, dict):
        for key, kind in _MARKS.items():
            if key in first:
                return kind
    raise DataError(
        "this is not a format that can be read; there are: JSONL with a 'text' in every line, a list "
        "of messages with 'role' and 'content', ChatGPT's or Claude's conversations.json, and LoCoMo"
    )


_MARKS: dict[str, Format] = {
    "mapping": "chatgpt",
    "chat_messages": "claude",
    "conversation": "locomo",
    "role": "messages",
    "content": "messages",
}


def read_jsonl(lines: Iterable[str]) -> Iterator[Turn]:
    """One turn a line; blank lines are passed over.

    A line is an object with "text" and, if wanted, "speaker", "role", "session", "metadata", and the
    time as "at" or "timestamp": ISO 8601 with its zone, or seconds since 1970.

    Raises:
        DataError: A line is malformed; `line` says which, counted from 1.
    """
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            stripped = line.lstrip("\ufeff").strip()
            if stripped:
                yield _jsonl_turn(stripped, number)
    except UnicodeDecodeError as error:
        raise DataError("this is not UTF-8 text", line=number + 1) from error


def read_locomo(value: Json) -> list[Conversation]:
    """The conversations of LoCoMo's JSON, or the one conversation of a part of it.

    A session's first turn has the session's time, taken as UTC, and each next turn a second more. A
    shared photo's caption becomes part of the text. "session" is "conv-26/session_1", and the
    metadata has the "dia_id".

    Raises:
        DataError: It is not LoCoMo's form.
    """
    return [_locomo_conversation(item) for item in (value if isinstance(value, list) else [value])]


def read_chatgpt(value: Json) -> list[Turn]:
    """The turns of ChatGPT's conversations.json: what the user and the assistant said to each other.

    Of a conversation with several branches, the one that was open last is read. System prompts, and
    what passes between the assistant and its tools, are left out.

    Raises:
        DataError: It is not the form of that file.
    """
    return _each(value, "ChatGPT conversation", _chatgpt_turns)


def read_claude(value: Json) -> list[Turn]:
    """The turns of Claude's conversations.json.

    Raises:
        DataError: It is not the form of that file.
    """
    return _each(value, "Claude conversation", _claude_turns)


def read_messages(value: Json) -> list[Turn]:
    """The turns of a list of messages with "role" and "content", and maybe "name" and "timestamp".

    An object with such a list as its "messages" will do. Messages without content are left out.

    Raises:
        DataError: It is not such a list.
    """
    messages = value.get("messages") if isinstance(value, dict) else value
    if not isinstance(messages, list):
        raise DataError("expected a list of messages")
    return [
        _in_message(number, message)
        for number, message in enumerate(messages, start=1)
        if not (isinstance(message, dict) and _is_empty(message))
    ]


def messages_to_turns(
    messages: str | Turn | Mapping[str, Any] | Sequence[str | Turn | Mapping[str, Any]],
) -> list[Turn]:
    """The turns that a caller hands over as texts, messages, turns, or a list of these.

    A message has "role" and "content", and maybe "name" and "timestamp"; or it has the fields of
    `FIELDS`. Of content in parts, the texts are joined, and another part leaves a note such as
    "[image]".

    Raises:
        TypeError: Something in it is none of these.
        ValueError: A text is blank, a time has no zone, or a message has no content.
    """
    given: object = messages  # callers without a type checker hand over anything
    if isinstance(given, str | Turn | Mapping):
        return [_turn(given)]
    if isinstance(given, Sequence) and not isinstance(given, bytes | bytearray):
        return [_turn(message) for message in given]
    raise TypeError(
        f"expected a text, a message, a Turn, or a list of them, not {type(given).__name__}"
    )


def _locomo_turns(value: Json) -> list[Turn]:
    return [turn for conversation in read_locomo(value) for turn in conversation.turns]


_READERS: dict[Format, Callable[[Json], list[Turn]]] = {
    "locomo": _locomo_turns,
    "chatgpt": read_chatgpt,
    "claude": read_claude,
    "messages": read_messages,
}


def _turn(message: object) -> Turn:
    if isinstance(message, Turn):
        return message
    if isinstance(message, str):
        return Turn(message)
    if not isinstance(message, Mapping):
        raise TypeError(f"a message is a text, a mapping or a Turn, not {type(message).__name__}")
    if "text" in message:
        return _record_turn(message)
    if "content" not in message and not message.get("tool_calls"):
        keys = ", ".join(map(str, message)) or "nothing"
        raise ValueError(f"a message needs 'content' or 'text'; this one has {keys}")
    return Turn(
        _content(message),
        speaker=message.get("name") or "",
        role=message.get("role") or "",
        at=_moment(message.get("timestamp")),
    )


def _record_turn(record: Mapping[str, Any]) -> Turn:
    """The turn of a JSONL line or of a mapping like it."""
    unknown = [str(key) for key in record if key not in FIELDS]
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}; there are: {', '.join(FIELDS)}")
    if "at" in record and "timestamp" in record:
        raise ValueError("'at' and 'timestamp' both say when; give one of them")
    metadata = record.get("metadata")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be an object, not {type(metadata).__name__}")
    return Turn(
        record["text"],
        speaker=record.get("speaker") or "",
        role=record.get("role") or "",
        at=_moment(record.get("at", record.get("timestamp"))),
        session=record.get("session") or "",
        metadata=dict(metadata or {}),
    )


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = [content] if isinstance(content, Mapping) else content or []
    if not isinstance(parts, Sequence):
        raise TypeError(f"content must be text or a list of parts, not {type(content).__name__}")
    texts = [_part(part) for part in parts]
    calls = [f"[tool call: {_called(call)}]" for call in message.get("tool_calls") or []]
    return "\n".join(text for text in [*texts, *calls] if text.strip())


def _part(part: object) -> str:
    """The text of a part of a message, or a note of what it was."""
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        raise TypeError(f"a part of a message is a text or a mapping, not {type(part).__name__}")
    if isinstance(part.get("text"), str):
        return str(part["text"])
    kind = str(part.get("type") or part.get("content_type") or "attachment")
    for word in ("image", "audio", "video", "file"):
        if word in kind:
            return f"[{word}]"
    return f"[{kind.replace('_', ' ')}]"


def _called(call: object) -> str:
    function = call.get("function") if isinstance(call, Mapping) else None
    return str(function.get("name") or "?") if isinstance(function, Mapping) else "?"


def _is_empty(message: Mapping[str, Any]) -> bool:
    given = [message[key] for key in ("content", "text") if key in message]
    return bool(given) and not message.get("tool_calls") and all(map(_is_blank, given))


def _is_blank(value: object) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def _in_message(number: int, message: object) -> Turn:
    try:
        return _turn(message)
    except (TypeError, ValueError) as error:
        raise DataError(f"message {number}: {error}") from error


def _moment(value: object) -> datetime | None:
    """A time given as a datetime, as ISO 8601, or in epoch seconds; None for none."""
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(
                f"{value!r:.60} is no time; write it like 2025-03-03T19:10:00Z"
            ) from error
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a time is ISO 8601 text or epoch seconds, not {type(value).__name__}")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{value} is no time in epoch seconds ({error})") from error


def _parsed(text: str, line: int | None = None) -> Json:
    try:
        value: Json = json.loads(text.lstrip("\ufeff"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise DataError(f"this is not JSON: {error.msg}", line=line or error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"this is not JSON: {error}", line=line) from error
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number in JSON")


def _jsonl_turn(line: str, number: int) -> Turn:
    record = _parsed(line, number)
    if not isinstance(record, dict):
        raise DataError("expected an object with 'text'", line=number)
    if "text" not in record:
        unknown = ", ".join(record) or "nothing"
        raise DataError(f"there is no 'text'; there is {unknown}", line=number)
    try:
        return _record_turn(record)
    except (TypeError, ValueError) as error:
        raise DataError(str(error), line=number) from error


def _each(value: Json, what: str, turns: Callable[[dict[str, Any]], list[Turn]]) -> list[Turn]:
    """The turns of every conversation; what is malformed in one is reported with its number."""
    found: list[Turn] = []
    for number, item in enumerate(value if isinstance(value, list) else [value], start=1):
        try:
            found += turns(_object(item))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            detail = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise DataError(f"{what} {number}: {detail}") from error
    return found


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {type(value).__name__}")
    return value


def _locomo_conversation(item: Json) -> Conversation:
    try:
        record = _object(item)
        conversation = _object(record["conversation"])
        name = str(record.get("sample_id", "conversation"))
        turns = [
            turn
            for key in sorted(filter(_is_session, conversation), key=_session_number)
            for turn in _locomo_session(name, key, conversation)
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


def _locomo_session(name: str, key: str, conversation: Mapping[str, Any]) -> Iterator[Turn]:
    start = _locomo_time(conversation[f"{key}_date_time"])
    if not isinstance(conversation[key], list):
        raise TypeError(f"{key!r} must be a list of turns")
    for offset, turn in enumerate(map(_object, conversation[key])):
        said, caption = turn["text"], turn.get("blip_caption")
        if not isinstance(said, str):
            raise TypeError(f"a turn's 'text' must be a text, not {type(said).__name__}")
        text = " ".join(filter(None, [said.strip(), caption and f"[image: {caption}]"]))
        if text:
            yield Turn(
                text,
                speaker=turn["speaker"],
                at=start + timedelta(seconds=offset),
                session=f"{name}/{key}",
                metadata={"dia_id": turn["dia_id"]},
            )


def _locomo_time(text: str) -> datetime:
    """The moment of a text such as "1:56 pm on 8 May, 2023"."""
    match = _LOCOMO_TIME.fullmatch(text.strip())
    if match is None or match[5].capitalize() not in MONTHS:
        raise ValueError(f"{text!r} is not a time like '1:56 pm on 8 May, 2023'")
    hour = int(match[1]) % 12 + (12 if match[3].lower() == "pm" else 0)
    month = MONTHS.index(match[5].capitalize()) + 1
    return datetime(int(match[6]), month, int(match[4]), hour, int(match[2]), tzinfo=UTC)


def _chatgpt_turns(conversation: dict[str, Any]) -> list[Turn]:
    at = _moment(conversation.get("create_time"))
    turns = []
    for message in _chatgpt_branch(
        _object(conversation["mapping"]), conversation.get("current_node")
    ):
        at = _moment(message.get("create_time")) or at
        text = _chatgpt_text(message)
        if text:
            turns.append(
                Turn(
                    text,
                    role=message["author"]["role"],
                    at=at,
                    session=_session_name(conversation, "conversation_id", "id"),
                    metadata=_title(conversation, "title"),
                )
            )
    return turns


def _chatgpt_branch(mapping: dict[str, Any], leaf: str | None) -> list[dict[str, Any]]:
    """The messages from the root to the leaf; without a leaf, to the last node of the file."""
    node = leaf if leaf in mapping else next(reversed(mapping), None)
    messages = []
    seen: set[str] = set()
    while node in mapping and node not in seen:  # a file with a ring in it must not hang us
        seen.add(node)
        if mapping[node].get("message"):
            messages.append(_object(mapping[node]["message"]))
        node = mapping[node].get("parent")
    return messages[::-1]


def _chatgpt_text(message: dict[str, Any]) -> str:
    """What was said, if it was said by one of the two to the other; else an empty text."""
    hidden = (message.get("metadata") or {}).get("is_visually_hidden_from_conversation")
    addressed = message.get("recipient") in {None, "all"}
    if message["author"]["role"] not in {"user", "assistant"} or hidden or not addressed:
        return ""
    content = message.get("content") or {}
    if content.get("content_type", "text") not in {"text", "multimodal_text"}:
        return ""
    return "\n".join(text for part in content.get("parts") or [] if (text := _part(part).strip()))


def _claude_turns(conversation: dict[str, Any]) -> list[Turn]:
    at = _moment(conversation.get("created_at"))
    turns = []
    for message in conversation["chat_messages"]:
        at = _moment(message.get("created_at")) or at
        text = _claude_text(message)
        if text:
            role = "user" if message["sender"] == "human" else message["sender"]
            turns.append(
                Turn(
                    text,
                    role=role,
                    at=at,
                    session=_session_name(conversation, "uuid"),
                    metadata=_title(conversation, "name"),
                )
            )
    return turns


def _claude_text(message: dict[str, Any]) -> str:
    """The text blocks, without thinking and tools; older files have only `text`."""
    blocks = [block for block in message.get("content") or [] if block.get("type") == "text"]
    said = "\n".join(block.get("text") or "" for block in blocks).strip()
    return said or (message.get("text") or "").strip()


def _session_name(conversation: dict[str, Any], *keys: str) -> str:
    return next((str(conversation[key]) for key in keys if conversation.get(key)), "")


def _title(conversation: dict[str, Any], key: str) -> dict[str, Json]:
    title = conversation.get(key)
    return {"title": title} if isinstance(title, str) and title else {}
