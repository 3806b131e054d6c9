"""Consolidation and forgetting read what they need, and never all memories at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import Config, Memory
from helamem import forgetting as planning
from helamem.consolidation import clusters, consolidate
from helamem.consolidation.consolidate import _around_hubs, _distillable
from helamem.decay import rule
from helamem.models.embedders import HashingEmbedder
from helamem.models.scripted import ScriptedLLM
from helamem.stores.sqlite.reading import Reading

if TYPE_CHECKING:
    import pytest

    from helamem.protocols import Ints

STRETCH: dict[str, Any] = {"reflection.stretch": 5}
CONFIG = Config.of("default", **STRETCH)


class Reads:
    """How many memories each read of a store returned."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.memories: list[int] = []
        self.edges: list[int] = []
        real_get, real_edges = Reading.get, Reading.edges

        def get(store: Reading, ids: Any, **options: Any) -> Any:
            found = real_get(store, ids, **options)
            self.memories.append(len(found))
            return found

        def edges(store: Reading, sources: Ints, **options: Any) -> Any:
            found = real_edges(store, sources, **options)
            self.edges.append(len(found.sources))
            return found

        monkeypatch.setattr(Reading, "get", get)
        monkeypatch.setattr(Reading, "edges", edges)

    def of(self, act: Any) -> tuple[int, int]:
        """How many memories and edges an act reads."""
        self.memories.clear()
        self.edges.clear()
        act()
        return sum(self.memories), sum(self.edges)


def life(n: int) -> Memory:
    """A memory of so many turns; three of the first ones have served together."""
    memory = Memory(":memory:", config=CONFIG, embedder=HashingEmbedder(16))
    memory.add_many({"content": f"Ana has seen {i} hens.", "speaker": "Ana"} for i in range(n))
    for _ in range(4):
        memory.reinforce(memory.search("Who has seen hens?", k=9), used=[1, 2, 3, 4])
    return memory


def test_consolidation_reads_the_same_in_a_longer_life(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = Reads(monkeypatch)
    costs = []
    for n in (60, 600):
        with life(n) as memory:
            first = reads.of(memory.consolidate)
            costs.append((first, reads.of(memory.consolidate)))
            assert memory.facts()

    assert costs[0] == costs[1]
    assert all(cost > 0 for first in costs[0] for cost in first)


def test_what_a_model_has_read_is_read_again_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consolidate, "AT_ONCE", 16)
    reads = Reads(monkeypatch)
    with life(60) as memory:
        llm = ScriptedLLM(lambda *_: {"facts": []})
        memory.consolidate(llm=llm)
        called = len(llm.calls)
        reads.of(lambda: memory.consolidate(llm=llm))

    assert called == len(llm.calls) > 0
    assert max(reads.memories) == 16


def test_forgetting_reads_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    with life(60) as memory:
        whole = memory.forget()
        monkeypatch.setattr(planning, "AT_ONCE", 16)
        reads = Reads(monkeypatch)

        assert (60, 0) == (reads.of(memory.forget)[0], sum(n > 16 for n in reads.memories))
        assert whole == memory.forget()


def test_hubs_are_those_of_the_whole_graph() -> None:
    generator = np.random.default_rng(3)
    with life(80) as memory:
        for _ in range(40):
            recall = memory.search("Who has seen hens?", k=9)
            memory.reinforce(recall, used=(generator.choice(30, 3, replace=False) + 1).tolist())
        store, settings = memory._store, memory._config
        everything = _distillable(store, store.ids(kinds=["episode"]))
        given: dict[str, Any] = {
            "rule": rule(settings.learning), "now": 0.0, "config": settings.consolidation,
        }  # fmt: skip

        whole = clusters.find_clusters(everything, store.all_edges(), **given)
        part = clusters.find_clusters(
            *_around_hubs(store, settings.consolidation.min_degree), **given
        )

    assert whole.n_hubs > 3
    assert whole == part
