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
# As phones write them in the languages of Europe, and in Chinese, Japanese and Korean.
_DATE = (
    r"(?P<first>\d{1,4})(?:[./-]|\u5e74\s?|\ub144\s?)(?P<middle>\d{1,2})(?:[./-]|\u6708\s?|\uc6d4\s?)"
    r"(?P<last>\d{1,4})(?:\u65e5|\uc77c|\.)?"
)
_AT = r",?\s+(?:(?:at|um|\u00e0|klo|kl\.?|om|alle(?: ore)?|a las?|\u00e0s|o|\u0432)\s+)?"
_TIME = (
    r"(?:(?P<morning>\u4e0a\u5348|\u5348\u524d|\uc624\uc804)|(?P<evening>\u4e0b\u5348|\u5348\u5f8c|\uc624\ud6c4))?\s?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d))?(?:\s?(?P<half>[ap])\.?\s?m\.?)?"
)
_START = re.compile(rf"\[?{_DATE}{_AT}{_TIME}(?:\]|\s+-)\s+(?P<text>.*)", re.IGNORECASE)
_ORDERS = ("dmy", "mdy", "ymd")
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
        message = _SAID.fullmatch(line.text)
        if message is None or not message[2].strip():
            found.count("of WhatsApp itself, or without text")
            continue
        naive = _possible(line, order)
        if naive is None:
            found.count("with a date of another form than the others")
            continue
        at = naive.replace(tzinfo=zone or UTC)
        words = _FILE.sub(r"[file: \1]", _OMITTED.sub("[file]", message[2].strip()))
        day = f"{at:%Y-%m-%d}"
        found.keep(
            Turn(words, message[1].strip(), at=at, session="/".join(filter(None, [session, day]))),
            ["of a file only a note is kept"] if words.startswith("[file") else [],
        )
    return found.reading()


def _lines(lines: Iterable[str]) -> list[_Line]:
    """The messages, each with the lines that follow it."""
    found: list[_Line] = []
    for line in lines:
        begun = _begun(line)
        if begun is not None:
            found.append(begun)
        elif found:
            found[-1] = found[-1]._replace(text=f"{found[-1].text}\n{line}")
    return found


def _begun(line: str) -> _Line | None:
    """The message that begins with a line; None if it goes on with the one before."""
    start = _START.match(line)
    if start is None:
        return None
    hour, half = int(start["hour"]), (start["half"] or "").lower()
    if half or start["morning"] or start["evening"]:
        hour = hour % 12 + (12 if half == "p" or start["evening"] else 0)
    first, middle, last = (int(start[name]) for name in ("first", "middle", "last"))
    begun = _Line(
        (first, middle, last),
        hour,
        int(start["minute"]),
        int(start["second"] or 0),
        is_american=bool(half),
        text=start["text"],
    )
    return begun if any(_possible(begun, order) for order in _ORDERS) else None


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
