"""What workers ask about a whole database: which namespaces have news, and what they are called.

Writers mark their namespace in the transaction that stores a turn or a lesson, so no news is lost with a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from helamem.stores.postgres.database import WRITE, Database
from helamem.stores.postgres.namespace import NOBODY, everything
from helamem.stores.postgres.texts import restored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from helamem.stores.postgres.database import Scope

WAIT_S = 10.0
# Any write changes xmin, the transaction that a row is of.
_WAITING = (
    "SELECT namespace, xmin::text FROM helamem.namespace WHERE news AND namespace > %(after)s"
    " ORDER BY namespace LIMIT %(limit)s"
)
_TAKE = (
    "UPDATE helamem.namespace n SET news = false FROM unnest(%(spaces)s::uuid[], %(states)s::text[]) AS s(space, state)"
    " WHERE n.namespace = s.space AND n.xmin::text = s.state"
)
_AFTER = (
    "SELECT namespace FROM helamem.namespace WHERE namespace > %(after)s"
    " ORDER BY namespace LIMIT %(limit)s"
)
_FORGET = (
    "UPDATE helamem.namespace SET forgot_at = %(at)s::float8 WHERE namespace = %(ns)s"
    " AND coalesce(forgot_at <= %(at)s::float8 - %(pause_s)s::float8, true) RETURNING 1"
)


@dataclass(frozen=True, slots=True)
class Changed:
    """A namespace with news.

    Attributes:
        namespace: What stands for it in every key.
        state: Which state of its row was read.
    """

    namespace: UUID
    state: str


class News:
    """The news of a database.

    Args:
        url: The database.
        connections: How many connections the process opens to it at most.

    Raises:
        StoreError: It cannot be reached or used.
    """

    def __init__(self, url: str, *, connections: int) -> None:
        self._db = Database(url, connections=connections, wait_s=WAIT_S, synchronous=True)

    def waiting(self, *, after: UUID = NOBODY, limit: int) -> list[Changed]:
        """Some namespaces with news, by key; `after` is the last of the batch before."""
        rows = self._db.read(
            everything(""), lambda scope: scope.rows(_WAITING, after=after, limit=limit)
        )
        return [Changed(namespace, state) for namespace, state in rows]

    def take(self, changed: Sequence[Changed]) -> None:
        """Mark namespaces as looked at, but for those that were written to since they were read."""
        values = {
            "spaces": [each.namespace for each in changed],
            "states": [each.state for each in changed],
        }
        self._db.write(everything(WRITE), lambda scope: scope.rows(_TAKE, **values))

    def namespaces(self, *, after: UUID = NOBODY, limit: int) -> list[UUID]:
        """Some namespaces, by key; `after` is the last of the batch before."""
        return self._db.read(
            everything(""), lambda scope: scope.column(_AFTER, after=after, limit=limit)
        )

    def name(self, namespace: UUID) -> str | None:
        """What a namespace is called; None if it was dropped."""
        found = self._db.read(
            everything(""),
            lambda scope: scope.find(
                "SELECT name FROM helamem.namespace WHERE namespace = %(space)s", space=namespace
            ),
        )
        return None if found is None else restored(found[0])

    def close(self) -> None:
        """Release the connections."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def begin_forgetting(scope: Scope, at: float, pause_s: float) -> bool:
    """Note that a worker forgets now, unless one did less than `pause_s` seconds ago; whether it was noted."""
    return bool(scope.rows(_FORGET, at=at, pause_s=pause_s))
