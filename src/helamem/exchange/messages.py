"""Reads what `add` takes: texts, turns, and chat messages as mappings or as objects of their packages.

No package is imported: any object with readable fields works.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helamem.errors import DataError
from helamem.exchange import content
from helamem.exchange.objects import as_mapping, is_message
from helamem.exchange.reading import Collector, Reading, moment
from helamem.records import Turn

if TYPE_CHECKING:
    from datetime import tzinfo

    from helamem.records import Json

FIELDS = ("text", "speaker", "role", "at", "timestamp", "session", "metadata")
TIMES = ("at", "timestamp", "created_at", "createdAt", "date")
SESSIONS = ("session", "sessionId", "session_id")  # around a message, as in a transcript
SPEAKERS = ("speaker", "name", "author")
_CALLED = ("nickname", "global_name", "displayName", "display_name", "name", "username")
_ROLES = {
    "human": "user",
    "humanmessagechunk": "user",
    "ai": "assistant",
    "model": "assistant",
    "aimessagechunk": "assistant",
    "toolmessagechunk": "tool",
    "systemmessagechunk": "system",
    "developer": "system",
}
_TYPES_THAT_ARE_ROLES = frozenset({*_ROLES, "system", "tool", "function", "user", "assistant"})
_SPEAKING = ("content", "parts", "tool_calls", "function_call", "refusal", "audio")
# Fields about a package's or provider's own work, which are not content.
TECHNICAL = frozenset(
    {"additional_kwargs", "response_metadata", "usage_metadata", "usage", "annotations", "model"}
    | {"stop_reason", "stop_sequence", "stop_details", "container", "context_management", "phase"}
    | {"invalid_tool_calls", "example", "status", "type", "object", "index", "logprobs", "parsed"}
    | {"finish_reason", "cache_control", "provider_specific_fields", "encrypted_content", "summary"}
    | {"reasoning", "reasoning_content", "reasoning_details", "thinking", "artifact", "additional"}
    | {"role", "session", "metadata", "text", *_SPEAKING}
)
SYSTEM = "a system prompt is no memory; to keep it, add a Turn (see docs/decisions/0016)"
SILENT = "it has no text"


def take(messages: object, zone: tzinfo | None = None) -> Reading:
    """The turns of texts, messages, turns, or a list of these.

    A message has "role" and "content", or is an item of OpenAI's responses; its time, session, speaker and
    metadata are used if present, and other fields are kept as metadata. A record has "text" and other fields
    of `FIELDS`. Empty messages and system prompts are left out and reported.

    Args:
        zone: The zone of times that name none; None refuses such times.

    Raises:
        TypeError: An item is none of these; the message says which.
        ValueError: A text is blank, a time has no zone, or a message has no content.
    """
    found = Collector()
    if isinstance(messages, str | Turn) or is_message(messages):
        _take_in(found, messages, 0, zone)
        return found.reading()
    if not isinstance(messages, Sequence) or isinstance(messages, bytes | bytearray):
        raise TypeError(
            f"expected a text, a message, a Turn, or a list of them, not {type(messages).__name__}"
        )
    for i, message in enumerate(messages):
        try:
            _take_in(found, message, i, zone)
        except (TypeError, ValueError) as error:
            if len(messages) == 1:
                raise
            raise type(error)(
                f"message {i} (counted from 0): {error}; nothing was stored"
            ) from error
    return found.reading()


def read_messages(value: object, zone: tzinfo | None = None) -> Reading:
    """The turns of a list of messages, as `take` reads them, or of an object with such a list.

    Raises:
        DataError: It is not such a list, or a message is malformed; the error says which.
    """
    messages = value.get("messages") if isinstance(value, Mapping) else value
    if isinstance(value, Mapping) and not isinstance(messages, list):
        messages = [value]
    if not isinstance(messages, list):
        raise DataError("expected a list of messages")
    found = Collector()
    for i, message in enumerate(messages):
        try:
            _take_in(found, message, i, zone)
        except (TypeError, ValueError) as error:
            raise DataError(f"message {i + 1}: {error}") from error
    return found.reading()


def _take_in(found: Collector, message: object, place: int, zone: tzinfo | None) -> None:
    """Add a message as a turn, or record why it is left out.

    Raises:
        TypeError, ValueError: It is malformed.
    """
    try:
        _keep_or_leave_out(found, message, place, zone)
    except RecursionError:
        raise ValueError("the message is nested too deep; give its text") from None


def _keep_or_leave_out(found: Collector, message: object, place: int, zone: tzinfo | None) -> None:
    if isinstance(message, str | Turn):
        found.keep(message if isinstance(message, Turn) else Turn(message), place=place)
        return
    fields = as_mapping(message)
    if fields is None:
        raise TypeError(
            "a message must be text, a mapping, a Turn, or an object of a chat package, "
            f"not {type(message).__name__}"
        )
    fields = _unwrapped(fields)
    if "text" in fields and not any(key in fields for key in _SPEAKING):
        found.keep(record_turn(fields, zone), place=place)
        return
    role = _role(fields)
    reason = _why_not(fields, role)
    text, losses = ("", []) if reason else _said(fields)
    if reason or not text.strip():
        found.leave_out(place, reason or (losses[0] if losses else SILENT))
        return
    found.keep(_turn(fields, text, role, zone), losses, place=place)


def _unwrapped(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message inside of a reply, or of a line of a transcript, with the time and session outside."""
    inner = fields.get("message")
    if not isinstance(inner, Mapping) or any(key in fields for key in ("text", *_SPEAKING)):
        return fields
    times = {key: fields[key] for key in TIMES if fields.get(key) is not None}
    session = next((fields[key] for key in SESSIONS if fields.get(key)), "")
    return {"session": session, **times, **inner}


def record_turn(record: Mapping[str, Any], zone: tzinfo | None = None) -> Turn:
    """The turn of a mapping with "text" and other fields of `FIELDS`, whatever its role.

    Raises:
        TypeError, ValueError: A field is unknown, or has the wrong form.
    """
    known = {*FIELDS, *TIMES, *SPEAKERS}
    unknown = [str(key) for key in record if key not in known]
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}; there are: {', '.join(FIELDS)}")
    times = [key for key in TIMES if record.get(key) is not None]
    if len(times) > 1:
        raise ValueError(f"{times[0]!r} and {times[1]!r} are both times; give one of them")
    role = record.get("role") or ""
    return Turn(
        record["text"],
        speaker=_speaker(record)[1],
        role=_ROLES.get(role, role) if isinstance(role, str) else role,
        at=moment(record[times[0]], zone) if times else None,
        session=record.get("session") or "",
        metadata=_metadata(record),
    )


def _turn(fields: Mapping[str, Any], text: str, role: str, zone: tzinfo | None) -> Turn:
    """The turn of a message; unknown fields are kept as metadata."""
    when = next((key for key in TIMES if fields.get(key) is not None), "")
    who, speaker = _speaker(fields)
    used = {*TECHNICAL, when, who} | (content.SAID if content.is_item(_kind(fields)) else set())
    rest: dict[str, Json] = {
        str(key): json.loads(json.dumps(each, default=str))  # times, ids and the like as text
        for key, each in fields.items()
        if key not in used and each not in (None, "", [], {})
    }
    return Turn(
        text,
        speaker=speaker,
        role=role,
        at=moment(fields[when], zone) if when else None,
        session=fields.get("session") or "",
        metadata={**rest, **_metadata(fields)},
    )


def _role(fields: Mapping[str, Any]) -> str:
    """The role, in OpenAI's words; an item of its responses has a type instead."""
    role = fields.get("role")
    role = getattr(role, "value", role)  # of an enumeration
    if role is not None and not isinstance(role, str):
        raise TypeError(f"role must be a string, not {type(role).__name__}")
    kind = _kind(fields)
    if not role and kind.lower() in _TYPES_THAT_ARE_ROLES:
        role = kind.lower()
    if content.is_output(kind) or _only_outputs(fields):
        return "tool"
    if content.is_call(kind):
        return "assistant"
    return _ROLES.get(role or "", role or "")


def _kind(fields: Mapping[str, Any]) -> str:
    return str(fields.get("type") or "")


def _only_outputs(fields: Mapping[str, Any]) -> bool:
    """Whether all parts of a message are results of tools, as in Anthropic's."""
    parts = fields.get("content")
    return (
        isinstance(parts, list)
        and bool(parts)
        and all(isinstance(part, Mapping) and content.is_result(part) for part in parts)
    )


def _why_not(fields: Mapping[str, Any], role: str) -> str:
    """Why a message is not a turn; empty if it is one.

    Raises:
        ValueError: It is not a message.
    """
    kind = _kind(fields)
    if role == "system":
        return SYSTEM
    if content.is_thinking(kind):
        return content.THOUGHT
    if content.is_call(kind) or content.is_output(kind) or any(key in fields for key in _SPEAKING):
        return ""
    if kind and not fields.get("role"):
        return f"an item of the type {kind} says nothing"
    if isinstance(fields.get("choices"), Sequence) or isinstance(fields.get("output"), Sequence):
        raise ValueError(  # noqa: TRY004  # a mapping is the right type
            "this is a whole reply; add its message: reply.choices[0].message, or reply.output"
        )
    keys = ", ".join(map(str, fields)) or "nothing"
    raise ValueError(f"a message needs 'content' or 'text'; this one has {keys}")


def _said(fields: Mapping[str, Any]) -> tuple[str, list[str]]:
    kind = _kind(fields)
    if content.is_call(kind):
        output = fields.get("output")  # a call executed by the model's server
        text = "\n".join(filter(None, [content.called(fields), content.result(output)[0]]))
        return text, []
    if content.is_output(kind):
        text, lost = content.result(fields.get("output", fields.get("content")))
        return text, [lost] if lost else []
    return content.said(fields)


def _speaker(fields: Mapping[str, Any]) -> tuple[str, str]:
    """The field that names the speaker, and the name; both empty if there is none."""
    is_call = content.is_call(_kind(fields))  # its name is the tool's
    for key in () if is_call else SPEAKERS:
        name = fields.get(key)
        if isinstance(name, Mapping):
            name = next((name[field] for field in _CALLED if name.get(field)), "")
        if name:
            return key, name  # `Turn` checks it
    return "", ""


def _metadata(fields: Mapping[str, Any]) -> dict[str, Any]:
    metadata = fields.get("metadata")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be an object, not {type(metadata).__name__}")
    return dict(metadata or {})
