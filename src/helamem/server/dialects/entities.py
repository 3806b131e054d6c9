"""Maps mem0's entities to namespaces, and its ids to namespace and id.

user_id="ana"                  the namespace "ana"
agent_id, app_id or run_id     the namespaces "agent:...", "app:..." and "run:...", without a user
run_id beside a user           the session
agent_id, app_id beside one    metadata of those names
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException

from helamem.frozen import dataclass
from helamem.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.records import Change, Episode, Fact, Receipt

KINDS = ("user", "agent", "app", "run")  # the first one given names the memory
NAMES = tuple(f"{kind}_id" for kind in KINDS)
EVENTS = {"added": "ADD", "updated": "UPDATE", "deleted": "DELETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """The namespace of a request, and the part of it that is meant.

    Attributes:
        session: The run, beside a user, agent or app.
        metadata: The agent and the app, beside a user.
        conditions: Further filters.
    """

    namespace: str
    session: str | None
    metadata: Mapping[str, str]
    conditions: tuple[Mapping[str, Any], ...] = ()

    def filters(self) -> dict[str, Any] | None:
        """All conditions as our filters; None for the whole namespace."""
        wanted = [
            *({f"metadata.{name}": each} for name, each in self.metadata.items()),
            *([{"session": self.session}] if self.session else []),
            *map(_translated, self.conditions),
        ]
        return {"AND": wanted} if wanted else None


def whose(fields: Mapping[str, Any], filters: Mapping[str, Any] | None = None) -> Whose:
    """The namespace and the conditions in arguments and filters.

    Raises:
        ValueError: They name nobody, or more than one.
    """
    named = {name: fields[name] for name in NAMES if fields.get(name) is not None}
    conditions = []
    for part in _conjoined(filters or {}):
        named |= {name: part[name] for name in NAMES if name in part}
        rest = {key: value for key, value in part.items() if key not in NAMES}
        conditions += [rest] if rest else []
    for name, value in named.items():
        if not isinstance(value, str) or not value.strip() or value == "*":
            raise ValueError(f"{name} must be one name here, not {value!r:.60}")
    if not named:
        raise ValueError(f"say whose memory: one of {', '.join(NAMES)}")
    first = next(name for name in NAMES if name in named)
    others = {name: value for name, value in named.items() if name not in (first, "run_id")}
    return Whose(
        namespace=namespace_of(first.removesuffix("_id"), named[first]),
        session=named.get("run_id") if first != "run_id" else None,
        metadata=others,
        conditions=tuple(conditions),
    )


def namespace_of(kind: str, name: str) -> str:
    """The namespace of a user, an agent, an app or a run.

    Raises:
        ValueError: There is no such kind, or a user has the name of one of another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")
    if kind != "user":
        return f"{kind}:{name}"
    if entity_of(name)[0] != "user":
        raise ValueError(
            f"a user cannot be called {name!r:.60}, which names an agent, app or run "
            "here; choose another name"
        )
    return name


def entity_of(namespace: str) -> tuple[str, str]:
    """The kind and the name that a namespace belongs to.

    >>> entity_of("ana"), entity_of("agent:cook")
    (('user', 'ana'), ('agent', 'cook'))
    """
    kind, colon, name = namespace.partition(":")
    return (kind, name) if colon and kind in KINDS[1:] else ("user", namespace)


def _conjoined(filters: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The conditions that must all hold, one mapping each."""
    parts: list[Mapping[str, Any]] = [{key: each for key, each in filters.items() if key != "AND"}]
    inner = filters.get("AND", [])
    for part in inner if isinstance(inner, list) else [inner]:
        if not isinstance(part, Mapping):
            raise TypeError(f"AND takes a list of filters, not {type(part).__name__} in it")
        parts += _conjoined(part)
    return [part for part in parts if part]


def _translated(condition: Any) -> Any:  # noqa: ANN401  # JSON
    """A condition with our names for fields."""
    if isinstance(condition, list):
        return [_translated(each) for each in condition]
    if not isinstance(condition, Mapping):
        return condition
    found: dict[str, Any] = {}
    for key, value in condition.items():
        if key in ("AND", "OR", "NOT"):
            found[key] = _translated(value)
        elif key == "metadata" and isinstance(value, Mapping):
            found |= {f"metadata.{inner}": each for inner, each in value.items()}
        else:
            found[_field(key)] = value
    return found


def _field(key: str) -> str:
    if key == "run_id":
        return "session"
    return f"metadata.{key}" if key in ("agent_id", "app_id") else key


def shown_id(namespace: str, id_: int) -> str:
    """An id that contains the namespace.

    >>> shown_id("ana", 7), place_of("YW5h.7")
    ('YW5h.7', ('ana', 7))
    """
    return f"{base64.urlsafe_b64encode(namespace.encode()).decode().rstrip('=')}.{id_}"


def place_of(memory_id: str) -> tuple[str, int]:
    """The namespace and the number of a memory.

    Raises:
        HTTPException: No memory can have this id.
    """
    where, _, number = memory_id.partition(".")
    try:
        padded = where + "=" * (-len(where) % 4)
        namespace, id_ = base64.urlsafe_b64decode(padded).decode(), int(number)
    except (binascii.Error, ValueError):
        namespace, id_ = "", 0
    if not namespace or shown_id(namespace, id_) != memory_id or not 0 < id_ < 2**63:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"There is no memory {memory_id!r:.80}.")
    return namespace, id_


def memory(namespace: str, found: Episode | Fact, **more: object) -> dict[str, Any]:
    """A memory in mem0's shape."""
    kind, name = entity_of(namespace)
    metadata = dict(found.metadata)
    whom = {each: metadata.pop(each, None) for each in ("agent_id", "app_id")}
    ids = {"user_id": None, **whom, "run_id": getattr(found, "session", "") or None}
    return {
        "id": shown_id(namespace, found.id),
        "memory": found.text,
        **ids,
        f"{kind}_id": name,
        "metadata": metadata or None,
        "categories": [],
        "created_at": plain(found.at),
        "updated_at": plain(found.stored_at),
        **more,
    }


def added(namespace: str, receipt: Receipt, texts: Mapping[int, str]) -> dict[str, Any]:
    """A receipt in mem0's shape."""
    new = set(receipt.stored)
    return {
        "results": [
            {
                "id": shown_id(namespace, id_),
                "memory": texts[id_],
                "event": "ADD" if id_ in new else "NONE",
            }
            for id_ in dict.fromkeys(receipt.ids)
        ]
    }


def history(memory_id: str, changes: Iterable[Change], now: str | None) -> list[dict[str, Any]]:
    """A history in mem0's shape.

    Args:
        now: The present text; None if it was deleted.
    """
    events = [change for change in changes if change.event in EVENTS]
    return [
        {
            "id": f"{memory_id}.{i}",
            "memory_id": memory_id,
            "event": EVENTS[change.event],
            "old_memory": change.text,
            "new_memory": None if change.event == "deleted" else _next(events[i + 1 :], now),
            "created_at": plain(change.at),
            "updated_at": plain(change.at),
        }
        for i, change in enumerate(events)
    ]


def _next(later: Sequence[Change], now: str | None) -> str | None:
    """The text after a change: that before the next change, or the present one."""
    return next((change.text for change in later if change.event == "updated"), now)
