"""The application: routes, authorization, limits, metrics."""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from helamem import tracing
from helamem.server import examples, pages, problems, queries, repeats
from helamem.server.access import valid_key
from helamem.server.dialects import leaderboard, mem0
from helamem.server.limits import BodyLimit, Limits, TimeLimit, TokenBuckets
from helamem.server.recalls import LatestRecalls
from helamem.server.routes import answers, episodes, moving, namespaces, search
from helamem.server.shapes import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from helamem.server.keys import Keys
    from helamem.server.memories import Memories

logger = logging.getLogger(__name__)

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status.value: {
        "description": status.phrase,
        "content": {problems.MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
    }
    for status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.NOT_IMPLEMENTED,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    )
}


def create_app(
    memories: Memories, keys: Keys | None = None, limits: Limits | None = None
) -> FastAPI:
    """The service over a file of memories.

    Args:
        memories: The memories to serve; closed when the service stops.
        keys: The keys that open it; with none, everybody who reaches it may use it.
        limits: Limits on each client.
    """
    limits = limits or Limits()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001  # FastAPI's signature
        yield
        memories.close()

    app = FastAPI(
        title="helamem",
        summary="Long-term memory for LLM agents that learns what belongs together.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        telemetry={
            "tracing": False,
            "logs": False,
        },  # they would say the path, and so whose memory it is
        responses=PROBLEMS,
    )
    app.state.memories = memories
    app.state.keys = keys
    app.state.recalls = LatestRecalls()
    app.state.exports = CapacityLimiter(limits.exports)
    app.state.check_items = _items_check(limits.items)
    problems.install(app)
    for own in (episodes, search, answers, moving, namespaces):
        app.include_router(own.router, dependencies=[Depends(queries.only_known_once)])
    for dialect in (mem0, leaderboard):
        app.include_router(dialect.router)
    _add_health(app)
    repeats.install(app)
    examples.install(app)
    pages.install(app)
    app.add_middleware(BodyLimit, most=limits.body_bytes, streamed=limits.stream_bytes)
    _watch(app, limits)
    app.add_middleware(TimeLimit, seconds=limits.seconds)
    return app


def _items_check(most: int) -> Callable[[int], None]:
    def check(asked: int) -> None:
        if asked > most:
            raise ValueError(
                f"{asked:,} items are more than the {most:,} allowed in one request; ask for "
                "fewer, or page by page"
            )

    return check


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", tags=["service"])
    async def healthz() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["service"])
    def readyz() -> dict[str, str]:
        """Whether the file can be read."""
        with app.state.memories.namespace("default") as memory:
            memory.stats()
        return {"status": "ready"}


class _Metrics:
    """What is counted of requests, for Prometheus."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "helamem_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "helamem_request_seconds",
            "Time to answer",
            ["method", "route"],
            registry=self._registry,
        )

    def count(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(method, route).observe(took_s)

    def text(self) -> bytes:
        """All counts, as Prometheus reads them."""
        return generate_latest(self._registry)


def _watch(app: FastAPI, limits: Limits) -> None:
    """Count requests, give each an id, and enforce the rate limit."""
    metrics = _Metrics()
    buckets = TokenBuckets(limits.per_second, limits.burst) if limits.per_second else None

    @app.get("/metrics", tags=["service"], response_class=PlainTextResponse, name="metrics")
    def shown() -> Response:
        """Metrics for Prometheus."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @app.middleware("http")
    async def watch(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        started = time.perf_counter()
        id_ = request.headers.get("x-request-id", "")[:64] or secrets.token_hex(8)
        request.state.request_id = id_
        with tracing.request(request.method, request.headers) as span:
            try:
                wait = buckets.take(_client(request), started) if buckets else 0.0
                response: Response = _too_often(wait) if wait else await call_next(request)
            except Exception as error:  # noqa: BLE001  # counted and logged as any other answer
                response = await problems.on_unexpected_error(request, error)
            route = getattr(request.scope.get("route"), "path", "unknown")
            span.rename(f"{request.method} {route}")
            span.note(http__route=route, http__response__status_code=response.status_code)
            if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.fail(str(response.status_code))
        response.headers["x-request-id"] = id_
        took = time.perf_counter() - started
        metrics.count(request.method, route, response.status_code, took)
        logger.info(
            "%s %s %d in %.1f ms, request %s",
            request.method, route, response.status_code, 1e3 * took, id_,
        )  # fmt: skip
        return response


def _client(request: Request) -> str:
    """Whose bucket a request takes from: that of its valid key, or else of its address."""
    key = valid_key(request)
    return f"key {key.prefix}" if key else request.client.host if request.client else ""


def _too_often(wait: float) -> JSONResponse:
    return problems.problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"Too many requests; try again in {wait:.1f} s.",
        headers={"Retry-After": str(int(wait) + 1)},
    )
