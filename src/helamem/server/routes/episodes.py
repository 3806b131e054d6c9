"""Routes on single memories."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime  # noqa: TC003  # FastAPI reads annotations at run time
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from helamem.consolidation.profiles import MAX_CHARS
from helamem.plain import plain
from helamem.records import Episode, Turn
from helamem.server.access import Namespace, opened
from helamem.server.shapes import (
    AddRequest,
    AnnotateRequest,
    CorrectRequest,
    DeleteRequest,
    EraseRequest,
    IdInPath,
    Listing,
    PutRequest,
    UpdateRequest,
    Whole,
)

router = APIRouter(prefix="/v1/namespaces/{namespace}", tags=["episodes"])

Key = Annotated[str, Query(min_length=1, description="The key of the turn.")]


@router.post("/episodes", status_code=HTTPStatus.CREATED)
def add(request: Request, namespace: Namespace, body: AddRequest) -> dict[str, Any]:
    """Store turns, all or none; turns that are already there are not stored again."""
    request.app.state.check_items(len(body.messages))
    with opened(request, namespace, "write") as memory:
        receipt = memory.add(
            body.messages,
            speaker=body.speaker,
            role=body.role,
            at=body.at,
            session=body.session,
            metadata=body.metadata,
            supersedes=body.supersedes,
        )
    return receipt.to_dict()


@router.get("/episodes")
def list_(
    request: Request,
    namespace: Namespace,
    *,
    limit: Annotated[Whole, Query(ge=1)] = 100,
    cursor: Annotated[str, Query(pattern=r"^[0-9]{0,18}$")] = "",
    filters: Annotated[str, Query(description="Conditions, as a JSON object.")] = "",
    superseded: Annotated[
        bool, Query(description="Whether those come too that others have superseded.")
    ] = False,
) -> Listing:
    """List memories in the order of storing, page by page."""
    request.app.state.check_items(limit)
    offset = int(cursor or 0)
    conditions = _object(filters)
    with opened(request, namespace, "read") as memory:
        found = memory.list(filters=conditions, limit=limit, offset=offset, superseded=superseded)
    return Listing(
        items=[each.to_dict() for each in found],
        total=found.total,
        notes=list(found.notes),
        next=str(offset + len(found)) if found.more else None,
    )


@router.get("/episodes/{id}")
def get(request: Request, namespace: Namespace, id_: IdInPath) -> dict[str, Any]:
    """Get one memory: an episode or a fact."""
    with opened(request, namespace, "read") as memory:
        return memory.get(id_).to_dict()


@router.patch("/episodes/{id}")
def update(
    request: Request, namespace: Namespace, id_: IdInPath, body: UpdateRequest
) -> dict[str, Any]:
    """Change an episode's text or metadata; its history keeps the old text."""
    with opened(request, namespace, "write") as memory:
        return memory.update(id_, body.text, metadata=body.metadata).to_dict()


@router.post("/episodes/{id}/correct")
def correct(
    request: Request, namespace: Namespace, id_: IdInPath, body: CorrectRequest
) -> dict[str, Any]:
    """Correct a memory: a new memory replaces it, and is returned."""
    with opened(request, namespace, "write") as memory:
        return memory.correct(id_, body.text).to_dict()


@router.post("/episodes/{id}/revert")
def revert(request: Request, namespace: Namespace, id_: IdInPath) -> dict[str, Any]:
    """Undo the correction of a memory, which is valid again, and is returned."""
    with opened(request, namespace, "write") as memory:
        return memory.revert(id_).to_dict()


@router.delete("/episodes/{id}")
def delete(request: Request, namespace: Namespace, id_: IdInPath) -> dict[str, Any]:
    """Remove a memory for good, with the facts that repeat it."""
    with opened(request, namespace, "write") as memory:
        return {"deleted": list(memory.delete(id_))}


@router.get("/episodes/{id}/history")
def history(request: Request, namespace: Namespace, id_: IdInPath) -> dict[str, Any]:
    """List what happened to a memory, oldest first, even after it was deleted."""
    with opened(request, namespace, "read") as memory:
        return {"items": [change.to_dict() for change in memory.history(id_)]}


@router.post("/episodes/{id}/annotate")
def annotate(
    request: Request, namespace: Namespace, id_: IdInPath, body: AnnotateRequest
) -> dict[str, bool]:
    """Replace an episode's metadata, unless they have changed since they were read."""
    with opened(request, namespace, "write") as memory:
        episode = memory.get(id_)
        if not isinstance(episode, Episode):
            raise TypeError(
                f"{id_} is a fact, and facts have no metadata of yours; annotate the "
                "episodes that it rests on"
            )
        return {"done": memory.annotate(replace(episode, metadata=body.was), body.metadata)}


@router.post("/delete")
def delete_several(request: Request, namespace: Namespace, body: DeleteRequest) -> dict[str, Any]:
    """Remove memories for good, by their ids or by conditions; all of them or none."""
    dry_run = body.filters is not None if body.dry_run is None else body.dry_run
    with opened(request, namespace, "write") as memory:
        gone = memory.delete(*body.ids, filters=body.filters, dry_run=dry_run)
    return {"deleted": list(gone), "done": not dry_run}


@router.post("/erase")
def erase(request: Request, namespace: Namespace, body: EraseRequest) -> dict[str, Any]:
    """List everything of a person, or with `dry_run: false` remove it for good."""
    with opened(request, namespace, "read" if body.dry_run else "write") as memory:
        return memory.erase(body.name, mentions=body.mentions, dry_run=body.dry_run).to_dict()


@router.put("/items")
def put(request: Request, namespace: Namespace, key: Key, body: PutRequest) -> dict[str, int]:
    """Store a turn under a key of your own, replacing an earlier one."""
    turn = Turn(body.text, body.speaker, body.role, body.at, body.session, body.metadata)
    with opened(request, namespace, "write") as memory:
        return {"id": memory.put(key, turn)}


@router.get("/items")
def get_by_key(request: Request, namespace: Namespace, key: Key) -> dict[str, Any]:
    """Get the turn stored under a key, or null."""
    with opened(request, namespace, "read") as memory:
        return {"item": plain(memory.get_by_key(key))}


@router.get("/facts", tags=["facts"])
def facts(
    request: Request,
    namespace: Namespace,
    superseded: bool = False,
    as_of: datetime | None = None,
) -> dict[str, Any]:
    """List the distilled facts, oldest first."""
    with opened(request, namespace, "read") as memory:
        found = memory.facts(superseded=superseded, as_of=as_of)
    return {"items": [fact.to_dict() for fact in found]}


@router.get("/profile", tags=["facts"])
def profile(
    request: Request,
    namespace: Namespace,
    name: str | None = None,
    max_chars: Annotated[Whole, Query(ge=1)] = MAX_CHARS,
) -> dict[str, Any]:
    """Summarize the facts about each person, with their sources."""
    with opened(request, namespace, "read") as memory:
        found = memory.profile(name, max_chars=max_chars)
    return {"items": [each.to_dict() for each in found]}


@router.get("/cues", tags=["search"])
def cues(request: Request, namespace: Namespace) -> dict[str, Any]:
    """List earlier questions that are bound to the memories that served them, oldest first."""
    with opened(request, namespace, "read") as memory:
        return {"items": [each.to_dict() for each in memory.cues()]}


@router.get("/now")
def now(request: Request, namespace: Namespace) -> dict[str, Any]:
    """Get the time of the server's clock, in the memory's zone."""
    with opened(request, namespace, "read") as memory:
        return {"now": plain(memory.now())}


@router.get("/stats")
def stats(request: Request, namespace: Namespace) -> dict[str, Any]:
    """Count what the namespace holds."""
    with opened(request, namespace, "read") as memory:
        return memory.stats().to_dict()


def _object(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"filters must be a JSON object: {error}") from error
    if not isinstance(value, dict):
        raise TypeError("filters must be a JSON object")
    return value
