"""A service that stops or is killed in the middle of writes has every write that it answered; two lose none."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

import helamem
from helamem import Client, Config, Episode, Memory, StoreError

pytestmark = pytest.mark.slow

ENOUGH = 40  # writes that are answered before it is told to stop
STARTED_S = 120.0  # a service that has not answered by then has failed


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def started(file: Path, port: int, *settings: str) -> subprocess.Popen[bytes]:
    options = ["--embedder", "hashing:64", *settings, "serve", "--port", str(port)]
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


def written(
    port: int, until: threading.Event, answered: dict[int, str], name: str = "ana"
) -> list[threading.Thread]:
    """Threads that write until the service is gone, and note what was answered."""

    def write(who: str) -> None:
        with Client(f"http://127.0.0.1:{port}", namespace=name) as client:
            for i in range(100_000):
                text = f"{who} has counted to {i}."
                try:
                    (id_,) = client.add(text).ids
                except StoreError:
                    return
                answered[id_] = text
                if len(answered) >= ENOUGH:
                    until.set()

    writers = [threading.Thread(target=write, args=(who,)) for who in ("Ana", "Ben", "Maya")]
    for writer in writers:
        writer.start()
    return writers


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_what_was_answered_is_there_when_it_comes_back(tmp_path: Path, how: str) -> None:
    file, port, enough = tmp_path / "served.db", free_port(), threading.Event()
    service = started(file, port)
    answered: dict[int, str] = {}
    try:
        writers = written(port, enough, answered)
        assert enough.wait(STARTED_S)
        service.send_signal(getattr(signal, how))
        for writer in writers:
            writer.join()
        code = service.wait(STARTED_S)
        service = started(file, port)
        with Client(f"http://127.0.0.1:{port}", namespace="ana") as client:
            kept = {each.id: each.text for each in client.list()}
            wrong = client.check()
            found = client.search(answered[min(answered)])
    finally:
        service.kill()
        service.wait()

    assert code == (0 if how == "SIGTERM" else -signal.SIGKILL)
    assert len(answered) >= ENOUGH
    assert answered.items() <= kept.items()
    assert () == tuple(wrong)
    assert found.hits


RATE = 0.001  # so small that each lesson shows in the weight
LESSONS = 15  # of each thread; there are four


def taught(memory: Memory | Client, times: int) -> None:
    """Say again and again that two memories served the same question."""
    for _ in range(times):
        memory.reinforce(memory.search("Who plays the cello in Lisbon?"), used=[1, 2])


def taught_at(port: int) -> None:
    with Client(f"http://127.0.0.1:{port}", namespace="ana") as client:
        taught(client, LESSONS)


def weights(file: Path, config: Config) -> list[float]:
    """The learned weights in a file, and how often the two memories were used."""
    with Memory(file, namespace="ana", config=config) as memory:
        lines = list(memory.export())
        used = [float(each.uses) for each in memory.list() if isinstance(each, Episode)]
    return [line["weight"] for line in lines if line["type"] == "edge"] + used


def test_two_services_that_learn_the_same_at_once_lose_no_lesson(tmp_path: Path) -> None:
    rated: dict[str, Any] = {"learning.rate": RATE, "learning.cue_rate": RATE}
    config = Config.of(embedder="hashing:64", **rated)
    file, alone = tmp_path / "served.db", tmp_path / "alone.db"
    for each in (file, alone):
        with Memory(each, namespace="ana", config=config) as memory:
            memory.add(["Maya plays the cello in Lisbon.", "The cello is Ana's."])
    ports = [free_port(), free_port()]
    options = [word for name in rated for word in ("--set", f"{name}={RATE}")]
    services = [started(file, port, *options) for port in ports]
    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(taught_at, 2 * ports))
    finally:
        for service in services:
            service.kill()
            service.wait()
    with Memory(alone, namespace="ana", config=config) as memory:
        taught(memory, 4 * LESSONS)

    together = weights(file, config)
    assert len(together) > 2
    assert together == pytest.approx(weights(alone, config), rel=1e-3)
    assert [4 * LESSONS] * 2 == together[-2:]
