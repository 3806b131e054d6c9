"""Whatever is done in whatever order, the PostgreSQL store agrees with a model made of dicts."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from helamem.stores.postgres import PostgresStore
from helamem.testing import samples
from stores import test_stateful

if TYPE_CHECKING:
    from helamem.protocols import Store

pytestmark = pytest.mark.slow


class Machine(test_stateful.Machine):
    """The same, in namespaces of its own each time."""

    url: str
    runs = itertools.count()

    def __init__(self) -> None:
        self.run = next(self.runs)
        super().__init__()

    def _opened(self, namespace: str) -> Store:
        return PostgresStore(
            self.url,
            namespace=f"{namespace} {self.run}",
            made_by=samples.ANALYSIS,
        )


@pytest.fixture(autouse=True)
def place(url: str) -> None:
    Machine.url = url


TestStateful = Machine.TestCase
TestStateful.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
