"""Reads Claude's conversations.json: the dialogue, pasted texts, and notes about files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from helamem.exchange.conversations import read_each, session_of, title
from helamem.exchange.reading import Collector, files, first, moment, objects, text_of
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from helamem.exchange.reading import Reading

_TEXTS = ("text", "voice_note")  # types of blocks with spoken text
# Claude's placeholders for blocks that an export cannot show.
_PLACEHOLDER = re.compile(r"`*\s*This block is not supported on your current device yet\.?\s*`*")


def read_claude(value: object, zone: tzinfo | None = None) -> Reading:
    """The turns of Claude's conversations.json.

    Pasted texts and voice notes are part of the turn; of other files the name is kept. Reasoning and tools
    are left out; messages that are then empty are counted. A conversation that cannot be read is left out
    and named.

    Raises:
        DataError: The file has another form, or no conversation in it can be read.
    """
    return read_each(value, "Claude conversation", _conversation, zone)


def _conversation(found: Collector, conversation: dict[str, Any], zone: tzinfo | None) -> None:
    messages = conversation["chat_messages"]
    if messages is not None and not isinstance(messages, list):
        raise TypeError(f"chat_messages must be a list, not {type(messages).__name__}")
    at = moment(conversation.get("created_at") or conversation.get("updated_at"), zone)
    for message in objects(messages):
        at = moment(message.get("created_at"), zone) or at
        sender = text_of(message.get("sender"))
        text = _text(message)
        if not text:
            found.count("without text")
            continue
        turn = Turn(
            text,
            role="user" if sender == "human" else sender,
            at=at,
            session=session_of(conversation, "uuid"),
            metadata=title(conversation, "name"),
        )
        found.keep(turn, _losses(message))


def _text(message: Mapping[str, Any]) -> str:
    """Text, pasted texts and the names of files; older exports have only `text`."""
    content = message.get("content")
    blocks = [content] if isinstance(content, str) else content
    spoken = [text_of(each) for each in blocks or [] if isinstance(each, str)] if blocks else []
    spoken += [
        text_of(block.get("text")) for block in objects(blocks) if block.get("type") in _TEXTS
    ]
    spoken = [_PLACEHOLDER.sub("", each).strip() for each in spoken]
    if not any(spoken):
        spoken = [_PLACEHOLDER.sub("", text_of(message.get("text"))).strip()]
    return "\n".join(filter(None, [*spoken, *_pasted(message), *_named(message)]))


def _pasted(message: Mapping[str, Any]) -> list[str]:
    """The texts of attachments, each under its name."""
    return [
        f"{note}\n{text}" if (text := text_of(each.get("extracted_content"))) else note
        for each in objects(message.get("attachments"))
        for note in files([each], "file_name")
    ]


def _named(message: Mapping[str, Any]) -> list[str]:
    attached = {first(each, "file_name") for each in objects(message.get("attachments"))}
    others = [
        each
        for key in ("files", "files_v2")
        for each in objects(message.get(key))
        if first(each, "file_name") not in attached
    ]
    return list(dict.fromkeys(files(others, "file_name", "file_uuid")))


def _losses(message: Mapping[str, Any]) -> list[str]:
    empty = [
        each
        for key in ("files", "files_v2", "attachments")
        for each in objects(message.get(key))
        if not text_of(each.get("extracted_content"))
    ]
    return ["of a file only its name is kept"] if empty else []
