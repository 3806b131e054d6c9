"""Filters as SQL over the tables `node n` and `session s`, agreeing with `filters.matches`.

Values and keys are bound, never written into the statement. What SQL cannot do right is left to
`filters.matches`: whole filters (see `expressible`), and single rows (see `odd`).
"""

from __future__ import annotations

import math
from dataclasses import field
from typing import TYPE_CHECKING, Any

from helamem import filters
from helamem.filters import And, Comparison, Not, Or
from helamem.frozen import dataclass
from helamem.stores.postgres import rows
from helamem.stores.postgres.texts import MARK, is_storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.filters import Filter, Scalar
    from helamem.stores.postgres.database import Scope

_TEXTS = {
    "text": "n.text",
    "speaker": "n.speaker",
    "role": "CASE n.kind WHEN 0 THEN n.role END",
    "session": "s.name",
    "kind": "CASE n.kind WHEN 0 THEN 'episode' ELSE 'fact' END",
}
_NUMBERS = {"id": "n.id::numeric", "at": "n.at", "stored_at": "n.stored_at"}
_SIGNS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_NEVER = "false"
_DEEP = 12  # nesting beyond which it is left to Python
_LARGE = 2**63  # integers from here on are compared as floats
_WORDS = "n.text || n.speaker || n.role || coalesce(s.name, '')"
# JSON escapes stand for control characters and lone surrogates, which jsonb refuses or reads otherwise.
_ESCAPED = r"strpos(n.metadata, '\u') > 0"


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter for the tables `node n` and `session s`.

    Attributes:
        sql: True for a memory that meets it, and is not odd.
        odd: True for a memory that `filters.matches` has to look at.
        values: What both bind.
    """

    sql: str
    odd: str
    values: dict[str, Any]


def condition(where: Filter) -> Condition:
    """A filter as SQL; where SQL cannot express it, all memories are odd."""
    if not expressible(where):
        return Condition(_NEVER, "true", {})
    odd = f"(strpos({_WORDS}, '{MARK}') > 0 OR {_ESCAPED}"
    if any(each.op == "icontains" for each in filters.comparisons(where)):
        every = f"{_WORDS} || n.metadata"
        odd += f" OR octet_length({every}) <> char_length({every})"
    compiled = _Compiler()
    sql = compiled.expression(where)
    return Condition(f"CASE WHEN {odd}) THEN false ELSE {sql} END", f"{odd})", compiled.values)


def matching_odd(scope: Scope, where: Filter, made: Condition) -> list[int]:
    """The odd memories that meet a filter."""
    return [
        row[0]
        for row in scope.rows(f"{rows.FILTERABLE} AND {made.odd}", **made.values)
        if filters.matches(where, rows.filterable(row))
    ]


def expressible(filter_: Filter) -> bool:
    """Whether SQL can express it: not nested too deep, and every key and value can be bound."""
    return filters.depth(filter_) <= _DEEP and all(map(_speakable, filters.comparisons(filter_)))


def _speakable(comparison: Comparison) -> bool:
    value = comparison.value
    values = value if isinstance(value, tuple) else (value,)
    return all(map(is_storable, comparison.field)) and all(map(_is_plain, values))


def _is_plain(value: Scalar) -> bool:
    if isinstance(value, str):
        return is_storable(value)
    return not _is_number(value) or (math.isfinite(value or 0) and abs(value or 0) < _LARGE)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(slots=True)
class _Compiler:
    """Writes expressions, and collects what they bind."""

    values: dict[str, Any] = field(default_factory=dict)

    def expression(self, filter_: Filter) -> str:
        """An expression that is true or false for each row, never NULL."""
        match filter_:
            case And(parts):
                return self._joined(" AND ", "true", parts)
            case Or(parts):
                return self._joined(" OR ", _NEVER, parts)
            case Not(part):
                return f"NOT {self.expression(part)}"
            case Comparison(field, op, value):
                return f"coalesce({self._comparison(field, op, value)}, false)"

    def _joined(self, word: str, empty: str, parts: Sequence[Filter]) -> str:
        return f"({word.join(map(self.expression, parts)) or empty})"

    def _bound(self, value: object, type_: str) -> str:
        name = f"f{len(self.values)}"
        self.values[name] = value
        return f"%({name})s::{type_}"

    def _comparison(
        self, field: tuple[str, ...], op: str, value: Scalar | tuple[Scalar, ...]
    ) -> str:
        if isinstance(value, tuple):
            return self._joined(" OR ", _NEVER, [Comparison(field, "eq", each) for each in value])
        if field[0] == "metadata":
            return self._metadata(field[1:], op, value)
        return self._column(field[0], op, value)

    def _column(self, name: str, op: str, value: Scalar) -> str:
        """A condition on a typed column."""
        expression = _TEXTS.get(name) or _NUMBERS[name]
        if op == "exists":
            return f"{expression} IS NOT NULL"
        if isinstance(value, str):
            return self._text(expression, op, value) if name in _TEXTS else _NEVER
        if not _is_number(value) or name in _TEXTS or op not in _SIGNS:
            return _NEVER
        return f"{expression} {_SIGNS[op]} {self._number(value, 'numeric' if name == 'id' else 'float8')}"

    def _metadata(self, keys: tuple[str, ...], op: str, value: Scalar) -> str:
        """A condition on a metadata value, which has its own type."""
        found = self._found(keys)
        if op == "exists":
            return f"{found} IS NOT NULL"
        test = self._typed("x", op, value)
        if op in ("contains", "icontains"):
            element = self._typed("e", "eq" if op == "contains" else "same", value)
            test = (
                f"CASE WHEN jsonb_typeof(x) = 'array' THEN EXISTS (SELECT 1 FROM jsonb_array_elements(x) e WHERE {element})"
                f" ELSE {test} END"
            )
        return f"(SELECT {test} FROM (SELECT {found} AS x) v)"

    def _found(self, keys: tuple[str, ...]) -> str:
        """The value at a path; a dotted key is taken literally if it exists."""
        whole = "n.metadata::jsonb"
        through = whole + "".join(f"->{self._bound(key, 'text')}" for key in keys)
        if len(keys) == 1:
            return f"({through})"
        literal = self._bound(".".join(keys), "text")
        return f"coalesce({whole}->{literal}, {through})"

    def _typed(self, expression: str, op: str, value: Scalar) -> str:
        """A condition that also requires the stored value to have the compared type."""
        type_ = f"jsonb_typeof({expression})"
        if value is None:
            return f"{type_} = 'null'" if op == "eq" else _NEVER
        if isinstance(value, bool):
            return f"{expression} = '{str(value).lower()}'::jsonb" if op == "eq" else _NEVER
        text = f"({expression} #>> '{{}}')"
        if isinstance(value, str):
            test = self._text(f'{text} COLLATE "C"', op, value)
            return f"CASE WHEN {type_} = 'string' THEN {test} ELSE false END"
        if op not in _SIGNS:
            return _NEVER
        test = f"{text}::numeric {_SIGNS[op]} {self._number(value, 'numeric')}"
        return f"CASE WHEN {type_} = 'number' THEN {test} ELSE false END"

    def _text(self, expression: str, op: str, value: str) -> str:
        if op == "contains":
            return f"strpos({expression}, {self._bound(value, 'text')}) > 0"
        if op == "icontains":
            return f"strpos(lower({expression}), {self._bound(value.casefold(), 'text')}) > 0"
        if op == "same":  # but for the case of letters
            return f"lower({expression}) = {self._bound(value.casefold(), 'text')}"
        return f"{expression} {_SIGNS[op]} {self._bound(value, 'text')}"

    def _number(self, value: Scalar, type_: str) -> str:
        """A number by its digits, so that the server reads it exactly as it reads the stored ones."""
        return self._bound(value if type_ == "float8" else repr(value), type_)
