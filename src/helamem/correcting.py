"""Puts one memory in the place of another, and sees to what was distilled from it.

Every function that writes needs a transaction. See docs/decisions/0022-corrections-that-stick.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from helamem import identity, records
from helamem.consolidation import clusters, extractive
from helamem.records import Episode, Fact

if TYPE_CHECKING:
    from helamem.protocols import EdgeRule, NewEpisode, NewFact, Store


def holding(store: Store, id_: int) -> Episode | Fact:
    """A memory that can be superseded.

    Raises:
        NotFoundError: There is no such memory.
        ValueError: It is superseded already, or belongs to whoever put it under a key; it says what to do.
    """
    (found,) = store.get([id_])
    if found.superseded_by is not None:
        newer = found.superseded_by
        raise ValueError(f"memory {id_} was superseded by {newer} already; correct {newer}")
    if records.KEY in found.metadata:
        raise ValueError(
            f"memory {id_} was put under the key {found.metadata[records.KEY]!r:.60}; "
            "put it again, or update it, and it says the new text"
        )
    return found


def turn(store: Store, old: Episode, said: NewEpisode) -> NewEpisode:
    """What is said in place of a turn: at its time, known as if it had been said so at first.

    What says the same as an earlier version is that one.

    Raises:
        ValueError: The turn says just that.
    """
    if said.text == old.text:
        raise ValueError(f"memory {old.id} says just that already")
    ((key, offset),) = store.origins([old.id])
    for earlier in _versions(store, old.id):
        if earlier.text == said.text:
            ((key, _),) = store.origins([earlier.id])
            return replace(said, key=key, at=earlier.at.timestamp(), offset=offset)
    words, at = (old.role, old.speaker), old.at.timestamp()
    was_named = key != identity.dated("", (*words, old.text), at, 0)
    session = old.session if was_named else ""
    key = identity.dated(session, (*words, said.text), at, 0)
    return replace(said, key=key, at=at, offset=offset)


def supersede_turn(
    store: Store, old: Episode, said: NewEpisode, *, rule: EdgeRule, learning_now: float
) -> tuple[int, list[int]]:
    """Let a turn be superseded by what is said now; the id of that, and all ids that no longer hold.

    The new turn begins with the uses of the old one. If it is there already, it is that one: also where the old
    one has superseded it, which is reverted then.

    Raises:
        ValueError: What is said is the old turn.
    """
    at = said.stored_at
    known = store.find(said.key)
    if known == old.id and old.text == said.text:
        raise ValueError(f"memory {old.id} says just that already")
    if known is not None:
        superseded = _chain(store, known)
        if old.id in superseded:
            store.revert(known, at=at)
            return known, [old.id]
        if known == old.id or superseded:  # it says something else by now
            said = replace(said, key=identity.digest("instead", said.key.hex(), old.id, at))
            known = None
    new = known
    if new is None:
        said = replace(
            said, uses=old.uses, used_at=None if old.used_at is None else old.used_at.timestamp()
        )
        ((new, _),) = store.add([said], link=0.0, now=learning_now)
    gone = _facts_on(store, old, new, at=at, rule=rule, learning_now=learning_now)
    store.supersede(old.id, new, at=at, rule=rule, now=learning_now, yields=known is None)
    return new, [old.id, *gone]


def supersede_fact(
    store: Store, old: Fact, said: NewFact, *, rule: EdgeRule, learning_now: float
) -> int:
    """Let a fact be superseded by another wording of what its sources say; the id of that.

    Raises:
        ValueError: The fact repeats what a turn says, or says just that.
    """
    if old.id in extractive.facts_quoting(store, old.sources):
        source = old.sources[0]
        raise ValueError(
            f"fact {old.id} repeats what memory {source} says; correct that: correct({source}, ...)"
        )
    if old.text == said.text:
        raise ValueError(f"fact {old.id} says just that already")
    (new,) = store.add_facts([said], cluster=identity.digest("corrected", old.id, said.text))
    store.supersede(old.id, new, at=said.stored_at, rule=rule, now=learning_now)
    return new


def revert(store: Store, id_: int, *, at: float, rule: EdgeRule, learning_now: float) -> None:
    """Let a superseded memory hold again; what was distilled from its successors no longer does.

    Raises:
        NotFoundError: There is no such memory.
        ValueError: It is not superseded; it says what to do.
    """
    (old,) = store.get([id_])
    if old.superseded_by is None:
        raise ValueError(_nothing_to_revert(store, id_))
    newer = store.revert(id_, at=at)
    for each in store.get(newer):
        if isinstance(each, Episode) and each.superseded_by is not None:
            _facts_on(store, each, id_, at=at, rule=rule, learning_now=learning_now)


def _facts_on(
    store: Store, old: Episode, new: int, *, at: float, rule: EdgeRule, learning_now: float
) -> list[int]:
    """Let the facts that rest on a turn be superseded with it; what else they rest on is distilled again."""
    facts = store.facts(resting_on=[old.id])
    for fact in facts:
        store.supersede(
            fact.id, new, at=at, rule=rule, now=learning_now, yields=False, because=old.id
        )
    others = {id_ for fact in facts for id_ in fact.sources} - {old.id}
    store.unmark(
        [
            clusters.mark(each, how)
            for each in store.get(sorted(others))
            if isinstance(each, Episode)
            for how in ("read", "clustered")
        ]
    )
    return [fact.id for fact in facts]


def _versions(store: Store, id_: int) -> list[Episode]:
    """The turns in whose place a turn stands, the latest first."""
    older = {each.new: each.old for each in store.supersessions() if each.because is None}
    found: list[int] = []
    while id_ in older:
        id_ = older[id_]
        found.append(id_)
    return [each for each in store.get(found) if isinstance(each, Episode)]


def _chain(store: Store, id_: int) -> list[int]:
    """By what a memory was superseded, by what that was, and so on."""
    found: list[int] = []
    (memory,) = store.get([id_])
    while memory.superseded_by is not None:
        found.append(memory.superseded_by)
        (memory,) = store.get(found[-1:])
    return found


def _nothing_to_revert(store: Store, id_: int) -> str:
    older = [each.old for each in store.supersessions() if each.new == id_]
    if not older:
        return f"memory {id_} is not superseded, so there is nothing to revert"
    return f"memory {id_} is not superseded; it supersedes {older[0]}: revert({older[0]})"
