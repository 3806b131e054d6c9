"""Checked access to JSON values; errors name the expected and the actual type. Pure.

What is of another type raises TypeError, what is missing or blank ValueError; whoever reads a file adds where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Object: TypeAlias = "dict[str, Any]"
Kind = TypeVar("Kind")

_NAMES: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "null",
}


def an_object(value: object, what: str) -> Object:
    """An object.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, dict):
        raise TypeError(f"{what} must be an object, and is {named(value)}")
    return value


def text(raw: Object, key: str) -> str:
    """A text that is there, and not blank; without blanks around it.

    Raises:
        TypeError: It is of another type.
        ValueError: It is missing, or blank.
    """
    said = _of(str, raw, key).strip()
    if not said:
        raise ValueError(f"{key!r} is blank")
    return said


def optional_text(raw: Object, key: str) -> str:
    """A text that may be missing.

    Raises:
        TypeError: It is of another type.
    """
    return _of(str, raw, key) if key in raw else ""


def whole_number(raw: Object, key: str) -> int:
    """A whole number that is there.

    Raises:
        TypeError: It is of another type.
        ValueError: It is missing.
    """
    return _of(int, raw, key)


def a_list(raw: Object, key: str) -> list[Any]:
    """A list that is there.

    Raises:
        TypeError: It is of another type.
        ValueError: It is missing.
    """
    return _of(list, raw, key)


def objects(raw: Object, key: str, what: str) -> list[Object]:
    """A list of objects, at least one.

    Raises:
        TypeError: It, or something in it, is of another type.
        ValueError: It is missing, or empty.
    """
    listed = a_list(raw, key)
    if not listed:
        raise ValueError(f"{key!r} is empty")
    return [an_object(each, what) for each in listed]


def texts(raw: Object, key: str) -> list[str]:
    """A list of texts that is there.

    Raises:
        TypeError: It, or something in it, is of another type.
        ValueError: It is missing.
    """
    listed = a_list(raw, key)
    for each in listed:
        if not isinstance(each, str):
            raise TypeError(f"{key!r} must be a list of texts, and holds {named(each)}")
    return listed


def names(raw: Object, key: str) -> list[str]:
    """A list of texts that is there, none of them blank; without blanks around them.

    Raises:
        TypeError: It, or something in it, is of another type.
        ValueError: It is missing, or holds a blank text.
    """
    found = [each.strip() for each in texts(raw, key)]
    if not all(found):
        raise ValueError(f"{key!r} holds a blank text")
    return found


def answer(raw: Object) -> str:
    """A right answer as text: some are numbers, and some questions have none.

    Raises:
        TypeError: It is neither a text nor a number.
    """
    said = raw.get("answer", "")
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        raise TypeError(f"'answer' must be a text or a number, and is {named(said)}")
    return str(said)


def refuse_others(raw: Object, known: set[str]) -> None:
    """Refuse unknown fields: they are misspelt, or their content would be lost.

    Raises:
        ValueError: There is one.
    """
    unknown = sorted(set(raw) - known)
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}; there are {', '.join(sorted(known))}")


def named(value: object) -> str:
    """The type of a JSON value, in words.

    >>> named([])
    'a list'
    """
    return _NAMES.get(type(value), type(value).__name__)


def _of(kind: type[Kind], raw: Object, key: str) -> Kind:
    if key not in raw:
        raise ValueError(f"{key!r} is missing")
    value = raw[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{key!r} must be {_NAMES[kind]}, and is {named(value)}")
    return value
