"""How often a call waits for the server: this, not the number of statements, is what a network multiplies."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from helamem import Config, Memory
from helamem.models.embedders import HashingEmbedder
from helamem.stores.postgres import PostgresStore
from helamem.testing import FixedClock, samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # they need a database server

# What the client sends at the end of each batch, as libpq traces it.
WAITS = re.compile(r"\tF\t\d+\t(Sync|Query)")


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    opened = PostgresStore(url, namespace="main", made_by=samples.ANALYSIS, connections=1)
    samples.fill(opened)
    yield opened
    opened.close()


@contextmanager
def counted(store: PostgresStore, folder: Path) -> Iterator[list[int]]:
    """The number of round trips that the block makes."""
    found: list[int] = []
    pool = store._db._pool
    with (folder / "trace").open("w") as trace:
        with pool.connection() as connection:
            connection.pgconn.trace(trace.fileno())
        yield found
        with pool.connection() as connection:
            connection.pgconn.untrace()
    found.append(len(WAITS.findall((folder / "trace").read_text(encoding="utf-8"))))


def test_a_region_is_one(store: PostgresStore, tmp_path: Path) -> None:
    with counted(store, tmp_path) as found:
        store.region(samples.query())

    assert [1] == found


def test_any_number_of_turns_is_as_many_as_one(store: PostgresStore, tmp_path: Path) -> None:
    for n in (1, 100):
        turns = samples.episodes(*(f"turn {i} of {n}" for i in range(n)))
        with counted(store, tmp_path) as found:
            store.add(turns, link=0.5, now=0.0)

        assert [3] == found


def test_a_search_is_three_and_a_lesson_a_few(url: str, tmp_path: Path) -> None:
    config = Config()
    config = replace(config, storage=replace(config.storage, connections=1))
    with Memory(url, config=config, embedder=HashingEmbedder(64), clock=FixedClock()) as memory:
        memory.add("Maya is allergic to peanuts.", speaker="Ana")
        store = memory._store
        assert isinstance(store, PostgresStore)

        with counted(store, tmp_path) as searching:
            recall = memory.search("What should I not cook for Maya?")
        with counted(store, tmp_path) as filtering:
            memory.search("What should I not cook for Maya?", filters={"speaker": "Ana"})
        with counted(store, tmp_path) as learning:
            memory.reinforce(recall, used=[recall.hits[0].id])

    assert ([3], [4]) == (
        searching,
        filtering,
    )  # the speakers, the region (what is odd first), the hits
    assert [9] == learning  # what it was read from is read again, in the transaction
