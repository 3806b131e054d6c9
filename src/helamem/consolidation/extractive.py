"""From a cluster of episodes to facts, without a language model: the sentences that say most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helamem import indexing
from helamem.consolidation.distiller import Draft, Outcome, embedded, new_fact
from helamem.core import vectors
from helamem.language import language_named
from helamem.language.english import ENGLISH
from helamem.language.sentences import is_question, sentences
from helamem.language.terms import terms_of
from helamem.protocols import Distillate
from helamem.records import Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.config import Config
    from helamem.language.language import Language
    from helamem.protocols import Embedder, Floats, Store
    from helamem.records import Episode

NAME = "extractive-1"
MIN_TERMS = 3
MAX_SENTENCES = 3
NEAREST = 4  # a fact with the same words has the same vector, so that it is among these


class Extractive:
    """Takes the sentences that say most."""

    name = NAME

    def __init__(self, embedder: Embedder, config: Config) -> None:
        self._embedder = embedder
        self._config = config
        self._language = language_named(config.language)

    def distil(self, episodes: Sequence[Episode]) -> Extracted:
        """One draft a speaker."""
        drafts = self._drafts(episodes)
        vectors = embedded(self._embedder, drafts)
        return Extracted(drafts=drafts, vectors=vectors, language=self._language)

    def _drafts(self, episodes: Sequence[Episode]) -> list[Draft]:
        found = statements(episodes, self._language)
        if not found:
            return []
        embedded = indexing.embed(self._embedder, [each.text for each in found])
        return extract(found, embedded, max_facts=self._config.consolidation.max_facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """Drafts with their vectors, shape (drafts, dimension)."""

    drafts: Sequence[Draft]
    vectors: Floats
    language: Language

    def compared(self, known: Store, marks: Sequence[bytes], *, now: float) -> Outcome:
        """What is not known yet; what says the same with fewer sources is replaced."""
        near = self._near(known)
        fresh = [
            (draft, vector)
            for draft, vector in zip(self.drafts, self.vectors, strict=True)
            if all(draft.text != fact.text for fact in near)
        ]
        replaced = {
            fact.id: index
            for index, (draft, _) in enumerate(fresh)
            for fact in near
            if _widens(draft, fact)
        }
        made = {"distiller": NAME}
        facts = [new_fact(draft, vector, self.language, now, made) for draft, vector in fresh]
        return Outcome(
            distillate=Distillate(
                marks=marks, facts=facts, changed=[], superseded=list(replaced.items()), at=now
            ),
            merged=len(self.drafts) - len(fresh),
        )

    def _near(self, known: Store) -> list[Fact]:
        """The facts that a draft may repeat: those of its episodes, and those nearest to its words."""
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


def _widens(draft: Draft, fact: Fact) -> bool:
    """Whether a draft says what an extracted fact says, and more: a model's words are not ours to replace."""
    return (
        fact.metadata.get("distiller") == NAME
        and fact.speaker == draft.speaker
        and set(fact.sources) < set(draft.sources)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A statement out of an episode."""

    text: str
    episode: Episode


def statements(cluster: Sequence[Episode], language: Language = ENGLISH) -> list[Sentence]:
    """The sentences of a cluster that state something: no questions, nothing under three terms."""
    return [
        Sentence(text=sentence, episode=episode)
        for episode in cluster
        for sentence in sentences(episode.text, language)
        if not is_question(sentence, language)
        and len(set(terms_of(sentence, language))) >= MIN_TERMS
    ]


def extract(sentences: Sequence[Sentence], embedded: Floats, *, max_facts: int) -> list[Draft]:
    """One draft a speaker: the sentences of the cluster that are nearest to what it is about.

    Args:
        sentences: What `statements` found.
        embedded: Their unit vectors, shape (n, dimension).
        max_facts: How many drafts at most; the most central speakers come first.
    """
    if not sentences:
        return []
    centrality = _centrality(embedded)
    speakers = sorted(
        {each.episode.speaker for each in sentences},
        key=lambda name: (
            -max(
                c for c, s in zip(centrality, sentences, strict=True) if s.episode.speaker == name
            ),
            name,
        ),
    )
    return [_draft(name, sentences, centrality) for name in speakers[:max_facts]]


def _centrality(embedded: Floats) -> list[float]:
    """The cosine of each sentence with the mean of all."""
    mean = vectors.normalize(embedded.mean(axis=0, keepdims=True))[0]
    return [float(value) for value in vectors.similarities(mean, embedded)]


def _draft(speaker: str, sentences: Sequence[Sentence], centrality: Sequence[float]) -> Draft:
    """The most central sentences of one speaker, told in the order in which they were said."""
    own = [i for i, each in enumerate(sentences) if each.episode.speaker == speaker]
    best = sorted(own, key=lambda i: (-centrality[i], i))[:MAX_SENTENCES]
    told = [sentences[i] for i in sorted(best, key=lambda i: (sentences[i].episode.at, i))]
    said = " ".join(dict.fromkeys(each.text for each in told))
    return Draft(
        text=f"{speaker}: {said}" if speaker else said,
        kind="statement",
        confidence=float(np.clip(np.mean([centrality[i] for i in best]), 0.01, 1.0)),
        sources=tuple(sorted({each.episode.id for each in told})),
        speaker=speaker,
        at=max(each.episode.at for each in told),
    )


def facts_quoting(store: Store, ids: Sequence[int]) -> list[int]:
    """The facts that repeat the words of these episodes: extracted ones, superseded ones too.

    They say nothing that their episodes do not say. What a model put in words of its own is not among
    them: it stays as long as it rests on something.
    """
    return [
        fact.id
        for fact in store.facts(superseded=True, resting_on=ids)
        if fact.metadata.get("distiller") == NAME
    ]
