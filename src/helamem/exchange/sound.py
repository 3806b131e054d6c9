"""Validates the lines of an export, value by value.

Pure: returns records, or raises a `DataError` that names the line.
"""

from __future__ import annotations

import json
import math
from dataclasses import field
from typing import TYPE_CHECKING, Any, get_args

from helamem import indexing
from helamem.errors import DataError
from helamem.frozen import dataclass
from helamem.moments import EARLIEST, LATEST
from helamem.records import FactKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

INT64 = 2**63
EXACT = 2**53  # the limit of counts and times, so that adding one is exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """The lines of an export by type, each with its number.

    Attributes:
        lessons: The number of lessons learned, by which some edges decay.
    """

    lessons: int = 0
    episodes: list[dict[str, Any]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    cues: list[dict[str, Any]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)
    superseded: list[dict[str, Any]] = field(default_factory=list)
    clusters: list[bytes] = field(default_factory=list)


def checked(header: dict[str, Any], lines: Iterable[tuple[int, str]]) -> Export:
    """The lines of an export, each with its number, sorted and checked.

    Raises:
        DataError: A line is malformed; the error says which.
    """
    lessons = header.get("lessons", 0)
    if not _is_count(lessons):
        raise DataError(f"lessons is {shown(lessons)}, but must be {_COUNT[1]}", line=1)
    found = Export(lessons=lessons)
    for number, line in lines:
        content = parsed(line, number)
        if content.get("type") == "helamem":
            raise DataError(
                "another namespace begins here; use `helamem import`, which puts each into its own",
                line=number,
            )
        _sort_in(found, content, number)
    _check_ids(found)
    _check_references(found)
    _check_order(found)
    return found


def parsed(line: str, number: int) -> dict[str, Any]:
    """The object in a line.

    Raises:
        DataError: It is not JSON, or not an object.
    """
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as exc:
        raise DataError(f"this is not JSON: {exc.msg}", line=number) from exc
    except (ValueError, RecursionError) as exc:
        raise DataError(f"this JSON cannot be read: {exc}", line=number) from exc
    if not isinstance(value, dict):
        raise DataError("expected a JSON object", line=number)
    return value


def shown(value: object) -> str:
    """A value of any kind, shortened for an error message."""
    text = ascii(value) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -INT64 <= value < INT64


def _is_count(value: object) -> bool:
    return _is_whole(value) and 0 <= value < EXACT  # type: ignore[operator]


def _is_touched(value: object) -> bool:
    return _is_number(value) and abs(value) < EXACT  # type: ignore[arg-type]


def _is_moment(value: object) -> bool:
    return _is_number(value) and EARLIEST <= value < LATEST  # type: ignore[operator]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


def _is_not_blank(value: object) -> bool:
    return _is_text(value) and bool(value.strip())  # type: ignore[attr-defined]


def _is_metadata(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    try:
        indexing.plain_json(value)
    except (ValueError, RecursionError):
        return False
    return True


def _is_digest(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(bytes.fromhex(value))
    except ValueError:
        return False


def _is_sources(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_whole, value))


_Rule = tuple["Callable[[object], bool]", str]
_ID: _Rule = (_is_whole, "a whole number of 64 bits")
_COUNT: _Rule = (_is_count, "a whole number from 0 on, below 2**53")
_TOUCHED: _Rule = (_is_touched, "seconds since 1970 or a number of lessons, below 2**53")
_MOMENT: _Rule = (_is_moment, "seconds since 1970, in the years from 1 to 9999")
_TEXT: _Rule = (_is_text, "a text without lone surrogates")
_SAID: _Rule = (_is_not_blank, "a text without lone surrogates, and not blank")
_DIGEST: _Rule = (_is_digest, "a hexadecimal number")
_KIND: _Rule = (
    lambda value: value in get_args(FactKind),
    f"one of {', '.join(get_args(FactKind))}",
)
_CONFIDENCE: _Rule = (
    lambda value: _is_number(value) and 0 < value <= 1,  # type: ignore[operator]
    "a number above 0, and 1 at most",
)
_WEIGHT: _Rule = (
    lambda value: _is_number(value) and 0 <= value <= 1,  # type: ignore[operator]
    "a number from 0 to 1",
)


def _or_none(rule: _Rule) -> _Rule:
    return (lambda value: value is None or rule[0](value)), f"{rule[1]}, or null"


def _is_handed(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict)
        and _is_whole(each.get("other"))
        and _is_weight(each.get("after"))
        and (each.get("before") is None or _is_weight(each["before"]))
        for each in value
    )


def _is_weight(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return _WEIGHT[0](value[0]) and _is_touched(value[1])


_MEMORY: dict[str, _Rule] = {
    "id": _ID,
    "text": _SAID,
    "speaker": _TEXT,
    "at": _MOMENT,
    "stored_at": _MOMENT,
    "metadata": (_is_metadata, "an object of JSON that is not nested too deep"),
    "uses": _COUNT,
    "used_at": _or_none(_MOMENT),
}
# The fields of each type of line; fields that may be null may be missing.
_FORMS: dict[str, dict[str, _Rule]] = {
    "episode": {
        **_MEMORY,
        "role": _TEXT,
        "session": _TEXT,
        "key": _or_none(_DIGEST),
        "utc_offset": _or_none(
            (lambda value: _is_whole(value) and abs(value) < 86_400, "seconds of less than a day")  # type: ignore[arg-type]
        ),
    },
    "fact": {
        **_MEMORY,
        "kind": _KIND,
        "confidence": _CONFIDENCE,
        "sources": (_is_sources, "a list of ids, one at least"),
        "superseded_by": _or_none(_ID),
    },
    "cue": {"id": _ID, "text": _SAID, "at": _MOMENT},
    "edge": {"source": _ID, "target": _ID, "weight": _WEIGHT, "touched": _TOUCHED},
    "superseded": {
        "old": _ID,
        "new": _ID,
        "yields": (lambda value: isinstance(value, bool), "true or false"),
        "because": _or_none(_ID),
        "handed": (_is_handed, "a list of edges, each with other, before and after"),
    },
    "cluster": {"digest": _DIGEST},
}


def _sort_in(found: Export, line: dict[str, Any], number: int) -> None:
    kind = line.get("type")
    form = _FORMS.get(kind) if isinstance(kind, str) else None
    if form is None:
        raise DataError(f"type {shown(kind)} is none of {', '.join(_FORMS)}", line=number)
    for name, (is_right, words) in form.items():
        if not is_right(line.get(name)):
            wrong = f"{name} is {shown(line[name])}" if name in line else f"there is no {name}"
            raise DataError(f"{kind}: {wrong}, but it must be {words}", line=number)
    if kind == "cluster":
        found.clusters.append(bytes.fromhex(line["digest"]))
    else:
        missing = {name: None for name in form if name not in line}
        into = found.superseded if kind == "superseded" else getattr(found, f"{kind}s")
        into.append({**line, **missing, "line": number})


def _check_ids(found: Export) -> None:
    """Refuse an id of two lines, or a key of two episodes: one of them would be lost."""
    known: set[int] = set()
    keys: set[bytes] = set()
    for line in (*found.episodes, *found.facts, *found.cues):
        if line["id"] in known:
            raise DataError(f"{line['type']}: there is another {line['id']}", line=line["line"])
        known.add(line["id"])
    for line in found.episodes:
        key = bytes.fromhex(line["key"] or "")
        if key in keys:
            raise DataError(
                f"episode: there is another with its key {key.hex()}", line=line["line"]
            )
        keys |= {key} - {b""}


def _check_references(found: Export) -> None:
    """Refuse references to ids that are not in the export."""
    episodes = {line["id"] for line in found.episodes}
    facts = {line["id"] for line in found.facts}
    nodes = episodes | facts | {line["id"] for line in found.cues}
    for line in found.facts:
        newer = line["superseded_by"]
        _require(line, set(line["sources"]), episodes)
        _require(line, set() if newer is None else {newer}, facts | episodes)
    for line in found.superseded:
        _require(line, {line["old"]}, facts | episodes)
        _require(line, {line["new"]}, episodes if line["old"] in episodes else facts | episodes)
        _require(line, {line["because"]} - {None}, episodes)
        _require(line, {each["other"] for each in line["handed"]}, nodes)
    for line in found.edges:
        _require(line, {line["source"], line["target"]}, nodes)
        if line["source"] == line["target"]:
            raise DataError(f"edge: it joins {line['source']} to itself", line=line["line"])


def _require(line: dict[str, Any], wanted: set[int], known: set[int]) -> None:
    missing = wanted - known
    if missing:
        raise DataError(
            f"{line['type']}: it refers to {min(missing)}, which this export does not hold",
            line=line["line"],
        )


def _check_order(found: Export) -> None:
    """Refuse memories that supersede each other in a cycle."""
    newer = {line["id"]: line["superseded_by"] for line in found.facts}
    newer |= {line["old"]: line["new"] for line in found.superseded}
    sound: set[int] = set()
    for line in (*found.facts, *found.superseded):
        path: dict[int, None] = {}
        at = line.get("id", line.get("old"))
        while at is not None and at not in sound:
            if at in path:
                raise DataError(
                    f"{line['type']}: {at} was superseded by one that it superseded",
                    line=line["line"],
                )
            path[at] = None
            at = newer.get(at)
        sound.update(path)
