"""neural-memory, its free tier, in memory, with the shared model as its embedder.

It has no number of hits to ask for, and brings back four at most. Its search changes what it finds the next
time, so each question is asked of a copy of the process. Two runs differ all the same.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import common
from neural_memory.core.brain import Brain, BrainConfig
from neural_memory.engine.encoder import MemoryEncoder
from neural_memory.engine.retrieval import ReflexPipeline
from neural_memory.storage.memory_store import InMemoryStorage

if TYPE_CHECKING:
    from pathlib import Path

TOKENS = 4000  # of the context that it fills; it has no number of hits to ask for


class NeuralMemory:
    """A brain; what it finds are fibres, of which it makes one or two a turn."""

    package = "neural-memory"
    searching_writes = True

    def __init__(self, folder: Path, model: str) -> None:  # noqa: ARG002  # it keeps nothing on disk
        common.dimension(
            model
        )  # fails where the model cannot be loaded; it would go on without one
        self._storage = InMemoryStorage()
        brain = Brain.create("talk", config=BrainConfig(embedding_model=model))
        asyncio.run(self._storage.save_brain(brain))
        self._storage.set_brain(brain.id)
        self._encoder = MemoryEncoder(self._storage, brain.config)
        self._config = brain.config
        self._turns: dict[str, str] = {}

    def add(self, turns: list[dict[str, str]]) -> None:
        """A neuron for the text of each turn, and the fibres that hang on it."""
        asyncio.run(self._add(turns))

    async def _add(self, turns: list[dict[str, str]]) -> None:
        for turn in turns:
            at = datetime.fromisoformat(turn["at"]).replace(tzinfo=None)
            made = await self._encoder.encode(turn["text"], timestamp=at)
            self._turns.setdefault(made.fiber.anchor_neuron_id, turn["id"])

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        return asyncio.run(self._search(question))[
            :k
        ]  # a copy of a process has no old loop's threads

    async def _search(self, question: str) -> list[str]:
        pipeline = ReflexPipeline(self._storage, self._config)
        found = await pipeline.query(question, max_tokens=TOKENS)
        fibres = [await self._storage.get_fiber(id_) for id_ in found.fibers_matched]
        anchors = [fibre.anchor_neuron_id for fibre in fibres]
        return list(dict.fromkeys(self._turns[each] for each in anchors if each in self._turns))


if __name__ == "__main__":
    common.main(NeuralMemory)
