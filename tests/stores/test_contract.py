"""The SQLite store does all that a store must do, in a file and in RAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helamem.stores.sqlite import SQLiteStore
from helamem.testing import SharedStoreContract, StoreContract, WithoutJournalContract, samples

if TYPE_CHECKING:
    from pathlib import Path

    from helamem.protocols import Store


@pytest.mark.slow  # the same statements as in RAM, and many files
class TestInAFile(StoreContract, SharedStoreContract):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "memory.db"

    def make_store(self, namespace: str) -> Store:
        return SQLiteStore(self.path, namespace=namespace, made_by=samples.ANALYSIS)


class TestSharingNothing(SharedStoreContract):
    """Handles with other settings share nothing in this process, as those of other processes."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "memory.db"
        self.n_made = 0

    def make_store(self, namespace: str) -> Store:
        self.n_made += 1
        return SQLiteStore(
            self.path,
            namespace=namespace,
            made_by=samples.ANALYSIS,
            busy_s=10.0 + self.n_made,
        )


class TestInRAM(StoreContract):
    def make_store(self, namespace: str) -> Store:
        return SQLiteStore(":memory:", namespace=namespace, made_by=samples.ANALYSIS)


class TestWithoutAJournal(WithoutJournalContract):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "memory.db"

    def make_store(self, namespace: str) -> Store:
        return SQLiteStore(
            self.path,
            namespace=namespace,
            made_by=samples.ANALYSIS,
            journal=0,
        )
