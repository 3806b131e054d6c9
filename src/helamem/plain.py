"""Records as JSON, and as the one line that a REPL shows.

Every value that users meet is a `Record`; docs/json.md documents the JSON. `to_dict` writes it, and
`from_dict` reads it by the types of the fields.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import reprlib
import sys
from collections.abc import Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Self,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_REPR = 100  # longest `repr` of a record, in characters
MAX_TEXT = 50  # longest text in it


class Record:
    """A frozen dataclass with a JSON shape and a short `repr`.

    A subclass is a dataclass with `repr=False`, so that it keeps this `repr`.
    """

    __slots__ = ()

    _shown: ClassVar[
        tuple[str, ...]
    ] = ()  # the attributes in `repr`; if empty, those that differ from their default

    def to_dict(self) -> dict[str, Json]:
        """The record as JSON: numbers, strings, lists and objects only; times in ISO 8601."""
        return fields(self)

    @classmethod
    def from_dict(cls, shape: Mapping[str, Any]) -> Self:
        """The record that `to_dict` wrote as `shape`; unknown keys are ignored.

        Raises:
            TypeError, ValueError: It is not this record's JSON.
        """
        kind: Any = cls  # mypy does not see that a class of Self can be hashed
        values, types = cls._fields_from(shape), _types(kind)
        return cls(**{name: rebuilt(types[name], values[name]) for name in types if name in values})

    @classmethod
    def _fields_from(cls, shape: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields by name, for records whose `to_dict` uses other keys."""
        return shape

    def __repr__(self) -> str:
        names = self._shown or tuple(_not_default(self))
        return on_a_line(type(self).__name__, {name: getattr(self, name) for name in names})


def on_a_line(kind: str, shown: Mapping[str, object]) -> str:
    """A value's `repr`, shortened to one line."""
    inside = ", ".join(f"{name}={_SHORT.repr(each)}" for name, each in shown.items())
    line = f"{kind}({inside})"
    return line if len(line) <= MAX_REPR else f"{line[: MAX_REPR - 4]}...)"


def fields(record: Any, *, without: tuple[str, ...] = ()) -> dict[str, Json]:  # noqa: ANN401  # mypy has no type for "a dataclass"
    """The fields of a dataclass by name, as JSON."""
    return {
        spec.name: plain(getattr(record, spec.name))
        for spec in dataclasses.fields(record)
        if spec.name not in without
    }


def plain(value: Any) -> Any:  # noqa: ANN401  # values of any type
    """A value as JSON: records by their `to_dict`, times in ISO 8601, tuples as lists."""
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no infinity
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def rebuilt(kind: Any, value: Any) -> Any:  # noqa: ANN401  # values of any type
    """The value of a type that `plain` wrote.

    >>> rebuilt(tuple[datetime, ...], ["2024-05-06T10:00:00Z"])
    (datetime.datetime(2024, 5, 6, 10, 0, tzinfo=datetime.timezone.utc),)
    """
    if isinstance(kind, type) and issubclass(kind, Record):
        return kind.from_dict(value)
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return None if value is None else rebuilt(_fitting_member(parts, value), value)
    if origin is tuple:
        return tuple(rebuilt(parts[0], each) for each in value)
    if origin is Mapping:
        return {key: rebuilt(parts[1], each) for key, each in value.items()}
    return _READERS[kind](value) if kind in _READERS else value


_READERS: Mapping[Any, Any] = {datetime: datetime.fromisoformat, float: float}


def _fitting_member(parts: tuple[Any, ...], value: Any) -> Any:  # noqa: ANN401
    """The member of a union that this JSON fits; records differ in their required fields."""
    kinds = [part for part in parts if part is not NoneType]
    fitting = [part for part in kinds if len(kinds) == 1 or _needed(part) <= set(value)]
    if not fitting:
        raise ValueError(f"this is none of {', '.join(each.__name__ for each in kinds)}")
    return fitting[0]


def _needed(kind: Any) -> set[str]:  # noqa: ANN401  # mypy has no type for "a dataclass"
    missing = dataclasses.MISSING
    return {
        spec.name
        for spec in dataclasses.fields(kind)
        if spec.default is missing and spec.default_factory is missing
    }


@functools.cache
def _types(kind: Any) -> dict[str, Any]:  # noqa: ANN401
    """The types of a record's fields, by name; modules import some of them for type checkers only."""
    known = {each.__name__: each for each in _records(Record)}
    outside = {
        "datetime": datetime,
        "Mapping": Mapping,
        "Json": Any,
        "Floats": Any,
        "FactKind": str,
    }
    hints = get_type_hints(kind, localns={**known, **outside})
    return {spec.name: hints[spec.name] for spec in dataclasses.fields(kind)}


def _records(of: type[Record]) -> Iterator[type[Record]]:
    """Every subclass of a record, without the duplicate that a dataclass with slots leaves behind."""
    for kind in of.__subclasses__():
        if getattr(sys.modules[kind.__module__], kind.__name__, None) is kind:
            yield kind
        yield from _records(kind)


def _not_default(record: Any) -> list[str]:  # noqa: ANN401  # mypy has no type for "a dataclass"
    """The fields that differ from their default."""
    return [
        spec.name
        for spec in dataclasses.fields(record)
        if spec.repr and getattr(record, spec.name) != _default(spec)
    ]


def _default(spec: dataclasses.Field[Any]) -> Any:  # noqa: ANN401  # defaults of any type
    if spec.default_factory is not dataclasses.MISSING:
        return spec.default_factory()
    return spec.default


class _Short(reprlib.Repr):
    """A `repr` with shortened values."""

    def __init__(self) -> None:
        super().__init__()
        self.maxtuple = 6
        self.maxdict = 4

    def repr_str(self, x: str, level: int) -> str:  # noqa: ARG002  # reprlib's signature
        return repr(x if len(x) <= MAX_TEXT else f"{x[: MAX_TEXT - 3]}...")

    def repr_float(self, x: float, level: int) -> str:  # noqa: ARG002
        return f"{x:.3g}"

    def repr_datetime(self, x: datetime, level: int) -> str:  # noqa: ARG002
        return f"{x:%Y-%m-%d %H:%M}"


_SHORT = _Short()
