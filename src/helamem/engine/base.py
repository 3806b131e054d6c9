"""The parts that all use cases share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem import arguments, decay, filters, identity
from helamem.hints import helpful
from helamem.language import language_named
from helamem.moments import by_clock, in_zone, utc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from helamem.config import Config
    from helamem.protocols import Clock, Embedder, Reranker, Store
    from helamem.records import Json


@helpful
class Base:
    """The parts that all use cases share: store, embedder, settings and clock."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        config: Config,
        clock: Clock,
        reranker: Reranker | None = None,
    ) -> None:
        self._parts = store, embedder  # replaced together, so that no call mixes old and new
        self._config = config
        self._reranker = reranker
        self._language = language_named(config.language)
        self._zone = config.zone
        self._clock: Clock = lambda: identity.settled(arguments.epoch_seconds(clock()))

    @property
    def _store(self) -> Store:
        return self._parts[0]

    @property
    def _embedder(self) -> Embedder:
        return self._parts[1]

    @property
    def namespace(self) -> str:
        """Whose memory this is."""
        return self._store.namespace

    @property
    def config(self) -> Config:
        """The settings."""
        return self._config

    def now(self) -> datetime:
        """The time by this memory's clock."""
        return by_clock(self._clock(), self._zone)

    def _local(self, at: datetime) -> datetime:
        """A time in its own zone, or in this memory's zone if it is in UTC.

        Raises:
            TypeError, ValueError: It is not a time, or names no zone, and nor does the setting `timezone`.
        """
        own = in_zone(at, self._config.naive_zone)
        moment = utc(own)  # which refuses what cannot be stored, in any zone
        return own if own.utcoffset() else by_clock(moment.timestamp(), self._zone)

    def _filter(self, conditions: Mapping[str, Json] | None) -> filters.Filter | None:
        return filters.parse(conditions, self._config.naive_zone)

    def _learning_now(self, at: float | None = None) -> float:
        config = self._config.learning
        past = self._store.lessons() if config.decay_by == "lessons" else 0
        return decay.clock(config, at=self._clock() if at is None else at, lessons=past)

    def close(self) -> None:
        """Release the file. A closed memory raises StoreError."""
        self._store.close()


def _drop_facts(store: Store, id_: int, words: str, now: float) -> None:
    """Remove the facts that rest on an episode's old text alone before it changes, and the facts that they superseded.

    As when the episode is deleted, nothing that is outdated becomes valid again.
    """
    from helamem.consolidation import extractive
    from helamem.forgetting import with_older

    facts = extractive.facts_without_ground(store, [id_])
    if facts and [words] != [memory.text for memory in store.get([id_])]:
        store.remove(with_older(store, facts), at=now)
