"""How probable it is that the hits of a search hold an answer, from what the search computed anyway.

A few signs are weighed by a logistic model, whose weights were fitted on published data sets
(`helamem bench abstention --fit`). None of them is on an embedder's own scale, so the model fits all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import lexical, surroundings
from helamem.search import cues
from helamem.search.activation import with_those_around

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.config import Activation
    from helamem.core.arrays import Bools, Floats
    from helamem.search.questions import Question
    from helamem.search.regions import Region

FIRST = 3  # hits that are looked at for the words of the question
EVEN = 0.5  # how much is known where the question has no words to go by
USUAL = 0.7  # how near what answers and what does not are on the whole, relative to memories among themselves
NEAREST = 1.2  # from here on, nearer says nothing more
FEW = 20  # of so few memories, what is near among themselves says half as much


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What speaks for or against an answer among the hits.

    Attributes:
        closeness: How near in meaning the nearest memory is to the question, relative to how near the hits are
            to the memories nearest to them, beyond what is usual. As far as the embedder cannot read the
            question, how much of it is `known` takes its place.
        known: How much of what the question's words tell is in the memory at all, in [0, 1].
        gathered: How much of it one of the first hits has, with the turns around it, in [0, 1].
        attributed: How far whom the question names said what answers best, from -1 (only others did) to 1
            (nobody else did); 0 where it names nobody.
        dated: 1 if the best hit lies in a time that the question names, -1 if outside; 0 where it names none.
        recognized: How probable it is that the same need was served before, by one of the hits.
    """

    closeness: float = 0.0
    known: float = 0.0
    gathered: float = 0.0
    attributed: float = 0.0
    dated: float = 0.0
    recognized: float = 0.0


# What `helamem bench abstention --fit` gave on LoCoMo (five conversations), BEAM (eight chats), QMSum, FriendsQA
# and Molweni, each counting the same.
INTERCEPT = -1.24
WEIGHTS: Mapping[str, float] = {
    "closeness": 3.08,
    "known": 1.39,
    "gathered": 1.3,
    "attributed": 1.22,
    "dated": 1.62,
}


def probability(signs: Signs) -> float:
    """The probability that the hits hold an answer.

        r + (1 - r) / (1 + exp(-(intercept + sum over signs of  weight * sign)))

    r is what is recognized: a need that was served before can be served again.

    >>> probability(Signs(closeness=0.2, known=1, gathered=1)) > 0.8
    True
    >>> probability(Signs(closeness=-0.4, known=0.5, gathered=0.2)) < 0.4
    True
    >>> probability(Signs(recognized=1))
    1.0
    """
    evidence = INTERCEPT + sum(weight * getattr(signs, name) for name, weight in WEIGHTS.items())
    return signs.recognized + (1 - signs.recognized) / (1 + math.exp(-evidence))


def signs(
    region: Region,
    question: Question,
    hits: Sequence[int],
    *,
    terms: Mapping[str, Floats],
    config: Activation,
) -> Signs:
    """The signs for an answer among the hits.

    Args:
        hits: Local indices, best first; at least one.
        terms: The terms of the base activation.
    """
    telling = _telling(question)
    frequency = region.postings.document_frequency[telling]
    idf = lexical.inverse_document_frequency(frequency, region.postings.n_documents)
    first = hits[:FIRST]
    around = with_those_around((region.counts > 0)[:, telling].astype(np.float64), region, config)
    known = _share((frequency > 0)[np.newaxis].astype(np.float64), idf)
    near = _nearness(region, hits)
    return Signs(
        closeness=question.coverage * near + (1 - question.coverage) * known - USUAL,
        known=known,
        gathered=_share(np.minimum(around[list(first)], 1.0), idf),
        attributed=_attributed(region, terms),
        dated=_dated(region, question, hits[0]),
        recognized=cues.recognition(region.cues, region.edges, region.ids[list(hits)]),
    )


def _telling(question: Question) -> Bools:
    """Which terms say what is asked for: neither whom it is about nor when."""
    places = range(len(question.terms))
    return np.array(
        [i < question.n_telling and question.terms[i] not in question.dating for i in places],
        np.bool_,
    )


def _share(amounts: Floats, idf: Floats) -> float:
    """How much of what the terms tell the best row has; even, where they tell nothing.

    Args:
        amounts: Shape (n, t): how far each row has each term, in [0, 1].
    """
    total = float(idf.sum())
    return float((amounts * idf).sum(axis=1).max() / total) if total > 0 else EVEN


def _nearness(region: Region, hits: Sequence[int]) -> float:
    """The highest cosine with the question, relative to those between hits and the memories nearest to them."""
    lengths = np.linalg.norm(region.vectors, axis=1, keepdims=True)
    unit = region.vectors / np.where(lengths > 0, lengths, 1.0)
    rows = list(hits)
    # Not a matrix product, which would call other cores for a task that is over before they come.
    between = np.einsum("ij,kj->ik", unit[rows], unit)
    between[np.arange(len(rows)), rows] = -1.0
    among = float(between.max(axis=1).mean())
    nearest = float(region.similarity[region.allowed].max(initial=0.0))
    ratio = min(max(nearest, 0.0) / among, NEAREST) if among > 0 else USUAL
    n = len(unit)
    return USUAL + (ratio - USUAL) * n / (n + FEW)


def _attributed(region: Region, terms: Mapping[str, Floats]) -> float:
    """How much better the best turn of whom the question names fits in meaning and words than any of others."""
    if region.speaker < 0:
        return 0.0
    zeros = np.zeros(len(region.ids))
    content = terms.get("similarity", zeros) + terms.get("words", zeros)
    theirs = region.nodes.speakers == region.speaker
    own = float(content[theirs & region.allowed].max(initial=0.0))
    others = float(content[~theirs & region.allowed].max(initial=0.0))
    return (own - others) / max(own, others) if max(own, others) > 0 else 0.0


def _dated(region: Region, question: Question, best: int) -> float:
    if not question.periods:
        return 0.0
    starts, ends = np.array(question.periods).T
    return 1.0 if surroundings.inside(region.nodes.at[[best]], starts, ends)[0] else -1.0
