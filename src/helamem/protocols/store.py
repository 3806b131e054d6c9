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

        With a `rule`, each learned edge of the old one (cues are bound by such) is handed over, unless the old
        one was inactive before. The new one gets a copy, weight and time alike; where it has an edge to the
        same node, that edge becomes the sum: strengthened at `now`, by the rule, by the old one's decayed
        weight. The old one's edges stay as they are, invisible. A turn that supersedes one of its session with
        the same time stands in its place in the session; an inactive turn is nobody's neighbor.

        Args:
            yields, because, handed: See `Supersession`; `handed` puts back what was handed over elsewhere.

        Raises:
            NotFoundError: One is not there, or a fact would supersede a turn.
            ValueError: The new one is the old one, or was superseded by it, directly or in steps.
        """
        ...

    def revert(self, id_: int, *, at: float) -> list[int]:
        """Make a superseded memory valid again, with its edges, and the facts that were superseded because of it.

        If what superseded it was superseded in turn, that is reverted first. From the new one it takes what was
        handed over: an edge that is still as it was handed becomes what it was before; one that has changed
        since goes to the old one, as it is, if the new one yields, and stays otherwise; one that is gone is
        deleted from the old one too. If the new one yields, it becomes superseded by the old one (`yields`, no
        `because`), in the same place of the session; what other learned edges it has are handed over as
        copies, where both have one the heavier; and the old one's uses become the new one's, if these are
        more. History has "restored".

        Returns:
            The ids by which it was superseded, directly or in steps.

        Raises:
            NotFoundError: There is no such memory.
            ValueError: It is not superseded.
        """
        ...

    def supersessions(self, among: Sequence[int] | None = None) -> list[Supersession]:
        """Everything that is superseded, by the id of what is.

        Args:
            among: Only that in which one of these memories is the older or the newer one.
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

        Of a lesson: each learned edge that it changed becomes what the later lessons of the journal make of
        what it was before, exactly as `learn` computes; an edge that is gone stays so, and one that something
        else has changed since stays as it is. The copies that a correction was handed follow. Each used memory
        has a use less, and was last used when it was before, unless a later lesson used it; history has
        "undone". The cue goes if nothing is bound to it. The number of lessons becomes that of the last lesson
        before the undone ones at the end.

        Of a consolidation: the facts that it added are removed as `remove` does, its marks too; known facts
        that it changed have the confidence, metadata and sources from before, unless a later one changed them.

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

        Every fact that rests on them alone goes too, and every cue that is bound to nothing else. A fact
        with other sources keeps those. What was superseded by one that goes is superseded by that one's
        successor, which has then handed over to it what it handed to the one that went; or holds again, and
        history has "restored". No text of what was removed remains in the file.

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
