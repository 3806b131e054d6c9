"""The PostgreSQL store does all that a store must do, on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helamem.stores.postgres import PostgresStore
from helamem.testing import SharedStoreContract, StoreContract, WithoutJournalContract, samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helamem.protocols import Store
    from postgres_server import Server

pytestmark = pytest.mark.slow  # they need a database server


@pytest.fixture(autouse=True, scope="module")
def connected(server: Server, database: str, emptied: Callable[[], object]) -> Iterator[None]:
    """Keeps the connections of this process open: a new one has to read the tables of all partitions."""
    emptied()  # others may have used another embedder
    kept = PostgresStore(
        server.url(database),
        namespace="kept",
        made_by=samples.ANALYSIS,
    )
    yield
    kept.close()


class TestOnAServer(StoreContract, SharedStoreContract):
    @pytest.fixture(autouse=True)
    def address(self, url: str) -> None:
        self.url = url

    def make_store(self, namespace: str) -> Store:
        return PostgresStore(self.url, namespace=namespace, made_by=samples.ANALYSIS)


class TestWithoutAJournal(WithoutJournalContract):
    @pytest.fixture(autouse=True)
    def address(self, url: str) -> None:
        self.url = url

    def make_store(self, namespace: str) -> Store:
        return PostgresStore(
            self.url,
            namespace=namespace,
            made_by=samples.ANALYSIS,
            journal=0,
        )
