"""Replaces a memory with another, and supersedes the facts that rest on it.

See docs/decisions/0022-corrections-that-stick.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from helamem import forgetting, identity, records
from helamem.consolidation import clusters, extractive
from helamem.frozen import dataclass
from helamem.records import Episode, Fact

if TYPE_CHECKING:
    from helamem.protocols import EdgeRule, NewEpisode, NewFact, Store


@dataclass(frozen=True, slots=True)
class Corrections:
    """Corrections in one transaction, at one time.

    Attributes:
        store: In a transaction.
        at: Epoch seconds.
        rule, learning_now: How and when edges move to successors.
    """

    store: Store
    at: float
    rule: EdgeRule
    learning_now: float

    def turn(self, id_: int) -> Episode:
        """A turn that can be superseded.

        Raises:
            TypeError: It is a fact.
            NotFoundError, ValueError: See `require_valid`.
        """
        memory = self.require_valid(id_)
        if isinstance(memory, Fact):
            raise TypeError(f"{id_} is a fact; correct it with correct({id_}, ...)")
        return memory

    def require_valid(self, id_: int) -> Episode | Fact:
        """A memory that can be superseded.

        Raises:
            NotFoundError: There is no such memory.
            ValueError: It is superseded already, or was put under a key; the message says what to do.
        """
        (memory,) = self.store.get([id_])
        if memory.superseded_by is not None:
            newer = memory.superseded_by
            raise ValueError(f"memory {id_} was already superseded by {newer}; correct {newer}")
        if records.KEY in memory.metadata:
            raise ValueError(
                f"memory {id_} was put under the key {memory.metadata[records.KEY]!r:.60}; "
                "put it again with the new text, or update it"
            )
        return memory

    def reworded(self, old: Episode, new: NewEpisode) -> NewEpisode:
        """A turn in the place of another one: with its time, and the key of a turn that had this text from the start.

        The text of an earlier version gives that version.

        Raises:
            ValueError: The turn has this text already.
        """
        if new.text == old.text:
            raise ValueError(f"memory {old.id} says just that already")
        ((key, offset),) = self.store.origins([old.id])
        for earlier in _earlier_versions(self.store, old.id):
            if earlier.text == new.text:
                ((key, _),) = self.store.origins([earlier.id])
                return replace(new, key=key, at=earlier.at.timestamp(), offset=offset)
        by, at = (old.role, old.speaker), old.at.timestamp()
        names_session = key != identity.dated("", (*by, old.text), at, 0)
        key = identity.dated(old.session if names_session else "", (*by, new.text), at, 0)
        return replace(new, key=key, at=at, offset=offset)

    def supersede_turn(self, old: Episode, new: NewEpisode) -> tuple[int, bool, list[int]]:
        """Supersede a turn; return its successor's id, whether that was stored now, and all superseded ids.

        A turn with the key of the new one that is stored and valid is the successor. If the old turn superseded it,
        that is reverted.

        Raises:
            ValueError: The new turn is the old one.
        """
        known = self.store.find(new.key)
        if known == old.id and old.text == new.text:
            raise ValueError(f"memory {old.id} says just that already")
        newer = [] if known is None else _successors(self.store, known)
        if known is not None and old.id in newer:
            self.store.revert(known, at=self.at)
            return known, False, [old.id]
        if known is not None and (known == old.id or newer):  # it says something else by now
            new = replace(new, key=identity.digest("instead", new.key.hex(), old.id, self.at))
            known = None
        successor = self._add(old, new) if known is None else known
        facts = self._supersede_facts(old, successor)
        self._supersede(old, successor, yields=known is None)
        return successor, known is None, [old.id, *facts]

    def _add(self, old: Episode, new: NewEpisode) -> int:
        """Store a turn with the uses of the one that it supersedes."""
        used_at = None if old.used_at is None else old.used_at.timestamp()
        new = replace(new, uses=old.uses, used_at=used_at)
        ((id_, _),) = self.store.add([new], link=0.0, now=self.learning_now)
        return id_

    def supersede_fact(self, old: Fact, new: NewFact) -> int:
        """Supersede a fact by another wording; return the new id.

        Raises:
            NotFoundError, ValueError: See `require_valid`; or it repeats a turn, or has this text already.
        """
        self.require_valid(old.id)
        if old.sources and extractive.is_quoted(old):
            source = old.sources[0]
            raise ValueError(
                f"fact {old.id} repeats memory {source}; correct that instead: correct({source}, ...)"
            )
        if old.text == new.text:
            raise ValueError(f"fact {old.id} says just that already")
        cluster = identity.digest("corrected", old.id, new.text)
        (id_,) = self.store.add_facts([new], cluster=cluster)
        self._supersede(old, id_)
        return id_

    def revert(self, id_: int) -> None:
        """Make a superseded memory valid again, and supersede the facts distilled from its successors.

        Raises:
            NotFoundError: There is no such memory.
            ValueError: It is not superseded; the message says what to do.
        """
        (old,) = self.store.get([id_])
        if old.superseded_by is None:
            raise ValueError(_nothing_to_revert(self.store, id_))
        newer = self.store.revert(id_, at=self.at)
        for memory in self.store.get(newer):
            if isinstance(memory, Episode) and memory.superseded_by is not None:
                self._supersede_facts(memory, id_)

    def _supersede_facts(self, old: Episode, new: int) -> list[int]:
        """Supersede the facts that rest on a turn; their other sources will be distilled again."""
        facts = self.store.facts(resting_on=[old.id])
        for fact in facts:
            self._supersede(fact, new, yields=False, because=old.id)
        others = {id_ for fact in facts for id_ in fact.sources} - {old.id}
        self.store.unmark(
            [
                clusters.mark(memory, how)
                for memory in self.store.get(sorted(others))
                if isinstance(memory, Episode)
                for how in ("read", "clustered")
            ]
        )
        return [fact.id for fact in facts]

    def _supersede(
        self, old: Episode | Fact, new: int, *, yields: bool = True, because: int | None = None
    ) -> None:
        self.store.supersede(
            old.id,
            new,
            at=self.at,
            rule=self.rule,
            now=self.learning_now,
            yields=yields,
            because=because,
        )


def _earlier_versions(store: Store, id_: int) -> list[Episode]:
    """The turns that a turn has replaced, directly or in steps, latest first."""
    found = forgetting.with_older(store, [id_])[1:]
    return [each for each in store.get(found) if isinstance(each, Episode)]


def _successors(store: Store, id_: int) -> list[int]:
    """What superseded a memory, in steps."""
    found: list[int] = []
    (memory,) = store.get([id_])
    while memory.superseded_by is not None:
        found.append(memory.superseded_by)
        (memory,) = store.get(found[-1:])
    return found


def _nothing_to_revert(store: Store, id_: int) -> str:
    older = [each.old for each in store.supersessions(among=[id_]) if each.new == id_]
    if not older:
        return f"memory {id_} is not superseded, so there is nothing to revert"
    return f"memory {id_} is not superseded; it supersedes {older[0]}: revert({older[0]})"
