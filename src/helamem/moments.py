"""Times, and the zones in which they are read and shown. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

# Times that can be stored: from EARLIEST up to, but not including, LATEST, in epoch seconds.
EARLIEST, LATEST = -62_135_596_800, 253_402_300_800


def utc(moment: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        TypeError: It is not a datetime.
        ValueError: It has no time zone, or lies outside of the years 1 to 9999.
    """
    if not isinstance(moment, datetime):
        raise TypeError(_no_datetime(moment))
    if moment.utcoffset() is None:
        raise ValueError(
            f"{moment.isoformat()} has no time zone; say which, as in {moment.isoformat()}Z "
            f"or datetime({moment.year}, {moment.month}, {moment.day}, tzinfo=UTC)"
        )
    try:
        moved = moment.astimezone(UTC)
        datetime.fromtimestamp(moved.timestamp(), UTC)  # a stored time, read again
    except (OverflowError, ValueError) as exc:
        raise ValueError(
            f"{moment.isoformat()} cannot be stored, since in UTC it lies outside of the years 1 "
            "to 9999; give another time"
        ) from exc
    return moved


def _no_datetime(moment: object) -> str:
    advice = "; datetime.fromisoformat reads one" if isinstance(moment, str) else ""
    return f"a time must be a datetime, not {type(moment).__name__}{advice}"


def in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    """A time with its own zone, or with this one; without either it stays naive, and `utc` refuses it.

    Raises:
        TypeError: It is not a datetime.

    >>> in_zone(datetime(2024, 5, 6), UTC).isoformat(), in_zone(datetime(2024, 5, 6), None).isoformat()
    ('2024-05-06T00:00:00+00:00', '2024-05-06T00:00:00')
    """
    if not isinstance(moment, datetime):
        raise TypeError(_no_datetime(moment))
    return moment if moment.tzinfo or zone is None else moment.replace(tzinfo=zone)


def by_clock(seconds: float, zone: tzinfo) -> datetime:
    """Epoch seconds in a zone, or in UTC if that zone would show the year 0 or 10000.

    Raises:
        OverflowError, ValueError, TypeError, OSError: They are not in the years 1 to 9999 in UTC.

    >>> from datetime import timedelta, timezone
    >>> west = timezone(timedelta(hours=-5))
    >>> by_clock(0.0, west).isoformat(), by_clock(EARLIEST, west).isoformat()
    ('1969-12-31T19:00:00-05:00', '0001-01-01T00:00:00+00:00')
    """
    moment = datetime.fromtimestamp(seconds, UTC)
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError):
        return moment
