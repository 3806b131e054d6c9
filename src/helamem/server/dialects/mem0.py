"""mem0's two services: the platform that `mem0.MemoryClient(host=...)` calls, and its self-hosted server.

Messages are stored as they are said: `infer` and its companions change nothing, since `consolidate` makes
facts. What we could not keep, such as an expiry, is refused.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from helamem.server import access
from helamem.server.access import key_of, opened
from helamem.server.dialects import entities
from helamem.server.dialects.entities import Whose, place_of, whose

if TYPE_CHECKING:
    from helamem.memory import Memory

router = APIRouter(prefix="/mem0", tags=["mem0"])

EVERYTHING: dict[str, Any] = {"kind": {"in": ["episode", "fact"]}}
Named = Annotated[str | None, Query()]


class Given(BaseModel):
    """A body in mem0's dialect; other members are ignored."""

    model_config = ConfigDict(extra="ignore")

    user_id: str | None = None
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None
    filters: dict[str, Any] | None = None

    def whose(self) -> Whose:
        """The namespace and conditions of the body."""
        return whose(self.model_dump(include=set(entities.NAMES)), self.filters)


class Add(Given):
    """Messages to store."""

    messages: list[dict[str, Any]] = Field(
        min_length=1, examples=[[{"role": "user", "content": "I am allergic to peanuts."}]]
    )
    metadata: dict[str, Any] | None = None
    timestamp: int | None = Field(default=None, ge=0, lt=253_402_300_800)
    expiration_date: None = None


class Search(Given):
    """A question."""

    query: str = Field(min_length=1)
    top_k: int = Field(default=10, ge=1)
    threshold: float | None = None


class Update(BaseModel):
    """The new text or metadata of a memory."""

    model_config = ConfigDict(extra="ignore")

    text: str | None = Field(default=None, min_length=1)
    metadata: dict[str, Any] | None = None
    timestamp: None = None
    expiration_date: None = None


class BatchUpdate(Update):
    """One of several memories to update."""

    memory_id: str


class BatchDelete(BaseModel):
    """One of several memories to delete."""

    memory_id: str


class Updates(BaseModel):
    """Several memories to update."""

    memories: list[BatchUpdate]


class Deletes(BaseModel):
    """Several memories to delete."""

    memories: list[BatchDelete]


class Feedback(BaseModel):
    """Whether a memory that a search returned served."""

    memory_id: str
    feedback: Literal["POSITIVE", "NEGATIVE", "VERY_NEGATIVE"] | None = None
    feedback_reason: str | None = None


@router.get("/v1/ping/")
def ping(request: Request) -> dict[str, Any]:
    """Check the key; mem0's client also wants names of an organization and a project."""
    key_of(request)
    return {"status": "ok", "org_id": "helamem", "project_id": "helamem", "user_email": None}


@router.post("/v3/memories/add/")
@router.post("/memories")
def add(request: Request, body: Add) -> dict[str, Any]:
    """Store messages as they are said."""
    request.app.state.check_items(len(body.messages))
    about = body.whose()
    at = None if body.timestamp is None else datetime.fromtimestamp(body.timestamp, UTC)
    with opened(request, about.namespace, "write") as memory:
        metadata = {**(body.metadata or {}), **about.metadata}
        receipt = memory.add(body.messages, session=about.session, at=at, metadata=metadata)
        texts = {id_: memory.get(id_).text for id_ in receipt.ids}
    return entities.added(about.namespace, receipt, texts)


@router.post("/v3/memories/search/")
@router.post("/search")
def search(request: Request, body: Search) -> dict[str, Any]:
    """Search; `score` is an activation, and `threshold` a lower bound of it."""
    request.app.state.check_items(body.top_k)
    about = body.whose()
    with opened(request, about.namespace, "read") as memory:
        recall = memory.search(body.query, k=body.top_k, filters=about.filters())
    request.app.state.recalls.keep(about.namespace, recall)
    found = [hit for hit in recall if body.threshold is None or hit.score >= body.threshold]
    return {
        "results": [entities.memory(about.namespace, hit.memory, score=hit.score) for hit in found]
    }


@router.post("/v3/memories/")
def get_all(
    request: Request,
    body: Given,
    page: Annotated[int, Query(ge=1, lt=10**9)] = 1,
    page_size: Annotated[int, Query(ge=1)] = 100,
) -> dict[str, Any]:
    """List all memories of a user, agent, app or run, page by page."""
    request.app.state.check_items(page_size)
    about = body.whose()
    with opened(request, about.namespace, "read") as memory:
        found = memory.list(filters=about.filters(), limit=page_size, offset=(page - 1) * page_size)
    url = request.url.include_query_params
    return {
        "count": found.total,
        "next": str(url(page=page + 1)) if found.more else None,
        "previous": str(url(page=page - 1)) if page > 1 else None,
        "results": [entities.memory(about.namespace, each) for each in found],
    }


@router.get("/memories")
def list_(
    request: Request,
    user_id: Named = None,
    agent_id: Named = None,
    run_id: Named = None,
    top_k: Annotated[int, Query(ge=1)] = 1000,
) -> dict[str, Any]:
    """List memories, as the self-hosted server does."""
    request.app.state.check_items(top_k)
    about = whose({"user_id": user_id, "agent_id": agent_id, "run_id": run_id})
    with opened(request, about.namespace, "read") as memory:
        found = memory.list(filters=about.filters(), limit=top_k)
    return {"results": [entities.memory(about.namespace, each) for each in found]}


@router.delete("/v1/memories/")
@router.delete("/memories")
def delete_all(
    request: Request,
    user_id: Named = None,
    agent_id: Named = None,
    app_id: Named = None,
    run_id: Named = None,
) -> dict[str, str]:
    """Remove all memories of a user, agent, app or run for good."""
    about = whose({"user_id": user_id, "agent_id": agent_id, "app_id": app_id, "run_id": run_id})
    with opened(request, about.namespace, "write") as memory:
        memory.delete(filters=about.filters() or EVERYTHING, dry_run=False)
    return {"message": "All relevant memories deleted"}


@router.get("/v1/memories/{memory_id}/")
@router.get("/memories/{memory_id}")
def get(request: Request, memory_id: str) -> dict[str, Any]:
    """One memory."""
    namespace, id_ = place_of(memory_id)
    with opened(request, namespace, "read") as memory:
        return entities.memory(namespace, memory.get(id_))


@router.put("/v1/memories/{memory_id}/")
@router.put("/memories/{memory_id}")
def update(request: Request, memory_id: str, body: Update) -> dict[str, Any]:
    """Correct what a memory says, or its metadata."""
    namespace, id_ = place_of(memory_id)
    with opened(request, namespace, "write") as memory:
        return entities.memory(namespace, _updated(memory, id_, body))


@router.delete("/v1/memories/{memory_id}/")
@router.delete("/memories/{memory_id}")
def delete(request: Request, memory_id: str) -> dict[str, str]:
    """Remove a memory for good."""
    namespace, id_ = place_of(memory_id)
    with opened(request, namespace, "write") as memory:
        memory.delete(id_)
    return {"message": "Memory deleted successfully!"}


@router.get("/v1/memories/{memory_id}/history/")
@router.get("/memories/{memory_id}/history")
def history(request: Request, memory_id: str) -> list[dict[str, Any]]:
    """What happened to a memory."""
    namespace, id_ = place_of(memory_id)
    with opened(request, namespace, "read") as memory:
        changes = memory.history(id_)
        gone = any(change.event == "deleted" for change in changes)
        now = None if gone else memory.get(id_).text
    return entities.history(memory_id, changes, now)


@router.put("/v1/batch/")
def batch_update(request: Request, body: Updates) -> dict[str, str]:
    """Correct several memories, one after the other."""
    request.app.state.check_items(len(body.memories))
    for each in body.memories:
        update(request, each.memory_id, each)
    return {"message": f"Successfully updated {len(body.memories)} memories"}


@router.delete("/v1/batch/")
def batch_delete(request: Request, body: Deletes) -> dict[str, str]:
    """Remove several memories for good, one after the other."""
    request.app.state.check_items(len(body.memories))
    for each in body.memories:
        delete(request, each.memory_id)
    return {"message": f"Successfully deleted {len(body.memories)} memories"}


@router.get("/v1/entities/")
def users(request: Request) -> dict[str, Any]:
    """List the users, agents, apps and runs that the key opens."""
    key = key_of(request)
    with request.app.state.memories.namespace("default") as memory:
        found = memory.namespaces()
    results = []
    for each in found:
        kind, name = entities.entity_of(each.name)
        if key is None or key.opens(each.name, "read"):
            total = each.episodes + each.facts
            results.append({"type": kind, "name": name, "id": name, "total_memories": total})
    return {"count": len(results), "next": None, "previous": None, "results": results}


@router.delete("/v2/entities/{kind}/{name}/")
def delete_user(request: Request, kind: str, name: str) -> dict[str, str]:
    """Remove everything of a user, an agent, an app or a run."""
    access.drop(request, entities.namespace_of(kind, name))
    return {"message": "Entity deleted successfully."}


@router.post("/v1/feedback/")
def feedback(request: Request, body: Feedback) -> dict[str, Any]:
    """Learn whether a memory served the latest search that showed it."""
    namespace, id_ = place_of(body.memory_id)
    with opened(request, namespace, "write") as memory:
        recall = request.app.state.recalls.find(namespace, "", [id_])
        if recall is None:
            raise ValueError(
                "no recent search returned this memory, so nothing can be learned; search "
                "first, then give feedback"
            )
        served = body.feedback == "POSITIVE"
        used, misled = ([id_], []) if served else ([], [id_] if body.feedback else [])
        learned = memory.reinforce(recall, used=used, unhelpful=misled)
    return {"message": "Feedback taken in", "learned": learned.to_dict()}


def _updated(memory: Memory, id_: int, body: Update) -> Any:  # noqa: ANN401  # an episode
    """The memory after an update; its namespace and session stay."""
    if body.metadata is None:
        return memory.update(id_, body.text)
    own = memory.get(id_).metadata
    ids = {name: own[name] for name in ("agent_id", "app_id") if name in own}
    return memory.update(id_, body.text, metadata={**body.metadata, **ids})
