"""Filters: parsing of conditions on memories, and their meaning.

`parse` also reads the dialects of mem0 and LangGraph; `matches` is the reference for every store. Pure.

A field is a column of a memory (`COLUMNS`) or a key of its metadata; the prefix "metadata." means the key if a
column has the same name. A key with dots is one key if the metadata have it, and otherwise leads into objects. A
condition on a field that a memory lacks is false, so only `ne`, `nin` and NOT can match there. Values of different
types are never equal and never ordered; a bool is not a number.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from helamem.frozen import dataclass
from helamem.moments import in_zone, utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import tzinfo

Scalar: TypeAlias = str | int | float | bool | None
Op: TypeAlias = Literal["eq", "in", "gt", "gte", "lt", "lte", "contains", "icontains", "exists"]
Filter: TypeAlias = "Comparison | And | Or | Not"

COLUMNS = ("id", "kind", "text", "speaker", "role", "session", "at", "stored_at")
KINDS = ("episode", "fact")
TIMES = ("at", "stored_at")
ALIASES = {"timestamp": "at", "created_at": "stored_at"}
OPERATORS = (
    "eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "contains", "icontains", "exists", "not",
)  # fmt: skip
JUNCTIONS = ("AND", "OR", "NOT")
MISPLACED = {
    "user_id": "it is the namespace, as in Memory(namespace=...) or Client(namespace=...)",
    "agent_id": "it is the namespace, as in Memory(namespace=...) or Client(namespace=...)",
    "run_id": "it is the field 'session'",
}
INT64 = 2**63
MAX_DEPTH = 50  # deepest nesting of conditions
MAX_CONDITIONS = 1000  # most conditions, including AND, OR and NOT, not counting values of an "in"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition on one field.

    Attributes:
        field: The name of a column, or ("metadata", key, key of the object in it, ...).
        op: `OPERATORS`, without those that are the negation of another.
        value: A scalar; a tuple of scalars for "in"; None for "exists".
    """

    field: tuple[str, ...]
    op: Op
    value: Scalar | tuple[Scalar, ...] = None


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts; true if there are none."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the parts; false if there are none."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not the part."""

    part: Filter


def parse(filters: Mapping[str, object] | None, zone: tzinfo | None = None) -> Filter | None:
    """Parse conditions as users write them.

    A plain value means equality, a list one of its values, "*" that the field exists. Operators may begin with a
    dollar sign. All keys of one mapping must hold.

    Args:
        filters: For example {"speaker": "Ana", "at": {"gte": "2024-01-01T00:00:00Z"}} or
            {"OR": [{"topic": "food"}, {"metadata.place.city": {"ne": "Rome"}}]}.
        zone: The zone of times that name none; None refuses such times.

    Returns:
        The filter; None if there is no condition.

    Raises:
        TypeError: `filters` is not a mapping, or a value is of a type that cannot be compared.
        ValueError: An operator is unknown, a time has no zone, a key means something else here, or there is
            more than `MAX_DEPTH` and `MAX_CONDITIONS` allow.

    >>> parse({"speaker": "Ana"})
    Comparison(field=('speaker',), op='eq', value='Ana')
    """
    if filters is None:
        return None
    _check_size(filters)
    tree = _mapping(filters, zone)
    return None if tree == And(()) else tree


def _check_size(filters: object) -> None:
    """Refuse filters that are nested too deep or too large."""
    level, n_conditions = [filters], 0
    for _ in range(2 * MAX_DEPTH):  # a junction holds a list of mappings
        mappings = [each for each in level if isinstance(each, Mapping)]
        lists = [each for each in level if isinstance(each, list | tuple)]
        n_conditions += sum(map(len, mappings)) + len(lists)
        if n_conditions > MAX_CONDITIONS:
            raise ValueError(
                f"a filter may have at most {MAX_CONDITIONS:,} conditions; for many values of one field, "
                'use {"field": {"in": [...]}}'
            )
        level = [value for each in mappings for value in each.values()]
        level += [value for each in lists for value in each]
        level = [each for each in level if isinstance(each, Mapping | list | tuple)]
        if not level:
            return
    raise ValueError(f"a filter may be nested at most {MAX_DEPTH} deep")


def _mapping(filters: object, zone: tzinfo | None) -> Filter:
    if not isinstance(filters, Mapping):
        raise TypeError(f"a filter must be a mapping, not {type(filters).__name__}")
    return _conjunction([_entry(key, value, zone) for key, value in filters.items()])


def _conjunction(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _entry(key: object, value: object, zone: tzinfo | None) -> Filter:
    if not isinstance(key, str):
        raise TypeError(f"the key of a filter must be a string, not {type(key).__name__}")
    junction = key.removeprefix("$").upper() if key.startswith("$") else key
    if junction in JUNCTIONS:
        return _junction(junction, value, zone)
    if key.startswith("$"):
        raise ValueError(f"unknown operator {key!r}; {_known()}")
    if key in MISPLACED:
        raise ValueError(f"{key!r} is not a filter here: {MISPLACED[key]}")
    return _conditions(_field(key), value, zone)


def _junction(name: str, value: object, zone: tzinfo | None) -> Filter:
    if isinstance(value, Mapping):
        parts: tuple[Filter, ...] = (_mapping(value, zone),)
    elif isinstance(value, list | tuple):
        parts = tuple(_mapping(each, zone) for each in value)
    else:
        raise TypeError(f"{name} takes a list of filters, not {type(value).__name__}")
    if name == "AND":
        return And(parts)
    return Or(parts) if name == "OR" else Not(Or(parts))


def _field(key: str) -> tuple[str, ...]:
    name = ALIASES.get(key, key)
    if name in COLUMNS:
        return (name,)
    return ("metadata", *key.removeprefix("metadata.").split("."))


def _conditions(field: tuple[str, ...], value: object, zone: tzinfo | None) -> Filter:
    """The conditions of one entry of a mapping."""
    if isinstance(value, Mapping):
        if not value:
            raise ValueError(f"the filter on {_spelled(field)} names no operator; {_known()}")
        return _conjunction([_condition(field, op, each, zone) for op, each in value.items()])
    if isinstance(value, list | tuple):
        return _condition(field, "in", value, zone)
    return _condition(field, "exists" if value == "*" else "eq", value, zone)


def _condition(
    field: tuple[str, ...], spelled: object, value: object, zone: tzinfo | None
) -> Filter:
    op = spelled.removeprefix("$") if isinstance(spelled, str) else None
    if op not in OPERATORS:
        raise ValueError(
            f"unknown operator {spelled!r} on {_spelled(field)}; {_known()}; "
            f"a field of an object is spelled {_spelled(field)}.{spelled}"
        )
    if op == "not":
        return Not(_conditions(field, value, zone))
    if op == "exists":
        return _exists(field, value)
    if op in ("ne", "nin"):
        return Not(_comparison(field, "eq" if op == "ne" else "in", value, zone))
    return _comparison(field, op, value, zone)


def _exists(field: tuple[str, ...], value: object) -> Filter:
    if value not in (True, False, "*"):
        raise TypeError(f"exists takes true or false, not {type(value).__name__}")
    there = Comparison(field, "exists")
    return there if value else Not(there)


def _comparison(field: tuple[str, ...], op: str, value: object, zone: tzinfo | None) -> Filter:
    if op == "in":
        if not isinstance(value, list | tuple | set | frozenset):
            raise TypeError(f"in takes a list, not {type(value).__name__}")
        scalars = tuple(_scalar(field, each, zone) for each in value)
        _check_kind(field, scalars)
        return Comparison(field, "in", scalars)
    scalar = _scalar(field, value, zone)
    if op == "icontains" and not isinstance(scalar, str):
        raise TypeError(f"icontains takes a string, not {type(value).__name__}")
    if op == "eq":
        _check_kind(field, [scalar])
    return Comparison(field, op, scalar)  # type: ignore[arg-type]


def _scalar(field: tuple[str, ...], value: object, zone: tzinfo | None) -> Scalar:
    if field[0] in TIMES:
        return _epoch(field[0], value, zone)
    if field[0] == "id" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise TypeError(
            f"id is compared with a number, not {type(value).__name__}; {_hint_on_metadata('id')}"
        )
    if isinstance(value, float) and math.isnan(value):
        raise ValueError(f"the filter on {_spelled(field)} compares with NaN, which equals nothing")
    if value is None or isinstance(value, str | int | float):
        return _representable(value) if isinstance(value, int) else value
    raise TypeError(
        f"the filter on {_spelled(field)} compares with a {type(value).__name__}; "
        "it takes a string, a number, true, false or null"
    )


def _epoch(name: str, value: object, zone: tzinfo | None) -> float:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as exc:
            raise ValueError(
                f"{value!r:.60} is not a time; write it like 2024-05-08T13:56:00Z; {_hint_on_metadata(name)}"
            ) from exc
    if not isinstance(value, datetime):
        raise TypeError(
            f"{name} is compared with a datetime or an ISO string, not {type(value).__name__}; {_hint_on_metadata(name)}"
        )
    return utc(in_zone(value, zone)).timestamp()


def _check_kind(field: tuple[str, ...], values: Sequence[Scalar]) -> None:
    """Refuse unknown kinds, which are probably meant as a metadata key."""
    for value in values if field == ("kind",) else ():
        if value not in KINDS:
            raise ValueError(
                f"kind is 'episode' or 'fact', not {value!r}; {_hint_on_metadata('kind')}"
            )


def _hint_on_metadata(name: str) -> str:
    """A hint on how to address a metadata key with a column's name."""
    keys = [name, *(alias for alias, column in ALIASES.items() if column == name)]
    return f"a key of the metadata is spelled {' or '.join(f'metadata.{key}' for key in keys)}"


def _spelled(field: tuple[str, ...]) -> str:
    return ".".join(field)


def _known() -> str:
    return f"known are {', '.join(OPERATORS)} (also with $) and {', '.join(JUNCTIONS)}"


def matches(filter_: Filter, row: Mapping[str, object]) -> bool:
    """Whether a memory meets the conditions: the reference semantics.

    Args:
        filter_: From `parse`.
        row: The columns that the memory has (`COLUMNS`; times in epoch seconds), and "metadata".

    >>> matches(parse({"n": {"gte": 2}}), {"metadata": {"n": 3}})
    True
    """
    match filter_:
        case And(parts):
            return all(matches(part, row) for part in parts)
        case Or(parts):
            return any(matches(part, row) for part in parts)
        case Not(part):
            return not matches(part, row)
        case Comparison(field, op, value):
            return _compare(op, _look_up(field, row), value)


def depth(filter_: Filter) -> int:
    """How deep conditions are nested: 1 for a single one."""
    match filter_:
        case And(parts) | Or(parts):
            return 1 + max(map(depth, parts), default=0)
        case Not(part):
            return 1 + depth(part)
        case Comparison():
            return 1


def comparisons(filter_: Filter) -> Iterator[Comparison]:
    """Every condition on one field."""
    match filter_:
        case And(parts) | Or(parts):
            for part in parts:
                yield from comparisons(part)
        case Not(part):
            yield from comparisons(part)
        case Comparison():
            yield filter_


_MISSING = object()


def _look_up(field: tuple[str, ...], row: Mapping[str, Any]) -> object:
    if field[0] != "metadata":
        return row.get(field[0], _MISSING)
    value: object = row["metadata"]
    literal = ".".join(field[1:])
    if isinstance(value, Mapping) and literal in value:
        return value[literal]
    for name in field[1:]:
        if not isinstance(value, Mapping):
            return _MISSING
        value = value.get(name, _MISSING)
    return value


def _compare(op: Op, actual: object, wanted: object) -> bool:
    if actual is _MISSING:
        return False
    return _COMPARE[op](actual, wanted)


def _equal(actual: object, wanted: object) -> bool:
    return _type(actual) is _type(wanted) and _plain(actual) == _plain(wanted)


def _ordered(order: Callable[[Any, Any], bool]) -> Callable[[object, object], bool]:
    """A comparison that holds only within one ordered type."""

    def compare(actual: object, wanted: object) -> bool:
        comparable = _type(actual) is _type(wanted) and _type(actual) in (str, float)
        return comparable and order(_plain(actual), _plain(wanted))

    return compare


def _contains(actual: object, wanted: object) -> bool:
    """Whether a text or list contains a value."""
    if isinstance(actual, list | tuple):
        return any(_equal(each, wanted) for each in actual)
    return isinstance(actual, str) and isinstance(wanted, str) and wanted in actual


def _contains_in_any_case(actual: object, wanted: object) -> bool:
    """The same, ignoring case."""
    if isinstance(actual, list | tuple):
        return any(_folded(each) == _folded(wanted) for each in actual if isinstance(each, str))
    return isinstance(actual, str) and _folded(wanted) in _folded(actual)


def _folded(text: object) -> str:
    return str(text).casefold()


def _type(value: object) -> type:
    """The JSON type: integers and floats are both numbers."""
    if isinstance(value, bool):
        return bool
    return float if isinstance(value, int | float) else type(value)


def _plain(value: object) -> object:
    """The value as a database stores it."""
    return _representable(value) if isinstance(value, int) else value


def _representable(value: int) -> int | float:
    """The value in a database: an integer beyond 64 bits is a float, beyond all floats infinite."""
    if -INT64 <= value < INT64:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


_COMPARE: dict[Op, Callable[[Any, Any], bool]] = {
    "eq": _equal,
    "in": lambda actual, wanted: any(_equal(actual, each) for each in wanted),
    "gt": _ordered(operator.gt),
    "gte": _ordered(operator.ge),
    "lt": _ordered(operator.lt),
    "lte": _ordered(operator.le),
    "contains": _contains,
    "icontains": _contains_in_any_case,
    "exists": lambda actual, wanted: True,  # noqa: ARG005
}
