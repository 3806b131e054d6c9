"""Reads a chat that WhatsApp exported as text: one or more lines per message."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from helamem.exchange.reading import Collector
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.exchange.reading import Reading

_UNSEEN = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\ufeff"), "") | {
    0x202F: " ",
    0xA0: " ",
}
_DATE = r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})"
_TIME = r"(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?:\s?([ap])\.?\s?m\.?)?"
_START = re.compile(rf"\[?{_DATE},?\s+{_TIME}(?:\]|\s+-)\s+(.*)", re.IGNORECASE)
_SAID = re.compile(r"([^:]{1,80}?):\s(.*)", re.DOTALL)
_OMITTED = re.compile(
    r"<[^<>]*(?:omitted|ausgeschlossen|omitid[ao]|omis|omess[oi])[^<>]*>|^\w+ omitted$"
)
_FILE = re.compile(r"^(?:<attached: )?([\w .()@-]+\.\w{2,5})(?:>| \((?:file attached|[^()]+)\))$")


class _Line(NamedTuple):
    numbers: tuple[int, int, int]  # the parts of the date, in the order in which they were written
    hour: int
    minute: int
    second: int
    is_american: bool
    text: str


def is_whatsapp(text: str) -> bool:
    """Whether a text is a WhatsApp chat: its first lines begin with a date and a time."""
    lines = [line for line in text.translate(_UNSEEN).splitlines()[:20] if line.strip()]
    return bool(lines) and sum(bool(_START.match(line)) for line in lines[:4]) >= min(2, len(lines))


def read_whatsapp(text: str, *, session: str = "", zone: tzinfo | None = None) -> Reading:
    """The turns of a chat; WhatsApp's own messages are left out and counted.

    All dates of the chat together tell whether the day or the month comes first: a number above 12 is a day,
    times never go back, and a clock with "am" and "pm" goes with the month first.

    Args:
        session: The name of the chat; each of its days is a session.
        zone: The zone of the phone, which the file does not name.
    """
    lines = _lines(text.translate(_UNSEEN).splitlines())
    order = _order(lines)
    found = Collector()
    for line in lines:
        said = _SAID.fullmatch(line.text)
        if said is None or not said[2].strip():
            found.count("of WhatsApp itself, or without text")
            continue
        at = _moment(line, order).replace(tzinfo=zone or UTC)
        words = _FILE.sub(r"[file: \1]", _OMITTED.sub("[file]", said[2].strip()))
        day = f"{at:%Y-%m-%d}"
        found.keep(
            Turn(words, said[1].strip(), at=at, session="/".join(filter(None, [session, day]))),
            ["of a file only a note is kept"] if words.startswith("[file") else [],
        )
    return found.reading()


def _lines(lines: Iterable[str]) -> list[_Line]:
    """The messages, each with the lines that follow it."""
    found: list[_Line] = []
    for line in lines:
        start = _START.match(line)
        if start is not None:
            *date, hour, minute, second, half, text = start.groups()
            first, middle, last = (int(each) for each in date)
            at = int(hour) % 12 + (12 if half.lower() == "p" else 0) if half else int(hour)
            found.append(
                _Line((first, middle, last), at, int(minute), int(second or 0), bool(half), text)
            )
        elif found:
            found[-1] = found[-1]._replace(text=f"{found[-1].text}\n{line}")
    return found


def _order(lines: Sequence[_Line]) -> str:
    """The order of day, month and year: "dmy", "mdy" or "ymd"."""
    if any(line.numbers[0] > 31 for line in lines):
        return "ymd"
    steps = Counter({"dmy": 0, "mdy": 0})
    for order in steps:
        times = [_possible(line, order) for line in lines]
        if None in times:
            steps[order] = len(lines) + 1
        else:
            steps[order] = sum(b < a for a, b in pairwise(times))  # type: ignore[operator]
    if steps["dmy"] == steps["mdy"]:
        return "mdy" if any(line.is_american for line in lines) else "dmy"
    return min(steps, key=lambda order: steps[order])


def _possible(line: _Line, order: str) -> datetime | None:
    try:
        return _moment(line, order)
    except ValueError:
        return None


def _moment(line: _Line, order: str) -> datetime:
    parts = dict(zip(order, line.numbers, strict=True))
    year = parts["y"] + (2000 if parts["y"] < 100 else 0)
    return datetime(year, parts["m"], parts["d"], line.hour, line.minute, line.second)  # noqa: DTZ001  # the phone's own
