"""A memory as a LangGraph store; needs the extra `langgraph`.

An item is an episode under a key of its own, with the item's words as text and the item in the metadata. So
items are found like other memories, and the memory learns about them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from concurrent.futures import Future
from datetime import datetime
from typing import TYPE_CHECKING, Any

from helamem import records
from helamem.adapters import langgraph_filters
from helamem.adapters.deleting import deleted
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
        TTLConfig,
        get_text_at_path,
        tokenize_path,
    )
except ImportError as error:
    raise MissingExtraError("langgraph", "langgraph") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.engine import Engine
    from helamem.records import Episode, Fact

logger = logging.getLogger(__name__)

ENTRY = "langgraph"  # the metadata key that identifies an item
MINUTE_S = 60.0
SWEEP_MINUTES = 5.0


class HelamemStore(BaseStore):
    """A store for `graph.compile(store=...)` that keeps its items in a memory.

    LangGraph's namespaces are folders in the memory's own namespace. A search stays in its folder, but the
    memory learns as a whole: give people who must never share anything a `Memory` each.

    LangGraph allows no full stop in a label of a namespace; `label` encodes one, as in an e-mail address.

    Args:
        memory: A `Memory`.
        fields: The searched paths of a value, as in LangGraph's index configuration; "$" is all of it.
            `put(..., index=[...])` overrides it for one item, and `index=False` hides the item from searches
            with a query.
        ttl: The lifetime of items, as in LangGraph's own stores: "default_ttl" in minutes, "refresh_on_read",
            "omit_expired", and "sweep_interval_minutes" for `start_ttl_sweeper`.

    Example:
        store = HelamemStore(Memory("agent.db"))
        store.put(("memories", label("maya@example.com")), "diet", {"text": "Maya is allergic to peanuts."})
        store.search(("memories",), query="What should I not cook?")
    """

    supports_ttl = True
    __slots__ = ("_fields", "_memory", "_stopping", "_sweeper", "ttl_config")

    def __init__(
        self, memory: Engine, *, fields: Sequence[str] = ("$",), ttl: TTLConfig | None = None
    ) -> None:
        self._memory = memory
        self._fields = tuple(fields)
        self.ttl_config = ttl
        self._sweeper: threading.Thread | None = None
        self._stopping = threading.Event()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations in their order."""
        return [self._carry_out(op) for op in ops]

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations in their order, in another thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _carry_out(self, op: Op) -> Result:
        if isinstance(op, GetOp):
            return self._get(op)
        if isinstance(op, PutOp):
            self._put(op)
            return None
        if isinstance(op, SearchOp):
            return self._search(op)
        if isinstance(op, ListNamespacesOp):
            return self._list_namespaces(op)
        raise ValueError(
            f"A store carries out GetOp, PutOp, SearchOp and ListNamespacesOp, not {type(op).__name__}."
        )

    # Items

    def _get(self, op: GetOp) -> Item | None:
        memory = self._memory.get_by_key(_key(op.namespace, op.key))
        if memory is None or (self._omits_expired and self._has_expired(memory)):
            return None
        if op.refresh_ttl:
            self._refresh(memory)
        return Item(**_fields_of(memory))

    def _put(self, op: PutOp) -> None:
        key = _key(op.namespace, op.key)
        if op.value is None:
            self._delete(key)
            return
        text = self._text(op)
        quiet = op.index is False or not text
        metadata: dict[str, Any] = {
            ENTRY: self._entry(op),
            records.ORIGINAL: op.value,
            records.KEEP: True,
            **({records.QUIET: True} if quiet else {}),
        }
        _require_json(op)
        self._memory.put(key, Turn(text or f"[{op.key}]", session=key, metadata=metadata))

    def _entry(self, op: PutOp) -> dict[str, Any]:
        now = self._memory.now()
        entry = {
            "namespace": list(op.namespace),
            "key": op.key,
            "updated_at": now.isoformat(),
            **{f"label{i}": label for i, label in enumerate(op.namespace)},
        }
        if op.ttl is None:
            return entry
        return {**entry, "ttl": op.ttl, "expires_at": now.timestamp() + op.ttl * MINUTE_S}

    def _delete(self, key: str) -> None:
        memory = self._memory.get_by_key(key)
        if memory is not None:
            deleted(self._memory, [memory])

    def _text(self, op: PutOp) -> str:
        """The searchable text of an item; empty if it has none."""
        paths = self._fields if op.index is None or op.index is False else op.index
        whole = op.value if isinstance(op.value, dict) else {}
        found = [
            text
            for path in paths
            for text in (
                _words(whole) if path == "$" else get_text_at_path(whole, tokenize_path(path))
            )
        ]
        return "\n".join(text for text in found if text.strip())

    # Searching

    def _search(self, op: SearchOp) -> list[SearchItem]:
        found = [] if op.limit < 1 else self._found(op)
        if op.refresh_ttl:
            for memory, _ in found:
                self._refresh(memory)
        return [SearchItem(**_fields_of(memory), score=score) for memory, score in found]

    def _found(self, op: SearchOp) -> list[tuple[Any, float | None]]:
        """The items of the requested page, with scores if there is a query."""
        conditions: dict[str, Any] = self._inside(op.namespace_prefix)
        asks = bool(op.query and op.query.strip())
        if op.filter:
            fitting = self._fitting(conditions, op.filter)
            if not asks or not fitting:
                return [(each, None) for each in fitting[op.offset : op.offset + op.limit]]
            conditions = {"id": {"in": [each.id for each in fitting]}}
        if not asks:
            memories = self._memory.list(filters=conditions, limit=op.limit, offset=op.offset)
            return [(memory, None) for memory in memories]
        k = op.offset + op.limit
        recall = self._memory.search(str(op.query), k=k, filters=conditions)
        return [(hit.memory, hit.score) for hit in recall.hits[op.offset : k]]

    def _fitting(self, conditions: dict[str, Any], wanted: dict[str, Any]) -> list[Episode | Fact]:
        langgraph_filters.check(wanted)
        memories = self._memory.list(filters=conditions)
        return [each for each in memories if langgraph_filters.matches(_value(each), wanted)]

    def _list_namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        memories = self._memory.list(filters=self._inside(()))
        found = {tuple(_entry_of(each)["namespace"]) for each in memories}
        matching = {
            name for name in found if all(_matches(c, name) for c in op.match_conditions or ())
        }
        cut = sorted({name[: op.max_depth] for name in matching})
        return cut[op.offset : op.offset + op.limit]

    def _inside(self, prefix: Sequence[str]) -> dict[str, Any]:
        """The conditions for visible items in a folder."""
        labels = [{f"metadata.{ENTRY}.label{i}": {"eq": name}} for i, name in enumerate(prefix)]
        living = [{"NOT": [self._expired()]}] if self._omits_expired else []
        return {"AND": [{f"metadata.{ENTRY}.key": {"exists": True}}, *labels, *living]}

    # Lifetimes

    def sweep_ttl(self) -> int:
        """Delete expired items; return how many."""
        expired = self._memory.list(filters=self._expired())
        gone = (
            set(self._memory.delete(filters=self._expired(), dry_run=False)) if expired else set()
        )
        return sum(each.id in gone for each in expired)

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Sweep periodically in the background; cancelling the future stops it.

        Without `ttl`, the returned future is already done.
        """
        future: Future[None] = Future()
        if self.ttl_config is None:
            future.set_result(None)
            return future
        future.add_done_callback(lambda done: self._stopping.set() if done.cancelled() else None)
        if self._sweeper is not None and self._sweeper.is_alive():
            return future
        minutes = (
            sweep_interval_minutes or self.ttl_config.get("sweep_interval_minutes") or SWEEP_MINUTES
        )
        self._stopping.clear()
        self._sweeper = threading.Thread(
            target=self._sweep_every,
            args=(minutes * MINUTE_S, future),
            name="helamem-ttl-sweeper",
            daemon=True,
        )
        self._sweeper.start()
        return future

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Stop the background sweeps; return whether they stopped within `timeout` seconds."""
        if self._sweeper is None:
            return True
        self._stopping.set()
        self._sweeper.join(timeout)
        return not self._sweeper.is_alive()

    def _sweep_every(self, seconds: float, future: Future[None]) -> None:
        while not self._stopping.wait(seconds):
            try:
                self.sweep_ttl()
            except Exception:  # the next sweep tries again
                logger.exception("Expired items could not be deleted.")
        if not future.done():
            future.set_result(None)

    @property
    def _omits_expired(self) -> bool:
        return bool(self.ttl_config and self.ttl_config.get("omit_expired"))

    def _expired(self) -> dict[str, Any]:
        """The condition that an item has expired."""
        return {f"metadata.{ENTRY}.expires_at": {"lte": self._memory.now().timestamp()}}

    def _has_expired(self, memory: Episode | Fact) -> bool:
        expires_at: float | None = _entry_of(memory).get("expires_at")
        return expires_at is not None and expires_at <= self._memory.now().timestamp()

    def _refresh(self, memory: Episode) -> None:
        """Restart an item's lifetime, unless it was replaced since it was read."""
        entry = _entry_of(memory)
        if "ttl" in entry:
            expires_at = self._memory.now().timestamp() + entry["ttl"] * MINUTE_S
            changed = {**memory.metadata, ENTRY: {**entry, "expires_at": expires_at}}
            self._memory.annotate(memory, changed)


def label(text: str) -> str:
    """Any text as a label of a namespace; different texts make different labels.

    >>> label("maya@example.com")
    'maya@example%2Ecom'
    """
    return text.replace("%", "%25").replace(".", "%2E").replace("\x00", "%00") or "%"


def _key(namespace: tuple[str, ...], key: str) -> str:
    """The key of an item, which is also its session, so that items are not neighbours."""
    return f"{ENTRY} " + json.dumps([*namespace, key], ensure_ascii=False)


def _require_json(op: PutOp) -> None:
    try:
        json.dumps(op.value, allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise ValueError(
            f"The value of {op.key!r} in {op.namespace} cannot be stored, since it is not JSON: {exc}."
        ) from exc


def _entry_of(memory: Episode | Fact) -> dict[str, Any]:
    entry: Any = memory.metadata[ENTRY]
    return dict(entry)


def _value(memory: Episode | Fact) -> dict[str, Any]:
    """The item's value, or only its text after `Memory.update`."""
    value: Any = memory.metadata.get(records.ORIGINAL, {"text": memory.text})
    return dict(value)


def _fields_of(memory: Episode | Fact) -> dict[str, Any]:
    """The fields of an item, read from a memory."""
    entry = _entry_of(memory)
    return {
        "namespace": tuple(entry["namespace"]),
        "key": entry["key"],
        "value": _value(memory),
        "created_at": memory.stored_at,
        "updated_at": max(memory.stored_at, datetime.fromisoformat(entry["updated_at"])),
    }


def _words(value: Any) -> list[str]:  # noqa: ANN401  # JSON
    """The texts and numbers in a value, without the names of its fields."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in _words(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in _words(each)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _matches(condition: MatchCondition, namespace: tuple[str, ...]) -> bool:
    """Whether a namespace begins or ends as a condition says; "*" is any label."""
    path = condition.path
    if len(path) > len(namespace):
        return False
    start = 0 if condition.match_type == "prefix" else len(namespace) - len(path)
    part = namespace[start : start + len(path)]
    return all(wanted in ("*", each) for wanted, each in zip(path, part, strict=True))
