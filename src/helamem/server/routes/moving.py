"""Routes that stream: many turns, imports, exports, reindexing."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003  # FastAPI reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from helamem.exchange.jsonl import parsed
from helamem.server import streams
from helamem.server.access import Namespace, opened, require, require_all
from helamem.server.shapes import Whole  # noqa: TC001  # FastAPI reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from helamem.memory import Memory
    from helamem.plain import Record

router = APIRouter(tags=["moving"])

LINES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            streams.MEDIA_TYPE: {"schema": {"type": "string"}},
        },
    }
}
TOLD: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Progress, line by line, and at the end the result.",
        "content": {
            streams.MEDIA_TYPE: {"schema": {"type": "string"}},
        },
    }
}
EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One JSON object per line.",
        "content": {streams.MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@router.post(
    "/v1/namespaces/{namespace}/episodes/stream",
    responses=TOLD,
    openapi_extra=LINES,
    response_class=StreamingResponse,
)
async def add_many(
    request: Request, namespace: Namespace, batch_size: Annotated[Whole | None, Query(ge=1)] = None
) -> StreamingResponse:
    """Store turns in batches, one JSON object per line; reported batches are durable."""

    def work(memory: Memory, lines: Iterable[str], progress: Callable[[int], None]) -> Record:
        return memory.add_many(_objects(lines), batch_size=batch_size, progress=progress)

    return await _taken_in(request, namespace, work)


@router.post(
    "/v1/namespaces/{namespace}/import",
    responses=TOLD,
    openapi_extra=LINES,
    response_class=StreamingResponse,
)
async def import_(request: Request, namespace: Namespace) -> StreamingResponse:
    """Import an export or a JSONL of turns, all or nothing."""

    def work(memory: Memory, lines: Iterable[str], progress: Callable[[int], None]) -> Record:
        return memory.import_(lines, progress=progress)

    return await _taken_in(request, namespace, work)


def _objects(lines: Iterable[str]) -> Iterator[Any]:
    """The value of each line; blank lines are skipped.

    Raises:
        DataError: A line is not JSON.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield parsed(line, number)


async def _taken_in(
    request: Request,
    namespace: str,
    work: Callable[[Memory, Iterable[str], Callable[[int], None]], Record],
) -> StreamingResponse:
    await run_in_threadpool(require, request, namespace, "write")  # before the body is read
    lines = await streams.lines(request)

    def run(progress: Callable[[int], None]) -> Record:
        with opened(request, namespace, "write") as memory:
            return work(memory, lines, progress)

    return await streams.reported(run)


@router.get(
    "/v1/namespaces/{namespace}/export", responses=EXPORTED, response_class=StreamingResponse
)
async def export(request: Request, namespace: Namespace) -> StreamingResponse:
    """Export everything in the namespace but the vectors, one JSON object per line."""

    def written() -> StreamingResponse:
        with opened(request, namespace, "read") as memory:
            return streams.spooled(memory.export())

    return await to_thread.run_sync(written, limiter=request.app.state.exports)


@router.get("/v1/export", responses=EXPORTED, response_class=StreamingResponse)
async def export_all(request: Request) -> StreamingResponse:
    """Export every namespace, one after the other; needs an admin key for all namespaces."""

    def written() -> StreamingResponse:
        require_all(request)
        with request.app.state.memories.namespace("default") as memory:
            return streams.spooled(memory.export(all_namespaces=True))

    return await to_thread.run_sync(written, limiter=request.app.state.exports)


@router.post("/v1/reindex", responses=TOLD, response_class=StreamingResponse)
async def reindex(request: Request) -> StreamingResponse:
    """Compute the vectors, terms and traits of the whole file again; needs an admin key for all namespaces."""
    await run_in_threadpool(require_all, request)

    def run(progress: Callable[[int], None]) -> Record:
        with request.app.state.memories.namespace("default") as memory:
            report: Record = memory.reindex(progress=progress)
            return report

    return await streams.reported(run)
