"""One moment of a namespace: a connection inside a transaction, and the index as of that moment."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from helamem.errors import NotFoundError
from helamem.stores.sqlite import namespace, rows
from helamem.stores.sqlite.cache import caught_up
from helamem.stores.sqlite.namespace import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from helamem.protocols import Ints
    from helamem.stores.sqlite.cache import Caches, Moment
    from helamem.stores.sqlite.index import NodeIndex
    from helamem.stores.sqlite.namespace import Space, State


class Snapshot:
    """The reads of an open transaction.

    Args:
        space: The namespace, on a connection inside a transaction.
        caches: The indexes of its file.
    """

    def __init__(self, space: Space, caches: Caches) -> None:
        self.space = space
        self._caches = caches
        self._moment: Moment | None = None

    @property
    def state(self) -> State:
        """The state of the namespace."""
        return self._now().state

    @property
    def index(self) -> NodeIndex:
        """The nodes."""
        return self._now().index

    def require(self, ids: Ints) -> None:
        """Refuse ids that are not in the index.

        Raises:
            NotFoundError: One of them is not there.
        """
        try:
            self.index.rows(ids)
        except KeyError as exc:
            raise NotFoundError("memory", exc.args[0]) from exc

    def originals(self, ids: Ints) -> tuple[NDArray[np.float32], Ints]:
        """The vectors of nodes as the file has them; see `protocols.Originals`."""
        found = dict(
            self.space.db.rows(
                "SELECT node, value FROM vector WHERE node IN (SELECT value FROM json_each(?))",
                listed(ids.tolist()),
            )
        )
        return rows.unblobbed([found[id_] for id_ in ids.tolist()], self.space.dimension)

    def _now(self) -> Moment:
        if self._moment is None:
            self._moment = self._caches.of(self.space.id).current(self.space)
            self._caches.used(self.space.id, self._moment)
        return self._moment


class Draft(Snapshot):
    """The reads of a transaction that writes; nobody else sees what it has written."""

    @contextmanager
    def part(self) -> Iterator[None]:
        """A savepoint: if the block raises, it is rolled back, and what was read in it is dropped."""
        try:
            with self.space.db.writing():
                yield
        except BaseException:
            self._moment = None
            raise

    def publish(self) -> None:
        """Share the index, after the transaction was committed."""
        if self._moment is not None:
            self._caches.of(self.space.id).offer(self._moment)
            self._caches.used(self.space.id, self._moment)

    def _now(self) -> Moment:
        moment = self._moment or self._caches.of(self.space.id).newest
        self._moment = caught_up(self.space, moment, namespace.state(self.space))
        return self._moment
