"""Distils without a language model: facts are highlights, quoted word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem import indexing
from helamem.consolidation import removed
from helamem.consolidation.distiller import Draft, Outcome, embedded, new_fact
from helamem.consolidation.highlights import about_the_same, highlights, statements
from helamem.frozen import dataclass
from helamem.language import language_named
from helamem.protocols import Distillate
from helamem.records import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.config import Config
    from helamem.language.language import Language
    from helamem.protocols import Embedder, Floats, Store
    from helamem.records import Episode

NAME = "extractive-2"
FAMILY = "extractive-"  # facts of an earlier version are made of the episodes' words, too
NEAREST = 4  # enough to include a fact with the same words, which has the same vector


class Extractive:
    """Quotes sentences that make sense by themselves; see `helamem.consolidation.highlights`."""

    name = NAME

    def __init__(self, embedder: Embedder, config: Config) -> None:
        self._embedder = embedder
        self._config = config
        self._language = language_named(config.language)

    def distil(self, episodes: Sequence[Episode]) -> Extracted:
        """One draft per highlight."""
        drafts = self._drafts(episodes)
        vectors = embedded(self._embedder, drafts)
        return Extracted(drafts=drafts, vectors=vectors, language=self._language)

    def _drafts(self, episodes: Sequence[Episode]) -> list[Draft]:
        found = statements(episodes, self._language)
        if not found:
            return []
        embedded = indexing.embed(self._embedder, [each.text for each in found])
        return highlights(
            found, embedded, self._language, most=self._config.consolidation.max_facts
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """Drafts with their vectors, shape (drafts, dimension)."""

    drafts: Sequence[Draft]
    vectors: Floats
    language: Language

    def compared(self, known: Store, marks: Sequence[bytes], *, now: float) -> Outcome:
        """The new drafts; older statements about the same thing are superseded.

        A draft that is outdated itself, or was deleted, is left out: its cluster may have changed, so that it is
        read again.
        """
        near = self._facts_nearby(known)
        quoted = [each for each in near if is_quoted(each)]  # no others are replaced here
        returning = removed.returning(known, self.drafts)
        fresh = [
            (draft, vector)
            for draft, vector, returns in zip(self.drafts, self.vectors, returning, strict=True)
            if not returns
            and all(draft.text != fact.text for fact in near)
            and not self._is_outdated(draft, [*quoted, *self.drafts])
        ]
        replaced = {
            fact.id: index
            for index, (draft, _) in enumerate(fresh)
            for fact in quoted
            if self._outdates(draft, fact)
        }
        made = {"distiller": NAME}
        facts = [new_fact(draft, vector, self.language, now, made) for draft, vector in fresh]
        return Outcome(
            distillate=Distillate(
                marks=marks, facts=facts, changed=[], superseded=list(replaced.items()), at=now
            ),
            merged=len(self.drafts) - len(fresh),
        )

    def _is_outdated(self, draft: Draft, others: Sequence[Draft | Fact]) -> bool:
        return any(draft.at < each.at and self._outdates(each, draft) for each in others)

    def _outdates(self, newer: Draft | Fact, older: Draft | Fact) -> bool:
        """Whether one is a newer statement of the same speaker about the same thing as another."""
        return (
            older.speaker == newer.speaker
            and older.at <= newer.at
            and about_the_same(newer.text, older.text, self.language)
        )

    def _facts_nearby(self, known: Store) -> list[Fact]:
        """The facts that a draft may repeat: those from its episodes, and the nearest ones."""
        near = [
            id_
            for vector in self.vectors
            for id_ in known.nearest(vector, NEAREST, kinds=["fact"])[0].tolist()
        ]
        of_episodes = known.facts(
            resting_on=[id_ for draft in self.drafts for id_ in draft.sources]
        )
        others = known.get(list(set(near) - {fact.id for fact in of_episodes}))
        return [*of_episodes, *(each for each in others if isinstance(each, Fact))]


def facts_without_ground(store: Store, ids: Iterable[int]) -> list[int]:
    """The facts that repeat the words of these episodes or rest on them alone, including superseded ones.

    A fact in a model's own words stays as long as it rests on another episode.
    """
    gone = set(ids)
    return [
        fact.id
        for fact in store.facts(superseded=True, resting_on=sorted(gone))
        if is_quoted(fact) or gone.issuperset(fact.sources)
    ]


def is_quoted(fact: Fact) -> bool:
    """Whether a fact repeats the words of an episode."""
    return str(fact.metadata.get("distiller", "")).startswith(FAMILY)
