"""The methods of a store that read; see `protocols.Store`."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.errors import NotFoundError
from helamem.records import Change, Fact
from helamem.stores import encoding
from helamem.stores.encoding import unit
from helamem.stores.sqlite import (
    checks,
    edge_table,
    fact_table,
    journal,
    node_table,
    regions,
    shown,
    superseding,
)
from helamem.stores.sqlite.columns import ACTIVE, of_kinds
from helamem.stores.sqlite.namespace import all_of, listed, made_with, state
from helamem.stores.sqlite.rows import EPISODE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

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
    from helamem.records import Episode
    from helamem.reports import Namespace, Stats
    from helamem.stores.sqlite.files import Lease
    from helamem.stores.sqlite.index import NodeIndex
    from helamem.stores.sqlite.namespace import Space
    from helamem.stores.sqlite.snapshots import Snapshot


@dataclass(slots=True)
class Claim:
    """The namespace that a handle is for.

    Attributes:
        analysis: The analysis behind its vectors and terms.
        is_dropped: Whether this handle dropped it; the next write starts it again.
    """

    name: str
    number: int
    analysis: Analysis
    is_dropped: bool = False

    @contextmanager
    def restored_on_failure(self) -> Iterator[None]:
        """If the block raises, the namespace's number is restored."""
        before = self.number, self.is_dropped
        try:
            yield
        except BaseException:
            self.number, self.is_dropped = before
            raise


class Reading:
    """The methods that read, each at one moment."""

    _lease: Lease
    _claim: Claim
    _zone: tzinfo

    def _looking(self) -> AbstractContextManager[Space]:
        """A space for one statement, which needs no transaction."""
        raise NotImplementedError

    def _seeing(self) -> AbstractContextManager[Snapshot]:
        """A snapshot for several statements."""
        raise NotImplementedError

    @property
    def namespace(self) -> str:
        """The namespace that this handle is for."""
        return self._claim.name

    @property
    def analysis(self) -> Analysis:
        """The analysis behind the vectors, terms and traits, as recorded in the file."""
        with self._looking() as space:
            return made_with(space.db) or self._claim.analysis

    def known(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The ids of the episodes that have one of these keys, by key."""
        with self._seeing() as seen:
            return node_table.known(seen.space, keys)

    def origins(self, ids: Sequence[int]) -> list[tuple[bytes, int | None]]:
        """The key of each of these episodes, and its offset; see `NewEpisode`."""
        with self._looking() as space:
            return node_table.origins(space, ids)

    def heard(self, session: str, *, last: int) -> list[Heard]:
        """The latest turns of a session, `last` of them at most, oldest first."""
        with self._looking() as space:
            return node_table.heard(space, session, last)

    def region(self, query: RegionQuery) -> RegionRows:
        """The region of a question."""
        query = replace(query, vector=unit(query.vector, self._claim.analysis.dimension))
        with self._seeing() as seen:
            return regions.read(seen, query)

    def nearest(self, vector: Floats, k: int, *, kinds: Sequence[NodeKind]) -> tuple[Ints, Floats]:
        """The active nodes with the highest cosine: ids and cosines, best first."""
        query = unit(vector, self._claim.analysis.dimension)
        with self._seeing() as seen:
            return seen.index.nearest(query, k, kinds, None, seen.originals)

    def vectors(self, ids: Ints) -> NDArray[np.float32]:
        """The vectors, shape (n, dimension)."""
        with self._seeing() as seen:
            seen.require(ids)
            return seen.index.wholes(ids, seen.originals)

    def nodes(self, ids: Ints) -> Nodes:
        """The columns of nodes, in the order of `ids`."""
        with self._seeing() as seen:
            seen.require(ids)
            return seen.index.nodes(ids)

    def edges(self, sources: Ints, *, superseded: bool = False) -> Edges:
        """The stored edges that leave these nodes, between active nodes or all."""
        with self._seeing() as seen:
            return edge_table.leaving(seen.space, sources, seen.index, superseded=superseded)

    def all_edges(self, *, superseded: bool = False) -> Edges:
        """Every stored edge of the namespace, between active nodes or all."""
        with self._seeing() as seen:
            return edge_table.everything(seen.space, seen.index, superseded=superseded)

    def joined(self, *, at_least: int) -> Ints:
        """The active nodes with at least this many learned edges, ascending."""
        with self._seeing() as seen:
            return edge_table.joined(seen.space, at_least, seen.index)

    def ids(
        self, *, kinds: Sequence[NodeKind], where: Filter | None = None, superseded: bool = False
    ) -> Ints:
        """The ids of active nodes, or of superseded ones as well, ascending."""
        with self._seeing() as seen:
            index = seen.index
            found = index.of_kinds(kinds, superseded=superseded)
            if where is None:
                return found
            cues = index.of_kinds([kind for kind in kinds if kind == "cue"])
            matching = regions.matching(seen, where, superseded=superseded)
            return found[np.isin(found, np.concatenate([cues, matching]))]

    def supersessions(self, among: Sequence[int] | None = None) -> list[Supersession]:
        """Supersessions by the id of the old memory: all, or those that involve some memories."""
        with self._seeing() as seen:
            return superseding.known(seen.space, among)

    def ignored(self, *, at_least: int) -> list[tuple[int, int]]:
        """The active memories that were shown this often and never used, with how often."""
        with self._looking() as space:
            return shown.ignored(space, at_least)

    def journal(self, *, limit: int) -> list[Step]:
        """The latest lessons and consolidations, the latest first."""
        with self._seeing() as seen:
            return journal.steps(seen.space, limit)

    def find(self, key: bytes) -> int | None:
        """The id of the episode with this key, if there is one."""
        with self._looking() as space:
            return node_table.find(space, EPISODE, key)

    def speakers(self) -> tuple[str, ...]:
        """The speakers, in the order of `Nodes.speakers`."""
        with self._looking() as space:
            moment = self._lease.file.caches.of(space.id).newest
            if moment is not None and moment.state == state(space):
                return moment.index.speakers.active
        return self._index().speakers.active

    def get(self, ids: Sequence[int], *, skip_missing: bool = False) -> list[Episode | Fact]:
        """The memories, in the order of `ids`."""
        wanted = [int(id_) for id_ in ids]
        with self._looking() as space:
            found = node_table.memories(space, wanted, self._zone)
        missing = [id_ for id_ in wanted if id_ not in found]
        if missing and not skip_missing:
            raise NotFoundError("memory", missing[0])
        return [found[id_] for id_ in wanted if id_ in found]

    def facts(
        self, *, superseded: bool = False, resting_on: Sequence[int] | None = None
    ) -> list[Fact]:
        """All facts, or those that rest on one of these episodes, oldest first."""
        with self._seeing() as seen:
            ids = fact_table.ids(seen.space, superseded=superseded, resting_on=resting_on)
            found = node_table.memories(seen.space, ids, self._zone)
        return [memory for memory in found.values() if isinstance(memory, Fact)]

    def cues(self, ids: Ints | None = None) -> list[tuple[int, str, float]]:
        """Every cue, or those with these ids, by id: id, text, epoch seconds."""
        only = "" if ids is None else " AND id IN (SELECT value FROM json_each(?))"
        wanted = [] if ids is None else [listed(ids.tolist())]
        with self._looking() as space:
            return space.db.rows(
                "SELECT id, text, at FROM node"  # noqa: S608  # our own words
                f" WHERE namespace = ? AND kind = 2{only} ORDER BY id",
                space.id,
                *wanted,
            )

    def clusters(self, among: Sequence[bytes] | None = None) -> set[bytes]:
        """The digests of the clusters that have been distilled."""
        with self._seeing() as seen:
            return fact_table.marked(seen.space, among)

    def history(self, id_: int) -> list[Change]:
        """What happened to a memory, oldest first, even after it was removed.

        Raises:
            NotFoundError: There never was one.
        """
        with self._seeing() as seen:
            added, changes = node_table.history(seen.space, id_)
        changes = [added, *changes] if added else changes
        if not changes:
            raise NotFoundError("memory", id_)
        return [
            Change(id=id_, event=event, at=encoding.moment(at, self._zone), text=text)
            for event, at, text in changes
        ]

    def namespaces(self) -> list[Namespace]:
        """The namespaces of the file that are not empty, by name."""
        from helamem.reports import Namespace  # noqa: PLC0415  # few need it

        with self._looking() as space:
            found = all_of(space.db)
        return [
            Namespace(
                name=name,
                episodes=episodes,
                facts=facts,
                cues=cues,
                last_at=None if last is None else encoding.moment(last),
            )
            for name, episodes, facts, cues, last in found
        ]

    def lessons(self) -> int:
        """The number of lessons learned."""
        with self._looking() as space:
            return state(space).lessons

    def stats(self) -> Stats:
        """The sizes of the namespace."""
        from helamem.reports import Stats  # noqa: PLC0415  # few need it

        with self._seeing() as seen:
            index, analysis = seen.index, made_with(seen.space.db) or seen.space.analysis
            edges = edge_table.everything(seen.space, index)
        is_episode = index.table.marks.looked_up(of_kinds(["episode"], ACTIVE))
        times = index.table.at.values[is_episode]
        sessions = index.table.sessions.values[is_episode]
        return Stats(
            namespace=self._claim.name,
            embedder=analysis.embedder,
            dimension=analysis.dimension,
            language=analysis.language,
            language_version=analysis.version,
            episodes=int(is_episode.sum()),
            facts=len(index.of_kinds(["fact"])),
            cues=len(index.of_kinds(["cue"])),
            sessions=len(np.unique(sessions[sessions >= 0])),
            speakers=index.speakers.active,
            edges={"temporal": index.n_neighbors(), **edge_table.counted(edges, index)},
            first_at=encoding.moment(float(times.min()), self._zone) if len(times) else None,
            last_at=encoding.moment(float(times.max()), self._zone) if len(times) else None,
            file_bytes=self._lease.file.file_bytes(),
            path=self._lease.file.path,
        )

    def check(self) -> list[str]:
        """The damage in the file, one sentence each; none if it is sound."""
        with self._seeing() as seen:
            db, analysis = seen.space.db, made_with(seen.space.db) or seen.space.analysis
            return checks.wrong(db, seen.space.id, analysis.dimension)

    def _index(self) -> NodeIndex:
        with self._seeing() as seen:
            return seen.index
