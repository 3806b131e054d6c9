from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="the extra [server] is not installed")

from datetime import UTC, datetime

from helamem.records import Episode, direct_hit
from helamem.search.recall import Recall
from helamem.server.recalls import MOST, LatestRecalls

AT = datetime(2025, 3, 3, tzinfo=UTC)


def recall(query: str, *ids: int) -> Recall:
    hits = [
        direct_hit(
            Episode(id=id_, text="", speaker="", role="", session="", at=AT, stored_at=AT), 1.0
        )
        for id_ in ids
    ]
    return Recall(query=query, at=AT, hits=tuple(hits))


def test_a_recall_is_found_by_its_question_or_by_what_it_showed() -> None:
    kept = LatestRecalls()
    first, second = recall("Who?", 1, 2), recall("When?", 2, 3)
    kept.keep("ana", first)
    kept.keep("ana", second)

    assert first is kept.find("ana", " who? ", [])
    assert second is kept.find("ana", "in other words", [2])
    assert first is kept.find("ana", "in other words", [1])
    assert None is kept.find("ana", "in other words", [4])
    assert None is kept.find("ana", "in other words", [])


def test_the_latest_recall_for_a_question_counts() -> None:
    kept = LatestRecalls()
    kept.keep("ana", recall("Who?", 1))
    latest = recall("Who?", 2)
    kept.keep("ana", latest)

    assert latest is kept.find("ana", "Who?", [1])


def test_nobody_finds_the_recall_of_another_namespace() -> None:
    kept = LatestRecalls()
    kept.keep("ana", recall("Who?", 1))

    assert None is kept.find("ben", "Who?", [1])


def test_only_the_latest_are_kept() -> None:
    kept = LatestRecalls()
    for n in range(1, MOST + 2):
        kept.keep("ana", recall(f"Question {n}", n))

    assert None is kept.find("ana", "Question 1", [1])
    assert kept.find("ana", "Question 2", []) is not None
