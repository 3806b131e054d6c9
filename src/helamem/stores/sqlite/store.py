"""The store's methods, each one transaction or one look: see `protocols.Store`.

A transaction that writes begins with BEGIN IMMEDIATE, so that it waits for other writers instead of
failing halfway.
"""

from __future__ import annotations

import contextlib
import copy
import logging
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import numpy as np

from helamem.errors import NotFoundError, StoreError
from helamem.places import IN_RAM
from helamem.protocols import Analysis, Learned, NewCue, Supersession
from helamem.records import Change, Episode, Fact
from helamem.reports import Namespace, Stats
from helamem.stores.sqlite import (
    checks,
    edge_table,
    fact_table,
    node_table,
    regions,
    removing,
    rows,
    superseding,
)
from helamem.stores.sqlite.cache import Cache
from helamem.stores.sqlite.database import Database
from helamem.stores.sqlite.namespace import (
    all_of,
    claimed,
    is_wipe_owed,
    lessons,
    listed,
    made_with,
    moved,
    owe_wipe,
    require_known,
)
from helamem.stores.sqlite.reindexing import Reindexing
from helamem.stores.sqlite.rows import EPISODE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path
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
        Lesson,
        NewEpisode,
        NewFact,
        NodeKind,
        Nodes,
        RegionQuery,
        RegionRows,
    )
    from helamem.records import Json
    from helamem.stores.sqlite.index import NodeIndex
    from helamem.stores.sqlite.namespace import Space

logger = logging.getLogger(__name__)

FUNCTIONS: dict[str, tuple[int, Callable[..., float | str | bytes | None]]] = {
    "learned": (7, edge_table.learned),
    "turn_key": (5, rows.turn_key),
    "casefolded": (1, lambda text: text.casefold() if isinstance(text, str) else None),
}


class _DryRun(Exception):  # noqa: N818  # nothing went wrong
    """Undoes what was only tried."""


class SQLiteStore:
    """One namespace of one SQLite file; see `protocols.Store`.

    Args:
        path: The file, made with its folders if it is not there; ":memory:" keeps all in RAM.
        namespace: The namespace that this handle is for.
        embedder_name: The embedder that vectors are made with; the file remembers it. None takes the file as
            it is, whatever made it.
        dimension: The length of its vectors.
        language: The language that texts are read with, and
        version: the number of that reading; the file remembers both.
        synchronous: "full" survives a power cut, "normal" a crash of the process.
        busy_s: How many seconds to wait for other processes that write, before it is an error.
        zone: The time zone of the times that come out, where a turn did not bring its own.
        history: How many of its latest changes each memory keeps at least; twice as many at most.

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
        embedder_name: str | None,
        dimension: int = 0,
        language: str = "english",
        version: int = 1,
        synchronous: str = "full",
        busy_s: float = 10.0,
        zone: tzinfo = UTC,
        history: int = 100,
    ) -> None:
        self._name = namespace
        self._zone = zone
        self._to_wipe = False
        self._to_wipe_when_closed = False
        self._history = history
        mine = None
        if embedder_name is not None:
            mine = Analysis(
                embedder=embedder_name, dimension=dimension, language=language, version=version
            )
        self._db = Database(str(path), synchronous=synchronous, busy_s=busy_s, functions=FUNCTIONS)
        try:
            space = claimed(self._db, namespace, mine)
        except BaseException:
            self._db.close()
            raise
        self._use(space)
        if is_wipe_owed(self._db):
            self._wipe()

    def _use(self, space: Space) -> None:
        self._space = space
        self._cache = Cache(space)
        self._is_dropped = False

    @property
    def namespace(self) -> str:
        """The namespace that this handle is for."""
        return self._name

    @property
    def analysis(self) -> Analysis:
        """What the vectors, terms and traits were made by, as the file says."""
        return made_with(self._db) or self._space.analysis

    def reindexing(self, analysis: Analysis) -> Reindexing:
        """Begin to make everything anew, or go on; what was staged for another analysis goes."""
        return Reindexing(self._db, analysis, self._with)

    def _with(self, analysis: Analysis) -> SQLiteStore:
        """A handle on the same connection, for what another analysis has made."""
        other = copy.copy(self)
        other._use(replace(self._space, analysis=analysis))
        return other

    # Transactions

    @contextlib.contextmanager
    def reading(self) -> Iterator[Self]:
        """Everything that is read inside sees one state of the file."""
        with self._db.reading():
            yield self

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Self]:
        """What is read and written inside happens as one step, or not at all."""
        with self._writing():
            yield self

    # Writing

    def add(
        self, episodes: Sequence[NewEpisode], *, link: float, now: float
    ) -> list[tuple[int, bool]]:
        """Store episodes in order; for each its id, and whether it is new."""
        with self._writing():
            added: list[tuple[int, NewEpisode]] = []
            outcome: list[tuple[int, bool]] = []
            for episode in episodes:
                id_ = node_table.find(self._space, EPISODE, episode.key)
                is_new = id_ is None
                if id_ is None:
                    id_ = node_table.add_episode(self._space, episode, link, now)
                    added.append((id_, episode))
                outcome.append((id_, is_new))
            node_table.add_contents(self._space, added)
            return outcome

    def put(self, episode: NewEpisode, *, at: float) -> tuple[int, bool]:
        """Store an episode, or let the one with its key say what it says; its id, and whether it is new."""
        with self._writing():
            known = node_table.find(self._space, EPISODE, episode.key)
            if known is None:
                id_ = node_table.add_episode(self._space, episode, 0.0, at)
                node_table.add_contents(self._space, [(id_, episode)])
                return id_, True
            node_table.replace(self._space, known, episode)
            owe_wipe(self._db)
        self._to_wipe_when_closed = (
            True  # what is put again and again shall not pay for it each time
        )
        return known, False

    def annotate(self, id_: int, metadata: Mapping[str, Json], *, was: Mapping[str, Json]) -> bool:
        """Give an episode other metadata if it still has those that it had; whether it was done."""
        with self._writing():
            return node_table.annotate(self._space, id_, metadata, was)

    def add_facts(self, facts: Sequence[NewFact], *, cluster: bytes) -> list[int]:
        """Store the facts of one cluster, with edges to and from their episodes."""
        with self._writing():
            fact_table.mark(self._space, [cluster])
            return fact_table.add(self._space, facts)

    def distil(self, distillate: Distillate) -> list[int] | None:
        """Store what a cluster gave, unless somebody was quicker; the ids of the new facts."""
        with self._writing():
            return fact_table.distil(self._space, distillate)

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
        """Mark a memory as superseded by another, and hand its edges over."""
        told = Supersession(old=old, new=new, yields=yields, because=because, handed=handed)
        with self._writing():
            superseding.supersede(self._space, told, at, rule, now)

    def revert(self, id_: int, *, at: float) -> list[int]:
        """Let a superseded memory hold again, with its edges; the ids by which it was superseded."""
        with self._writing():
            return superseding.revert(self._space, id_, at)

    def supersessions(self) -> list[Supersession]:
        """Everything that is superseded, by the id of what is."""
        with self._db.reading():
            return superseding.everything(self._space)

    def unmark(self, digests: Sequence[bytes]) -> None:
        """Forget that these clusters have been distilled."""
        with self._writing():
            fact_table.unmark(self._space, digests)

    def learn(self, lesson: Lesson) -> Learned:
        """Apply a lesson; weights change in the database, whoever else is writing."""
        with self._writing():
            self._require_known(lesson)
            cue = (
                node_table.add_cue(self._space, lesson.cue)
                if isinstance(lesson.cue, NewCue)
                else lesson.cue
            )
            pairs = [(int(a), int(b)) for a, b in lesson.pairs]
            bound = [] if cue is None else [(cue, int(id_)) for id_ in lesson.used]
            learned = Learned(
                cue=cue,
                strengthened=edge_table.strengthen(self._space, pairs, lesson.gains, lesson),
                bound=edge_table.strengthen(
                    self._space, bound, lesson.cue_gains[: len(bound)], lesson
                ),
                weakened=edge_table.weaken(self._space, lesson),
            )
            for id_ in lesson.used:
                node_table.use(self._space, int(id_), lesson.at)
            node_table.bound_history(self._space, lesson.used.tolist(), self._history)
            self._db.execute(
                "UPDATE namespace SET lessons = lessons + 1 WHERE id = ?", self._space.id
            )
            return learned

    def update(self, id_: int, episode: NewEpisode, *, at: float) -> None:
        """Replace what an episode says; history keeps the old text.

        Raises:
            NotFoundError: There is no such episode.
            StoreError: Another turn of its session says just that, by the same speaker at the same time.
        """
        with self._writing():
            node_table.note_update(self._space, id_, episode, at)
            node_table.replace(self._space, id_, episode)
            node_table.bound_history(self._space, [id_], self._history)

    def remove(self, ids: Sequence[int], *, at: float) -> list[int]:
        """Remove memories, and every fact and cue that rests on them alone; all ids that went."""
        with self._writing():
            self._to_wipe = True
            return removing.remove(self._space, ids, at)

    def scrub(self, says: Callable[[str], bool]) -> int:
        """Take the old texts of which `says` is true out of history; how many went."""
        with self._writing():
            self._to_wipe = True
            return removing.scrub(self._space, says)

    def drop(self) -> None:
        """Remove everything of this namespace, and its name; this handle may begin it anew."""
        with self._writing():
            self._to_wipe = True
            removing.drop(self._space)
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
        with self._writing():
            ids = [node_table.add_cue(self._space, cue) for cue in cues]
            found = edges(ids)
            node_table.require_all(self._space, {*found.sources.tolist(), *found.targets.tolist()})
            edge_table.put_back(self._space, found)
            fact_table.mark(self._space, marks)
            self._db.execute(
                "UPDATE namespace SET lessons = max(lessons, ?) WHERE id = ?",
                lessons,
                self._space.id,
            )
            return ids

    def prune(self, *, rule: EdgeRule, now: float) -> int:
        """Drop learned edges that have decayed below the floor, and cues without any; how many edges went."""
        with self._writing():
            n_edges = edge_table.prune(self._space, rule, now)
            unbound = removing.unbound_cues(self._space)
            self._to_wipe |= bool(removing.take_away(self._space, unbound, 0.0))
            return n_edges

    def repair(self, *, at: float, dry_run: bool) -> list[str]:
        """Mend or remove what `check` finds; for each kind what it was, and what is done."""
        mended: list[str] = []
        with contextlib.suppress(_DryRun), self._writing():
            mended = checks.mend(self._space, at)
            if dry_run:
                raise _DryRun
            if mended:
                self._to_wipe = True
                moved(self._db)
                node_table.changed(self._space, self._db.column(checks.MINE[1:-1], self._space.id))
        return mended

    # Reading

    def known(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The ids of the episodes that have one of these keys, by key."""
        with self._db.reading():
            return node_table.known(self._space, keys)

    def origins(self, ids: Sequence[int]) -> list[tuple[bytes, int | None]]:
        """The key of each of these episodes, and its offset; see `NewEpisode`."""
        with self._db.reading():
            return node_table.origins(self._space, ids)

    def heard(self, session: str, *, last: int) -> list[Heard]:
        """The latest turns of a session, `last` of them at most, oldest first."""
        with self._db.reading():
            return node_table.heard(self._space, session, last)

    def region(self, query: RegionQuery) -> RegionRows:
        """All that a search needs of the memories around a question."""
        query = replace(query, vector=self._query(query.vector))
        with self._db.reading():
            return regions.read(self._space, self._cache.current(), query)

    def nearest(self, vector: Floats, k: int, *, kinds: Sequence[NodeKind]) -> tuple[Ints, Floats]:
        """The active nodes with the highest cosine: ids and cosines, best first."""
        return self._cache.current().nearest(self._query(vector), k, kinds, None)

    def vectors(self, ids: Ints) -> NDArray[np.float32]:
        """The vectors, shape (n, dimension)."""
        index = self._cache.current()
        return index.vectors[self._rows(index, ids)]

    def nodes(self, ids: Ints) -> Nodes:
        """What is known about nodes, in the order of `ids`."""
        index = self._cache.current()
        self._rows(index, ids)
        return index.nodes(ids)

    def edges(self, sources: Ints, *, superseded: bool = False) -> Edges:
        """The stored edges that leave these nodes, between active nodes or all."""
        with self._db.reading():
            index = self._cache.current()
            return edge_table.leaving(self._space, sources, index, superseded=superseded)

    def all_edges(self, *, superseded: bool = False) -> Edges:
        """Every stored edge of the namespace, between active nodes or all."""
        with self._db.reading():
            index = self._cache.current()
            return edge_table.everything(self._space, index, superseded=superseded)

    def ids(
        self, *, kinds: Sequence[NodeKind], where: Filter | None = None, superseded: bool = False
    ) -> Ints:
        """The ids of active nodes, or of superseded ones as well, ascending."""
        with self._db.reading():
            index = self._cache.current()
            found = index.ids[index.of_kinds(kinds, superseded=superseded)]
            if where is None:
                return found
            cues = index.ids[index.of_kinds([kind for kind in kinds if kind == "cue"])]
            matching = regions.matching(self._space, index, where, superseded=superseded)
            return found[np.isin(found, np.concatenate([cues, matching]))]

    def find(self, key: bytes) -> int | None:
        """The id of the episode with this key, if there is one."""
        with self._db.reading():
            return node_table.find(self._space, EPISODE, key)

    def speakers(self) -> tuple[str, ...]:
        """The speakers, in the order of `Nodes.speakers`."""
        return self._cache.current().speakers

    def get(self, ids: Sequence[int], *, skip_missing: bool = False) -> list[Episode | Fact]:
        """The memories, in the order of `ids`."""
        wanted = [int(id_) for id_ in ids]
        with self._db.alone():
            found = {
                row[0]: rows.memory(row, self._zone)
                for row in self._db.execute(rows.MEMORIES, listed(wanted), self._space.id)
            }
        missing = [id_ for id_ in wanted if id_ not in found]
        if missing and not skip_missing:
            raise NotFoundError("memory", missing[0])
        return [found[id_] for id_ in wanted if id_ in found]

    def facts(
        self, *, superseded: bool = False, resting_on: Sequence[int] | None = None
    ) -> list[Fact]:
        """All facts, or those that rest on one of these episodes, oldest first."""
        with self._db.reading():
            ids = fact_table.ids(self._space, superseded=superseded, resting_on=resting_on)
            return [memory for memory in self.get(ids) if isinstance(memory, Fact)]

    def cues(self, ids: Ints | None = None) -> list[tuple[int, str, float]]:
        """Every cue, or those with these ids, by id: id, text, epoch seconds."""
        only = "" if ids is None else " AND id IN (SELECT value FROM json_each(?))"
        wanted = [] if ids is None else [listed(ids.tolist())]
        with self._db.reading():
            return self._db.rows(
                "SELECT id, text, at FROM node"  # noqa: S608  # our own words
                f" WHERE namespace = ? AND kind = 2{only} ORDER BY id",
                self._space.id,
                *wanted,
            )

    def clusters(self) -> set[bytes]:
        """The digests of the clusters that have been distilled."""
        with self._db.reading():
            return set(
                self._db.column("SELECT digest FROM cluster WHERE namespace = ?", self._space.id)
            )

    def history(self, id_: int) -> list[Change]:
        """What happened to a memory, oldest first, also after it was removed.

        Raises:
            NotFoundError: There never was one.
        """
        with self._db.reading():
            changes = self._db.rows(
                "SELECT event, at, text FROM history WHERE namespace = ? AND node = ?"
                " ORDER BY event <> 'added', id",
                self._space.id,
                id_,
            )
            added = self._db.find(
                "SELECT 'added', stored_at, NULL FROM node"
                " WHERE namespace = ? AND id = ? AND kind < 2",
                self._space.id,
                id_,
            )
        changes = [added, *changes] if added else changes
        if not changes:
            raise NotFoundError("memory", id_)
        return [
            Change(id=id_, event=event, at=rows.moment(at, self._zone), text=text)
            for event, at, text in changes
        ]

    def namespaces(self) -> list[Namespace]:
        """The namespaces of the file, by name, those that hold something."""
        return [
            Namespace(
                name=name,
                episodes=episodes,
                facts=facts,
                cues=cues,
                last_at=None if last is None else rows.moment(last),
            )
            for name, episodes, facts, cues, last in all_of(self._db)
        ]

    def lessons(self) -> int:
        """How many lessons have been learned."""
        with self._db.reading():
            return lessons(self._space)

    def stats(self) -> Stats:
        """How much there is."""
        with self._db.reading():
            index = self._cache.current()
            edges = self.all_edges()
            analysis = self.analysis
        columns = index.columns
        is_episode = (columns.kinds == EPISODE) & columns.active
        times = columns.at[is_episode]
        named = np.unique(columns.speakers[columns.active & (columns.speakers >= 0)])
        return Stats(
            namespace=self._name,
            embedder=analysis.embedder,
            dimension=analysis.dimension,
            language=analysis.language,
            language_version=analysis.version,
            episodes=int(is_episode.sum()),
            facts=len(index.of_kinds(["fact"])),
            cues=len(index.of_kinds(["cue"])),
            sessions=len(np.unique(columns.sessions[is_episode & (columns.sessions >= 0)])),
            speakers=tuple(index.speakers[i] for i in named),
            edges={"temporal": index.n_neighbors(), **edge_table.counted(edges, index)},
            first_at=rows.moment(float(times.min()), self._zone) if len(times) else None,
            last_at=rows.moment(float(times.max()), self._zone) if len(times) else None,
            file_bytes=self._db.file_bytes(),
            path=self._db.path,
        )

    def check(self) -> list[str]:
        """What is wrong with the file: one sentence each, none where it is sound."""
        with self._db.reading():
            return checks.wrong(self._db, self._space.id, self.analysis.dimension)

    def close(self) -> None:
        """Release the file; a closed store raises StoreError."""
        if self._to_wipe or self._to_wipe_when_closed:
            self._wipe()
            self._to_wipe = self._to_wipe_when_closed = False
        self._db.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; if it fails, nothing was changed, and the cache knows nothing of it."""
        with self._db.alone():
            if self._is_dropped:
                self._use(claimed(self._db, self._name, self._space.analysis))
            with self._cache.restored_on_failure(), self._db.writing():
                self._space.reindexings()  # refuses what another embedder has made
                require_known(self._space, self._name)
                yield
                if self._to_wipe:
                    owe_wipe(self._db)
        if self._to_wipe and not self._db.is_writing:
            self._wipe()

    # Look-ups and traces

    def _rows(self, index: NodeIndex, ids: Ints) -> Ints:
        try:
            return index.rows(ids)
        except KeyError as exc:
            raise NotFoundError("memory", exc.args[0]) from exc

    def _query(self, vector: Floats) -> NDArray[np.float32]:
        """The vector at length 1, so that its dot product with unit vectors is the cosine."""
        if vector.shape != (self._space.dimension,):
            raise ValueError(
                f"a vector here has {self._space.dimension} dimensions, not the shape {vector.shape}"
            )
        length = float(np.linalg.norm(vector))
        return np.asarray(vector / (length or 1.0), np.float32)

    def _require_known(self, lesson: Lesson) -> None:
        """Refuse a lesson about something that this namespace does not have."""
        pairs = lesson.pairs.tolist()
        for a, b in pairs:
            if a == b:
                raise ValueError(f"memory {a} cannot be wired to itself")
        named = {*lesson.used.tolist(), *(id_ for pair in pairs for id_ in pair)}
        if isinstance(lesson.cue, int):
            named.add(lesson.cue)
        node_table.require_all(self._space, named)

    def _wipe(self) -> None:
        """Take what was removed out of the log and out of the gaps between rows, too.

        While another process reads an older state, the log cannot be emptied; the next removal, or
        closing the store, tries again.
        """
        if self._db.path == IN_RAM:
            return
        self._to_wipe = True
        try:
            with self._db.alone():
                self._to_wipe = not removing.wipe(self._db)
        except StoreError as exc:
            logger.warning("what was removed may still lie in the raw file: %s", exc)
        else:
            if self._to_wipe:
                logger.warning(
                    "the log of %s still holds what was removed, since another process is reading it",
                    self._db.path,
                )
