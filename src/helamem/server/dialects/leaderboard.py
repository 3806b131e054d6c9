"""The contract of the public leaderboard of agent memories: add, search, health."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from helamem.records import Turn
from helamem.server.access import opened

router = APIRouter(tags=["leaderboard"])


class Said(BaseModel):
    """A message."""

    role: str = ""
    content: str = Field(min_length=1)
    ts: int | None = Field(
        default=None,
        ge=0,
        lt=253_402_300_800_000,
        description="The time, in milliseconds since 1970.",
    )


class Add(BaseModel):
    """Messages of a conversation to store."""

    request_id: str
    scope: str = Field(min_length=1, max_length=300)
    conversation_id: str = ""
    messages: list[Said] = Field(min_length=1)


class Search(BaseModel):
    """A question."""

    model_config = ConfigDict(extra="ignore")

    query: str = Field(min_length=1)
    scope: str = Field(min_length=1, max_length=300)
    top_k: int = Field(default=10, ge=1)


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the process answers."""
    return {"status": "ok"}


@router.post("/v1/memories/add")
def add(request: Request, body: Add) -> dict[str, str]:
    """Store messages; they can be searched once this is answered. The scope is the namespace."""
    request.app.state.check_items(len(body.messages))
    turns = [
        Turn(each.content, each.role, each.role, _moment(each.ts), body.conversation_id)
        for each in body.messages
    ]
    with opened(request, body.scope, "write") as memory:
        memory.add(turns)
    return {"request_id": body.request_id, "status": "ok"}


@router.post("/v1/memories/search")
def search(request: Request, body: Search) -> dict[str, Any]:
    """The memories that belong to a question, best first."""
    request.app.state.check_items(body.top_k)
    with opened(request, body.scope, "read") as memory:
        recall = memory.search(body.query, k=body.top_k)
    return {
        "results": [
            {"id": str(hit.id), "text": hit.text, "ts": int(hit.at.timestamp() * 1000)}
            for hit in recall
        ]
    }


def _moment(ts: int | None) -> datetime | None:
    return None if ts is None else datetime.fromtimestamp(ts / 1000, UTC)
