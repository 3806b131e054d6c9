"""One connection to an SQLite file: opening, schema, transactions, and translation of errors.

It knows nothing about memories. A connection is used by one thread at a time; `files` sees to that.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from helamem import private
from helamem.errors import CorruptError, SchemaError, StoreError
from helamem.places import IN_RAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Value: TypeAlias = "str | bytes | int | float | None"
APPLICATION_ID = 0x48654C61  # "HeLa"
HEADER, APPLICATION_AT = 100, slice(68, 72)  # in the file format of SQLite
OLDEST = (3, 34, 0)  # of SQLite
OPENINGS = 100  # how often a file is tried that others open at the same moment
READERS_S = 0.5  # how long to wait for readers before postponing the truncation of the log
PAGE_BYTES = 8192
READING_KIB, WRITING_KIB = 16_000, 64_000  # of pages that a connection keeps in RAM at most
SETTINGS = (
    f"PRAGMA page_size = {PAGE_BYTES}",
    "PRAGMA secure_delete = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA wal_autocheckpoint = 64",  # pages: the log stays under a megabyte, beside a small file too
    "PRAGMA journal_size_limit = 262144",
)


class Database:
    """A connection to one file, with its schema up to date.

    Args:
        path: The file; made with its folders where it is not there, unless `to_read`. ":memory:" keeps all in RAM.
        synchronous: "full" survives a power cut, "normal" a crash of the process.
        busy_s: How many seconds to wait for other writers.
        functions: Additional SQL functions by name.
        to_read: The file is there and up to date, and nothing is to be written.

    Raises:
        CorruptError: The file is damaged, or is not a helamem file.
        SchemaError: The file was made by a newer version.
        StoreError: The file cannot be opened or written.
    """

    def __init__(
        self,
        path: str,
        *,
        synchronous: str,
        busy_s: float,
        functions: Mapping[str, tuple[int, Callable[..., Any]]],
        to_read: bool = False,
    ) -> None:
        if sqlite3.sqlite_version_info < OLDEST:
            needed = ".".join(map(str, OLDEST))
            raise StoreError(
                f"helamem needs SQLite {needed} or newer, and this Python was built with "
                f"{sqlite3.sqlite_version}. Use a newer Python."
            )
        self.path = path
        self._busy_s = busy_s
        if path != IN_RAM and not to_read:
            _make_place(Path(path))
        with self.explained():
            self._connection = sqlite3.connect(
                path, timeout=busy_s, isolation_level=None, check_same_thread=False
            )
        try:
            with self.explained():
                self._set_up(synchronous, functions)
                self.execute(f"PRAGMA cache_size = -{READING_KIB if to_read else WRITING_KIB}")
                if to_read:
                    self.execute("PRAGMA query_only = ON")
                else:
                    self._bring_up_to_date()
        except BaseException:
            self._connection.close()
            raise

    def _set_up(
        self, synchronous: str, functions: Mapping[str, tuple[int, Callable[..., Any]]]
    ) -> None:
        for setting in SETTINGS:
            self.execute(setting)
        self.execute(f"PRAGMA synchronous = {'FULL' if synchronous == 'full' else 'NORMAL'}")
        for name, (n_arguments, function) in functions.items():
            self._connection.create_function(name, n_arguments, function, deterministic=True)

    def _bring_up_to_date(self) -> None:
        if self.path != IN_RAM:
            self._require_ours()
            tighten(self.path)  # if only the log said that it is ours
            self._write_ahead()
        self._migrate()

    def _require_ours(self) -> None:
        with self._transaction("BEGIN"):  # another process may be making the file right now
            (n_tables,) = self.row("SELECT count(*) FROM sqlite_master")
            (application,) = self.row("PRAGMA application_id")
        if application != APPLICATION_ID and (n_tables or application):
            raise CorruptError(
                f"{self.path} is an SQLite file of another application. "
                "Give helamem a file of its own."
            )

    def _write_ahead(self) -> None:
        """Turn on the write-ahead log, so that readers and a writer do not block each other; the file keeps the mode."""
        mode = self._journal_mode()
        if mode != "wal":
            raise StoreError(
                f"{self.path} lies where SQLite cannot keep a write-ahead log (the journal mode is "
                f"{mode}). Put it on a local disk."
            )

    def _journal_mode(self) -> str:
        """Ask for the write-ahead log; the mode that the file has then.

        Changing the mode does not wait for other processes that open the file, so the write lock is waited for
        in between.
        """
        for _ in range(OPENINGS):
            if self.row("PRAGMA journal_mode") == ("wal",):
                return "wal"
            try:
                return str(self.row("PRAGMA journal_mode = WAL")[0])
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
            with self._transaction("BEGIN IMMEDIATE"):
                pass
        return str(self.row("PRAGMA journal_mode = WAL")[0])

    def _migrate(self) -> None:
        """Bring the schema up to date, each step in a transaction of its own."""
        steps = migrations()
        (version,) = self.row("PRAGMA user_version")
        if version > len(steps):
            raise SchemaError(
                f"{self.path} has schema {version}, and this version of helamem knows {len(steps)}. "
                "Install a newer one: pip install -U helamem"
            )
        for number, script in enumerate(steps[version:], start=version + 1):
            with self.writing():
                if self.row("PRAGMA user_version") >= (number,):  # another process was faster
                    continue
                for statement in _statements(script):
                    self.execute(statement)
                self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self.execute(f"PRAGMA user_version = {number}")

    # Transactions

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Inside the block, all reads see one snapshot of the file; inside a transaction, what that sees."""
        with self.explained():
            if self.is_in_transaction:
                yield
                return
            with self._transaction("BEGIN"):
                yield

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A write transaction, which waits for other writers; if the block raises, it is rolled back.

        Inside another one it is a savepoint.
        """
        with self.explained():
            if self.is_in_transaction:
                with self._savepoint():
                    yield
                return
            with self._transaction("BEGIN IMMEDIATE"):
                yield

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self.execute(begin)
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _savepoint(self) -> Iterator[None]:
        """A savepoint: if the block raises, it is rolled back, unless SQLite has rolled back the whole transaction."""
        self.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self.execute("ROLLBACK TO part")
                self.execute("RELEASE part")
            raise
        self.execute("RELEASE part")

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Translate SQLite's errors into ours, with advice."""
        try:
            yield
        except UnicodeDecodeError as exc:  # the damage is in the schema, which SQLite quotes
            raise CorruptError(_DAMAGED.format(path=self.path)) from exc
        except sqlite3.Error as exc:
            code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
            if str(exc).startswith(_NO_TEXT):
                code = sqlite3.SQLITE_CORRUPT
            kind, advice = _MEANINGS.get(code, _UNKNOWN)
            raise kind(advice.format(path=self.path, busy_s=self._busy_s, error=exc)) from exc

    # Statements

    def execute(self, query: str, *values: Value) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(query, values)

    def many(self, query: str, rows: Iterable[Sequence[Value] | Mapping[str, Value]]) -> int:
        """Run one statement per row; return the total number of changed rows."""
        return self._connection.executemany(query, rows).rowcount

    def row(self, query: str, *values: Value) -> tuple[Any, ...]:
        """The first row, which must exist."""
        found: tuple[Any, ...] = self.execute(query, *values).fetchone()
        return found

    def find(self, query: str, *values: Value) -> tuple[Any, ...] | None:
        """The first row, if there is one."""
        found: tuple[Any, ...] | None = self.execute(query, *values).fetchone()
        return found

    def rows(self, query: str, *values: Value) -> list[tuple[Any, ...]]:
        """All rows."""
        return self.execute(query, *values).fetchall()

    def column(self, query: str, *values: Value) -> list[Any]:
        """The first value of every row."""
        return [row[0] for row in self.execute(query, *values)]

    def overwrite(self, table: str, column: str, row: int, offset: int, content: bytes) -> None:
        """Overwrite a part of a blob in place. Needs a transaction."""
        with self._connection.blobopen(table, column, row) as blob:
            blob.seek(offset)
            blob.write(content)

    def empty_log(self) -> bool:
        """Move the write-ahead log into the file; return False if a reader still needs it."""
        self.execute(f"PRAGMA busy_timeout = {int(1e3 * min(READERS_S, self._busy_s))}")
        try:
            (busy, _, _) = self.row("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self.execute(f"PRAGMA busy_timeout = {int(1e3 * self._busy_s)}")
        return not busy

    def close(self) -> None:
        """Close the connection; closing twice does nothing."""
        self._connection.close()


@functools.cache
def migrations() -> tuple[str, ...]:
    """The migration scripts in order; the file's `user_version` is the number applied."""
    folder = Path(__file__).with_name("migrations")
    return tuple(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.sql")))


@functools.cache
def _statements(script: str) -> tuple[str, ...]:
    """Split a script into statements, since `executescript` would commit the open transaction."""
    statements = [""]
    for line in script.splitlines(keepends=True):
        statements[-1] += line
        if sqlite3.complete_statement(statements[-1]):
            statements.append("")
    return tuple(statements[:-1])


def _make_place(path: Path) -> None:
    """Create the folder and the file, private to the user; SQLite gives the same permissions to its log."""
    _require_file(path)
    try:
        private.make_folder(path.parent)
    except OSError as exc:
        raise StoreError(
            f"The folder {path.parent} cannot be made: {exc.strerror}. Give another path."
        ) from exc
    for needed in (path, path.parent):
        if needed.exists() and not os.access(needed, os.W_OK):
            raise StoreError(
                f"{needed} cannot be written. Change its rights, or give another path; "
                "SQLite writes beside its file too."
            )
    with contextlib.suppress(OSError):  # SQLite reports it better when it opens the file
        private.make_file(path)
        if _is_ours(path):
            tighten(str(path))


def _is_ours(path: Path) -> bool:
    """Whether a file is empty or says that it is helamem's. It may be so in its log alone, too."""
    with path.open("rb") as file:
        header = file.read(HEADER)
    return not header or header[APPLICATION_AT] == APPLICATION_ID.to_bytes(4, "big")


def _require_file(path: Path) -> None:
    """Refuse what is there and is no file, such as a folder or a device."""
    try:
        if path.is_dir():
            raise StoreError(
                f"{path} is a folder. Give the path of a file, for example {path / 'memory.db'}."
            )
        if path.exists() and not path.is_file():
            raise StoreError(f"{path} is not a file but a device or the like. Give another path.")
    except OSError as exc:  # the name is too long, for example
        raise StoreError(f"{path} cannot be opened: {exc.strerror}. Give another path.") from exc


def tighten(path: str) -> None:
    """Make the file and its log private to the user."""
    for suffix in ("", "-wal", "-shm"):
        private.tighten(Path(f"{path}{suffix}"))


_NO_TEXT = "Could not decode to UTF-8"  # which Python says of a text that SQLite has read
_DAMAGED = "{path} is damaged. Restore a backup, or save what can be read: sqlite3 {path} .recover"
# By SQLite's primary result codes.
_MEANINGS: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_NOTADB: (CorruptError, "{path} is not a helamem file, or its beginning is damaged. Restore a backup, or give another path."),
    sqlite3.SQLITE_CORRUPT: (CorruptError, _DAMAGED),
    sqlite3.SQLITE_FULL: (StoreError, "The disk that holds {path} is full. Nothing was stored; free some space and try again."),
    sqlite3.SQLITE_READONLY: (StoreError, "{path} cannot be written. Check the rights of the file and of its folder; SQLite writes beside it too."),
    sqlite3.SQLITE_CANTOPEN: (StoreError, "{path} cannot be opened. Check that you may read and write it and its folder."),
    sqlite3.SQLITE_BUSY: (StoreError, "Another process has been writing to {path} for more than {busy_s:g} seconds. Nothing was stored; try again."),
    sqlite3.SQLITE_IOERR: (StoreError, "{path} could not be read or written. Nothing was stored; check that its disk has room, and no fault."),
}  # fmt: skip
_UNKNOWN = StoreError, "SQLite could not do that to {path}; nothing was changed: {error}"
