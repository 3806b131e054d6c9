"""What `bench speed` measures with: processes, candidates, and other systems."""

from __future__ import annotations

import multiprocessing
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem.config import Config
from helamem.errors import ConfigError
from helamem.evaluation import candidates, material, processes, rivals
from helamem.evaluation.experiments import speed
from helamem.evaluation.recording import Recorder
from helamem.evaluation.released import KEEP, RATE, TEMPORAL, Released
from helamem.memory import Memory
from helamem.models.embedders import HashingEmbedder
from helamem.stores.sqlite import word_search
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from helamem.evaluation.datasets import Dataset

TEXTS = [f"Ana planted {n} cherry trees by the river." for n in ("one", "two", "three", "four")]


def counting(n: int) -> Iterator[dict[str, Any]]:
    """Work that comes to its end."""
    yield from ({f"step {i}": i} for i in range(n))


def failing() -> Iterator[dict[str, Any]]:
    """Work that raises."""
    yield {"step": 0}
    raise LookupError("there is no second step")


def endless() -> Iterator[dict[str, Any]]:
    """Work that never ends."""
    yield {"step": 0}
    threading.Event().wait()


class TestProcesses:
    def test_what_work_yields_is_put_together(self) -> None:
        expected = {"step 0": 0, "step 1": 1}, ""

        assert expected == processes.here(counting, 2)
        assert expected == processes.apart(counting, 2)

    def test_an_error_comes_back_with_its_traceback(self) -> None:
        with pytest.raises(RuntimeError, match=r"(?s)in failing.*there is no second step"):
            processes.apart(failing)

    def test_what_does_not_end_is_ended(self) -> None:
        _, why = processes.apart(endless, within_s=0.1)

        assert "it was not through after 0.1 seconds" == why
        assert [] == multiprocessing.active_children()

    def test_what_was_yielded_before_the_end_is_kept(self) -> None:
        receiving, sending = multiprocessing.Pipe(duplex=False)
        sending.send({"step": 0})

        assert ({"step": 0}, "it was not through after 0 seconds") == processes._received(
            receiving, 0.0
        )
        sending.close()
        found, why = processes._received(receiving, None)
        assert ({}, True) == (found, "memory ran out" in why)
        receiving.close()


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory(":memory:", config=Config.of(), embedder=HashingEmbedder(32)) as memory:
        memory.add_many(TEXTS)
        yield memory


class TestCandidates:
    def test_all_candidates_are_found_with_exact_indexes(self, memory: Memory) -> None:
        query = speed._query(memory, Recorder(HashingEmbedder(32)), "Who planted three trees?")

        assert {"vector": 1.0, "words": 1.0} == candidates.recall(memory._store, [query], k=2)

    def test_words_that_are_not_looked_up_cost_candidates(
        self, memory: Memory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(word_search, "QUICK", 1)
        asked = samples.query(
            vector=np.ones(32, np.float32), terms=["river", "three"], nearest=2, max_postings=1
        )

        # one by its words, and the nearest, whose words count wherever it comes from
        assert 0.5 == candidates.recall(memory._store, [asked], k=4)["words"]

    def test_the_nearest_are_found_piece_by_piece(
        self, memory: Memory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(candidates, "CHUNK", 3)
        questions = HashingEmbedder(32).embed(TEXTS[:2])

        found = candidates.nearest(memory._store, questions, 2)

        ids = [int(each[0]) for each in found]
        assert TEXTS[:2] == [memory.get(id_).text for id_ in ids]
        assert [2, 2] == [len(set(each.tolist())) for each in found]


class TestRivals:
    @pytest.mark.parametrize("name", rivals.RIVALS)
    def test_each_is_measured_on_what_the_memory_holds(
        self, name: str, memory: Memory, tmp_path: Path
    ) -> None:
        if name in rivals.INSTALL:
            pytest.importorskip(name)
        asked = HashingEmbedder(32).embed(TEXTS[:1])
        given = material.written(memory._store, TEXTS[:1], asked, tmp_path / "given")
        (tmp_path / name).mkdir()

        found, why = processes.here(rivals.measured, name, given, tmp_path / name)

        assert (len(TEXTS), "") == (found["stored"], why)
        assert {"turns_per_s", "search_ms", "bytes_per_turn", "open_ms"} <= found.keys()
        assert ("add_ms" in found) == rivals.RIVALS[name].grows  # type: ignore[attr-defined]

    def test_an_unknown_one_is_refused_with_those_there_are(self) -> None:
        with pytest.raises(ConfigError, match=r"no system 'luck' .* released, numpy, bm25s"):
            rivals.require(["numpy", "luck"])

    def test_a_missing_one_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        with pytest.raises(ConfigError, match=r"bm25s is not installed.*helamem\[bench\].*--vs"):
            rivals.require(["released", "bm25s"])

    def test_the_released_one_links_what_comes_back_and_lets_the_rest_fade(
        self, tmp_path: Path
    ) -> None:
        system = Released(tmp_path)
        vectors = HashingEmbedder(32).embed(TEXTS)
        system.add(TEXTS, vectors)

        found = system.search(TEXTS[2], vectors[2], 2)
        system.save()
        system.load()

        assert TEXTS[2] == found[0]
        assert len(TEXTS) == len(found)  # two by themselves, and the others by activation
        edges = system._nodes[0].edges
        assert edges == pytest.approx({1: KEEP * TEMPORAL + RATE, 2: RATE, 3: RATE})


def test_memories_that_are_kept_are_not_built_again(dataset: Dataset, tmp_path: Path) -> None:
    first, again = (
        speed.run(
            dataset,
            embedder=HashingEmbedder(32),
            sizes=[10],
            keep=tmp_path,
            runner=processes.here,
        )["sizes"][0]
        for _ in range(2)
    )

    assert "turns_per_s" in first
    assert "turns_per_s" not in again
    assert again["search_ms"]["p50"] > 0


def test_who_is_too_slow_is_not_tried_at_more_turns(dataset: Dataset) -> None:
    def runner(
        work: Callable[..., Any], *arguments: Any, within_s: float | None = None
    ) -> tuple[dict[str, Any], str]:
        if within_s is None:
            return processes.here(work, *arguments)
        tried.append(arguments[0])
        return {"stored": 7}, "it was not through after 2 seconds"

    tried: list[str] = []
    result = speed.run(
        dataset,
        embedder=HashingEmbedder(32),
        sizes=[10, 20],
        vs=["numpy"],
        within=2,
        runner=runner,
    )

    assert ["numpy"] == tried
    assert (
        "numpy at 10 turns and more is left out: it was not through after 2 seconds, 7 turns taken in."
        == result["notes"][-1]
    )
