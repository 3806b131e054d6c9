"""The PostgreSQL store does all that a store must do, on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helamem.stores.postgres import PostgresStore
from helamem.testing import SharedStoreContract, StoreContract, WithoutJournalContract

if TYPE_CHECKING:
    from helamem.protocols import Store


class TestOnAServer(StoreContract, SharedStoreContract):
    @pytest.fixture(autouse=True)
    def database(self, url: str) -> None:
        self.url = url

    def make_store(self, namespace: str) -> Store:
        return PostgresStore(
            self.url, namespace=namespace, embedder_name="test", dimension=self.dimension
        )


class TestWithoutAJournal(WithoutJournalContract):
    @pytest.fixture(autouse=True)
    def database(self, url: str) -> None:
        self.url = url

    def make_store(self, namespace: str) -> Store:
        return PostgresStore(
            self.url,
            namespace=namespace,
            embedder_name="test",
            dimension=self.dimension,
            journal=0,
        )
