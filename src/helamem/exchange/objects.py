"""Reads messages that are objects of a chat package. No package is imported: readable fields are enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

# One of these makes an object a part.
_TELLING = ("content", "text", "type", "function", "arguments")


def is_message(value: object) -> bool:
    """Whether something is a mapping, or an object with the fields of a message or part."""
    return _fields(value) is not None


def as_mapping(message: object) -> Mapping[str, Any] | None:
    """The fields of a message, or of a part of one, that is a mapping or an object; otherwise None.

    Objects inside are mappings then too, but for those in its metadata.

    Example:
        >>> from types import SimpleNamespace as Object
        >>> as_mapping(Object(role="user", content=[Object(type="text", text="hello")]))
        {'role': 'user', 'content': [{'type': 'text', 'text': 'hello'}]}
    """
    fields = _fields(message)
    if fields is None:
        return None
    return {key: each if key == "metadata" else _plain(each) for key, each in fields.items()}


def _plain(value: object) -> object:
    if value is None or isinstance(value, str | bytes | bytearray | int | float):
        return value
    if isinstance(value, Sequence):
        return [_plain(each) for each in value]
    fields = as_mapping(value)
    return value if fields is None else fields


def _fields(message: object) -> Mapping[str, Any] | None:
    if isinstance(message, Mapping):
        return message
    if isinstance(message, type | str | bytes | Sequence | int | float | Enum | None):
        return None
    for name in ("model_dump", "to_dict", "dict"):
        dump = getattr(message, name, None)
        if callable(dump):
            dumped = dump()
            return dumped if isinstance(dumped, Mapping) else None
    if dataclasses.is_dataclass(message):
        names = [each.name for each in dataclasses.fields(message)]
        return {name: getattr(message, name) for name in names}
    if hasattr(message, "__dict__") and any(hasattr(message, name) for name in _TELLING):
        return {name: each for name, each in vars(message).items() if not name.startswith("_")}
    return None
