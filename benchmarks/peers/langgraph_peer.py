"""LangGraph's InMemoryStore with an index over the text: vectors alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import common
from langgraph.store.memory import InMemoryStore
from sentence_transformers import SentenceTransformer

if TYPE_CHECKING:
    from pathlib import Path

SPACE = ("talk",)


class LangGraph:
    """A store in memory."""

    package = "langgraph-checkpoint"

    def __init__(self, folder: Path, model: str) -> None:  # noqa: ARG002  # it keeps nothing on disk
        encoder = SentenceTransformer(model, device="cpu")

        def embed(texts: list[str]) -> list[list[float]]:
            vectors: list[list[float]] = encoder.encode(
                list(texts), normalize_embeddings=True
            ).tolist()
            return vectors

        dims = encoder.get_sentence_embedding_dimension()
        self._store = InMemoryStore(index={"dims": dims, "embed": embed, "fields": ["text"]})

    def add(self, turns: list[dict[str, str]]) -> None:
        """One item a turn."""
        for turn in turns:
            self._store.put(SPACE, turn["id"], {"text": turn["text"]})

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        return [each.key for each in self._store.search(SPACE, query=question, limit=k)]


if __name__ == "__main__":
    common.main(LangGraph)
