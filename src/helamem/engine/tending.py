"""Maintaining a memory: consolidate, forget, reindex, check, repair."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from helamem import arguments, tracing
from helamem.engine.base import Base
from helamem.hints import helpful

if TYPE_CHECKING:
    from collections.abc import Callable

    from helamem.protocols import LLM, Embedder
    from helamem.reports import (
        ConsolidationReport,
        ForgetPlan,
        Ignored,
        Lesson,
        ReindexReport,
        RepairReport,
        Undone,
    )


@helpful
class Tending(Base):
    """The methods that maintain a memory."""

    @tracing.traced("consolidate")
    def consolidate(
        self, *, llm: LLM | None = None, at: datetime | None = None
    ) -> ConsolidationReport:
        """Prune faint edges, and distil clusters of the graph into facts.

        A cluster that has not changed is not distilled again. A cluster that fails is reported and repeated
        the next time; the others are stored.

        Args:
            llm: The model, called once per cluster and once per `reflection.stretch` turns outside of
                clusters, each turn once. None quotes sentences of episodes instead.
            at: The time of consolidation; now by default.
        """
        from helamem.consolidation import consolidate

        now = self._clock() if at is None else self._local(at).timestamp()
        return consolidate.consolidate(
            *self._parts,
            self._config,
            now=now,
            learning_now=self._learning_now(now),
            llm=llm,
        )

    @tracing.traced("forget")
    def forget(
        self,
        *,
        dry_run: bool = True,
        at: datetime | None = None,
        max_share: float | None = None,
        ignored: int | None = None,
    ) -> ForgetPlan:
        """Find the episodes that are weak, old and unused, and with `dry_run=False` remove them.

        Sources of facts stay, and so do episodes that were ever used, unless `forgetting.min_idle_days`
        says otherwise. If nothing was ever reinforced, nothing goes, and the plan says why.

        Args:
            at: The time from which age is measured; now by default.
            max_share: The largest share of the episodes to remove, in [0, 1]; `forgetting.max_share`
                by default.
            ignored: Episodes that were shown at least this often and never used may go however young they
                are, if they are weak; see `Memory.ignored`.

        Raises:
            TypeError, ValueError: `max_share` is not a number in [0, 1], or `ignored` not a whole number
                from 1 on.
        """
        from helamem import erasing, forgetting

        if max_share is not None:
            max_share = arguments.fraction("max_share", max_share)
        if ignored is not None:
            ignored = arguments.count("ignored", ignored, least=1)
        now = self._clock() if at is None else self._local(at).timestamp()
        with self._store.reading() if dry_run else self._store.transaction() as seen:
            plan = forgetting.plan_forgetting(
                seen,
                self._config,
                now=now,
                learning_now=self._learning_now(now),
                max_share=max_share,
                ignored=ignored,
            )
            if dry_run or not plan.ids:
                return plan
            erasing.remove(seen, plan.ids, now)
            return replace(plan, done=True)

    def ignored(self, *, at_least: int = 5) -> tuple[Ignored, ...]:
        """The memories that were shown often and never used, most often first.

        A memory is shown when it is a hit of a recall that `reinforce` is told about. Without feedback nothing
        is counted. Corrections begin anew, and an export leaves the counts out.

        Args:
            at_least: How often it was shown at least.

        Raises:
            TypeError, ValueError: `at_least` is not a whole number from 1 on.
        """
        from helamem.reports import Ignored

        times = arguments.count("at_least", at_least, least=1)
        with self._store.reading() as seen:
            found = dict(seen.ignored(at_least=times))
            return tuple(
                Ignored(id=each.id, shown=found[each.id], text=each.text)
                for each in seen.get(list(found))
            )

    def lessons(self, *, limit: int | None = None) -> tuple[Lesson, ...]:
        """The latest lessons and consolidations that `undo` can undo, latest first.

        Args:
            limit: The most to return, or None for all; the memory keeps the latest thousand or more.

        Raises:
            TypeError, ValueError: `limit` is not a whole number, or is below 0.
        """
        from helamem.reports import Lesson

        most = arguments.count("limit", arguments.INT64 if limit is None else limit, least=0)
        with self._store.reading() as seen:
            steps = seen.journal(limit=most)
            cues = np.array([each.cue for each in steps if each.cue is not None], np.int64)
            questions = {id_: text for id_, text, _ in seen.cues(cues)}
        return tuple(
            Lesson(
                id=each.id,
                kind=each.kind,
                at=datetime.fromtimestamp(each.at, self._zone),
                question=None if each.cue is None else questions.get(each.cue),
                used=each.used,
                edges=each.edges,
                facts=each.facts,
                undone=each.undone,
            )
            for each in steps
        )

    def undo(self, lesson: int) -> Undone:
        """Undo a lesson or a consolidation: the memory is as if it had never been learned.

        The edges that the lesson changed are computed again from the later lessons; edges that faded or were
        severed since stay away. The facts of a consolidation are removed, and those that they replaced are valid
        again. The next `consolidate` may distil the same facts again; use `delete` to keep facts away.

        Args:
            lesson: The id, from `reinforce`, `consolidate` or `lessons`.

        Raises:
            TypeError: The id is not a whole number.
            NotFoundError: There is no such lesson, or the journal has dropped it.
            ValueError: It is undone already.
        """
        from helamem.reports import Undone

        wanted = arguments.id_(lesson)
        undone = self._store.undo(wanted, at=self._clock())
        return Undone(
            lesson=wanted, edges=undone.edges, left=undone.left, removed=tuple(undone.removed)
        )

    def sever(self, a: int, b: int) -> bool:
        """Remove the learned edge between two memories, or between a memory and an earlier question.

        `undo` does not bring it back; a later lesson can, if both serve together again.

        Returns:
            Whether there was one.

        Raises:
            TypeError: An id is not a whole number.
            ValueError: Both are the same.
            NotFoundError: One of them is not there.
        """
        one, other = arguments.id_(a), arguments.id_(b)
        if one == other:
            raise ValueError(f"no edge joins memory {one} to itself")
        return self._store.sever(one, other)

    @tracing.traced("reindex")
    def reindex(
        self,
        *,
        embedder: Embedder | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> ReindexReport:
        """Compute the vectors, terms and traits of all namespaces in the file again.

        The memory stays usable meanwhile, and the new data replace the old in one transaction. A failure
        changes nothing, and the next run continues. Other open handles use the new data; if the embedder
        is another one, they raise an error and must be opened again with it.

        Args:
            embedder: The embedder from now on; the present one by default.
            progress: Called after each batch with the number of memories done so far.

        Raises:
            EmbedderError: The embedder failed.
            StoreError: Another reindexing has started meanwhile.
        """
        from helamem import reindexing
        from helamem.reports import ReindexReport

        store, old = self._parts
        new = old if embedder is None else arguments.embedder(embedder)
        store, n = reindexing.reindex(
            store,
            new,
            self._language,
            names_apart=self._config.activation.names_apart,
            batch_size=self._config.storage.batch_size,
            progress=progress,
        )
        self._parts = store, new
        return ReindexReport(
            memories=n,
            embedder=new.name,
            dimension=new.dimension,
            language=self._language.name,
            language_version=self._language.version,
        )

    def check(self) -> tuple[str, ...]:
        """What is wrong with the file, one sentence each; empty if it is sound."""
        return tuple(self._store.check())

    def repair(self, *, dry_run: bool = True) -> RepairReport:
        """Say how to mend what `check` finds, and with `dry_run=False` do it.

        What cannot be mended is removed: an edge that joins a memory to itself, a memory without a vector,
        a fact that rests on nothing. An invalid time is replaced by the time of storing. In a database, a
        namespace that is large gets indexes of its vectors, and loses them when it no longer is.
        """
        from helamem.reports import RepairReport

        mended = tuple(self._store.repair(at=self._clock(), dry_run=dry_run))
        return RepairReport(mended=mended, left=tuple(self._store.check()), done=not dry_run)
