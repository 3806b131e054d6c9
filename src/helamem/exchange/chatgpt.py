"""Reads ChatGPT's conversations.json: the dialogue of user and assistant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem.exchange.content import said
from helamem.exchange.conversations import read_each, session_of, title
from helamem.exchange.reading import Collector, an_object, moment
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from helamem.exchange.reading import Reading

_SAID = ("text", "multimodal_text")  # types of content


def read_chatgpt(value: object, zone: tzinfo | None = None) -> Reading:
    """The turns of ChatGPT's conversations.json.

    Of a conversation with several branches, the one that was open last is read, or the one with the newest
    message if the file does not say. System prompts, hidden messages and calls of tools are left out and
    counted. A conversation that cannot be read is left out and named.

    Raises:
        DataError: The file has another form, or no conversation in it can be read.
    """
    return read_each(value, "ChatGPT conversation", _conversation, zone)


def _conversation(found: Collector, conversation: dict[str, Any], zone: tzinfo | None) -> None:
    mapping = an_object(conversation["mapping"])
    at = next(
        (moment(conversation[key], zone) for key in _TIMES if conversation.get(key) is not None),
        None,
    )
    for message in _branch(mapping, conversation.get("current_node")):
        at = moment(message.get("create_time"), zone) or at
        reason = _why_not(message)
        text, losses = ("", []) if reason else said({"content": _parts(message)})
        if reason or not text.strip():
            found.count(reason or "without text")
            continue
        turn = Turn(
            text.strip(),
            role=_role(message),
            at=at,
            session=session_of(conversation, "conversation_id", "id"),
            metadata=title(conversation, "title"),
        )
        found.keep(turn, losses)


def _parts(message: Mapping[str, Any]) -> list[Any]:
    """The parts of a message; bare numbers count as text."""
    content = message.get("content") or {}
    parts = [content] if isinstance(content, str) else an_object(content).get("parts") or []
    return [str(each) if isinstance(each, int | float) else each for each in parts]


_TIMES = ("create_time", "update_time")


def _branch(mapping: Mapping[str, Any], open_leaf: object) -> list[dict[str, Any]]:
    """The messages from the root to the leaf that was open, or else to the newest one."""
    leaf = open_leaf if open_leaf in mapping else _newest_leaf(mapping)
    return [
        an_object(entry["message"]) for entry in _path(mapping, leaf)[::-1] if entry.get("message")
    ]


def _path(mapping: Mapping[str, Any], node: object) -> list[dict[str, Any]]:
    """The nodes from a leaf to the root."""
    found, seen = [], set[object]()
    while node in mapping and node not in seen:  # a cycle in the file must not loop forever
        seen.add(node)
        found.append(_entry(mapping, node))
        node = found[-1].get("parent")
    return found


def _newest_leaf(mapping: Mapping[str, Any]) -> object:
    """The leaf whose branch has the newest message; of several, the last one in the file."""
    parents = {_entry(mapping, node).get("parent") for node in mapping}
    leaves = [node for node in mapping if node not in parents] or list(mapping)

    def newest(leaf: object) -> float:
        return max(map(_time, _path(mapping, leaf)))

    return max(reversed(leaves), key=newest, default=None)


def _time(entry: Mapping[str, Any]) -> float:
    message = entry.get("message")
    when = message.get("create_time") if isinstance(message, dict) else None
    return float(when) if isinstance(when, int | float) else float("-inf")


def _entry(mapping: Mapping[str, Any], node: object) -> dict[str, Any]:
    return an_object(mapping[str(node)] or {})


def _role(message: Mapping[str, Any]) -> str:
    author = message.get("author")
    return str(author.get("role") or "") if isinstance(author, dict) else ""


def _why_not(message: Mapping[str, Any]) -> str:
    """Why a message is not part of the dialogue; empty if it is."""
    role, metadata = _role(message), message.get("metadata")
    if not role:
        return "of nobody"
    if role == "system":
        return "from the system"
    if isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation"):
        return "that ChatGPT hides"
    content = message.get("content") or {}
    kind = content.get("content_type", "text") if isinstance(content, dict) else "text"
    recipient = message.get("recipient")
    if role not in {"user", "assistant"} or recipient not in {None, "all"} or kind not in _SAID:
        return "to or from tools"
    return ""
