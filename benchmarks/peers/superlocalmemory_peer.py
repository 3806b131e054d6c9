"""SuperLocalMemory in mode A: no language model, no cross-encoder.

Its `store` writes no vectors; the program asks for them and waits, and adding takes that long. Two runs
differ a little.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import common

if TYPE_CHECKING:
    from pathlib import Path

_HOME = tempfile.mkdtemp()
os.environ |= {"SLM_DATA_DIR": _HOME, "HOME": _HOME}  # read when it is imported

from superlocalmemory.core.config import EmbeddingConfig, SLMConfig  # noqa: E402
from superlocalmemory.core.engine import MemoryEngine  # noqa: E402
from superlocalmemory.storage.models import Mode  # noqa: E402


class SuperLocalMemory:
    """Its engine; `store` writes no vectors, so they are asked for afterwards."""

    package = "superlocalmemory"

    def __init__(self, folder: Path, model: str) -> None:
        config = SLMConfig.for_mode(Mode.A, base_dir=folder)
        config.retrieval.use_cross_encoder = False
        config.embedding = EmbeddingConfig(
            model_name=model, dimension=common.dimension(model), provider="sentence-transformers"
        )
        self._engine = MemoryEngine(config)
        self._engine.initialize()
        self._turns: dict[str, str] = {}

    def add(self, turns: list[dict[str, str]]) -> None:
        """One fact or more a turn."""
        for turn in turns:
            for id_ in self._engine.store(
                turn["text"],
                session_id=turn["session"],
                session_date=turn["at"],
                speaker=turn["speaker"],
            ):
                self._turns[id_] = turn["id"]
        self._engine.enrich_new_facts_now(list(self._turns), timeout_s=3600)

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first; a turn of several facts counts once."""
        found = self._engine.recall(question, limit=2 * k).results
        turns = [
            self._turns[each.fact.fact_id] for each in found if each.fact.fact_id in self._turns
        ]
        return list(dict.fromkeys(turns))[:k]


if __name__ == "__main__":
    common.main(SuperLocalMemory)
