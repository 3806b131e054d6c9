"""Time zones by name: whose days and hours are meant."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta, tzinfo

from helamem.errors import ConfigError

LOCAL = "local"


class LocalZone(tzinfo):
    """The zone of this machine, with its summer times, also where it has no name.

    It follows TZ and the system's settings, as the C library does.
    """

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """How far this machine's clock is east of UTC then."""
        return moment.replace(tzinfo=None).astimezone().utcoffset() if moment else None

    def dst(self, moment: datetime | None) -> timedelta | None:  # noqa: ARG002  # not known, as may be
        """Nothing: only the whole offset is known."""
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        """What this machine calls its zone then."""
        return moment.replace(tzinfo=None).astimezone().tzname() if moment else LOCAL

    def fromutc(self, moment: datetime) -> datetime:
        """The same moment by this machine's clock."""
        there = moment.replace(tzinfo=UTC).astimezone()
        first = there.replace(tzinfo=self)
        again = first.utcoffset() != there.utcoffset()  # an hour that comes twice, in autumn
        return first.replace(fold=int(again))

    def __repr__(self) -> str:
        return "LocalZone()"


def zone(name: str) -> tzinfo:
    """The time zone with a name such as "Europe/Berlin"; "local" is this machine's.

    Raises:
        ConfigError: There is none.
    """
    if name == "UTC":
        return UTC
    if name == LOCAL:
        return LocalZone()
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ConfigError(
            f"timezone = {name!r}, but there is no such time zone; write it like Europe/Berlin, "
            "or UTC, or local for that of this machine"
        ) from exc
