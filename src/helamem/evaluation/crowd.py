"""The work of clients of many namespaces, each in the calling process: searching, adding, learning."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from helamem.config import Config
from helamem.frozen import dataclass
from helamem.memory import Memory, load_embedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.synchronize import Barrier

    from helamem.evaluation.processes import Part

START_S = 300.0  # seconds that the slowest client has to get ready


@dataclass(frozen=True, slots=True)
class Client:
    """One of several clients that begin at the same time.

    Attributes:
        number: Which one it is.
        embedder: As `Config.embedder` names it.
        namespaces: Of these it draws one for each request.
        requests: How many it sends, each when the one before is answered.
        ready: Where it waits for the others.
    """

    number: int
    place: str
    embedder: str
    namespaces: Sequence[str]
    requests: int
    ready: Barrier


def searching(client: Client, questions: Sequence[str]) -> Iterator[Part]:
    """Search drawn namespaces, each opened first; times in milliseconds, and when it began and ended."""

    def search(memory: Memory, n: int) -> object:
        return memory.search(questions[(client.number + n) % len(questions)])

    yield _sent(client, search)


def adding(client: Client) -> Iterator[Part]:
    """Add single turns to drawn namespaces."""

    def add(memory: Memory, n: int) -> object:
        return memory.add(f"Client {client.number} has a new turn, its number {n}.", speaker="Ana")

    yield _sent(client, add)


def learning(client: Client, question: str, used: Sequence[int]) -> Iterator[Part]:
    """Say of the same memories again and again that they served."""

    def learn(memory: Memory, _: int) -> object:
        return memory.reinforce(memory.search(question), used=used)

    yield _sent(client, learn)


def _sent(client: Client, ask: Callable[[Memory, int], object]) -> Part:
    """Send the requests of a client."""
    config = Config.of(embedder=client.embedder)
    embedder = load_embedder(config)
    drawn = np.random.default_rng(client.number).integers(
        len(client.namespaces), size=client.requests
    )
    embedder.embed(["load the model before anything is timed"])
    Memory(client.place, namespace=client.namespaces[0], config=config, embedder=embedder).close()
    opened: dict[str, Memory] = {}
    open_ms: list[float] = []
    asked_ms: list[float] = []
    client.ready.wait(START_S)
    began = time.monotonic()  # the same for all processes
    for n, place in enumerate(drawn.tolist()):
        name = str(client.namespaces[int(place)])
        started = time.perf_counter()
        if name not in opened:
            opened[name] = Memory(client.place, namespace=name, config=config, embedder=embedder)
            open_ms.append(1e3 * (time.perf_counter() - started))
            started = time.perf_counter()
        ask(opened[name], n)
        asked_ms.append(1e3 * (time.perf_counter() - started))
    ended = time.monotonic()
    for memory in opened.values():
        memory.close()
    return {"open_ms": open_ms, "asked_ms": asked_ms, "began": began, "ended": ended}
