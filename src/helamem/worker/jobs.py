"""What the jobs do to a namespace, or to all of them. Doing one twice, or by two workers at once, changes nothing more."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from helamem.decay import DAY_S
from helamem.engine import Engine
from helamem.errors import HelaMemError
from helamem.language import language_named
from helamem.memory import SYSTEM_CLOCK, language_model, load_embedder, reindex_file
from helamem.reindexing import analysis_of
from helamem.stores.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.config import Config
    from helamem.protocols import LLM, Clock
    from helamem.stores.postgres import PostgresStore

FORGETS_EVERY_S = DAY_S  # a namespace forgets its share at most so often


class Chores:
    """What is done to the namespaces of a database.

    Args:
        url: The database.
        config: The settings.
        clock: Gives the time in epoch seconds.
        llm: The language model; None loads the one that the settings name, if any.

    Attributes:
        analysis: What vectors and terms are made by.
    """

    def __init__(
        self, url: str, config: Config, *, clock: Clock = SYSTEM_CLOCK, llm: LLM | None = None
    ) -> None:
        self._url = url
        self._config = config
        self._clock = clock
        self._embedder = load_embedder(config)
        self.analysis = analysis_of(self._embedder, language_named(config.language))
        self._llm = language_model(config) if llm is None and config.llm.model else llm

    def consolidate(self, name: str) -> bool:
        """Distil what has changed; whether something is left for another time.

        Every cluster is one transaction that looks whether another worker was quicker.

        Raises:
            HelaMemError: A cluster could not be distilled; the next time tries it again.
        """
        with self._store(name) as store:
            report = self._engine(store).consolidate(llm=self._llm)
        if report.failed:
            raise HelaMemError(report.failed[0])
        return report.left > 0

    def forget(self, name: str) -> None:
        """Remove what may go, unless that was done within the last day."""
        with self._store(name) as store, store.transaction() as inside:
            if inside.begin_forgetting(at=self._clock(), pause_s=FORGETS_EVERY_S):
                self._engine(inside).forget(dry_run=False)

    def index(self, name: str) -> None:
        """Make the indexes of a namespace that is large, and drop those that serve no search.

        Raises:
            BusyError: Another process is at it; the next time tries it again.
        """
        with self._store(name) as store:
            store.keep_indexes()

    def reindex(self) -> None:
        """Reindex the whole database; an earlier run that was interrupted is continued.

        Raises:
            StoreError: Another process was quicker.
        """
        reindex_file(self._url, config=self._config)

    @contextmanager
    def _store(self, name: str) -> Iterator[PostgresStore]:
        opened = open_store(self._url, name, self._config, made_by=self.analysis)
        store = cast("PostgresStore", opened)
        try:
            yield store
        finally:
            store.close()

    def _engine(self, store: PostgresStore) -> Engine:
        return Engine(store, self._embedder, self._config, self._clock)
