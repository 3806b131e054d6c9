"""A search says what of the question met nothing, what may have been meant, and what was left out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from helamem import Config, Memory, Turn
from helamem.models.embedders import HashingEmbedder
from helamem.protocols import Postings
from helamem.search.notes import left_out
from helamem.stores.sqlite import word_search

MOST: dict[str, Any] = {"candidates.max_postings": 3}


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
        ({"speker": "Ana"}, "no memory has 'speker' in its metadata; did you mean `speaker`?"),
        ({"topik": "travel"}, "no memory has 'topik' in its metadata; did you mean `topic`?"),
        ({"user.mail": 1}, "no memory has 'user.mail' in its metadata; did you mean `user.email`?"),
        ({"zzz": {"gte": 3}}, "no memory has 'zzz' in its metadata"),
        ({"speaker": "ana"}, "no memory has the speaker 'ana'; did you mean `Ana`?"),
        ({"session": ["Trip", "Trap"]}, "no memory has the session 'Trip'; did you mean `trip`?"),
        (
            {"role": "billing"},
            "no memory has the role 'billing'; the key of the metadata is spelled metadata.role",
        ),
        (
            {"AND": [{"speaker": "Ana"}, {"topc": 1}]},
            "'topc' in its metadata; did you mean `topic`?",
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


@pytest.mark.parametrize(
    ("question", "notes"),
    [
        ("Which cats purr?", ("the words of the question occur 5 times",)),
        ("Do grey cats purr?", ("the words of the question occur 9 times",)),
        ("Who purrs?", ()),
        ("Cats?", ("the words of the question occur 4 times",)),
    ],
)
def test_a_search_for_words_that_is_cut_short_is_told(
    question: str, notes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_search, "QUICK", 1)
    config = Config.of("default", **MOST)
    with Memory(":memory:", config=config, embedder=HashingEmbedder(16)) as memory:
        memory.add([f"Grey cats, number {n}" for n in range(4)])
        memory.add("This one purrs")

        found = memory.search(question).notes

    assert len(notes) == len(found)
    assert all(each.startswith(note) for each, note in zip(found, notes, strict=True))
    assert all("candidates.max_postings = 3" in each for each in found)


@pytest.mark.parametrize(
    ("share", "how_well"),
    [(0.25, "at most 25% as well as the best"), (1.5, "possibly better than the best")],
)
def test_how_well_what_was_left_out_may_match_is_told(share: float, how_well: str) -> None:
    [note] = left_out(postings(60_000.0, 40_000.0), share, 50_000)

    assert "occur 100,000 times" in note
    assert how_well in note


def postings(*frequency: float) -> Postings:
    none = np.empty(0, np.int64)
    return Postings(none, none, none.astype(float), none, np.array(frequency), 10**6, 12.0)
