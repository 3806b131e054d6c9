"""Which hits are worth interrupting an agent for. Pure, and rather silent than wrong.

A hit is shown where it shares with the prompt two terms that tell something, or one with a digit in it, or where
an earlier question of the same need was bound to it. A term tells something where at most half of the hits have
it: what every memory of a project says, such as the project's name, is no reason to show one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.language.english import ENGLISH
from helamem.language.terms import terms_of

if TYPE_CHECKING:
    from helamem.language.language import Language
    from helamem.records import Hit
    from helamem.search.recall import Recall

MIN_SHARED = 2
FEW = 4  # of so few hits nothing can be told about how frequent a term is
SAME_NEED = 0.5  # the probability from which an earlier question is the same need


def relevant(recall: Recall, language: Language = ENGLISH) -> list[Hit]:
    """The hits of a recall that have something to do with its question, best first."""
    asked = set(terms_of(recall.query, language))
    shared = [asked & set(terms_of(hit.text, language)) for hit in recall.hits]
    same = {cue.id for cue in recall.cues if cue.probability >= SAME_NEED}
    common = {
        term
        for term in asked
        if len(shared) >= FEW and 2 * sum(term in each for each in shared) > len(shared)
    }
    return [
        hit
        for hit, terms in zip(recall.hits, shared, strict=True)
        if _tell(terms - common) or any(step.source in same for step in hit.via)
    ]


def _tell(terms: set[str]) -> bool:
    return len(terms) >= MIN_SHARED or any(c.isdigit() for term in terms for c in term)
