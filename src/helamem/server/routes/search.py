"""Routes that search, learn, distil and forget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from helamem.server.access import Namespace, opened
from helamem.server.recalls import recall_of
from helamem.server.shapes import (
    ConsolidateRequest,
    ContextRequest,
    FeedbackRequest,
    ForgetRequest,
    ReinforceRequest,
    SearchRequest,
    SeverRequest,
    Whole,
)

if TYPE_CHECKING:
    from helamem.memory import Memory
    from helamem.search.recall import Recall

router = APIRouter(prefix="/v1/namespaces/{namespace}", tags=["search"])


@router.post("/search")
def search(request: Request, namespace: Namespace, body: SearchRequest) -> dict[str, Any]:
    """Find the memories that belong to a question, best first, and why. Writes nothing."""
    request.app.state.check_items(body.k)
    with opened(request, namespace, "read") as memory:
        return _found(memory, body).to_dict()


@router.post("/context")
def context(request: Request, namespace: Namespace, body: ContextRequest) -> dict[str, Any]:
    """Render the best hits as a block for a prompt, within a number of tokens."""
    request.app.state.check_items(body.k)
    with opened(request, namespace, "read") as memory:
        return _found(memory, body).context_block(body.max_tokens).to_dict()


def _found(memory: Memory, asked: SearchRequest) -> Recall:
    return memory.search(
        asked.query,
        k=asked.k,
        filters=asked.filters,
        at=asked.at,
        min_confidence=asked.min_confidence,
    )


@router.post("/reinforce")
def reinforce(request: Request, namespace: Namespace, body: ReinforceRequest) -> dict[str, Any]:
    """Learn which memories served: link them to each other and to the question."""
    with opened(request, namespace, "write") as memory:
        recall = recall_of(body.recall)
        return memory.reinforce(
            recall,
            used=body.used,
            unhelpful=body.unhelpful,
            certainty=body.certainty,
            at=body.at,
        ).to_dict()


@router.post("/feedback")
def feedback(request: Request, namespace: Namespace, body: FeedbackRequest) -> dict[str, Any]:
    """Learn like `reinforce`, from the question and ids alone; the question is searched again."""
    with opened(request, namespace, "write") as memory:
        return memory.reinforce(
            memory.search(body.query, at=body.at),
            used=body.used,
            unhelpful=body.unhelpful,
            certainty=body.certainty,
            at=body.at,
        ).to_dict()


@router.post("/consolidate", tags=["facts"])
def consolidate(
    request: Request, namespace: Namespace, body: ConsolidateRequest | None = None
) -> dict[str, Any]:
    """Prune faint edges, and distil clusters of the graph into facts."""
    options = body or ConsolidateRequest()
    with opened(request, namespace, "write") as memory:
        report = memory.consolidate(llm=None if options.llm else False, at=options.at)
    return report.to_dict()


@router.get("/ignored")
def ignored(
    request: Request, namespace: Namespace, at_least: Annotated[Whole, Query(ge=1)] = 5
) -> dict[str, Any]:
    """List the memories that were shown often and never used, most often first."""
    with opened(request, namespace, "read") as memory:
        return {"items": [each.to_dict() for each in memory.ignored(at_least=at_least)]}


@router.get("/lessons")
def lessons(
    request: Request, namespace: Namespace, limit: Annotated[Whole | None, Query(ge=0)] = None
) -> dict[str, Any]:
    """List the lessons and consolidations that can be undone, latest first; all of them without a limit."""
    request.app.state.check_items(limit or 0)
    with opened(request, namespace, "read") as memory:
        return {"items": [each.to_dict() for each in memory.lessons(limit=limit)]}


@router.post("/lessons/{id}/undo")
def undo(
    request: Request, namespace: Namespace, id_: Annotated[Whole, Path(alias="id", ge=1, lt=2**63)]
) -> dict[str, Any]:
    """Undo a lesson or a consolidation: the memory is as if it had never been learned."""
    with opened(request, namespace, "write") as memory:
        return memory.undo(id_).to_dict()


@router.post("/sever")
def sever(request: Request, namespace: Namespace, body: SeverRequest) -> dict[str, bool]:
    """Remove the learned edge between two memories, or between a memory and an earlier question."""
    with opened(request, namespace, "write") as memory:
        return {"severed": memory.sever(body.a, body.b)}


@router.post("/forget", tags=["episodes"])
def forget(
    request: Request, namespace: Namespace, body: ForgetRequest | None = None
) -> dict[str, Any]:
    """List weak, old and unused episodes, or with `dry_run: false` remove them."""
    options = body or ForgetRequest()
    with opened(request, namespace, "read" if options.dry_run else "write") as memory:
        return memory.forget(
            dry_run=options.dry_run,
            at=options.at,
            max_share=options.max_share,
            ignored=options.ignored,
        ).to_dict()
