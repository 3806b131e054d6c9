"""What most tests need: a clock that stands still, a small embedder, and a memory in RAM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helamem import Config, Memory
from helamem.embedders import HashingEmbedder

NOW = 1_700_000_000.0


class StandingClock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the data folder of whoever runs it."""
    monkeypatch.setenv("HELAMEM_HOME", str(tmp_path / "home"))


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def memory(clock: StandingClock) -> Iterator[Memory]:
    with Memory(":memory:", config=Config(), embedder=HashingEmbedder(64), clock=clock) as opened:
        yield opened
