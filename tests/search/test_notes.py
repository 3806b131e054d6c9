"""A filter that fits nothing says which condition nobody meets, and what may have been meant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from helamem import Turn

if TYPE_CHECKING:
    from helamem import Memory


@pytest.fixture
def talk(memory: Memory) -> Memory:
    memory.add(
        [
            Turn(
                "I booked the ferry.", speaker="Ana", session="trip", metadata={"topic": "travel"}
            ),
            Turn(
                "Invoice A7 is paid.", speaker="Ben", metadata={"role": "billing", "user.email": 1}
            ),
        ],
        at=datetime(2024, 5, 6, tzinfo=UTC),
    )
    return memory


@pytest.mark.parametrize(
    ("conditions", "note"),
    [
        ({"speker": "Ana"}, "no memory has 'speker' in its metadata; did you mean 'speaker'?"),
        ({"topik": "travel"}, "no memory has 'topik' in its metadata; did you mean 'topic'?"),
        ({"user.mail": 1}, "no memory has 'user.mail' in its metadata; did you mean 'user.email'?"),
        ({"zzz": {"gte": 3}}, "no memory has 'zzz' in its metadata"),
        ({"speaker": "ana"}, "no memory has the speaker 'ana'; did you mean 'Ana'?"),
        ({"session": ["Trip", "Trap"]}, "no memory has the session 'Trip'; did you mean 'trip'?"),
        (
            {"role": "billing"},
            "no memory has the role 'billing'; the key of the metadata is spelled metadata.role",
        ),
        (
            {"AND": [{"speaker": "Ana"}, {"topc": 1}]},
            "'topc' in its metadata; did you mean 'topic'?",
        ),
    ],
    ids=str,
)
def test_what_nobody_meets_is_told(talk: Memory, conditions: dict[str, Any], note: str) -> None:
    recall, listing = talk.search("ferry", filters=conditions), talk.list(filters=conditions)

    assert ((), 0) == (recall.hits, listing.total)
    assert note in recall.notes[0]
    assert recall.notes == listing.notes


@pytest.mark.parametrize(
    "conditions", [None, {"speaker": "Ana"}, {"zzz": {"ne": 3}}, {"OR": [{"zzz": 1}, {"id": 1}]}]
)
def test_where_something_fits_nothing_is_told(talk: Memory, conditions: dict[str, Any]) -> None:
    assert (
        () == talk.search("ferry", filters=conditions).notes == talk.list(filters=conditions).notes
    )


def test_conditions_that_fit_alone_are_not_blamed(talk: Memory) -> None:
    assert () == talk.list(filters={"speaker": "Ana", "metadata.role": "billing"}).notes


def test_an_empty_memory_has_nothing_to_say(memory: Memory) -> None:
    assert () == memory.search("ferry", filters={"zzz": 1}).notes
