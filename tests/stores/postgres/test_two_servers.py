"""Two servers, and namespaces spread over them by a digest: nothing else is assumed to be in one place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import postgres_server
from helamem import Config, Memory
from helamem.copying import copy_namespaces
from helamem.stores.postgres import PostgresStore
from helamem.testing import samples
from helamem.testing.isolation import IsolationContract
from test_copying import filled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helamem.protocols import Store
    from postgres_server import Server

pytestmark = pytest.mark.slow  # they need a database server

DOCUMENT = Path(__file__).parents[3] / "docs" / "scaling.md"
CONFIG = Config.of(embedder="hashing:64")
NAMES = [f"user {n}" for n in range(6)]


def documented() -> Callable[[str, list[str]], str]:
    """`server_of`, as the documentation gives it."""
    text = DOCUMENT.read_text(encoding="utf-8")
    [block] = re.findall(r"```python\n(import hashlib.*?)```", text, re.S)
    names: dict[str, Any] = {}
    exec(block, names)  # our own documentation
    found: Callable[[str, list[str]], str] = names["server_of"]
    return found


server_of = documented()


@pytest.fixture(scope="module")
def second(server: Server) -> Iterator[Server]:
    """Another server; it is skipped where there is none."""
    with postgres_server.running() as started:
        yield started


@pytest.fixture(scope="module", params=["spread"])
def urls(server: Server, second: Server, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """A database of these tests on each server."""
    for each in (server, second):
        each.execute(f"CREATE DATABASE {request.param}")
    yield [each.url(request.param) for each in (server, second)]
    server.execute(f"DROP DATABASE {request.param} WITH (FORCE)")


def emptied(url: str, namespace: str) -> PostgresStore:
    """A namespace in which nothing is stored."""
    store = PostgresStore(url, namespace=namespace, made_by=samples.ANALYSIS)
    store.drop()
    return store


class TestSpread(IsolationContract):
    """Namespaces that lie on different servers are apart as those of one are, although their ids are the same."""

    @pytest.fixture(autouse=True)
    def place(self, urls: list[str]) -> None:
        self.urls = urls

    def make_store(self, namespace: str) -> Store:
        return emptied(server_of(namespace, self.urls), namespace)

    def test_both_servers_may_give_out_the_same_ids(self, server: Server, second: Server) -> None:
        stores = [emptied(url, "both") for url in self.urls]
        for each in (server, second):
            each.execute("ALTER SEQUENCE helamem.node_id RESTART 1000000", database="spread")

        ids = [samples.add(store, url) for store, url in zip(stores, self.urls, strict=True)]

        assert [[1000000], [1000000]] == ids
        assert self.urls == [store.get([1000000])[0].text for store in stores]
        for store in stores:
            store.close()


@pytest.mark.parametrize("urls", ["others"], indirect=True)
def test_each_namespace_lies_where_its_digest_says(urls: list[str]) -> None:
    for name in NAMES:
        filled(server_of(name, urls), name)

    there = {}
    for url in urls:
        with Memory(url, config=CONFIG) as memory:
            there[url] = [each.name for each in memory.namespaces()]
    for url in urls:
        expected = [name for name in NAMES if server_of(name, urls) == url]
        assert expected
        assert sorted(expected) == [name for name in there[url] if name in NAMES]


@pytest.mark.parametrize("urls", ["others"], indirect=True)
def test_a_namespace_moves_to_another_server_with_all_it_has_learned(urls: list[str]) -> None:
    one, other = urls
    filled(one, "maya", "ben")

    [copied] = copy_namespaces(one, other, config=CONFIG, namespaces=["maya"])

    assert (3, 1, ()) == (copied.stored, copied.cues, copied.differences)
    with Memory(one, namespace="maya", config=CONFIG) as memory:
        memory.drop_namespace("maya")
        assert "ben" in (rest := [each.name for each in memory.namespaces()])
        assert "maya" not in rest


def test_one_more_server_takes_its_share_and_nothing_else_moves() -> None:
    names = [f"user {n}" for n in range(3000)]
    three = ["postgresql://a/m", "postgresql://b/m", "postgresql://c/m"]

    before = [server_of(name, three[:2]) for name in names]
    after = [server_of(name, three) for name in names]

    moved = [new for old, new in zip(before, after, strict=True) if new != old]
    assert {three[2]} == {*moved}
    assert 900 < len(moved) < 1100
    assert 900 < after.count(three[0]) < 1100
