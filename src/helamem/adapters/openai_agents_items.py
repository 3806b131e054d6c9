"""Turns items of an OpenAI Agents session into text, and changed text into items. Pure.

Images, files and audio become notes such as "[image]" or "[file: a.pdf]".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Part = tuple[str, bool]  # a text, and whether it was said; a note was not

KINDS = {
    "input_image": "image",
    "image_url": "image",
    "computer_screenshot": "image",
    "input_file": "file",
    "input_audio": "audio",
    "output_audio": "audio",
}
BARE = ("type", "role", "id", "call_id", "name", "status")  # fields of an item without words
_DATA_URL = re.compile(r"data:([a-z]*)/?[\w.+-]*;base64,[\w+/=-]*", re.IGNORECASE)


def said(item: Mapping[str, Any]) -> str:
    """The words of an item: its text, the arguments of a call, or a result; may be empty.

    >>> said({"role": "user", "content": [{"type": "input_text", "text": "Hello!"}]})
    'Hello!'
    """
    return _joined(text for text, was_said in _parts(item) if was_said)


def text_of(item: Mapping[str, Any]) -> str:
    """The words of an item, with notes for what is not text; never empty.

    >>> text_of({"role": "user", "content": [{"type": "input_image", "image_url": "..."}]})
    '[image]'
    """
    return _joined(text for text, _ in _parts(item)) or f"[{item.get('type') or 'message'}]"


def skeleton(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item without its words, into which other words can be put."""
    bare = {name: item[name] for name in BARE if isinstance(item.get(name), str)}
    content = item.get("content")
    parts = content if isinstance(content, list) else []
    kinds = [str(part.get("type")) for part in parts if isinstance(part, dict)]
    return {**bare, "part": kinds[0]} if kinds else bare


def with_words(bare: Mapping[str, Any], words: str) -> dict[str, Any]:
    """An item of the same kind with other words.

    >>> with_words({"type": "function_call_output", "call_id": "c1"}, "[redacted]")
    {'type': 'function_call_output', 'call_id': 'c1', 'output': '[redacted]'}
    """
    fields = {name: value for name, value in bare.items() if name != "part"}
    kind = str(bare.get("type", ""))
    if kind.endswith("_output"):
        return {**fields, "output": words}
    if kind == "function_call":
        return {**fields, "arguments": _arguments(words)}
    if kind == "reasoning":
        return {**fields, "summary": [{"type": "summary_text", "text": words}]}
    if "role" not in bare:
        return {"role": "assistant", "content": words}
    return {**fields, "content": _content(bare.get("part"), words)}


def _content(part: str | None, words: str) -> str | list[dict[str, Any]]:
    if part == "output_text":
        return [{"type": part, "text": words, "annotations": []}]
    if part == "refusal":
        return [{"type": part, "refusal": words}]
    return words if part is None else [{"type": "input_text", "text": words}]


def _arguments(words: str) -> str:
    """The arguments in `name(arguments)`, as JSON."""
    inside = words.partition("(")[2].removesuffix(")")
    try:
        json.loads(inside)
    except (ValueError, RecursionError):
        return json.dumps({"text": words}, ensure_ascii=False)
    return inside


def _joined(texts: Iterator[str]) -> str:
    return "\n".join(text for text in texts if text)


def _parts(item: Mapping[str, Any]) -> Iterator[Part]:
    """The texts of an item in order, from the fields that may hold words."""
    name, given = item.get("name"), item.get("arguments", item.get("input"))
    if name and given is not None:
        yield from _read(f"{name}({given})")
    for field in ("summary", "content", "output"):
        yield from _read(item.get(field))
    kind = str(item.get("type") or "")
    if kind.endswith("_call") and not name:
        yield f"[{kind}]", False


def _read(value: object) -> Iterator[Part]:
    """The texts in a field: a text, one part, or a list of parts."""
    if isinstance(value, str):
        yield from _with_notes(value)
    elif isinstance(value, dict):
        yield from _part(value)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _read(each)


def _part(part: Mapping[str, Any]) -> Iterator[Part]:
    kind = str(part.get("type") or "part")
    words = next((part[key] for key in ("text", "refusal", "transcript") if part.get(key)), None)
    if isinstance(words, str):
        yield from _with_notes(words)
        return
    if "text" in part:
        return
    filename = part.get("filename")
    note = KINDS.get(kind, kind)
    yield (
        (f"[{note}: {filename}]" if isinstance(filename, str) and filename else f"[{note}]"),
        False,
    )


def _with_notes(text: str) -> Iterator[Part]:
    """A text with notes in place of encoded data; a note alone was not said."""
    words = _DATA_URL.sub("", text).strip()
    noted = _DATA_URL.sub(lambda url: "[image]" if url[1].lower() == "image" else "[file]", text)
    yield noted.strip(), bool(words)
