"""Replaces a memory with another, and supersedes the facts that rest on it.

Every function that writes needs a transaction. See docs/decisions/0022-corrections-that-stick.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from helamem import forgetting, identity, records
from helamem.consolidation import clusters, extractive
from helamem.records import Episode, Fact

if TYPE_CHECKING:
    from helamem.protocols import EdgeRule, NewEpisode, NewFact, Store


def holding(store: Store, id_: int) -> Episode | Fact:
    """A memory that can be superseded.

    Raises:
        NotFoundError: There is no such memory.
        ValueError: It is superseded already, or was put under a key; the message says what to do.
    """
    (found,) = store.get([id_])
    if found.superseded_by is not None:
        newer = found.superseded_by
        raise ValueError(f"memory {id_} was already superseded by {newer}; correct {newer}")
    if records.KEY in found.metadata:
        raise ValueError(
            f"memory {id_} was put under the key {found.metadata[records.KEY]!r:.60}; "
            "put it again with the new text, or update it"
        )
    return found


def turn(store: Store, old: Episode, said: NewEpisode) -> NewEpisode:
    """The turn that replaces another one: with its time, and the key of a turn that was said so at first.

    The text of an earlier version gives that version.

    Raises:
        ValueError: The turn has this text already.
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
    """Supersede a turn by a new one; return the new id, and all superseded ids.

    The new turn starts with the old one's uses. A turn that is already stored is used as it is; if the old one had
    superseded it, that is reverted.

    Raises:
        ValueError: The new turn is the old one.
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
    """Supersede a fact by another wording; return the new id.

    Raises:
        ValueError: The fact repeats a turn, or has this text already.
    """
    if old.id in extractive.facts_quoting(store, old.sources):
        source = old.sources[0]
        raise ValueError(
            f"fact {old.id} repeats memory {source}; correct that instead: correct({source}, ...)"
        )
    if old.text == said.text:
        raise ValueError(f"fact {old.id} says just that already")
    (new,) = store.add_facts([said], cluster=identity.digest("corrected", old.id, said.text))
    store.supersede(old.id, new, at=said.stored_at, rule=rule, now=learning_now)
    return new


def revert(store: Store, id_: int, *, at: float, rule: EdgeRule, learning_now: float) -> None:
    """Make a superseded memory valid again, and supersede the facts distilled from its successors.

    Raises:
        NotFoundError: There is no such memory.
        ValueError: It is not superseded; the message says what to do.
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
    """Supersede the facts that rest on a turn; their other sources will be distilled again."""
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
    """The turns that a turn has replaced, directly or in steps, latest first."""
    found = forgetting.with_older(store, [id_])[1:]
    return [each for each in store.get(found) if isinstance(each, Episode)]


def _chain(store: Store, id_: int) -> list[int]:
    """The chain of memories that superseded a memory."""
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
