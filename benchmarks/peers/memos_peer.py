"""MemOS's `general_text` memory on a local Qdrant: vectors alone.

The language model that its configuration demands is never asked. It needs transformers 4, and so an older
sentence-transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import common
from memos.configs.memory import MemoryConfigFactory
from memos.memories.factory import MemoryFactory

if TYPE_CHECKING:
    from pathlib import Path


class MemOS:
    """A `general_text` memory on a local Qdrant; the model that it demands is never asked."""

    package = "MemoryOS"

    def __init__(self, folder: Path, model: str) -> None:
        nobody = {"model_name_or_path": "none", "api_key": "unused", "api_base": "http://localhost"}
        vectors = {
            "collection_name": "talk",
            "path": str(folder / "qdrant"),
            "vector_dimension": common.dimension(model),
            "distance_metric": "cosine",
        }
        embedder = {"model_name_or_path": model, "trust_remote_code": False}
        config = {
            "extractor_llm": {"backend": "openai", "config": nobody},
            "embedder": {"backend": "sentence_transformer", "config": embedder},
            "vector_db": {"backend": "qdrant", "config": vectors},
        }
        self._memory = MemoryFactory.from_config(
            MemoryConfigFactory(backend="general_text", config=config)
        )
        self._turns: dict[str, str] = {}

    def add(self, turns: list[dict[str, str]]) -> None:
        """One memory a turn, as it is."""
        for turn in turns:
            metadata = {"user_id": "talk", "type": "event", "source": "conversation"}
            self._memory.add([{"memory": turn["text"], "metadata": metadata}])
            self._turns[turn["text"]] = turn["id"]

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        return [self._turns[each.memory] for each in self._memory.search(question, top_k=k)]


if __name__ == "__main__":
    common.main(MemOS)
