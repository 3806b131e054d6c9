"""A service that is told to stop in the middle of writes has every write that it answered."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

import helamem
from helamem import Client, Config, Memory, StoreError

pytestmark = pytest.mark.slow

ENOUGH = 40  # writes that are answered before it is told to stop
STARTED_S = 120.0  # a service that has not answered by then has failed


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def started(file: Path, port: int) -> subprocess.Popen[bytes]:
    options = ["--embedder", "hashing:64", "serve", "--port", str(port)]
    source = str(Path(helamem.__file__).parents[1])
    service = subprocess.Popen(
        [sys.executable, "-m", "helamem", "--file", str(file), *options],
        env={**os.environ, "PYTHONPATH": source, "HELAMEM_HOME": str(file.parent / "home")},
        stderr=subprocess.DEVNULL,
    )
    given_up = time.monotonic() + STARTED_S
    while time.monotonic() < given_up and service.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return service
    service.kill()
    raise AssertionError("the service did not start")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM")
def test_what_was_answered_is_there_after_it_was_stopped(tmp_path: Path) -> None:
    file, port = tmp_path / "served.db", free_port()
    service = started(file, port)
    answered: dict[int, str] = {}
    enough = threading.Event()

    def write(who: str) -> None:
        with Client(f"http://127.0.0.1:{port}", namespace="ana") as client:
            for i in range(100_000):
                text = f"{who} has counted to {i}."
                try:
                    (id_,) = client.add(text).ids
                except StoreError:
                    return
                answered[id_] = text
                if len(answered) >= ENOUGH:
                    enough.set()

    writers = [threading.Thread(target=write, args=(who,)) for who in ("Ana", "Ben", "Maya")]
    try:
        for writer in writers:
            writer.start()
        assert enough.wait(STARTED_S)
        service.send_signal(signal.SIGTERM)
        for writer in writers:
            writer.join()
        code: Any = service.wait(STARTED_S)
    finally:
        service.kill()

    assert code in (0, -signal.SIGTERM)
    with Memory(file, namespace="ana", config=Config.of(embedder="hashing:64")) as memory:
        kept = {each.id: each.text for each in memory.list()}
    assert len(answered) >= ENOUGH
    assert answered.items() <= kept.items()
