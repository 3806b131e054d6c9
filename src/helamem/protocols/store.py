"""The interface of stores. `helamem.testing.StoreContract` tests an implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from helamem.filters import Filter
    from helamem.protocols.regions import RegionQuery, RegionRows
    from helamem.protocols.values import (
        Analysis,
        Distillate,
        EdgeRule,
        Edges,
        Floats,
        Heard,
        Ints,
        Learned,
        Lesson,
        NewCue,
        NewEpisode,
        NewFact,
        NodeKind,
        Nodes,
        Reindexed,
        Unindexed,
    )
    from helamem.records import Change, Episode, Fact, Json
    from helamem.reports import Namespace, Stats


class Reindexing(Protocol):
    """A reindexing in progress: new vectors, terms and traits, staged beside those in use.

    Staged data is durable, so that an interrupted reindexing can continue. It concerns all
    namespaces that share the store's file or tables, since their vectors have one length.
    """

    def unindexed(self, *, after: int, limit: int) -> list[Unindexed]:
        """Nodes without staged data, by ascending id after `after`.

        A node that changed after it was staged is returned again.
        """
        ...

    def stage(self, made: Sequence[Reindexed]) -> None:
        """Store the results for some nodes; nodes deleted meanwhile are skipped.

        Raises:
            StoreError: Another reindexing has begun.
        """
        ...

    def adopt(self) -> Store | None:
        """Replace the live data by the staged data, in one transaction.

        Returns:
            The store with what is in place now. A handle from before raises StoreError where its embedder or
            language is another one, and reads everything anew otherwise. None, and nothing has changed,
            where nodes have come or changed since they were asked for.

        Raises:
            StoreError: Another reindexing has begun.
        """
        ...


class Store(Protocol):
    """Everything that one namespace keeps.

    A store is a handle on one namespace: no method takes a tenant. Each method that writes is one
    transaction, and is durable when it returns; if it raises, nothing was changed. Inside `transaction()`
    it is a part of that, and as durable. Each method may be called from any thread.
    """

    @property
    def namespace(self) -> str:
        """The namespace that this handle is for."""
        ...

    @property
    def analysis(self) -> Analysis:
        """The analysis behind the vectors, terms and traits."""
        ...

    def reindexing(self, analysis: Analysis) -> Reindexing:
        """Begin or continue a reindexing; data staged for another analysis is dropped."""
        ...

    # Transactions -------------------------------------------------------------------------------

    def reading(self) -> AbstractContextManager[Store]:
        """A store whose reads all see one snapshot.

        The same thread cannot write inside the block; other threads wait.
        """
        ...

    def transaction(self) -> AbstractContextManager[Store]:
        """A store whose reads and writes form one transaction.

        Nobody else writes from its beginning to its end, so that what was read still holds when it is
        acted upon. If anything is raised, nothing was changed. No model, and no embedder, is to be asked
        inside: others wait.
        """
        ...

    # Writing ------------------------------------------------------------------------------------

    def add(
        self, episodes: Sequence[NewEpisode], *, link: float, now: float
    ) -> list[tuple[int, bool]]:
        """Store episodes in order; for each its id, and whether it is new (by its key).

        A `link` above 0 is the learned weight that a new episode and the previous turn of its session
        start with, touched at `now` (the learning clock).
        """
        ...

    def put(self, episode: NewEpisode, *, at: float) -> tuple[int, bool]:
        """Insert an episode, or replace the content of the one with its key; return its id, and whether it is new.

        What is replaced keeps its id, time, place, edges and uses. Unlike `update`, history keeps nothing of
        the old text.
        """
        ...

    def annotate(self, id_: int, metadata: Mapping[str, Json], *, was: Mapping[str, Json]) -> bool:
        """Compare-and-set an episode's metadata; return whether it was set.

        Its text, key and traits stay, and history does not record it.
        """
        ...

    def find(self, key: bytes) -> int | None:
        """The id of the episode with this key, if there is one."""
        ...

    def add_facts(self, facts: Sequence[NewFact], *, cluster: bytes) -> list[int]:
        """Store the facts of one cluster, with "source" edges (weight 1) to and from their episodes.

        The cluster's digest is recorded with them, also where there are no facts.
        """
        ...

    def distil(self, distillate: Distillate) -> list[int] | None:
        """Store the result of distilling a cluster; return the ids of the new facts.

        Returns None, and changes nothing, if one of its marks exists: another process has been
        quicker.

        Raises:
            NotFoundError: A source, or a known fact, is not there any more; nothing was changed.
        """
        ...

    def clusters(self) -> set[bytes]:
        """The digests of the clusters that have been distilled."""
        ...

    def supersede(self, old: int, new: int, *, at: float) -> None:
        """Mark a fact as superseded by a newer one: it becomes inactive, and no search returns it."""
        ...

    def learn(self, lesson: Lesson) -> Learned:
        """Apply a lesson; increments are atomic in the database."""
        ...

    def update(self, id_: int, episode: NewEpisode, *, at: float) -> None:
        """Replace what an episode says (text, metadata, vector, terms, traits).

        Its id, key, time, place and edges stay, and history keeps the old text: who hands over the old
        words again is still told that they are there.

        Raises:
            NotFoundError: There is no such episode.
            StoreError: Another turn has the same session, speaker, role, time and text.
        """
        ...

    def remove(self, ids: Sequence[int], *, at: float) -> list[int]:
        """Remove memories with their vectors, terms and edges.

        Every fact that rests on them alone goes too, and every cue that is bound to nothing else. A fact
        with other sources keeps those. A fact that was replaced by one that goes is replaced by that
        one's successor, or holds again. No text of what was removed remains in the file.

        Returns:
            All ids that went, those of facts and cues included.

        Raises:
            NotFoundError: One of the ids is not there; nothing was removed.
        """
        ...

    def scrub(self, says: Callable[[str], bool]) -> int:
        """Remove old texts for which `says` is true from history; return how many."""
        ...

    def drop(self) -> None:
        """Remove everything of this namespace: memories, history, and its name.

        Nothing of it remains in the file. What is added by this handle later begins it anew; other handles
        that are open on it raise StoreError when they write.
        """
        ...

    def restore(
        self,
        cues: Sequence[NewCue],
        edges: Callable[[list[int]], Edges],
        *,
        marks: Sequence[bytes] = (),
        lessons: int = 0,
    ) -> list[int]:
        """Put back cues, and learned edges as they were exported; the ids of the cues.

        `edges` is called once with these ids, inside the transaction, since edges name cues by id. `marks`
        are digests of what has been distilled; `lessons` is how many lessons have been learned at least.
        """
        ...

    def prune(self, *, rule: EdgeRule, now: float) -> int:
        """Drop learned edges whose decayed weight is below `rule.floor`; how many (undirected) went.

        Cues that are bound to nothing after that go with them.
        """
        ...

    def repair(self, *, at: float, dry_run: bool) -> list[str]:
        """Repair or remove what `check` finds, as far as possible; return one sentence per kind.

        A dry run does the same, and rolls it back.
        """
        ...

    # Reading ------------------------------------------------------------------------------------

    def known(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The ids of the episodes that have one of these keys, by key."""
        ...

    def origins(self, ids: Sequence[int]) -> list[tuple[bytes, int | None]]:
        """The key of each of these episodes, and its offset; see `NewEpisode`.

        Raises:
            NotFoundError: One of them is not there.
        """
        ...

    def heard(self, session: str, *, last: int) -> list[Heard]:
        """The latest turns of a session, `last` of them at most, oldest first."""
        ...

    def region(self, query: RegionQuery) -> RegionRows:
        """All that a search needs of the memories around a question, as of one moment.

        Candidates are the `nearest` memories by vector and the `lexical` best by BM25 (none that has no term),
        of those that meet `where`, both once more among those said in one of the `periods`. The region has these, what edges from
        them and from the nearest `cues` lead to within two steps, and the turns up to `reach` away from each in their sessions.
        Superseded facts and quiet episodes are left out, and are nobody's neighbors. Of equals the older comes first.

        Raises:
            ValueError: The vector has the wrong length.
        """
        ...

    def nearest(self, vector: Floats, k: int, *, kinds: Sequence[NodeKind]) -> tuple[Ints, Floats]:
        """The active nodes with the highest cosine: ids and cosines, best first, ties by id.

        Quiet episodes are not among them.
        """
        ...

    def nodes(self, ids: Ints) -> Nodes:
        """The columns of nodes, in the order of `ids`."""
        ...

    def edges(self, sources: Ints) -> Edges:
        """The stored edges that leave these nodes."""
        ...

    def all_edges(self) -> Edges:
        """Every stored edge of the namespace, for consolidation and forgetting."""
        ...

    def ids(self, *, kinds: Sequence[NodeKind], where: Filter | None = None) -> Ints:
        """The ids of active nodes, ascending; `where` restricts episodes and facts."""
        ...

    def speakers(self) -> tuple[str, ...]:
        """The speakers, in the order of `Nodes.speakers`."""
        ...

    def get(self, ids: Sequence[int], *, skip_missing: bool = False) -> list[Episode | Fact]:
        """The memories, in the order of `ids`.

        Raises:
            NotFoundError: One of them is not there, and `skip_missing` is false.
        """
        ...

    def vectors(self, ids: Ints) -> Floats:
        """The vectors, shape (n, dimension), in the order of `ids`."""
        ...

    def facts(
        self, *, superseded: bool = False, resting_on: Sequence[int] | None = None
    ) -> list[Fact]:
        """All facts, oldest first; superseded ones only when asked for.

        `resting_on` restricts them to those that rest on one of these episodes.
        """
        ...

    def cues(self, ids: Ints | None = None) -> list[tuple[int, str, float]]:
        """Every cue, or those with these ids, by id: id, text, epoch seconds."""
        ...

    def history(self, id_: int) -> list[Change]:
        """What happened to a memory, oldest first, also after it was removed."""
        ...

    def namespaces(self) -> list[Namespace]:
        """The namespaces that share the file or database with this one, by name, those that hold something."""
        ...

    def lessons(self) -> int:
        """How many lessons have been learned: the clock of decay by retrievals."""
        ...

    def stats(self) -> Stats:
        """How much there is."""
        ...

    def check(self) -> list[str]:
        """The defects of the file, one sentence each; none if it is sound."""
        ...

    def close(self) -> None:
        """Close the store, after which its methods raise StoreError."""
        ...
