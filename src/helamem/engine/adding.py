"""Storing turns: as they are said, under a key, and with changed metadata."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from helamem import arguments, decay, identity, indexing, records, tracing
from helamem.engine.base import Base, _drop_facts
from helamem.exchange import recognizing
from helamem.exchange.messages import take
from helamem.hints import helpful
from helamem.moments import in_zone
from helamem.records import Degraded, Episode, Receipt, Skipped, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from helamem.correcting import Corrections
    from helamem.exchange.reading import Reading
    from helamem.protocols import NewEpisode, Store
    from helamem.records import Json

logger = logging.getLogger(__name__)


@helpful
class Adding(Base):
    """The methods that store turns."""

    def add(
        self,
        messages: str | Turn | Mapping[str, Json] | Sequence[str | Turn | Mapping[str, Json]],
        *,
        speaker: str | None = None,
        role: str | None = None,
        at: datetime | None = None,
        session: str | None = None,
        metadata: Mapping[str, Json] | None = None,
        supersedes: int | None = None,
    ) -> Receipt:
        """Store turns in one transaction; a turn that is already there is not stored again.

        Args:
            messages: A text, a message, a `Turn`, or a list of them. A message is a mapping such as {"role",
                "content", "name"}, or the object that a chat package makes of one.
            speaker: Who said it, unless the message says so.
            role: The speaker's part in the chat, unless the message says so.
            at: When it was said, unless the message says so; now by default. A time without a zone is in
                that of the setting `timezone` if it is set, and refused otherwise.
            session: The conversation, unless the message says so; the day by default.
            metadata: Added to the metadata of every message.
            supersedes: The id of a turn that a single new turn replaces: no search returns the old one, the new
                one gets its associations, and `revert` undoes it.

        Raises:
            TypeError, ValueError: A turn is not text, is blank, or its time has no zone. The error says
                which turn; nothing was stored. Or the turn that it replaces is already superseded.
            NotFoundError: The turn that it replaces is not there.
            StoreError: Nothing was stored.
        """
        zone = self._config.naive_zone
        when = None if at is None else in_zone(at, zone)
        defaults = Turn("-", speaker or "", role or "", when, session or "", metadata or {})
        reading = take(messages, zone)
        turns = tuple(_with_defaults(turn, defaults) for turn in reading.turns)
        reading = replace(reading, turns=turns)
        if supersedes is not None:
            return self._add_instead(reading, arguments.id_(supersedes))
        return self._add(reading)

    def add_many(
        self,
        turns: Iterable[str | Turn | Mapping[str, Json]],
        *,
        batch_size: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Receipt:
        """Store many turns in batches, each in one transaction; reported batches are durable.

        All turns are checked before the first is stored.

        Args:
            batch_size: Turns per transaction; `storage.batch_size` by default.
            progress: Called after each batch with the number of turns done so far.

        Raises:
            TypeError, ValueError: A turn is malformed; nothing was stored.
            StoreError: The current batch was not stored; earlier batches were.
        """
        arguments.several("add_many", turns, each="turns", instead="`add` takes one")
        if batch_size is None:
            batch_size = self._config.storage.batch_size
        size = arguments.count("batch_size", batch_size, least=1)
        reading = take(list(turns), self._config.naive_zone)
        return self._add(reading, batch_size=size, progress=progress)

    @tracing.traced("add")
    def _add(
        self,
        reading: Reading,
        *,
        batch_size: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Receipt:
        """Store the new turns, in one transaction unless a batch size is given."""
        now = self._clock()
        cleaned = _cleaned(reading)
        turns = [turn for turn, _ in cleaned]
        keys = recognizing.keys(turns, self._store, now=now, zone=self._zone)
        added: list[tuple[int, bool]] = []
        for some in _slices(len(turns), batch_size or len(turns)):
            added += self._stored(turns[some], keys[some], now)
            if progress is not None:
                progress(len(added))
        return _receipt(reading, added, [reasons for _, reasons in cleaned])

    def _add_instead(self, reading: Reading, old_id: int) -> Receipt:
        """Store a turn that replaces another one."""
        if len(reading.turns) != 1:
            raise ValueError(f"`supersedes` takes one new turn, not {len(reading.turns)}")
        now = self._clock()
        ((turn, reasons),) = _cleaned(reading)
        keys = recognizing.keys([turn], self._store, now=now, zone=self._zone)
        store, (episode,) = self._prepared([turn], keys, now)
        with store.transaction() as inside:
            corrections = self._corrections(inside, now)
            new, is_new, superseded = corrections.supersede_turn(corrections.turn(old_id), episode)
        self._after_adding(int(is_new))
        return replace(_receipt(reading, [(new, is_new)], [reasons]), superseded=tuple(superseded))

    def _corrections(self, inside: Store, now: float) -> Corrections:
        from helamem.correcting import Corrections

        rule = decay.rule(self._config.learning)
        return Corrections(inside, now, rule, self._learning_now(now))

    def _after_adding(self, n_new: int) -> None:
        """Called with the number of new turns, for reflection in the background."""

    def _stored(
        self, turns: Sequence[Turn], keys: Sequence[bytes], now: float
    ) -> list[tuple[int, bool]]:
        """The id of each turn, and whether it is new; only new turns are embedded."""
        started = time.perf_counter()
        there = self._store.known(keys)
        new = [i for i, key in enumerate(keys) if key not in there]
        with tracing.span("add.embed", turns=len(new)):
            store, episodes = self._prepared([turns[i] for i in new], [keys[i] for i in new], now)
        link = self._config.learning.link
        with tracing.span("add.store", turns=len(new)):
            stored = iter(store.add(episodes, link=link, now=self._learning_now()) if new else [])
        added = [(there[key], False) if key in there else next(stored) for key in keys]
        logger.info(
            "added %d of %d turns in %.1f ms",
            sum(new for _, new in added),
            len(added),
            1e3 * (time.perf_counter() - started),
        )
        self._after_adding(sum(new for _, new in added))
        return added

    def _prepared(
        self, turns: Sequence[Turn], keys: Sequence[bytes], now: float
    ) -> tuple[Store, list[NewEpisode]]:
        """The store, and episodes with vectors of that store's embedder, even if a reindexing ends."""
        store, embedder = self._parts
        return store, indexing.prepare(
            turns, keys, embedder, self._language, now=now, zone=self._zone
        )

    def put(self, key: str, turn: Turn) -> int:
        """Store a turn under a key of your own, replacing an earlier one without history.

        For records that change, such as those of an adapter; `get_by_key` finds them. A replaced turn keeps
        its id, time, session and associations; facts that rest on its old text alone are removed.

        Returns:
            The id of the turn.

        Raises:
            TypeError, ValueError: The key is not text or blank, the turn is not a `Turn`, or its metadata
                are not JSON.
            StoreError: Nothing was stored.
        """
        if not isinstance(turn, Turn):
            raise TypeError(f"put takes a Turn, not {type(turn).__name__}")
        name = arguments.text("key", key, "name the turn")
        return self._store_item(replace(turn, metadata={**turn.metadata, records.KEY: name}))

    def _store_item(self, turn: Turn) -> int:
        now = self._clock()
        key = identity.item(turn.metadata[records.KEY])
        store, (episode,) = self._prepared([indexing.cleaned(turn)[0]], [key], now)
        with store.transaction() as inside:
            known = inside.find(key)
            if known is not None:
                _drop_facts(inside, known, episode.text, now)
            id_, _ = inside.put(episode, at=now)
        self._after_adding(1)
        return id_

    def get_by_key(self, key: str) -> Episode | None:
        """The turn stored under a key, or None.

        Raises:
            TypeError, ValueError: The key is not text, or blank.
        """
        name = arguments.text("key", key, "name the turn")
        with self._store.reading() as seen:
            id_ = seen.find(identity.item(name))
            (found,) = [None] if id_ is None else seen.get([id_])
        return found if isinstance(found, Episode) else None

    def annotate(self, episode: Episode, metadata: Mapping[str, Json]) -> bool:
        """Replace an episode's metadata, unless they have changed since it was read.

        For notes of an adapter about its items; history does not record it.

        Returns:
            Whether the metadata were replaced.

        Raises:
            TypeError: `episode` is not an Episode.
            ValueError: The metadata are not JSON, or change the turn's key or visibility.
        """
        if not isinstance(episode, Episode):
            raise TypeError(f"annotate takes an Episode, not {type(episode).__name__}")
        new = indexing.plain_json(metadata)
        if any(
            new.get(name) != episode.metadata.get(name) for name in (records.KEY, records.QUIET)
        ):
            raise ValueError(f"annotate changes neither {records.KEY} nor {records.QUIET}; use put")
        return self._store.annotate(episode.id, new, was=episode.metadata)


def _with_defaults(turn: Turn, defaults: Turn) -> Turn:
    return Turn(
        turn.text,
        turn.speaker or defaults.speaker,
        turn.role or defaults.role,
        turn.at or defaults.at,
        turn.session or defaults.session,
        {**defaults.metadata, **turn.metadata},
    )


def _slices(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size or 1))


def _cleaned(reading: Reading) -> list[tuple[Turn, list[str]]]:
    """The turns as they can be stored, each with a list of its losses."""
    found = []
    for i, turn in enumerate(reading.turns):
        try:
            cleaned, reasons = indexing.cleaned(turn)
        except ValueError as error:
            if len(reading.turns) == 1:
                raise
            place = reading.places[i]
            raise ValueError(
                f"message {place} (counted from 0): {error}; nothing was stored"
            ) from error
        found.append((cleaned, [*reading.losses.get(i, ()), *reasons]))
    return found


def _receipt(
    reading: Reading, added: Sequence[tuple[int, bool]], losses: Sequence[Sequence[str]]
) -> Receipt:
    """The receipt: what became of each message."""
    there = [
        Skipped(index=place, id=id_)
        for place, (id_, new) in zip(reading.places, added, strict=True)
        if not new
    ]
    return Receipt(
        ids=tuple(id_ for id_, _ in added),
        stored=tuple(id_ for id_, new in added if new),
        skipped=tuple(sorted([*there, *reading.left_out], key=lambda each: each.index)),
        degraded=tuple(
            Degraded(index=place, id=id_, reason=reason)
            for place, (id_, new), reasons in zip(reading.places, added, losses, strict=True)
            for reason in reasons
            if new
        ),
    )
