"""Handles of a server: opened beside each other, once each, and closed when nobody uses them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="the extra [server] is not installed")

from helamem import Config, Memory
from helamem.errors import StoreError
from helamem.server import memories as served
from helamem.server.memories import Memories

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = Config.of(embedder="hashing:64")
PATIENCE_S = 60  # then a test fails that would wait for ever


@pytest.fixture
def memories(tmp_path: Path) -> Memories:
    return Memories(tmp_path / "served.db", CONFIG, most_open=2)


def test_namespaces_are_opened_beside_each_other(
    memories: Memories, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, timeout=PATIENCE_S)

    class Slow(Memory):
        def __init__(self, *args: Any, **others: Any) -> None:
            both.wait()  # until the other one is being opened as well
            super().__init__(*args, **others)

    monkeypatch.setattr(served, "Memory", Slow)

    def namespace_of(name: str) -> str:
        with memories.namespace(name) as memory:
            return memory.namespace

    with ThreadPoolExecutor(2) as pool:
        assert ["ana", "ben"] == list(pool.map(namespace_of, ["ana", "ben"]))
    memories.close()


def test_a_namespace_is_opened_once(memories: Memories, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    all_ask = threading.Barrier(4, timeout=PATIENCE_S)

    class Counted(Memory):
        def __init__(self, *args: Any, **others: Any) -> None:
            opened.append(others["namespace"])
            super().__init__(*args, **others)

    monkeypatch.setattr(served, "Memory", Counted)

    def used(_: int) -> int:
        all_ask.wait()
        with memories.namespace("ana") as memory:
            return id(memory)

    with ThreadPoolExecutor(4) as pool:
        assert 1 == len(set(pool.map(used, range(4))))
    assert ["ana"] == opened
    memories.close()


def test_what_cannot_be_opened_is_tried_again(memories: Memories) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="namespace"), memories.namespace("\u200b"):
            pass
    assert {} == memories._open


def test_a_file_that_is_replaced_is_opened_anew(memories: Memories, tmp_path: Path) -> None:
    with Memory(tmp_path / "backup.db", config=CONFIG, namespace="ana") as backup:
        backup.add("It is of the backup.")
    with memories.namespace("ana") as before:
        before.add("It is of the file before.")
        for log in tmp_path.glob("served.db-*"):  # SQLite would read it with any file beside it
            log.unlink()
        (tmp_path / "backup.db").replace(memories.path)

        with memories.namespace("ana") as after:
            after.add("It is added.")
            held = [each.text for each in after.list()]

    assert ["It is of the backup.", "It is added."] == held
    with pytest.raises(StoreError, match="closed"):
        before.list()
    memories.close()


def test_idle_ones_are_closed_and_opened_again(memories: Memories) -> None:
    with memories.namespace("a") as first:
        for name in "bcd":
            with memories.namespace(name) as memory:
                memory.add("Hello there.")
        assert 1 == len(first.add("It is in use.").ids)
    assert 2 == len(memories._open)
    with memories.namespace("b") as memory:
        assert 1 == memory.stats().episodes
    memories.close()


def test_closing_an_idle_one_holds_up_nobody(
    memories: Memories, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, go_on = threading.Event(), threading.Event()

    class Reflecting(Memory):
        def close(self) -> None:
            closing.set()
            go_on.wait(PATIENCE_S)
            super().close()

    monkeypatch.setattr(served, "Memory", Reflecting)

    def use(name: str) -> str:
        with memories.namespace(name) as memory:
            return memory.namespace

    with ThreadPoolExecutor(2) as pool:
        for name in "ab":
            use(name)
        third = pool.submit(use, "c")  # closes "a"
        assert closing.wait(PATIENCE_S)
        assert "b" == pool.submit(use, "b").result(PATIENCE_S)
        go_on.set()
        assert "c" == third.result(PATIENCE_S)
    memories.close()
