"""inspeximus with the shared embedder: words alone in a small memory, words and vectors in a larger one.

Turns carry no keys, so nothing supersedes anything. They carry the time of the conversation.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import common
from inspeximus import Inspeximus
from sentence_transformers import SentenceTransformer

if TYPE_CHECKING:
    from pathlib import Path


class Keeper:
    """An inspeximus memory in a file."""

    package = "inspeximus"

    def __init__(self, folder: Path, model: str) -> None:
        encoder = SentenceTransformer(model, device="cpu")

        def embed(text: str) -> list[float]:
            vector: list[float] = encoder.encode(text, normalize_embeddings=True).tolist()
            return vector

        self._memory = Inspeximus(str(folder / "memory.db"), embed=embed)
        self._turns: dict[str, str] = {}

    def add(self, turns: list[dict[str, str]]) -> None:
        """One memory a turn, valid from when it was said."""
        for turn in turns:
            at = datetime.fromisoformat(turn["at"]).timestamp()
            id_ = self._memory.remember(turn["text"], mtype="episodic", valid_from=at)
            self._turns[id_] = turn["id"]

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        return [self._turns[each["id"]] for each in self._memory.recall(question, k=k)]


if __name__ == "__main__":
    common.main(Keeper)
