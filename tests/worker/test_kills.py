"""Workers that are killed in the middle of jobs: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("procrastinate")

from helamem import Config, Memory
from helamem.models.embedders import HashingEmbedder
from helamem.testing import FixedClock
from helamem.worker.queue import SCHEMA, Queue
from llm_server import LLMServer, Say

if TYPE_CHECKING:
    from llm_server import Handler
    from postgres_server import Server

NAMES = [f"user-{i}" for i in range(6)]
KILLS = 6  # fewer than the tries of a job

pytestmark = pytest.mark.slow


def opened(url: str, namespace: str) -> Memory:
    config = Config.of(embedder="hashing:64")
    return Memory(
        url, namespace=namespace, config=config, embedder=HashingEmbedder(64), clock=FixedClock()
    )


class Killed:
    """A worker that is started again as long as there is work.

    Args:
        options: Its settings.
    """

    def __init__(self, url: str, server: Server, *options: str) -> None:
        Queue(url).prepare()
        self._server = server
        self._command = [
            *(sys.executable, "-m", "helamem", "-v", "--file", url, "--embedder", "hashing:64"),
            *("worker", "--once", "--jobs", "2", "--silent", "1", *options),
        ]
        self.kills = 0
        self.process: subprocess.Popen[str] | None = None

    def work(self, until: int = 0) -> None:
        """Start workers until all is done; with `until`, kill each after so many lines of its log."""
        while True:
            with subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True) as process:
                self.process = process
                assert process.stderr is not None
                for n, _ in enumerate(process.stderr, start=1):
                    if n == until + self.kills % 3 and self.kills < KILLS:
                        self.kill()
            if process.returncode == 0 and not self._left():
                return

    def kill(self) -> None:
        """Kill the worker."""
        if self.process is not None and self.kills < KILLS:
            self.kills += 1
            self.process.kill()

    def _left(self) -> bool:
        """Whether there are jobs, or news."""
        [(left,)] = self._server.execute(
            f"SELECT (SELECT count(*) FROM {SCHEMA}.procrastinate_jobs)"
            " + (SELECT count(*) FROM helamem.namespace WHERE news)",
            database="memories",
        )
        return bool(left)


@dataclass
class Distilling:
    """A model that makes every turn a fact, and kills who asks: at times before it answers, at times after."""

    worker: Killed | None = None
    asked: int = 0
    calls: list[int] = field(default_factory=list)

    def play(self, handler: Handler, request: dict[str, Any]) -> None:
        self.asked += 1
        n = self.asked
        assert self.worker is not None
        if n % 3 == 1:
            self.worker.kill()
        inside = request["messages"][-1]["content"].split("<episodes>\n")[1]
        turns = [json.loads(line) for line in inside.split("</episodes>")[0].splitlines()]
        facts = [
            {
                "text": f"Ana said: {each['text']}", "kind": "statement", "about": "", "sources": [each["id"]],
                "valid_from": "", "relation": "new", "old": None,
            }
            for each in turns
        ]  # fmt: skip
        Say(json.dumps({"facts": facts})).play(handler, request)
        if n % 3 == 2:
            self.worker.kill()


def test_every_turn_is_distilled_once(server: Server, url: str) -> None:
    turns = [f"Thing number {i} is on the shelf." for i in range(6)]
    for name in NAMES:
        with opened(url, name) as memory:
            memory.add(turns, speaker="Ana", session="s")
    model = Distilling()

    with LLMServer(model) as llm:
        model.worker = worker = Killed(
            url, server, "--set", "llm.model=m", "--set", f"llm.base_url={llm.base_url}",
            "--set", "reflection.stretch=2",
        )  # fmt: skip
        worker.work()

    assert KILLS == worker.kills
    for name in NAMES:
        with opened(url, name) as memory:
            assert sorted(f"Ana said: {each}" for each in turns) == sorted(
                each.text for each in memory.facts()
            )
            assert () == memory.check()


def test_every_namespace_forgets_its_share_once(server: Server, url: str) -> None:
    for name in NAMES:
        with opened(url, name) as memory:
            memory.add([f"Turn number {i}." for i in range(40)], session="s")
            memory.reinforce(memory.search("Turn number 1?"), used=[memory.list()[0].id])
    worker = Killed(url, server, "--forget")

    worker.work(until=2)

    assert KILLS == worker.kills
    for name in NAMES:
        with opened(url, name) as memory:
            assert 36 == memory.stats().episodes
            assert () == memory.check()
