"""The embedded store: one SQLite file, safe with several threads and several processes.

Every method that writes is one transaction that begins with BEGIN IMMEDIATE, so that it waits for
other writers instead of failing halfway. Vectors and columns are cached in RAM (`NodeIndex`), and
the cache follows what other processes write.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from helamem import filters
from helamem.core import lexical
from helamem.errors import EmbedderMismatchError, NotFoundError, StoreError
from helamem.protocols import CHANNELS, NODE_KINDS, Edges, Learned, NewCue, Postings
from helamem.records import Change, Episode, Fact, Stats
from helamem.stores import checks, filtering, residue, rows, weights
from helamem.stores.database import IN_RAM, PAGE_BYTES, Database
from helamem.stores.index import Columns, NodeIndex
from helamem.stores.rows import CUE, EPISODE, FACT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

    from helamem.filters import Filter
    from helamem.protocols import (
        ChangedFact,
        Distillate,
        EdgeRule,
        Floats,
        Ints,
        Lesson,
        NewEpisode,
        NewFact,
        NodeKind,
        Nodes,
        Term,
    )

logger = logging.getLogger(__name__)

MANY_CHANGES = 0.1  # beyond this share of the nodes, the cache is read anew
LEARNED, SOURCE = CHANNELS.index("learned"), CHANNELS.index("source")
FUNCTIONS: dict[str, tuple[int, Callable[..., float | str | None]]] = {
    "decayed": (4, weights.decayed),
    "strengthened": (4, weights.strengthened),
    "casefolded": (1, lambda text: text.casefold() if isinstance(text, str) else None),
}


class SQLiteStore:
    """One namespace of one SQLite file; see `protocols.Store`.

    Args:
        path: The file, made with its folders if it is not there; ":memory:" keeps all in RAM.
        namespace: The namespace that this handle is for.
        embedder_name: The embedder that vectors are made with; the file remembers it.
        dimension: The length of its vectors.
        synchronous: "full" survives a power cut, "normal" a crash of the process.
        busy_s: How many seconds to wait for other processes that write, before it is an error.

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
        busy_s: float = 10.0,
    ) -> None:
        self._name = namespace
        self._embedder = embedder_name
        self._dimension = dimension
        self._generation = -1
        self._snapshot: int | None = None
        self._index = NodeIndex.empty(dimension)
        self._to_wipe = False
        self._db = Database(str(path), synchronous=synchronous, busy_s=busy_s, functions=FUNCTIONS)
        try:
            self._claim()
            self._namespace = self._open_namespace()
        except BaseException:
            self._db.close()
            raise

    def _claim(self) -> None:
        """Record the embedder in a new file; refuse a file that another one made."""
        mine = {"embedder": self._embedder, "dimension": str(self._dimension)}
        kept = self._meta()
        if not kept:
            with self._writing():
                self._db.many("INSERT OR IGNORE INTO meta VALUES (?, ?)", list(mine.items()))
            kept = self._meta()
        if kept != mine:
            raise EmbedderMismatchError(
                expected=_spelled(kept),
                actual=_spelled(mine),
                path=self._db.path,
                namespace=self._name,
            )

    def _meta(self) -> dict[str, str]:
        with self._db.reading():
            return dict(self._db.rows("SELECT key, value FROM meta"))

    def _open_namespace(self) -> int:
        find = "SELECT id FROM namespace WHERE name = ?"
        with self._db.reading():
            found = self._db.find(find, self._name)
        if found is None:
            with self._writing():
                self._db.execute("INSERT OR IGNORE INTO namespace (name) VALUES (?)", self._name)
                found = self._db.row(find, self._name)
        return int(found[0])

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
            added: list[tuple[int, NewEpisode]] = []
            outcome: list[tuple[int, bool]] = []
            for episode in episodes:
                id_ = self._find(EPISODE, episode.key)
                is_new = id_ is None
                if id_ is None:
                    id_ = self._add_episode(episode, link, now)
                    added.append((id_, episode))
                outcome.append((id_, is_new))
            self._add_contents(added)
            return outcome

    def add_facts(self, facts: Sequence[NewFact], *, cluster: bytes) -> list[int]:
        """Store the facts of one cluster, with edges to and from their episodes."""
        with self._writing():
            self._mark([cluster])
            return self._add_facts(facts)

    def distil(self, distillate: Distillate) -> list[int] | None:
        """Store what a cluster gave, unless somebody else has done so; the ids of the new facts."""
        with self._writing():
            if not self._mark(distillate.marks):
                return None
            ids = self._add_facts(distillate.facts)
            for changed in distillate.changed:
                self._change_fact(changed, distillate.at)
            for old, index in distillate.superseded:
                self._supersede(old, ids[index], distillate.at)
            return ids

    def supersede(self, old: int, new: int, *, at: float) -> None:
        """Mark a fact as replaced by a newer one; no search returns it any more."""
        with self._writing():
            self._supersede(old, new, at)

    def learn(self, lesson: Lesson) -> Learned:
        """Apply a lesson; weights change in the database, whoever else is writing."""
        with self._writing():
            self._require_known(lesson)
            cue = self._add_cue(lesson.cue) if isinstance(lesson.cue, NewCue) else lesson.cue
            pairs = [(int(a), int(b)) for a, b in lesson.pairs]
            bound = [] if cue is None else [(cue, int(id_)) for id_ in lesson.used]
            learned = Learned(
                cue=cue,
                strengthened=self._strengthen(pairs, lesson.gains, lesson),
                bound=self._strengthen(bound, lesson.cue_gains[: len(bound)], lesson),
                weakened=self._weaken(lesson),
            )
            for id_ in lesson.used:
                self._use(int(id_), lesson.at)
            self._db.execute(
                "UPDATE namespace SET lessons = lessons + 1 WHERE id = ?", self._namespace
            )
            return learned

    def update(self, id_: int, episode: NewEpisode, *, at: float) -> None:
        """Replace what an episode says; history keeps the old text.

        Raises:
            NotFoundError: There is no such episode.
            StoreError: Another episode says just that.
        """
        with self._writing():
            old_text, old_length = self._require(id_, EPISODE)
            twin = self._find(EPISODE, episode.key)
            if twin not in (None, id_):
                raise StoreError(f"Memory {twin} says the same already. Delete one of the two.")
            self._note(id_, "updated", at, old_text)
            self._db.execute(
                "UPDATE node SET text = ?, metadata = ?, length = ?, traits = ?, key = ? WHERE id = ?",
                episode.text,
                rows.dumped(episode.metadata),
                episode.length,
                episode.traits,
                episode.key,
                id_,
            )
            self._count(-1, -old_length)
            self._remove_content(id_, was_active=True)
            self._add_contents([(id_, episode)])
            self._changed([id_])

    def remove(self, ids: Sequence[int], *, at: float) -> list[int]:
        """Remove memories, and every fact and cue that rests on them alone; all ids that went."""
        with self._writing():
            going = dict.fromkeys(int(id_) for id_ in ids)
            for id_ in going:
                self._require(id_, None)
            going |= dict.fromkeys(self._orphaned_by(list(going)))
            self._point_past(list(going))
            for id_ in going:
                self._remove_node(id_, at)
            self._changed(going)
        self._wipe()
        return list(going)

    def restore(self, cues: Sequence[NewCue], edges: Callable[[list[int]], Edges]) -> list[int]:
        """Put back cues and learned edges as they were exported; the ids of the cues."""
        with self._writing():
            ids = [self._add_cue(cue) for cue in cues]
            found = edges(ids)
            self._require_all({*found.sources.tolist(), *found.targets.tolist()})
            columns = (found.sources, found.targets, found.channels, found.weights, found.touched)
            self._db.many(
                "INSERT OR REPLACE INTO edge VALUES (?, ?, ?, ?, ?)",
                sorted(zip(*(column.tolist() for column in columns), strict=True)),
            )
            return ids

    def prune(self, *, rule: EdgeRule, now: float) -> int:
        """Drop learned edges that have decayed below the floor; how many went."""
        with self._writing():
            gone = self._db.execute(
                "DELETE FROM edge WHERE channel = ? AND decayed(weight, ? - touched, ?, ?) < ?"
                " AND source IN (SELECT id FROM node WHERE namespace = ?)",
                LEARNED, now, rule.tau, rule.floor, rule.floor, self._namespace,
            )  # fmt: skip
            return gone.rowcount // 2

    # Reading

    def reading(self) -> AbstractContextManager[None]:
        """Everything that is read inside sees one state of the file."""
        return self._db.reading()

    def nearest(
        self, vector: Floats, k: int, *, kinds: Sequence[NodeKind], within: Ints | None = None
    ) -> tuple[Ints, Floats]:
        """The active nodes with the highest cosine: ids and cosines, best first."""
        return self._current().nearest(self._query(vector), k, kinds, within)

    def similarities(self, vector: Floats, ids: Ints) -> Floats:
        """The cosine of each node with `vector`."""
        index = self._current()
        self._rows(index, ids)
        return index.similarities(self._query(vector), ids)

    def vectors(self, ids: Ints) -> NDArray[np.float32]:
        """The vectors, shape (n, dimension)."""
        index = self._current()
        return index.vectors[self._rows(index, ids)]

    def postings(self, terms: Sequence[str], *, max_rows: int) -> Postings:
        """Where the terms occur; the most frequent ones are left out beyond `max_rows` rows."""
        with self._db.reading():
            index = self._current()
            n_documents, total_length = self._db.row(
                "SELECT n_documents, total_length FROM namespace WHERE id = ?", self._namespace
            )
            numbers, frequency = self._frequencies(terms)
            found: list[tuple[int, int, int, int]] = []
            for i in np.flatnonzero(lexical.affordable(frequency, max_rows)).tolist():
                found += self._db.rows(
                    "SELECT ?, node, count, rank FROM posting WHERE term = ?", i, numbers[i]
                )
        table = np.array(found, np.int64).reshape(-1, 4)
        table = table[index.is_active(table[:, 1])]
        return Postings(
            terms=table[:, 0],
            ids=table[:, 1],
            counts=table[:, 2].astype(np.float32),
            ranks=table[:, 3],
            document_frequency=frequency,
            n_documents=n_documents,
            mean_length=total_length / n_documents if n_documents else 0.0,
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
        """The stored edges that leave these nodes, between active nodes."""
        with self._db.reading():
            index = self._current()
            mine = sources[index.is_active(sources)]
            found = self._db.rows(
                "SELECT * FROM edge WHERE source IN (SELECT value FROM json_each(?))",
                _listed(mine.tolist()),
            )
        return _between_active(rows.edges(found), index)

    def all_edges(self) -> Edges:
        """Every stored edge of the namespace, between active nodes."""
        with self._db.reading():
            index = self._current()
            found = self._db.rows(
                "SELECT * FROM edge WHERE source IN (SELECT id FROM node WHERE namespace = ?)",
                self._namespace,
            )
        return _between_active(rows.edges(found), index)

    def ids(self, *, kinds: Sequence[NodeKind], where: Filter | None = None) -> Ints:
        """The ids of active nodes, ascending; `where` restricts episodes and facts."""
        with self._db.reading():
            index = self._current()
            found = index.ids[index.of_kinds(kinds)]
            if where is None:
                return found
            cues = index.ids[index.of_kinds([kind for kind in kinds if kind == "cue"])]
            return found[np.isin(found, np.concatenate([cues, self._matching(where)]))]

    def speakers(self) -> tuple[str, ...]:
        """The speakers, in the order of `Nodes.speakers`."""
        return self._current().speakers

    def get(self, ids: Sequence[int]) -> list[Episode | Fact]:
        """The memories, in the order of `ids`."""
        wanted = [int(id_) for id_ in ids]
        with self._db.reading():
            found = {
                row[0]: row
                for row in self._db.execute(rows.MEMORIES, _listed(wanted), self._namespace)
            }
            missing = [id_ for id_ in wanted if id_ not in found]
            if missing:
                raise NotFoundError("memory", missing[0])
            sources = self._sources([id_ for id_, row in found.items() if row[1] == FACT])
        return [rows.memory(found[id_], sources) for id_ in wanted]

    def facts(self, *, superseded: bool = False) -> list[Fact]:
        """All facts, oldest first."""
        with self._db.reading():
            ids = self._db.column(
                "SELECT id FROM fact f JOIN node n ON n.id = f.node"
                " WHERE n.namespace = ? AND n.active >= ? ORDER BY id",
                self._namespace,
                not superseded,
            )
            return [memory for memory in self.get(ids) if isinstance(memory, Fact)]

    def cues(self) -> list[tuple[int, str, str, float]]:
        """Every cue: id, text, the speaker whom it names, epoch seconds."""
        with self._db.reading():
            return self._db.rows(
                "SELECT id, text, speaker, at FROM node WHERE namespace = ? AND kind = 2 ORDER BY id",
                self._namespace,
            )

    def clusters(self) -> set[bytes]:
        """The digests of the clusters that have been distilled."""
        with self._db.reading():
            return set(
                self._db.column("SELECT digest FROM cluster WHERE namespace = ?", self._namespace)
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
                self._namespace,
                id_,
            )
            added = self._db.find(
                "SELECT 'added', stored_at, NULL FROM node"
                " WHERE namespace = ? AND id = ? AND kind < 2",
                self._namespace,
                id_,
            )
        changes = [added, *changes] if added else changes
        if not changes:
            raise NotFoundError("memory", id_)
        return [
            Change(id=id_, event=event, at=rows.moment(at), text=text)
            for event, at, text in changes
        ]

    def lessons(self) -> int:
        """How many lessons have been learned."""
        with self._db.reading():
            return int(
                self._db.row("SELECT lessons FROM namespace WHERE id = ?", self._namespace)[0]
            )

    def stats(self) -> Stats:
        """How much there is."""
        with self._db.reading():
            index = self._current()
            edges = self.all_edges()
        columns = index.columns
        is_episode = columns.kinds == EPISODE
        times = columns.at[is_episode]
        named = np.unique(columns.speakers[columns.active & (columns.speakers >= 0)])
        return Stats(
            namespace=self._name,
            embedder=self._embedder,
            dimension=self._dimension,
            episodes=int(is_episode.sum()),
            facts=len(index.of_kinds(["fact"])),
            cues=len(index.of_kinds(["cue"])),
            sessions=len(np.unique(columns.sessions[is_episode])),
            speakers=tuple(index.speakers[i] for i in named),
            edges={"temporal": index.n_neighbors(), **_counted(edges, index)},
            first_at=rows.moment(float(times.min())) if len(times) else None,
            last_at=rows.moment(float(times.max())) if len(times) else None,
            file_bytes=self._db.file_bytes(),
            path=self._db.path,
        )

    def check(self) -> list[str]:
        """What is wrong with the file: one sentence each, none where it is sound."""
        with self._db.reading():
            return checks.wrong(self._db, self._namespace, self._dimension)

    def close(self) -> None:
        """Release the file; a closed store raises StoreError."""
        if self._to_wipe:
            self._wipe()
            self._to_wipe = False
        self._db.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; what the cache has read of it goes if it fails."""
        with self._db.alone():
            before = self._generation, self._index
            try:
                with self._db.writing():
                    yield
            except BaseException:
                self._generation, self._index = before
                raise

    # The index in RAM

    def _current(self) -> NodeIndex:
        """The index as of now: newer nodes are read in, and after a change all of them."""
        with self._db.reading():
            if self._db.snapshot is not None and self._db.snapshot == self._snapshot:
                return self._index
            generation, last = self._db.row(
                "SELECT generation, last_node FROM namespace WHERE id = ?", self._namespace
            )
            if generation != self._generation:
                self._index = self._corrected()
                self._generation = generation
            known = int(self._index.ids[-1]) if len(self._index.ids) else 0
            if last > known:
                self._index = self._index.extended(*self._read(self._index, "n.id > ?", known))
            self._snapshot = self._db.snapshot
            return self._index

    def _corrected(self) -> NodeIndex:
        """The index without what went since, and with what changed; empty where that is much."""
        index = self._index
        changes = self._db.column(
            "SELECT DISTINCT node FROM change WHERE namespace = ? AND generation > ?",
            self._namespace,
            self._generation,
        )
        if self._generation < 0 or len(changes) > len(index.ids) * MANY_CHANGES:
            (n,) = self._db.row("SELECT count(*) FROM node WHERE namespace = ?", self._namespace)
            return NodeIndex.empty(self._dimension, capacity=n)
        known = int(index.ids[-1]) if len(index.ids) else 0
        changed, vectors, speakers = self._read(
            index,
            "n.id IN (SELECT value FROM json_each(?))",
            _listed(id_ for id_ in changes if id_ <= known),
        )
        gone = np.setdiff1d(np.array(changes, np.int64), changed.ids)
        return index.corrected(gone, changed, vectors, speakers)

    def _read(
        self, index: NodeIndex, condition: str, value: int | str
    ) -> tuple[Columns, NDArray[np.float32], tuple[str, ...]]:
        """Some nodes, their vectors, and the speakers of the index and of these nodes."""
        found = self._db.rows(
            "SELECT id, kind, active, coalesce(session, -1), length, at, speaker, traits"  # noqa: S608
            f" FROM node n WHERE namespace = ? AND {condition} ORDER BY id",
            self._namespace,
            value,
        )
        blobs = self._db.column(
            "SELECT value FROM node n JOIN vector v ON v.node = n.id"  # noqa: S608  # our own words
            f" WHERE n.namespace = ? AND {condition} ORDER BY n.id",
            self._namespace,
            value,
        )
        names = dict.fromkeys((*index.speakers, *(row[6] for row in found if row[6])))
        number = {name: i for i, name in enumerate(names)}
        numbered = [(*row[:6], number.get(row[6], -1), row[7]) for row in found]
        return Columns.of(numbered), rows.unblobbed(blobs, self._dimension), tuple(names)

    def _rows(self, index: NodeIndex, ids: Ints) -> Ints:
        try:
            return index.rows(ids)
        except KeyError as exc:
            raise NotFoundError("memory", exc.args[0]) from exc

    def _query(self, vector: Floats) -> NDArray[np.float32]:
        """The vector at length 1, so that its dot product with unit vectors is the cosine."""
        if vector.shape != (self._dimension,):
            raise ValueError(
                f"a vector here has {self._dimension} dimensions, not the shape {vector.shape}"
            )
        length = float(np.linalg.norm(vector))
        return np.asarray(vector / (length or 1.0), np.float32)

    # Pieces of transactions: nodes

    def _add_episode(self, episode: NewEpisode, link: float, now: float) -> int:
        session = self._session(episode.session)
        before = self._last_of(session) if link > 0 else None
        id_ = self._insert_node(
            EPISODE, episode.key, episode.text, episode.speaker, episode.role, session, episode.at,
            episode.stored_at, rows.dumped(episode.metadata), episode.length, episode.traits,
        )  # fmt: skip
        if before is not None:
            self._link(before, id_, LEARNED, link, now)
        return id_

    def _add_facts(self, facts: Sequence[NewFact]) -> list[int]:
        added = [(self._add_fact(fact), fact) for fact in facts]
        self._add_contents(added)
        return [id_ for id_, _ in added]

    def _add_fact(self, fact: NewFact) -> int:
        if not fact.sources:
            raise ValueError("a fact needs at least one episode that it rests on")
        id_ = self._insert_node(
            FACT, None, fact.text, fact.speaker, "", None, fact.at,
            fact.stored_at, rows.dumped(fact.metadata), fact.length, 0,
        )  # fmt: skip
        self._db.execute("INSERT INTO fact VALUES (?, ?, ?, NULL)", id_, fact.kind, fact.confidence)
        self._add_sources(id_, fact.sources, fact.stored_at)
        return id_

    def _add_sources(self, fact: int, episodes: Iterable[int], at: float) -> None:
        for episode in sorted(set(episodes)):
            self._require(episode, EPISODE)
            self._db.execute("INSERT INTO fact_source VALUES (?, ?)", fact, episode)
            self._link(fact, episode, SOURCE, 1.0, at)

    def _add_cue(self, cue: NewCue) -> int:
        known = self._find(CUE, cue.key)
        if known is not None:
            return known
        id_ = self._insert_node(
            CUE, cue.key, cue.text, cue.speaker, "", None, cue.at, cue.at, "{}", 0, 0
        )  # fmt: skip
        self._add_vectors([(id_, cue.vector)])
        self._db.execute("UPDATE namespace SET last_node = ? WHERE id = ?", id_, self._namespace)
        return id_

    def _insert_node(self, kind: int, *values: str | bytes | float | None) -> int:
        added = self._db.execute(
            "INSERT INTO node (namespace, kind, key, text, speaker, role, session, at, stored_at,"
            " metadata, length, traits) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            self._namespace,
            kind,
            *values,
        )
        return int(added.lastrowid or 0)

    def _add_contents(self, added: Sequence[tuple[int, NewEpisode | NewFact]]) -> None:
        """What searches look at in episodes and facts, for all of them at once."""
        if not added:
            return
        self._add_vectors([(id_, each.vector) for id_, each in added])
        self._add_postings([(id_, each.terms) for id_, each in added])
        self._count(len(added), sum(each.length for _, each in added), last=added[-1][0])
        self._db.many(
            "INSERT OR IGNORE INTO usage VALUES (?, ?, ?)",
            [(id_, each.uses, each.used_at) for id_, each in added if each.uses],
        )

    def _add_vectors(self, vectors: Sequence[tuple[int, Floats]]) -> None:
        self._db.many(
            "INSERT OR REPLACE INTO vector VALUES (?, ?)",
            [(id_, rows.blob(vector, self._dimension)) for id_, vector in vectors],
        )

    def _add_postings(self, contents: Sequence[tuple[int, Sequence[Term]]]) -> None:
        documents = Counter(each.term for _, terms in contents for each in terms)
        digests = {term: rows.digest(term) for term in documents}
        self._db.many(
            "INSERT INTO term (namespace, digest, documents) VALUES (?, ?, ?)"
            " ON CONFLICT (namespace, digest) DO UPDATE SET documents = documents + excluded.documents",
            sorted((self._namespace, digests[term], n) for term, n in documents.items()),
        )
        number = {digest: id_ for digest, id_, _ in self._terms(digests.values())}
        self._db.many(
            "INSERT INTO posting VALUES (?, ?, ?, ?)",
            sorted(
                (number[digests[each.term]], id_, each.count, each.rank)
                for id_, terms in contents
                for each in terms
            ),
        )

    def _terms(self, digests: Iterable[int]) -> list[tuple[int, int, int]]:
        """Digest, number and document frequency of each term that is known."""
        return self._db.rows(
            "SELECT digest, id, documents FROM term WHERE namespace = ?"
            " AND digest IN (SELECT value FROM json_each(?))",
            self._namespace,
            _listed(digests),
        )

    def _frequencies(self, terms: Sequence[str]) -> tuple[list[int], NDArray[np.float32]]:
        """The number of each term, 0 for an unknown one, and how many active nodes have it."""
        digests = [rows.digest(term) for term in terms]
        known = {digest: (id_, n) for digest, id_, n in self._terms(digests)}
        found = [known.get(digest, (0, 0)) for digest in digests]
        return [id_ for id_, _ in found], np.array([n for _, n in found], np.float32)

    def _session(self, name: str) -> int:
        """The session's number."""
        find = "SELECT id FROM session WHERE namespace = ? AND digest = ?"
        digest = rows.digest(name)
        found = self._db.find(find, self._namespace, digest)
        if found is None:
            added = self._db.execute(
                "INSERT INTO session (namespace, digest, name) VALUES (?, ?, ?)",
                self._namespace,
                digest,
                name,
            )
            return int(added.lastrowid or 0)
        return int(found[0])

    def _last_of(self, session: int) -> int | None:
        last: int | None = self._db.row("SELECT max(id) FROM node WHERE session = ?", session)[0]
        return last

    # Pieces of transactions: facts

    def _mark(self, digests: Sequence[bytes]) -> int:
        """Record that clusters have been distilled; how many had not been."""
        return self._db.many(
            "INSERT OR IGNORE INTO cluster VALUES (?, ?)",
            [(self._namespace, digest) for digest in digests],
        )

    def _change_fact(self, fact: ChangedFact, at: float) -> None:
        self._require(fact.id, FACT)
        self._db.execute("UPDATE fact SET confidence = ? WHERE node = ?", fact.confidence, fact.id)
        self._db.execute(
            "UPDATE node SET metadata = ? WHERE id = ?", rows.dumped(fact.metadata), fact.id
        )
        known = self._sources([fact.id])[fact.id]
        self._add_sources(fact.id, set(fact.sources) - set(known), at)

    def _supersede(self, old: int, new: int, at: float) -> None:
        for id_ in (old, new):
            self._require(id_, FACT)
        later: int | None = new
        while later is not None:
            if later == old:
                raise ValueError(f"fact {new} cannot replace {old}, which it was replaced by")
            (later,) = self._db.row("SELECT superseded_by FROM fact WHERE node = ?", later)
        self._db.execute("UPDATE fact SET superseded_by = ? WHERE node = ?", new, old)
        self._set_active([old], active=False)
        self._note(old, "superseded", at)

    def _set_active(self, ids: Sequence[int], *, active: bool) -> None:
        """Let facts leave or enter what is searched, and count them out or in."""
        sign = 1 if active else -1
        flipped = self._db.rows(
            "SELECT id, length FROM node WHERE active <> ? AND id IN (SELECT value FROM json_each(?))",
            active,
            _listed(ids),
        )
        for id_, length in flipped:
            self._db.execute("UPDATE node SET active = ? WHERE id = ?", active, id_)
            self._count_terms(id_, sign)
            self._count(sign, sign * length)
        if flipped:
            self._changed(id_ for id_, _ in flipped)

    def _point_past(self, going: list[int]) -> None:
        """Let what going facts replaced be replaced by their successors; without one, it holds again."""
        gone = "superseded_by IN (SELECT value FROM json_each(?1))"
        while held := self._db.rows(f"SELECT node FROM fact WHERE {gone}", _listed(going)):  # noqa: S608
            self._db.execute(
                "UPDATE fact SET superseded_by ="  # noqa: S608  # our own words
                " (SELECT f.superseded_by FROM fact f WHERE f.node = fact.superseded_by)"
                f" WHERE {gone}",
                _listed(going),
            )
            self._set_active(
                self._db.column(
                    "SELECT node FROM fact WHERE superseded_by IS NULL"
                    " AND node IN (SELECT value FROM json_each(?))",
                    _listed(node for (node,) in held),
                ),
                active=True,
            )

    def _sources(self, facts: Sequence[int]) -> dict[int, tuple[int, ...]]:
        found: dict[int, list[int]] = {id_: [] for id_ in facts}
        for fact, episode in self._db.rows(
            "SELECT fact, episode FROM fact_source"
            " WHERE fact IN (SELECT value FROM json_each(?)) ORDER BY fact, episode",
            _listed(facts),
        ):
            found[fact].append(episode)
        return {fact: tuple(episodes) for fact, episodes in found.items()}

    # Pieces of transactions: edges

    def _link(self, a: int, b: int, channel: int, weight: float, touched: float) -> None:
        self._db.many(
            "INSERT INTO edge VALUES (?, ?, ?, ?, ?)",
            [(a, b, channel, weight, touched), (b, a, channel, weight, touched)],
        )

    def _strengthen(self, pairs: Sequence[tuple[int, int]], gains: Floats, lesson: Lesson) -> int:
        """Both directions of each pair, in ascending order, so that writers never wait in a circle."""
        rule = lesson.rule
        growing = [(pair, gain) for pair, gain in zip(pairs, gains.tolist(), strict=True) if gain]
        directed = sorted(
            (*direction, gain) for pair, gain in growing for direction in (pair, pair[::-1])
        )
        self._db.many(
            "INSERT INTO edge VALUES (?, ?, ?, strengthened(0.0, ?, ?, ?), ?)"
            " ON CONFLICT (source, target, channel) DO UPDATE SET touched = max(touched, excluded.touched), weight ="
            " strengthened(decayed(weight, excluded.touched - touched, ?, ?), ?, ?, ?)",
            [
                (
                    source, target, LEARNED, gain, rule.saturation, rule.ceiling, lesson.now,
                    rule.tau, rule.floor, gain, rule.saturation, rule.ceiling,
                )
                for source, target, gain in directed
            ],
        )  # fmt: skip
        return len(growing)

    def _weaken(self, lesson: Lesson) -> int:
        """A share of a weight is the same share of what time has left of it: `touched` stays."""
        both = sorted(
            direction for a, b in lesson.weakened.tolist() for direction in ((a, b), (b, a))
        )
        changed = self._db.many(
            "UPDATE edge SET weight = weight * ? WHERE source = ? AND target = ? AND channel = ?",
            [(lesson.keep, *direction, LEARNED) for direction in both],
        )
        return max(changed, 0) // 2

    def _require_known(self, lesson: Lesson) -> None:
        """Refuse a lesson about something that this namespace does not have."""
        pairs = lesson.pairs.tolist()
        for a, b in pairs:
            if a == b:
                raise ValueError(f"memory {a} cannot be wired to itself")
        named = {*lesson.used.tolist(), *(id_ for pair in pairs for id_ in pair)}
        if isinstance(lesson.cue, int):
            named.add(lesson.cue)
        self._require_all(named)

    def _use(self, id_: int, at: float) -> None:
        self._db.execute(
            "INSERT INTO usage VALUES (?, 1, ?)"
            " ON CONFLICT (node) DO UPDATE SET uses = uses + 1, used_at = excluded.used_at",
            id_,
            at,
        )
        self._note(id_, "used", at)

    # Pieces of transactions: removing

    def _orphaned_by(self, ids: list[int]) -> list[int]:
        """The facts that rest on nothing but these, and the cues that are bound to nothing else."""
        facts = self._db.column(
            "SELECT DISTINCT fact FROM fact_source f"
            " WHERE episode IN (SELECT value FROM json_each(?1)) AND NOT EXISTS"
            " (SELECT 1 FROM fact_source o WHERE o.fact = f.fact"
            "  AND o.episode NOT IN (SELECT value FROM json_each(?1)))",
            _listed(ids),
        )
        cues = self._db.column(
            "SELECT DISTINCT n.id FROM edge e JOIN node n ON n.id = e.target AND n.kind = 2"
            " WHERE e.source IN (SELECT value FROM json_each(?1)) AND NOT EXISTS"
            " (SELECT 1 FROM edge o WHERE o.source = n.id"
            "  AND o.target NOT IN (SELECT value FROM json_each(?1)))",
            _listed([*ids, *facts]),
        )
        return [*facts, *cues]

    def _remove_node(self, id_: int, at: float) -> None:
        kind, active, length, session, stored_at = self._db.row(
            "SELECT kind, active, length, session, stored_at FROM node WHERE id = ?", id_
        )
        if kind != CUE:
            self._note(id_, "added", stored_at)
            self._note(id_, "deleted", at)
            self._count(-active, -active * length)
        self._remove_content(id_, was_active=bool(active))
        self._db.execute(
            "DELETE FROM edge WHERE (source, target, channel) IN"
            " (SELECT target, source, channel FROM edge WHERE source = ?)",
            id_,
        )
        self._db.execute("DELETE FROM node WHERE id = ?", id_)
        self._db.execute("UPDATE history SET text = NULL WHERE node = ?", id_)
        self._db.execute(
            "DELETE FROM session WHERE id = ?1"
            " AND NOT EXISTS (SELECT 1 FROM node WHERE session = ?1)",
            session,
        )

    def _remove_content(self, id_: int, *, was_active: bool) -> None:
        """Take a memory out of the index of words, and words that nothing has any more with it."""
        terms = _listed(self._db.column("SELECT term FROM posting WHERE node = ?", id_))
        if was_active:
            self._count_terms(id_, -1)
        self._db.execute("DELETE FROM posting WHERE node = ?", id_)
        self._db.execute(
            "DELETE FROM term WHERE documents = 0 AND id IN (SELECT value FROM json_each(?))"
            " AND NOT EXISTS (SELECT 1 FROM posting WHERE term = term.id)",
            terms,
        )

    def _count_terms(self, id_: int, documents: int) -> None:
        self._db.execute(
            "UPDATE term SET documents = documents + ?"
            " WHERE id IN (SELECT term FROM posting WHERE node = ?)",
            documents,
            id_,
        )

    def _count(self, documents: int, length: int, *, last: int = 0) -> None:
        self._db.execute(
            "UPDATE namespace SET n_documents = n_documents + ?, total_length = total_length + ?,"
            " last_node = max(last_node, ?) WHERE id = ?",
            documents, length, last, self._namespace,
        )  # fmt: skip

    def _changed(self, ids: Iterable[int]) -> None:
        """Tell every cache, in this and in other processes, that nodes have changed or gone."""
        self._db.execute(
            "UPDATE namespace SET generation = generation + 1,"
            " last_node = coalesce((SELECT max(id) FROM node WHERE namespace = ?1), 0)"
            " WHERE id = ?1",
            self._namespace,
        )
        self._db.execute(
            "INSERT INTO change SELECT n.id, n.generation, j.value FROM namespace n, json_each(?) j"
            " WHERE n.id = ?",
            _listed(ids),
            self._namespace,
        )

    def _note(self, id_: int, event: str, at: float, text: str | None = None) -> None:
        self._db.execute(
            "INSERT INTO history (namespace, node, event, at, text) VALUES (?, ?, ?, ?, ?)",
            self._namespace, id_, event, at, text,
        )  # fmt: skip

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
                self._to_wipe = not self._wiped()
        except StoreError as exc:
            logger.warning("what was removed may still lie in the raw file: %s", exc)
        else:
            if self._to_wipe:
                logger.warning(
                    "the log of %s still holds what was removed, since another process is reading it",
                    self._db.path,
                )

    def _wiped(self) -> bool:
        if not self._db.empty_log():
            return False
        if not residue.has_residue(self._db.image(), PAGE_BYTES):
            return True
        self._db.execute("VACUUM")
        return self._db.empty_log()

    # Look-ups

    def _find(self, kind: int, key: bytes) -> int | None:
        found = self._db.find(
            "SELECT id FROM node WHERE namespace = ? AND kind = ? AND key = ?",
            self._namespace,
            kind,
            key,
        )
        return None if found is None else int(found[0])

    def _require(self, id_: int, kind: int | None) -> tuple[str, int]:
        """The text and length of a node of this kind.

        Raises:
            NotFoundError: There is none.
        """
        found = self._db.find(
            "SELECT kind, text, length FROM node WHERE namespace = ? AND id = ?",
            self._namespace,
            id_,
        )
        if found is None or kind not in (None, found[0]):
            raise NotFoundError("memory" if kind is None else NODE_KINDS[kind], id_)
        return found[1], found[2]

    def _require_all(self, ids: set[int]) -> None:
        found = self._db.column(
            "SELECT id FROM node WHERE namespace = ? AND id IN (SELECT value FROM json_each(?))",
            self._namespace,
            _listed(ids),
        )
        if len(found) < len(ids):
            raise NotFoundError("memory", min(ids - set(found)))

    def _matching(self, where: Filter) -> Ints:
        """The episodes and facts that meet the conditions: in SQL, and where it cannot, in Python."""
        if not filtering.expressible(where):
            return np.array(self._matching_by_hand(where, rows.FILTERABLE), np.int64)
        sql, values = filtering.condition(where)
        by_hand: list[int] = []
        if self._db.find(filtering.ANY_ODD, self._namespace):
            odd = filtering.ODD_METADATA
            by_hand = self._matching_by_hand(where, f"{rows.FILTERABLE} AND {odd}")
            sql = f"NOT ({odd}) AND {sql}"
        in_sql = self._db.column(
            "SELECT n.id FROM node n LEFT JOIN session s ON s.id = n.session"  # noqa: S608
            f" WHERE n.namespace = ? AND n.kind < 2 AND {sql}",
            self._namespace,
            *values,
        )
        return np.array(by_hand + in_sql, np.int64)

    def _matching_by_hand(self, where: Filter, query: str) -> list[int]:
        return [
            row[0]
            for row in self._db.rows(query, self._namespace)
            if filters.matches(where, rows.filterable(row))
        ]


def _between_active(edges: Edges, index: NodeIndex) -> Edges:
    """Without edges from or to facts that have been replaced."""
    if index.columns.active.all():
        return edges
    stays = index.is_active(edges.sources) & index.is_active(edges.targets)
    return Edges(
        edges.sources[stays],
        edges.targets[stays],
        edges.channels[stays],
        edges.weights[stays],
        edges.touched[stays],
    )


def _counted(edges: Edges, index: NodeIndex) -> dict[str, int]:
    """How many undirected edges there are of each kind."""
    cues = index.ids[index.of_kinds(["cue"])]
    once = edges.sources < edges.targets
    with_cue = np.isin(edges.sources, cues) | np.isin(edges.targets, cues)
    learned = once & (edges.channels == LEARNED)
    return {
        "learned": int((learned & ~with_cue).sum()),
        "cue": int((learned & with_cue).sum()),
        "source": int((once & (edges.channels == SOURCE)).sum()),
    }


def _listed(ids: Iterable[int]) -> str:
    """Ids as one value that `json_each` opens again."""
    return json.dumps(list(ids))


def _spelled(embedder: dict[str, str]) -> str:
    return f"{embedder['embedder']} ({embedder['dimension']} dimensions)"
