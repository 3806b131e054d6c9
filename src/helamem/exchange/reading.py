"""The result of reading a file: turns, and everything left out, so that nothing is lost silently."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from helamem.frozen import dataclass
from helamem.moments import LATEST, in_zone
from helamem.records import Skipped, Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SECONDS = re.compile(r"\d{9,10}(?:\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The turns that were read, and what was left out.

    Attributes:
        turns: In the order in which they were said.
        places: For each turn, the place of its item in the input, counted from 0.
        losses: Sentences that say what of a turn could not be kept, by its index in `turns`.
        left_out: Items that are not turns, with reasons.
    """

    turns: tuple[Turn, ...] = ()
    places: tuple[int, ...] = ()
    losses: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    left_out: tuple[Skipped, ...] = ()


class Collector:
    """Gathers a reading bit by bit."""

    def __init__(self) -> None:
        self._turns: list[Turn] = []
        self._places: list[int] = []
        self._losses: dict[int, tuple[str, ...]] = {}
        self._left_out: list[Skipped] = []
        self._counted: Counter[str] = Counter()

    def keep(self, turn: Turn, losses: Iterable[str] = (), *, place: int | None = None) -> None:
        """Add a turn."""
        lost = tuple(losses)
        if lost:
            self._losses[len(self._turns)] = lost
        self._places.append(len(self._turns) if place is None else place)
        self._turns.append(turn)

    def leave_out(self, place: int, reason: str) -> None:
        """Record an item that is not a turn, by its place."""
        self._left_out.append(Skipped(index=place, id=None, reason=reason))

    def count(self, reason: str) -> None:
        """Count a message that is left out for a common reason."""
        self._counted[reason] += 1

    def extend(self, other: Reading) -> None:
        """Add another reading."""
        for i, turn in enumerate(other.turns):
            self.keep(turn, other.losses.get(i, ()))
        self._left_out += other.left_out

    def merge(self, other: Collector) -> None:
        """Add everything from another collector."""
        self.extend(Reading(turns=tuple(other._turns), losses=other._losses))
        self._left_out += other._left_out
        self._counted.update(other._counted)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was kept so far."""
        return not self._turns

    def reading(self) -> Reading:
        """The collected reading."""
        counted = tuple(
            Skipped(index=0, id=None, reason=f"{n} {'message' if n == 1 else 'messages'} {reason}")
            for reason, n in self._counted.items()
        )
        return Reading(
            turns=tuple(self._turns),
            places=tuple(self._places),
            losses=self._losses,
            left_out=(*self._left_out, *counted),
        )


def moment(value: object, zone: tzinfo | None = None) -> datetime | None:
    """A time given as a datetime, as ISO 8601, or in epoch seconds; None for none.

    Args:
        zone: The zone of times that name none; None leaves them naive, and a `Turn` refuses them.

    Raises:
        TypeError, ValueError: It is not a time.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _SECONDS.fullmatch(text) else _iso(text)
    if isinstance(value, datetime):
        return in_zone(value, zone)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(
            f"a time must be ISO 8601 text or epoch seconds, not {type(value).__name__}"
        )
    return _from_seconds(value)


def _from_seconds(value: float) -> datetime:
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        hint = "; it looks like milliseconds" if LATEST <= value < 1000 * LATEST else ""
        raise ValueError(f"{value} is not a time in epoch seconds ({error}){hint}") from error


def an_object(value: object) -> dict[str, Any]:
    """The value, if it is a JSON object.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {type(value).__name__}")
    return value


def objects(value: object) -> list[dict[str, Any]]:
    """The objects in a list; none if it is not a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text_of(value: object) -> str:
    """A text without surrounding space; empty for anything else."""
    return value.strip() if isinstance(value, str) else ""


def first(record: Mapping[str, Any], *keys: str) -> str:
    """The first of these fields that is not empty, as text."""
    return next((str(record[key]) for key in keys if record.get(key)), "")


def files(values: Sequence[Mapping[str, Any]], *keys: str) -> list[str]:
    """A note with its name for each file."""
    return [f"[file: {first(each, *keys) or '?'}]" for each in values]


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"{text!r:.60} is not a time; write it like 2025-03-03T19:10:00Z") from exc
