"""Reading, correcting and removing single memories."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from helamem import arguments, indexing, records
from helamem.consolidation import profiles
from helamem.engine.adding import Adding
from helamem.engine.base import _drop_facts
from helamem.hints import helpful
from helamem.moments import by_clock
from helamem.protocols import NewFact
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
    """The methods that read, correct and remove single memories."""

    def get(self, id_: int) -> Episode | Fact:
        """One memory.

        Raises:
            TypeError: The id is not a whole number.
            NotFoundError: There is no memory with this id in this namespace.
        """
        return self._store.get([arguments.id_(id_)])[0]

    def list(
        self,
        *,
        filters: Mapping[str, Json] | None = None,
        limit: int | None = None,
        offset: int = 0,
        superseded: bool = False,
    ) -> Listing:
        """Episodes and facts in the order of storing.

        Args:
            filters: Conditions, as in `search`.
            limit: The most to return; all by default. `Listing.more` counts those that follow.
            offset: How many to skip.
            superseded: Whether superseded memories are included; `superseded_by` says what superseded them.
        """
        most = None if limit is None else arguments.count("limit", limit, least=0)
        start = arguments.count("offset", offset, least=0)
        where = self._filter(filters)
        with self._store.reading() as seen:
            ids = seen.ids(kinds=["episode", "fact"], where=where, superseded=superseded)
            memories = seen.get(ids[start:][:most].tolist())
            unmet = notes.unmet(seen, where) if where is not None and not len(ids) else ()
        return Listing(memories, total=len(ids), offset=start, notes=unmet)

    def update(
        self, id_: int, words: str | None = None, *, metadata: Mapping[str, Json] | None = None
    ) -> Episode:
        """Change what an episode says, or its metadata; `history` keeps the old text.

        Use it if the text was written down wrongly, and `correct` if what was said is wrong or out of date.
        The original record that an adapter keeps beside the text is dropped with the old text, and so are facts that
        rest on it alone, which the next `consolidate` distils again.

        Raises:
            NotFoundError: There is no such episode.
            TypeError, ValueError: The text is not a string or blank, or the metadata are not JSON.
            StoreError: The episode was superseded.
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
                    continue  # changed meanwhile: read it again, since other parts of it may stay
                _drop_facts(inside, id_, episode.text, now)
                inside.update(id_, episode, at=now)
            return replace(old, text=episode.text, metadata=episode.metadata)

    def correct(self, id_: int, words: str) -> Episode | Fact:
        """Correct a memory: a new memory replaces it, and `revert` undoes that.

        The new memory gets the old one's speaker, session, time, metadata, place in the conversation and
        associations. The old one is kept, but no search returns it. Facts that rest on it are superseded, and
        the next `consolidate` distils their other sources again. A correction with the text of an earlier
        version reverts to it. A fact can be corrected if a language model worded it.

        Returns:
            The new memory.

        Raises:
            TypeError, ValueError: The text is not a string, blank, or unchanged; or the memory is already
                superseded, belongs to an adapter, or is a fact that repeats a turn, which the error names.
            NotFoundError: There is no such memory.
        """
        old = self.get(id_)
        if isinstance(old, Fact):
            return self._correct_fact(old, words)
        metadata = _changed_metadata(old, words, None)
        turn = Turn(words, old.speaker, old.role, old.at, old.session, metadata)
        cleaned, now = indexing.cleaned(turn)[0], self._clock()
        store, (episode,) = self._prepared([cleaned], [b""], now)
        with store.transaction() as inside:
            corrections = self._corrections(inside, now)
            present = corrections.turn(old.id)
            reworded = corrections.reworded(present, episode)
            new, is_new, _ = corrections.supersede_turn(present, reworded)
        self._after_adding(int(is_new))
        return self.get(new)

    def _correct_fact(self, old: Fact, words: str) -> Fact:
        cleaned = indexing.cleaned(Turn(words))[0].text
        store, embedder = self._parts
        now = self._clock()
        fact = NewFact(
            text=cleaned,
            kind=old.kind,
            confidence=1.0,
            sources=old.sources,
            speaker=old.speaker,
            at=old.at.timestamp(),
            stored_at=now,
            metadata={"corrected": True},
            uses=old.uses,
            used_at=None if old.used_at is None else old.used_at.timestamp(),
            vector=indexing.embed(embedder, [cleaned])[0],
            **indexing.indexed(cleaned, self._language),
        )
        with store.transaction() as inside:
            new = self._corrections(inside, now).supersede_fact(old, fact)
            (corrected,) = [each for each in inside.get([new]) if isinstance(each, Fact)]
        return corrected

    def revert(self, id_: int) -> Episode | Fact:
        """Undo the correction of a memory, which is valid again as before.

        Its place, associations and facts return. The correction is superseded in turn, so this can be reverted
        too, and what was learned about it moves to the old memory. Later corrections of the memory are undone
        too. It also restores facts that newer ones replaced.

        Args:
            id_: The superseded memory.

        Returns:
            That memory.

        Raises:
            TypeError: The id is not a whole number.
            NotFoundError: There is no such memory.
            ValueError: It is not superseded.
        """
        wanted = arguments.id_(id_)
        with self._store.transaction() as inside:
            self._corrections(inside, self._clock()).revert(wanted)
            return inside.get([wanted])[0]

    def _episode(self, id_: int) -> Episode:
        found = self.get(id_)
        if isinstance(found, Fact):
            raise TypeError(
                f"{id_} is a fact, and facts cannot be edited; update the episodes "
                f"that it rests on, or delete it"
            )
        return found

    def delete(
        self,
        *ids: int,
        filters: Mapping[str, Json] | None = None,
        dry_run: bool | None = None,
    ) -> tuple[int, ...]:
        """Remove memories for good, with what they have superseded and facts that repeat them or rest on them alone.

        Deleting a correction does not bring the old value back; `revert` does.

        Args:
            ids: The memories.
            filters: A condition instead, as in `search`: everything that meets it.
            dry_run: Whether only to return what would go; True by default with filters.

        Returns:
            All removed ids, including older versions, facts, and cues that are bound to nothing any more.

        Raises:
            TypeError: An id is not a whole number, or both ids and filters are given.
            ValueError: The filters restrict nothing.
            NotFoundError: An id is not there.

        Nothing was removed in any of these cases.
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
        """Find everything of a person, and with `dry_run=False` remove it for good.

        This is what they said; facts about them, resting on what they said, or naming them; earlier
        questions that name them or that these memories answered; and what history keeps of these.

        Args:
            name: The whole name, as a speaker or in texts; case and accents do not matter.
            mentions: Whether what others said goes too if its text or metadata names the person, and
                old texts in history that do. Otherwise `Erasure.left` lists what stays.
            dry_run: Whether only to return what would go.

        Raises:
            TypeError, ValueError: The name is not text, or blank.
        """
        from helamem import erasing

        return erasing.erase(
            self._store,
            arguments.text("name", name, "name the person to erase").strip(),
            self._language,
            self._clock(),
            mentions=mentions,
            dry_run=dry_run,
        )

    def history(self, id_: int) -> tuple[Change, ...]:
        """What happened to a memory, oldest first, even after it was deleted.

        Raises:
            NotFoundError: There never was one with this id in this namespace.
        """
        return tuple(self._store.history(arguments.id_(id_)))

    def facts(self, *, superseded: bool = False, as_of: datetime | None = None) -> tuple[Fact, ...]:
        """The distilled facts, oldest first.

        Args:
            superseded: Whether to include facts that newer ones replaced.
            as_of: Only facts that were valid at this time.
        """
        if as_of is None:
            return tuple(self._store.facts(superseded=superseded))
        with self._store.reading() as seen:
            facts = seen.facts(superseded=True)
            newer = {each.superseded_by for each in facts} - {None, *(each.id for each in facts)}
            turns = seen.get(sorted(id_ for id_ in newer if id_ is not None))
        return profiles.valid_at(facts, self._local(as_of), turns=turns)

    def profile(
        self, name: str | None = None, *, max_chars: int = profiles.MAX_CHARS
    ) -> tuple[Profile, ...]:
        """What is known about each person and the assistant, as a few facts with their sources.

        Args:
            name: Only this person's profile.
            max_chars: The longest profile, in characters.

        Raises:
            TypeError, ValueError: `name` is no text or blank, or `max_chars` no whole number or below 1.
        """
        if name is not None:
            arguments.text("name", name, "leave it out for everybody's profile")
        max_chars = arguments.count("max_chars", max_chars, least=1)
        return profiles.profiles(
            self._store.facts(), self._language, name=name, max_chars=max_chars
        )

    def cues(self) -> tuple[Cue, ...]:
        """The earlier questions that are bound to the memories that served them, oldest first."""
        return tuple(
            Cue(id=id_, text=words, at=by_clock(at, self._zone))
            for id_, words, at in self._store.cues()
        )

    def stats(self) -> Stats:
        """The size of this namespace, and of the file."""
        return self._store.stats()


def _changed_metadata(
    old: Episode, words: str | None, metadata: Mapping[str, Json] | None
) -> Mapping[str, Json]:
    """The metadata of an updated episode; one with a key keeps its other entries, which an adapter needs.

    The record from which the old text was taken is dropped.
    """
    own = old.metadata if metadata is None or records.KEY in old.metadata else {}
    entries = {**own, **(metadata or {})}
    if words is None or words == old.text:
        return entries
    return {name: value for name, value in entries.items() if name != records.ORIGINAL}
