"""Decides for each new fact: store it, merge it, replace an old one, or mark a doubt.

Pure. Vectors and words decide whether two facts are the same; only a model can say that one replaces
another, and only of facts that it was shown.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from helamem.frozen import dataclass
from helamem.language.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.consolidation.claims import Claim
    from helamem.language.language import Language
    from helamem.protocols import Floats
    from helamem.records import Fact

Verdict: TypeAlias = Literal["store", "merge", "replace", "doubt"]

SAME_COSINE = 0.9  # two facts with vectors this near
SAME_WORDS = 0.75  # and this share of their words in common say the same
TOLD_COSINE = 0.5  # the least similarity at which a model's "same" is believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with one claim, and which old fact it concerns."""

    claim: Claim
    vector: Floats
    verdict: Verdict
    old: Fact | None = None


def decide(
    claims: Sequence[Claim],
    vectors: Floats,
    old: Sequence[Fact],
    old_vectors: Floats,
    language: Language,
) -> list[Decision]:
    """One decision per claim, in order; equal claims are united first.

    "merge": an old fact says the same. "replace": the model says that it replaces an old fact, it is not older,
    and it can be about the same thing. "doubt": it contradicts an old fact, and both stay. "store": anything else.
    An old fact is replaced at most once, and nothing is merged into a replaced fact.

    Args:
        vectors: Unit vectors of the claims, shape (n, dimension).
        old: The facts shown to the model, and those nearest to the claims.
        old_vectors: Their unit vectors, shape (m, dimension).
    """
    united, rows = unite(claims, vectors, language)
    decisions = [
        _decision(claim, vectors[row], old, old_vectors, language)
        for claim, row in zip(united, rows, strict=True)
    ]
    return _consistent(decisions)


def without_repeated(
    claims: Sequence[Claim],
    vectors: Floats,
    past: Sequence[Fact],
    past_vectors: Floats,
    language: Language,
) -> tuple[list[Claim], Floats]:
    """The claims that no past fact says of the same episodes, and their vectors.

    Args:
        vectors: Unit vectors of the claims, shape (n, dimension).
        past: Facts that others have replaced.
        past_vectors: Their unit vectors, shape (m, dimension).
    """
    cosines = vectors @ past_vectors.T
    kept = [
        row
        for row, claim in enumerate(claims)
        if not any(
            set(claim.draft.sources) <= set(fact.sources)
            and same(claim.draft.text, fact.text, float(cosines[row, column]), language)
            for column, fact in enumerate(past)
        )
    ]
    return [claims[row] for row in kept], vectors[kept]


def unite(
    claims: Sequence[Claim], vectors: Floats, language: Language
) -> tuple[list[Claim], list[int]]:
    """The distinct claims, each with all sources of its duplicates, and their rows."""
    united: list[Claim] = []
    rows: list[int] = []
    for row, claim in enumerate(claims):
        twin = next(
            (
                i
                for i, other in enumerate(united)
                if same(
                    claim.draft.text,
                    other.draft.text,
                    float(vectors[row] @ vectors[rows[i]]),
                    language,
                )
            ),
            None,
        )
        if twin is None:
            united.append(claim)
            rows.append(row)
        else:
            united[twin] = _joined(united[twin], claim)
    return united, rows


def same(one: str, other: str, cosine: float, language: Language) -> bool:
    """Whether two facts say the same: near in vector and words, with the same numbers and negations.

    >>> from helamem.language import ENGLISH
    >>> same("Ana has 2 dogs.", "Ana has 3 dogs.", 0.99, ENGLISH)
    False
    """
    if " ".join(one.casefold().split()) == " ".join(other.casefold().split()):
        return True
    if cosine < SAME_COSINE or _exact(one, language) != _exact(other, language):
        return False
    terms, others = set(terms_of(one, language)), set(terms_of(other, language))
    return len(terms & others) >= SAME_WORDS * len(terms | others)


def strengthened(fact: Fact, claim: Claim) -> float:
    """The confidence of a fact that was found again.

        c + d * (1 - c)   if the claim rests on episodes that the fact does not rest on
        max(c, d)         otherwise: the same words read twice prove nothing more

    with c the fact's confidence and d the claim's.
    """
    if set(claim.draft.sources) <= set(fact.sources):
        return max(fact.confidence, claim.draft.confidence)
    return fact.confidence + claim.draft.confidence * (1.0 - fact.confidence)


def _decision(
    claim: Claim, vector: Floats, old: Sequence[Fact], old_vectors: Floats, language: Language
) -> Decision:
    cosines = old_vectors @ vector if old else np.zeros(0)
    twins = [
        i
        for i, fact in enumerate(old)
        if same(claim.draft.text, fact.text, float(cosines[i]), language)
    ]
    if twins:
        best = max(twins, key=lambda i: float(cosines[i]))
        return Decision(claim=claim, vector=vector, verdict="merge", old=old[best])
    i = next((i for i, fact in enumerate(old) if fact.id == claim.old), None)
    verdict = "store" if i is None else _stated_relation(claim, old[i], float(cosines[i]), language)
    concerned = old[i] if i is not None and verdict != "store" else None
    return Decision(claim=claim, vector=vector, verdict=verdict, old=concerned)


def _stated_relation(claim: Claim, fact: Fact, cosine: float, language: Language) -> Verdict:
    """The decision that follows from the model's stated relation to a known fact."""
    if claim.relation == "same":
        return "merge" if cosine >= TOLD_COSINE else "store"
    if claim.relation == "replaces":
        newer = claim.draft.at >= fact.at
        return "replace" if newer and _related(claim, fact, language) else "doubt"
    return "doubt" if claim.relation == "unsure" else "store"


def _related(claim: Claim, fact: Fact, language: Language) -> bool:
    """Whether a claim and a fact may be about the same thing: a common person or word."""
    if claim.draft.speaker and claim.draft.speaker.casefold() == fact.speaker.casefold():
        return True
    return not set(terms_of(claim.draft.text, language)).isdisjoint(terms_of(fact.text, language))


def _consistent(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions without those that a replacement rules out."""
    replaced: dict[int, Decision] = {}
    for each in decisions:
        if each.verdict == "replace" and each.old is not None:
            replaced.setdefault(each.old.id, each)
    return [
        each
        if each.old is None or each.verdict == "doubt" or replaced.get(each.old.id, each) is each
        else replace(each, verdict="store", old=None)
        for each in decisions
    ]


def _joined(first: Claim, second: Claim) -> Claim:
    sources = tuple(sorted({*first.draft.sources, *second.draft.sources}))
    confidence = max(first.draft.confidence, second.draft.confidence)
    return replace(first, draft=replace(first.draft, sources=sources, confidence=confidence))


_NUMBERS = re.compile(r"\d+")


def _exact(sentence: str, language: Language) -> tuple[list[str], list[str]]:
    """The numbers and negations of a sentence, which equal statements share."""
    folded = sentence.casefold()
    negations = ["not" for _ in language.negation.findall(folded)]
    return sorted(_NUMBERS.findall(folded)), negations
