"""Judges by words alone which memories a short gold answer made use of.

`helamem.learning.implicit` judges a chat's long replies by how much of a memory they repeat. A gold answer is a
word or two, so here the measure is turned round: how much of the answer a memory holds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helamem.language.english import ENGLISH
from helamem.language.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.records import Hit

MIN_COVERED = 0.5  # of what of the answer stands in any hit
MAX_HOLDERS = 1  # so many hits may share a term that still tells which of them served


def implicitly_used(question: str, answer: str, hits: Sequence[Hit]) -> list[int]:
    """The ids of the hits that hold at least half of the answer's telling words.

        sum over t in answer & hit of weight(t) >= 1/2 * sum over t in answer & any hit of weight(t)
        weight(t) = log(1 + n / n_t), with n hits, and n_t of them with the term

    Words of the question tell nothing, and one of the shared terms must be rare among the hits.
    """
    asked = set(terms_of(question, ENGLISH))
    said = set(terms_of(answer, ENGLISH)) - asked
    shared = [set(terms_of(hit.text, ENGLISH)) & said for hit in hits]
    holders = {term: sum(term in each for each in shared) for each in shared for term in each}
    weights = {term: math.log1p(len(hits) / n) for term, n in holders.items()}
    enough = MIN_COVERED * sum(weights.values())
    return [
        hit.id
        for hit, terms in zip(hits, shared, strict=True)
        if terms
        and sum(weights[term] for term in terms) >= enough
        and min(holders[term] for term in terms) <= MAX_HOLDERS
    ]
