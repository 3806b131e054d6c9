"""What a memory does with itself: consolidate, forget, reindex, check, repair."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from helamem import arguments
from helamem.engine.base import Base
from helamem.hints import helpful
from helamem.reports import ReindexReport, RepairReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from helamem.protocols import LLM, Embedder
    from helamem.reports import ConsolidationReport, ForgetPlan


@helpful
class Tending(Base):
    """What a memory does with itself: consolidate, forget, reindex, check, repair."""

    def consolidate(
        self, *, llm: LLM | None = None, at: datetime | None = None
    ) -> ConsolidationReport:
        """Prune faint edges, and distil dense places of the graph into facts.

        A cluster that has not changed is not distilled again. A cluster that fails is reported, and the
        others are stored all the same; it is taken up again the next time.

        Args:
            llm: Who distils, with a call for each cluster; it also reads what no cluster holds, some sixty
                turns a call (`reflection.stretch`), each turn once. None takes sentences out of episodes.
            at: When it is done; now, unless given.
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

    def forget(
        self, *, dry_run: bool = True, at: datetime | None = None, max_share: float | None = None
    ) -> ForgetPlan:
        """The episodes that are weak, old and unused; with `dry_run=False` they are removed.

        What a fact rests on stays, whatever its age, and so does what was ever used, unless
        `forgetting.min_idle_days` says otherwise. Where nothing was ever reinforced, nothing goes, and the
        plan says why.

        Args:
            at: From when on age is measured; now, unless given.
            max_share: The largest share of the episodes that goes at once; `forgetting.max_share` unless
                given, and 1 for all.

        Raises:
            TypeError, ValueError: `max_share` is no number in [0, 1].
        """
        from helamem import erasing, forgetting

        if max_share is not None:
            max_share = arguments.fraction("max_share", max_share)
        now = self._clock() if at is None else self._local(at).timestamp()
        with self._store.reading() if dry_run else self._store.transaction() as seen:
            plan = forgetting.plan_forgetting(
                seen,
                self._config,
                now=now,
                learning_now=self._learning_now(now),
                max_share=max_share,
            )
            if dry_run or not plan.ids:
                return plan
            erasing.remove(seen, plan.ids, now)
            return replace(plan, done=True)

    def reindex(
        self,
        *,
        embedder: Embedder | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> ReindexReport:
        """Make the vectors, terms and traits of the whole file anew, all namespaces included.

        The memory stays usable meanwhile, and the new ones take their place in one transaction. After a
        failure, what was there is still there, and the next run goes on where this one was. Other handles
        notice; where the embedder is another one, they have to be opened again with it.

        Args:
            embedder: The embedder from now on; the one at hand unless given.
            progress: Called after each batch with the number of memories done so far.

        Raises:
            EmbedderError: The embedder failed.
            StoreError: Another reindexing has begun meanwhile.
        """
        from helamem import reindexing

        store, old = self._parts
        new = embedder or old
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
        """What is wrong with the file, one sentence each; empty where it is sound."""
        return tuple(self._store.check())

    def repair(self, *, dry_run: bool = True) -> RepairReport:
        """What `check` finds, and what mends or removes it; with `dry_run=False` that is done.

        What cannot be read goes: an edge that joins a memory to itself, a memory without a vector, a fact that
        rests on nothing. An invalid time is replaced by the time at which the memory was stored.
        """
        mended = tuple(self._store.repair(at=self._clock(), dry_run=dry_run))
        return RepairReport(mended=mended, left=tuple(self._store.check()), done=not dry_run)
