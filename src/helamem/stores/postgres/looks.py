"""The methods of the store that read: see `protocols.Store`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from helamem.errors import NotFoundError
from helamem.records import Fact
from helamem.stores.encoding import unit
from helamem.stores.postgres import (
    checks,
    edge_table,
    fact_table,
    journal,
    namespace,
    node_table,
    reading,
    regions,
    superseding,
)
from helamem.stores.postgres.namespace import analysis_of, everything

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    import numpy as np
    from numpy.typing import NDArray

    from helamem.filters import Filter
    from helamem.protocols import (
        Analysis,
        Edges,
        Floats,
        Heard,
        Ints,
        NodeKind,
        Nodes,
        RegionQuery,
        RegionRows,
        Step,
        Supersession,
    )
    from helamem.records import Change, Episode
    from helamem.reports import Namespace, Stats
    from helamem.stores.postgres.database import Database, Scope
    from helamem.stores.postgres.namespace import Space

Result = TypeVar("Result")


class Looks:
    """The methods that read: each is one look, or a part of the store's open transaction."""

    _db: Database
    _space: Space
    _zone: tzinfo
    _scope: Scope | None
    _large: int

    @property
    def namespace(self) -> str:
        """The namespace that this handle is for."""
        return self._space.name

    @property
    def analysis(self) -> Analysis:
        """The analysis behind the vectors, terms and traits, as recorded in the database."""
        statement, _ = namespace.META
        if self._scope is not None:
            meta = self._read(lambda scope: scope.rows(statement))
        else:
            meta = self._db.read(everything(""), lambda scope: scope.rows(statement))
        return analysis_of(meta) or self._space.analysis

    def _read(self, use: Callable[[Scope], Result]) -> Result:
        """One look."""
        if self._scope is not None:
            return self._db.seen(self._scope, use)
        return self._db.read(self._space.reading(), use)

    def _read_one_state(self, use: Callable[[Scope], Result]) -> Result:
        """Several looks at one state."""
        if self._scope is not None:
            return self._read(use)
        with self._db.transaction(self._space.reading_one_state()) as scope:
            return use(scope)

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
        vector = unit(query.vector, self._space.dimension)
        return self._read(lambda scope: regions.read(scope, query, vector, self._large))

    def nearest(self, vector: Floats, k: int, *, kinds: Sequence[NodeKind]) -> tuple[Ints, Floats]:
        """The active nodes with the highest cosine: ids and cosines, best first."""
        query = unit(vector, self._space.dimension)
        return self._read(lambda scope: reading.nearest(scope, query, k, kinds))

    def vectors(self, ids: Ints) -> NDArray[np.float32]:
        """The vectors, shape (n, dimension)."""
        return self._read(lambda scope: reading.vectors(scope, ids, self._space.dimension))

    def nodes(self, ids: Ints) -> Nodes:
        """The columns of nodes, in the order of `ids`."""
        return self._read(lambda scope: reading.nodes(scope, ids))

    def edges(self, sources: Ints, *, superseded: bool = False) -> Edges:
        """The stored edges that leave these nodes, between active nodes or all."""
        return self._read(lambda scope: edge_table.leaving(scope, sources, superseded=superseded))

    def all_edges(self, *, superseded: bool = False) -> Edges:
        """Every stored edge of the namespace, between active nodes or all."""
        return self._read(lambda scope: edge_table.everything(scope, superseded=superseded))

    def joined(self, *, at_least: int) -> Ints:
        """The active nodes with at least this many learned edges, ascending."""
        return self._read(lambda scope: edge_table.joined(scope, at_least))

    def ids(
        self, *, kinds: Sequence[NodeKind], where: Filter | None = None, superseded: bool = False
    ) -> Ints:
        """The ids of active nodes, or of superseded ones as well, ascending."""
        return self._read(lambda scope: reading.ids(scope, kinds, where, superseded=superseded))

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

    def clusters(self, among: Sequence[bytes] | None = None) -> set[bytes]:
        """The digests of the clusters that have been distilled."""
        return set(
            self._read(
                lambda scope: scope.column(
                    "SELECT digest FROM helamem.cluster WHERE namespace = %(ns)s"
                    " AND (%(among)s::bytea[] IS NULL OR digest = ANY(%(among)s::bytea[]))",
                    among=None if among is None else list(among),
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
        """The number of lessons learned."""
        return self._read(namespace.lessons)

    def stats(self) -> Stats:
        """The sizes of the namespace."""
        analysis = self.analysis
        return self._read_one_state(
            lambda scope: reading.stats(scope, replace(self._space, analysis=analysis), self._zone)
        )

    def check(self) -> list[str]:
        """The damage in the namespace, one sentence each; none if it is sound."""
        return self._read(lambda scope: checks.wrong(scope, self.analysis.dimension))

    def supersessions(self, among: Sequence[int] | None = None) -> list[Supersession]:
        """Supersessions by the id of the old memory: all, or those that involve some memories."""
        return self._read(lambda scope: superseding.known(scope, among))

    def ignored(self, *, at_least: int) -> list[tuple[int, int]]:
        """The active memories that were shown this often and never used, with how often."""
        return self._read(lambda scope: journal.ignored(scope, at_least))

    def journal(self, *, limit: int) -> list[Step]:
        """The latest lessons and consolidations, latest first."""
        return self._read(lambda scope: journal.steps(scope, limit))
