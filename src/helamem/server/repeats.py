"""Repeated requests: idempotency keys for writes, ETags for reads."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Response

from helamem.server.access import key_of
from helamem.server.limits import STREAMED
from helamem.server.problems import problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from fastapi import FastAPI, Request

    Next = Callable[[Request], Awaitable[Response]]

MOST_KEPT = 1000  # answers to writes that are known, the oldest going first
MOST_BYTES = 2**16  # of one such answer; a longer one is not kept
READS = ("GET", "HEAD", "OPTIONS")


@dataclass(slots=True)
class _Kept:
    """A write with a key: what was asked, and what was answered; nothing yet, while it runs."""

    asked: bytes
    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Repeats:
    """Writes that came with an `Idempotency-Key`, and what they were answered; kept by this process only."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Answer a write that was done already as it was answered then, and do others."""
        name = request.headers.get("idempotency-key")
        unkeyed = not name or request.method in READS or request.url.path.endswith(STREAMED)
        if unkeyed or not _is_let_in(request):
            return await call_next(request)
        asked = hashlib.sha256(await request.body()).digest()
        place = (_who(request), request.method, str(request.url), name)
        kept = self._kept.get(place)
        if kept is not None:
            return _again(kept, asked)
        kept = self._kept[place] = _Kept(asked)
        try:
            return await self._done(kept, await call_next(request))
        finally:
            if not kept.status:
                self._kept.pop(place, None)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    async def _done(self, kept: _Kept, response: Response) -> Response:
        body = await _whole(response)
        if body is None:
            return response
        headers = dict(response.headers)
        if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and len(body) <= MOST_BYTES:
            kept.status, kept.body, kept.headers = response.status_code, body, headers
        return Response(body, response.status_code, headers)


def _again(kept: _Kept, asked: bytes) -> Response:
    if kept.asked != asked:
        return problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "This Idempotency-Key came with another body before; use a new key for another write.",
        )
    if not kept.status:
        return problem(
            HTTPStatus.CONFLICT, "The write with this Idempotency-Key is not done yet; ask again."
        )
    return Response(kept.body, kept.status, {**kept.headers, "idempotency-replayed": "true"})


def _is_let_in(request: Request) -> bool:
    """Whether there is a key that holds; what it opens was looked at when the write was done."""
    try:
        key_of(request)
    except HTTPException:
        return False
    return True


def _who(request: Request) -> bytes:
    given = [request.headers.get(name, "") for name in ("authorization", "x-api-key")]
    return hashlib.sha256("\n".join(given).encode()).digest()


async def tagged(request: Request, call_next: Next) -> Response:
    """Add an ETag to a read, and answer 304 if the client has the same content."""
    response = await call_next(request)
    body = None
    if request.method == "GET" and response.status_code == HTTPStatus.OK:
        body = await _whole(response)
    if body is None:
        return response
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": tag})
    return Response(body, response.status_code, {**dict(response.headers), "etag": tag})


async def _whole(response: Any) -> bytes | None:  # noqa: ANN401  # Starlette's own kind of stream
    """The body of a response that says how long it is; None for a stream."""
    if "content-length" not in response.headers:
        return None
    return b"".join([chunk async for chunk in response.body_iterator])


def install(app: FastAPI) -> None:
    """Let an application answer repeats."""
    app.middleware("http")(tagged)
    app.middleware("http")(Repeats())
