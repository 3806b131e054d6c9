import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem import Memory
from helamem.config import Config
from helamem.errors import StoreError
from helamem.exchange.recognizing import RETRY_S
from helamem.models.embedders.hashing import HashingEmbedder
from helamem.records import Turn
from helamem.stores.sqlite import rows
from helamem.testing import FixedClock

DAY_S = 86_400.0
SCRIPT = (
    resources.files("helamem.stores.sqlite")
    .joinpath("migrations/0002_identity.sql")
    .read_text(encoding="utf-8")
)
MONDAY = datetime(2024, 5, 6, 10, 0, tzinfo=UTC)


def opened(clock: FixedClock, path: str = ":memory:") -> Memory:
    return Memory(path, embedder=HashingEmbedder(16), config=Config(), clock=clock)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(MONDAY.timestamp())


@pytest.fixture
def memory(clock: FixedClock) -> Iterator[Memory]:
    with opened(clock) as memory:
        yield memory


def chat(*said: str) -> list[dict[str, Any]]:
    """What two say in turn."""
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(said)]


def timed_from(start: datetime, said: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same messages, a minute apart."""
    return [
        {**each, "timestamp": (start + timedelta(minutes=i)).isoformat()}
        for i, each in enumerate(said)
    ]


def texts(memory: Memory) -> list[str]:
    return [each.text for each in memory.list(limit=1000)]


BOOKING = chat("Book it?", "For 40 euros?", "yes", "A seat by the window?", "yes")


class TestOneList:
    def test_the_second_yes_is_kept(self, memory: Memory) -> None:
        assert 5 == len(memory.add(BOOKING).stored)

    def test_who_repeats_the_other_is_heard(self, memory: Memory) -> None:
        assert 2 == len(memory.add(chat("Hello", "Hello")).stored)

    def test_a_word_that_is_said_twice_in_a_row_is_kept(self, memory: Memory) -> None:
        assert 3 == len(memory.add(["ha", "ha", "ha"]).stored)

    @pytest.mark.parametrize("size", [1, 2, 3, 100])
    def test_where_a_batch_ends_is_no_matter(self, memory: Memory, size: int) -> None:
        turns = chat("yes", "next?") * 3

        assert 6 == len(memory.add_many(turns, batch_size=size).stored)
        assert () == memory.add_many(turns, batch_size=4).stored

    def test_turns_of_one_minute_may_say_the_same(self, memory: Memory) -> None:
        said = [Turn(text, "Ana", at=MONDAY) for text in ("haha", "what a goal", "haha")]

        assert 3 == len(memory.add(said, session="chat").stored)
        assert () == memory.add(said, session="chat").stored


class TestAgain:
    @pytest.mark.parametrize("session", [None, "s"])
    @pytest.mark.parametrize("at", [None, MONDAY, MONDAY.astimezone(ZoneInfo("Asia/Tokyo"))])
    @pytest.mark.parametrize("later_s", [0.0, 1.5, 10 * DAY_S])
    def test_the_same_list_adds_nothing(
        self,
        memory: Memory,
        clock: FixedClock,
        session: str | None,
        at: datetime | None,
        later_s: float,
    ) -> None:
        first = memory.add(BOOKING, session=session, at=at)

        clock.now += later_s
        again = memory.add(BOOKING, session=session, at=at)

        assert (first.ids, ()) == (again.ids, again.stored)
        assert [0, 1, 2, 3, 4] == [each.index for each in again.skipped]

    def test_lists_of_one_session_are_known_in_any_order(self, memory: Memory) -> None:
        lists = [chat("a", "b"), chat("c", "d"), chat("e", "f")]
        for each in lists:
            memory.add(each, session="s")

        assert [()] * 3 == [memory.add(lists[i], session="s").stored for i in (1, 0, 2)]

    def test_a_list_without_times_finds_the_turns_of_its_session_that_had_some(
        self, memory: Memory
    ) -> None:
        memory.add(BOOKING, session="s", at=MONDAY)

        assert () == memory.add(BOOKING, session="s").stored

    @pytest.mark.parametrize("session", [None, "s"])
    @pytest.mark.parametrize("ago", [timedelta(), timedelta(hours=1), timedelta(days=400)])
    def test_a_list_with_times_finds_the_turns_that_came_in_without(
        self, memory: Memory, session: str | None, ago: timedelta
    ) -> None:
        first = memory.add(BOOKING, session=session)

        timed: list[dict[str, Any]] = []
        for n in (5, 6):
            said = [*BOOKING, {"role": "assistant", "content": "Booked."}][:n]
            timed = timed_from(MONDAY - ago, said)
            assert n - 5 == len(memory.add(timed, session=session).stored)
            assert () == memory.add(timed, session=session).stored
        assert first.ids == memory.add(timed, session=session).ids[:5]

    def test_the_latest_turns_with_times_are_found_in_their_session(self, memory: Memory) -> None:
        memory.add(["x", "y", *BOOKING], session="s")

        assert () == memory.add(timed_from(MONDAY, BOOKING[2:]), session="s").stored

    def test_times_some_of_which_came_later_make_nothing_new(self, memory: Memory) -> None:
        memory.add(BOOKING[:2], session="s")
        memory.add(timed_from(MONDAY, BOOKING), session="s")

        assert () == memory.add(BOOKING, session="s").stored
        assert () == memory.add(timed_from(MONDAY, BOOKING), session="s").stored
        assert [each["content"] for each in BOOKING] == texts(memory)

    def test_what_was_said_after_it_came_in_is_another_turn(
        self, memory: Memory, clock: FixedClock
    ) -> None:
        greeting = chat("Good morning!", "Good morning! Slept well?")
        memory.add(greeting, session="s")
        for days in (7, 14):
            clock.now = MONDAY.timestamp() + days * DAY_S
            memory.add(timed_from(MONDAY + timedelta(days=days), greeting), session="s")

        assert 6 == len(memory.list())

    def test_turns_of_several_days_are_found_on_their_days(
        self, memory: Memory, clock: FixedClock
    ) -> None:
        timed = timed_from(MONDAY, BOOKING)
        for day, size in ((0, slice(0, 3)), (1, slice(3, 5))):
            clock.now = MONDAY.timestamp() + day * DAY_S
            for message in BOOKING[size]:
                memory.add(message)
            for message in timed[size]:
                message["timestamp"] = (MONDAY + timedelta(days=day)).isoformat()

        assert () == memory.add(timed).stored

    @pytest.mark.parametrize("session", [None, "s"])
    def test_it_holds_for_imports(self, memory: Memory, session: str | None) -> None:
        def lines(said: Sequence[dict[str, Any]]) -> list[str]:
            return [json.dumps({**each, "session": session or ""}) for each in said]

        memory.import_(lines(BOOKING))

        assert () == memory.import_(lines(timed_from(MONDAY, BOOKING))).stored
        again = [
            {**each, "session": session or ""}
            for each in timed_from(MONDAY - timedelta(1), BOOKING)
        ]
        assert () == memory.add_many(again, batch_size=2).stored

    def test_two_times_of_the_same_words_are_two_turns(self, memory: Memory) -> None:
        for hours in (8, 9):
            memory.add(timed_from(MONDAY - timedelta(hours=hours), BOOKING), session="s")

        assert 10 == len(memory.list())

    @pytest.mark.parametrize(("minutes", "n"), [(0, 1), (-5, 1), (-60, 2), (60, 2)])
    def test_a_single_turn_is_a_retry_within_minutes(
        self, memory: Memory, minutes: int, n: int
    ) -> None:
        memory.add("I took the pill.", session="s")
        memory.add("I took the pill.", session="s", at=MONDAY + timedelta(minutes=minutes))

        assert n == len(memory.list())

    def test_another_session_is_another_place(self, memory: Memory) -> None:
        memory.add(BOOKING, session="s")
        memory.add(timed_from(MONDAY, BOOKING), session="t")

        assert 10 == len(memory.list())

    def test_a_document_whose_middle_changed_adds_what_is_new(self, memory: Memory) -> None:
        paragraphs = [f"Paragraph {i} of the notes." for i in range(10)]
        memory.add(paragraphs, session="notes.md")

        changed = [*paragraphs[:4], "Rewritten.", *paragraphs[5:], "At the end."]
        memory.add(changed, session="notes.md")

        assert [*paragraphs, "Rewritten.", "At the end."] == texts(memory)

    @given(
        said=st.lists(st.sampled_from(["yes", "no", "well", "ha"]), min_size=2, max_size=9),
        session=st.sampled_from([None, "s"]),
    )
    def test_any_list_is_kept_once(self, said: list[str], session: str | None) -> None:
        with opened(FixedClock(MONDAY.timestamp())) as memory:
            assert len(said) == len(memory.add(chat(*said), session=session).stored)
            assert () == memory.add(chat(*said), session=session).stored
            assert said == texts(memory)


class TestHistories:
    @pytest.mark.parametrize("session", [None, "s"])
    def test_a_whole_history_each_time_adds_only_what_is_new(
        self, memory: Memory, clock: FixedClock, session: str | None
    ) -> None:
        said = ["Hi", "Hello", "yes", "And now?", "yes", "And now?", "yes", "Done."]
        for n in range(1, len(said) + 1):
            memory.add(chat(*said[:n]), session=session)
            clock.now += 30.0

        assert said == texts(memory)

    def test_a_history_goes_on_after_midnight(self, memory: Memory, clock: FixedClock) -> None:
        memory.add(BOOKING[:3])
        clock.now += DAY_S

        memory.add(BOOKING)

        assert 5 == len(texts(memory))

    def test_two_histories_of_one_day_stay_apart(self, memory: Memory) -> None:
        ours, theirs = (
            chat("Book it?", "Sure?", "yes", "Done."),
            chat("Pay?", "Sure?", "yes", "Paid."),
        )
        for n in (2, 4):
            memory.add(ours[:n])
            memory.add(theirs[:n])

        assert 8 == len(texts(memory))

    @pytest.mark.parametrize("width", [2, 3, 6])
    def test_the_latest_turns_each_time_add_only_what_is_new(
        self, memory: Memory, width: int
    ) -> None:
        said = [f"turn {i}" for i in range(8)]
        for n in range(1, len(said) + 1):
            memory.add(chat(*said)[max(0, n - width) : n], session="s")

        assert said == texts(memory)

    def test_one_by_one_and_then_all_together(self, memory: Memory) -> None:
        for each in BOOKING:
            memory.add(each)

        assert () == memory.add(BOOKING).stored
        assert 5 == len(texts(memory))

    def test_exchange_by_exchange_and_then_all_together(self, memory: Memory) -> None:
        for start in (0, 2):
            memory.add(BOOKING[start : start + 2], session="s")

        assert (5,) == memory.add(BOOKING, session="s").stored


class TestOneByOne:
    def test_what_is_said_again_later_is_kept(self, memory: Memory) -> None:
        for text in ("yes", "And the seat?", "yes"):
            memory.add(text)

        assert ["yes", "And the seat?", "yes"] == texts(memory)

    def test_a_retry_adds_nothing(self, memory: Memory, clock: FixedClock) -> None:
        memory.add("I took my pill.")
        clock.now += RETRY_S

        assert () == memory.add("I took my pill.").stored

    def test_it_is_no_retry_long_after(self, memory: Memory, clock: FixedClock) -> None:
        memory.add("I took my pill.")
        clock.now += RETRY_S + 1

        assert (2,) == memory.add("I took my pill.").stored

    def test_a_day_may_begin_like_the_one_before(self, memory: Memory, clock: FixedClock) -> None:
        for _ in range(3):
            memory.add("Good morning!")
            clock.now += DAY_S

        assert 3 == len(texts(memory))

    def test_an_exchange_that_begins_alike_is_another(self, memory: Memory) -> None:
        for answer in ("To Porto.", "To Faro.", "To Braga."):
            memory.add(chat("yes", answer), session="s")

        assert 6 == len(texts(memory))

    def test_what_was_deleted_may_be_said_again(self, memory: Memory) -> None:
        ids = [memory.add(text, session="s").ids[0] for text in ("a", "b", "c")]
        memory.delete(ids[1])

        assert 1 == len(memory.add("b", session="s").stored)


class TestTimes:
    def test_a_time_survives_the_way_through_a_datetime(self) -> None:
        for fraction in (0.1234567, 0.375092, 0.9999996):
            with opened(FixedClock(1_796_025_951 + fraction)) as memory:
                memory.add("Hello", session="s")
                (kept,) = memory.list()

                assert () == memory.add(Turn("Hi", session="s", at=kept.at)).skipped
                with pytest.raises(StoreError, match="Memory 2 says the same"):
                    memory.update(1, "Hi")

    def test_a_correction_stays_when_the_old_words_come_again(self, memory: Memory) -> None:
        memory.add(BOOKING, session="s")
        memory.update(3, "[redacted]")

        assert () == memory.add(BOOKING, session="s").stored
        assert 5 == len(texts(memory))


class TestOlderFiles:
    def test_turns_of_a_file_that_knew_them_by_their_time_are_known(
        self, clock: FixedClock, tmp_path: Path
    ) -> None:
        turns = [
            Turn("Hello", "Ana", "user", MONDAY, "s"),
            Turn("Hello", "Ana", "user", MONDAY),
            Turn("Bye", at=MONDAY + timedelta(seconds=1.5)),
        ]
        path = str(tmp_path / "old.db")
        with opened(clock, path) as memory:
            memory.add(turns)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE node SET key = randomblob(16), at = at + 1e-7")
            connection.create_function("turn_key", 5, rows.turn_key)
            for statement in SCRIPT.split(";")[1:]:  # the column is there already
                connection.execute(statement)

        with opened(clock, path) as memory:
            assert () == memory.add(turns).stored


class TestMoving:
    @pytest.mark.parametrize("session", [None, "s"])
    def test_an_export_keeps_what_turns_are_known_by(
        self, memory: Memory, clock: FixedClock, session: str | None
    ) -> None:
        memory.add(BOOKING, session=session)
        lines = exported(memory)

        with opened(clock) as other:
            other.import_(lines)
            assert () == other.import_(lines).stored
            assert () == other.add(BOOKING, session=session).stored
            assert lines == exported(other)

    @pytest.mark.parametrize("sizes", [(1, 3), (3, 2), (4, 100)])
    def test_an_import_goes_on_whatever_its_batches(
        self, clock: FixedClock, sizes: Sequence[int]
    ) -> None:
        turns = [
            *[Turn(text, session="a") for text in ("yes", "and?", "yes", "and?", "no")],
            *[Turn(text, session="b") for text in ("yes", "and?", "yes")],
            *[Turn("ha", session="b", at=MONDAY)] * 3,
        ]
        with opened(clock) as memory:

            def stop(done: int) -> None:
                if done >= 4:
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                memory.add_many(turns, batch_size=sizes[0], progress=stop)
            clock.now += 2 * timedelta(days=1).total_seconds()
            memory.add_many(turns, batch_size=sizes[1])

            assert [turn.text for turn in turns] == texts(memory)


def exported(memory: Memory) -> list[str]:
    return [json.dumps(line) for line in memory.export()]
