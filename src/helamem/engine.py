"""The use cases of a memory: load from the store, compute with pure functions, save.

The parts (store, embedder, clock) are handed in; `helamem.memory.Memory` brings the real ones.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import (
    arguments,
    decay,
    erasing,
    filters,
    forgetting,
    identity,
    indexing,
    records,
    reindexing,
)
from helamem.consolidation import consolidate, extractive, profiles
from helamem.exchange import export, recognizing, restoring
from helamem.exchange.messages import take
from helamem.exchange.reading import Reading
from helamem.hints import helpful
from helamem.language import language_named
from helamem.language.characters import clean
from helamem.learning import lessons
from helamem.records import (
    Cue,
    Degraded,
    Episode,
    Fact,
    Listing,
    Receipt,
    Reinforcement,
    Skipped,
    Turn,
    utc,
)
from helamem.reports import ConsolidationReport, ForgetPlan, ReindexReport, RepairReport
from helamem.search import notes, questions, search
from helamem.search.recall import Recall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from helamem.config import Config
    from helamem.consolidation.profiles import Profile
    from helamem.protocols import LLM, Clock, Embedder, Floats, NewEpisode, Store
    from helamem.records import Change, Json
    from helamem.reports import Erasure, Stats
    from helamem.search.recall import CueMatch

logger = logging.getLogger(__name__)


@helpful
class Engine:
    """One namespace's memory, on a store, an embedder and a clock.

    May be used from several threads. Reading never writes: `search` is pure, and learns nothing until
    `reinforce` is told what served.
    """

    def __init__(self, store: Store, embedder: Embedder, config: Config, clock: Clock) -> None:
        self._parts = store, embedder  # replaced as one, so that no call mixes old and new
        self._config = config
        self._language = language_named(config.language)
        self._zone = config.zone
        self._clock: Clock = lambda: identity.settled(clock())

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
        """The settings that hold."""
        return self._config

    def now(self) -> datetime:
        """The time by this memory's clock."""
        return datetime.fromtimestamp(self._clock(), self._zone)

    # Adding

    def add(
        self,
        messages: str | Turn | Mapping[str, Json] | Sequence[str | Turn | Mapping[str, Json]],
        *,
        speaker: str | None = None,
        role: str | None = None,
        at: datetime | None = None,
        session: str | None = None,
        metadata: Mapping[str, Json] | None = None,
    ) -> Receipt:
        """Remember turns, all in one transaction; the same turn twice is remembered once.

        Args:
            messages: A text, a message, a `Turn`, or a list of them. A message is a mapping such as {"role",
                "content", "name"}, or the object that a chat package makes of one.
            speaker: Who said it, where the message does not say.
            role: The speaker's part in the chat, where the message does not say.
            at: When it was said, where the message does not say; now, if nobody does.
            session: The conversation, where the message does not say; the day, if nobody does.
            metadata: What to keep with every one of them, beside their own.

        Raises:
            TypeError, ValueError: A turn is not text, is blank, or its time has no zone; of several it says
                which, and nothing was stored.
            StoreError: Nothing was stored.
        """
        defaults = Turn("-", speaker or "", role or "", at, session or "", metadata or {})
        reading = take(messages)
        turns = tuple(_with_defaults(turn, defaults) for turn in reading.turns)
        return self._add(replace(reading, turns=turns))

    def add_many(
        self,
        turns: Iterable[str | Turn | Mapping[str, Json]],
        *,
        batch_size: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Receipt:
        """Remember many turns in batches, each one a transaction: what is reported is durable.

        All turns are read and checked before the first is stored.

        Args:
            batch_size: Turns a transaction; `storage.batch_size` unless given.
            progress: Called after each batch with the number of turns done so far.

        Raises:
            TypeError, ValueError: A turn is malformed; nothing was stored.
            StoreError: The batch at hand was not stored, those before it were.
        """
        arguments.several("add_many", turns, each="turns", instead="`add` takes one")
        if batch_size is None:
            batch_size = self._config.storage.batch_size
        size = arguments.count("batch_size", batch_size, least=1)
        return self._add(take(list(turns)), batch_size=size, progress=progress)

    def _add(
        self,
        reading: Reading,
        *,
        batch_size: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Receipt:
        """Store what is new of these turns, in one transaction unless a batch size is given."""
        now = self._clock()
        cleaned = _cleaned(reading)
        given = [turn for turn, _ in cleaned]
        keys = recognizing.keys(given, self._store, now=now, zone=self._zone)
        added: list[tuple[int, bool]] = []
        for some in _slices(len(given), batch_size or len(given)):
            added += self._stored(given[some], keys[some], now)
            if progress is not None:
                progress(len(added))
        losses = [
            [*reasons, *indexing.uncovered(turn.text, self._embedder)] for turn, reasons in cleaned
        ]
        return _receipt(reading, added, losses)

    def _stored(
        self, turns: Sequence[Turn], keys: Sequence[bytes], now: float
    ) -> list[tuple[int, bool]]:
        """The id of each turn, and whether it is new; only what is new is embedded."""
        started = time.perf_counter()
        there = self._store.known(keys)
        new = [i for i, key in enumerate(keys) if key not in there]
        store, episodes = self._prepared([turns[i] for i in new], [keys[i] for i in new], now)
        link = self._config.learning.link
        stored = iter(store.add(episodes, link=link, now=self._learning_now()) if new else [])
        added = [(there[key], False) if key in there else next(stored) for key in keys]
        logger.info(
            "added %d of %d turns in %.1f ms",
            sum(new for _, new in added),
            len(added),
            1e3 * (time.perf_counter() - started),
        )
        return added

    def _prepared(
        self, turns: Sequence[Turn], keys: Sequence[bytes], now: float
    ) -> tuple[Store, list[NewEpisode]]:
        """The store, and episodes with vectors of its embedder, whatever a reindexing does meanwhile."""
        store, embedder = self._parts
        return store, indexing.prepare(
            turns, keys, embedder, self._language, now=now, zone=self._zone
        )

    def put(self, key: str, turn: Turn) -> int:
        """Remember a turn under a key of your own; what stood there is replaced, and leaves no history.

        For records that change, as those of an adapter. `get_by_key` finds them again. A replaced turn keeps
        its id, time, session and what was learned about it.

        Returns:
            The id of the turn.

        Raises:
            TypeError, ValueError: The key is no text, or blank; the turn is no `Turn`; its metadata are not JSON.
            StoreError: Nothing was stored.
        """
        if not isinstance(turn, Turn):
            raise TypeError(f"put takes a Turn, not {type(turn).__name__}")
        name = arguments.text("key", key, "name the turn")
        return self._put(replace(turn, metadata={**turn.metadata, records.KEY: name}))

    def _put(self, turn: Turn) -> int:
        now = self._clock()
        key = identity.item(turn.metadata[records.KEY])
        store, (episode,) = self._prepared([indexing.cleaned(turn)[0]], [key], now)
        with store.transaction() as inside:
            known = inside.find(key)
            if known is not None:
                _drop_quotes(inside, known, episode.text, now)
            return inside.put(episode, at=now)[0]

    def get_by_key(self, key: str) -> Episode | None:
        """The turn that was put under a key, if there is one.

        Raises:
            TypeError, ValueError: The key is no text, or blank.
        """
        name = arguments.text("key", key, "name the turn")
        with self._store.reading() as seen:
            id_ = seen.find(identity.item(name))
            (found,) = [None] if id_ is None else seen.get([id_])
        return found if isinstance(found, Episode) else None

    def annotate(self, episode: Episode, metadata: Mapping[str, Json]) -> bool:
        """Give an episode other metadata, unless somebody has changed them since it was read.

        For what an adapter notes about its items. History tells nothing of it.

        Returns:
            Whether it was done.

        Raises:
            TypeError: It is no episode.
            ValueError: The metadata are not JSON, or would make another turn of it.
        """
        if not isinstance(episode, Episode):
            raise TypeError(f"annotate takes an Episode, not {type(episode).__name__}")
        new = indexing.plain_json(metadata)
        if any(
            new.get(name) != episode.metadata.get(name) for name in (records.KEY, records.QUIET)
        ):
            raise ValueError(f"annotate changes neither {records.KEY} nor {records.QUIET}; use put")
        return self._store.annotate(episode.id, new, was=episode.metadata)

    # Searching

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        filters: Mapping[str, Json] | None = None,
        at: datetime | None = None,
        min_confidence: float = 0.0,
    ) -> Recall:
        """What the question brings back, best first. Writes nothing.

        Args:
            query: A question, or any text.
            k: How many hits; learned associations may bring a few on top (`selection.associative`).
            filters: Conditions on metadata, speaker, session, role, kind or time, as in
                {"speaker": "Ana", "at": {"gte": "2024-01-01T00:00:00Z"}}.
            at: When the question is asked; now, unless given. Age is measured from here.
            min_confidence: How probable it must be that the hits hold an answer (`Recall.confidence`), in [0, 1]:
                below it there are no hits, and a note says so.

        Raises:
            TypeError, ValueError: The query is not text or is blank, k is below 1, a filter is malformed, or
                `min_confidence` is no probability.
        """
        query = clean(arguments.text("query", query, "ask something"))[0]
        k = arguments.count("k", k, least=1)
        asked_at = self.now() if at is None else self._local(at)
        recall = search.search(
            *self._parts,
            self._config,
            query,
            k=k,
            where=_parsed_filters(filters),
            at=asked_at,
            learning_now=self._learning_now(asked_at.timestamp()),
            min_confidence=arguments.fraction("min_confidence", min_confidence),
        )
        logger.info(
            "found %d memories in %.1f ms", len(recall.hits), sum(recall.milliseconds.values())
        )
        return recall

    def _local(self, at: datetime) -> datetime:
        """A time in its own zone; one in UTC, which says nothing of where somebody was, in this memory's."""
        moment = utc(at)
        return at if at.utcoffset() else moment.astimezone(self._zone)

    def _vector_of(self, query: str) -> Floats:
        """The embedding by which `search` looks for a question, for a recall that came back without it."""
        words = questions.telling(
            query,
            self._store.speakers(),
            self._language,
            names_apart=self._config.activation.names_apart,
        )
        vector: Floats = indexing.embed(self._embedder, [words])[0]
        return vector

    # Learning

    def reinforce(
        self,
        recall: Recall,
        used: Iterable[int] | None = None,
        *,
        unhelpful: Iterable[int] = (),
        certainty: float = 1.0,
        at: datetime | None = None,
    ) -> Reinforcement:
        """Learn from what served: used memories are wired together, and the question to them.

        Args:
            recall: What `search` gave.
            used: The ids of the memories that served the answer. With `learning.gate = "returned"` (the
                paper's rule) it may be left out, and means all that were returned.
            unhelpful: The ids of hits that misled; the edges that may have brought them in weaken.
            certainty: How sure it is that they served, in (0, 1]; 1 where somebody said so, less where
                it is only inferred.
            at: When it is learned; now, unless given.

        Raises:
            TypeError: `recall` is no recall, or `used` or `unhelpful` no list of ids.
            ValueError: `used` is missing, or an id is both used and unhelpful.
            NotFoundError: An id is not in this namespace; nothing was learned.
        """
        if not isinstance(recall, Recall):
            raise TypeError(
                f"reinforce takes what `search` returned, not {type(recall).__name__}: "
                "`recall = memory.search(...)`"
            )
        certainty = arguments.certainty(certainty)
        if not len(recall.vector):
            recall = replace(recall, vector=self._vector_of(recall.query))
        served, misled = self._check_ids(recall, used, unhelpful)
        now = self._clock() if at is None else utc(at).timestamp()
        with self._store.transaction() as inside:
            inside.get([*served, *misled])
            lesson = lessons.lesson(
                replace(recall, cues=_surviving_cues(inside, recall.cues)),
                used=served,
                unhelpful=misled,
                certainty=certainty,
                config=self._config,
                at=now,
                lessons=inside.lessons(),
            )
            learned = inside.learn(lesson)
        return Reinforcement(
            cue=learned.cue,
            strengthened=learned.strengthened,
            bound=learned.bound,
            weakened=learned.weakened,
        )

    def _check_ids(
        self, recall: Recall, used: Iterable[int] | None, unhelpful: Iterable[int]
    ) -> tuple[list[int], list[int]]:
        if used is None and self._config.learning.gate == "used":
            raise ValueError(
                "say which memories served: reinforce(recall, used=[hit.id, ...]); wiring everything that was "
                "returned does harm (learning.gate = 'returned' asks for it all the same)"
            )
        served = arguments.ids("used", recall.ids if used is None else used)
        misled = arguments.ids("unhelpful", unhelpful)
        both = set(served) & set(misled)
        if both:
            raise ValueError(f"memory {min(both)} is said to be both used and unhelpful")
        return served, misled

    # Consolidating and forgetting

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
        now = self._clock() if at is None else utc(at).timestamp()
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
        if max_share is not None:
            max_share = arguments.fraction("max_share", max_share)
        now = self._clock() if at is None else utc(at).timestamp()
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

    # Looking and editing

    def get(self, id_: int) -> Episode | Fact:
        """One memory.

        Raises:
            TypeError: The id is no whole number.
            NotFoundError: There is none with this id in this namespace.
        """
        return self._store.get([arguments.id_(id_)])[0]

    def list(
        self,
        *,
        filters: Mapping[str, Json] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Listing:
        """Memories in the order in which they were stored; facts count as memories.

        Args:
            filters: Only those that fit, as in `search`.
            limit: How many at most; all, unless given. `Listing.more` says how many follow.
            offset: How many to pass over first.
        """
        most = None if limit is None else arguments.count("limit", limit, least=0)
        start = arguments.count("offset", offset, least=0)
        where = _parsed_filters(filters)
        with self._store.reading() as seen:
            ids = seen.ids(kinds=["episode", "fact"], where=where)
            end = None if most is None else start + most
            memories = seen.get([int(id_) for id_ in ids[start:end]])
            told = notes.unmet(seen, where) if where is not None and not len(ids) else ()
        return Listing(memories, total=len(ids), offset=start, notes=told)

    def update(
        self, id_: int, words: str | None = None, *, metadata: Mapping[str, Json] | None = None
    ) -> Episode:
        """Change what an episode says, or its metadata; `history` keeps the old text.

        What an adapter keeps of an item beside its text goes with the old text, so that the item says the new
        one, too.

        Raises:
            NotFoundError: There is no such episode.
            TypeError, ValueError: The text is not text, or is blank; the metadata is not JSON.
        """
        now = self._clock()
        while True:
            old = self._episode(id_)
            turn = Turn(
                old.text if words is None else words,
                old.speaker,
                old.role,
                old.at,
                old.session,
                _changed_metadata(old, words, metadata),
            )
            cleaned = indexing.cleaned(turn)[0]
            store, (episode,) = self._prepared([cleaned], [b""], now)  # its key stays
            with store.transaction() as inside:
                (present,) = inside.get([id_])
                if (present.text, present.metadata) != (old.text, old.metadata):
                    continue  # somebody else was quicker: what stays of the old one is another
                _drop_quotes(inside, id_, episode.text, now)
                inside.update(id_, episode, at=now)
            return replace(old, text=episode.text, metadata=episode.metadata)

    def _episode(self, id_: int) -> Episode:
        found = self.get(id_)
        if isinstance(found, Fact):
            raise TypeError(f"{id_} is a fact; facts follow from episodes and are not edited")
        return found

    def delete(
        self,
        *ids: int,
        filters: Mapping[str, Json] | None = None,
        dry_run: bool | None = None,
    ) -> tuple[int, ...]:
        """Remove memories for good, and every fact that repeats them or rests on them alone.

        Args:
            ids: The memories.
            filters: Or a condition, as in `search`: everything that meets it.
            dry_run: Whether only to tell what would go; so it is with filters, unless False is given.

        Returns:
            All ids that go, those of facts and of cues that nothing is bound to any more included.

        Raises:
            TypeError: An id is no whole number, or there are both ids and filters; nothing was removed.
            ValueError: The filters restrict nothing; nothing was removed.
            NotFoundError: One of the ids is not there; nothing was removed.
        """
        now = self._clock()
        if filters is None:
            wanted = arguments.ids("ids", ids)
            return erasing.remove_ids(self._store, wanted, now, dry_run=bool(dry_run))
        if ids:
            raise TypeError("delete takes ids or filters, not both")
        where = _parsed_filters(filters)
        if where is None:
            raise ValueError(
                "these filters fit everything; drop_namespace removes a whole namespace"
            )
        return erasing.remove_where(self._store, where, now, dry_run=dry_run is not False)

    def erase(self, name: str, *, mentions: bool = False, dry_run: bool = True) -> Erasure:
        """Everything of a person, by the whole name; with `dry_run=False` it is removed for good.

        That is: what they said; the facts about them, resting on what they said, or naming them; the
        earlier questions that name them, or that what goes has answered; and what history keeps of all that.

        Args:
            name: As it stands as a speaker, or in texts; case and accents do not matter.
            mentions: Whether what others said goes too where it names them, in text or metadata, and the
                old texts in history that do. `Erasure.left` has what stays otherwise.
            dry_run: Whether only to tell what would go.

        Raises:
            TypeError, ValueError: The name is no text, or blank.
        """
        return erasing.erase(
            self._store,
            arguments.text("name", name, "say who is to be erased").strip(),
            language_named(self._config.language),
            self._clock(),
            mentions=mentions,
            dry_run=dry_run,
        )

    def history(self, id_: int) -> tuple[Change, ...]:
        """What happened to a memory, oldest first, also after it was deleted.

        Raises:
            NotFoundError: There never was one with this id in this namespace.
        """
        return tuple(self._store.history(arguments.id_(id_)))

    def facts(self, *, superseded: bool = False, as_of: datetime | None = None) -> tuple[Fact, ...]:
        """The distilled facts, oldest first.

        Args:
            superseded: Whether those come too that newer ones have replaced.
            as_of: Those that held at a time: since then some may have been replaced, others have come.
        """
        if as_of is None:
            return tuple(self._store.facts(superseded=superseded))
        return profiles.held(self._store.facts(superseded=True), utc(as_of))

    def profile(
        self, name: str | None = None, *, max_chars: int = profiles.MAX_CHARS
    ) -> tuple[Profile, ...]:
        """What is known about each person, and about the assistant, in a few lines with their sources.

        Args:
            name: Only this person's.
            max_chars: How long one profile may be.

        Raises:
            TypeError, ValueError: `max_chars` is no whole number, or below 1.
        """
        max_chars = arguments.count("max_chars", max_chars, least=1)
        return profiles.profiles(self._store.facts(), name=name, max_chars=max_chars)

    def cues(self) -> tuple[Cue, ...]:
        """The questions that are bound to what served them, oldest first."""
        return tuple(
            Cue(id=id_, text=words, at=datetime.fromtimestamp(at, self._zone))
            for id_, words, at in self._store.cues()
        )

    def stats(self) -> Stats:
        """How much there is."""
        return self._store.stats()

    # Moving

    def export(self) -> Iterator[dict[str, Any]]:
        """Everything in this namespace but the vectors, one JSON object at a time; `import_` reads it."""
        return export.export(self._store, self._embedder.name)

    def import_(
        self, lines: Iterable[str], *, progress: Callable[[int], None] | None = None
    ) -> Receipt:
        """Take in an export, with its facts, cues and learned edges, or a JSONL of turns.

        Everything is read, checked and embedded, and then stored in one transaction.

        Args:
            progress: Called with the number of turns that have been embedded so far.

        Raises:
            DataError: A line is malformed; it says which.
            HelaMemError: Whatever is raised, nothing was stored.
        """
        arguments.several("import_", lines, each="lines", instead="open the file, and give it that")
        # A setting that nobody changed tells no more than a time without a zone.
        zone = None if self._config.timezone == "UTC" else self._zone
        content = export.read(arguments.text_lines("import_", lines), zone)
        if isinstance(content, Reading):
            return self._add(content, progress=progress)
        store, embedder = self._parts
        prepared = restoring.prepare(
            content,
            embedder,
            self._language,
            speakers=store.speakers(),
            names_apart=self._config.activation.names_apart,
            batch_size=self._config.storage.batch_size,
            progress=progress,
        )
        by_lessons = self._config.learning.decay_by == "lessons"
        with store.transaction() as inside:
            return restoring.restore(prepared, inside, by_lessons=by_lessons)

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

    def close(self) -> None:
        """Release the file. A closed memory raises StoreError."""
        self._store.close()

    def _learning_now(self, at: float | None = None) -> float:
        config = self._config.learning
        past = self._store.lessons() if config.decay_by == "lessons" else 0
        return decay.clock(config, at=self._clock() if at is None else at, lessons=past)


def _surviving_cues(store: Store, cues: Sequence[CueMatch]) -> tuple[CueMatch, ...]:
    """The cues that still exist: a cue is removed with the last memory that it is bound to."""
    ids = np.array([cue.id for cue in cues], np.int64)
    left = {id_ for id_, *_ in store.cues(ids)}
    return tuple(cue for cue in cues if cue.id in left)


def _drop_quotes(store: Store, id_: int, words: str, now: float) -> None:
    """Remove the facts that repeat what an episode said, where it is about to say something else."""
    quoting = extractive.facts_quoting(store, [id_])
    if quoting and [words] != [memory.text for memory in store.get([id_])]:
        store.remove(quoting, at=now)


def _parsed_filters(conditions: Mapping[str, Json] | None) -> filters.Filter | None:
    return filters.parse(conditions)


def _changed_metadata(
    old: Episode, words: str | None, metadata: Mapping[str, Json] | None
) -> Mapping[str, Json]:
    """What an updated episode has. One with a key keeps its own entries too, by which an adapter knows it.

    What the old text was taken from does not outlive it.
    """
    own = old.metadata if metadata is None or records.KEY in old.metadata else {}
    kept = {**own, **(metadata or {})}
    if words is None or words == old.text:
        return kept
    return {name: value for name, value in kept.items() if name != records.ORIGINAL}


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
    """The turns as they can be kept, each with what is not kept exactly as it came."""
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
    """What became of each thing that was handed over."""
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
