"""Turns in, and out again one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator  # noqa: TC003  # FastAPI reads annotations at run time
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from helamem.server.access import Namespace, opened, require
from helamem.server.shapes import AddRequest, Id, Listing, UpdateRequest

router = APIRouter(prefix="/v1/namespaces/{namespace}", tags=["episodes"])


@router.post("/episodes", status_code=HTTPStatus.CREATED)
def add(request: Request, namespace: Namespace, body: AddRequest) -> dict[str, Any]:
    """Remember turns, all of them or none; what is there already is not stored again."""
    request.app.state.check_items(len(body.messages))
    with opened(request, namespace, "write") as memory:
        receipt = memory.add(
            body.messages,
            speaker=body.speaker,
            role=body.role,
            at=body.at,
            session=body.session,
            metadata=body.metadata,
        )
    return receipt.to_dict()


@router.get("/episodes")
def list_(
    request: Request,
    namespace: Namespace,
    limit: Annotated[int, Query(ge=1)] = 100,
    cursor: Annotated[str, Query(pattern=r"^[0-9]{0,18}$")] = "",
    filters: Annotated[str, Query(description="Conditions, as a JSON object.")] = "",
) -> Listing:
    """Memories in the order in which they were stored, page by page."""
    request.app.state.check_items(limit)
    offset = int(cursor or 0)
    with opened(request, namespace, "read") as memory:
        conditions = _object(filters)
        found = memory.list(filters=conditions, limit=limit, offset=offset)
        total = memory.stats().episodes + memory.stats().facts
    more = len(found) == limit
    return Listing(
        items=[each.to_dict() for each in found],
        total=total,
        next=str(offset + limit) if more else None,
    )


@router.get("/episodes/{id_}")
def get(request: Request, namespace: Namespace, id_: Id) -> dict[str, Any]:
    """One memory: an episode or a fact."""
    with opened(request, namespace, "read") as memory:
        return memory.get(id_).to_dict()


@router.patch("/episodes/{id_}")
def update(request: Request, namespace: Namespace, id_: Id, body: UpdateRequest) -> dict[str, Any]:
    """Correct what an episode says, or its metadata; its history keeps the old text."""
    with opened(request, namespace, "write") as memory:
        return memory.update(id_, body.text, metadata=body.metadata).to_dict()


@router.delete("/episodes/{id_}")
def delete(request: Request, namespace: Namespace, id_: Id) -> dict[str, Any]:
    """Remove a memory for good, with the facts that repeat it."""
    with opened(request, namespace, "write") as memory:
        return {"deleted": list(memory.delete(id_))}


@router.get("/episodes/{id_}/history")
def history(request: Request, namespace: Namespace, id_: Id) -> dict[str, Any]:
    """What happened to a memory, oldest first, also after it was deleted."""
    with opened(request, namespace, "read") as memory:
        return {"items": [change.to_dict() for change in memory.history(id_)]}


@router.get("/export")
def export(request: Request, namespace: Namespace) -> StreamingResponse:
    """Everything in the namespace but the vectors, one JSON object per line."""
    require(request, namespace, "read")  # before the answer has begun

    def lines() -> Iterator[str]:
        with opened(request, namespace, "read") as memory:
            for line in memory.export():
                yield json.dumps(line) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.get("/facts", tags=["facts"])
def facts(request: Request, namespace: Namespace, superseded: bool = False) -> dict[str, Any]:
    """What was distilled, oldest first."""
    with opened(request, namespace, "read") as memory:
        return {"items": [fact.to_dict() for fact in memory.facts(superseded=superseded)]}


@router.get("/profile", tags=["facts"])
def profile(request: Request, namespace: Namespace, name: str | None = None) -> dict[str, Any]:
    """What is known about each person, in a few lines with their sources."""
    with opened(request, namespace, "read") as memory:
        return {"items": [each.to_dict() for each in memory.profile(name)]}


@router.get("/stats", tags=["service"])
def stats(request: Request, namespace: Namespace) -> dict[str, Any]:
    """How much there is."""
    with opened(request, namespace, "read") as memory:
        return memory.stats().to_dict()


def _object(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"filters must be a JSON object: {error}") from error
    if not isinstance(value, dict):
        raise TypeError("filters must be a JSON object")
    return value
