"""Reads Slack's export: a folder per channel, with a list of messages per day."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from helamem.errors import DataError
from helamem.exchange.reading import Collector, files, first, moment, objects, text_of
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helamem.exchange.reading import Reading
    from helamem.records import Json

_MENTION = re.compile(r"<([@#!])([^|>]+)(?:\|([^>]*))?>")
_LINK = re.compile(r"<([a-z]+:[^|>]+)(?:\|([^>]*))?>")
# Subtypes of messages with content; others report joins, leaves and renames.
_SAID = ("", "bot_message", "me_message", "thread_broadcast", "file_share", "file_comment")


def names_of(value: object) -> dict[str, str]:
    """The names of the people in a users.json, by id."""
    return {
        first(user, "id"): first(
            {**user, **(profile if isinstance(profile := user.get("profile"), dict) else {})},
            *("display_name", "real_name", "name", "id"),
        )
        for user in objects(value)
    }


def read_slack(
    value: object, *, session: str = "", names: Mapping[str, str] | None = None
) -> Reading:
    """The turns of one file of a channel.

    Args:
        session: The conversation; the day by default.
        names: People's names by id.

    Raises:
        DataError: A message is malformed; the error says which.
    """
    found, known = Collector(), dict(names or {})
    messages = value.get("messages") if isinstance(value, dict) else value
    for number, message in enumerate(objects(messages), start=1):
        try:
            _message(found, message, session, known)
        except (TypeError, ValueError) as error:
            raise DataError(f"Slack message {number}: {error}") from error
    return found.reading()


def _message(
    found: Collector, message: Mapping[str, Any], session: str, names: Mapping[str, str]
) -> None:
    if first(message, "subtype") not in _SAID:
        found.count("of Slack itself, such as people joining and leaving")
        return
    attached = objects(message.get("files"))
    text = _plain(text_of(message.get("text")), names) or _attached(message, names)
    text = "\n".join(filter(None, [text, *files(attached, "name", "title", "id")]))
    if not text:
        found.count("without text")
        return
    found.keep(
        Turn(
            text,
            speaker=_speaker(message, names),
            at=moment(message.get("ts")),
            session=session,
            metadata=_metadata(message),
        ),
        ["of a file only its name is kept"] if attached else [],
    )


def _speaker(message: Mapping[str, Any], names: Mapping[str, str]) -> str:
    profile = message.get("user_profile") or message.get("bot_profile") or {}
    user = first(message, "user", "bot_id")
    own = first(profile, "display_name", "real_name", "name") if isinstance(profile, dict) else ""
    return names.get(user) or own or first(message, "username") or user


def _attached(message: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Bots' texts in attachments."""
    return "\n".join(
        _plain(first(each, "text", "fallback", "title"), names)
        for each in objects(message.get("attachments"))
    ).strip()


def _plain(text: str, names: Mapping[str, str]) -> str:
    """The text with names for ids, the text of links, and HTML unescaped."""

    def mention(match: re.Match[str]) -> str:
        sign, id_, label = match.groups()
        name = label or names.get(id_, id_)
        return f"{'@' if sign == '!' else sign}{name.removeprefix('@')}"

    def link(match: re.Match[str]) -> str:
        address, label = match.groups()
        return address if not label or label in address else f"{label} ({address})"

    return html.unescape(_LINK.sub(link, _MENTION.sub(mention, text))).strip()


def _metadata(message: Mapping[str, Any]) -> dict[str, Json]:
    thread = first(message, "thread_ts")
    return {"thread": thread} if thread and thread != first(message, "ts") else {}
