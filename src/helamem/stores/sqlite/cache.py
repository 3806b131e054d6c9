"""The indexes of a file's namespaces, kept up to date with all writers, within a limit of RAM."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helamem.protocols import QUIET, ROLES
from helamem.stores.sqlite import namespace, rows
from helamem.stores.sqlite.columns import ACTIVE, HEARD, Columns
from helamem.stores.sqlite.index import NodeIndex, Read
from helamem.stores.sqlite.namespace import CHANGES_KEPT, NEVER, listed

if TYPE_CHECKING:
    from helamem.stores.sqlite.namespace import Space, State

ROLE_CODES = {role: code for code, role in enumerate(ROLES) if code}
MANY_CHANGES = 0.1  # beyond this share of changed nodes, everything is read again
MANY_GONE = 0.5  # and beyond this share of rows of removed nodes
MOST_BYTES = 256 * 2**20  # bytes of all indexes of a file; the one in use may be larger


@dataclass(frozen=True, slots=True)
class Held:
    """An index, and the state of its namespace."""

    state: State
    index: NodeIndex


class Cache:
    """The newest index of one namespace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Held | None = None

    @property
    def held(self) -> Held | None:
        """The present index, of any state."""
        return self._held

    def current(self, space: Space) -> Held:
        """The index of a snapshot; call it first in the snapshot.

        If others have advanced the index meanwhile, the snapshot gets one of its own.
        """
        with self._lock:
            state = namespace.state(space)
            held = caught_up(space, self._held, state)
            self._offer(held)
            return held

    def offer(self, held: Held) -> None:
        """Keep an index of a committed state, if it is newer."""
        with self._lock:
            self._offer(held)

    def _offer(self, held: Held) -> None:
        if self._held is None or held.state.is_newer_than(self._held.state):
            self._held = held


class Caches:
    """The caches of all namespaces of a file; beyond the limit, the least recently used go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._caches: OrderedDict[int, Cache] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self.n_bytes = 0

    def of(self, number: int) -> Cache:
        """The cache of a namespace."""
        with self._lock:
            cache = self._caches.setdefault(number, Cache())
            self._caches.move_to_end(number)
            return cache

    def used(self, number: int, held: Held) -> None:
        """Enforce the limit after an index may have grown."""
        with self._lock:
            if number not in self._caches:
                return
            self._count(number, held.index.n_bytes)
            while self.n_bytes > MOST_BYTES and len(self._caches) > 1:
                oldest, _ = self._caches.popitem(last=False)
                self._count(oldest, 0)

    def _count(self, number: int, n_bytes: int) -> None:
        self.n_bytes += n_bytes - self._sizes.pop(number, 0)
        if n_bytes:
            self._sizes[number] = n_bytes


def caught_up(space: Space, held: Held | None, state: State) -> Held:
    """An index of this state: the present one with newer nodes added and changed ones corrected."""
    if (
        held is None
        or held.state.is_newer_than(state)
        or held.state.reindexings < state.reindexings
    ):
        held = Held(NEVER, NodeIndex.empty(space.dimension))
    if held.state == state:
        return Held(state, held.index)
    index = held.index
    if state.generation != held.state.generation:
        index = _corrected(space, held, state)
    if state.last_node > index.last:
        index = index.extended(_read(space, index, "n.id > ?", index.last))
    return Held(state, index)


def _corrected(space: Space, held: Held, state: State) -> NodeIndex:
    """The index without removed nodes and with changed ones; empty if there are many."""
    index, changes = held.index, _changes(space, held.state, state)
    if changes is None or _is_worn(index, len(changes)):
        (n,) = space.db.row("SELECT count(*) FROM node WHERE namespace = ?", space.id)
        return NodeIndex.empty(space.dimension, room=n + n // 8)
    known = listed(id_ for id_ in changes if id_ <= index.last)
    changed = _read(space, index, "n.id IN (SELECT value FROM json_each(?))", known)
    gone = np.setdiff1d(np.array(changes, np.int64), changed.columns.ids)
    return index.corrected(gone, changed)


def _changes(space: Space, was: State, now: State) -> list[int] | None:
    """The nodes that were changed or removed since another state; None if it was too long ago."""
    if was == NEVER or now.generation - was.generation >= CHANGES_KEPT:
        return None
    return space.db.column(
        "SELECT DISTINCT node FROM change WHERE namespace = ? AND generation > ?",
        space.id,
        was.generation,
    )


def _is_worn(index: NodeIndex, n_changes: int) -> bool:
    """Whether reading everything again is better than correcting an index."""
    held = max(len(index.table), 1)
    n_gone = max(index.n_gone, index.vectors.n_removed)
    return n_changes > MANY_CHANGES * held or n_gone > MANY_GONE * held


def _read(space: Space, index: NodeIndex, condition: str, value: int | str) -> Read:
    """Some nodes, with the speakers of the index and of these nodes."""
    found = space.db.rows(
        f"SELECT id, kind + {ACTIVE} * (active <> 0) + {HEARD} * (traits & {QUIET} = 0),"  # noqa: S608  # our own words
        f" CASE WHEN traits & {QUIET} OR NOT active THEN -1 ELSE coalesce(session, -1) END,"
        " length, at, speaker, traits, role,"
        " coalesce((SELECT min(place) FROM superseded WHERE by = n.id), id), active"
        f" FROM node n WHERE namespace = ? AND {condition} ORDER BY id",
        space.id,
        value,
    )
    blobs = space.db.column(
        "SELECT value FROM node n JOIN vector v ON v.node = n.id"  # noqa: S608  # our own words
        f" WHERE n.namespace = ? AND {condition} ORDER BY n.id",
        space.id,
        value,
    )
    known = index.speakers.names
    names = dict.fromkeys((*known, *(row[5] for row in found if row[5] and row[9])))
    number = {name: i for i, name in enumerate(names)}
    numbered = [
        (*row[:5], number.get(row[5], -1), row[6], ROLE_CODES.get(row[7], 0), row[8])
        for row in found
    ]
    vectors, n_vectors = rows.unblobbed(blobs, space.dimension)
    return Read(Columns.of(numbered), vectors, n_vectors, tuple(names))
