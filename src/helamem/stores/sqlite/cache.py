"""The indexes of a file's namespaces in RAM, kept up to date with all writers, within a limit."""

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
class Moment:
    """An index, and the state of the namespace that it shows."""

    state: State
    index: NodeIndex


class Cache:
    """The newest index of one namespace, and a few earlier ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moments: list[Moment] = []  # the newest last

    @property
    def newest(self) -> Moment | None:
        """The newest index."""
        moments = self._moments
        return moments[-1] if moments else None

    def current(self, space: Space) -> Moment:
        """The index of a snapshot.

        If others have advanced the index since the snapshot began, an earlier one serves; if none is early enough,
        the snapshot gets one of its own. The lock is taken only to make one.
        """
        state = namespace.state(space)
        for moment in reversed(self._moments):
            if _serves(moment, state):
                return Moment(state, moment.index)  # equal states differ in their lessons
        with self._lock:
            moment = caught_up(space, self._not_after(state), state)
            self._offer(moment)
            return moment

    def offer(self, moment: Moment) -> None:
        """Share an index of a committed state, unless there is a newer one."""
        with self._lock:
            self._offer(moment)

    def _not_after(self, state: State) -> Moment | None:
        """The newest index that is not newer than a state."""
        return next(
            (each for each in reversed(self._moments) if not each.state.is_newer_than(state)), None
        )

    def _offer(self, moment: Moment) -> None:
        newest = self.newest
        if newest is not None and newest.state.is_newer_than(moment.state):
            return
        earlier = [
            each
            for each in self._moments
            if each.state != moment.state and each.index.shares_with(moment.index)
        ]
        self._moments = [*earlier[-EARLIER:], moment]


class Caches:
    """The caches of all namespaces of a file; beyond the limit, the least recently used are dropped."""

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

    def used(self, number: int, moment: Moment) -> None:
        """Enforce the limit after an index may have grown."""
        with self._lock:
            if number not in self._caches:
                return
            self._count(number, moment.index.n_bytes)
            while self.n_bytes > MOST_BYTES and len(self._caches) > 1:
                oldest, _ = self._caches.popitem(last=False)
                self._count(oldest, 0)

    def _count(self, number: int, n_bytes: int) -> None:
        self.n_bytes += n_bytes - self._sizes.pop(number, 0)
        if n_bytes:
            self._sizes[number] = n_bytes


def caught_up(space: Space, moment: Moment | None, state: State) -> Moment:
    """An index of this state: the given one, with newer nodes added and changed ones corrected."""
    if moment is not None and _serves(moment, state):
        return Moment(state, moment.index)
    index = _corrected(space, moment, state)
    while state.last_node > index.last:
        newer = nodes.after(space, index.last, index.speakers.names, AT_ONCE)
        if not len(newer.columns.ids):
            break
        index = index.extended(newer)
    return Moment(state, index)


def _corrected(space: Space, moment: Moment | None, state: State) -> NodeIndex:
    """The index without removed nodes and with changed ones corrected, or a new one if that is better."""
    changes = None if moment is None else _changes(space, moment, state)
    if moment is None or changes is None or _is_worn(moment.index, len(changes)):
        return loading.begun(space)
    if not changes:
        return moment.index
    known = [id_ for id_ in changes if id_ <= moment.index.last]
    changed = nodes.among(space, known, moment.index.speakers.names)
    gone = np.setdiff1d(np.array(changes, np.int64), changed.columns.ids)
    return moment.index.corrected(gone, changed)


def _changes(space: Space, moment: Moment, now: State) -> list[int] | None:
    """The nodes that were changed or removed since an index was made; None if it cannot be brought to this state."""
    was = moment.state
    n_generations = now.generation - was.generation
    is_of_use = was.reindexings == now.reindexings and not was.is_newer_than(now)
    if not is_of_use or n_generations >= CHANGES_KEPT or _is_outgrown(moment.index, now):
        return None
    if not n_generations:
        return []
    return space.db.column(
        "SELECT DISTINCT node FROM change WHERE namespace = ? AND generation > ?",
        space.id,
        was.generation,
    )


def _serves(moment: Moment, state: State) -> bool:
    """Whether an index shows a state."""
    return moment.state == state and not _is_outgrown(moment.index, state)


def _is_outgrown(index: NodeIndex, state: State) -> bool:
    """Whether the vectors of a namespace were packed since its index was made."""
    return state.is_packed and index.vectors.is_exact


def _is_worn(index: NodeIndex, n_changes: int) -> bool:
    """Whether reading everything again is better than correcting an index."""
    n_rows = max(len(index.table), 1)
    n_gone = max(index.n_gone, index.vectors.n_removed)
    return n_changes > MANY_CHANGES * n_rows or n_gone > MANY_GONE * n_rows
