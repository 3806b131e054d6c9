"""Reads the JSON export of Telegram's desktop program: one chat, or all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem.exchange.conversations import read_each
from helamem.exchange.reading import Collector, files, first, moment, objects
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from helamem.exchange.reading import Reading


def read_telegram(value: object, zone: tzinfo | None = None) -> Reading:
    """The turns of a chat or of all chats; a session is a day of a chat, and files leave a note.

    Times in seconds are preferred, since the others name no zone.

    Raises:
        DataError: The file has another form.
    """
    chats = value.get("chats") if isinstance(value, dict) else None
    several = chats.get("list") if isinstance(chats, dict) else None
    return read_each(several if isinstance(several, list) else value, "Telegram chat", _chat, zone)


def _chat(found: Collector, chat: dict[str, Any], zone: tzinfo | None) -> None:
    name = first(chat, "name", "id")
    for message in objects(chat["messages"]):
        if first(message, "type") != "message":
            found.count("of Telegram itself, such as people joining and leaving")
            continue
        notes = _notes(message)
        text = "\n".join(filter(None, [_text(message.get("text")).strip(), *notes]))
        if not text:
            found.count("without text")
            continue
        at = moment(message.get("date_unixtime"), zone) or moment(message.get("date"), zone)
        if at is not None and zone is not None:
            at = at.astimezone(zone)
        day = f"{at:%Y-%m-%d}" if at else ""
        session = "/".join(filter(None, [name, day]))
        found.keep(
            Turn(text, speaker=first(message, "from", "from_id"), at=at, session=session),
            ["of a file only a note is kept"] if notes else [],
        )


def _notes(message: Mapping[str, Any]) -> list[str]:
    if message.get("photo"):
        return ["[photo]"]
    return files([message], "file_name", "media_type") if message.get("file") else []


def _text(value: object) -> str:
    """Join a text, which comes in pieces if parts of it are formatted."""
    if isinstance(value, list):
        return "".join(map(_text, value))
    if isinstance(value, dict):
        return _text(value.get("text"))
    return value if isinstance(value, str) else ""
