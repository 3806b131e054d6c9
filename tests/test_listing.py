"""A list gives all, or says how many more there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helamem import Memory


@pytest.fixture
def many(memory: Memory) -> Memory:
    memory.add([f"turn {i}" for i in range(250)], speaker="Clara")
    return memory


def test_nothing_is_left_out_unless_asked(many: Memory) -> None:
    listing = many.list()

    assert (250, 250, 0) == (len(listing), listing.total, listing.more)


def test_what_is_left_out_is_counted(many: Memory) -> None:
    first, last = many.list(limit=100), many.list(limit=100, offset=200)

    assert (100, 250, 150) == (len(first), first.total, first.more)
    assert (50, 250, 0, 200) == (len(last), last.total, last.more, last.offset)


def test_a_walk_in_steps_meets_each_memory_once(many: Memory) -> None:
    met: list[int] = []
    while True:
        listing = many.list(limit=70, offset=len(met))
        met += [memory.id for memory in listing]
        if not listing.more:
            break

    assert [memory.id for memory in many.list()] == met


def test_past_the_end_there_is_nothing_more(many: Memory) -> None:
    listing = many.list(limit=10, offset=1000)

    assert ((), 250, 0) == (tuple(listing), listing.total, listing.more)


def test_it_is_a_tuple(many: Memory) -> None:
    assert many.list(limit=2) == tuple(many.list())[:2]


def test_numbers_beyond_any_list_give_an_empty_one(many: Memory) -> None:
    listing = many.list(limit=2**64, offset=2**64)

    assert not listing
    assert 0 == listing.more
