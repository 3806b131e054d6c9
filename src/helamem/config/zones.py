"""Time zones by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from helamem.errors import ConfigError

LOCAL = "local"


class LocalZone(tzinfo):
    """This machine's time zone, with daylight saving time, even if it has no name.

    It follows TZ and the system's settings, as the C library does.
    """

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """This machine's offset from UTC at that time."""
        return _within_calendar(moment).astimezone().utcoffset() if moment else None

    def dst(self, moment: datetime | None) -> timedelta | None:  # noqa: ARG002  # the protocol allows None
        """None: only the whole offset is known."""
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        """This machine's name of its zone at that time."""
        return _within_calendar(moment).astimezone().tzname() if moment else LOCAL

    def fromutc(self, moment: datetime) -> datetime:
        """The same moment by this machine's clock."""
        there = moment.replace(tzinfo=UTC).astimezone()
        first = there.replace(tzinfo=self)
        again = (
            first.utcoffset() != there.utcoffset()
        )  # the repeated hour when daylight saving time ends
        return first.replace(fold=int(again))

    def __repr__(self) -> str:
        return "LocalZone()"


def _within_calendar(moment: datetime) -> datetime:
    """The naive time, moved by a year from the ends of the calendar, where the C library has no local time."""
    return moment.replace(year=min(max(moment.year, 2), 9998), tzinfo=None)


def zone(name: str) -> tzinfo:
    """The time zone with a name such as "Europe/Berlin"; "local" is this machine's.

    Raises:
        ConfigError: There is no such zone.
    """
    if name == "UTC":
        return UTC
    if name == LOCAL:
        return LocalZone()
    import zoneinfo  # few need it, and it takes long

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ConfigError(
            f"timezone = {name!r}, but there is no such time zone; write it like Europe/Berlin, or "
            f"UTC, or local for this machine's"
        ) from exc
