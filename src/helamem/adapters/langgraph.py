"""A memory as a LangGraph store; needs the extra `langgraph`.

An item is an episode. Its text is what the item says, and the item itself stands in the metadata. So items
are found like other memories, and what is reinforced among them is learned.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from helamem.errors import MissingExtraError
from helamem.records import Turn

try:
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        Item,
        ListNamespacesOp,
        MatchCondition,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
        get_text_at_path,
        tokenize_path,
    )
except ImportError as error:
    raise MissingExtraError("langgraph", "langgraph") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from helamem.engine import Engine
    from helamem.records import Episode, Fact

ALL = 2**62


class HelamemStore(BaseStore):
    """A store for `graph.compile(store=...)` that keeps its items in a memory.

    The memory's own namespace is whose memory it is; LangGraph's namespaces are folders in it. A search
    stays in its folder, but what is learned is learned by the memory as a whole: for people who must
    never share anything, give each a `Memory` of their own.

    Labels of LangGraph's namespaces must hold no full stop, so an e-mail address is none; `label` makes
    one of it.

    Args:
        memory: A `Memory`.
        fields: The paths of what is searched in a value, as in LangGraph's index configuration; "$" is
            all of it. `put(..., index=[...])` says otherwise for one item, and `index=False` leaves it out
            of searches with a query.

    Example:
        store = HelamemStore(Memory("agent.db"))
        store.put(("memories", label("maya@example.com")), "diet", {"text": "Maya is allergic to peanuts."})
        store.search(("memories",), query="What should I not cook?")
    """

    supports_ttl = False
    __slots__ = ("_fields", "_memory")

    def __init__(self, memory: Engine, *, fields: Sequence[str] = ("$",)) -> None:
        self._memory = memory
        self._fields = tuple(fields)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations in their order."""
        return [self._carry_out(op) for op in ops]

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations in their order, in another thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _carry_out(self, op: Op) -> Result:
        if isinstance(op, GetOp):
            kept = self._find(op.namespace, op.key)
            return None if kept is None else Item(**_fields_of(kept))
        if isinstance(op, PutOp):
            return self._put(op)
        if isinstance(op, SearchOp):
            return self._search(op)
        if isinstance(op, ListNamespacesOp):
            return self._list_namespaces(op)
        raise ValueError(f"unknown operation: {type(op).__name__}")

    def _find(self, namespace: tuple[str, ...], key: str) -> Episode | Fact | None:
        conditions = {"session": _session(namespace, key)}
        return next(iter(self._memory.list(filters=conditions, limit=1)), None)

    def _put(self, op: PutOp) -> None:
        kept = self._find(op.namespace, op.key)
        if op.value is None:
            if kept is not None:
                self._memory.delete(kept.id)
            return
        text = self._text(op)
        metadata: dict[str, Any] = {
            "langgraph": {
                "namespace": list(op.namespace),
                "key": op.key,
                "value": op.value,
                "indexed": op.index is not False,
                "updated_at": self._memory.now().isoformat(),
                **{f"label{i}": label for i, label in enumerate(op.namespace)},
            }
        }
        if kept is not None:
            self._memory.update(kept.id, text, metadata=metadata)
        else:
            self._memory.add(Turn(text, session=_session(op.namespace, op.key), metadata=metadata))

    def _text(self, op: PutOp) -> str:
        """What an item is found by."""
        paths = self._fields if op.index is None or op.index is False else op.index
        whole = op.value if isinstance(op.value, dict) else {}
        found = [
            text
            for path in paths
            for text in (
                _words(whole) if path == "$" else get_text_at_path(whole, tokenize_path(path))
            )
        ]
        return "\n".join(text for text in found if text.strip()) or op.key

    def _search(self, op: SearchOp) -> list[SearchItem]:
        conditions = _conditions(op.namespace_prefix, op.filter)
        if not op.query or not op.query.strip():
            kept = self._memory.list(filters=conditions, limit=op.limit, offset=op.offset)
            return [SearchItem(**_fields_of(each)) for each in kept]
        conditions["AND"].append({"metadata.langgraph.indexed": True})
        recall = self._memory.search(op.query, k=max(op.offset + op.limit, 1), filters=conditions)
        hits = recall.hits[op.offset : op.offset + op.limit]
        return [SearchItem(**_fields_of(hit.memory), score=hit.score) for hit in hits]

    def _list_namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        kept = self._memory.list(filters=_conditions((), None), limit=ALL)
        found = {_fields_of(each)["namespace"] for each in kept}
        matching = {
            name for name in found if all(_matches(c, name) for c in op.match_conditions or ())
        }
        cut = sorted({name[: op.max_depth] for name in matching})
        return cut[op.offset : op.offset + op.limit]


def label(text: str) -> str:
    """Any text as a label of a namespace; different texts make different labels.

    >>> label("maya@example.com")
    'maya@example%2Ecom'
    """
    return text.replace("%", "%25").replace(".", "%2E").replace("\x00", "%00") or "%"


def _session(namespace: tuple[str, ...], key: str) -> str:
    """A session for each item, so that no item is the neighbor of another."""
    return "langgraph " + json.dumps([*namespace, key], ensure_ascii=False)


def _conditions(prefix: tuple[str, ...], values: Mapping[str, Any] | None) -> dict[str, Any]:
    """The items in a folder whose values meet a filter."""
    inside = [{f"metadata.langgraph.label{i}": {"eq": name}} for i, name in enumerate(prefix)]
    return {
        "AND": [
            {"metadata.langgraph.key": {"exists": True}},
            *inside,
            *_value_conditions("metadata.langgraph.value", values or {}),
        ]
    }


def _value_conditions(path: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    conditions: list[dict[str, Any]] = []
    for name, wanted in values.items():
        field = f"{path}.{name}"
        if isinstance(wanted, dict) and not any(key.startswith("$") for key in wanted):
            conditions += _value_conditions(field, wanted)
        else:
            conditions.append({field: wanted if isinstance(wanted, dict) else {"eq": wanted}})
    return conditions


def _fields_of(kept: Episode | Fact) -> dict[str, Any]:
    """What makes an item of a memory."""
    item: Any = kept.metadata["langgraph"]
    return {
        "namespace": tuple(item["namespace"]),
        "key": item["key"],
        "value": item["value"],
        "created_at": kept.stored_at,
        "updated_at": datetime.fromisoformat(item["updated_at"]),
    }


def _words(value: Any) -> list[str]:  # noqa: ANN401  # JSON
    """The texts and numbers in a value, without the names of its fields."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in _words(each)]
    if isinstance(value, list):
        return [text for each in value for text in _words(each)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _matches(condition: MatchCondition, namespace: tuple[str, ...]) -> bool:
    """Whether a namespace begins, or ends, as a condition says; "*" stands for any label."""
    path = condition.path
    if len(path) > len(namespace):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[-len(path) :]
    return all(wanted in ("*", each) for wanted, each in zip(path, part, strict=True))
