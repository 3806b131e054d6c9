"""Output for pipes: one record per line, tab-separated or as JSON. Quick to import."""

from __future__ import annotations

import codecs
import json
import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LISTS = ("hits", "namespaces", "findings")  # keys of a command's data that hold records


def is_piped() -> bool:
    """Whether the output goes into a pipe: it is not a terminal, and COLUMNS is not set."""
    return not sys.stdout.isatty() and shutil.get_terminal_size((0, 0)).columns == 0


def dumps(data: Any, *, indent: int | None = None) -> str:  # JSON
    """JSON; what the output may be unable to write is escaped as JSON does it."""
    encoding = codecs.lookup(getattr(sys.stdout, "encoding", None) or "ascii").name
    return json.dumps(data, ensure_ascii=encoding != "utf-8", indent=indent)


def as_json(data: Any) -> Iterator[str]:  # JSON
    """Each record as one line of JSON."""
    for record in _records(data):
        yield dumps(record)


def tabbed(data: Any, columns: Sequence[str]) -> Iterator[str]:  # JSON
    """These values of each record, separated by tabs."""
    for record in _records(data):
        yield "\t".join(_value(record, name) for name in columns)


def printable(text: str) -> str:
    """The text without terminal control characters."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"
        else c
        for c in text
    )


def _records(data: Any) -> Iterable[Any]:  # JSON
    if isinstance(data, dict):
        return next((data[name] for name in LISTS if isinstance(data.get(name), list)), [data])
    return data if isinstance(data, list) else [data]


def _value(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if name == "speaker" and not value:
        value = record.get("role")
    if isinstance(value, float):
        return f"{value:.4g}"
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return " ".join(printable(text).split())
