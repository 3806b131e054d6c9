"""DiscordChatExporter's JSON: the messages of one channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem.exchange.conversations import read_each
from helamem.exchange.reading import Collector, files, first, moment, objects, text_of
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from helamem.exchange.reading import Reading
    from helamem.records import Json

_SAID = ("Default", "Reply", "", "0", "19")


def read_discord(value: object, zone: tzinfo | None = None) -> Reading:
    """The turns of a channel; a session is a day of it, and files leave a note.

    Raises:
        DataError: The file has another form.
    """
    return read_each(value, "Discord channel", _channel, zone)


def _channel(found: Collector, channel: dict[str, Any], zone: tzinfo | None) -> None:
    place = " / ".join(
        filter(None, (first(channel.get(key) or {}, "name") for key in ("guild", "channel")))
    )
    for message in objects(channel["messages"]):
        if str(message.get("type") or "") not in _SAID:
            found.count("of Discord itself, such as people joining and leaving")
            continue
        text = _text(message)
        at = moment(message.get("timestamp"), zone)
        if not text:
            found.count("without text")
            continue
        day = f"{at:%Y-%m-%d}" if at else ""
        attached = objects(message.get("attachments"))
        found.keep(
            Turn(
                text,
                speaker=_speaker(message),
                at=at,
                session="/".join(filter(None, [place, day])),
                metadata=_metadata(message),
            ),
            ["of a file only its name is kept"] if attached else [],
        )


def _speaker(message: Mapping[str, Any]) -> str:
    author = message.get("author")
    return first(author, "nickname", "name", "id") if isinstance(author, dict) else ""


def _text(message: Mapping[str, Any]) -> str:
    attached = objects(message.get("attachments"))
    stickers = [f"[sticker: {first(each, 'name')}]" for each in objects(message.get("stickers"))]
    embeds = [
        text_of(each.get("title")) or text_of(each.get("description"))
        for each in objects(message.get("embeds"))
    ]
    text = text_of(message.get("content"))
    notes = [f"[link: {each}]" for each in embeds if each]
    return "\n".join(
        filter(None, [text, *files(attached, "fileName", "filename", "id"), *stickers, *notes])
    )


def _metadata(message: Mapping[str, Any]) -> dict[str, Json]:
    reference = message.get("reference")
    answered = first(reference, "messageId") if isinstance(reference, dict) else ""
    fields: dict[str, Json] = {"id": first(message, "id"), "reply_to": answered}
    return {key: value for key, value in fields.items() if value}
