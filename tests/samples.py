"""Small records for tests, with everything that a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from helamem.records import Episode, Fact, Hit, Parts

MAY_8 = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)


def episode(id_: int, text: str = "Hello.", speaker: str = "Ana", **others: Any) -> Episode:
    given: dict[str, Any] = {"role": "", "session": "s1", "at": MAY_8, "stored_at": MAY_8, **others}
    return Episode(id=id_, text=text, speaker=speaker, **given)


def fact(id_: int, text: str = "Ana likes tea.", speaker: str = "Ana", **others: Any) -> Fact:
    given: dict[str, Any] = {
        "kind": "statement",
        "confidence": 0.5,
        "sources": (1,),
        "at": MAY_8,
        "stored_at": MAY_8,
        **others,
    }
    return Fact(id=id_, text=text, speaker=speaker, **given)


def hit(memory: Episode | Fact, score: float = 1.0) -> Hit:
    parts = Parts(base=score, base_terms={"similarity": score}, received={})
    return Hit(memory=memory, score=score, path="direct", parts=parts)
