"""The probability that the hits of a search hold an answer, from values that the search has computed.

A logistic model weighs a few signs; its weights were fitted on published data sets (`helamem bench abstention
--fit`). No sign is on an embedder's own scale, so the model fits every embedder.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import lexical, surroundings
from helamem.core.vectors import products
from helamem.frozen import dataclass
from helamem.search import cues
from helamem.search.activation import with_those_around

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.config import Activation
    from helamem.core.arrays import Bools, Floats
    from helamem.search.questions import Question
    from helamem.search.regions import Region

FIRST = 3  # number of hits that are searched for the words of the question
EVEN = 0.5  # `known` of a question without telling words
USUAL = 0.7  # mean closeness of answers and others, relative to that of memories among themselves
NEAREST = 1.2  # closeness is capped here
FEW = 20  # number of memories at which their own closeness counts half


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Signs for or against an answer among the hits.

    Attributes:
        closeness: The highest cosine with the question, relative to those of the hits with the memories nearest to
            them, less the usual value; 0 if the embedder cannot read the question, or nothing is to be compared.
        known: The share of the question's telling words that the memory has at all, in [0, 1].
        gathered: The share of them that one of the first hits has, with its neighbours, in [0, 1].
        attributed: Whether the person named said what fits best, from -1 (only others did) to 1 (nobody else did);
            0 if the question names nobody.
        dated: 1 if the best hit lies in a time that the question names, -1 if outside; 0 if it names none.
        recognized: The probability that one of the hits served the same need before.
    """

    closeness: float = 0.0
    known: float = 0.0
    gathered: float = 0.0
    attributed: float = 0.0
    dated: float = 0.0
    recognized: float = 0.0


# The result of `helamem bench abstention --fit` on LoCoMo (five conversations), BEAM (eight chats), QMSum,
# FriendsQA and Molweni, with equal weight.
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

    with r = `recognized`: a need that was served before can be served again.

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
    present = (region.counts > 0)[:, telling].astype(np.float64)
    gathered = with_those_around(present, region, config, np.array(hits[:FIRST]))
    return Signs(
        closeness=question.coverage * _closeness(region, hits),
        known=_share((frequency > 0)[np.newaxis].astype(np.float64), idf),
        gathered=_share(np.minimum(gathered, 1.0), idf),
        attributed=_attributed(region, terms),
        dated=_dated(region, question, hits[0]),
        recognized=cues.recognition(region.cues, region.edges, region.ids[list(hits)]),
    )


def _telling(question: Question) -> Bools:
    """Which terms are neither names nor dates."""
    places = range(len(question.terms))
    return np.array(
        [i < question.n_telling and question.terms[i] not in question.dating for i in places],
        np.bool_,
    )


def _share(amounts: Floats, idf: Floats) -> float:
    """The largest share of the terms' information in a row; equal weights if the terms have none.

    Args:
        amounts: Shape (n, t): how far each row has each term, in [0, 1].
    """
    total = float(idf.sum())
    return float((amounts * idf).sum(axis=1).max() / total) if total > 0 else EVEN


def _closeness(region: Region, hits: Sequence[int]) -> float:
    """How far the highest cosine, relative to those between hits and memories nearest to them, is above the usual."""
    vectors, rows = region.vectors, list(hits)
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    lengths[lengths == 0] = 1.0
    between = products(vectors[rows], vectors) / (lengths[rows, np.newaxis] * lengths)
    between[np.arange(len(rows)), rows] = -1.0
    among = float(between.max(axis=1).mean())
    nearest = float(region.similarity[region.allowed].max(initial=0.0))
    ratio = min(max(nearest, 0.0) / among, NEAREST) if among > 0 else USUAL
    n = len(vectors)
    return (ratio - USUAL) * n / (n + FEW)


def _attributed(region: Region, terms: Mapping[str, Floats]) -> float:
    """How much better the best turn of the person named fits than the best of others."""
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
