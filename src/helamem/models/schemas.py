"""Validation for the part of JSON Schema that prompts use.

Pure. Knows `type` (one or several), `enum`, `required`, `properties`, `additionalProperties: false`,
`items`, `minimum` and `maximum`; other keywords do not restrict anything here.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from helamem.records import Json

_TYPES: dict[str, Callable[[Json], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, float) and value.is_integer())
    ),
}


def misfit(
    value: Json, schema: Mapping[str, Json], where: str = "the reply", *, with_items: bool = True
) -> str | None:
    """The first violation of a schema, as a sentence; None if the value is valid.

    Args:
        where: What the value is called.
        with_items: Whether the items of lists count. A reply is read without them: an item that does not
            fit costs itself, and not the reply; whoever reads the list sees to its items.

    >>> misfit({"n": "3"}, {"type": "object", "properties": {"n": {"type": "integer"}}})
    'the reply.n is "3", but must be of type integer'
    """
    return next(_misfits(value, schema, where, with_items), None)


def fitting_items(
    value: Json, schema: Mapping[str, Json], name: str
) -> tuple[list[Json], list[Json]]:
    """The items of a list in an object: those that fit the schema of the object, and the others.

    >>> fitting_items(
    ...     {"ids": [1, "2"]},
    ...     {"properties": {"ids": {"type": "array", "items": {"type": "integer"}}}},
    ...     "ids",
    ... )
    ([1], ['2'])
    """
    listed = value.get(name) if isinstance(value, dict) else None
    items: list[Json] = listed if isinstance(listed, list) else []
    form = _item_schema(schema, name)
    fitting = [misfit(item, form) is None for item in items]
    return (
        [item for item, fits in zip(items, fitting, strict=True) if fits],
        [item for item, fits in zip(items, fitting, strict=True) if not fits],
    )


def parse(text: str) -> Json:
    """Parse the JSON in a model's answer, even inside a fence or between words.

    >>> parse('Sure! ```json {"sure": true} ```')
    {'sure': True}

    Raises:
        ValueError: There is none.
    """
    start, end = text.find("{"), text.rfind("}")
    inner = text[start : end + 1] if 0 <= start < end else text
    try:
        value: Json = json.loads(inner, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return value


def read(text: str, schema: Mapping[str, Json]) -> Json:
    """The object in a model's answer; items of its lists are not checked.

    Raises:
        ValueError: It is not JSON, or has another form.
    """
    try:
        value = parse(text)
    except ValueError as error:
        raise ValueError(f"something that is not JSON: {error}") from error
    wrong = misfit(value, schema, with_items=False)
    if wrong is not None:
        raise ValueError(f"something in another form than requested: {wrong}")
    return value


def complete_items(text: str, name: str) -> list[Json]:
    """The objects in a list of an object that was cut off, but for the one in which it ends.

    >>> complete_items('{"facts": [{"n": 1}, {"n": 2}, {"n"', "facts")
    [{'n': 1}, {'n': 2}]
    """
    items: list[Json] = []
    place = re.search(rf'"{re.escape(name)}"\s*:\s*\[', text)
    at = -1 if place is None else place.end()
    while at >= 0 and (place := _NEXT_OBJECT.match(text, at)):
        try:
            item, at = _DECODER.raw_decode(text, place.end())
        except (ValueError, RecursionError):
            break
        items.append(item)
    return items


def _item_schema(schema: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    properties = schema.get("properties")
    listed = properties.get(name) if isinstance(properties, dict) else None
    items = listed.get("items") if isinstance(listed, dict) else None
    return items if isinstance(items, dict) else {}


def _misfits(
    value: Json, schema: Mapping[str, Json], where: str, with_items: bool
) -> Iterator[str]:
    kinds = schema.get("type")
    names = [str(kind) for kind in kinds] if isinstance(kinds, list) else [str(kinds)]
    if kinds is not None and not any(_TYPES[name](value) for name in names):
        yield f"{where} is {_shown(value)}, but must be of type {' or '.join(names)}"
        return
    options = schema.get("enum")
    if isinstance(options, list) and value not in options:
        yield f"{where} is {_shown(value)}, but must be one of {_shown(options)}"
    if isinstance(value, int | float):
        yield from _out_of_range(value, schema, where)
    if isinstance(value, dict):
        yield from _object_misfits(value, schema, where, with_items)
    items = schema.get("items")
    if with_items and isinstance(value, list) and isinstance(items, dict):
        for i, item in enumerate(value):
            yield from _misfits(item, items, f"{where}[{i}]", with_items)


def _object_misfits(
    value: dict[str, Json], schema: Mapping[str, Json], where: str, with_items: bool
) -> Iterator[str]:
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    for name in required if isinstance(required, list) else []:
        if name not in value:
            yield f"{where} has no {name}"
    for name, each in value.items():
        inner = known.get(name)
        if isinstance(inner, dict):
            yield from _misfits(each, inner, f"{where}.{name}", with_items)
        elif schema.get("additionalProperties") is False:
            yield f"{where} has {_shown(name)}, which was not asked for"


def _out_of_range(value: float, schema: Mapping[str, Json], where: str) -> Iterator[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(low, int | float) and value < low:
        yield f"{where} is {value}, but must be at least {low}"
    if isinstance(high, int | float) and value > high:
        yield f"{where} is {value}, but must be at most {high}"


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_NEXT_OBJECT = re.compile(r"[\s,]*(?=\{)")
