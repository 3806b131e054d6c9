"""Limits on clients: body size, requests per second, and time."""

from __future__ import annotations

import asyncio
import re
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

from helamem.frozen import dataclass
from helamem.server.problems import problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


# The routes that take JSON lines, which are spooled to a file
STREAMED = re.compile(r"/v1/namespaces/[^/]+/(?:episodes/stream|import)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on one client, and on all together.

    Attributes:
        body_bytes: The longest body of a request, in bytes.
        stream_bytes: The longest body of JSON lines, in bytes.
        items: The most turns in a batch, hits in a search, or memories on a page.
        per_second: Requests per second and key, on average; 0 for no limit.
        burst: The most requests at once.
        seconds: The time until an answer must begin.
        exports: The most exports that are written at once; others wait.
    """

    body_bytes: int = 16 * 2**20
    stream_bytes: int = 2**30
    items: int = 1000
    per_second: float = 0.0
    burst: int = 100
    seconds: float = 120.0
    exports: int = 2


class TokenBuckets:
    """A bucket per client: each request takes a token, and tokens return at a steady rate.

    Args:
        rate: Tokens per second.
        size: The capacity of a bucket.
        most: The most clients that are tracked; the longest silent are forgotten.
    """

    def __init__(self, rate: float, size: int, *, most: int = 10_000) -> None:
        self._rate = rate
        self._size = float(size)
        self._most = most
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, client: str, now: float) -> float:
        """Take a token; return 0, or the seconds until there is one.

        >>> buckets = TokenBuckets(rate=2.0, size=1)
        >>> buckets.take("a", now=0.0), buckets.take("a", now=0.0), buckets.take("a", now=0.5)
        (0.0, 0.5, 0.0)
        """
        with self._lock:
            tokens, since = self._buckets.pop(client, (self._size, now))
            tokens = min(tokens + (now - since) * self._rate, self._size)
            enough = tokens >= 1.0
            self._buckets[client] = (tokens - 1.0 if enough else tokens, now)
            while len(self._buckets) > self._most:
                self._buckets.pop(next(iter(self._buckets)))
        return 0.0 if enough else (1.0 - tokens) / self._rate


class _TooLargeError(Exception):
    """The body is longer than allowed."""


class BodyLimit:
    """Refuses bodies that are too long, with or without a Content-Length."""

    def __init__(self, app: ASGIApp, most: int, streamed: int) -> None:
        self._app = app
        self._most = {False: most, True: streamed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless its headers say that its body is too long or compressed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most[STREAMED.search(scope["path"]) is not None]
        refusal = _refusal(dict(scope["headers"]), most)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self._count(most, scope, receive, send)

    async def _count(self, most: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting the bytes of its body."""
        came, begun = 0, False

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                raise _TooLargeError
            return message

        async def answered(message: Message) -> None:
            nonlocal begun
            if came <= most or begun:
                begun = True
                await send(message)

        try:
            await self._app(scope, counted, answered)
        except Exception:
            if came <= most or begun:
                raise  # otherwise it comes of the refusal, in whatever it was wrapped on its way
        if came > most and not begun:
            await _too_large(most)(scope, receive, send)


def _refusal(headers: Mapping[bytes, bytes], most: int) -> ASGIApp | None:
    """The answer to a body that its headers say is too long, or compressed; None if neither."""
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > most:
        return _too_large(most)
    encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip()
    if encoding.lower() in {"", "identity"}:
        return None
    return problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"The body is encoded as {encoding:.40}; send it unencoded.",
        headers={"connection": "close"},
    )


def _too_large(most: int) -> ASGIApp:
    return problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The body is longer than {most:,} bytes; send it in parts, or as JSON lines.",
        headers={"connection": "close"},
    )


class TimeLimit:
    """Ends requests whose answer does not start in time, including slow bodies."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        # A task without a reference may be garbage-collected, if nobody waits for it any more.
        self._working: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer 504 if it takes too long."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = {"begun": False, "refused": False}

        async def answered(message: Message) -> None:
            if not state["refused"]:
                state["begun"] = True
                await send(message)

        working = asyncio.ensure_future(self._app(scope, receive, answered))
        self._working.add(working)
        working.add_done_callback(self._working.discard)
        await asyncio.wait({working}, timeout=self._seconds)
        if working.done() or state["begun"]:
            await working
            return
        state["refused"] = True
        working.add_done_callback(_leave_untold)
        await _too_long(self._seconds)(scope, receive, send)


def _leave_untold(working: asyncio.Task[None]) -> None:
    """Take a late failure for told: the client was answered already."""
    if not working.cancelled():
        working.exception()


def _too_long(seconds: float) -> ASGIApp:
    return problem(
        HTTPStatus.GATEWAY_TIMEOUT,
        f"This took longer than {seconds:g} s (--seconds); a write that had begun may still be "
        "done.",
        headers={"connection": "close"},
    )
