"""Files with many conversations: an unreadable one is skipped, and the others are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem.errors import DataError
from helamem.exchange.reading import Collector, an_object, first

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from helamem.exchange.reading import Reading
    from helamem.records import Json


def read_each(
    value: object,
    what: str,
    read: Callable[[Collector, dict[str, Any], tzinfo | None], None],
    zone: tzinfo | None,
) -> Reading:
    """The turns of every readable conversation; the others are left out, named by number, title and id.

    Raises:
        DataError: No conversation can be read; it says why for the first.
    """
    found = Collector()
    messages = value.get("conversations", value) if isinstance(value, dict) else value
    items = messages if isinstance(messages, list) else [messages]
    failures = []
    for number, item in enumerate(items, start=1):
        one = Collector()
        try:
            read(one, an_object(item), zone)
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
            detail = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            failures.append(f"{what} {number}{_named(item)}: {detail}")
            found.leave_out(number - 1, f"{failures[-1]}; it was left out")
        else:
            found.merge(one)
    if failures and len(failures) == len(items):
        raise DataError(failures[0])
    return found.reading()


def _named(item: object) -> str:
    """A conversation's title and id, by which it can be found."""
    if not isinstance(item, dict):
        return ""
    name = first(item, "title", "name")
    id_ = session_of(item, "conversation_id", "id", "uuid")
    return (f" {name!r}" if name else "") + (f" ({id_})" if id_ else "")


def session_of(conversation: Mapping[str, Any], *keys: str) -> str:
    """A conversation's identifier."""
    return first(conversation, *keys)


def title(conversation: Mapping[str, Any], key: str) -> dict[str, Json]:
    """A conversation's title as metadata, if it has one."""
    found = conversation.get(key)
    return {"title": found} if isinstance(found, str) and found else {}
