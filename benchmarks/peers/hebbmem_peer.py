"""hebbmem, its encoder being the shared model, with ten steps of its time between sessions.

Its search changes its graph, so each question is asked of a copy of the process. For every memory that
activation reaches it looks through all edges, which takes seconds; an index gives it the same edges in the
same order, so that it brings back the same. One question in about forty is asked of hebbmem as it is, and
only these are timed.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import common
from hebbmem import HebbMem
from hebbmem.encoders import EncoderBackend
from sentence_transformers import SentenceTransformer

if TYPE_CHECKING:
    from pathlib import Path

AS_IT_IS = 40  # one question in about so many


class Encoder(EncoderBackend):
    """The model that all systems share."""

    def __init__(self, model: str) -> None:
        self._model = SentenceTransformer(model, device="cpu")
        self._dimension: int = self._model.get_sentence_embedding_dimension()

    def encode(self, text: str) -> object:
        """One vector."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: list[str]) -> object:
        """One vector a text."""
        return self._model.encode(list(texts), normalize_embeddings=True).astype("float32")

    @property
    def dimension(self) -> int:
        """Of the model."""
        return self._dimension


class Hebbmem:
    """A hebbmem memory.

    For every memory that activation reaches, it looks through all edges of the graph, which takes seconds
    a question. Here an index gives it the same edges in the same order, so that it brings back the same.
    One question in so many is asked of hebbmem as it is, and only these are timed.
    """

    package = "hebbmem"
    searching_writes = True

    def __init__(self, folder: Path, model: str) -> None:  # noqa: ARG002  # it keeps nothing on disk
        self._memory = HebbMem(encoder=Encoder(model))
        self._neighbours: dict[Any, list[tuple[Any, float]]] = {}
        self.timed = True

    def add(self, turns: list[dict[str, str]]) -> None:
        """One memory a turn; ten steps of its time between sessions."""
        session = None
        for turn in turns:
            if session not in (None, turn["session"]):
                self._memory.step(10)
            session = turn["session"]
            self._memory.store(turn["text"], importance=0.5, metadata={"turn": turn["id"]})
        graph = self._memory._graph
        self._neighbours = {id_: [] for id_ in graph._nodes}
        for (source, target), edge in graph._edges.items():
            self._neighbours[source].append((target, edge.weight))

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        self.timed = zlib.crc32(question.encode()) % AS_IT_IS == 0
        if self._neighbours and not self.timed:
            self._memory._graph.get_neighbors = self._neighbours.__getitem__
        return [each.metadata["turn"] for each in self._memory.recall(question, top_k=k)]


if __name__ == "__main__":
    common.main(Hebbmem)
