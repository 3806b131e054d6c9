"""Detects a text's format by its content."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from helamem.errors import DataError
from helamem.exchange import (
    chatgpt,
    claude,
    discord,
    letta,
    locomo,
    messages,
    notes,
    slack,
    telegram,
    whatsapp,
)
from helamem.exchange.jsonl import parsed, read_jsonl
from helamem.exchange.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

Format: TypeAlias = Literal[
    "jsonl", "messages", "chatgpt", "claude", "letta", "slack", "discord", "whatsapp", "markdown", "text",
    "telegram", "locomo", "helamem",
]  # fmt: skip
FORMATS: tuple[Format, ...] = get_args(Format)
KNOWN = (
    "JSONL with 'text', or 'role' and 'content', in every line; a list of messages with 'role' and "
    "'content'; ChatGPT's or Claude's conversations.json; exports of Slack, Discord (DiscordChatExporter), "
    "Telegram, WhatsApp and Letta; Markdown and plain text; LoCoMo; and helamem's own export"
)


def read(
    text: str, form: Format | None = None, *, session: str = "", zone: tzinfo | None = None
) -> Reading:
    """The turns of a text in any format but helamem's own export.

    Args:
        form: The format; detected from the content by default.
        session: The conversation, if the text names none: the name of its file. Turns with times belong to
            their days all the same.
        zone: The zone of times that name none; None refuses such times.

    Raises:
        DataError: The text is malformed, or in no known format.
    """
    kind = form or detect(text)
    if kind == "helamem":
        raise DataError(
            "this is an export of helamem; import it with `helamem import` or `Memory.import_`"
        )
    if kind == "jsonl":
        return _within(read_jsonl(text.split("\n"), zone, session=session), session)
    if kind in {"markdown", "text"}:
        plain = notes.read_markdown if kind == "markdown" else notes.read_text
        return plain(text, session=session)
    if kind == "whatsapp":
        return whatsapp.read_whatsapp(text, session=session, zone=zone)
    return _READERS[kind](parsed(text), session, zone)


def _within(reading: Reading, session: str) -> Reading:
    """The same turns, those in this session that have neither a session nor a time."""
    return replace(
        reading,
        turns=tuple(
            turn if turn.session or turn.at else replace(turn, session=session)
            for turn in reading.turns
        ),
    )


def detect(text: str) -> Format:
    """The format of a text.

    Raises:
        DataError: It is in no known format; the message lists the known ones.
    """
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        raise DataError("the file is empty; give one with turns or messages")
    if whatsapp.is_whatsapp(text):
        return "whatsapp"
    if start[0] not in "{[":
        raise DataError(
            f"the format is not known by the content; these are read: {KNOWN}. Name it with "
            f"--format"
        )
    return _line_form(start) or detect_json(parsed(text))


def _line_form(text: str) -> Format | None:
    """The format of a text with an object in every line; None for one JSON document."""
    first, _, rest = text.partition("\n")
    if not first.startswith("{"):
        return None
    try:
        record = parsed(first)
    except DataError:
        return None  # one object over several lines, or a malformed file, which parsing will report
    if not isinstance(record, dict):
        return None
    if record.get("type") == "helamem":
        return "helamem"
    alone = "text" in record or ("content" in record and "role" in record)
    return "jsonl" if rest.strip() or alone else None


def detect_json(value: object) -> Format:
    """The format of a JSON document.

    Raises:
        DataError: It is in no known format; the message lists the known ones.
    """
    if isinstance(value, dict):
        found = _form_of_whole(value)
        if found is not None:
            return found
    conversations = value.get("conversations", value) if isinstance(value, dict) else value
    items = conversations if isinstance(conversations, list) else [conversations]
    if not items:
        return "messages"  # an empty list is a list of no messages
    for item in items:
        if isinstance(item, dict):
            for keys, kind in _MARKS:
                if keys <= set(item):
                    return kind
    raise DataError(f"the format is unknown; these are read: {KNOWN}")


def _form_of_whole(value: dict[str, object]) -> Format | None:
    if isinstance(value.get("messages"), list):
        if {"guild", "channel"} & set(value):
            return "discord"
        if any(isinstance(each, dict) and "date_unixtime" in each for each in value["messages"]):  # type: ignore[attr-defined]
            return "telegram"
        return "letta" if {"agent_type", "core_memory"} & set(value) else "messages"
    if isinstance(value.get("chats"), dict):
        return "telegram"
    agents = value.get("agents")
    return "letta" if isinstance(agents, list) and "blocks" in value else None


# The format of a list by the keys of its objects, the most specific first.
_MARKS: tuple[tuple[set[str], Format], ...] = (
    ({"mapping"}, "chatgpt"),
    ({"chat_messages"}, "claude"),
    ({"conversation"}, "locomo"),
    ({"agent_type", "messages"}, "letta"),
    ({"channel", "messages"}, "discord"),
    ({"type", "ts"}, "slack"),
    ({"role"}, "messages"),
    ({"content"}, "messages"),
    ({"text"}, "messages"),
)


def _slack(value: object, session: str, zone: tzinfo | None) -> Reading:  # noqa: ARG001  # it has no naive times
    return slack.read_slack(value, session=session)


def _locomo(value: object, session: str, zone: tzinfo | None) -> Reading:  # noqa: ARG001  # it says its own
    turns = [turn for conversation in locomo.read_locomo(value) for turn in conversation.turns]
    return Reading(turns=tuple(turns), places=tuple(range(len(turns))))


_READERS: dict[str, Callable[[object, str, tzinfo | None], Reading]] = {
    "chatgpt": lambda value, _, zone: chatgpt.read_chatgpt(value, zone),
    "claude": lambda value, _, zone: claude.read_claude(value, zone),
    "discord": lambda value, _, zone: discord.read_discord(value, zone),
    "letta": lambda value, _, zone: letta.read_letta(value, zone),
    "locomo": _locomo,
    "messages": lambda value, session, zone: _within(messages.read_messages(value, zone), session),
    "slack": _slack,
    "telegram": lambda value, _, zone: telegram.read_telegram(value, zone),
}
