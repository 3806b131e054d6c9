"""Filters as SQL over the tables `node n` and `session s`, agreeing with `filters.matches`.

Values and paths of keys are bound, never written into the statement. What SQLite's JSON functions
cannot do right (see `expressible` and `ODD_METADATA`) is left to `filters.matches`.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import filters
from helamem.filters import And, Comparison, Not, Or
from helamem.stores.sqlite import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.filters import Filter, Scalar
    from helamem.protocols import Ints
    from helamem.stores.sqlite.namespace import Space

# Escapes in stored JSON stand for control characters and lone surrogates. SQLite cuts a text at an
# escaped NUL, so rows with any such escape are compared in Python. An index finds them by these words.
ODD_METADATA = r"instr(n.metadata, '\u') > 0"
ANY_ODD = (
    "SELECT 1 FROM node n INDEXED BY node_with_odd_metadata"  # noqa: S608  # our own words
    f" WHERE n.namespace = ? AND {ODD_METADATA} LIMIT 1"
)

_TEXTS = {
    "speaker": "n.speaker",
    "role": "CASE n.kind WHEN 0 THEN n.role END",
    "session": "s.name",
    "kind": "CASE n.kind WHEN 0 THEN 'episode' ELSE 'fact' END",
}
_NUMBERS = {"id": "n.id", "at": "n.at", "stored_at": "n.stored_at"}
_SIGNS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_NEVER = "0"


def matching(space: Space, where: Filter) -> Ints:
    """The episodes and facts that meet the conditions: in SQL, and where it cannot, in Python."""
    if not expressible(where):
        return np.array(_matching_by_hand(space, where, rows.FILTERABLE), np.int64)
    sql, values = condition(where)
    by_hand: list[int] = []
    if space.db.find(ANY_ODD, space.id):
        odd = ODD_METADATA
        by_hand = _matching_by_hand(space, where, f"{rows.FILTERABLE} AND {odd}")
        sql = f"NOT ({odd}) AND {sql}"
    in_sql = space.db.column(
        "SELECT n.id FROM node n LEFT JOIN session s ON s.id = n.session"  # noqa: S608
        f" WHERE n.namespace = ? AND n.kind < 2 AND {sql}",
        space.id,
        *values,
    )
    return np.array(by_hand + in_sql, np.int64)


def _matching_by_hand(space: Space, where: Filter, query: str) -> list[int]:
    return [
        row[0]
        for row in space.db.rows(query, space.id)
        if filters.matches(where, rows.filterable(row))
    ]


def expressible(filter_: Filter) -> bool:
    """Whether SQL can say it: SQLite cannot address keys that JSON escapes, nor bind lone surrogates."""
    match filter_:
        case And(parts) | Or(parts):
            return all(expressible(part) for part in parts)
        case Not(part):
            return expressible(part)
        case Comparison(field, _, value):
            values = value if isinstance(value, tuple) else (value,)
            texts = [each for each in values if isinstance(each, str)]
            return all(_is_plain_key(key) for key in field) and all(map(_is_plain, texts))


def _is_plain_key(key: str) -> bool:
    return bool(key) and _is_plain(key) and key.isprintable() and not {'"', "\\"} & set(key)


def _is_plain(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def condition(filter_: Filter) -> tuple[str, list[Any]]:
    """An expression that is 1 or 0 for each row, never NULL, and the values to bind to it."""
    match filter_:
        case And(parts):
            return _joined(" AND ", "1", parts)
        case Or(parts):
            return _joined(" OR ", "0", parts)
        case Not(part):
            sql, values = condition(part)
            return f"NOT {sql}", values
        case Comparison(field, op, value):
            sql, values = _comparison(field, op, value)
            return f"ifnull({sql}, 0)", values


def _joined(word: str, empty: str, parts: Sequence[Filter]) -> tuple[str, list[Any]]:
    compiled = [condition(part) for part in parts]
    sql = word.join(sql for sql, _ in compiled) or empty
    return f"({sql})", [value for _, values in compiled for value in values]


def _comparison(
    field: tuple[str, ...], op: str, value: Scalar | tuple[Scalar, ...]
) -> tuple[str, list[Any]]:
    if isinstance(value, tuple):
        return _joined(" OR ", "0", [Comparison(field, "eq", each) for each in value])
    if field[0] == "metadata":
        return _metadata(_path(field[1:]), op, value)
    return _column(field[0], op, value)


def _column(name: str, op: str, value: Scalar) -> tuple[str, list[Any]]:
    """A condition on a column, whose type is known."""
    expression = _TEXTS.get(name) or _NUMBERS[name]
    if op == "exists":
        return f"{expression} IS NOT NULL", []
    if isinstance(value, str):
        return _test(expression, op, value) if name in _TEXTS else (_NEVER, [])
    if value is None or isinstance(value, bool) or name in _TEXTS or op not in _SIGNS:
        return _NEVER, []
    return _test(expression, op, value)


def _metadata(path: str, op: str, value: Scalar) -> tuple[str, list[Any]]:
    """A condition on a value in the metadata, whose type is the value's own."""
    if op == "exists":
        return "json_type(n.metadata, ?) IS NOT NULL", [path]
    test, bound = _typed("json_type(n.metadata, ?)", "json_extract(n.metadata, ?)", op, value)
    values = [path if each is _PATH else each for each in bound]
    if op not in ("contains", "icontains"):
        return test, values
    element, of_element = _typed("e.type", "e.value", "eq" if op == "contains" else "ieq", value)
    return (
        f"({test} OR json_type(n.metadata, ?) = 'array'"  # noqa: S608  # our own words
        f" AND EXISTS (SELECT 1 FROM json_each(n.metadata, ?) e WHERE {element}))",
        [*values, path, path, *(each for each in of_element if each is not _PATH)],
    )


_PATH = object()  # stands for the path, wherever an expression needs it bound


def _typed(type_: str, expression: str, op: str, value: Scalar) -> tuple[str, list[Any]]:
    """A condition that holds only where the stored value is of the type that it is compared with."""
    if value is None or isinstance(value, bool):
        word = "null" if value is None else str(value).lower()
        return (f"{type_} = '{word}'", [_PATH]) if op == "eq" else (_NEVER, [])
    if isinstance(value, str):
        test, bound = _test(expression, op, value)
        return f"({test} AND {type_} = 'text')", [_PATH, *bound, _PATH]
    if op not in _SIGNS:
        return _NEVER, []
    # As JSON, so that SQLite reads the number exactly as it reads the stored ones; a subquery does it once.
    test = f"{expression} {_SIGNS[op]} (SELECT json_extract(?, '$'))"
    return f"({test} AND {type_} IN ('integer', 'real'))", [_PATH, _json_number(value), _PATH]


def _test(expression: str, op: str, value: str | float) -> tuple[str, list[Any]]:
    if op == "contains":
        return f"instr({expression}, ?) > 0", [value]
    if op == "icontains":
        return f"instr({_casefolded(expression)}, ?) > 0", [str(value).casefold()]
    if op == "ieq":
        return f"{_casefolded(expression)} = ?", [str(value).casefold()]
    return f"{expression} {_SIGNS[op]} ?", [value]


def _casefolded(expression: str) -> str:
    """What is all ASCII, so as long in bytes as in characters, need not leave SQLite for Python."""
    return (
        "(SELECT CASE WHEN length(x) = length(CAST(x AS BLOB)) THEN lower(x) ELSE casefolded(x) END"  # noqa: S608
        f" FROM (SELECT {expression} AS x))"
    )


def _json_number(value: float) -> str:
    if math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    return json.dumps(value)


def _path(keys: tuple[str, ...]) -> str:
    return "$" + "".join(f'."{key}"' for key in keys)
