"""A database works wherever a file does: in the library, at the command line, behind the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from helamem import AsyncMemory, Config, Memory
from helamem.cli import main
from helamem.copying import copy_namespaces
from helamem.models.embedders import HashingEmbedder
from helamem.testing import FixedClock
from test_copying import CONFIG, filled

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

pytestmark = pytest.mark.slow  # they need a database server

EMBEDDER = HashingEmbedder(64)
NAMESPACE = "x" * 300


def opened(url: str, namespace: str = "maya") -> Memory:
    return Memory(url, namespace=namespace, config=Config(), embedder=EMBEDDER, clock=FixedClock())


def run(url: str, *arguments: str) -> Result:
    options = ["--file", url, "--namespace", "maya", "--embedder", "hashing:64"]
    return CliRunner().invoke(main, [*options, *arguments], catch_exceptions=False)


def test_a_memory_remembers_learns_and_forgets(url: str) -> None:
    with opened(url) as memory:
        memory.add("Maya is allergic to peanuts.", speaker="Ana")
        memory.add("We are cooking for Maya on Friday.", speaker="Ana")
        recall = memory.search("What should I not cook for Maya?")
        [peanuts] = [hit.id for hit in recall.hits if "peanuts" in hit.text]
        assert 1 == memory.reinforce(recall, used=[peanuts]).bound
        memory.delete(peanuts)

    with opened(url) as memory:
        assert ["We are cooking for Maya on Friday."] == [each.text for each in memory.list()]


def test_its_path_is_told_without_the_password(url: str) -> None:
    with_password = url.replace("postgres@", "postgres:se%40cret@")
    with opened(with_password) as memory:
        told = (memory.path, repr(memory), memory.stats().path, run(with_password, "doctor").output)

    assert all("se%40cret" not in each and "postgres@" in each for each in told)


def test_namespaces_of_any_length_are_apart(url: str) -> None:
    with opened(url, NAMESPACE + "a") as one, opened(url, NAMESPACE + "b") as other:
        one.add("mine")
        other.add("theirs")

        assert ["mine"] == [each.text for each in one.list()]
        assert [NAMESPACE + "a", NAMESPACE + "b"] == [each.name for each in one.namespaces()]
        one.drop_namespace(NAMESPACE + "b")
        assert [NAMESPACE + "a"] == [each.name for each in one.namespaces()]


def test_an_export_goes_into_a_file_and_back(url: str, tmp_path: Path) -> None:
    with opened(url) as memory:
        memory.add("Maya is allergic to peanuts.", speaker="Ana")
        exported = [json.dumps(each) for each in memory.export()]
    with Memory(
        tmp_path / "m.db", namespace="maya", config=Config(), embedder=EMBEDDER, clock=FixedClock()
    ) as file:
        file.import_(exported)
        assert ["Maya is allergic to peanuts."] == [each.text for each in file.list()]


async def _searched(url: str) -> list[str]:
    async with AsyncMemory(
        url, namespace="maya", config=Config(), embedder=EMBEDDER, clock=FixedClock()
    ) as memory:
        await memory.add("Maya is allergic to peanuts.")
        return [hit.text for hit in (await memory.search("peanuts")).hits]


def test_it_can_be_awaited(url: str) -> None:
    import asyncio

    assert ["Maya is allergic to peanuts."] == asyncio.run(_searched(url))


def test_the_command_line_takes_its_url(url: str) -> None:
    assert 0 == run(url, "add", "Maya is allergic to peanuts.").exit_code
    found = json.loads(run(url, "search", "peanuts", "--json").output)
    assert "Maya is allergic to peanuts." == found["hits"][0]["text"]
    for command in ("stats", "doctor", "repair", "namespaces", "reindex", "export"):
        assert 0 == run(url, command).exit_code, command


def test_the_service_takes_its_url(url: str) -> None:
    testclient = pytest.importorskip("fastapi.testclient")
    from helamem.server.app import create_app
    from helamem.server.memories import Memories

    memories = Memories(url, Config.of(embedder="hashing:64"))
    with testclient.TestClient(create_app(memories)) as client:
        stored = client.post(
            "/v1/namespaces/maya/episodes", json={"messages": ["Maya hates peanuts."]}
        )
        assert 201 == stored.status_code
        found = client.post("/v1/namespaces/maya/search", json={"query": "peanuts"}).json()
        assert "Maya hates peanuts." == found["hits"][0]["text"]


def test_a_whole_memory_is_copied_from_a_file_and_back(url: str, tmp_path: Path) -> None:
    filled(tmp_path / "a.db", "maya", "ben")
    for source, target in ((tmp_path / "a.db", url), (url, tmp_path / "b.db")):
        copies = list(copy_namespaces(source, target, config=CONFIG))

        assert [("ben", 3, ()), ("maya", 3, ())] == [
            (each.namespace, each.stored, each.differences) for each in copies
        ]
