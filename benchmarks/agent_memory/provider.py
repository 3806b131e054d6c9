"""helamem as a memory provider of the public agent-memory-benchmark (vectorize-io/agent-memory-benchmark, `omb`).

    python benchmarks/agent_memory/provider.py run --dataset locomo --split locomo10 --memory helamem

Run it with a Python that has both packages; the benchmark is installed from its repository, and what follows are the
arguments of its own program `omb`. Turns are remembered one by one, each unit of a data set (a user, a conversation) in
a namespace of its own; no language model is asked. What a question brings back is given session by session.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_bench.memory.base import MemoryProvider
from memory_bench.models import Document

from helamem import Config
from helamem.server.memories import Memories

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from helamem import Hit, Recall

TURNS = 40  # so many turns are brought back for a question, and given in their sessions
EVERYBODY = "everybody"  # the namespace of documents that belong to nobody


class HelaMemProvider(MemoryProvider):
    """Stores turns, and finds those that belong to a question."""

    name = "helamem"
    description = "Associative memory in one SQLite file: static vectors, words, time and learned edges; no LLM."
    kind = "local"
    provider = "helamem"

    def __init__(self) -> None:
        self._memories: Memories | None = None

    def prepare(self, store_dir: Path, unit_ids: set[str] | None = None) -> None:  # noqa: ARG002  # namespaces are made by being written to
        """Open the file in the run's folder."""
        self.cleanup()
        store_dir.mkdir(parents=True, exist_ok=True)
        self._memories = Memories(store_dir / "helamem.db", Config())

    def cleanup(self) -> None:
        """Close the file."""
        if self._memories is not None:
            self._memories.close()
            self._memories = None

    def ingest(self, documents: list[Document]) -> None:
        """Remember the turns of each document, which is a session."""
        for document in documents:
            turns = [{**turn, "session": document.id} for turn in turns_of(document)]
            with self._opened().namespace(document.user_id or EVERYBODY) as memory:
                memory.add(turns, at=moment(document.timestamp))

    def retrieve(
        self,
        query: str,
        k: int = 10,
        user_id: str | None = None,
        query_timestamp: str | None = None,
    ) -> tuple[list[Document], dict[str, Any] | None]:
        """The sessions that hold what belongs to a question, the best first, each with its turns that do."""
        with self._opened().namespace(user_id or EVERYBODY) as memory:
            recall = memory.search(query, k=TURNS, at=moment(query_timestamp))
        found = list(sessions_of(recall))[:k]
        raw = {"confidence": recall.confidence, "ids": list(recall.ids)}
        return [Document(id=name, content=told, user_id=user_id) for name, told in found], raw

    def _opened(self) -> Memories:
        if self._memories is None:
            self.prepare(Path(tempfile.mkdtemp(prefix="helamem-")))
        assert self._memories is not None
        return self._memories


def turns_of(document: Document) -> list[dict[str, Any]]:
    """The turns of a document: its messages; or those in its content, where that is a JSON list; or its text."""
    turns = document.messages or _listed(document.content)
    if not turns:
        return [{"text": document.content}] if document.content.strip() else []
    return [turn for turn in map(_turn, turns) if turn["text"].strip()]


def _listed(content: str) -> list[dict[str, Any]]:
    try:
        read = json.loads(content)
    except ValueError:
        return []
    is_turns = isinstance(read, list) and all(isinstance(each, dict) for each in read)
    return read if is_turns else []


def _turn(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn of any data set; what a picture shows is a part of it."""
    text = str(turn.get("content") or turn.get("text") or "")
    caption = turn.get("blip_caption")
    role = str(turn.get("role") or "")
    return {
        "text": f"{text} [image: {caption}]" if caption else text,
        "speaker": str(turn.get("speaker") or turn.get("name") or role),
        "role": role,
    }


def moment(stamp: str | None) -> datetime | None:
    """A time of the benchmark, which is in UTC unless it says otherwise."""
    try:
        read = datetime.fromisoformat(stamp or "")
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def sessions_of(recall: Recall) -> Iterator[tuple[str, str]]:
    """The hits by session, which are in the order of their best hits; the turns of each in the order of time."""
    by_session: dict[str, list[Hit]] = {}
    for hit in recall:
        by_session.setdefault(hit.session, []).append(hit)
    return (
        (name, _told(sorted(hits, key=lambda hit: (hit.at, hit.id))))
        for name, hits in by_session.items()
    )


def _told(hits: Iterable[Hit]) -> str:
    hits = list(hits)
    lines = [f"{hit.speaker}: {hit.text}" if hit.speaker else hit.text for hit in hits]
    return "\n".join([f"{hits[0].at:%A, %d %B %Y, %H:%M} UTC", *lines])


if __name__ == "__main__":
    from memory_bench.memory import REGISTRY

    REGISTRY[HelaMemProvider.name] = HelaMemProvider
    from memory_bench.cli import app

    app()
