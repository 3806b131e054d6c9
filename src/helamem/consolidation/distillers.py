"""From a cluster of episodes to what a store is to write: by sentences of the episodes, or by a language model.

A distiller reads, and asks where it has whom to ask; it writes nothing. So a failure in the middle leaves
nothing behind, and everything about a cluster is stored in one transaction, by its caller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from helamem import indexing
from helamem.consolidation import extractive, merging, reflective
from helamem.core.vectors import normalize
from helamem.models import prompts
from helamem.protocols import ChangedFact, Distillate, NewFact
from helamem.records import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from helamem.config import Config
    from helamem.consolidation.extractive import Draft
    from helamem.consolidation.merging import Decision
    from helamem.protocols import LLM, Embedder, Floats, Ints, Store
    from helamem.records import Episode, Json

NEAREST = 4  # known facts that a new one is compared with, beside those that the model was shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a cluster gave.

    Attributes:
        merged: How many facts were known already.
        refused: What of a model's answer does not count, one sentence each.
    """

    distillate: Distillate
    merged: int = 0
    refused: tuple[str, ...] = ()


class Distiller(Protocol):
    """Makes facts of episodes."""

    @property
    def name(self) -> str:
        """Goes into the fingerprint of what it has distilled."""
        ...

    def distil(self, episodes: Sequence[Episode], marks: Sequence[bytes], *, now: float) -> Outcome:
        """What one cluster gives.

        Args:
            marks: Digests to be stored with it.
            now: Epoch seconds.
        """
        ...


class Extractive:
    """Takes the sentences that say most; see `helamem.consolidation.extractive`."""

    name = extractive.NAME

    def __init__(self, store: Store, embedder: Embedder, config: Config) -> None:
        self._store = store
        self._embedder = embedder
        self._config = config

    def distil(self, episodes: Sequence[Episode], marks: Sequence[bytes], *, now: float) -> Outcome:
        """One fact a speaker; one that is there already is not stored again.

        A fact that rests on all that an older one of the same speaker rests on, and on more, replaces it.
        """
        drafts = self._drafts(episodes)
        known = self._store.facts()
        fresh = [draft for draft in drafts if all(draft.text != fact.text for fact in known)]
        vectors = _embedded(self._embedder, fresh)
        facts = [
            _new_fact(draft, vector, now, {"distiller": self.name})
            for draft, vector in zip(fresh, vectors, strict=True)
        ]
        replaced = {
            fact.id: index
            for index, draft in enumerate(fresh)
            for fact in known
            if fact.speaker == draft.speaker and set(fact.sources) < set(draft.sources)
        }
        return Outcome(
            distillate=Distillate(
                marks=marks, facts=facts, changed=[], superseded=list(replaced.items()), at=now
            ),
            merged=len(drafts) - len(fresh),
        )

    def _drafts(self, episodes: Sequence[Episode]) -> list[Draft]:
        sentences = extractive.statements(episodes)
        if not sentences:
            return []
        embedded = indexing.embed(self._embedder, [each.text for each in sentences])
        return extractive.extract(
            sentences, embedded, max_facts=self._config.consolidation.max_facts
        )


class Reflective:
    """Asks a language model, once a cluster; see `helamem.consolidation.reflective` and `helamem.consolidation.merging`."""

    def __init__(self, store: Store, embedder: Embedder, config: Config, llm: LLM) -> None:
        self.name = reflective.distiller(llm.name)
        self._store = store
        self._embedder = embedder
        self._config = config
        self._llm = llm

    def distil(self, episodes: Sequence[Episode], marks: Sequence[bytes], *, now: float) -> Outcome:
        """What the model says, checked, and compared with what is known.

        Raises:
            LLMError: The model failed, or answered in another form than asked for.
        """
        shown = self._known_near(self._store.vectors(np.array([e.id for e in episodes], np.int64)))
        reply = self._llm.complete(
            reflective.messages(episodes, shown),
            schema=reflective.SCHEMA,
            max_tokens=self._config.llm.max_tokens,
        )
        parsed = reflective.parse(reply.data, episodes, shown)
        vectors = _embedded(self._embedder, [claim.draft for claim in parsed.claims])
        old = self._concerned(vectors, shown)
        decisions = merging.decide(parsed.claims, vectors, old, self._store.vectors(_ids(old)))
        made: dict[str, Json] = {
            "distiller": self.name,
            "model": reply.model,
            "prompt": prompts.VERSION,
        }
        return Outcome(
            distillate=_distillate(decisions, marks, made, now),
            merged=sum(each.verdict == "merge" for each in decisions),
            refused=parsed.refused,
        )

    def _known_near(self, vectors: Floats) -> list[Fact]:
        """The known facts nearest to what the cluster is about."""
        most = self._config.reflection.known
        mean = normalize(vectors.mean(axis=0, keepdims=True))[0]
        ids, _ = self._store.nearest(mean, most, kinds=["fact"])
        return self._facts(ids.tolist())

    def _concerned(self, vectors: Floats, shown: Sequence[Fact]) -> list[Fact]:
        """The known facts that new ones may concern: those shown, and those nearest to each."""
        near = [
            id_
            for vector in vectors
            for id_ in self._store.nearest(vector, NEAREST, kinds=["fact"])[0].tolist()
        ]
        known = {fact.id for fact in shown}
        return [*shown, *self._facts(id_ for id_ in dict.fromkeys(near) if id_ not in known)]

    def _facts(self, ids: Iterable[int]) -> list[Fact]:
        return [each for each in self._store.get(list(ids)) if isinstance(each, Fact)]


def _distillate(
    decisions: Sequence[Decision], marks: Sequence[bytes], made: Mapping[str, Json], now: float
) -> Distillate:
    """What decisions come to, for a store."""
    new = [each for each in decisions if each.verdict != "merge"]
    changed: dict[int, Fact] = {}
    for each in decisions:
        if each.old is not None and each.verdict in {"merge", "doubt"}:
            changed[each.old.id] = _changed(changed.get(each.old.id, each.old), each)
    return Distillate(
        marks=marks,
        facts=[
            _new_fact(each.claim.draft, each.vector, now, {**made, **_doubt(each)}) for each in new
        ],
        changed=[
            ChangedFact(
                id=fact.id,
                confidence=fact.confidence,
                sources=fact.sources,
                metadata=fact.metadata,
            )
            for fact in changed.values()
        ],
        superseded=[
            (each.old.id, index)
            for index, each in enumerate(new)
            if each.verdict == "replace" and each.old is not None
        ],
        at=now,
    )


def _doubt(decision: Decision) -> dict[str, Json]:
    """The mark of a fact that contradicts another one, where nobody could say which holds."""
    if decision.verdict != "doubt" or decision.old is None:
        return {}
    return {"contradicts": decision.old.id}


def _changed(fact: Fact, decision: Decision) -> Fact:
    """A known fact after a decision: in doubt, or surer."""
    if decision.verdict == "doubt":
        return replace(fact, metadata={**fact.metadata, "contradicted": True})
    claim = decision.claim
    return replace(
        fact,
        confidence=merging.strengthened(fact, claim),
        sources=tuple(sorted({*fact.sources, *claim.draft.sources})),
    )


def _embedded(embedder: Embedder, drafts: Sequence[Draft]) -> Floats:
    if not drafts:
        return np.zeros((0, embedder.dimension), np.float32)
    return indexing.embed(embedder, [draft.text for draft in drafts])


def _new_fact(draft: Draft, vector: Floats, now: float, metadata: Mapping[str, Json]) -> NewFact:
    return NewFact(
        text=draft.text,
        kind=draft.kind,
        confidence=draft.confidence,
        sources=draft.sources,
        speaker=draft.speaker,
        at=draft.at.timestamp(),
        stored_at=now,
        metadata=metadata,
        vector=vector,
        **indexing.indexed(draft.text),
    )


def _ids(facts: Sequence[Fact]) -> Ints:
    return np.array([fact.id for fact in facts], np.int64)
