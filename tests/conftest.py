"""What most tests need: a clock that stands still, a small embedder, and a memory in RAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from helamem import Config, Memory
from helamem.models.embedders import HashingEmbedder

# No deadline, however busy the machine is; `make slow` asks for the second one.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("quick")

pytest.register_assert_rewrite("helamem.testing")  # before it is imported, for telling failures
from helamem.testing import FixedClock  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the data folder of whoever runs it."""
    monkeypatch.setenv("HELAMEM_HOME", str(tmp_path / "home"))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def memory(clock: FixedClock) -> Iterator[Memory]:
    with Memory(":memory:", config=Config(), embedder=HashingEmbedder(64), clock=clock) as opened:
        yield opened
