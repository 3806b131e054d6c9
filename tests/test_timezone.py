"""Whose days and hours are meant: the setting `timezone`, and the zones that times bring along."""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest

from helamem import Config, Episode, Memory, Turn
from helamem.config.zones import LocalZone, zone
from helamem.errors import ConfigError
from helamem.models.embedders.hashing import HashingEmbedder
from helamem.models.scripted import ScriptedLLM
from helamem.moments import utc
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
            llm = ScriptedLLM(['{"citations": [], "answer": ""}'])

            memory.ask("When did I sign the lease?", llm=llm)

            prompt = llm.calls[0].prompt
            assert "Mon 6 May 2024, 08:00" in prompt
            assert "2024-05-05" not in prompt

    def test_a_zone_that_comes_later_makes_nothing_new(self, tmp_path: Path) -> None:
        for name in ("UTC", "Asia/Tokyo", "America/New_York"):
            with opened(tmp_path / "a.db", timezone=name) as memory:
                memory.add("I signed the lease.", at=EVENING)
                memory.add(["Really?", "Yes."])
                assert 3 == len(memory.list())


class TestAsked:
    """Days in a question are those of the memory's zone, whatever zone the question's own time names."""

    MORNING = datetime(2024, 5, 6, 0, 30, tzinfo=UTC)  # half past nine on Monday in Tokyo

    @pytest.fixture
    def memory(self) -> Iterator[Memory]:
        with opened(timezone="Asia/Tokyo") as memory:
            for hours in range(0, 96, 3):
                memory.add(f"Cup number {hours} of tea.", at=self.MORNING - timedelta(hours=hours))
            yield memory

    @pytest.mark.parametrize(
        "question",
        ["Which cup of tea was yesterday?", "Which tea last Sunday?", "Tea on 5 May 2024?"],
    )
    @pytest.mark.parametrize("zone", [UTC, TOKYO])
    def test_a_day_is_one_of_the_zone(self, memory: Memory, question: str, zone: tzinfo) -> None:
        recall = memory.search(question, k=8, at=self.MORNING.astimezone(zone))

        assert ["2024-05-05"] * 8 == [hit.at.date().isoformat() for hit in recall]


class TestNaive:
    """A time that names no zone is by the clock of the setting, and refused where nobody set it."""

    NOON = datetime(2024, 5, 6, 12, 0)  # noqa: DTZ001
    WAYS: ClassVar[list[Callable[[Memory, datetime], Any]]] = [
        lambda memory, at: memory.add("A", at=at),
        lambda memory, at: memory.add({"content": "A", "timestamp": at}),  # type: ignore[dict-item]
        lambda memory, at: memory.add({"text": "A", "at": at.isoformat()}),
        lambda memory, at: memory.add_many([{"content": "A", "created_at": at.isoformat()}]),
        lambda memory, at: memory.search("A", at=at),
        lambda memory, at: memory.search("A", filters={"at": {"gte": at}}),  # type: ignore[dict-item]
        lambda memory, at: memory.list(filters={"NOT": {"at": [at.isoformat()]}}),
        lambda memory, at: memory.delete(filters={"stored_at": {"lt": at.isoformat()}}),
        lambda memory, at: memory.reinforce(memory.search("lease"), used=[1], at=at),
        lambda memory, at: memory.consolidate(llm=False, at=at),
        lambda memory, at: memory.forget(at=at),
        lambda memory, at: memory.facts(as_of=at),
    ]

    @pytest.mark.parametrize("way", WAYS)
    def test_every_method_takes_it_where_the_zone_is_set(
        self, way: Callable[[Memory, datetime], Any]
    ) -> None:
        with opened(timezone="Asia/Tokyo") as memory:
            memory.add("I signed the lease this morning.")
            way(memory, self.NOON)

    @pytest.mark.parametrize("way", WAYS)
    def test_every_method_refuses_it_where_it_is_not(
        self, way: Callable[[Memory, datetime], Any]
    ) -> None:
        with opened() as memory:
            memory.add("I signed the lease this morning.")
            with pytest.raises(ValueError, match="2024-05-06T12:00:00 has no time zone; say which"):
                way(memory, self.NOON)

    @pytest.mark.parametrize("way", WAYS)
    def test_every_method_refuses_one_that_cannot_be_stored(
        self, way: Callable[[Memory, datetime], Any]
    ) -> None:
        with opened() as memory:
            memory.add("I signed the lease this morning.")
            with pytest.raises(ValueError, match="outside of the years 1 to 9999"):
                way(memory, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))))

    @pytest.mark.parametrize("given", [NOON, NOON.isoformat(), "2024-05-06T12:00", "20240506T12"])
    def test_it_is_that_moment_in_the_zone(self, given: object) -> None:
        noon = self.NOON.replace(tzinfo=TOKYO)
        with opened(timezone="Asia/Tokyo") as memory:
            memory.add({"content": "I signed the lease.", "timestamp": given})  # type: ignore[dict-item]

            assert noon == only(memory).at
            for condition, n in [(given, 1), ({"gt": given}, 0), ({"lte": given}, 1)]:
                assert n == len(memory.list(filters={"at": condition}))  # type: ignore[dict-item]

    def test_a_text_is_told_how_it_is_read(self) -> None:
        with pytest.raises(TypeError, match=r"not str; datetime\.fromisoformat reads one"):
            utc("2024-05-06T19:00:00Z")  # type: ignore[arg-type]

    def test_a_turn_that_stands_alone_must_name_it(self) -> None:
        with opened(timezone="Asia/Tokyo"), pytest.raises(ValueError, match="no time zone"):
            Turn("A", at=self.NOON)


class TestEnds:
    """What can be kept can be read by every clock; one that would show the year 0 or 10000 gives way to UTC."""

    ENDS = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))

    @pytest.mark.parametrize("name", ["Asia/Tokyo", "America/New_York", "local", "UTC"])
    @pytest.mark.parametrize("at", ENDS)
    def test_a_time_is_read_again(self, tmp_path: Path, name: str, at: datetime) -> None:
        with opened(tmp_path / "a.db", timezone=name) as memory:
            memory.add("I signed the lease.", at=at)
            recall = memory.search("What did I sign yesterday?", at=at)

            assert (at, at) == (only(memory).at, recall.at)
            assert () == memory.check()
            memory.reinforce(recall, used=[1], at=at)
            memory.forget(at=at)

    @pytest.mark.parametrize("name", ["Asia/Tokyo", "America/New_York", "local"])
    @pytest.mark.parametrize("at", ["0001-01-01", "9999-12-31T23:59:59"])
    def test_one_that_cannot_be_kept_is_refused(self, name: str, at: str) -> None:
        with opened(timezone=name) as memory:
            try:
                memory.add({"content": "A", "at": at})
            except ValueError as error:
                assert "outside of the years 1 to 9999" in str(error)  # noqa: PT017  # east or west
            else:
                assert at[:4] == f"{only(memory).at.astimezone(memory.config.zone).year:04d}"


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
            ValueError, match=r"'~nobody-here/a\.db' names a user without a home folder"
        ):
            opened("~nobody-here/a.db")
