"""hebb-mind, its library, without a cross-encoder, which that does not use.

The speaker is a tag; session and time are metadata, which its search looks at. It refuses more than 10,000
characters, so longer turns are cut. It ranks what was stored
last a little higher, by the clock of the machine, so two runs differ a little.
"""

from __future__ import annotations

import os
from pathlib import Path

import common
from hebb.api import HebbMind as Memory
from hebb.config.settings import Settings
from hebb.embedding import local

NAME = "all-MiniLM-L6-v2"
LONGEST = 10_000  # characters that it takes


class HebbMind:
    """A hebb-mind memory in a folder of its own."""

    package = "hebb-mind"

    def __init__(self, folder: Path, model: str) -> None:
        (folder / "models").mkdir()
        (folder / "models" / NAME).symlink_to(model)
        os.environ["HEBB_HOME"] = str(
            folder
        )  # where it looks for the model, each time that it does
        # It would not look into a folder without weights, as that of the static vectors is.
        local.model_dir_complete = Path.is_dir
        settings = Settings(home_dir=folder, embedding_model=NAME, rerank_enabled=False)
        self._memory = Memory(settings)
        assert isinstance(
            self._memory._embedder, local.LocalEmbedder
        )  # else it goes on without vectors
        self._turns: dict[str, str] = {}

    def add(self, turns: list[dict[str, str]]) -> None:
        """One memory a turn, with its speaker as a tag and its time, which the search looks at."""
        for turn in turns:
            made = self._memory.add(
                turn["text"][:LONGEST],
                tags=[turn["speaker"]],
                metadata={"session_id": turn["session"], "timestamp": turn["at"]},
            )
            self._turns[made.id] = turn["id"]

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        return [self._turns[each.memory.id] for each in self._memory.search(question, top_k=k)]

    def close(self) -> None:
        """Stop its thread."""
        self._memory.close()


if __name__ == "__main__":
    common.main(HebbMind)
