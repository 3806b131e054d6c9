"""Deletes memories for good: by ids, by a condition, or everything about a person.

Each is one transaction. A dry run does the same and rolls back, so its plan is exactly what would be done.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np

from helamem.consolidation import extractive
from helamem.forgetting import with_older
from helamem.language.aliases import alias_finder, called_in
from helamem.language.terms import folded
from helamem.records import Episode, Fact
from helamem.reports import Erasure
from helamem.search import questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from helamem.filters import Filter
    from helamem.language.language import Language
    from helamem.protocols import Store

CHUNK = 1000  # memories read per batch


def remove(store: Store, ids: Iterable[int], now: float) -> tuple[int, ...]:
    """Remove memories with what they have superseded, and the facts that repeat their words.

    Needs a transaction. What a memory has superseded would be valid again without it.
    """
    wanted = with_older(store, ids)
    quoting = extractive.facts_quoting(store, wanted)
    return tuple(store.remove(list(dict.fromkeys([*wanted, *quoting])), at=now))


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
    named = naming(name, language)
    with _step(store, dry_run=dry_run) as inside:
        before = counts(inside)
        everything = list(_memories(inside))
        turns = [each.id for each in everything if _is_by(each, name, language)]
        about = {fact.id for fact in inside.facts(superseded=True, resting_on=turns)}
        about |= {each.id for each in everything if _is_about(each, name, named, language)}
        told = [
            each.id
            for each in everything
            if mentions and each.id not in {*turns, *about} and _mentions(each, named)
        ]
        cues = _cues(inside, {*turns, *about}, named, language)
        going = [*turns, *sorted(about), *told, *cues]
        gone = remove(inside, going, now) if going else ()
        scrubbed = inside.scrub(named) if mentions else 0
        after = counts(inside)
        called = {
            each
            for memory in everything
            if _is_by(memory, name, language) or named(memory.text)
            for each in called_in(memory.text, language)
        }
        staying = list(_memories(inside))
        left = [] if mentions else [each for each in staying if _mentions(each, named)]
    kinds = {each.id: isinstance(each, Fact) for each in everything}
    return Erasure(
        name=name,
        turns=tuple(turns),
        facts=tuple(id_ for id_ in gone if kinds.get(id_, False)),
        mentions=tuple(id_ for id_ in told if not kinds[id_]),
        cues=tuple(id_ for id_ in gone if id_ not in kinds),
        history=scrubbed,
        before=before,
        after=after,
        left=tuple(each.id for each in left),
        done=not dry_run,
        other_names=_other_names(staying, name, called, language),
    )


def _other_names(
    memories: Iterable[Episode | Fact], name: str, called: set[str], language: Language
) -> dict[str, tuple[int, ...]]:
    """The words that may be other names of the person, with the ids of the memories that have them."""
    aliases_in = alias_finder(name, language, called=called)
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


def _is_by(memory: Episode | Fact, name: str, language: Language) -> bool:
    return isinstance(memory, Episode) and _same(memory.speaker, name, language)


def _is_about(
    memory: Episode | Fact, name: str, named: Callable[[str], bool], language: Language
) -> bool:
    """Whether a fact is about the person or mentions them."""
    if not isinstance(memory, Fact):
        return False
    return _same(memory.speaker, name, language) or _mentions(memory, named)


def _same(one: str, other: str, language: Language) -> bool:
    return _plain(one, language).split() == _plain(other, language).split()


def _mentions(memory: Episode | Fact, named: Callable[[str], bool]) -> bool:
    return named(memory.text) or named(json.dumps(memory.metadata, ensure_ascii=False))


def _cues(
    store: Store, memories: set[int], named: Callable[[str], bool], language: Language
) -> list[int]:
    """The questions that name the person by any of several names, or that the erased memories answered."""
    spoken = store.speakers()
    all_cues = store.ids(kinds=["cue"])
    edges = store.edges(np.array(sorted(memories), np.int64), superseded=True)
    bound = set(edges.targets.tolist()) & set(all_cues.tolist())
    return [
        id_
        for id_, text, _ in store.cues()
        if id_ in bound or named(text) or any(map(named, questions.named(text, spoken, language)))
    ]
