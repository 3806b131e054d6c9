"""Records as plain data and on one line: the JSON that programs may rely on, and what a REPL shows.

The shapes are documented in docs/json.md. `Record` is what every value that a user meets inherits.
"""

from __future__ import annotations

import dataclasses
import math
import reprlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_REPR = 100  # characters of a record in a REPL
MAX_TEXT = 50  # characters of one text in it


class Record:
    """A frozen dataclass with a JSON shape and a short `repr`.

    A subclass is a dataclass with `repr=False`, so that it does not get the long one.
    """

    __slots__ = ()

    _shown: ClassVar[
        tuple[str, ...]
    ] = ()  # the attributes in `repr`; those that say something, if empty

    def to_dict(self) -> dict[str, Json]:
        """The record as JSON: numbers, strings, lists and objects only; times in ISO 8601."""
        return fields(self)

    def __repr__(self) -> str:
        names = self._shown or tuple(_telling(self))
        return on_a_line(type(self).__name__, {name: getattr(self, name) for name in names})


def on_a_line(kind: str, shown: Mapping[str, object]) -> str:
    """What a REPL shows of a value: as much of it as fits."""
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


def _telling(record: Any) -> list[str]:  # noqa: ANN401  # mypy has no type for "a dataclass"
    """The fields whose value is not what it is by default."""
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
    """Values cut to what fits beside others on a line."""

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
