"""The store's methods, each one transaction or one look: see `protocols.Store`.

Handles keep nothing of what is stored: whatever another process writes, the next call sees.
"""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from helamem.errors import NotFoundError, StoreError
from helamem.protocols import Analysis
from helamem.records import Fact
from helamem.stores.postgres import (
    checks,
    edge_table,
    fact_table,
    learning,
    namespace,
    node_table,
    reading,
    regions,
    removing,
)
from helamem.stores.postgres.database import Database
from helamem.stores.postgres.namespace import analysis_of, claimed, everything
from helamem.stores.postgres.reindexing import Reindexing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import tzinfo
    from typing import Self

    from numpy.typing import NDArray

    from helamem.filters import Filter
    from helamem.protocols import (
        Distillate,
        EdgeRule,
        Edges,
        Floats,
        Handed,
        Heard,
        Ints,
        Learned,
        Lesson,
        NewCue,
        NewEpisode,
        NewFact,
        NodeKind,
        Nodes,
        RegionQuery,
        RegionRows,
        Step,
        Supersession,
        Undone,
    )
    from helamem.records import Change, Episode, Json
    from helamem.reports import Namespace, Stats
    from helamem.stores.postgres.database import Scope

Result = TypeVar("Result")

_NO_CORRECTIONS = "Corrections are not kept in PostgreSQL yet. Nothing was changed; `update` changes a memory in its place."


class _DryRun(Exception):  # noqa: N818  # nothing went wrong
    """Undoes what was only tried."""


class PostgresStore:
    """One namespace of a PostgreSQL database; see `protocols.Store`.

    Args:
        url: The database, as libpq reads it: "postgresql://user@host/database".
        namespace: The namespace that this handle is for.
        embedder_name: The embedder that vectors are made with; the database remembers it. None takes the
            database as it is, whatever made it.
        dimension: The length of its vectors.
        language: The language that texts are read with, and
        version: the number of that reading; the database remembers both.
        connections: How many connections this process opens to the database at most.
        wait_s: How many seconds to wait for a connection, or for others that write, before it is an error.
        synchronous: Whether what is stored waits for the server's disk.
        zone: The time zone of the times that come out, where a turn did not bring its own.
        history: How many of its latest changes each memory keeps at least; twice as many at most.

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
        embedder_name: str | None,
        dimension: int = 0,
        language: str = "english",
        version: int = 1,
        connections: int = 8,
        wait_s: float = 10.0,
        synchronous: bool = True,
        zone: tzinfo = UTC,
        history: int = 100,
    ) -> None:
        self._zone = zone
        self._history = history
        mine = None
        if embedder_name is not None:
            mine = Analysis(
                embedder=embedder_name, dimension=dimension, language=language, version=version
            )
        self._db = Database(url, connections=connections, wait_s=wait_s, synchronous=synchronous)
        try:
            self._space = claimed(self._db, namespace, mine)
        except BaseException:
            self._db.close()
            raise

    @property
    def namespace(self) -> str:
        """The namespace that this handle is for."""
        return self._space.name

    @property
    def analysis(self) -> Analysis:
        """What the vectors, terms and traits were made by, as the database says."""
        meta = self._db.read(everything(""), lambda scope: scope.rows(namespace.META[0]))
        return analysis_of(meta) or self._space.analysis

    def reindexing(self, analysis: Analysis) -> Reindexing:
        """Begin to make everything anew, or go on; what was staged for another analysis goes."""
        return Reindexing(self._db, analysis, self._with)

    def _with(self, analysis: Analysis) -> PostgresStore:
        """A handle on the same connections, for what another analysis has made."""
        other = copy.copy(self)
        other._space = replace(self._space, analysis=analysis)
        return other

    # Transactions

    @contextlib.contextmanager
    def reading(self) -> Iterator[Self]:
        """Everything that is read inside sees one state of the database."""
        if self._db.current is not None:
            yield self
            return
        with self._db.transaction(self._space.reading_one_state()):
            yield self

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Self]:
        """What is read and written inside happens as one step, or not at all."""
        current = self._db.current
        if current is not None:
            with self._db.step(current):
                yield self
            return
        with self._db.transaction(self._space.writing()) as scope:
            yield self
            born = namespace.born(scope)
        self._space = replace(self._space, born=born)

    def _write(self, use: Callable[[Scope], Result]) -> Result:
        """One transaction, or a step of the open one."""
        if self._db.current is not None:
            return self._db.write(self._space.writing(), use)
        result, born = self._db.write(
            self._space.writing(), lambda scope: (use(scope), namespace.born(scope))
        )
        self._space = replace(self._space, born=born)
        return result

    def _read(self, use: Callable[[Scope], Result]) -> Result:
        """One look."""
        return self._db.read(self._space.reading(), use)

    def _read_one_state(self, use: Callable[[Scope], Result]) -> Result:
        """Several looks at one state."""
        current = self._db.current
        if current is not None:
            return use(current)
        with self._db.transaction(self._space.reading_one_state()) as scope:
            return use(scope)

    # Writing

    def add(
        self, episodes: Sequence[NewEpisode], *, link: float, now: float
    ) -> list[tuple[int, bool]]:
        """Store episodes in order; for each its id, and whether it is new."""
        return self._write(
            lambda scope: node_table.add(scope, episodes, self._space.dimension, link=link, now=now)
        )

    def put(self, episode: NewEpisode, *, at: float) -> tuple[int, bool]:
        """Store an episode, or let the one with its key say what it says; its id, and whether it is new."""

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
        """Store what a cluster gave, unless somebody was quicker; the ids of the new facts."""
        return self._write(
            lambda scope: fact_table.distil(scope, distillate, self._space.dimension)
        )

    def supersede(
        self,
        old: int,
        new: int,
        *,
        at: float,
        rule: EdgeRule | None = None,  # noqa: ARG002  # edges are not handed over yet
        now: float = 0.0,  # noqa: ARG002
        yields: bool = True,
        because: int | None = None,
        handed: Sequence[Handed] = (),
    ) -> None:
        """Mark a fact as replaced by a newer one; no search returns it any more.

        Raises:
            StoreError: It is a turn, or is replaced by one: this store keeps no corrections yet.
        """
        if not yields or because is not None or handed:
            raise StoreError(_NO_CORRECTIONS)
        self._write(lambda scope: fact_table.supersede(scope, old, new, at))

    def revert(self, id_: int, *, at: float) -> list[int]:  # noqa: ARG002
        """Not kept by this store yet.

        Raises:
            StoreError: Always.
        """
        raise StoreError(_NO_CORRECTIONS)

    def supersessions(self) -> list[Supersession]:
        """The facts that were replaced, by their ids."""
        return self._read(fact_table.supersessions)

    def begin(self, *, at: float) -> int | None:  # noqa: ARG002
        """None: this store keeps no journal yet."""
        return None

    def ignored(self, *, at_least: int) -> list[tuple[int, int]]:  # noqa: ARG002
        """Empty: this store does not count yet what was shown."""
        return []

    def journal(self, *, limit: int) -> list[Step]:  # noqa: ARG002
        """Empty: this store keeps no journal yet."""
        return []

    def undo(self, step: int, *, at: float) -> Undone:  # noqa: ARG002
        """Nothing can be undone, since this store keeps no journal yet.

        Raises:
            NotFoundError: Always.
        """
        raise NotFoundError("lesson", step)

    def sever(self, a: int, b: int) -> bool:
        """Remove the learned edge between two nodes; whether there was one."""

        def sever(scope: Scope) -> bool:
            node_table.require(scope, {a, b})
            return edge_table.sever(scope, a, b)

        return self._write(sever)

    def unmark(self, digests: Sequence[bytes]) -> None:
        """Forget that these clusters have been distilled."""
        self._write(lambda scope: scope.batch(fact_table.unmarking(digests)))

    def learn(self, lesson: Lesson) -> Learned:
        """Apply a lesson; weights change in the database, whoever else is writing."""
        return self._write(
            lambda scope: learning.learn(scope, lesson, self._space.dimension, self._history)
        )

    def update(self, id_: int, episode: NewEpisode, *, at: float) -> None:
        """Replace what an episode says; history keeps the old text.

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
        """Take the old texts of which `says` is true out of history; how many went."""
        return self._write(lambda scope: removing.scrub(scope, says))

    def drop(self) -> None:
        """Remove everything of this namespace, and its name; this handle may begin it anew."""
        self._write(removing.drop)
        self._space = replace(self._space, born=None)

    def restore(
        self,
        cues: Sequence[NewCue],
        edges: Callable[[list[int]], Edges],
        *,
        marks: Sequence[bytes] = (),
        lessons: int = 0,
    ) -> list[int]:
        """Put back cues and learned edges as they were exported; the ids of the cues."""
        with self.transaction():
            scope = self._db.current
            assert scope is not None  # noqa: S101  # this thread has just begun it
            ids = [node_table.add_cue(scope, cue, self._space.dimension) for cue in cues]
            found = edges(ids)
            node_table.require(scope, [*found.sources.tolist(), *found.targets.tolist()])
            scope.batch(
                edge_table.putting_back(found),
                fact_table.marking(marks),
                (namespace.AT_LEAST_LESSONS, {"lessons": lessons}),
            )
            return ids

    def prune(self, *, rule: EdgeRule, now: float) -> int:
        """Drop learned edges that have decayed below the floor, and cues without any; how many edges went."""

        def prune(scope: Scope) -> int:
            n_edges = edge_table.prune(scope, rule, now)
            removing.take_away(scope, removing.unbound_cues(scope), 0.0)
            return n_edges

        return self._write(prune)

    def repair(self, *, at: float, dry_run: bool) -> list[str]:
        """Mend or remove what `check` finds; for each kind what it was, and what is done."""
        mended: list[str] = []

        def mend(scope: Scope) -> None:
            mended[:] = checks.mend(scope, self._space.dimension, at)
            if dry_run:
                raise _DryRun

        with contextlib.suppress(_DryRun):
            self._write(mend)
        return mended

    # Reading

    def known(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The ids of the episodes that have one of these keys, by key."""
        return self._read(lambda scope: node_table.known(scope, keys))

    def origins(self, ids: Sequence[int]) -> list[tuple[bytes, int | None]]:
        """The key of each of these episodes, and its offset; see `NewEpisode`."""
        return self._read(lambda scope: node_table.origins(scope, ids))

    def heard(self, session: str, *, last: int) -> list[Heard]:
        """The latest turns of a session, `last` of them at most, oldest first."""
        return self._read(lambda scope: node_table.heard(scope, session, last))

    def region(self, query: RegionQuery) -> RegionRows:
        """All that a search needs of the memories around a question."""
        vector = self._query(query.vector)
        look = self._read if query.where is None else self._read_one_state
        return look(lambda scope: regions.read(scope, query, vector))

    def nearest(self, vector: Floats, k: int, *, kinds: Sequence[NodeKind]) -> tuple[Ints, Floats]:
        """The active nodes with the highest cosine: ids and cosines, best first."""
        query = self._query(vector)
        return self._read(lambda scope: reading.nearest(scope, query, k, kinds))

    def vectors(self, ids: Ints) -> NDArray[np.float32]:
        """The vectors, shape (n, dimension)."""
        return self._read(lambda scope: reading.vectors(scope, ids, self._space.dimension))

    def nodes(self, ids: Ints) -> Nodes:
        """What is known about nodes, in the order of `ids`."""
        return self._read(lambda scope: reading.nodes(scope, ids))

    def edges(self, sources: Ints, *, superseded: bool = False) -> Edges:
        """The stored edges that leave these nodes, between active nodes or all."""
        return self._read(lambda scope: edge_table.leaving(scope, sources, superseded=superseded))

    def all_edges(self, *, superseded: bool = False) -> Edges:
        """Every stored edge of the namespace, between active nodes or all."""
        return self._read(lambda scope: edge_table.everything(scope, superseded=superseded))

    def ids(
        self, *, kinds: Sequence[NodeKind], where: Filter | None = None, superseded: bool = False
    ) -> Ints:
        """The ids of active nodes, or of superseded ones as well, ascending."""
        look = self._read if where is None else self._read_one_state
        return look(lambda scope: reading.ids(scope, kinds, where, superseded=superseded))

    def find(self, key: bytes) -> int | None:
        """The id of the episode with this key, if there is one."""
        return self.known([key]).get(key)

    def speakers(self) -> tuple[str, ...]:
        """The speakers, in the order of `Nodes.speakers`."""
        return self._read(reading.speakers)

    def get(self, ids: Sequence[int], *, skip_missing: bool = False) -> list[Episode | Fact]:
        """The memories, in the order of `ids`."""
        wanted = [int(id_) for id_ in ids]
        found = self._read(lambda scope: reading.get(scope, wanted, self._zone))
        missing = [id_ for id_ in wanted if id_ not in found]
        if missing and not skip_missing:
            raise NotFoundError("memory", missing[0])
        return [found[id_] for id_ in wanted if id_ in found]

    def facts(
        self, *, superseded: bool = False, resting_on: Sequence[int] | None = None
    ) -> list[Fact]:
        """All facts, or those that rest on one of these episodes, oldest first."""

        def facts(scope: Scope) -> list[Fact]:
            ids = fact_table.ids(scope, superseded=superseded, resting_on=resting_on)
            found = reading.get(scope, ids, self._zone)
            return [memory for id_ in ids if isinstance(memory := found[id_], Fact)]

        return self._read_one_state(facts)

    def cues(self, ids: Ints | None = None) -> list[tuple[int, str, float]]:
        """Every cue, or those with these ids, by id: id, text, epoch seconds."""
        return self._read(lambda scope: reading.cues(scope, ids))

    def clusters(self) -> set[bytes]:
        """The digests of the clusters that have been distilled."""
        return set(
            self._read(
                lambda scope: scope.column(
                    "SELECT digest FROM helamem.cluster WHERE namespace = %(ns)s"
                )
            )
        )

    def history(self, id_: int) -> list[Change]:
        """What happened to a memory, oldest first, also after it was removed.

        Raises:
            NotFoundError: There never was one.
        """
        return self._read(lambda scope: reading.history(scope, id_, self._zone))

    def namespaces(self) -> list[Namespace]:
        """The namespaces of the database, by name, those that hold something."""
        return self._db.read(everything(""), reading.namespaces)

    def lessons(self) -> int:
        """How many lessons have been learned."""
        return self._read(namespace.lessons)

    def stats(self) -> Stats:
        """How much there is."""
        analysis = self.analysis
        return self._read_one_state(
            lambda scope: reading.stats(scope, replace(self._space, analysis=analysis), self._zone)
        )

    def check(self) -> list[str]:
        """What is wrong with the namespace: one sentence each, none where it is sound."""
        return self._read(lambda scope: checks.wrong(scope, self.analysis.dimension))

    def close(self) -> None:
        """Release the connections; a closed store raises StoreError."""
        self._db.close()

    def _query(self, vector: Floats) -> NDArray[np.float32]:
        """The vector at length 1, so that its dot product with unit vectors is the cosine."""
        if vector.shape != (self._space.dimension,):
            raise ValueError(
                f"a vector here has {self._space.dimension} dimensions, not the shape {vector.shape}"
            )
        length = float(np.linalg.norm(vector))
        return np.asarray(vector / (length or 1.0), np.float32)
