"""Looking at single memories, correcting and removing them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from helamem import arguments, indexing, records
from helamem.consolidation import profiles
from helamem.engine.adding import Adding
from helamem.engine.base import _drop_quotes
from helamem.hints import helpful
from helamem.language import language_named
from helamem.moments import by_clock
from helamem.records import Cue, Episode, Fact, Listing, Turn
from helamem.search import notes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from helamem.consolidation.profiles import Profile
    from helamem.records import Change, Json
    from helamem.reports import Erasure, Stats


@helpful
class Editing(Adding):
    """Looking at single memories, correcting and removing them."""

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
        where = self._filter(filters)
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
        from helamem import erasing

        now = self._clock()
        if filters is None:
            wanted = arguments.ids("ids", ids)
            return erasing.remove_ids(self._store, wanted, now, dry_run=bool(dry_run))
        if ids:
            raise TypeError("delete takes ids or filters, not both")
        where = self._filter(filters)
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
        from helamem import erasing

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
        return profiles.held(self._store.facts(superseded=True), self._local(as_of))

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
            Cue(id=id_, text=words, at=by_clock(at, self._zone))
            for id_, words, at in self._store.cues()
        )

    def stats(self) -> Stats:
        """How much there is."""
        return self._store.stats()


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
