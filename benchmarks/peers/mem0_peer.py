"""mem0 without its language model (`infer=False`), on a local Qdrant.

Its BM25 and its entities need models that come from a hub, so it has vectors alone.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import common

if TYPE_CHECKING:
    from pathlib import Path

# Read when mem0 is imported: nothing may leave the machine, and no key is needed.
os.environ |= {
    "MEM0_TELEMETRY": "False",
    "OPENAI_API_KEY": "unused",
    "MEM0_DIR": tempfile.mkdtemp(),
}

import mem0


class Mem0:
    """A mem0 memory on a local Qdrant."""

    package = "mem0ai"

    def __init__(self, folder: Path, model: str) -> None:
        length = common.dimension(model)
        vectors = {"path": str(folder / "qdrant"), "embedding_model_dims": length, "on_disk": True}
        self._memory = mem0.Memory.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": vectors},
                "embedder": {
                    "provider": "huggingface",
                    "config": {"model": model, "embedding_dims": length},
                },
                "history_db_path": str(folder / "history.db"),
            }
        )

    def add(self, turns: list[dict[str, str]]) -> None:
        """One memory a turn, as it is."""
        for turn in turns:
            self._memory.add(
                [{"role": "user", "content": turn["text"]}],
                user_id="talk",
                metadata={"turn": turn["id"]},
                infer=False,
            )

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        found = self._memory.search(question, filters={"user_id": "talk"}, top_k=k, threshold=0.0)
        return [each["metadata"]["turn"] for each in found["results"]]


if __name__ == "__main__":
    common.main(Mem0)
