"""Selects the hits that are worth interrupting an agent for. Pure; better silent than wrong.

Nothing is shown unless the memory probably holds something about the prompt (`Recall.confidence`). Then a hit is
shown if it shares two telling terms with the prompt, or one with a digit, or if an earlier question of the same
need was bound to it. A term is telling if at most half of the hits have it: the project's name, which
every memory mentions, is no reason to show one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.language.terms import terms_of

if TYPE_CHECKING:
    from helamem.language.language import Language
    from helamem.records import Hit
    from helamem.search.recall import Recall

MIN_SHARED = 2
# On conversations and chats with assistants, it loses one found answer in fifty, and holds back more than half of
# the questions that belong to other memories (docs/evaluation/dev-corpora-abstention-static.md).
MIN_CONFIDENCE = 0.3
FEW = 4  # with fewer hits, the frequency of terms means nothing
SAME_NEED = 0.5  # least probability that an earlier question is the same need


def relevant(recall: Recall, language: Language) -> list[Hit]:
    """The hits of a recall that are relevant to its question, best first."""
    if recall.confidence < MIN_CONFIDENCE:
        return []
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
        if _are_telling(terms - common) or any(step.source in same for step in hit.via)
    ]


def _are_telling(terms: set[str]) -> bool:
    return len(terms) >= MIN_SHARED or any(c.isdigit() for term in terms for c in term)
