"""Writes the examples of the OpenAPI description from what a service really answers.

    python scripts/examples.py

A small story is told to a new service with a clock that stands still; each first request to an operation, and what it
answered, becomes the operation's example in `src/helamem/server/examples.json`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.testclient import TestClient

from helamem import Config, ScriptedLLM
from helamem.models import prompts
from helamem.server.app import create_app
from helamem.server.examples import FILE
from helamem.server.memories import Memories
from helamem.testing import FixedClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Message

NOW = 1_778_061_600.0  # 2026-05-06T10:00:00Z
AT = "2026-05-06T10:00:00Z"
QUESTION = "What should I not cook for Maya?"
TURNS = [
    {"role": "user", "content": "Maya is allergic to peanuts.", "name": "Ana", "timestamp": AT},
    {"role": "assistant", "content": "Noted: no peanuts for Maya."},
]
LINES = '{"text": "The gate needs a lock.", "speaker": "Ben"}\n{"text": "The lock is red.", "speaker": "Ben"}\n'
METRICS_SHOWN = 3  # lines
DIGITS = 4  # of numbers in examples


class Story:
    """What is told to a service, and the first request to each operation with its answer.

    Args:
        client: A client of the service.
    """

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self.told: dict[str, dict[str, Any]] = {}

    def tell(
        self,
        operation: str,
        *,
        body: Any = None,  # noqa: ANN401  # JSON
        query: dict[str, Any] | None = None,
        **path: str | int,
    ) -> Any:  # noqa: ANN401  # JSON
        """Ask for an operation, such as "GET /v1/namespaces/{namespace}/stats"; what it answers."""
        method, _, template = operation.partition(" ")
        path = {"namespace": "ana", **path}
        sent: dict[str, Any] = {"content": body} if isinstance(body, str) else {"json": body}
        answer = self._client.request(
            method, template.format(**path), params=query, **({} if body is None else sent)
        )
        if answer.is_error:
            sys.exit(f"{operation} answers {answer.status_code}: {answer.text}")
        is_json = answer.headers["content-type"].startswith("application/json")
        said = answer.json() if is_json else answer.text
        parameters = {name: each for name, each in path.items() if f"{{{name}}}" in template}
        example = {"parameters": {**parameters, **(query or {})}, "answer": said}
        self.told.setdefault(operation, example if body is None else {**example, "request": body})
        return said


def told() -> dict[str, dict[str, Any]]:
    """The examples: by operation, its parameters, the body of the request, and the answer."""
    llm = ScriptedLLM(_reply)
    with tempfile.TemporaryDirectory() as folder:
        config = Config.of(embedder="hashing:64")
        memories = Memories(Path(folder) / "memory.db", config, llm=llm, clock=FixedClock(NOW))
        with TestClient(create_app(memories), base_url="http://127.0.0.1:8420") as client:
            story = Story(client)
            for part in (remembering, learning, answering, mem0, leaderboard, tending):
                part(story)
    metrics = story.told["GET /metrics"]
    metrics["answer"] = "".join(metrics["answer"].splitlines(keepends=True)[:METRICS_SHOWN])
    examples: dict[str, dict[str, Any]] = _rounded(story.told)
    return examples


def remembering(story: Story) -> None:
    """Turns in, and looked at."""
    here = "/v1/namespaces/{namespace}"
    story.tell(f"POST {here}/episodes", body={"messages": TURNS, "session": "monday"})
    story.tell(f"POST {here}/episodes/stream", body=LINES, query={"batch_size": 256})
    story.tell(f"GET {here}/episodes", query={"limit": 2, "filters": '{"speaker": "Ana"}'})
    story.tell(f"GET {here}/episodes/{{id}}", id=1)
    story.tell(f"PATCH {here}/episodes/{{id}}", id=3, body={"text": "The gate needs a new lock."})
    story.tell(f"GET {here}/episodes/{{id}}/history", id=3)
    seen = {"metadata": {"seen": True}, "was": {}}
    story.tell(f"POST {here}/episodes/{{id}}/annotate", id=3, body=seen)
    story.tell(f"PUT {here}/items", query={"key": "code"}, body={"text": "The gate code is 4711."})
    story.tell(f"GET {here}/items", query={"key": "code"})
    story.tell(f"POST {here}/episodes/{{id}}/correct", id=4, body={"text": "The lock is blue."})
    story.tell(f"POST {here}/episodes/{{id}}/revert", id=4)
    story.tell(f"GET {here}/now")


def learning(story: Story) -> None:
    """Questions, what served them, and what is distilled."""
    here = "/v1/namespaces/{namespace}"
    found = story.tell(f"POST {here}/search", body={"query": QUESTION, "k": 1, "at": AT})
    story.tell(f"POST {here}/context", body={"query": QUESTION, "k": 2, "max_tokens": 200})
    recall = {
        "query": found["query"],
        "at": found["at"],
        "hits": [{"id": hit["id"], "score": hit["score"]} for hit in found["hits"]],
        "cues": [],
    }
    story.tell(f"POST {here}/reinforce", body={"recall": recall, "used": [1], "unhelpful": []})
    story.tell(f"POST {here}/feedback", body={"query": QUESTION, "used": [1, 2], "unhelpful": [3]})
    story.tell(f"GET {here}/ignored", query={"at_least": 1})
    story.tell(f"GET {here}/lessons", query={"limit": 1})
    story.tell(f"POST {here}/lessons/{{id}}/undo", id=2)
    story.tell(f"POST {here}/sever", body={"a": 1, "b": 2})
    for question in ("Is Maya allergic?", "What of the gate?", "What about peanuts?"):
        story.tell(f"POST {here}/feedback", body={"query": question, "used": [1, 2, 3, 4]})
    story.tell(f"GET {here}/cues")
    story.tell(f"POST {here}/consolidate", body={"llm": False})
    story.tell(f"GET {here}/facts", query={"superseded": False})
    story.tell(f"GET {here}/profile", query={"name": "Maya"})
    story.tell(f"GET {here}/stats")


def answering(story: Story) -> None:
    """A language model on top."""
    here = "/v1/namespaces/{namespace}"
    story.tell(f"POST {here}/ask", body={"question": QUESTION, "k": 2, "min_confidence": 0})
    story.tell(f"POST {here}/chat", body={"message": QUESTION, "session": "tea"})


def mem0(story: Story) -> None:
    """Both dialects of mem0."""
    said = {
        "messages": [{"role": "user", "content": "I am allergic to peanuts."}],
        "user_id": "ben",
    }
    asked = {"query": "What may I eat?", "user_id": "ben", "top_k": 1}
    story.tell("GET /mem0/v1/ping/")
    id_ = story.tell("POST /mem0/v3/memories/add/", body=said)["results"][0]["id"]
    story.tell(
        "POST /mem0/v3/memories/search/",
        body={**asked, "user_id": None, "filters": {"user_id": "ben"}},
    )
    story.tell("POST /mem0/v1/feedback/", body={"memory_id": id_, "feedback": "POSITIVE"})
    story.tell(
        "POST /mem0/v3/memories/",
        body={"filters": {"user_id": "ben"}},
        query={"page": 1, "page_size": 10},
    )
    story.tell("GET /mem0/memories", query={"user_id": "ben", "top_k": 10})
    story.tell("POST /mem0/search", body=asked)
    other = story.tell("POST /mem0/memories", body={**said, "user_id": "cleo"})["results"][0]["id"]
    for place in ("/mem0/v1/memories/{memory_id}/", "/mem0/memories/{memory_id}"):
        story.tell(f"GET {place}", memory_id=id_)
        story.tell(f"PUT {place}", memory_id=id_, body={"text": "I am allergic to all nuts."})
        story.tell(
            f"GET {place.rstrip('/')}/history{'/' if place.endswith('/') else ''}", memory_id=id_
        )
    story.tell("PUT /mem0/v1/batch/", body={"memories": [{"memory_id": id_, "text": "No nuts."}]})
    story.tell("GET /mem0/v1/entities/")
    story.tell("DELETE /mem0/v1/memories/{memory_id}/", memory_id=id_)
    story.tell("DELETE /mem0/memories/{memory_id}", memory_id=other)
    third = story.tell("POST /mem0/memories", body={**said, "user_id": "cleo"})["results"][0]["id"]
    story.tell("DELETE /mem0/v1/batch/", body={"memories": [{"memory_id": third}]})
    for place in ("/mem0/v1/memories/", "/mem0/memories"):
        story.tell(f"DELETE {place}", query={"user_id": "ben"})
    story.tell("POST /mem0/memories", body=said)
    story.tell("DELETE /mem0/v2/entities/{kind}/{name}/", kind="user", name="ben")


def leaderboard(story: Story) -> None:
    """What the public leaderboard asks for, and what watches over a service."""
    said = {"role": "user", "content": "I am allergic to peanuts.", "ts": int(NOW * 1000)}
    body = {"request_id": "r1", "scope": "dora", "conversation_id": "c1", "messages": [said]}
    story.tell("POST /v1/memories/add", body=body)
    story.tell("POST /v1/memories/search", body={"query": "peanuts", "scope": "dora", "top_k": 1})
    for place in ("/health", "/healthz", "/readyz", "/metrics"):
        story.tell(f"GET {place}")


def tending(story: Story) -> None:
    """What goes, what moves, and the file as a whole."""
    here = "/v1/namespaces/{namespace}"
    story.tell(f"POST {here}/forget", body={"dry_run": True})
    story.tell(f"POST {here}/erase", body={"name": "Ben", "dry_run": True})
    lines = story.tell(f"GET {here}/export")
    story.tell(f"POST {here}/import", namespace="copy", body=lines)
    story.tell(
        f"POST {here}/delete",
        namespace="copy",
        body={"filters": {"speaker": "Ben"}, "dry_run": True},
    )
    story.tell(f"DELETE {here}/episodes/{{id}}", namespace="copy", id=_first_id(lines, story))
    story.tell("GET /v1/namespaces")
    story.tell("GET /v1/check")
    story.tell("POST /v1/repair", body={"dry_run": True})
    story.tell("POST /v1/reindex")
    story.tell(f"DELETE {here}", namespace="copy")
    story.tell("GET /v1/export")


def _first_id(_: str, story: Story) -> int:
    listed = story.tell("GET /v1/namespaces/{namespace}/episodes", namespace="copy")
    id_: int = listed["items"][0]["id"]
    return id_


def _reply(messages: Sequence[Message]) -> Any:  # noqa: ANN401  # what a model says
    if messages[0]["content"].startswith(prompts.ANSWER):
        return {"citations": [1], "answer": "Peanuts: she is allergic."}
    return "No peanuts: she is allergic."


def _rounded(value: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    FILE.write_text(json.dumps(told(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
