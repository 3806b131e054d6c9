"""How often a search goes to the store, and how many statements it sends, however much there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helamem import Config, Memory
from helamem.models.embedders import HashingEmbedder
from helamem.search import search
from helamem.stores.sqlite.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helamem.protocols import Store
    from helamem.search.recall import Recall

SAID = ("Maya is allergic to peanuts.", "We cook for Maya on Friday.", "Ben likes almonds.")


class Recording:
    """A store that writes down what it is asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._store, name)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """A memory with turns, facts, lessons and earlier questions."""
    with Memory(tmp_path / "m.db", embedder=HashingEmbedder(64)) as memory:
        for i in range(30):
            memory.add(f"{SAID[i % 3]} That is so {i}.", speaker=("Ana", "Ben")[i % 2])
        for i in range(3):
            recall = memory.search(f"What is it with Maya {i}?")
            memory.reinforce(recall, used=recall.ids[:2])
        memory.consolidate(llm=False)
        yield memory


def asked(store: Any, memory: Memory) -> Recall:
    found = search.search(
        store,
        HashingEmbedder(64),
        Config(),
        "What is Maya allergic to, says Ana, in May 2024?",
        k=10,
        where=None,
        at=memory.now(),
    )
    assert found.hits
    assert found.cues
    return found


def test_a_search_reads_the_store_three_times(memory: Memory) -> None:
    recording = Recording(memory._store)

    asked(recording, memory)

    assert ["speakers", "region", "get"] == recording.calls


def test_a_search_sends_few_statements(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(memory._store, memory)
    sent: list[str] = []
    real = Database.execute

    def execute(database: Database, query: str, *values: Any) -> Any:
        sent.append(query)
        return real(database, query, *values)

    monkeypatch.setattr(Database, "execute", execute)

    asked(memory._store, memory)

    assert 9 == len(sent), "\n".join(sent)
