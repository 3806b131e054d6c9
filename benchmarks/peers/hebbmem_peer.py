"""hebbmem: Hebbian edges and spreading activation over an encoder of its own; reading changes it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import common
from hebbmem import HebbMem
from hebbmem.encoders import EncoderBackend
from sentence_transformers import SentenceTransformer

if TYPE_CHECKING:
    from pathlib import Path


class Encoder(EncoderBackend):
    """The model that all systems share."""

    def __init__(self, model: str) -> None:
        self._model = SentenceTransformer(model, device="cpu")

    def encode(self, text: str) -> object:
        """One vector."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: list[str]) -> object:
        """One vector a text."""
        return self._model.encode(list(texts), normalize_embeddings=True).astype("float32")

    @property
    def dimension(self) -> int:
        """Of the model."""
        return 384


class Hebbmem:
    """A hebbmem memory; each question is asked of a copy, so that none changes the next one's memory."""

    package = "hebbmem"

    def __init__(self, folder: Path, model: str) -> None:  # noqa: ARG002  # it keeps nothing on disk
        self._memory = HebbMem(encoder=Encoder(model))

    def add(self, turns: list[dict[str, str]]) -> None:
        """One memory a turn; ten steps of its time between sessions."""
        session = None
        for turn in turns:
            if session not in (None, turn["session"]):
                self._memory.step(10)
            session = turn["session"]
            self._memory.store(turn["text"], importance=0.5, metadata={"turn": turn["id"]})

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        before = copy.deepcopy(self._memory._graph)
        found = self._memory.recall(question, top_k=k)
        self._memory._graph = before
        return [each.metadata["turn"] for each in found]


if __name__ == "__main__":
    common.main(Hebbmem)
