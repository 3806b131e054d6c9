"""The embedded store: one SQLite file, safe with several threads and several processes.

Every method that writes is one transaction that begins with BEGIN IMMEDIATE, so that it waits for
other writers instead of failing halfway. Vectors and columns are cached in RAM (`NodeIndex`), and
the cache follows what other processes write.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import threading
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import filters
from helamem.core import lexical
from helamem.core.arrays import Floats, Ints
from helamem.errors import (
    CorruptError,
    EmbedderMismatchError,
    NotFoundError,
    SchemaError,
    StoreError,
)
from helamem.protocols import CHANNELS, NODE_KINDS, Edges, Learned, NewFact, Postings
from helamem.records import Change, Episode, Fact, Stats
from helamem.stores.index import COLUMNS, NodeIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from helamem.filters import Filter
    from helamem.protocols import (
        ChangedFact,
        Distillate,
        EdgeRule,
        Lesson,
        NewCue,
        NewEpisode,
        NodeKind,
        Nodes,
        Term,
    )

APPLICATION_ID = 0x48654C61  # "HeLa"
BUSY_S = 10.0
PAGE_BYTES = 8192
EPISODE, FACT, CUE = range(3)
LEARNED, SOURCE = CHANNELS.index("learned"), CHANNELS.index("source")


class SQLiteStore:
    """One namespace of one SQLite file; see `protocols.Store`.

    Args:
        path: The file, made with its folders if it is not there; ":memory:" keeps all in RAM.
        namespace: The namespace that this handle is for.
        embedder_name: The embedder that vectors are made with; the file remembers it.
        dimension: The length of its vectors.
        synchronous: "full" survives a power cut, "normal" a crash of the process.

    Raises:
        EmbedderMismatchError: The file was made with another embedder.
        SchemaError: The file was made by a newer version.
        CorruptError: The file is damaged, or is not a helamem file.
        StoreError: The file cannot be opened or written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        namespace: str,
        embedder_name: str,
        dimension: int,
        synchronous: str = "full",
    ) -> None:
        self._path = str(path)
        self._name = namespace
        self._dimension = dimension
        self._embedder = embedder_name
        self._lock = threading.RLock()
        self._closed = False
        with _explained(self._path):
            self._db = _connect(self._path, synchronous)
        try:
            with _explained(self._path):
                _migrate(self._db, self._path)
                self._claim(embedder_name, dimension)
                self._namespace = self._open_namespace(namespace)
        except BaseException:
            self._db.close()
            raise
        self._generation = -1
        self._index = NodeIndex.empty(dimension)

    @property
    def namespace(self) -> str:
        """The namespace that this handle is for."""
        return self._name

    # Writing

    def add(
        self, episodes: Sequence[NewEpisode], *, link: float, now: float
    ) -> list[tuple[int, bool]]:
        """Store episodes in order; for each its id, and whether it is new."""
        with self._writing():
            return [self._add_episode(episode, link, now) for episode in episodes]

    def add_facts(self, facts: Sequence[NewFact], *, cluster: bytes) -> list[int]:
        """Store the facts of one cluster, with edges to and from their episodes."""
        with self._writing():
            self._db.execute(
                "INSERT OR IGNORE INTO cluster VALUES (?, ?)", (self._namespace, cluster)
            )
            return [self._add_fact(fact) for fact in facts]

    def supersede(self, old: int, new: int, *, at: float) -> None:
        """Mark a fact as replaced by a newer one; no search returns it any more."""
        with self._writing():
            self._supersede(old, new, at)

    def distil(self, distillate: Distillate) -> list[int] | None:
        """Store what a cluster gave, unless somebody else has done so; the ids of the new facts."""
        with self._writing():
            new_marks = self._db.executemany(
                "INSERT OR IGNORE INTO cluster VALUES (?, ?)",
                [(self._namespace, mark) for mark in distillate.marks],
            ).rowcount
            if not new_marks:
                return None
            ids = [self._add_fact(fact) for fact in distillate.facts]
            for changed in distillate.changed:
                self._change_fact(changed, distillate.at)
            for old, index in distillate.superseded:
                self._supersede(old, ids[index], distillate.at)
            return ids

    def learn(self, lesson: Lesson) -> Learned:
        """Apply a lesson; weights change in the database, whoever else is writing."""
        with self._writing():
            cue = self._cue(lesson)
            strengthened = self._strengthen(lesson.pairs, lesson.gains, lesson)
            bound = 0
            if cue is not None:
                pairs = np.stack([np.full(len(lesson.used), cue), lesson.used], axis=1)
                bound = self._strengthen(pairs, lesson.cue_gains, lesson)
            weakened = self._weaken(lesson)
            self._db.executemany(
                "UPDATE node SET uses = uses + 1, used_at = ? WHERE id = ?",
                [(lesson.at, int(id_)) for id_ in lesson.used],
            )
            self._db.execute(
                "UPDATE namespace SET lessons = lessons + 1 WHERE id = ?", (self._namespace,)
            )
            return Learned(cue=cue, strengthened=strengthened, bound=bound, weakened=weakened)

    def update(self, id_: int, episode: NewEpisode, *, at: float) -> None:
        """Replace what an episode says; history keeps the old text."""
        with self._writing():
            old_text, old_length = self._require(id_, EPISODE)
            self._note(id_, "updated", at, old_text)
            self._db.execute(
                "UPDATE node SET text = ?, metadata = ?, length = ?, traits = ?, key = ? WHERE id = ?",
                (
                    episode.text,
                    _dumped(episode.metadata),
                    episode.length,
                    episode.traits,
                    episode.key,
                    id_,
                ),
            )
            self._db.execute(
                "UPDATE vector SET value = ? WHERE node = ?", (_blob(episode.vector), id_)
            )
            self._db.execute("DELETE FROM posting WHERE node = ?", (id_,))
            self._add_postings(id_, episode.terms)
            self._count_documents(0, episode.length - old_length)
            self._start_anew()

    def remove(self, ids: Sequence[int], *, at: float) -> list[int]:
        """Remove memories, and every fact that rests on them alone; all ids that went."""
        with self._writing():
            going = dict.fromkeys(int(id_) for id_ in ids)
            for id_ in going:
                self._require(id_, None)
            going |= dict.fromkeys(self._orphaned_by(list(going)))
            for id_ in going:
                self._remove_node(id_, at)
            self._start_anew()
        self._wipe()
        return list(going)

    def restore(self, cues: Sequence[NewCue], edges: Callable[[list[int]], Edges]) -> list[int]:
        """Put back cues and learned edges as they were exported; the ids of the cues."""
        with self._writing():
            ids = [self._add_cue(cue) for cue in cues]
            found = edges(ids)
            rows = sorted(
                zip(*(getattr(found, name).tolist() for name in Edges.__slots__), strict=True)
            )
            self._db.executemany("INSERT OR REPLACE INTO edge VALUES (?, ?, ?, ?, ?)", rows)
            return ids

    def prune(self, *, rule: EdgeRule, now: float) -> int:
        """Drop learned edges that have decayed below the floor; how many went."""
        with self._writing():
            gone = self._db.execute(
                "DELETE FROM edge WHERE channel = ? AND weight * fading(? - touched, ?) < ?"
                " AND source IN (SELECT id FROM node WHERE namespace = ?)",
                (LEARNED, now, rule.tau, rule.floor, self._namespace),
            )
            return gone.rowcount // 2

    # Reading

    def nearest(
        self, vector: Floats, k: int, *, kinds: Sequence[NodeKind], within: Ints | None = None
    ) -> tuple[Ints, Floats]:
        """The active nodes with the highest cosine: ids and cosines, best first."""
        return self._current().nearest(vector, k, kinds, within)

    def similarities(self, vector: Floats, ids: Ints) -> Floats:
        """The cosine of each node with `vector`."""
        index = self._current()
        return np.asarray(index.vectors[self._rows(index, ids)] @ np.asarray(vector, np.float32))

    def vectors(self, ids: Ints) -> Floats:
        """The vectors, shape (n, dimension)."""
        index = self._current()
        return np.asarray(index.vectors[self._rows(index, ids)])

    def postings(self, terms: Sequence[str], *, max_rows: int) -> Postings:
        """Where the terms occur; the most frequent ones are left out beyond `max_rows` rows."""
        with self._reading():
            frequency = [
                self._row(
                    "SELECT count(*) FROM posting WHERE namespace = ? AND term = ?",
                    self._namespace,
                    term,
                )[0]
                for term in terms
            ]
            df = np.array(frequency, np.float32)
            rows: list[tuple[int, int, int, int]] = []
            for i in np.flatnonzero(lexical.affordable(df, max_rows)):
                rows += self._db.execute(
                    "SELECT ?, node, count, rank FROM posting WHERE namespace = ? AND term = ?",
                    (int(i), self._namespace, terms[i]),
                ).fetchall()
            n, total = self._row(
                "SELECT n_documents, total_length FROM namespace WHERE id = ?", self._namespace
            )
        table = np.array(rows, np.int64).reshape(-1, 4)
        return Postings(
            terms=table[:, 0],
            ids=table[:, 1],
            counts=table[:, 2].astype(np.float32),
            ranks=table[:, 3],
            document_frequency=df,
            n_documents=n,
            mean_length=total / n if n else 0.0,
        )

    def nodes(self, ids: Ints) -> Nodes:
        """What is known about nodes, in the order of `ids`."""
        index = self._current()
        self._rows(index, ids)
        return index.nodes(ids)

    def around(self, ids: Ints, reach: int) -> Ints:
        """These nodes, and the turns up to `reach` away in their sessions; ascending."""
        index = self._current()
        self._rows(index, ids)
        return index.around(ids, reach)

    def edges(self, sources: Ints) -> Edges:
        """The stored edges that leave these nodes."""
        return self._edges(
            "WHERE source IN (SELECT value FROM json_each(?))", json.dumps(sources.tolist())
        )

    def all_edges(self) -> Edges:
        """Every stored edge of the namespace."""
        return self._edges(
            "WHERE source IN (SELECT id FROM node WHERE namespace = ?)", self._namespace
        )

    def ids(self, *, kinds: Sequence[NodeKind], where: Filter | None = None) -> Ints:
        """The ids of active nodes, ascending."""
        index = self._current()
        found: Ints = index.ids[index.of_kinds(kinds)]
        if where is None:
            return found
        return np.array(
            [id_ for id_, row in self._filter_rows(found) if filters.matches(where, row)], np.int64
        )

    def speakers(self) -> tuple[str, ...]:
        """The speakers, in the order of `Nodes.speakers`."""
        return self._current().speakers

    def get(self, ids: Sequence[int]) -> list[Episode | Fact]:
        """The memories, in the order of `ids`."""
        wanted = [int(id_) for id_ in ids]
        with self._reading():
            rows = {
                row[0]: row
                for row in self._db.execute(
                    f"SELECT {_MEMORY} FROM node n LEFT JOIN session s ON s.id = n.session"  # noqa: S608  # constants
                    " LEFT JOIN fact f ON f.node = n.id"
                    " WHERE n.id IN (SELECT value FROM json_each(?)) AND n.namespace = ? AND n.kind < 2",
                    (json.dumps(wanted), self._namespace),
                )
            }
            for id_ in wanted:
                if id_ not in rows:
                    raise NotFoundError("memory", id_)
            sources = self._sources([id_ for id_ in wanted if rows[id_][1] == FACT])
        return [_memory(rows[id_], sources) for id_ in wanted]

    def facts(self, *, superseded: bool = False) -> list[Fact]:
        """All facts, oldest first."""
        with self._reading():
            ids = self._column(
                "SELECT id FROM node WHERE namespace = ? AND kind = 1 AND active >= ? ORDER BY id",
                self._namespace,
                0 if superseded else 1,
            )
            return [memory for memory in self.get(ids) if isinstance(memory, Fact)]

    def cues(self) -> list[tuple[int, str, float]]:
        """Every cue: id, text, epoch seconds."""
        with self._reading():
            return self._db.execute(
                "SELECT id, text, at FROM node WHERE namespace = ? AND kind = 2 ORDER BY id",
                (self._namespace,),
            ).fetchall()

    def clusters(self) -> set[bytes]:
        """The digests of the clusters that have been distilled."""
        with self._reading():
            return set(
                self._column("SELECT digest FROM cluster WHERE namespace = ?", self._namespace)
            )

    def history(self, id_: int) -> list[Change]:
        """What happened to a memory, oldest first."""
        with self._reading():
            changes = self._db.execute(
                "SELECT event, at, text FROM history WHERE namespace = ? AND node = ? ORDER BY id",
                (self._namespace, id_),
            ).fetchall()
            added = self._db.execute(
                "SELECT stored_at FROM node WHERE namespace = ? AND id = ? AND kind < 2",
                (self._namespace, id_),
            ).fetchone()
        if added is not None:
            changes.insert(0, ("added", added[0], None))
        if not changes:
            raise NotFoundError("memory", id_)
        return [
            Change(id=id_, event=event, at=_moment(at), text=text) for event, at, text in changes
        ]

    def lessons(self) -> int:
        """How many lessons have been learned."""
        with self._reading():
            return int(self._row("SELECT lessons FROM namespace WHERE id = ?", self._namespace)[0])

    def stats(self) -> Stats:
        """How much there is."""
        index = self._current()
        kinds = index.columns["kinds"]
        sessions = index.columns["sessions"]
        edges = self.all_edges()
        to_cue = np.isin(edges.sources, index.ids[kinds == CUE])
        from_cue = np.isin(edges.targets, index.ids[kinds == CUE])
        times = index.columns["at"][kinds == EPISODE]
        learned = edges.channels == LEARNED
        return Stats(
            namespace=self._name,
            embedder=self._embedder,
            dimension=self._dimension,
            episodes=int((kinds == EPISODE).sum()),
            facts=len(index.of_kinds(["fact"])),
            cues=int((kinds == CUE).sum()),
            sessions=len(np.unique(sessions[kinds == EPISODE])),
            speakers=index.speakers,
            edges={
                "temporal": index.n_neighbors(),
                "learned": int((learned & ~to_cue & ~from_cue).sum()) // 2,
                "cue": int((learned & to_cue).sum()),
                "source": int((edges.channels == SOURCE).sum()) // 2,
            },
            first_at=_moment(float(times.min())) if len(times) else None,
            last_at=_moment(float(times.max())) if len(times) else None,
            file_bytes=self._file_bytes(),
            path=self._path,
        )

    def check(self) -> list[str]:
        """What is wrong with the file: one sentence each, none where it is sound."""
        with self._reading():
            wrong = [
                f"SQLite says: {line}"
                for line in self._column("PRAGMA integrity_check")
                if line != "ok"
            ]
            wrong += [
                f"table {row[0]}, row {row[1]} refers to a row of {row[2]} that is not there"
                for row in self._db.execute("PRAGMA foreign_key_check")
            ]
            for query, complaint in _CHECKS:
                (count,) = self._row(
                    query, {"namespace": self._namespace, "bytes": 4 * self._dimension}
                )
                if count:
                    wrong.append(complaint.format(count))
            return wrong

    def close(self) -> None:
        """Release the file; a closed store raises StoreError."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._db.close()

    # Opening

    def _claim(self, embedder: str, dimension: int) -> None:
        """Record the embedder in a new file; refuse a file that another one made."""
        mine = {"embedder": embedder, "dimension": str(dimension)}
        with _transaction(self._db):
            self._db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", mine.items())
            kept = dict(self._db.execute("SELECT key, value FROM meta").fetchall())
        if any(kept[key] != value for key, value in mine.items()):
            raise EmbedderMismatchError(
                expected=_spelled(kept), actual=_spelled(mine), path=self._path
            )

    def _open_namespace(self, name: str) -> int:
        with _transaction(self._db):
            self._db.execute("INSERT OR IGNORE INTO namespace (name) VALUES (?)", (name,))
            return int(self._row("SELECT id FROM namespace WHERE name = ?", name)[0])

    # Transactions

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, _explained(self._path):
            self._require_open()
            with _transaction(self._db):
                yield

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock, _explained(self._path):
            self._require_open()
            yield

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError(
                f"The memory in {self._path} is closed. Open it again with Memory(...)."
            )

    def _row(self, query: str, *values: Any) -> tuple[Any, ...]:
        bound = values[0] if values and isinstance(values[0], dict) else values
        row: tuple[Any, ...] = self._db.execute(query, bound).fetchone()
        return row

    def _column(self, query: str, *values: Any) -> list[Any]:
        return [row[0] for row in self._db.execute(query, values)]

    # The index in RAM

    def _current(self) -> NodeIndex:
        """The index as of now: newer nodes are read in, and after a change all of them."""
        with self._reading():
            generation, last = self._row(
                "SELECT generation, last_node FROM namespace WHERE id = ?", self._namespace
            )
            if generation != self._generation:
                self._index = NodeIndex.empty(self._dimension)
                self._generation = generation
            known = int(self._index.ids[-1]) if len(self._index.ids) else 0
            if last > known:
                self._index = self._read_newer(self._index, known, last)
            return self._index

    def _read_newer(self, index: NodeIndex, known: int, last: int) -> NodeIndex:
        rows = self._db.execute(
            "SELECT n.id, kind, active, coalesce(session, -1), coalesce(position, -1), length, at,"
            " speaker, traits, value FROM node n JOIN vector v ON v.node = n.id"
            " WHERE namespace = ? AND n.id > ? AND n.id <= ? ORDER BY n.id",
            (self._namespace, known, last),
        ).fetchall()
        *columns, blobs = zip(*rows, strict=True)
        names = dict.fromkeys((*index.speakers, *(name for name in columns[7] if name)))
        number = {name: i for i, name in enumerate(names)}
        columns[7] = [number.get(name, -1) for name in columns[7]]
        typed = {
            name: np.array(values, dtype)
            for (name, dtype), values in zip(COLUMNS, columns, strict=True)
        }
        vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(len(rows), self._dimension)
        return index.extended(typed, vectors, tuple(names))

    def _rows(self, index: NodeIndex, ids: Ints) -> Ints:
        try:
            return index.rows(ids)
        except KeyError as exc:
            raise NotFoundError("memory", exc.args[0]) from exc

    # Pieces of transactions

    def _add_episode(self, episode: NewEpisode, link: float, now: float) -> tuple[int, bool]:
        known = self._find(episode.key)
        if known is not None:
            return known, False
        session, position = self._place(episode.session)
        before = self._last_of(session) if link else None
        id_ = self._add_node(
            EPISODE,
            key=episode.key,
            text=episode.text,
            speaker=episode.speaker,
            role=episode.role,
            session=session,
            position=position,
            at=episode.at,
            stored_at=episode.stored_at,
            metadata=_dumped(episode.metadata),
            length=episode.length,
            traits=episode.traits,
            uses=episode.uses,
            used_at=episode.used_at,
        )
        self._add_content(id_, episode.vector, episode.terms, episode.length)
        if before is not None:
            self._link(before, id_, LEARNED, link, now)
        return id_, True

    def _add_fact(self, fact: NewFact) -> int:
        for source in fact.sources:
            self._require(source, EPISODE)
        id_ = self._add_node(
            FACT,
            text=fact.text,
            speaker=fact.speaker,
            at=fact.at,
            stored_at=fact.stored_at,
            metadata=_dumped(fact.metadata),
            length=fact.length,
            uses=fact.uses,
            used_at=fact.used_at,
        )
        self._add_content(id_, fact.vector, fact.terms, fact.length)
        self._db.execute(
            "INSERT INTO fact VALUES (?, ?, ?, NULL)", (id_, fact.kind, fact.confidence)
        )
        for source in sorted(set(fact.sources)):
            self._db.execute("INSERT INTO fact_source VALUES (?, ?)", (id_, source))
            self._link(id_, source, SOURCE, 1.0, fact.stored_at)
        return id_

    def _change_fact(self, fact: ChangedFact, at: float) -> None:
        self._require(fact.id, FACT)
        self._db.execute(
            "UPDATE fact SET confidence = ? WHERE node = ?", (fact.confidence, fact.id)
        )
        self._db.execute(
            "UPDATE node SET metadata = ? WHERE id = ?", (_dumped(fact.metadata), fact.id)
        )
        known = self._sources([fact.id])[fact.id]
        for source in sorted(set(fact.sources) - set(known)):
            self._require(source, EPISODE)
            self._db.execute("INSERT INTO fact_source VALUES (?, ?)", (fact.id, source))
            self._link(fact.id, source, SOURCE, 1.0, at)

    def _supersede(self, old: int, new: int, at: float) -> None:
        for id_ in (old, new):
            self._require(id_, FACT)
        self._db.execute("UPDATE fact SET superseded_by = ? WHERE node = ?", (new, old))
        active, length = self._row("SELECT active, length FROM node WHERE id = ?", old)
        self._db.execute("UPDATE node SET active = 0 WHERE id = ?", (old,))
        self._db.execute("DELETE FROM posting WHERE node = ?", (old,))
        self._note(old, "superseded", at)
        if active:
            self._count_documents(-1, -length)
        self._start_anew()

    def _cue(self, lesson: Lesson) -> int | None:
        if lesson.cue is None or isinstance(lesson.cue, int):
            return lesson.cue
        return self._add_cue(lesson.cue)

    def _add_cue(self, cue: NewCue) -> int:
        known = self._find(cue.key)
        if known is not None:
            return known
        id_ = self._add_node(CUE, key=cue.key, text=cue.text, at=cue.at, stored_at=cue.at)
        self._db.execute("INSERT INTO vector VALUES (?, ?)", (id_, _blob(cue.vector)))
        return id_

    def _add_node(self, kind: int, **columns: Any) -> int:
        columns |= {"namespace": self._namespace, "kind": kind}
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        added = self._db.execute(
            f"INSERT INTO node ({names}) VALUES ({marks})",  # noqa: S608  # our own column names
            tuple(columns.values()),
        )
        self._db.execute(
            "UPDATE namespace SET last_node = ? WHERE id = ?", (added.lastrowid, self._namespace)
        )
        return int(added.lastrowid or 0)

    def _add_content(self, id_: int, vector: Floats, terms: Sequence[Term], length: int) -> None:
        self._db.execute("INSERT INTO vector VALUES (?, ?)", (id_, _blob(vector)))
        self._add_postings(id_, terms)
        self._count_documents(1, length)

    def _add_postings(self, id_: int, terms: Sequence[Term]) -> None:
        self._db.executemany(
            "INSERT INTO posting VALUES (?, ?, ?, ?, ?)",
            [(self._namespace, each.term, id_, each.count, each.rank) for each in terms],
        )

    def _place(self, session: str) -> tuple[int, int]:
        """The session's number, and the position of its next turn."""
        row = self._db.execute(
            "INSERT INTO session (namespace, name, next) VALUES (?, ?, 1)"
            " ON CONFLICT (namespace, name) DO UPDATE SET next = next + 1 RETURNING id, next - 1",
            (self._namespace, session),
        ).fetchone()
        return int(row[0]), int(row[1])

    def _last_of(self, session: int) -> int | None:
        row = self._db.execute(
            "SELECT id FROM node WHERE namespace = ? AND session = ? ORDER BY position DESC LIMIT 1",
            (self._namespace, session),
        ).fetchone()
        return None if row is None else int(row[0])

    def _link(self, a: int, b: int, channel: int, weight: float, touched: float) -> None:
        self._db.executemany(
            "INSERT INTO edge VALUES (?, ?, ?, ?, ?)",
            [(a, b, channel, weight, touched), (b, a, channel, weight, touched)],
        )

    def _strengthen(self, pairs: Ints, gains: Floats, lesson: Lesson) -> int:
        """Both directions of each pair, in ascending order, so that writers never wait in a circle."""
        rule = lesson.rule
        rows = sorted(
            (int(source), int(target), float(gain))
            for (a, b), gain in zip(pairs, gains, strict=True)
            for source, target in ((a, b), (b, a))
        )
        for source, target, _ in rows:
            if source == target:
                raise ValueError(f"memory {source} cannot be wired to itself")
        self._require_all({source for source, _, _ in rows})
        self._db.executemany(
            "INSERT INTO edge VALUES (:source, :target, :channel, min(:ceiling, :gain), :now)"
            " ON CONFLICT DO UPDATE SET touched = excluded.touched, weight ="
            " strengthened(weight, :now - touched, :gain, :tau, :floor, :saturation, :ceiling)",
            [
                {
                    "source": source,
                    "target": target,
                    "channel": LEARNED,
                    "gain": gain,
                    "now": lesson.now,
                    "tau": rule.tau,
                    "floor": rule.floor,
                    "saturation": rule.saturation,
                    "ceiling": rule.ceiling,
                }
                for source, target, gain in rows
            ],
        )
        return len(rows) // 2

    def _weaken(self, lesson: Lesson) -> int:
        changed = 0
        for a, b in sorted((int(a), int(b)) for a, b in lesson.weakened):
            for source, target in ((a, b), (b, a)):
                changed += self._db.execute(
                    "UPDATE edge SET weight = weight * ? WHERE source = ? AND target = ? AND channel = ?",
                    (lesson.keep, source, target, LEARNED),
                ).rowcount
        return changed // 2

    def _orphaned_by(self, ids: list[int]) -> list[int]:
        """The facts that rest on nothing but these."""
        return self._column(
            "SELECT DISTINCT fact FROM fact_source WHERE episode IN (SELECT value FROM json_each(?1))"
            " AND fact NOT IN (SELECT fact FROM fact_source"
            " WHERE episode NOT IN (SELECT value FROM json_each(?1)))",
            json.dumps(ids),
        )

    def _remove_node(self, id_: int, at: float) -> None:
        row = self._db.execute(
            "SELECT kind, active, length, session, position FROM node WHERE id = ?", (id_,)
        ).fetchone()
        if row is None:
            return
        kind, active, length, session, position = row
        if active and kind != CUE:
            self._count_documents(-1, -length)
        self._db.execute("UPDATE fact SET superseded_by = NULL WHERE superseded_by = ?", (id_,))
        for statement in _REMOVALS:
            self._db.execute(statement, (id_,))
        self._db.execute("UPDATE history SET text = NULL WHERE node = ?", (id_,))
        self._note(id_, "deleted", at)

    def _count_documents(self, documents: int, length: int) -> None:
        self._db.execute(
            "UPDATE namespace SET n_documents = n_documents + ?, total_length = total_length + ?"
            " WHERE id = ?",
            (documents, length, self._namespace),
        )

    def _start_anew(self) -> None:
        """Tell every cache, in this and in other processes, that old rows have changed."""
        self._db.execute(
            "UPDATE namespace SET generation = generation + 1,"
            " last_node = coalesce((SELECT max(id) FROM node WHERE namespace = ?1), 0) WHERE id = ?1",
            (self._namespace,),
        )

    def _note(self, id_: int, event: str, at: float, text: str | None = None) -> None:
        self._db.execute(
            "INSERT INTO history (namespace, node, event, at, text) VALUES (?, ?, ?, ?, ?)",
            (self._namespace, id_, event, at, text),
        )

    def _wipe(self) -> None:
        """Take what was removed out of the write-ahead log too; freed pages are zeroed already.

        Another process that is reading keeps the log from being emptied; its next checkpoint does it.
        """
        with self._reading():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _find(self, key: bytes) -> int | None:
        row = self._db.execute(
            "SELECT id FROM node WHERE namespace = ? AND key = ?", (self._namespace, key)
        ).fetchone()
        return None if row is None else int(row[0])

    def _require(self, id_: int, kind: int | None) -> tuple[str, int]:
        """The text and length of a memory of this kind.

        Raises:
            NotFoundError: There is none.
        """
        row = self._db.execute(
            "SELECT kind, text, length FROM node WHERE namespace = ? AND id = ? AND kind < 2",
            (self._namespace, id_),
        ).fetchone()
        if row is None or kind not in (None, row[0]):
            raise NotFoundError("memory" if kind is None else NODE_KINDS[kind], id_)
        return row[1], row[2]

    def _require_all(self, ids: set[int]) -> None:
        found = set(
            self._column(
                "SELECT id FROM node WHERE namespace = ? AND id IN (SELECT value FROM json_each(?))",
                self._namespace,
                json.dumps(sorted(ids)),
            )
        )
        if found != ids:
            raise NotFoundError("memory", min(ids - found))

    def _sources(self, facts: list[int]) -> dict[int, tuple[int, ...]]:
        found: dict[int, list[int]] = {id_: [] for id_ in facts}
        if facts:
            for fact, episode in self._db.execute(
                "SELECT fact, episode FROM fact_source WHERE fact IN (SELECT value FROM json_each(?))"
                " ORDER BY fact, episode",
                (json.dumps(facts),),
            ):
                found[fact].append(episode)
        return {fact: tuple(episodes) for fact, episodes in found.items()}

    def _edges(self, where: str, value: Any) -> Edges:
        with self._reading():
            rows = self._db.execute(
                f"SELECT source, target, channel, weight, touched FROM edge {where}",  # noqa: S608  # our own words
                (value,),
            ).fetchall()
        table = np.array(rows, np.float64).reshape(-1, 5)
        return Edges(
            sources=table[:, 0].astype(np.int64),
            targets=table[:, 1].astype(np.int64),
            channels=table[:, 2].astype(np.int64),
            weights=table[:, 3].astype(np.float32),
            touched=table[:, 4],
        )

    def _filter_rows(self, ids: Ints) -> list[tuple[int, dict[str, Any]]]:
        """The memories as `filters.matches` takes them."""
        with self._reading():
            rows = self._db.execute(
                "SELECT n.id, kind, speaker, role, s.name, at, stored_at, metadata FROM node n"
                " LEFT JOIN session s ON s.id = n.session WHERE n.namespace = ? AND kind < 2 ORDER BY n.id",
                (self._namespace,),
            ).fetchall()
        wanted = set(ids.tolist())
        names = ("id", "kind", "speaker", "role", "session", "at", "stored_at", "metadata")
        return [
            (row[0], _filterable(dict(zip(names, row, strict=True))))
            for row in rows
            if row[0] in wanted
        ]

    def _file_bytes(self) -> int:
        if self._path == ":memory:":
            return 0
        files = (Path(self._path + suffix) for suffix in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())


_MEMORY = (
    "n.id, n.kind, n.text, n.speaker, n.role, s.name, n.at, n.stored_at, n.metadata, n.uses, n.used_at,"
    " f.kind, f.confidence, f.superseded_by"
)

_REMOVALS = (
    "DELETE FROM vector WHERE node = ?",
    "DELETE FROM posting WHERE node = ?",
    "DELETE FROM edge WHERE (target, source) IN (SELECT source, target FROM edge WHERE source = ?)",
    "DELETE FROM edge WHERE source = ?",
    "DELETE FROM fact_source WHERE fact = ?",
    "DELETE FROM fact_source WHERE episode = ?",
    "DELETE FROM fact WHERE node = ?",
    "DELETE FROM node WHERE id = ?",
)

_CHECKS = (
    (
        "SELECT count(*) FROM vector v JOIN node n ON n.id = v.node"
        " WHERE n.namespace = :namespace AND length(value) <> :bytes",
        "{} vectors have the wrong length",
    ),
    (
        "SELECT count(*) FROM node WHERE namespace = :namespace"
        " AND id NOT IN (SELECT node FROM vector)",
        "{} nodes have no vector",
    ),
    (
        "SELECT count(*) FROM namespace WHERE id = :namespace AND (n_documents, total_length) <>"
        " (SELECT count(*), coalesce(sum(length), 0) FROM node"
        "  WHERE namespace = :namespace AND active AND kind < 2)",
        "the counted number or length of documents is not the real one",
    ),
    (
        "SELECT count(*) FROM edge e WHERE source IN (SELECT id FROM node WHERE namespace = :namespace)"
        " AND NOT EXISTS (SELECT 1 FROM edge r WHERE r.source = e.target AND r.target = e.source"
        "  AND r.channel = e.channel)",
        "{} edges lead one way only",
    ),
)


def _connect(path: str, synchronous: str) -> sqlite3.Connection:
    if path != ":memory:":
        _make_folder(Path(path))
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("PRAGMA cache_size = -64000")
        db.execute("PRAGMA journal_size_limit = 1048576")
        db.execute(f"PRAGMA synchronous = {'FULL' if synchronous == 'full' else 'NORMAL'}")
        db.create_function("fading", 2, _fading, deterministic=True)
        db.create_function("strengthened", 7, _strengthened, deterministic=True)
        if path != ":memory:":
            _require_ours(db, path)
            db.execute("PRAGMA journal_mode = WAL").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _make_folder(path: Path) -> None:
    if path.is_dir():
        raise StoreError(
            f"{path} is a folder. Give the path of a file, for example {path / 'memory.db'}."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StoreError(f"The folder {path.parent} cannot be made: {exc.strerror}.") from exc


def _require_ours(db: sqlite3.Connection, path: str) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (n_tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if n_tables and application != APPLICATION_ID:
        raise CorruptError(
            f"{path} is an SQLite file of another application. Give helamem a file of its own."
        )


def _migrate(db: sqlite3.Connection, path: str) -> None:
    """Bring the schema up to date, each step in a transaction of its own."""
    steps = _migrations()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(steps):
        raise SchemaError(
            f"{path} has schema {version}, and this version of helamem knows {len(steps)}. "
            "Install a newer one: pip install -U helamem"
        )
    for number, script in enumerate(steps[version:], start=version + 1):
        with _transaction(db):
            (current,) = db.execute("PRAGMA user_version").fetchone()
            if current >= number:  # another process was faster
                continue
            for statement in _statements(script):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number}")


def _migrations() -> list[str]:
    folder = resources.files("helamem.stores") / "migrations"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name
    )
    return [file.read_text(encoding="utf-8") for file in files]


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; `executescript` would commit the transaction at hand."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    try:
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


_ADVICE = (
    ("not a database", CorruptError, "{path} is not a helamem file, or its beginning is damaged. Restore a backup, or give another path."),
    ("malformed", CorruptError, "{path} is damaged. Restore a backup, or save what can be read: sqlite3 {path} .recover"),
    ("disk is full", StoreError, "The disk that holds {path} is full. Nothing was stored; free some space and try again."),
    ("readonly", StoreError, "{path} cannot be written. Check the rights of the file and of its folder; SQLite writes beside it too."),
    ("unable to open", StoreError, "{path} cannot be opened. Check that its folder exists and that you may write there."),
    ("locked", StoreError, "Another process has been writing to {path} for more than 10 seconds. Nothing was stored; try again."),
)  # fmt: skip


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn SQLite's errors into ours, saying what to do."""
    try:
        yield
    except sqlite3.Error as exc:
        for sign, kind, advice in _ADVICE:
            if sign in str(exc):
                raise kind(advice.format(path=path)) from exc
        raise StoreError(f"SQLite could not do that to {path}: {exc}") from exc


def _fading(age: float, tau: float) -> float:
    return math.exp(-age / tau)


def _strengthened(
    weight: float,
    age: float,
    gain: float,
    tau: float,
    floor: float,
    saturation: float,
    ceiling: float,
) -> float:
    """`EdgeRule`, for one weight."""
    decayed = weight * math.exp(-age / tau)
    decayed = 0.0 if decayed < floor else decayed
    return min(ceiling, decayed + gain * (1.0 - saturation * decayed))


def _memory(row: tuple[Any, ...], sources: dict[int, tuple[int, ...]]) -> Episode | Fact:
    id_, kind, text, speaker, role, session, at, stored_at, metadata, uses, used_at, *fact = row
    shared = {
        "id": id_,
        "text": text,
        "speaker": speaker,
        "at": _moment(at),
        "stored_at": _moment(stored_at),
        "metadata": json.loads(metadata),
        "uses": uses,
        "used_at": None if used_at is None else _moment(used_at),
    }
    if kind == EPISODE:
        return Episode(role=role, session=session, **shared)
    return Fact(
        kind=fact[0], confidence=fact[1], superseded_by=fact[2], sources=sources[id_], **shared
    )


def _filterable(row: dict[str, Any]) -> dict[str, Any]:
    row["kind"] = NODE_KINDS[row["kind"]]
    row["metadata"] = json.loads(row["metadata"])
    if row["session"] is None:
        del row["session"]
    return row


def _spelled(embedder: dict[str, str]) -> str:
    return f"{embedder['embedder']} ({embedder['dimension']} dimensions)"


def _blob(vector: Floats) -> bytes:
    return np.ascontiguousarray(vector, "<f4").tobytes()


def _dumped(metadata: Any) -> str:
    return json.dumps(dict(metadata), separators=(",", ":"))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
