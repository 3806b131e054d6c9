"""A database ranks as a file does: hit for hit, and to the last digit that a file promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem import Config, Memory
from helamem.stores.postgres import regions
from helamem.testing import FixedClock
from search import test_golden as golden

if TYPE_CHECKING:
    from helamem.search.recall import Recall

pytestmark = pytest.mark.slow  # they need a database server

# Each filter is met by some of the turns, and most are not.
FILTERS: tuple[dict[str, Any], ...] = (
    {"speaker": "Ben"},
    {"at": {"gte": "2024-03-08T00:00:00Z", "lt": "2024-03-09T00:00:00Z"}},
    {"text": {"icontains": "BOILER"}},
    {"speaker": "Nobody"},
)


def test_a_small_conversation_is_ranked_as_in_a_file(url: str) -> None:
    assert golden.rankings(9) == golden.rankings(9, place=url)


@pytest.mark.parametrize("question", golden.QUESTIONS)
def test_a_hit_is_explained_as_in_a_file(url: str, question: str) -> None:
    told = []
    for place in (":memory:", url):
        with golden._memory(place) as memory:
            memory.reinforce(
                memory.search("What may Maya not eat?", at=golden.ASKED_AT), used=[3, 1]
            )
            told.append([_told(memory.search(question, at=golden.ASKED_AT, filters=each)) for each in (None, *FILTERS)])  # fmt: skip

    assert told[0] == told[1]


def test_with_every_memory_as_a_candidate_too(url: str) -> None:
    config = Config.of(preset="paper")
    told = []
    for place in (":memory:", url):
        with Memory(place, config=config, clock=FixedClock(golden.ASKED_AT.timestamp())) as memory:
            memory.add("Maya is allergic to peanuts.", speaker="Ana")
            memory.add("We are cooking for Maya on Friday.", speaker="Ben")
            told.append(_told(memory.search("What should I not cook for Maya?")))

    assert told[0] == told[1]


def _told(recall: Recall) -> Any:
    """A recall, its numbers rounded: weights and sums are computed by PostgreSQL's exp() and ln()."""
    return _rounded(recall.to_dict())


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=5))
def test_periods_are_apart_and_hold_the_same_moments(periods: list[tuple[int, int]]) -> None:
    starts, ends = regions.apart(periods)

    bounds = [each for period in zip(starts, ends, strict=True) for each in period]
    assert sorted(set(bounds)) == bounds
    for at in range(10):
        in_one = any(start <= at < end for start, end in periods)
        assert in_one == any(a <= at < b for a, b in zip(starts, ends, strict=True))
