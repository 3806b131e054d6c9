"""Selects the memories that are worth interrupting an agent for. Pure; better silent than wrong.

A hit is told if it and the rest of its exchange, a prompt and its reply, share two telling terms with the prompt, or
one with a digit, or if an earlier question of the same need was bound to it. A term is telling if at most half of
the hits have it: the project's name, which every memory mentions, is no reason to tell one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.language.terms import terms_of
from helamem.search.passages import passage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.language.language import Language
    from helamem.records import Hit
    from helamem.search.recall import Recall

MIN_SHARED = 2
NEAR = 300  # most characters in which the shared terms stand: in a long reply they are chance
MIN_CONFIDENCE = 0.3  # least `Recall.confidence` for a hook to tell anything (docs/agents.md)
FEW = 4  # with fewer hits, the frequency of terms means nothing
SAME_NEED = 0.5  # least probability that an earlier question is the same need


def relevant(recall: Recall, rest: Mapping[int, Sequence[Hit]], language: Language) -> list[Hit]:
    """The hits of a recall that are relevant to its question, best first; each text once.

    A prompt says less than its reply, so its reply is told with it.

    Args:
        rest: The other turns of a hit's exchange, by the id of the hit.
    """
    asked = set(terms_of(recall.query, language))

    def shared(hit: Hit) -> set[str]:
        return asked & set(terms_of(passage(hit.text, recall.query, NEAR), language))

    by_hit = [shared(hit) for hit in recall]
    common = {
        term
        for term in asked
        if len(by_hit) >= FEW and 2 * sum(term in each for each in by_hit) > len(by_hit)
    }
    same = {cue.id for cue in recall.cues if cue.probability >= SAME_NEED}
    by_text: dict[str, Hit] = {}
    for hit, terms in zip(recall, by_hit, strict=True):
        others = rest.get(hit.id, ())
        telling = terms.union(*map(shared, others)) - common
        if _are_telling(telling) or any(step.source in same for step in hit.via):
            for each in (hit, *(others if hit.role == "user" else ())):
                by_text.setdefault(each.text, each)
    return list(by_text.values())


def _are_telling(terms: set[str]) -> bool:
    return len(terms) >= MIN_SHARED or any(c.isdigit() for term in terms for c in term)
