"""Large namespaces are packed: what is read from packs is what the rows of the nodes say."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helamem.errors import CorruptError
from helamem.stores.sqlite import SQLiteStore, nodes, packs
from helamem.testing import StoreContract, samples
from helamem.testing.base import raising

if TYPE_CHECKING:
    from pathlib import Path

    from helamem.protocols import Store

PACKED = 8


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "EXACT_BELOW", 12)
    monkeypatch.setattr(packs, "NODES", PACKED)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def opened(path: Path, busy_s: float = 10.0) -> SQLiteStore:
    """A handle; those with another `busy_s` share nothing with it."""
    return SQLiteStore(
        path, namespace="main", embedder_name="test", dimension=samples.DIMENSION, busy_s=busy_s
    )


def fill(store: SQLiteStore, n: int = 60) -> list[int]:
    return [
        id_
        for i in range(n)
        for id_ in samples.add(
            store, f"turn {i}", session=f"session {i % 5}", speaker="Ben" if i % 2 else "Ana"
        )
    ]


def n_packs(path: Path) -> int:
    connection = sqlite3.connect(path)
    (n,) = connection.execute("SELECT count(*) FROM pack").fetchone()
    connection.close()
    return int(n)


class TestPacked(StoreContract):
    """A store is a store whether it packs or not."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packs, "EXACT_BELOW", 1)
        monkeypatch.setattr(packs, "NODES", 2)
        self.path = tmp_path / "memory.db"

    def make_store(self, namespace: str) -> Store:
        return SQLiteStore(
            self.path, namespace=namespace, embedder_name="test", dimension=self.dimension
        )
