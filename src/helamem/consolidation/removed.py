"""Facts that were deleted stay away, although the turns that they rested on stay and may be read again.

Digests of them are kept among those of what was distilled, but no text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.consolidation import clusters
from helamem.identity import digest
from helamem.records import Episode, Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.consolidation.distiller import Draft
    from helamem.protocols import Store


def digests(store: Store, going: Sequence[int]) -> list[bytes]:
    """A digest for each fact among memories that are to be removed, and each of its turns that stays."""
    facts = [each for each in store.get(going, skip_missing=True) if isinstance(each, Fact)]
    turns = _episodes(store, {source for fact in facts for source in fact.sources} - set(going))
    return [
        _digest(turns[source], fact.text)
        for fact in facts
        for source in fact.sources
        if source in turns
    ]


def returning(store: Store, drafts: Sequence[Draft]) -> list[bool]:
    """For each draft, whether it is a fact that was deleted: the same words, of turns that still read the same."""
    turns = _episodes(store, {source for draft in drafts for source in draft.sources})
    wanted = [{_digest(turns[source], draft.text) for source in draft.sources} for draft in drafts]
    known = store.clusters(among=list(set().union(*wanted)))
    return [each <= known for each in wanted]


def _episodes(store: Store, ids: Iterable[int]) -> dict[int, Episode]:
    return {each.id: each for each in store.get(sorted(ids)) if isinstance(each, Episode)}


def _digest(turn: Episode, text: str) -> bytes:
    return digest("removed", clusters.mark(turn, "read").hex(), text)
