"""The indexes of a file's namespaces, kept up to date with all writers, within a limit of RAM."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from helamem.frozen import dataclass
from helamem.stores.sqlite import loading, namespace, nodes
from helamem.stores.sqlite.namespace import CHANGES_KEPT

if TYPE_CHECKING:
    from helamem.stores.sqlite.index import NodeIndex
    from helamem.stores.sqlite.namespace import Space, State

MANY_CHANGES = 0.1  # beyond this share of changed nodes, everything is read again
AT_ONCE = 50_000  # nodes that are read from their own rows
MANY_GONE = 0.5  # and beyond this share of rows of removed nodes
EARLIER = 4  # moments that are kept, as long as they share memory with the newest
MOST_BYTES = 256 * 2**20  # bytes of all indexes of a file; the one in use may be larger


@dataclass(frozen=True, slots=True)
class Held:
    """An index, and the state of its namespace."""

    state: State
    index: NodeIndex


class Cache:
    """The newest index of one namespace, and those of a few moments before it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moments: list[Held] = []  # the newest last

    @property
    def held(self) -> Held | None:
        """The present index, of any state."""
        moments = self._moments
        return moments[-1] if moments else None

    def current(self, space: Space) -> Held:
        """The index of a snapshot.

        If others have advanced the index since the snapshot began, an earlier one serves; if none is early enough,
        the snapshot gets one of its own. Nobody waits for the lock who needs nothing new.
        """
        state = namespace.state(space)
        for held in reversed(self._moments):
            if _serves(held, state):
                return Held(state, held.index)  # equal states differ in their lessons
        with self._lock:
            held = caught_up(space, self._not_after(state), state)
            self._offer(held)
            return held

    def offer(self, held: Held) -> None:
        """Keep an index of a committed state, unless there is a newer one."""
        with self._lock:
            self._offer(held)

    def _not_after(self, state: State) -> Held | None:
        """The newest index that is not newer than a state."""
        return next(
            (each for each in reversed(self._moments) if not each.state.is_newer_than(state)), None
        )

    def _offer(self, held: Held) -> None:
        newest = self.held
        if newest is not None and newest.state.is_newer_than(held.state):
            return
        earlier = [
            each
            for each in self._moments
            if each.state != held.state and each.index.shares_with(held.index)
        ]
        self._moments = [*earlier[-EARLIER:], held]


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
    if held is not None and _serves(held, state):
        return Held(state, held.index)
    index = _corrected(space, held, state)
    while state.last_node > index.last:
        newer = nodes.after(space, index.last, index.speakers.names, AT_ONCE)
        if not len(newer.columns.ids):
            break
        index = index.extended(newer)
    return Held(state, index)


def _corrected(space: Space, held: Held | None, state: State) -> NodeIndex:
    """The index without removed nodes and with changed ones; made anew where it is worn or of no use."""
    changes = None if held is None else _changes(space, held, state)
    if held is None or changes is None or _is_worn(held.index, len(changes)):
        return loading.begun(space)
    if not changes:
        return held.index
    known = [id_ for id_ in changes if id_ <= held.index.last]
    changed = nodes.among(space, known, held.index.speakers.names)
    gone = np.setdiff1d(np.array(changes, np.int64), changed.columns.ids)
    return held.index.corrected(gone, changed)


def _changes(space: Space, held: Held, now: State) -> list[int] | None:
    """The nodes that were changed or removed since an index was made; None if it does not lead to this state."""
    was = held.state
    n_generations = now.generation - was.generation
    is_of_use = was.reindexings == now.reindexings and not was.is_newer_than(now)
    if not is_of_use or n_generations >= CHANGES_KEPT or _is_outgrown(held.index, now):
        return None
    if not n_generations:
        return []
    return space.db.column(
        "SELECT DISTINCT node FROM change WHERE namespace = ? AND generation > ?",
        space.id,
        was.generation,
    )


def _serves(held: Held, state: State) -> bool:
    """Whether an index is that of a state."""
    return held.state == state and not _is_outgrown(held.index, state)


def _is_outgrown(index: NodeIndex, state: State) -> bool:
    """Whether a namespace has become so large that its vectors are packed."""
    return state.is_packed and index.vectors.is_exact


def _is_worn(index: NodeIndex, n_changes: int) -> bool:
    """Whether reading everything again is better than correcting an index."""
    held = max(len(index.table), 1)
    n_gone = max(index.n_gone, index.vectors.n_removed)
    return n_changes > MANY_CHANGES * held or n_gone > MANY_GONE * held
