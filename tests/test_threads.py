"""How many threads compute at once."""

from __future__ import annotations

import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem.config import Config
from helamem.memory import Memory
from helamem.models.embedders import HashingEmbedder
from helamem.search import search
from helamem.stores.sqlite import regions
from helamem.testing import samples
from helamem.threads import Slots, computing, gaining, processors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_S = 0.2  # seconds that a thread waits for others that must not come


class Meeting:
    """Counts how many threads are in a function at once, and waits there for one more than may come."""

    def __init__(self, most: int) -> None:
        self.most = 0
        self._inside = 0
        self._lock = threading.Lock()
        self._crowd = threading.Barrier(most + 1)

    def at(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def met(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                self._inside += 1
                self.most = max(self.most, self._inside)
            with contextlib.suppress(threading.BrokenBarrierError):
                self._crowd.wait(PATIENCE_S)
            with self._lock:
                self._inside -= 1
            return function(*arguments, **named)

        return met


@pytest.mark.parametrize("step", [(regions, "read"), (search, "activate")], ids=["read", "compute"])
def test_no_more_searches_compute_at_once_than_there_are_slots(
    step: tuple[Any, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "n", 2)
    computing.renew()
    meeting = Meeting(2)
    monkeypatch.setattr(*step, meeting.at(getattr(*step)))
    with (
        Memory(tmp_path / "a.db", config=Config(), embedder=HashingEmbedder(32)) as memory,
        ThreadPoolExecutor(6) as pool,
    ):
        memory.add("The gate is open.")

        found = list(pool.map(memory.search, ["Is the gate open?"] * 6))

    monkeypatch.undo()
    computing.renew()
    assert 2 >= meeting.most
    assert all(recall.hits for recall in found)


def test_a_search_in_a_transaction_needs_no_slot_to_read(tmp_path: Path) -> None:
    """Who waits for a slot there would keep all writers waiting."""
    query = samples.query(vector=np.ones(32, np.float32), nearest=5, lexical=5)
    with (
        Memory(tmp_path / "a.db", config=Config(), embedder=HashingEmbedder(32)) as memory,
        contextlib.ExitStack() as taken,
    ):
        memory.add("The gate is open.")
        for _ in range(computing.n):
            taken.enter_context(computing)

        with memory._store.transaction() as inside:
            found = inside.region(query)

    assert 1 == len(found.nodes.ids)


def test_all_slots_are_free_again_in_a_child() -> None:
    slots = Slots(1)
    with slots:
        slots.renew()
        with slots:
            pass


def test_there_is_a_slot_at_least() -> None:
    assert processors() >= 1


@pytest.mark.parametrize(("has_lock", "each"), [(True, 1), (False, 4)])
def test_more_threads_compute_where_python_runs_them_at_once(
    has_lock: bool, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: has_lock, raising=False)

    assert each * processors() == gaining()
