"""The interface of stores. `helamem.testing.StoreContract` tests an implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from helamem.protocols.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from helamem.protocols.graph import EdgeRule, Edges
    from helamem.protocols.reindexing import Analysis, Reindexed, Unindexed
    from helamem.protocols.values import (
        Distillate,
        Handed,
        Learned,
        Lesson,
        NewCue,
        NewEpisode,
        NewFact,
        Step,
        Supersession,
        Undone,
    )
    from helamem.records import Json


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
        """Store the results for some nodes of the last batch; those deleted or changed meanwhile are skipped.

        Raises:
            StoreError: Another reindexing has begun.
        """
        ...

    def adopt(self) -> Store | None:
        """Replace the live data by the staged data, in one transaction.

        Returns:
            The store with the new data. Older handles raise StoreError if the embedder or language is
            another one, and otherwise read everything again. None, without changes, if nodes were added or
            changed since `unindexed`.

        Raises:
            StoreError: Another reindexing has begun.
        """
        ...


class Store(Reading, Protocol):
    """The data of one namespace.

    A store is a handle on one namespace: no method takes a tenant. Each method that writes is one transaction,
    durable when it returns; if it raises, nothing was changed. Inside `transaction()` it is a part of that
    transaction. Each method may be called from any thread.
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
        """A store whose reads all see one snapshot, as of the first of them; it writes nothing.

        It is valid inside the block only, and does not see writes of this store meanwhile.
        """
        ...

    def transaction(self) -> AbstractContextManager[Store]:
        """A store whose reads and writes form one transaction.

        Nobody else writes from its beginning to its end, so that decisions rest on what is there. If the
        block raises, nothing was changed. Its writes are visible to its own reads only. It is valid inside
        the block only; never call a model or an embedder there, since others wait.
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

        The episode keeps its id, time, place, edges and uses. Unlike `update`, history keeps nothing of the
        old text.

        Raises:
            StoreError: The episode with its key was superseded.
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

        The cluster's digest is recorded with them, even if there are no facts.
        """
        ...

    def distil(self, distillate: Distillate) -> list[int] | None:
        """Store the result of distilling a cluster; return the ids of the new facts.

        Returns None, and changes nothing, if one of its marks exists: another process was faster.

        Raises:
            NotFoundError: A source, or a known fact, is not there any more; nothing was changed.
        """
        ...

    def clusters(self, among: Sequence[bytes] | None = None) -> set[bytes]:
        """The digests of the clusters that have been distilled: all of them, or those among some."""
        ...

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
        """Mark a memory as superseded by another: it becomes inactive, and no search returns it.

        With a `rule`, the new one gets a copy of each learned edge of the old one, bindings of cues included,
        unless the old one was inactive before. Where it has an edge to the same node, the two add up: its
        edge is strengthened at `now` by the old one's decayed weight. The old one's edges stay, invisible.
        A turn that supersedes one of the same session and time takes its place in the session; an inactive
        turn is nobody's neighbor.

        Args:
            yields, because, handed: See `Supersession`; `handed` puts back what was handed over elsewhere.

        Raises:
            NotFoundError: One is not there, or a fact would supersede a turn.
            ValueError: The new one is the old one, or was superseded by it, directly or in steps.
        """
        ...

    def revert(self, id_: int, *, at: float) -> list[int]:
        """Make a superseded memory valid again, with its edges, and the facts that were superseded because of it.

        If what superseded it was superseded in turn, that is reverted first. Each edge that was handed over

        - is restored to its state before, if it has not changed since;
        - moves to the old one as it is, if it has changed and the new one yields, and stays otherwise;
        - is deleted from the old one too, if it is gone.

        If the new one yields, the old one supersedes it (`yields`, no `because`) in the same place of the
        session. The old one then gets copies of its other learned edges, the heavier one where both have one,
        and its number of uses if that is higher. History has "restored".

        Returns:
            The ids by which it was superseded, directly or in steps.

        Raises:
            NotFoundError: There is no such memory.
            ValueError: It is not superseded.
        """
        ...

    def supersessions(self, among: Sequence[int] | None = None) -> list[Supersession]:
        """Every supersession, by the id of the superseded memory.

        Args:
            among: Only those in which one of these memories is the older or the newer one.
        """
        ...

    def begin(self, *, at: float) -> int | None:
        """Begin a consolidation in the journal; return its id for `Distillate.step`, if there is one."""
        ...

    def ignored(self, *, at_least: int) -> list[tuple[int, int]]:
        """The active memories that at least this many lessons have shown and none has used: id and how often.

        `learn` counts each memory of `Lesson.shown` that is there, and `undo` takes it back. Most often first,
        then by id.
        """
        ...

    def journal(self, *, limit: int) -> list[Step]:
        """The latest lessons and consolidations, latest first; empty without a journal.

        `learn` enters each lesson. The journal is bounded, and drops its oldest entries first. Removed memories leave
        it, and so do lessons about nothing else.
        """
        ...

    def undo(self, step: int, *, at: float) -> Undone:
        """Undo a lesson or a consolidation.

        A lesson: the later lessons of the journal are applied again, exactly as `learn` does, to the state of
        each changed edge before it. Edges that are gone stay away, and edges that something else has changed
        since stay as they are; copies that a correction was handed follow. Each used memory has one use less,
        and its earlier last use, unless a later lesson used it; history has "undone". The cue is removed if
        nothing is bound to it. The number of lessons goes back if no later lesson stands.

        A consolidation: its facts are removed as `remove` does, and its marks. Known facts that it changed get
        back their confidence, metadata and sources, unless a later one changed them.

        Raises:
            NotFoundError: The journal has no such step.
            ValueError: It is undone already.
        """
        ...

    def sever(self, a: int, b: int) -> bool:
        """Remove the learned edge between two nodes, so that no undo brings it back; whether there was one.

        Raises:
            NotFoundError: One of them is not there.
        """
        ...

    def mark(self, digests: Sequence[bytes]) -> None:
        """Record these digests of what was distilled, or is not to be; see `clusters`."""
        ...

    def unmark(self, digests: Sequence[bytes]) -> None:
        """Forget that these clusters have been distilled; see `clusters`."""
        ...

    def learn(self, lesson: Lesson) -> Learned:
        """Apply a lesson; increments are atomic in the database."""
        ...

    def update(self, id_: int, episode: NewEpisode, *, at: float) -> None:
        """Replace what an episode says (text, metadata, vector, terms, traits).

        Its id, key, time, place and edges stay, and history keeps the old text. The old text added again is
        still known by its key.

        Raises:
            NotFoundError: There is no such episode.
            StoreError: It was superseded, or another turn has the same session, speaker, role, time and text.
        """
        ...

    def remove(self, ids: Sequence[int], *, at: float) -> list[int]:
        """Remove memories with their vectors, terms and edges.

        Facts that rest on them alone are removed too, and cues that are bound to nothing else; a fact with
        other sources keeps those. What a removed memory had superseded is then superseded by its successor,
        with the edges that were handed over, or valid again if there is none; history has "restored". No text
        of what was removed remains in the file.

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

        Nothing of it remains in the file. This handle may add to it again; other open handles raise
        StoreError when they write.
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
        """Import cues and learned edges; return the ids of the cues.

        `edges` is called once with these ids, inside the transaction, since edges name cues by id. `marks` are digests
        of what was distilled; `lessons` is the least number of lessons learned.
        """
        ...

    def prune(self, *, rule: EdgeRule, now: float) -> int:
        """Drop learned edges whose decayed weight is below `rule.floor`; return how many (undirected).

        Cues that are then bound to nothing are dropped too.
        """
        ...

    def repair(self, *, at: float, dry_run: bool) -> list[str]:
        """Repair or remove what `check` finds, as far as possible; return one sentence per kind.

        A dry run does the same, and rolls it back.
        """
        ...

    def close(self) -> None:
        """Close the store, after which its methods raise StoreError."""
        ...
