"""Reads Letta's agent file: the dialogue of a person and an agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from helamem.exchange import content
from helamem.exchange.conversations import read_each
from helamem.exchange.reading import Collector, first, moment, objects
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from helamem.exchange.reading import Reading

_SPEAKS = "send_message"  # the tool by which such an agent sends messages


def read_letta(value: object, zone: tzinfo | None = None) -> Reading:
    """The turns of an agent file.

    What the agent said is in the arguments of a tool; the text beside it is reasoning. System prompts,
    heartbeats and results of tools are left out and counted.

    Raises:
        DataError: The file has another form.
    """
    agents = value.get("agents") if isinstance(value, dict) else None
    return read_each(agents if isinstance(agents, list) else value, "Letta agent", _agent, zone)


def _agent(found: Collector, agent: dict[str, Any], zone: tzinfo | None) -> None:
    session, name = first(agent, "id", "name"), first(agent, "name")
    for message in objects(agent["messages"]):
        role = first(message, "role")
        text = (
            _user(message) if role == "user" else _assistant(message) if role == "assistant" else ""
        )
        if not text.strip():
            found.count("that neither the person nor the agent said")
            continue
        found.keep(
            Turn(
                text.strip(),
                speaker=name if role == "assistant" else "",
                role=role,
                at=moment(message.get("created_at"), zone),
                session=session,
            )
        )


def _user(message: Mapping[str, Any]) -> str:
    """The person's text; empty for messages that the program sends in their name."""
    text = content.said(message)[0]
    wrapped = _opened(text)
    if wrapped is None or "type" not in wrapped:
        return text
    return first(wrapped, "message") if wrapped["type"] == "user_message" else ""


def _assistant(message: Mapping[str, Any]) -> str:
    calls = [call.get("function") for call in objects(message.get("tool_calls"))]
    parts = [
        first(_opened(call.get("arguments")) or {}, "message")
        for call in calls
        if isinstance(call, dict) and call.get("name") == _SPEAKS
    ]
    return "\n".join(filter(None, parts)) if calls else content.said(message)[0]


def _opened(text: object) -> dict[str, Any] | None:
    """The JSON object in a text, if it is one."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
