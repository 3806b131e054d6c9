"""`bench tenants` on a server: nothing is lost or locked, and the large namespace is searched by its index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helamem.errors import ConfigError
from helamem.evaluation import forms, processes
from helamem.evaluation.experiments import tenants
from helamem.memory import Memory
from helamem.models.embedders import HashingEmbedder
from helamem.stores.postgres import PostgresStore

if TYPE_CHECKING:
    from pathlib import Path

    from helamem.evaluation.datasets import Dataset
    from postgres_server import Server

pytestmark = pytest.mark.slow  # they need a database server


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    file = tmp_path / "talk.jsonl"
    file.write_text(
        '{"id": "a", "turns": [{"id": "1", "text": "Ana hates peanuts", "speaker": "Ben", "at": "2024-05-01T10:00:00Z"},'
        ' {"id": "2", "text": "Maya comes on Friday for tea", "speaker": "Ana", "at": "2024-05-01T10:01:00Z"}],'
        ' "questions": [{"id": "q", "text": "What does Ana hate?", "evidence": ["1"]}]}\n',
        encoding="utf-8",
    )
    return forms.load(file)


def test_nothing_is_lost_and_the_large_one_has_an_index(
    server: Server, url: str, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenants, "LESSONS", 5)
    defaults = PostgresStore.__init__.__kwdefaults__ or {}
    monkeypatch.setitem(defaults, "large", 30)
    given: dict[str, Any] = {"embedder": HashingEmbedder(16), "loads": "hashing:16", "store": url}
    sizes: dict[str, Any] = {"namespaces": 3, "turns": 4, "large": 40, "clients": 2, "requests": 3}

    found, again = (tenants.run(dataset, **given, **sizes, runner=processes.here) for _ in range(2))

    with Memory(url, embedder=HashingEmbedder(16)) as memory:
        there = memory.namespaces()
    server.execute(
        *(
            f"DROP INDEX helamem.{name}"
            for (name,) in server.execute(
                "SELECT relname FROM pg_class WHERE starts_with(relname, 'near_')",
                database="memories",
            )
        ),
        database="memories",
    )
    assert found["store"].startswith("PostgreSQL")
    assert (0, 0) == (found["deadlocks"], found["learned"]["lost"])
    assert found["in_large"]["index"]["bytes"] > 0
    assert found["in_large"]["one"]["recall@20"] >= 0.97
    assert found["bytes_per_turn"] > 0
    # What is there is not built again, nor is its index.
    assert 3 + 1 == len(there)
    assert "scan" not in again["in_large"]


def test_a_store_with_other_memories_is_left_alone(url: str, dataset: Dataset) -> None:
    embedder = HashingEmbedder(16)
    with Memory(url, namespace="maya", embedder=embedder) as memory:
        memory.add("mine")
    given: dict[str, Any] = {"embedder": embedder, "loads": "hashing:16", "store": url}

    with pytest.raises(ConfigError, match=r"'maya': name an empty one with --store"):
        tenants.run(dataset, **given, runner=processes.here)

    with Memory(url, namespace="maya", embedder=embedder) as memory:
        assert 1 == memory.stats().episodes
