"""The words of other memories, and ours: so that a habit brought along ends in a sentence that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ARGUMENTS = {
    "user_id": "Memory(namespace=...)",
    "agent_id": "Memory(namespace=...)",
    "app_id": "Memory(namespace=...)",
    "group_id": "Memory(namespace=...)",
    "container_tag": "Memory(namespace=...)",
    "run_id": "session=",
    "session_id": "session=",
    "thread_id": "session=",
    "limit": "k=",
    "top_k": "k=",
    "n_results": "k=",
    "timestamp": "at=",
    "reference_time": "at=",
    "created_at": "at=",
    "name": "speaker=",
    "filter": "filters=",
    "where": "filters=",
    "infer": "consolidate(), which distils facts when you ask for it; add never calls a model",
}

METHODS = {
    "remember": "add",
    "store": "add",
    "write": "add",
    "recall": "search",
    "query": "search",
    "retrieve": "search",
    "get_all": "list",
    "get_memory": "get",
    "delete_all": "delete(*ids), or a namespace of its own",
    "improve": "reinforce",
    "learn": "reinforce",
    "feedback": "reinforce",
    "sleep": "consolidate",
    "reflect": "consolidate",
    "load": "import_",
    "save": "export; a memory is durable without being saved",
    "from_config": "Memory(config=Config.of(...))",
    "reset": "delete(*ids), or a namespace of its own",
}


def refuse(called: str, unknown: Mapping[str, object]) -> None:
    """Refuse arguments that nobody takes, saying what ours is called where we know the word.

    Raises:
        TypeError: There is at least one.
    """
    for name in unknown:
        ours = ARGUMENTS.get(name)
        raise TypeError(f"{called} takes no {name!r}" + (f"; here it is {ours}" if ours else ""))


def hint(owner: str, name: str) -> str:
    """What to say to someone who looked for an attribute that is not there."""
    ours = METHODS.get(name)
    return f"{owner} has no {name!r}" + (f"; here it is {ours}" if ours else "")
