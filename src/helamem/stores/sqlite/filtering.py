"""Filters as SQL over the tables `node n` and `session s`, agreeing with `filters.matches`.

Values and key paths are bound, never written into the statement. What SQLite's JSON functions
cannot do right (see `expressible` and `ODD_METADATA`) is left to `filters.matches`.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import filters
from helamem.filters import And, Comparison, Not, Or
from helamem.stores import encoding
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
    "text": "n.text",
    "speaker": "n.speaker",
    "role": "CASE n.kind WHEN 0 THEN n.role END",
    "session": "s.name",
    "kind": "CASE n.kind WHEN 0 THEN 'episode' ELSE 'fact' END",
}
_NUMBERS = {"id": "n.id", "at": "n.at", "stored_at": "n.stored_at"}
_SIGNS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_NEVER = "0"
_DEEP = 12  # nesting beyond which SQLite's parser stack may overflow
_WIDE = 64  # conditions in one AND or OR; SQLite counts each as a level


def matching(space: Space, where: Filter) -> Ints:
    """The episodes and facts that meet the conditions, filtered in SQL where possible, else in Python."""
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
        if filters.matches(where, encoding.filterable(row))
    ]


def expressible(filter_: Filter) -> bool:
    """Whether SQL can express it: not nested too deep, and every key and value can be bound."""
    return filters.depth(filter_) <= _DEEP and all(map(_speakable, filters.comparisons(filter_)))


def _speakable(comparison: Comparison) -> bool:
    """False for keys that JSON escapes and for lone surrogates, which SQLite cannot address or bind."""
    value = comparison.value
    values = value if isinstance(value, tuple) else (value,)
    texts = [each for each in values if isinstance(each, str)]
    return all(map(_is_plain_key, comparison.field)) and all(map(_is_plain, texts))


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
    if len(parts) > _WIDE:
        half = len(parts) // 2
        compiled = [_joined(word, empty, each) for each in (parts[:half], parts[half:])]
    else:
        compiled = [condition(part) for part in parts]
    sql = word.join(sql for sql, _ in compiled) or empty
    return f"({sql})", [value for _, values in compiled for value in values]


def _comparison(
    field: tuple[str, ...], op: str, value: Scalar | tuple[Scalar, ...]
) -> tuple[str, list[Any]]:
    if isinstance(value, tuple):
        return _among(field, value)
    if field[0] == "metadata":
        return _metadata(field[1:], op, value)
    return _column(field[0], op, value)


def _among(field: tuple[str, ...], values: tuple[Scalar, ...]) -> tuple[str, list[Any]]:
    """An IN condition: texts are bound as one list, numbers too unless each needs its own binding."""
    texts = [each for each in values if isinstance(each, str)]
    listable = field[0] in ("metadata", "id")  # a time is bound bit by bit, not as its digits
    numbers = [each for each in values if _is_number(each) and listable]
    others = [
        each for each in values if not isinstance(each, str) and not (_is_number(each) and listable)
    ]
    tests = [
        _in_list(field, type_, listed)
        for type_, listed in (("text", texts), ("number", numbers))
        if listed and (type_ == "number" or field[0] not in _NUMBERS)
    ]
    others_test, bound = _joined(" OR ", "0", [Comparison(field, "eq", each) for each in others])
    sql = " OR ".join([*(test for test, _ in tests), others_test])
    return f"({sql})", [*(value for _, values in tests for value in values), *bound]


def _in_list(field: tuple[str, ...], type_: str, values: Sequence[Scalar]) -> tuple[str, list[Any]]:
    listed = f"[{','.join(_json(each) for each in values)}]"
    if field[0] != "metadata":
        expression = _TEXTS.get(field[0]) or _NUMBERS[field[0]]
        return f"{expression} IN (SELECT value FROM json_each(?))", [listed]  # noqa: S608
    path, keys = _path(field[1:])
    types = "'text'" if type_ == "text" else "'integer', 'real'"
    return (
        f"(json_extract(n.metadata, {path}) IN (SELECT value FROM json_each(?))"  # noqa: S608
        f" AND json_type(n.metadata, {path}) IN ({types}))",
        [*keys, listed, *keys],
    )


def _column(name: str, op: str, value: Scalar) -> tuple[str, list[Any]]:
    """A condition on a typed column."""
    expression = _TEXTS.get(name) or _NUMBERS[name]
    if op == "exists":
        return f"{expression} IS NOT NULL", []
    if isinstance(value, str):
        return _test(expression, op, value) if name in _TEXTS else (_NEVER, [])
    if value is None or isinstance(value, bool) or name in _TEXTS or op not in _SIGNS:
        return _NEVER, []
    return _test(expression, op, value)


def _metadata(field: tuple[str, ...], op: str, value: Scalar) -> tuple[str, list[Any]]:
    """A condition on a metadata value, which has its own type."""
    path, keys = _path(field)
    type_ = f"json_type(n.metadata, {path})"
    if op == "exists":
        return f"{type_} IS NOT NULL", keys
    test, bound = _typed(type_, f"json_extract(n.metadata, {path})", op, value)
    values = [part for each in bound for part in (keys if each is _PATH else [each])]
    if op not in ("contains", "icontains"):
        return test, values
    element, of_element = _typed("e.type", "e.value", "eq" if op == "contains" else "ieq", value)
    return (
        f"({test} OR {type_} = 'array'"  # noqa: S608  # our own words
        f" AND EXISTS (SELECT 1 FROM json_each(n.metadata, {path}) e WHERE {element}))",
        [*values, *keys, *keys, *(each for each in of_element if each is not _PATH)],
    )


_PATH = object()  # stands for the path, wherever an expression needs it bound


def _typed(type_: str, expression: str, op: str, value: Scalar) -> tuple[str, list[Any]]:
    """A condition that also requires the stored value to have the compared type."""
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
    return f"({test} AND {type_} IN ('integer', 'real'))", [_PATH, _json(value), _PATH]


def _test(expression: str, op: str, value: str | float) -> tuple[str, list[Any]]:
    if op == "contains":
        return f"instr({expression}, ?) > 0", [value]
    if op == "icontains":
        return f"instr({_casefolded(expression)}, ?) > 0", [str(value).casefold()]
    if op == "ieq":
        return f"{_casefolded(expression)} = ?", [str(value).casefold()]
    return f"{expression} {_SIGNS[op]} ?", [value]


def _casefolded(expression: str) -> str:
    """Lower-case in SQLite if the text is all ASCII, else in Python."""
    return (
        "(SELECT CASE WHEN length(x) = length(CAST(x AS BLOB)) THEN lower(x) ELSE casefolded(x) END"  # noqa: S608
        f" FROM (SELECT {expression} AS x))"
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _json(value: Scalar) -> str:
    if isinstance(value, float) and math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    return json.dumps(value, ensure_ascii=False)


def _path(keys: tuple[str, ...]) -> tuple[str, list[Any]]:
    """An expression for a path, with its bindings; a dotted key is taken literally if it exists."""
    through = "$" + "".join(f'."{key}"' for key in keys)
    if len(keys) == 1:
        return "?", [through]
    literal = f'$."{".".join(keys)}"'
    return "CASE WHEN json_type(n.metadata, ?) IS NULL THEN ? ELSE ? END", [
        literal,
        through,
        literal,
    ]
