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

MOST_KEPT = 1000  # most answers to writes that are kept; the oldest go first
MOST_BYTES = 2**16  # longest answer that is kept, in bytes
READS = ("GET", "HEAD", "OPTIONS")


@dataclass(slots=True)
class _Kept:
    """A write with a key: its request, and its answer once it is done."""

    asked: bytes
    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Repeats:
    """The writes with an `Idempotency-Key`, and their answers; kept by this process only."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Answer a repeated write as the first time; pass on any other request."""
        name = request.headers.get("idempotency-key")
        unkeyed = not name or request.method in READS or STREAMED.search(request.url.path)
        if unkeyed or not _is_authorized(request):
            return await call_next(request)
        asked = hashlib.sha256(await request.body()).digest()
        place = (_client_digest(request), request.method, str(request.url), name)
        entry = self._kept.get(place)
        if entry is not None:
            return _replayed(entry, asked)
        entry = self._kept[place] = _Kept(asked)
        try:
            return await self._keep_response(entry, await call_next(request))
        finally:
            if not entry.status:
                self._kept.pop(place, None)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    async def _keep_response(self, entry: _Kept, response: Response) -> Response:
        body = await _whole_body(response)
        if body is None:
            return response
        headers = dict(response.headers)
        if response.status_code < HTTPStatus.BAD_REQUEST and len(body) <= MOST_BYTES:
            entry.status, entry.body, entry.headers = response.status_code, body, headers
        return Response(body, response.status_code, headers)


def _replayed(entry: _Kept, asked: bytes) -> Response:
    if entry.asked != asked:
        return problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "This Idempotency-Key came with another body before; use a new key for another write.",
        )
    if not entry.status:
        return problem(
            HTTPStatus.CONFLICT,
            "The write with this Idempotency-Key is not done yet; repeat the request later.",
        )
    return Response(entry.body, entry.status, {**entry.headers, "idempotency-replayed": "true"})


def _is_authorized(request: Request) -> bool:
    """Whether the request has a valid key; the write itself has checked what the key opens."""
    try:
        key_of(request)
    except HTTPException:
        return False
    return True


def _client_digest(request: Request) -> bytes:
    given = [request.headers.get(name, "") for name in ("authorization", "x-api-key")]
    return hashlib.sha256("\n".join(given).encode()).digest()


async def tagged(request: Request, call_next: Next) -> Response:
    """Add an ETag to a read, and answer 304 if the client has the same content."""
    response = await call_next(request)
    body = None
    if request.method == "GET" and response.status_code == HTTPStatus.OK:
        body = await _whole_body(response)
    if body is None:
        return response
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = request.headers.get("if-none-match", "")
    if tag in known or known.strip() == "*":
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": tag})
    return Response(body, response.status_code, {**dict(response.headers), "etag": tag})


async def _whole_body(response: Any) -> bytes | None:  # noqa: ANN401  # Starlette's own kind of stream
    """The body of a response with a Content-Length; None for a stream."""
    if "content-length" not in response.headers:
        return None
    return b"".join([chunk async for chunk in response.body_iterator])


def install(app: FastAPI) -> None:
    """Add idempotency keys and ETags to an application."""
    app.middleware("http")(tagged)
    app.middleware("http")(Repeats())
