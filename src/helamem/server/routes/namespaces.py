"""Routes on namespaces and on the whole file."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from helamem.server import access
from helamem.server.access import Namespace, key_of, require_all
from helamem.server.shapes import RepairRequest

router = APIRouter(prefix="/v1", tags=["namespaces"])


@router.get("/namespaces")
def namespaces(request: Request) -> dict[str, Any]:
    """List the namespaces that the key administers, with their sizes."""
    key = key_of(request)
    with request.app.state.memories.namespace("default") as memory:
        found = memory.namespaces()
    seen = [each for each in found if key is None or key.opens(each.name, "admin")]
    return {"items": [each.to_dict() for each in seen]}


@router.delete("/namespaces/{namespace}")
def drop(request: Request, namespace: Namespace) -> dict[str, Any]:
    """Remove a whole namespace for good; returns its size."""
    return access.drop(request, namespace).to_dict()


@router.get("/check")
def check(request: Request) -> dict[str, Any]:
    """List what is wrong with the file; needs an admin key for all namespaces."""
    require_all(request)
    with request.app.state.memories.namespace("default") as memory:
        return {"items": list(memory.check())}


@router.post("/repair")
def repair(request: Request, body: RepairRequest | None = None) -> dict[str, Any]:
    """Repair the file, or only list what would be done; needs an admin key for all namespaces."""
    require_all(request)
    dry_run = RepairRequest().dry_run if body is None else body.dry_run
    with request.app.state.memories.namespace("default") as memory:
        report: dict[str, Any] = memory.repair(dry_run=dry_run).to_dict()
        return report
