"""Whose days and hours are meant: the setting `timezone`, and the zones that times bring along."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from helamem import Config, Episode, Memory
from helamem.config.zones import LocalZone, zone
from helamem.errors import ConfigError
from helamem.models.embedders.hashing import HashingEmbedder
from helamem.models.scripted import ScriptedLLM
from helamem.testing import FixedClock

TOKYO = ZoneInfo("Asia/Tokyo")
EVENING = datetime(2024, 5, 5, 23, 0, tzinfo=UTC)  # the morning of 6 May in Tokyo


def opened(path: str | Path = ":memory:", **settings: object) -> Memory:
    return Memory(
        path,
        embedder=HashingEmbedder(16),
        config=Config.of(**settings),  # type: ignore[arg-type]
        clock=FixedClock(EVENING.timestamp()),
    )


def only(memory: Memory) -> Episode:
    (kept,) = memory.list()
    assert isinstance(kept, Episode)
    return kept


class TestShown:
    def test_without_a_setting_days_are_those_of_utc(self) -> None:
        with opened() as memory:
            memory.add("I signed the lease this morning.", at=EVENING)

            assert "5 May 2024, 23:00:" in memory.search("the lease").context()
            assert "2024-05-05" == only(memory).session

    @pytest.mark.parametrize("at", [None, EVENING, EVENING.astimezone(TOKYO)])
    def test_with_one_they_are_those_of_the_zone(self, at: datetime | None) -> None:
        with opened(timezone="Asia/Tokyo") as memory:
            memory.add("I signed the lease this morning.", at=at)
            recall = memory.search("the lease")

            assert "6 May 2024, 08:00:" in recall.context()
            assert "2024-05-06" == only(memory).session
            assert "2024-05-06T08:00:00+09:00" == recall.at.isoformat()
            assert "2024-05-06T08:00:00+09:00" == memory.now().isoformat()

    def test_a_time_keeps_its_zone(self, tmp_path: Path) -> None:
        at = EVENING.astimezone(timezone(timedelta(hours=-7)))
        with opened(tmp_path / "a.db", timezone="Asia/Tokyo") as memory:
            memory.add("I signed the lease at noon.", at=at)
            lines = [json.dumps(line) for line in memory.export()]

        for path in (tmp_path / "a.db", tmp_path / "b.db"):
            with opened(path) as memory:
                memory.import_(lines)
                assert at.isoformat() == only(memory).at.isoformat()
                assert "2024-05-05" == only(memory).session
                assert "5 May 2024, 16:00:" in memory.search("the lease").context()

    def test_a_model_is_told_the_hours_of_the_people(self) -> None:
        with opened(timezone="Asia/Tokyo") as memory:
            memory.add("I signed the lease this morning.", at=EVENING)
            llm = ScriptedLLM(['{"found": false, "answer": "", "citations": []}'])

            memory.ask("When did I sign the lease?", llm=llm)

            prompt = llm.calls[0].prompt
            assert "Mon 2024-05-06 08:00" in prompt
            assert "2024-05-05" not in prompt

    def test_a_zone_that_comes_later_makes_nothing_new(self, tmp_path: Path) -> None:
        for name in ("UTC", "Asia/Tokyo", "America/New_York"):
            with opened(tmp_path / "a.db", timezone=name) as memory:
                memory.add("I signed the lease.", at=EVENING)
                memory.add(["Really?", "Yes."])
                assert 3 == len(memory.list())


class TestSetting:
    @pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe", "UTC+2"])
    def test_a_zone_that_is_not_there_is_named(self, name: str) -> None:
        with pytest.raises(ConfigError, match=r"timezone = .*Europe/Berlin"):
            Config(timezone=name)

    def test_it_is_a_setting_like_others(self) -> None:
        assert ZoneInfo("Europe/Berlin") == Config.of(timezone="Europe/Berlin").zone
        assert "Asia/Tokyo" == Config.load(environ={"HELAMEM_TIMEZONE": "Asia/Tokyo"}).timezone


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be changed here")
class TestLocal:
    @pytest.fixture(autouse=True)
    def _berlin(self) -> Iterator[None]:
        before = os.environ.get("TZ")
        os.environ["TZ"] = "Europe/Berlin"
        time.tzset()
        yield
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()

    @pytest.mark.parametrize("month", [1, 3, 7, 10, 12])
    @pytest.mark.parametrize("day", [1, 27, 29, 31])
    def test_it_is_that_of_the_machine(self, month: int, day: int) -> None:
        moment = datetime(2024, month, day, 1, 30, tzinfo=UTC)
        berlin = moment.astimezone(ZoneInfo("Europe/Berlin"))

        local = moment.astimezone(zone("local"))

        assert (berlin.replace(tzinfo=None), berlin.utcoffset()) == (
            local.replace(tzinfo=None),
            local.utcoffset(),
        )
        assert moment.timestamp() == local.timestamp()
        assert berlin.tzname() == local.tzname()

    def test_it_says_what_it_is(self) -> None:
        assert "LocalZone()" == repr(LocalZone())
        assert (None, None, "local") == (
            LocalZone().utcoffset(None),
            LocalZone().dst(None),
            LocalZone().tzname(None),
        )


class TestHome:
    def test_a_tilde_is_the_folder_of_the_user(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        monkeypatch.chdir(tmp_path)

        for path in ("~/a.db", Path("~/notes/b.db")):
            with opened(path) as memory:
                memory.add("Hello")

        assert ["a.db", "notes"] == sorted(each.name for each in tmp_path.iterdir())
        (tmp_path / "set.toml").write_text('timezone = "Asia/Tokyo"\n')
        assert "Asia/Tokyo" == Config.load("~/set.toml").timezone
        assert "Asia/Tokyo" == Config.load(environ={"HELAMEM_CONFIG": "~/set.toml"}).timezone

    def test_a_user_who_is_not_there_is_named(self) -> None:
        with pytest.raises(
            ValueError, match=r"'~nobody-here/a\.db' names a user who has no folder"
        ):
            opened("~nobody-here/a.db")
