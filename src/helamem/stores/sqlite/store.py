"""A handle on one namespace of a file: see `protocols.Store`.

Handles on one file share its connections and what is kept in RAM (`files`). A read has a connection of its own,
and sees one moment; a write transaction begins with BEGIN IMMEDIATE, so that it waits for other writers instead of
failing halfway.
"""

from __future__ import annotations

import contextlib
import copy
import logging
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from helamem.errors import StoreError
from helamem.places import IN_RAM
from helamem.stores.journals import KEPT
from helamem.stores.sqlite import files, namespace, removing
from helamem.stores.sqlite.namespace import Space, is_wipe_owed, owe_wipe, require_known
from helamem.stores.sqlite.reading import Claim
from helamem.stores.sqlite.reindexing import Reindexing
from helamem.stores.sqlite.snapshots import Draft, Snapshot
from helamem.stores.sqlite.writing import Writing
from helamem.threads import computing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from pathlib import Path

    from helamem.protocols import Analysis, RegionQuery, RegionRows
    from helamem.stores.sqlite.database import Database
    from helamem.stores.sqlite.files import Lease

logger = logging.getLogger(__name__)


class SQLiteStore(Writing):
    """One namespace of one SQLite file; see `protocols.Store`.

    Args:
        path: The file, made with its folders if it is not there; ":memory:" keeps all in RAM.
        namespace: The namespace that this handle is for.
        made_by: The embedder and language behind its vectors and terms; the file remembers them. None takes the
            file as it is, whatever made it.
        synchronous: "full" survives a power cut, "normal" a crash of the process.
        busy_s: How many seconds to wait for other processes that write, before it is an error.
        zone: The time zone of the times that come out, where a turn did not bring its own.
        history: How many of its latest changes each memory keeps at least; twice as many at most.
        journal: How many of the latest lessons and consolidations can be undone; 0 for none.

    Raises:
        EmbedderMismatchError: The file was made with another embedder.
        LanguageMismatchError: The file was read with another language.
        SchemaError: The file was made by a newer version.
        CorruptError: The file is damaged, or is not a helamem file.
        StoreError: The file cannot be opened or written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        namespace: str,
        made_by: Analysis | None,
        synchronous: str = "full",
        busy_s: float = 10.0,
        zone: tzinfo = UTC,
        history: int = 100,
        journal: int = KEPT,
    ) -> None:
        self._zone = zone
        self._history = history
        self._journal = journal
        self._lease = files.opened(str(path), synchronous=synchronous, busy_s=busy_s)
        try:
            self._claim = _claimed(self._lease, namespace, made_by)
            if self._file.users == 1:
                self._wipe_what_others_left()
        except BaseException:
            self._lease.close()
            raise

    def reindexing(self, analysis: Analysis) -> Reindexing:
        """Begin or continue a reindexing; drop what was staged for another analysis."""
        self._lease.require_open()
        return Reindexing(self._file, analysis, self._with)

    def _with(self, analysis: Analysis) -> SQLiteStore:
        """This handle, with another analysis."""
        other = copy.copy(self)
        other._claim = replace(self._claim, analysis=analysis)
        return other

    # Transactions

    @contextlib.contextmanager
    def reading(self) -> Iterator[Block]:
        """A store whose reads all see one state of the file."""
        with self._seeing() as seen, Block.of(self, seen) as block:
            yield block

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Block]:
        """A store whose reads and writes are one transaction."""
        with self._drafting() as draft, Block.of(self, draft) as block:
            yield block

    def region(self, query: RegionQuery) -> RegionRows:
        """The region of a question; few threads read one at a time, and the others wait without a connection."""
        with computing:
            return super().region(query)

    @contextlib.contextmanager
    def _looking(self) -> Iterator[Space]:
        self._lease.require_open()
        with self._file.reader() as db, db.explained():
            yield self._space(db)

    @contextlib.contextmanager
    def _seeing(self) -> Iterator[Snapshot]:
        self._lease.require_open()
        with self._file.reader() as db, db.reading():
            yield Snapshot(self._space(db), self._file.caches)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Space]:
        with self._drafting() as draft:
            yield draft.space

    @contextlib.contextmanager
    def _drafting(self) -> Iterator[Draft]:
        self._lease.require_open()
        with self._file.writer() as db:
            is_part = db.is_in_transaction
            with self._claim.restored_on_failure(), db.writing():
                draft = self._begun(db)
                yield draft
                if self._file.owes_wipe:
                    owe_wipe(db)
            if not is_part:
                draft.publish()
                if self._file.owes_wipe:
                    self._wipe()

    def _begun(self, db: Database) -> Draft:
        """The namespace; made again if this handle dropped it."""
        claim = self._claim
        if claim.is_dropped:
            claim.number = namespace.begun(db, claim.name, claim.analysis).id
            claim.is_dropped = False
        draft = Draft(self._space(db), self._file.caches)
        require_known(draft.space, claim.name)
        return draft

    def _space(self, db: Database) -> Space:
        return Space(db, self._claim.number, self._claim.analysis)

    # Closing, and traces

    def close(self) -> None:
        """Give up the file, which is closed with its last handle; a closed store raises StoreError."""
        if not self._lease.close.alive:
            return
        if self._file.owes_wipe or self._file.owes_wipe_when_closed:
            self._wipe()
        self._lease.close()

    def _wipe_what_others_left(self) -> None:
        with self._looking() as space:
            is_owed = is_wipe_owed(space.db)
        if is_owed:
            self._wipe()

    def _wipe(self) -> None:
        """Wipe removed data from the log and from the gaps between rows.

        While another process reads an older state, the log cannot be emptied; the next removal, or
        closing the store, tries again.
        """
        file = self._file
        file.owes_wipe_when_closed = False
        if file.path == IN_RAM:
            file.owes_wipe = False
            return
        file.owes_wipe = True
        try:
            with file.alone() as db:
                file.owes_wipe = not removing.wipe(db)
        except StoreError as exc:
            logger.warning("what was removed may still lie in the raw file: %s", exc)
        else:
            if file.owes_wipe:
                logger.warning(
                    "the log of %s still holds what was removed, since another process is reading it",
                    file.path,
                )


def _claimed(lease: Lease, name: str, mine: Analysis | None) -> Claim:
    """The namespace of this name, which is made if it is not there."""
    with lease.file.reader() as db, db.reading():
        space = namespace.found(db, name, mine)
    if space is None:
        with lease.file.writer() as db, db.writing():
            space = namespace.begun(db, name, mine)
    return Claim(name, space.id, space.analysis)


class Block(Writing):
    """A store inside `reading()` or `transaction()`: all of it sees, or changes, one state."""

    def __init__(self, store: SQLiteStore, seen: Snapshot) -> None:
        self._lease, self._claim = store._lease, store._claim
        self._zone = store._zone
        self._history, self._journal = store._history, store._journal
        self._seen = seen
        self._is_over = False

    @classmethod
    @contextlib.contextmanager
    def of(cls, store: SQLiteStore, seen: Snapshot) -> Iterator[Block]:
        """A store for one block, of no use after it."""
        block = cls(store, seen)
        try:
            yield block
        finally:
            block._is_over = True

    def reindexing(self, analysis: Analysis) -> Reindexing:  # noqa: ARG002
        """Refuse to reindex inside a block.

        Raises:
            StoreError: Always.
        """
        raise StoreError("A reindexing has transactions of its own. Leave the block first.")

    def close(self) -> None:
        """Refuse to close a store inside a block.

        Raises:
            StoreError: Always.
        """
        raise StoreError("A store cannot be closed inside a block. Leave the block first.")

    @contextlib.contextmanager
    def reading(self) -> Iterator[Block]:
        """This store, which sees one state anyway."""
        with self._seeing():
            yield self

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Block]:
        """A savepoint: if the block raises, what it wrote is undone."""
        with self._writing():
            yield self

    @contextlib.contextmanager
    def _looking(self) -> Iterator[Space]:
        with self._seeing() as seen:
            yield seen.space

    @contextlib.contextmanager
    def _seeing(self) -> Iterator[Snapshot]:
        if self._is_over:
            raise StoreError("This store was for a block that has ended. Use the one that gave it.")
        with self._seen.space.db.explained():
            yield self._seen

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Space]:
        with self._seeing() as seen:
            if not isinstance(seen, Draft):
                raise StoreError("Nothing can be written inside reading(). Leave the block first.")
            with seen.part():
                require_known(seen.space, self._claim.name)
                yield seen.space
