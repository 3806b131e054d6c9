"""One PostgreSQL database: connections, transactions, round trips, and what is retried.

It knows nothing about memories. Handles on one database share its connections.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, LiteralString, TypeAlias, TypeVar

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from helamem.errors import StoreError
from helamem.frozen import dataclass
from helamem.places import shown
from helamem.stores.postgres import faults, pools
from helamem.stores.postgres.faults import ConflictError, LostConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from uuid import UUID

    from psycopg import Connection

Row: TypeAlias = "tuple[Any, ...]"
Statement: TypeAlias = "tuple[str, Mapping[str, Any]]"
Result = TypeVar("Result")

TRIES = 3  # how often a step is tried whose connection is lost before anything was changed
READ_ONE_STATE = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITE = (
    "BEGIN"  # each statement sees what others have committed; the namespace's row is locked first
)
# Settings of the transaction, so that no connection remembers whose it was.
SCOPE = (
    "SELECT set_config('helamem.namespace', %(ns)s::text, true), set_config('helamem.scope', %(scope)s, true),"
    " set_config('lock_timeout', %(lock_ms)s, true), set_config('synchronous_commit', %(synchronous)s, true)"
)
NAMESPACE, EVERYTHING = "namespace", "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a transaction begins.

    Attributes:
        ns: The namespace that its statements are about.
        statements: What it begins with.
        opened: Checks the results of these.
        command: `WRITE`, `READ_ONE_STATE`, or nothing where each batch is a transaction of its own.
        scope: `NAMESPACE`, or `EVERYTHING` for what concerns the whole database.
    """

    ns: UUID
    statements: Sequence[Statement]
    opened: Callable[[list[list[Row]]], None]
    command: str = ""
    scope: str = NAMESPACE


class Scope:
    """An open transaction, in one namespace or in all of them.

    Every statement has `%(ns)s`, the namespace, among its values.

    Args:
        begin: How it begins; this goes to the server with the first statements, in one round trip.
        settings: What the transaction's settings are.
        each_time: Whether each batch is a transaction of its own, and begins anew.

    Attributes:
        began: The results of `begin.statements`.
    """

    def __init__(
        self,
        connection: Connection[Row],
        begin: Opening,
        settings: Mapping[str, str],
        *,
        each_time: bool = False,
    ) -> None:
        self.is_writing = begin.command == WRITE
        self.began: list[list[Row]] = []
        self._connection = connection
        self._begin = begin
        self._opening: list[Statement] = [(SCOPE, {**settings, "scope": begin.scope})]
        if begin.command:
            self._opening.insert(0, (begin.command, {}))
        self._waiting: list[Statement] = []
        self._is_new = True
        self._has_ended = False
        self._each_time = each_time

    @property
    def ns(self) -> UUID:
        """The namespace that the statements are about."""
        return self._begin.ns

    def batch(self, *statements: Statement) -> list[list[Row]]:
        """The rows that each statement gives; all go to the server in one round trip."""
        if self._has_ended:
            raise StoreError(
                "This store was of use inside its block of reading() or transaction() only. Use the one that "
                "the block was made from."
            )
        before, self._waiting = self._waiting, []
        if self._is_new:
            before = [*self._opening, *self._begin.statements, *before]
        with self._connection.pipeline():
            cursors = [self._sent(*each) for each in (*before, *statements)]
        results = [each.fetchall() if each.description else [] for each in cursors]
        if self._is_new:
            self._is_new = self._each_time
            self.began = results[len(self._opening) :][: len(self._begin.statements)]
            self._begin.opened(self.began)
        return results[len(before) :]

    def _sent(self, sql: str, values: Mapping[str, Any]) -> psycopg.Cursor[Row]:
        # Statements are our own words, and values are bound.
        own: Any = sql
        return self._connection.execute(own, {"ns": self._begin.ns, **values}, binary=True)

    def end(self) -> None:
        """Take no more statements: the connection is somebody else's from now on."""
        self._has_ended = True

    def later(self, command: str) -> None:
        """Send a command with the next statements."""
        self._waiting.append((command, {}))

    def undo(self, command: str, *undoing: LiteralString) -> None:
        """Take back a command that waits to be sent, or undo it."""
        waiting = [sql for sql, _ in self._waiting]
        if command in waiting:
            last = len(waiting) - 1 - waiting[::-1].index(command)
            del self._waiting[last:]
            return
        self._waiting = []
        for each in undoing:
            self._connection.execute(each)

    def rows(self, sql: str, **values: object) -> list[Row]:
        """The rows that a statement gives."""
        return self.batch((sql, values))[0]

    def column(self, sql: str, **values: object) -> list[Any]:
        """The first value of every row."""
        return [row[0] for row in self.rows(sql, **values)]

    def find(self, sql: str, **values: object) -> Row | None:
        """The first row, if there is one."""
        return next(iter(self.rows(sql, **values)), None)

    def row(self, sql: str, **values: object) -> Row:
        """The first row, which must exist."""
        return self.rows(sql, **values)[0]


class Database:
    """The connections of one handle: a share of its process's pool for this URL.

    Args:
        url: The database, as libpq reads it.
        connections: How many connections the process opens at most.
        wait_s: How many seconds to wait for a connection, or for others that write.
        synchronous: Whether a commit waits for the disk.

    Raises:
        StoreError: The database cannot be reached or used.
    """

    def __init__(self, url: str, *, connections: int, wait_s: float, synchronous: bool) -> None:
        self.shown = shown(url)
        self._url = url
        self._wait_s = wait_s
        self._settings = {
            "lock_ms": f"{int(1e3 * wait_s)}",
            "synchronous": "on" if synchronous else "off",
        }
        self._pool = pools.lent(url, connections=connections, wait_s=wait_s)
        self._closed = False
        self._closing = threading.Lock()

    def read(self, begin: Opening, use: Callable[[Scope], Result]) -> Result:
        """What `use` gives; each batch that it sends is a transaction of its own.

        Where the connection is lost, all of it is tried again.
        """
        with self._explained():
            connection, result = self._borrowed(
                lambda each: use(self._scope(each, begin, each_time=True))
            )
            self._give_back(connection)
            return result

    def write(self, begin: Opening, use: Callable[[Scope], Result]) -> Result:
        """What `use` gives, in one transaction.

        If that fails by a lost connection or a conflict, before it was committed, it is tried again.
        """
        for _ in range(TRIES - 1):
            try:
                with self._transaction(lambda each: self._scope(each, begin)) as scope:
                    return use(scope)
            except LostConnectionError:
                self._pool.check()  # others of the pool are lost too
            except ConflictError:
                continue
        with self.transaction(begin) as scope:
            return use(scope)

    def transaction(self, begin: Opening) -> contextlib.AbstractContextManager[Scope]:
        """A transaction; if the block raises, it is rolled back.

        Its beginning is sent at once, so that a lost connection can be replaced.
        """
        return self._transaction(lambda each: self._begun(each, begin))

    @contextlib.contextmanager
    def _transaction(self, begun: Callable[[Connection[Row]], Scope]) -> Iterator[Scope]:
        with self._explained():
            connection, scope = self._borrowed(begun)
            try:
                yield scope
                self._commit(scope)
            finally:
                scope.end()
                self._give_back(connection)

    def alone(self, use: Callable[[Connection[Row]], Result]) -> Result:
        """What `use` gives on a connection outside of any transaction, each statement by itself."""
        with self._explained():
            self._require_open()
            connection = self._free()
            try:
                return use(connection)
            finally:
                self._give_back(connection)

    def seen(self, scope: Scope, use: Callable[[Scope], Result]) -> Result:
        """What `use` gives in an open transaction."""
        with self._explained():
            return use(scope)

    @contextlib.contextmanager
    def step(self, scope: Scope) -> Iterator[None]:
        """A savepoint: if the block raises, it alone is rolled back."""
        if not scope.is_writing:
            raise StoreError("Nothing can be written inside reading(). Leave the block first.")
        with self._explained():
            scope.later("SAVEPOINT step")
            try:
                yield
            except BaseException:
                scope.undo("SAVEPOINT step", "ROLLBACK TO step", "RELEASE step")
                raise
            scope.later("RELEASE step")

    def close(self) -> None:
        """Give the share of the pool back; closing twice does nothing."""
        with self._closing:
            if not self._closed:
                self._closed = True
                pools.returned(self._pool)

    # Connections

    def _scope(
        self, connection: Connection[Row], begin: Opening, *, each_time: bool = False
    ) -> Scope:
        return Scope(connection, begin, self._settings, each_time=each_time)

    def _begun(self, connection: Connection[Row], begin: Opening) -> Scope:
        scope = self._scope(connection, begin)
        scope.batch()
        return scope

    def _borrowed(self, use: Callable[[Connection[Row]], Result]) -> tuple[Connection[Row], Result]:
        """A connection on which `use` has succeeded, and its result; a lost one is replaced."""
        self._require_open()
        for n in range(TRIES):
            connection = self._free()
            try:
                return connection, use(connection)
            except BaseException as exc:
                self._give_back(connection)
                if n == TRIES - 1 or not isinstance(exc, psycopg.Error) or not faults.is_lost(exc):
                    raise
                self._pool.check()  # others of the pool are lost too
        raise AssertionError("every try returns or raises")

    def _free(self) -> Connection[Row]:
        """A connection that nobody uses."""
        try:
            return self._pool.getconn(self._wait_s)
        except (PoolTimeout, PoolClosed) as exc:
            stats = self._pool.get_stats()
            if stats["pool_size"] < self._pool.max_size or self._pool.closed:
                pools.connected(self._url, self._wait_s).close()  # or it says why not
                raise StoreError(
                    f"{self.shown} does not answer for {self._wait_s:g} seconds. Nothing was done; check that the "
                    "server runs, and try again."
                ) from exc
            raise StoreError(
                f"All {self._pool.max_size} connections of this process to {self.shown} have been in use for "
                f"{self._wait_s:g} seconds. Nothing was done; try again, or raise storage.connections."
            ) from exc

    def _give_back(self, connection: Connection[Row]) -> None:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()
        self._pool.putconn(connection)

    def _commit(self, scope: Scope) -> None:
        try:
            scope.batch(("COMMIT", {}))
        except psycopg.Error as exc:
            if faults.is_lost(exc):
                raise StoreError(
                    f"The connection to {self.shown} was lost at the very end: what was to be stored may be stored or "
                    "not. Look, or do it again; turns that are handed over twice are stored once."
                ) from exc
            raise

    def _explained(self) -> contextlib.AbstractContextManager[None]:
        return faults.explained(self.shown)

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError(
                f"The memory in {self.shown} is closed. Open it again with Memory(...)."
            )
