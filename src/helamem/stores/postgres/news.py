"""What workers and the doctor ask about a whole database: which namespaces have news, their names, and what is due.

Writers mark their namespace in the transaction that stores a turn or a lesson, so no news is lost with a process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from helamem.frozen import dataclass
from helamem.stores.postgres import indexes
from helamem.stores.postgres.database import WRITE, Database
from helamem.stores.postgres.namespace import META, NOBODY, analysis_of, everything
from helamem.stores.postgres.texts import restored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from helamem.protocols import Analysis
    from helamem.stores.postgres.database import Row, Scope

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
_VERSIONS = "SELECT current_setting('server_version'), (SELECT extversion FROM pg_extension WHERE extname = 'vector')"
_FORGET = (
    "UPDATE helamem.namespace SET forgot_at = %(at)s::float8 WHERE namespace = %(ns)s"
    " AND coalesce(forgot_at <= %(at)s::float8 - %(pause_s)s::float8, true) RETURNING 1"
)


@dataclass(frozen=True, slots=True)
class Changed:
    """A namespace with news.

    Attributes:
        namespace: Its number.
        state: The state of its row that was read.
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
        return [Changed(*row) for row in self._rows(_WAITING, after=after, limit=limit)]

    def take(self, changed: Sequence[Changed]) -> None:
        """Mark namespaces as done, except those that were written to since they were read."""
        values = {
            "spaces": [each.namespace for each in changed],
            "states": [each.state for each in changed],
        }
        self._db.write(everything(WRITE), lambda scope: scope.rows(_TAKE, **values))

    def name(self, namespace: UUID) -> str | None:
        """The name of a namespace; None if it was dropped."""
        found = self._rows(
            "SELECT name FROM helamem.namespace WHERE namespace = %(space)s", space=namespace
        )
        return restored(found[0][0]) if found else None

    def analysis(self) -> Analysis | None:
        """The analysis behind the vectors and terms; None for a new database."""
        statement, _ = META
        return analysis_of(self._rows(statement))

    def versions(self) -> tuple[str, str]:
        """The versions of the server and of pgvector."""
        [(server, pgvector)] = self._rows(_VERSIONS)
        return server, pgvector

    def overdue(self) -> list[str]:
        """One sentence for each missing index of a large namespace, and for each that serves no search."""
        return self._upkeep(None)[0].complaints()

    def to_be_indexed(self, changed: Sequence[Changed]) -> set[UUID]:
        """Those of some namespaces that need indexes made or dropped, which this user may do."""
        upkeep, is_owner = self._upkeep([each.namespace for each in changed])
        found = {index.ns for index in upkeep.making} | {*map(indexes.owner_of, upkeep.dropping)}
        return found & {each.namespace for each in changed} if is_owner else set()

    def _upkeep(self, among: Sequence[UUID] | None) -> tuple[indexes.Upkeep, bool]:
        found = self.analysis()
        if found is None:
            return indexes.Upkeep({}, ()), False
        return indexes.overdue(self._db, found.dimension, indexes.LARGE, among)

    def _rows(self, sql: str, **values: object) -> list[Row]:
        return self._db.read(everything(""), lambda scope: scope.rows(sql, **values))

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
