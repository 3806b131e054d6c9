"""Deletes memories for good: by ids, by a condition, or everything about a person.

Each is one transaction. A dry run does the same and rolls back, so its plan is exactly what would be done.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np

from helamem.consolidation import extractive, removed
from helamem.forgetting import with_older
from helamem.frozen import dataclass
from helamem.language.aliases import alias_finder, called_in
from helamem.language.terms import folded
from helamem.records import Episode, Fact
from helamem.reports import Erasure
from helamem.search import questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from helamem.filters import Filter
    from helamem.language.language import Language
    from helamem.protocols import Store

CHUNK = 1000  # memories read per batch


def remove(store: Store, ids: Iterable[int], now: float) -> tuple[int, ...]:
    """Remove memories, the facts that repeat their words or rest on them alone, and what all of these have superseded.

    Needs a transaction. Nothing that is outdated becomes valid again, whether its successor is named or goes with
    a turn. Turns that say what a removed fact said stay, and no `consolidate` makes the same fact of them again.
    """
    wanted = with_older(store, ids)
    facts = extractive.facts_without_ground(store, wanted)
    going = with_older(store, [*wanted, *facts])
    store.mark(removed.digests(store, going))
    return tuple(store.remove(going, at=now))


def remove_ids(store: Store, ids: Iterable[int], now: float, *, dry_run: bool) -> tuple[int, ...]:
    """Remove memories by their ids; return all removed ids."""
    with _step(store, dry_run=dry_run) as inside:
        return remove(inside, ids, now)


def remove_where(store: Store, where: Filter, now: float, *, dry_run: bool) -> tuple[int, ...]:
    """Remove the memories that meet a condition; return all removed ids."""
    with _step(store, dry_run=dry_run) as inside:
        found = inside.ids(kinds=["episode", "fact"], where=where, superseded=True)
        return remove(inside, found.tolist(), now) if len(found) else ()


def erase(
    store: Store, name: str, language: Language, now: float, *, mentions: bool, dry_run: bool
) -> Erasure:
    """Remove everything about a person: see `Engine.erase`."""
    person = Person(name, language, naming(name, language))
    with _step(store, dry_run=dry_run) as inside:
        before = counts(inside)
        everything = list(_memories(inside))
        found = _found(inside, everything, person, mentions=mentions)
        gone = remove(inside, found.ids, now) if found.ids else ()
        scrubbed = inside.scrub(person.is_named_in) if mentions else 0
        after = counts(inside)
        staying = list(_memories(inside))
    kinds = {each.id: isinstance(each, Fact) for each in everything}
    turns = [id_ for id_ in gone if kinds.get(id_) is False]  # earlier versions, too
    spoken = {each.id for each in everything if person.has_said(each)}
    return Erasure(
        name=name,
        turns=tuple(id_ for id_ in turns if id_ in spoken),
        facts=tuple(id_ for id_ in gone if kinds.get(id_, False)),
        mentions=tuple(id_ for id_ in turns if id_ not in spoken),
        cues=tuple(id_ for id_ in gone if id_ not in kinds),
        history=scrubbed,
        before=before,
        after=after,
        left=() if mentions else tuple(m.id for m in staying if person.is_mentioned_in(m)),
        done=not dry_run,
        other_names=_other_names(staying, person, _called(everything, person)),
    )


@dataclass(frozen=True, slots=True)
class Person:
    """A person whom memories name.

    Attributes:
        is_named_in: Whether a text names the person; see `naming`.
    """

    name: str
    language: Language
    is_named_in: Callable[[str], bool]

    def has_said(self, memory: Episode | Fact) -> bool:
        """Whether a memory is a turn of the person."""
        return isinstance(memory, Episode) and self._is_called(memory.speaker)

    def is_subject_of(self, memory: Episode | Fact) -> bool:
        """Whether a memory is a fact about the person, or one that mentions them."""
        if not isinstance(memory, Fact):
            return False
        return self._is_called(memory.speaker) or self.is_mentioned_in(memory)

    def is_mentioned_in(self, memory: Episode | Fact) -> bool:
        """Whether the text or the metadata of a memory name the person."""
        metadata = json.dumps(memory.metadata, ensure_ascii=False)
        return self.is_named_in(memory.text) or self.is_named_in(metadata)

    def _is_called(self, name: str) -> bool:
        plain = _plain(name, self.language), _plain(self.name, self.language)
        return plain[0].split() == plain[1].split()


@dataclass(frozen=True, slots=True)
class _Found:
    """The memories to erase, by the reason."""

    turns: list[int]
    facts: list[int]
    mentions: list[int]
    cues: list[int]

    @property
    def ids(self) -> list[int]:
        """All of it."""
        return [*self.turns, *self.facts, *self.mentions, *self.cues]


def _found(
    store: Store, everything: Sequence[Episode | Fact], person: Person, *, mentions: bool
) -> _Found:
    """The person's turns, the facts about them, the questions about either, and maybe other mentions."""
    turns = [each.id for each in everything if person.has_said(each)]
    facts = {fact.id for fact in store.facts(superseded=True, resting_on=turns)}
    facts |= {each.id for each in everything if person.is_subject_of(each)}
    own = {*turns, *facts}
    others = [each for each in everything if each.id not in own] if mentions else []
    return _Found(
        turns=turns,
        facts=sorted(facts),
        mentions=[each.id for each in others if person.is_mentioned_in(each)],
        cues=_cues(store, own, person),
    )


def _called(memories: Iterable[Episode | Fact], person: Person) -> set[str]:
    """What the person is called in their own memories and those that name them."""
    return {
        name
        for memory in memories
        if person.has_said(memory) or person.is_named_in(memory.text)
        for name in called_in(memory.text, person.language)
    }


def _other_names(
    memories: Iterable[Episode | Fact], person: Person, called: set[str]
) -> dict[str, tuple[int, ...]]:
    """The words that may be other names of the person, with the ids of the memories that have them."""
    aliases_in = alias_finder(person.name, person.language, called=called)
    found: dict[str, list[int]] = {}
    for memory in memories:
        for word in sorted(aliases_in(memory.text, memory.speaker)):
            found.setdefault(word, []).append(memory.id)
    return {word: tuple(ids) for word, ids in sorted(found.items())}


def naming(name: str, language: Language) -> Callable[[str], bool]:
    """Whether a text contains the name as whole words, ignoring case and accents."""
    spelled = r"\s+".join(map(re.escape, _plain(name, language).split()))
    pattern = re.compile(rf"(?<!\w){spelled}(?!\w)")
    return lambda text: pattern.search(_plain(text, language)) is not None


def counts(store: Store) -> Mapping[str, int]:
    """How many memories of each kind there are, superseded ones too."""
    return {
        "episodes": len(store.ids(kinds=["episode"], superseded=True)),
        "facts": len(store.facts(superseded=True)),
        "cues": len(store.ids(kinds=["cue"])),
    }


class _Undone(Exception):  # noqa: N818  # not an error: rolls a dry run back
    """Rolls a dry run back."""


@contextmanager
def _step(store: Store, *, dry_run: bool) -> Iterator[Store]:
    with suppress(_Undone), store.transaction() as inside:
        yield inside
        if dry_run:
            raise _Undone


def _memories(store: Store) -> Iterator[Episode | Fact]:
    """All memories, including superseded ones."""
    ids = store.ids(kinds=["episode"], superseded=True).tolist()
    for start in range(0, len(ids), CHUNK):
        yield from store.get(ids[start : start + CHUNK])
    yield from store.facts(superseded=True)


def _plain(text: str, language: Language) -> str:
    return folded(text, language).casefold()


def _cues(store: Store, memories: set[int], person: Person) -> list[int]:
    """The questions that name the person by any of several names, or that the erased memories answered."""
    spoken = store.speakers()
    all_cues = store.ids(kinds=["cue"])
    edges = store.edges(np.array(sorted(memories), np.int64), superseded=True)
    bound = set(edges.targets.tolist()) & set(all_cues.tolist())
    return [
        id_
        for id_, text, _ in store.cues()
        if id_ in bound
        or person.is_named_in(text)
        or any(map(person.is_named_in, questions.named(text, spoken, person.language)))
    ]
