"""CoreMem's `direct` search: words and vectors on HybridDB, and its rules over names, quotes and times.

Its default, `episodic`, brings back one message a session, and orders them by a cross-encoder from a hub.
It compares each word of a question with each of a message, which takes seconds; here a pair of words is
compared once, and not at all where their lengths or letters tell enough, so that it brings back the same. One
question in about forty is asked of it as it is, and only these are timed. It gets a conversation at once.
"""

from __future__ import annotations

import os
import zlib
from datetime import datetime
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING

import common

if TYPE_CHECKING:
    from pathlib import Path

os.environ["ANONYMIZED_TELEMETRY"] = "False"  # read when Chroma is imported

from coremem import MemoryCore, heuristics

AS_IT_IS = 40  # one question in about so many


class Matcher:
    """As SequenceMatcher, as far as CoreMem uses it: it asks whether the ratio reaches a threshold."""

    def __init__(self, junk: None, one: str, other: str) -> None:  # noqa: ARG002  # it has none
        self._pair = one, other

    def ratio(self) -> float:
        """The ratio, or an upper bound below the threshold."""
        return at_most(*self._pair)


@lru_cache(maxsize=1_000_000)
def at_most(one: str, other: str) -> float:
    """How alike two words are, or an upper bound where that is below the threshold."""
    matcher = SequenceMatcher(None, one, other)
    for bound in (matcher.real_quick_ratio, matcher.quick_ratio):
        if bound() < heuristics.SearchHeuristics.FUZZY_THRESHOLD:
            return bound()
    return matcher.ratio()


class CoreMem:
    """A CoreMem memory in a folder of its own."""

    package = "coremem"

    def __init__(self, folder: Path, model: str) -> None:
        os.environ["COREMEM_EMBEDDING_MODEL"] = model
        self._memory = MemoryCore(path=str(folder / "memory"))
        self.timed = True

    def add(self, turns: list[dict[str, str]]) -> None:
        """One message a turn, all of them as its batch of messages."""
        self._memory.ingest_many(
            [
                {
                    "id": turn["id"],
                    "role": "user",
                    "content": turn["text"],
                    "session_id": turn["session"],
                    "ts": datetime.fromisoformat(turn["at"]),
                }
                for turn in turns
            ]
        )

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        self.timed = zlib.crc32(question.encode()) % AS_IT_IS == 0
        heuristics.SequenceMatcher = SequenceMatcher if self.timed else Matcher
        found = self._memory.recall(question, strategy="direct", limit=k)
        return [each.memory.id for each in found]

    def close(self) -> None:
        """Close its database."""
        self._memory.close()


if __name__ == "__main__":
    common.main(CoreMem)
