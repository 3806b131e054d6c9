"""Treat a service badly, and say whether others are still served: slow clients, huge and broken bodies, idle ones.

    helamem --file /tmp/attacked.db serve --port 8421
    python scripts/attack_service.py 8421 [idle connections, 1,000 unless given]

It prints what became of each attack, and how long a search of another client took meanwhile.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import statistics
import sys
import time
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = "POST /v1/namespaces/ana/episodes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
ASKED = 20  # searches of the other client, after each attack


def connected(port: int) -> socket.socket:
    """A connection to the service."""
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def answer(connection: socket.socket) -> str:
    """The first line of an answer."""
    try:
        return connection.recv(4096).decode("latin-1").partition("\r\n")[0] or "closed"
    except OSError as error:
        return type(error).__name__


def huge_body(port: int) -> Iterator[str]:
    """A body that says that it is 10 GB long."""
    with connected(port) as connection:
        connection.sendall(f"{HEAD}Content-Length: 10000000000\r\n\r\n".encode())
        yield answer(connection)


def endless_chunks(port: int) -> Iterator[str]:
    """A body in chunks that says nothing of its length, and goes on until it is refused."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with connected(port) as connection:
        connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        sent = 0
        try:
            while sent < 2**30:
                connection.sendall(chunk)
                sent += 0x10000
        except OSError:
            pass
        yield f"{answer(connection)} after {sent / 2**20:.0f} MiB"


def broken_chunks(port: int) -> Iterator[str]:
    """A chunk whose length is none."""
    with connected(port) as connection:
        connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n".encode())
        yield answer(connection)


def deep_json(port: int) -> Iterator[str]:
    """JSON that is nested 100,000 deep."""
    body = b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with connected(port) as connection:
        connection.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        yield answer(connection)


def slow_bodies(port: int) -> Iterator[str]:
    """A hundred clients that never finish their bodies."""
    held = [connected(port) for _ in range(100)]
    for connection in held:
        connection.sendall(f"{HEAD}Content-Length: 100\r\n\r\n{{".encode())
    yield f"{len(held)} held"
    for connection in held:
        connection.close()


def long_head(port: int) -> Iterator[str]:
    """A header of 1 MiB."""
    with connected(port) as connection:
        with contextlib.suppress(OSError):  # it does not read all of it
            connection.sendall(f"{HEAD}X-Long: {'x' * 2**20}\r\n\r\n".encode())
        yield answer(connection)


def slow_heads(port: int) -> Iterator[str]:
    """A hundred clients that never finish their headers."""
    held = [connected(port) for _ in range(100)]
    for connection in held:
        connection.sendall(HEAD.encode())
    yield f"{len(held)} held"
    for connection in held:
        connection.close()


def slow_readers(port: int) -> Iterator[str]:
    """A hundred clients that ask for an export of 6 MB, and do not read it."""
    turns = [f"Turn {i}: {'tea and cake ' * 460}" for i in range(1000)]
    url = f"http://127.0.0.1:{port}/v1/namespaces/ana/episodes"
    httpx.post(url, json={"messages": turns}, timeout=120).raise_for_status()
    held = [connected(port) for _ in range(100)]
    for connection in held:
        connection.sendall(b"GET /v1/namespaces/ana/export HTTP/1.1\r\nHost: x\r\n\r\n")
    yield f"{len(held)} held"
    for connection in held:
        connection.close()


def idle(port: int, n: int) -> Iterator[str]:
    """Connections that say nothing."""
    held = [connected(port) for _ in range(n)]
    yield f"{len(held):,} held"
    for connection in held:
        connection.close()


def meanwhile(port: int) -> str:
    """How long another client waits for a search."""
    took = []
    for _ in range(ASKED):
        started = time.perf_counter()
        found = httpx.post(
            f"http://127.0.0.1:{port}/v1/namespaces/ben/search", json={"query": "tea"}, timeout=60
        )
        found.raise_for_status()
        took.append(1e3 * (time.perf_counter() - started))
    return f"{statistics.median(took):.1f} ms, at most {max(took):.1f}"


def main(port: str, connections: str = "1000") -> None:
    """Every attack, one after the other."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def many(port: int) -> Iterator[str]:
        return idle(port, int(connections))

    attacks: dict[str, Callable[[int], Iterator[str]]] = {
        "huge body": huge_body,
        "endless chunks": endless_chunks,
        "broken chunks": broken_chunks,
        "deep JSON": deep_json,
        "long head": long_head,
        "slow heads": slow_heads,
        "slow bodies": slow_bodies,
        "slow readers": slow_readers,
        "idle connections": many,
    }
    print(f"nothing: a search takes {meanwhile(int(port))}")
    for name, attack in attacks.items():
        for became in attack(int(port)):  # it goes on while the other client asks
            print(f"{name}: {became}; a search takes {meanwhile(int(port))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
