"""The methods of a store that write, each in one transaction; see `protocols.Store`."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from helamem.protocols import Learned, NewCue, Supersession
from helamem.stores import journals
from helamem.stores.sqlite import (
    checks,
    edge_table,
    fact_table,
    journal,
    node_table,
    removing,
    shown,
    superseding,
    undoing,
)
from helamem.stores.sqlite.namespace import moved, note_leaving, owe_wipe
from helamem.stores.sqlite.reading import Reading
from helamem.stores.sqlite.rows import EPISODE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helamem.protocols import (
        Distillate,
        EdgeRule,
        Edges,
        Handed,
        Lesson,
        NewEpisode,
        NewFact,
        Undone,
    )
    from helamem.records import Json
    from helamem.stores.sqlite.files import File
    from helamem.stores.sqlite.namespace import Space


class _DryRun(Exception):  # noqa: N818  # nothing went wrong
    """Rolls a dry run back."""


class Writing(Reading):
    """The methods that write, each in one transaction, or in a savepoint of the open one."""

    _history: int
    _journal: int

    def _writing(self) -> AbstractContextManager[Space]:
        """One transaction; if it fails, nothing was changed."""
        raise NotImplementedError

    @property
    def _file(self) -> File:
        return self._lease.file

    def add(
        self, episodes: Sequence[NewEpisode], *, link: float, now: float
    ) -> list[tuple[int, bool]]:
        """Store episodes in order; for each its id, and whether it is new."""
        with self._writing() as space:
            known = node_table.known(space, [episode.key for episode in episodes])
            added: list[tuple[int, NewEpisode]] = []
            outcome: list[tuple[int, bool]] = []
            for episode in episodes:
                is_new = episode.key not in known
                if is_new:
                    id_ = node_table.add_episode(space, episode, link, now)
                    known[episode.key] = id_
                    added.append((id_, episode))
                outcome.append((known[episode.key], is_new))
            node_table.add_contents(space, added)
            return outcome

    def put(self, episode: NewEpisode, *, at: float) -> tuple[int, bool]:
        """Store an episode, or replace the one with its key; return its id, and whether it is new."""
        with self._writing() as space:
            known = node_table.find(space, EPISODE, episode.key)
            if known is None:
                id_ = node_table.add_episode(space, episode, 0.0, at)
                node_table.add_contents(space, [(id_, episode)])
                return id_, True
            note_leaving(space.db, [known])
            node_table.replace(space, known, episode)
            owe_wipe(space.db)
            self._file.owes_wipe_when_closed = True  # not each time that something is put
            return known, False

    def annotate(self, id_: int, metadata: Mapping[str, Json], *, was: Mapping[str, Json]) -> bool:
        """Give an episode other metadata if it still has those that it had; whether it was done."""
        with self._writing() as space:
            return node_table.annotate(space, id_, metadata, was)

    def add_facts(self, facts: Sequence[NewFact], *, cluster: bytes) -> list[int]:
        """Store the facts of one cluster, with edges to and from their episodes."""
        with self._writing() as space:
            fact_table.mark(space, [cluster])
            return fact_table.add(space, facts)

    def distil(self, distillate: Distillate) -> list[int] | None:
        """Store the facts of a cluster, unless another process has; return the ids of the new ones."""
        with self._writing() as space:
            return fact_table.distil(space, distillate)

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
        supersession = Supersession(old=old, new=new, yields=yields, because=because, handed=handed)
        with self._writing() as space:
            superseding.supersede(space, supersession, at, rule, now)

    def revert(self, id_: int, *, at: float) -> list[int]:
        """Make a superseded memory valid again, with its edges; return the ids of its successors."""
        with self._writing() as space:
            return superseding.revert(space, id_, at)

    def begin(self, *, at: float) -> int | None:
        """Begin a consolidation in the journal; return its id, or None if no journal is kept."""
        if not self._journal:
            return None
        with self._writing() as space:
            step = journal.begin(space, at)
            journal.bound(space, self._journal)
            return step

    def undo(self, step: int, *, at: float) -> Undone:
        """Undo a lesson or a consolidation."""
        with self._writing() as space:
            undone = undoing.undo(space, step, at)
            self._file.owes_wipe |= bool(undone.removed)
            return undone

    def sever(self, a: int, b: int) -> bool:
        """Remove the learned edge between two nodes; whether there was one."""
        with self._writing() as space:
            return undoing.sever(space, a, b)

    def mark(self, digests: Sequence[bytes]) -> None:
        """Record digests of what was distilled, or is not to be."""
        with self._writing() as space:
            fact_table.mark(space, digests)

    def unmark(self, digests: Sequence[bytes]) -> None:
        """Forget that these clusters have been distilled."""
        with self._writing() as space:
            fact_table.unmark(space, digests)

    def learn(self, lesson: Lesson) -> Learned:
        """Apply a lesson; weights change in the database, whoever else is writing."""
        with self._writing() as space:
            node_table.require_all(space, lesson.named())
            cue = (
                node_table.add_cue(space, lesson.cue)
                if isinstance(lesson.cue, NewCue)
                else lesson.cue
            )
            pairs = [(int(a), int(b)) for a, b in lesson.pairs]
            bound = [] if cue is None else [(cue, int(id_)) for id_ in lesson.used]
            cue_gains = lesson.cue_gains[: len(bound)]
            step = None
            if self._journal:
                gains = journals.gains_of(pairs, lesson.gains, bound, cue_gains)
                step = journal.record(space, lesson, cue, gains)
                journal.bound(space, self._journal)
            learned = Learned(
                cue=cue,
                strengthened=edge_table.strengthen(space, pairs, lesson.gains, lesson),
                bound=edge_table.strengthen(space, bound, cue_gains, lesson),
                weakened=edge_table.weaken(space, lesson),
                step=step,
            )
            for id_ in lesson.used:
                node_table.use(space, int(id_), lesson.at)
            node_table.bound_history(space, lesson.used.tolist(), self._history)
            shown.count(space, lesson.shown.tolist(), step)
            space.db.execute("UPDATE namespace SET lessons = lessons + 1 WHERE id = ?", space.id)
            return learned

    def update(self, id_: int, episode: NewEpisode, *, at: float) -> None:
        """Replace an episode's text; history keeps the old one.

        Raises:
            NotFoundError: There is no such episode.
            StoreError: Another turn of its session says just that, by the same speaker at the same time.
        """
        with self._writing() as space:
            node_table.note_update(space, id_, episode, at)
            node_table.replace(space, id_, episode)
            node_table.bound_history(space, [id_], self._history)

    def remove(self, ids: Sequence[int], *, at: float) -> list[int]:
        """Remove memories, and every fact and cue that rests on them alone; all ids that went."""
        with self._writing() as space:
            self._file.owes_wipe = True
            return removing.remove(space, ids, at)

    def scrub(self, says: Callable[[str], bool]) -> int:
        """Remove the old texts for which `says` is true from history; return how many."""
        with self._writing() as space:
            self._file.owes_wipe = True
            return removing.scrub(space, says)

    def drop(self) -> None:
        """Remove everything of this namespace, and its name; this handle may begin it anew."""
        with self._writing() as space:
            self._file.owes_wipe = True
            removing.drop(space)
            self._claim.is_dropped = True

    def restore(
        self,
        cues: Sequence[NewCue],
        edges: Callable[[list[int]], Edges],
        *,
        marks: Sequence[bytes] = (),
        lessons: int = 0,
    ) -> list[int]:
        """Put back cues and learned edges as they were exported; the ids of the cues."""
        with self._writing() as space:
            ids = [node_table.add_cue(space, cue) for cue in cues]
            found = edges(ids)
            node_table.require_all(space, {*found.sources.tolist(), *found.targets.tolist()})
            edge_table.put_back(space, found)
            fact_table.mark(space, marks)
            space.db.execute(
                "UPDATE namespace SET lessons = max(lessons, ?) WHERE id = ?",
                lessons,
                space.id,
            )
            return ids

    def prune(self, *, rule: EdgeRule, now: float) -> int:
        """Drop learned edges that have decayed below the floor, and cues without any; how many edges went."""
        with self._writing() as space:
            n_edges = edge_table.prune(space, rule, now)
            unbound = removing.unbound_cues(space)
            self._file.owes_wipe |= bool(removing.take_away(space, unbound, 0.0))
            return n_edges

    def repair(self, *, at: float, dry_run: bool) -> list[str]:
        """Mend or remove what `check` finds; return the damage and the remedy of each kind."""
        mended: list[str] = []
        with contextlib.suppress(_DryRun), self._writing() as space:
            mended = checks.mend(space, at)
            if dry_run:
                raise _DryRun
            if mended:
                self._file.owes_wipe = True
                moved(space.db)
                node_table.changed(space, space.db.column(checks.MINE[1:-1], space.id))
        return mended
