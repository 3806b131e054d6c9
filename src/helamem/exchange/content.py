"""The content of a chat message: text, parts, tool calls and tool results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

TextAndLoss: TypeAlias = "tuple[str, str]"  # a text and its loss; at most one is empty

_THINKING = frozenset(
    {"thinking", "redacted_thinking", "reasoning", "reasoning_content", "thought", "thoughts"}
)
_CALLS = frozenset(
    {
        "tool_use",
        "server_tool_use",
        "mcp_tool_use",
        "tool_call",
        "function_call",
        "custom_tool_call",
    }
    | {"mcp_call", "server_tool_call"}
)
_OUTPUTS = frozenset(
    {"function_call_output", "custom_tool_call_output", "local_shell_call_output"}
    | {"shell_call_output", "apply_patch_call_output"}
)
# Fields of an item that calls a tool, or is its result, which its text holds.
SAID = frozenset({"name", "arguments", "input", "args", "output", "function", "custom"})
_WRAPPED_CALLS = ("functionCall", "function_call", "toolUse")  # Gemini's and Bedrock's parts
_WRAPPED_RESULTS = ("functionResponse", "function_response", "toolResult")
_NOTED = ("image", "audio", "video", "file")
THOUGHT = "the model's reasoning is left out"


def said(message: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The text of a message, and one sentence for each loss.

    Raises:
        TypeError: The content is neither text nor parts.
    """
    found = [_part(part) for part in _parts(message.get("content", message.get("parts")))]
    found.append((_text(message.get("refusal")), ""))
    found.append((_transcript(message.get("audio")), ""))
    if any(message.get(key) for key in _THINKING):
        found.append(("", THOUGHT))
    lines = [text for text, _ in found if text.strip()]
    lines += [call for call in _calls(message) if call not in lines]
    return "\n".join(lines), list(dict.fromkeys(lost for _, lost in found if lost))


def is_call(kind: str) -> bool:
    """Whether a part or item of this type calls a tool."""
    return kind in _CALLS


def is_output(kind: str) -> bool:
    """Whether a part or item of this type is a tool's result."""
    return kind in _OUTPUTS or kind.endswith("tool_result")


def is_item(kind: str) -> bool:
    """Whether an item of this type is about a tool."""
    return is_call(kind) or is_output(kind)


def is_result(part: Mapping[str, Any]) -> bool:
    """Whether a part is a tool's result."""
    return is_output(str(part.get("type"))) or _wrapped(part, _WRAPPED_RESULTS) is not None


def is_thinking(kind: str) -> bool:
    """Whether a part or item of this type is a model's reasoning."""
    return kind in _THINKING


def called(call: object) -> str:
    """A call of a tool as a note, with its arguments.

    >>> called({"function": {"name": "weather", "arguments": '{"city": "Porto"}'}})
    '[tool call: weather({"city": "Porto"})]'
    """
    fields = call if isinstance(call, Mapping) else {}
    inner = next(
        (fields[key] for key in ("function", "custom") if isinstance(fields.get(key), Mapping)),
        fields,
    )
    name = inner.get("name") or "?"
    arguments = next(
        (inner[key] for key in ("arguments", "input", "args") if inner.get(key) is not None), ""
    )
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False, default=str)
    shown = "" if arguments.strip() in {"", "{}", "[]", "null"} else f"({arguments.strip()})"
    return f"[tool call: {name}{shown}]"


def result(value: object) -> TextAndLoss:
    """A tool's result as text."""
    if isinstance(value, Mapping) and "type" not in value and "text" not in value:
        return json.dumps(dict(value), ensure_ascii=False, default=str), ""
    if value is None or isinstance(value, str | Mapping) or _is_list(value):
        found = [_part(part) for part in _parts(value)]
        lost = [each for _, each in found if each]
        return "\n".join(text for text, _ in found if text.strip()), lost[0] if lost else ""
    return str(value), ""


def _parts(content: object) -> Sequence[object]:
    if content is None or content == {}:
        return []
    if isinstance(content, str | Mapping):
        return [content]
    if not _is_list(content):
        raise TypeError(f"content must be text or a list of parts, not {type(content).__name__}")
    return list(content)  # type: ignore[call-overload, no-any-return]  # `_is_list` says so


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def _part(part: object) -> TextAndLoss:
    """The text of a message's part, or a note about it."""
    if part is None or isinstance(part, str):
        return part or "", ""
    if not isinstance(part, Mapping):
        raise TypeError(f"a part of a message is a text or a mapping, not {type(part).__name__}")
    kind = str(part.get("type") or part.get("content_type") or "")
    if is_thinking(kind) or part.get("thought") is True:
        return "", THOUGHT
    call = part if is_call(kind) else _wrapped(part, _WRAPPED_CALLS)
    if call is not None:
        return called(call), ""
    outcome = part if is_output(kind) else _wrapped(part, _WRAPPED_RESULTS)
    if outcome is not None:
        keys = ("content", "output", "response")
        text, lost = result(
            next((outcome[key] for key in keys if outcome.get(key) is not None), None)
        )
        return text or "[tool result]", lost
    return _spoken(part, kind)


def _wrapped(part: Mapping[str, Any], keys: tuple[str, ...]) -> Mapping[str, Any] | None:
    return next((part[key] for key in keys if isinstance(part.get(key), Mapping)), None)


def _spoken(part: Mapping[str, Any], kind: str) -> TextAndLoss:
    for key in ("text", "refusal", "transcript"):
        if isinstance(part.get(key), str):
            return str(part[key]), ""
    if isinstance(part.get("json"), Mapping | list):
        return json.dumps(part["json"], ensure_ascii=False, default=str), ""
    source = part.get("source")
    if isinstance(source, Mapping) and source.get("type") == "text":
        return _text(source.get("data")), ""
    heard = _transcript(part.get("input_audio") or part.get("audio"))
    return (heard, "") if heard else _note(part, kind)


def _note(part: Mapping[str, Any], kind: str) -> TextAndLoss:
    inner: Mapping[str, Any] = next(
        (
            part[key]
            for key in ("file", "image_url", "source")
            if isinstance(part.get(key), Mapping)
        ),
        {},
    )
    names = ("filename", "file_name", "fileName", "name", "title")
    name = next((str(each[key]) for each in (part, inner) for key in names if each.get(key)), "")
    what = next((word for word in _NOTED if word in kind), "file" if name else "")
    what = what or kind.replace("_", " ").replace("-", " ") or "attachment"
    article = "an" if what[0] in "aeiou" else "a"
    return f"[{what}: {name}]" if name else f"[{what}]", f"of {article} {what} only a note is kept"


def _calls(message: Mapping[str, Any]) -> list[str]:
    older = message.get("additional_kwargs")
    holders = [message, *([older] if isinstance(older, Mapping) else [])]
    for holder in holders:
        calls = holder.get("tool_calls") or []
        if not _is_list(calls):
            raise TypeError(f"tool_calls must be a list, not {type(calls).__name__}")
        legacy = holder.get("function_call")
        found = [called(call) for call in calls] + ([called(legacy)] if legacy else [])
        if found:
            return found
    return []


def _transcript(audio: object) -> str:
    return _text(audio.get("transcript")) if isinstance(audio, Mapping) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
