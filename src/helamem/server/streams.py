"""Reads long bodies line by line, and streams the progress of long work.

A stream of progress is JSON lines: `{"done": 256}` after each step, and at the end `{"result": {...}}`, or
`{"problem": {...}}` if the work failed after the answer had begun.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from helamem.errors import DataError
from helamem.server import problems

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from fastapi import Request

    from helamem.plain import Record

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/x-ndjson"
MAX_LINE = 16 * 2**20  # characters
PIECE = 64 * 1024  # bytes of a long answer that are sent at once
IN_RAM = 2**20  # bytes of a body kept in memory; a longer one goes to a temporary file


async def lines(request: Request) -> Iterator[str]:
    """The lines of a body, after all of it has arrived.

    Raises:
        ValueError: It is not UTF-8 text, or a line is longer than `MAX_LINE`; raised by the iteration.
    """
    spool = SpooledTemporaryFile(IN_RAM)  # noqa: SIM115  # closed with the last reference to it
    try:
        async for chunk in request.stream():
            spool.write(chunk)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return _bounded(io.TextIOWrapper(spool, encoding="utf-8"))


def spooled(objects: Iterable[Any]) -> StreamingResponse:
    """An answer of JSON lines, all written before it begins: a client that reads slowly holds up nobody.

    What is long waits in a temporary file.
    """
    spool = SpooledTemporaryFile(IN_RAM)  # noqa: SIM115  # closed when it has been sent
    for each in objects:
        spool.write(json.dumps(each).encode() + b"\n")
    spool.seek(0)

    def pieces() -> Iterator[bytes]:
        with spool:
            while piece := spool.read(PIECE):
                yield piece

    return StreamingResponse(pieces(), media_type=MEDIA_TYPE)


def _bounded(text: io.TextIOBase) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise DataError(f"it is longer than {MAX_LINE:,} characters", line=number)
        yield line


async def reported(work: Callable[[Callable[[int], None]], Record]) -> StreamingResponse:
    """Run work in a thread, and stream its progress.

    Raises:
        Exception: The work failed before its first progress.
    """
    loop, events = asyncio.get_running_loop(), asyncio.Queue[Any]()

    def tell(event: object) -> None:
        loop.call_soon_threadsafe(events.put_nowait, event)

    def run() -> None:
        try:
            tell({"result": work(lambda done: tell({"done": done})).to_dict()})
        except Exception as error:  # noqa: BLE001  # sent to the client, whatever it is
            tell(error)

    working = asyncio.create_task(run_in_threadpool(run))
    first = await events.get()
    if isinstance(first, Exception):
        raise first
    return StreamingResponse(_progress(first, events, working), media_type=MEDIA_TYPE)


async def _progress(
    event: dict[str, Any], events: asyncio.Queue[Any], working: asyncio.Task[None]
) -> AsyncIterator[str]:
    while "done" in event:
        yield json.dumps(event) + "\n"
        came = await events.get()
        event = {"problem": problem_of(came)} if isinstance(came, Exception) else came
    yield json.dumps(event) + "\n"
    await working


def problem_of(error: Exception) -> dict[str, Any]:
    """The problem for an error that comes after the answer has begun."""
    if isinstance(error, problems.KNOWN):
        status, members = problems.described(error)
    else:
        logger.error("a stream failed", exc_info=error)  # the exception contains its traceback
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        members = {"detail": "The server failed; its log says why."}
    return {"title": status.phrase, "status": status.value, **members}
