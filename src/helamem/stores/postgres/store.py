"""The methods of the store, each in one transaction or one read: see `protocols.Store`.

Handles keep nothing of what is stored: whatever another process writes, the next call sees.
"""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, TypeVar

from helamem.protocols import Supersession
from helamem.stores.journals import KEPT
from helamem.stores.postgres import (
    checks,
    edge_table,
    fact_table,
    indexes,
    journal,
    learning,
    namespace,
    news,
    node_table,
    removing,
    superseding,
    undoing,
)
from helamem.stores.postgres.database import Database
from helamem.stores.postgres.looks import Looks
from helamem.stores.postgres.namespace import claimed
from helamem.stores.postgres.reindexing import Reindexing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import tzinfo
    from typing import Self

    from helamem.protocols import (
        Analysis,
        Distillate,
        EdgeRule,
        Edges,
        Handed,
        Learned,
        Lesson,
        NewCue,
        NewEpisode,
        NewFact,
        Undone,
    )
    from helamem.records import Json
    from helamem.stores.postgres.database import Scope

Result = TypeVar("Result")


class _DryRun(Exception):  # noqa: N818  # nothing went wrong
    """Rolls a dry run back."""


class PostgresStore(Looks):
    """One namespace of a PostgreSQL database; see `protocols.Store`.

    Args:
        url: The database, as libpq reads it: "postgresql://user@host/database".
        namespace: The namespace that this handle is for.
        made_by: The embedder and language behind its vectors and terms; the database remembers them. None takes the
            database as it is, whatever made it.
        connections: How many connections this process opens to the database at most.
        wait_s: How many seconds to wait for a connection, or for others that write, before it is an error.
        synchronous: Whether what is stored waits for the server's disk.
        zone: The time zone of the times that come out, where a turn did not bring its own.
        history: How many of its latest changes each memory keeps at least; twice as many at most.
        journal: How many of the latest lessons and consolidations can be undone; 0 for none.
        large: From how many vectors on a namespace gets an index when it is repaired.

    Raises:
        EmbedderMismatchError: The database was made with another embedder.
        LanguageMismatchError: The database was read with another language.
        SchemaError: The database was made by a newer version.
        StoreError: The database cannot be reached or used.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str,
        made_by: Analysis | None,
        connections: int = 8,
        wait_s: float = 10.0,
        synchronous: bool = True,
        zone: tzinfo = UTC,
        history: int = 100,
        journal: int = KEPT,
        large: int = indexes.LARGE,
    ) -> None:
        self._zone = zone
        self._large = large
        self._history, self._journal = history, journal
        self._scope: Scope | None = None  # of a store that a block has been given
        self._is_dropped = False  # in that block
        self._db = Database(url, connections=connections, wait_s=wait_s, synchronous=synchronous)
        try:
            self._space = claimed(self._db, namespace, made_by)
        except BaseException:
            self._db.close()
            raise

    def reindexing(self, analysis: Analysis) -> Reindexing:
        """Begin or continue a reindexing; drop what was staged for another analysis."""
        return Reindexing(self._db, analysis, self._with)

    def _with(self, analysis: Analysis) -> PostgresStore:
        """A handle on the same connections, with another analysis."""
        other = copy.copy(self)
        other._space = replace(self._space, analysis=analysis)
        return other

    # Transactions

    @contextlib.contextmanager
    def reading(self) -> Iterator[Self]:
        """A store that sees one state of the database."""
        if self._scope is not None:
            yield self
            return
        with self._db.transaction(self._space.reading_one_state()) as scope:
            yield self._in(scope)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Self]:
        """A store whose reads and writes are one transaction."""
        if self._scope is not None:
            with self._step(self._scope):
                yield self
            return
        with self._db.transaction(self._space.writing()) as scope:
            bound = self._in(scope)
            yield bound
            born = None if bound._is_dropped else namespace.born(scope)
        self._space = replace(self._space, born=born)

    @contextlib.contextmanager
    def _step(self, scope: Scope) -> Iterator[None]:
        """A step of an open transaction.

        Raises:
            StoreError: The transaction has dropped the namespace.
        """
        if self._is_dropped:
            raise self._space.dropped()
        try:
            with self._db.step(scope):
                yield
        except BaseException:
            self._is_dropped = False
            raise

    def _in(self, scope: Scope) -> Self:
        """This store in an open transaction."""
        bound = copy.copy(self)
        bound._scope = scope
        return bound

    def _write(self, use: Callable[[Scope], Result]) -> Result:
        """One transaction, or a step of the open one."""
        if self._scope is not None:
            with self._step(self._scope):
                return use(self._scope)
        result, born = self._db.write(
            self._space.writing(), lambda scope: (use(scope), namespace.born(scope))
        )
        self._space = replace(self._space, born=born)
        return result

    # Writing

    def add(
        self, episodes: Sequence[NewEpisode], *, link: float, now: float
    ) -> list[tuple[int, bool]]:
        """Store episodes in order; for each its id, and whether it is new."""
        return self._write(
            lambda scope: node_table.add(scope, episodes, self._space.dimension, link=link, now=now)
        )

    def put(self, episode: NewEpisode, *, at: float) -> tuple[int, bool]:
        """Store an episode, or replace the one with its key; return its id, and whether it is new."""

        def put(scope: Scope) -> tuple[int, bool]:
            known = node_table.known(scope, [episode.key])
            if not known:
                return node_table.add(scope, [episode], self._space.dimension, link=0.0, now=at)[0]
            node_table.replace(scope, known[episode.key], episode, self._space.dimension)
            return known[episode.key], False

        return self._write(put)

    def annotate(self, id_: int, metadata: Mapping[str, Json], *, was: Mapping[str, Json]) -> bool:
        """Give an episode other metadata if it still has those that it had; whether it was done."""
        return self._write(lambda scope: node_table.annotate(scope, id_, metadata, was))

    def add_facts(self, facts: Sequence[NewFact], *, cluster: bytes) -> list[int]:
        """Store the facts of one cluster, with edges to and from their episodes."""

        def add(scope: Scope) -> list[int]:
            scope.batch(fact_table.marking([cluster]))
            return fact_table.add(scope, facts, self._space.dimension)

        return self._write(add)

    def distil(self, distillate: Distillate) -> list[int] | None:
        """Store the facts of a cluster, unless another process has; return the ids of the new ones."""
        return self._write(
            lambda scope: fact_table.distil(scope, distillate, self._space.dimension)
        )

    def supersede(
        self,
        old: int,
        new: int,
        *,
        at: float,
        rule: EdgeRule | None = None,
        now: float = 0.0,
        yields: bool = True,
        because: int | None = None,
        handed: Sequence[Handed] = (),
    ) -> None:
        """Mark a memory as superseded by another; no search returns it any more."""
        supersession = Supersession(old=old, new=new, yields=yields, because=because, handed=handed)
        self._write(lambda scope: superseding.supersede(scope, supersession, at, rule, now))

    def revert(self, id_: int, *, at: float) -> list[int]:
        """Let a superseded memory hold again; the ids by which it was superseded."""
        return self._write(lambda scope: superseding.revert(scope, id_, at))

    def begin(self, *, at: float) -> int | None:
        """Begin a consolidation in the journal; return its id, or None if no journal is kept."""
        if not self._journal:
            return None
        return self._write(lambda scope: journal.begin(scope, at, self._journal))

    def undo(self, step: int, *, at: float) -> Undone:
        """Undo a lesson or a consolidation."""
        return self._write(lambda scope: undoing.undo(scope, step, at))

    def sever(self, a: int, b: int) -> bool:
        """Remove the learned edge between two nodes; whether there was one."""
        return self._write(lambda scope: undoing.sever(scope, a, b))

    def mark(self, digests: Sequence[bytes]) -> None:
        """Record digests of what was distilled, or is not to be."""
        self._write(lambda scope: scope.batch(fact_table.marking(digests)))

    def unmark(self, digests: Sequence[bytes]) -> None:
        """Forget that these clusters have been distilled."""
        self._write(lambda scope: scope.batch(fact_table.unmarking(digests)))

    def learn(self, lesson: Lesson) -> Learned:
        """Apply a lesson; weights change in the database, whoever else is writing."""
        return self._write(
            lambda scope: learning.learn(
                scope,
                lesson,
                self._space.dimension,
                history=self._history,
                journal_size=self._journal,
            )
        )

    def update(self, id_: int, episode: NewEpisode, *, at: float) -> None:
        """Replace an episode's text; history keeps the old one.

        Raises:
            NotFoundError: There is no such episode.
            StoreError: Another turn of its session says just that, by the same speaker at the same time.
        """
        self._write(
            lambda scope: node_table.update(
                scope, id_, episode, self._space.dimension, at=at, most=self._history
            )
        )

    def remove(self, ids: Sequence[int], *, at: float) -> list[int]:
        """Remove memories, and every fact and cue that rests on them alone; all ids that went."""
        return self._write(lambda scope: removing.remove(scope, ids, at))

    def scrub(self, says: Callable[[str], bool]) -> int:
        """Remove the old texts for which `says` is true from history; return how many."""
        return self._write(lambda scope: removing.scrub(scope, says))

    def drop(self) -> None:
        """Remove everything of this namespace, and its name; this handle may begin it anew."""
        self._write(removing.drop)
        if self._scope is None:
            self._space = replace(self._space, born=None)
        else:
            self._is_dropped = True

    def restore(
        self,
        cues: Sequence[NewCue],
        edges: Callable[[list[int]], Edges],
        *,
        marks: Sequence[bytes] = (),
        lessons: int = 0,
    ) -> list[int]:
        """Put back cues and learned edges as they were exported; the ids of the cues."""

        def restore(scope: Scope) -> list[int]:
            ids = [node_table.add_cue(scope, cue, self._space.dimension) for cue in cues]
            found = edges(ids)
            node_table.require(scope, [*found.sources.tolist(), *found.targets.tolist()])
            scope.batch(
                edge_table.putting_back(found),
                fact_table.marking(marks),
                (namespace.AT_LEAST_LESSONS, {"lessons": lessons}),
            )
            return ids

        return self._write(restore)

    def prune(self, *, rule: EdgeRule, now: float) -> int:
        """Drop learned edges that have decayed below the floor, and cues without any; how many edges went."""

        def prune(scope: Scope) -> int:
            n_edges = edge_table.prune(scope, rule, now)
            removing.take_away(scope, removing.unbound_cues(scope), 0.0)
            return n_edges

        return self._write(prune)

    def begin_forgetting(self, *, at: float, pause_s: float) -> bool:
        """Note that a worker forgets now, unless one did less than `pause_s` seconds ago; whether it was noted.

        In the transaction that forgets, it makes sure that a job that is done twice forgets once.
        """
        return self._write(lambda scope: news.begin_forgetting(scope, at, pause_s))

    def repair(self, *, at: float, dry_run: bool) -> list[str]:
        """Mend or remove what `check` finds; return the damage and the remedy of each kind.

        Outside of a transaction, the indexes that the namespace is due are made as well.
        """
        mended: list[str] = []

        def mend(scope: Scope) -> None:
            mended[:] = checks.mend(scope, self._space.dimension, at)
            if dry_run:
                raise _DryRun

        with contextlib.suppress(_DryRun):
            self._write(mend)
        if self._scope is None:
            mended += indexes.keep(self._db, self._space, self._large, dry_run=dry_run)
        return mended

    def keep_indexes(self) -> None:
        """Make the indexes that the namespace is due, and drop those that serve no search, if this user may.

        Raises:
            BusyError: Another process is at it.
        """
        space = self._space
        upkeep, is_owner = indexes.overdue(self._db, space.dimension, self._large, [space.ns])
        if is_owner and upkeep.sentences():
            indexes.carry_out(self._db, upkeep)

    def close(self) -> None:
        """Release the connections; a closed store raises StoreError."""
        self._db.close()
