"""Open files: the connections and caches that all handles on one file share.

Each reader has a connection while it reads; there is one connection for writing, with a lock. So readers wait neither
for each other nor for a writer.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from helamem.core import impacts
from helamem.errors import StoreError
from helamem.places import IN_RAM
from helamem.stores.sqlite import edge_table, rows
from helamem.stores.sqlite.cache import Caches
from helamem.stores.sqlite.database import READERS_S, Database, tighten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IDLE_READERS = 8  # idle connections that stay open
FORK_S = 5.0  # seconds that a fork waits for readers and writers

FUNCTIONS: dict[str, tuple[int, Callable[..., float | str | bytes | None]]] = {
    "learned": (7, edge_table.learned),
    "impact_level": (2, impacts.level),
    "turn_key": (5, rows.turn_key),
    "casefolded": (1, lambda text: text.casefold() if isinstance(text, str) else None),
}


class File:
    """One open file; see `opened`.

    Attributes:
        caches: The caches of its namespaces.
        owes_wipe: Whether to wipe traces of removed data after the current transaction.
        owes_wipe_when_closed: Whether to wipe them when a handle is closed.
        users: The number of leases.
    """

    def __init__(self, path: str, *, synchronous: str, busy_s: float) -> None:
        self.path = path
        self.caches = Caches()
        self.owes_wipe = self.owes_wipe_when_closed = False
        self.users = 0
        self._settings = synchronous, busy_s
        self._write_lock = threading.RLock()
        self._readers = threading.Condition()
        self._idle: list[Database] = []
        self._n_reading = 0
        self._is_barred = False  # no new readers may start
        self._is_closed = False
        self._has_lock = self._may_fork = False  # before a fork, and for it
        self._writer: Database | None = self._connected(to_read=False)
        self._identity = identity(path)

    @property
    def is_there(self) -> bool:
        """Whether it is still the file at its path."""
        return self._identity is not None and self._identity == identity(self.path)

    @contextlib.contextmanager
    def reader(self) -> Iterator[Database]:
        """A connection for reading; the only one for a file in RAM."""
        if self.path == IN_RAM:
            with self._write_lock:
                yield self._to_write()
            return
        db = self._begin_reading()
        try:
            yield db
        finally:
            self._end_reading(db)

    @contextlib.contextmanager
    def writer(self) -> Iterator[Database]:
        """The connection for writing, for one thread at a time."""
        with self._write_lock:
            yield self._to_write()

    @contextlib.contextmanager
    def alone(self) -> Iterator[Database]:
        """The connection for writing, without readers unless one reads for long."""
        with self.writer() as db, self._barred(READERS_S), db.explained():
            yield db

    def file_bytes(self) -> int:
        """The size of the file with its log; 0 in RAM."""
        if self.path == IN_RAM:
            return 0
        files = (Path(self.path + suffix) for suffix in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Close all connections; running readers close their own."""
        with self._write_lock, self._readers:
            self._is_closed = True
            self._disconnect()

    # Connections

    def _connected(self, *, to_read: bool) -> Database:
        synchronous, busy_s = self._settings
        return Database(
            self.path,
            synchronous=synchronous,
            busy_s=busy_s,
            functions=FUNCTIONS,
            to_read=to_read,
        )

    def _reconnected(self, *, to_read: bool) -> Database:
        self._require_there()
        return self._connected(to_read=to_read)

    def _require_there(self) -> None:
        """Refuse to go on with a file that nobody will find again.

        Raises:
            StoreError: It was removed or replaced.
        """
        if not self.is_there:
            raise StoreError(
                f"{self.path} was removed or replaced while it was open. Open it again with Memory(...)."
            )

    def _to_write(self) -> Database:
        if self._writer is None:
            self._require_open()
            self._writer = self._reconnected(to_read=False)
        elif self.path != IN_RAM and not self._writer.is_in_transaction:
            self._require_there()
        return self._writer

    def _begin_reading(self) -> Database:
        with self._readers:
            self._readers.wait_for(lambda: not self._is_barred)
            self._require_open()
            self._n_reading += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self._reconnected(to_read=True)
        except BaseException:
            self._end_reading(None)
            raise

    def _end_reading(self, db: Database | None) -> None:
        with self._readers:
            self._n_reading -= 1
            self._readers.notify_all()
            if db is not None and not self._is_closed and len(self._idle) < IDLE_READERS:
                self._idle.append(db)
                return
        if db is not None:
            db.close()

    def _require_open(self) -> None:
        if self._is_closed:
            raise StoreError(_CLOSED.format(path=self.path))

    def _disconnect(self) -> None:
        for db in (*self._idle, *([self._writer] if self._writer else [])):
            db.close()
        self._idle, self._writer = [], None

    @contextlib.contextmanager
    def _barred(self, patience_s: float) -> Iterator[bool]:
        """A block without new readers; yields whether all others have finished in time."""
        with self._readers:
            self._readers.wait_for(lambda: not self._is_barred)
            self._is_barred = True
            alone = self._readers.wait_for(lambda: not self._n_reading, patience_s)
        try:
            yield alone
        finally:
            with self._readers:
                self._is_barred = False
                self._readers.notify_all()

    # A connection must not be used after a fork, nor closed in one of the processes only.

    def pause(self) -> None:
        """Before a fork: close all connections; they are reopened on demand."""
        self._has_lock = self._write_lock.acquire(timeout=FORK_S)
        with self._readers:
            self._is_barred = True
            is_quiet = self._readers.wait_for(lambda: not self._n_reading, FORK_S)
        is_writing = self._writer is not None and self._writer.is_in_transaction
        self._may_fork = self._has_lock and is_quiet and not is_writing
        if self._may_fork and self.path != IN_RAM:
            self._disconnect()

    def resume(self, *, in_child: bool) -> None:
        """After a fork: allow use again, except in a child that was forked inside a transaction."""
        if in_child:
            self._write_lock, self._readers = threading.RLock(), threading.Condition()
            self._is_closed |= not self._may_fork
        elif self._has_lock:
            self._write_lock.release()
        with self._readers:
            self._is_barred = False
            self._readers.notify_all()


class Lease:
    """A handle's share of an open file; the last one closes the file."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.close = weakref.finalize(self, _released, file)
        self.close.atexit = False

    def require_open(self) -> None:
        """Refuse use after closing.

        Raises:
            StoreError: It was closed.
        """
        if not self.close.alive:
            raise StoreError(_CLOSED.format(path=self.file.path))


def opened(path: str, *, synchronous: str, busy_s: float) -> Lease:
    """The file at a path, shared by all handles with the same settings.

    Raises:
        StoreError: See `Database`.
    """
    key = os.path.realpath(path), synchronous, busy_s
    with _registry:
        file = _shared(key)
    if file is not None:
        tighten(path)
        return Lease(file)
    new = File(path, synchronous=synchronous, busy_s=busy_s)
    with _registry:
        file = _shared(key)
        if file is None:
            new.users = 1
            _everything.add(new)
            if path != IN_RAM:
                _files[key] = new
            return Lease(new)
    new.close()  # another thread was faster
    return Lease(file)


def _released(file: File) -> None:
    with _registry:
        file.users -= 1
        if file.users:
            return
        for key in [key for key, each in _files.items() if each is file]:
            del _files[key]
    file.close()


_Key: TypeAlias = "tuple[str, str, float]"
_files: dict[_Key, File] = {}
_everything: weakref.WeakSet[File] = weakref.WeakSet()
_registry = threading.RLock()


def _shared(key: _Key) -> File | None:
    file = _files.get(key)
    if file is None or not file.is_there:
        return None
    file.users += 1
    return file


def _before_fork() -> None:
    _registry.acquire()
    for file in _everything:
        file.pause()


def _after_fork(*, in_child: bool) -> None:
    for file in _everything:
        file.resume(in_child=in_child)
    _registry.release()


if hasattr(os, "register_at_fork"):  # elsewhere nothing forks
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=partial(_after_fork, in_child=False),
        after_in_child=partial(_after_fork, in_child=True),
    )


def identity(path: str) -> tuple[int, int] | None:
    """What distinguishes a file from one that replaces it; None if there is none."""
    if path == IN_RAM:
        return None
    try:
        found = os.stat(path)  # noqa: PTH116  # a path is made of it in vain otherwise
    except OSError:
        return None
    return found.st_dev, found.st_ino


_CLOSED = "The memory in {path} is closed. Open it again with Memory(...)."
