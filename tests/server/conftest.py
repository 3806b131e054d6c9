from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="the extra [server] is not installed")

from fastapi.testclient import TestClient

from helamem import Config
from helamem.server.app import create_app
from helamem.server.keys import Keys
from helamem.server.memories import Memories

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def memories(tmp_path: Path) -> Memories:
    return Memories(tmp_path / "served.db", Config.of(embedder="hashing:64"))


@pytest.fixture
def client(memories: Memories) -> Iterator[TestClient]:
    """The service without keys."""
    with TestClient(create_app(memories)) as opened:
        yield opened


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "served.keys.json")


@pytest.fixture
def guarded(memories: Memories, keys: Keys) -> Iterator[TestClient]:
    """The service with keys."""
    with TestClient(create_app(memories, keys)) as opened:
        yield opened
