"""mcp-memory-service's store in SQLite, without its server.

It is asked as its tool for searching asks unless told otherwise: by vectors. Memories carry the time of the
conversation.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import common
from mcp_memory_service.models.memory import Memory
from mcp_memory_service.storage.sqlite_vec import SqliteVecMemoryStorage
from mcp_memory_service.utils.hashing import generate_content_hash
from sentence_transformers import SentenceTransformer

if TYPE_CHECKING:
    from pathlib import Path


class McpMemoryService:
    """Its storage, without the server around it."""

    package = "mcp-memory-service"

    def __init__(self, folder: Path, model: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._storage = SqliteVecMemoryStorage(str(folder / "memory.db"), embedding_model=model)
        self._loop.run_until_complete(self._storage.initialize())
        # Else it goes on with hashes of words.
        assert isinstance(self._storage.embedding_model, SentenceTransformer)
        self._turns: dict[str, str] = {}

    def add(self, turns: list[dict[str, str]]) -> None:
        """One memory a turn, made when the turn was said; the same text again is not stored."""
        self._loop.run_until_complete(self._add(turns))

    async def _add(self, turns: list[dict[str, str]]) -> None:
        for turn in turns:
            digest = generate_content_hash(turn["text"])
            at = datetime.fromisoformat(turn["at"]).timestamp()
            await self._storage.store(
                Memory(
                    content=turn["text"],
                    content_hash=digest,
                    tags=[turn["speaker"]],
                    created_at=at,
                    updated_at=at,
                )
            )
            self._turns.setdefault(digest, turn["id"])

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        found = self._loop.run_until_complete(self._storage.retrieve(question, n_results=k))
        return [self._turns[each.memory.content_hash] for each in found]


if __name__ == "__main__":
    common.main(McpMemoryService)
