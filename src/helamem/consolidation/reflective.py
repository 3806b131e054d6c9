"""Distils with a language model: one call per cluster, whose reply is checked and compared with known facts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.consolidation import claims, merging, removed
from helamem.consolidation.distiller import Outcome, embedded, new_fact
from helamem.core.vectors import normalize
from helamem.errors import CutOffError, LLMError
from helamem.frozen import dataclass
from helamem.language import language_named
from helamem.models import prompts, schemas
from helamem.protocols import ChangedFact, Distillate, Reply, Request
from helamem.records import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from helamem.config import Config
    from helamem.consolidation.claims import Parsed
    from helamem.consolidation.merging import Decision
    from helamem.language.language import Language
    from helamem.protocols import LLM, Embedder, Floats, Ints, Store
    from helamem.records import Episode, Json

NEAREST = 4  # most known facts that a new one is compared with, beyond those shown to the model


class Reflective:
    """Asks a language model, once per cluster."""

    def __init__(self, store: Store, embedder: Embedder, config: Config, llm: LLM) -> None:
        self.name = claims.distiller(llm.name)
        self._store = store
        self._embedder = embedder
        self._config = config
        self._language = language_named(config.language)
        self._llm = llm

    def distil(self, episodes: Sequence[Episode]) -> Reflected:
        """Ask the model, and check its reply.

        Raises:
            LLMError: The model failed, or answered in another form than requested; a `CutOffError` if its answer
                was too long, unless it is kept as far as it came.
        """
        shown = self._facts_nearby([episode.id for episode in episodes])
        reply, cut_off = self._reply_to(
            Request(
                claims.messages(episodes, shown, self._language),
                schema=claims.schema(len(episodes), related=bool(shown)),
                max_tokens=self._config.llm.max_tokens,
            ),
            salvage=not claims.shorter_in_halves(len(episodes)),
        )
        parsed = claims.parse(reply.data, episodes, shown, self._language)
        if parsed.misshapen:  # a model that misses the form may keep to it another time
            raise LLMError(
                f"{self._llm.name} answered in another form than requested: {parsed.refused[0]}",
                provider=self._llm.name,
                retryable=True,
            )
        return Reflected(
            parsed=replace(parsed, refused=(*parsed.refused, *cut_off)),
            vectors=embedded(self._embedder, [claim.draft for claim in parsed.claims]),
            shown=shown,
            made={"distiller": self.name, "model": reply.model, "prompt": prompts.VERSION},
            language=self._language,
        )

    def _reply_to(self, request: Request, *, salvage: bool) -> tuple[Reply, tuple[str, ...]]:
        """The reply, and a sentence if it was cut off and holds its complete facts only.

        Raises:
            LLMError: The model failed; a `CutOffError` if no complete fact may be kept.
        """
        try:
            return self._llm.complete(request), ()
        except CutOffError as error:
            facts = schemas.complete_items(error.text, "facts")
            if not (facts and salvage):
                raise
            reply = Reply(text=error.text, data={"facts": facts}, model=error.model)
        return reply, (
            f"the answer was cut off after {len(facts)} facts, which are kept; raise llm.max_tokens",
        )

    def _facts_nearby(self, episodes: Sequence[int]) -> list[Fact]:
        """The known facts nearest to the cluster."""
        with self._store.reading() as seen:
            vectors = seen.vectors(np.array(episodes, np.int64))
            mean = normalize(vectors.mean(axis=0, keepdims=True))[0]
            ids, _ = seen.nearest(mean, self._config.reflection.known, kinds=["fact"])
            return _facts(seen, ids.tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflected:
    """A model's checked reply.

    Attributes:
        vectors: Unit vectors of the claims, shape (n, dimension).
        shown: The known facts that the model was shown, as they were then.
        made: Metadata of every fact about its origin.
    """

    parsed: Parsed
    vectors: Floats
    shown: Sequence[Fact]
    made: Mapping[str, Json]
    language: Language

    def compared(self, known: Store, marks: Sequence[bytes], *, now: float) -> Outcome:
        """Compare with known facts: new, known, or replacing one.

        A claim that an episode gave before, and that was deleted or replaced by another fact since, is known.
        """
        past = self._replaced_facts(known)
        returning = removed.returning(known, [claim.draft for claim in self.parsed.claims])
        stay = [row for row, returns in enumerate(returning) if not returns]
        claims, vectors = merging.without_repeated(
            [self.parsed.claims[row] for row in stay],
            self.vectors[stay],
            past,
            known.vectors(_ids(past)),
            self.language,
        )
        old = self._facts_to_compare(known)
        decisions = merging.decide(claims, vectors, old, known.vectors(_ids(old)), self.language)
        n_repeated = len(self.parsed.claims) - len(claims)
        return Outcome(
            distillate=_distillate(decisions, marks, self.made, self.language, now),
            merged=n_repeated + sum(each.verdict == "merge" for each in decisions),
            refused=self.parsed.refused,
        )

    def _replaced_facts(self, known: Store) -> list[Fact]:
        """The facts of the same episodes that other facts have replaced."""
        cited = {id_ for claim in self.parsed.claims for id_ in claim.draft.sources}
        past = {
            fact.id: fact.superseded_by
            for fact in known.facts(superseded=True, resting_on=sorted(cited))
            if fact.superseded_by is not None
        }
        newer = {fact.id for fact in _facts(known, set(past.values()))}
        return _facts(known, [id_ for id_, by in past.items() if by in newer])

    def _facts_to_compare(self, known: Store) -> list[Fact]:
        """The known facts to compare with: those shown that still hold, and those nearest to each claim."""
        hold = set(known.ids(kinds=["fact"]).tolist())
        still = [fact.id for fact in self.shown if fact.id in hold]
        near = [
            id_
            for vector in self.vectors
            for id_ in known.nearest(vector, NEAREST, kinds=["fact"])[0].tolist()
        ]
        return _facts(known, dict.fromkeys([*still, *near]))


def _facts(store: Store, ids: Iterable[int]) -> list[Fact]:
    return [each for each in store.get(list(ids)) if isinstance(each, Fact)]


def _distillate(
    decisions: Sequence[Decision],
    marks: Sequence[bytes],
    made: Mapping[str, Json],
    language: Language,
    now: float,
) -> Distillate:
    """The decisions as a store's input."""
    new = [each for each in decisions if each.verdict != "merge"]
    changed: dict[int, Fact] = {}
    for each in decisions:
        if each.old is not None and each.verdict in {"merge", "doubt"}:
            changed[each.old.id] = _after_decision(changed.get(each.old.id, each.old), each)
    return Distillate(
        marks=marks,
        facts=[
            new_fact(each.claim.draft, each.vector, language, now, {**made, **_contradiction(each)})
            for each in new
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


def _contradiction(decision: Decision) -> dict[str, Json]:
    """The metadata of a fact that contradicts another one."""
    if decision.verdict != "doubt" or decision.old is None:
        return {}
    return {"contradicts": decision.old.id}


def _after_decision(fact: Fact, decision: Decision) -> Fact:
    """A known fact after a decision: marked as contradicted, or with more confidence."""
    if decision.verdict == "doubt":
        return replace(fact, metadata={**fact.metadata, "contradicted": True})
    claim = decision.claim
    return replace(
        fact,
        confidence=merging.strengthened(fact, claim),
        sources=tuple(sorted({*fact.sources, *claim.draft.sources})),
    )


def _ids(facts: Sequence[Fact]) -> Ints:
    return np.array([fact.id for fact in facts], np.int64)
