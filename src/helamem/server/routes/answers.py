"""Routes that use a language model: a question, or a conversation."""

from __future__ import annotations

import json
from collections.abc import Iterator  # noqa: TC003  # FastAPI reads annotations at run time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from helamem.answering.chat import Chat
from helamem.records import Episode
from helamem.server import streams
from helamem.server.access import Namespace, opened
from helamem.server.shapes import AskRequest, ChatRequest  # noqa: TC001  # FastAPI reads annotations at run time

if TYPE_CHECKING:
    from helamem.memory import Memory

router = APIRouter(prefix="/v1/namespaces/{namespace}", tags=["answers"])

WINDOW = 12  # turns of a conversation that the model sees in full
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events: `piece` for each part of the reply, then `done` or `problem`.",
        "content": {
            "text/event-stream": {  # the schema is that of one event
                "schema": {
                    "type": "object",
                    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
                    "required": ["event", "data"],
                }
            },
        },
    }
}


@router.post("/ask")
def ask(request: Request, namespace: Namespace, body: AskRequest) -> dict[str, Any]:
    """Answer a question from the memory with the configured language model."""
    steps = body.model_dump(exclude={"question"})
    with opened(request, namespace, "write") as memory:
        return memory.ask(body.question, **steps).to_dict()


@router.post("/chat", responses=EVENTS, response_class=StreamingResponse)
def chat(request: Request, namespace: Namespace, body: ChatRequest) -> StreamingResponse:
    """Reply to a message, as server-sent events; message and reply are stored."""
    with opened(request, namespace, "write") as memory:
        memory.llm  # noqa: B018  # raises before the answer has begun if there is no model

    def events() -> Iterator[str]:
        with opened(request, namespace, "write") as memory:
            yield from _conversed(memory, body)

    return StreamingResponse(events(), media_type="text/event-stream")


def _conversed(memory: Memory, body: ChatRequest) -> Iterator[str]:
    talk = Chat(
        memory,
        memory.llm,
        session=body.session,
        speaker=body.speaker,
        name=body.name,
        instructions=body.instructions,
        learn=body.learn,
        window=WINDOW,
        recent=_latest(memory, body.session),
    )
    try:
        for piece in talk.send(body.message, at=body.at):
            yield _event("piece", {"text": piece})
    except Exception as error:  # noqa: BLE001  # sent to the client, whatever it is
        yield _event("problem", streams.problem_of(error))
        return
    done = talk.last.to_dict() if talk.last else {}
    yield _event("done", {**done, "session": talk.session})


def _latest(memory: Memory, session: str | None) -> list[Episode]:
    """The latest turns of a continued conversation."""
    if session is None:
        return []
    here = {"session": session, "kind": "episode"}
    start = max(memory.list(filters=here, limit=0).total - WINDOW, 0)
    found = memory.list(filters=here, offset=start)
    return [turn for turn in found if isinstance(turn, Episode)]


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
