"""Who may do what over HTTP, and in which namespace."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("mcp", reason="the extra [mcp] is not installed")

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver.exceptions import ToolError
from starlette.testclient import TestClient

from helamem.cli import mcp as command
from helamem.cli.serve import keys_of
from helamem.cli.settings import App
from helamem.mcp.access import Access, namespace_of
from helamem.mcp.app import create_server, transport_security
from helamem.server.keys import Key, Keys, Scope
from mcp_server.conftest import called, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from helamem.server.memories import Memories
    from helamem.testing import FixedClock

URL = "http://127.0.0.1:8421/mcp"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "served.keys.json")


class Served:
    """A server with keys, without a socket."""

    def __init__(self, memories: Memories, keys: Keys, clock: FixedClock) -> None:
        access = Access(memories=memories, namespace="ana", clock=clock, keys=keys)
        self._server = create_server(access, url=URL)

    @asynccontextmanager
    async def http(self, headers: dict[str, str]) -> AsyncIterator[httpx2.AsyncClient]:
        security = transport_security("127.0.0.1", ["memory.example"])
        app = self._server.streamable_http_app(json_response=True, transport_security=security)
        transport = httpx2.ASGITransport(app=app)
        async with (
            self._server.session_manager.run(),
            httpx2.AsyncClient(transport=transport, headers=headers) as http,
        ):
            yield http

    @asynccontextmanager
    async def client(self, key: str) -> AsyncIterator[Client]:
        async with (
            self.http({"Authorization": f"Bearer {key}"}) as http,
            Client(streamable_http_client(URL, http_client=http)) as client,
        ):
            yield client


@pytest.fixture
def served(memories: Memories, keys: Keys, clock: FixedClock) -> Served:
    keys.create(namespaces=["nobody"], scope="read", now=clock())  # a server with keys, that is
    return Served(memories, keys, clock)


@pytest.mark.anyio
class TestOverHttp:
    async def test_the_key_says_whose_memory_it_is(
        self, served: Served, keys: Keys, clock: FixedClock, memories: Memories
    ) -> None:
        key = keys.create(namespaces=["maya"], scope="write", now=clock())
        async with served.client(key) as client:
            await called(client, "remember", text="The gate needs a lock.")

        with memories.namespace("maya") as maya, memories.namespace("ana") as ana:
            assert (1, 0) == (maya.stats().episodes, ana.stats().episodes)

    async def test_a_key_that_reads_does_not_write(
        self, served: Served, keys: Keys, clock: FixedClock
    ) -> None:
        key = keys.create(namespaces=["maya"], scope="read", now=clock())
        async with served.client(key) as client:
            found = await called(client, "recall", question="gate")
            sentence = await refused(client, "remember", text="The gate needs a lock.")

        assert [] == found["memories"]
        assert "may not write in the namespace 'maya'" in sentence

    async def test_keys_made_later_close_the_server_until_it_starts_again(
        self, memories: Memories, keys: Keys, clock: FixedClock
    ) -> None:
        served = Served(memories, keys, clock)
        async with served.client("none") as client:
            await called(client, "remember", text="The gate needs a lock.")
            keys.create(namespaces=["maya"], scope="write", now=clock())
            sentence = await refused(client, "recall", question="gate")

        assert "Keys were made since this server started; start it again" in sentence

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer hm_0_0"}])
    async def test_without_a_key_nobody_comes_in(
        self, served: Served, headers: dict[str, str]
    ) -> None:
        async with served.http(headers) as http:
            answer = await http.post(URL, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})

        assert 401 == answer.status_code

    async def test_a_key_that_has_expired_is_none(
        self, served: Served, keys: Keys, clock: FixedClock
    ) -> None:
        key = keys.create(namespaces=["maya"], scope="read", now=clock(), expires_at=clock())
        async with served.http({"Authorization": f"Bearer {key}"}) as http:
            answer = await http.post(URL, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})

        assert 401 == answer.status_code

    @pytest.mark.parametrize(
        ("host", "known"), [("memory.example", True), ("evil.example", False), ("[::1]", True)]
    )
    async def test_only_names_of_this_machine_are_answered(
        self, served: Served, keys: Keys, clock: FixedClock, host: str, known: bool
    ) -> None:
        key = keys.create(namespaces=["maya"], scope="read", now=clock())
        async with served.http({"Authorization": f"Bearer {key}", "Host": host}) as http:
            answer = await http.post(URL, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})

        assert known == (answer.status_code != 421)


class TestNamespaceOf:
    def key(self, *namespaces: str, scope: Scope = "read") -> Key:
        return Key(prefix="p", hash="h", namespaces=namespaces, scope=scope, created_at=0.0)

    def test_one_name_is_it(self) -> None:
        assert "maya" == namespace_of(self.key("maya"), "ana")

    @pytest.mark.parametrize("namespaces", [("*",), ("ana", "maya"), ("an?",)])
    def test_of_several_it_is_that_of_the_launch(self, namespaces: tuple[str, ...]) -> None:
        assert "ana" == namespace_of(self.key(*namespaces), "ana")

    def test_several_without_that_of_the_launch_are_refused(self) -> None:
        with pytest.raises(ToolError, match="use a key for one"):
            namespace_of(self.key("maya", "zoe"), "ana")


def test_it_stays_closed_after_the_last_key_is_revoked(tmp_path: Path) -> None:
    app = App(file=str(tmp_path / "served.db"), embedder="hashing:64")
    own = keys_of(app)
    own.revoke(own.create(namespaces=["ana"], scope="read", now=0.0).split("_")[1])

    server = command._server(app, command._memories(app), url=URL)
    with TestClient(server.streamable_http_app()) as client:
        assert 401 == client.post("/mcp", json={}).status_code
