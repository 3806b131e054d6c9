"""Base activation: a weighted sum of terms per memory, discounted by age.

One short function per term; a weight of 0 in `config.Activation` switches it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core import lexical, scoring, surroundings, vectors
from helamem.protocols import ASKS, ROLES, WISHES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from helamem.config import Activation
    from helamem.core.arrays import Floats, Ints
    from helamem.search.questions import Question
    from helamem.search.regions import Region

DAY_S = 86_400.0
FEW_TERMS = 3.0  # number of terms at which a turn gets half of the weight of length
UNREAD = (
    0.05  # what cosines are worth if the embedder cannot read the question; 1 if it reads all of it
)
NEARBY = 0.5  # most value of a turn near a named time, but outside of it
ASSISTANT = ROLES.index("assistant")


def base_terms(
    region: Region, question: Question, config: Activation, at: datetime
) -> dict[str, Floats]:
    """The weighted terms of the base activation, discounted by age; shape (n,) each.

    Terms whose weight is 0 are left out.
    """
    light = region.light
    vector = config.vector + config.vector_heavy * (1 - light)
    terms: dict[str, tuple[float, Callable[[], Floats]]] = {
        "similarity": (vector, lambda: _similarity(region, question, config)),
        "words": (config.words * (1 + light) / 2, lambda: _word_score(region, config)),
        "session": (config.session, lambda: _session_similarity(region, question, config)),
        "speaker": (config.speaker, lambda: _speaker_named(region, question)),
        "user": (config.user, lambda: _not_by_assistant(region, question)),
        "wish": (
            config.wish * vector * question.asks_help,
            lambda: _wished(region, question, config),
        ),
        "date": (config.date, lambda: _date_named(region, question, config)),
        "length": (config.length * light, lambda: _saying_much(region)),
        "stating": (config.stating * light, lambda: 1 - region.having(ASKS)),
        "keyword": (config.keyword, lambda: _keyword_overlap(region, question)),
    }
    fading = _fading(region, config, at)
    return {name: weight * fading * term() for name, (weight, term) in terms.items() if weight}


def _similarity(region: Region, question: Question, config: Activation) -> Floats:
    """The similarity of the embeddings.

    If it is relative, it counts by the squared share that the embedder can read, since letters alone tell little,
    and less for a long question, whose vector is a blur.
    """
    cosine = region.similarity.astype(np.float64)
    if config.similarity == "shifted":
        return vectors.shifted_similarity(cosine)
    positive = np.maximum(cosine, 0.0)
    if config.similarity == "cosine":
        return positive
    light = lexical.lightness(np.array([len(question.terms)]), few=config.light_terms)
    return lexical.relative(positive) * max(question.coverage**2, UNREAD) * light


def _word_score(region: Region, config: Activation) -> Floats:
    """BM25 of each turn with its neighbours, of which long ones count less."""
    both = np.column_stack([region.counts, region.nodes.lengths])
    around = with_those_around(both, region, config)
    counts, lengths = around[:, :-1], around[:, -1]
    n_documents = region.postings.n_documents
    idf = lexical.inverse_document_frequency(_document_frequency(region, counts), n_documents)
    scores = lexical.bm25(
        counts,
        lengths,
        idf,
        mean_length=float(lengths.mean()) if len(lengths) else 0.0,
        k1=config.k1,
        b=config.b,
    )
    return lexical.against_attainable(scores, idf, k1=config.k1)


def with_those_around(
    values: Floats, region: Region, config: Activation, rows: Ints | None = None
) -> Floats:
    """The values of each turn plus shares of its neighbours, by their own lightness and the ties between them.

    Args:
        values: Shape (n, t).
        rows: Shape (m,): the turns that are wanted; None for all.

    Returns:
        Shape (m, t).
    """
    light = values * region.lightness[:, np.newaxis]
    around = surroundings.window_sum(
        light,
        region.previous,
        region.following,
        before=config.before,
        after=config.after,
        reach=config.window,
        ties=region.ties,
        rows=rows,
    )
    own = slice(None) if rows is None else rows
    return np.asarray(values[own] + around - light[own])


def _document_frequency(region: Region, counts: Floats) -> Floats:
    """An estimate of how many memories of the namespace have each term in or around them.

    Occurrences in a memory are counted; the ratio of those around it is taken from the region.

        itself_t * (around in the region)_t / (itself in the region)_t

    Args:
        counts: Shape (n, t): of each memory of the region with those around it.
    """
    itself, around = (region.counts > 0).sum(axis=0), (counts > 0).sum(axis=0)
    reach = np.divide(around, itself, out=np.ones(len(itself)), where=itself > 0)
    frequency = region.postings.document_frequency * reach
    return np.asarray(np.minimum(frequency, region.postings.n_documents))


def _session_similarity(region: Region, question: Question, config: Activation) -> Floats:
    """The similarity of the best turn in each turn's session."""
    return surroundings.group_max(_similarity(region, question, config), region.nodes.sessions)


def _speaker_named(region: Region, question: Question) -> Floats:
    """1 for turns of the speaker that the question names; 1/2 if it names several and this is the first."""
    if region.speaker < 0:
        return np.zeros(len(region.ids))
    share = 1.0 if len(question.named) <= 1 else 0.5
    return np.where(region.nodes.speakers == region.speaker, share, 0.0)


def _not_by_assistant(region: Region, question: Question) -> Floats:
    """1 for what others than an assistant said, which has it from them; 4/5 if the question is not the user's own.

    0 for all if it asks what the assistant said, since a reply belongs to the request before it.
    """
    by_assistant = region.nodes.roles == ASSISTANT
    if question.asks_reply or not by_assistant.any():
        return np.zeros(len(by_assistant))
    return np.where(by_assistant, 0.0, 1.0 if question.of_self else 0.8)


def _wished(region: Region, question: Question, config: Activation) -> Floats:
    """The similarity of turns that say what is wanted from then on; an assistant's advice is no wish."""
    wishes = region.having(WISHES) * (region.nodes.roles != ASSISTANT)
    return np.asarray(wishes * _similarity(region, question, config))


def _saying_much(region: Region) -> Floats:
    lengths = region.nodes.lengths.astype(np.float64)
    return np.asarray(lengths / (lengths + FEW_TERMS))


def _date_named(region: Region, question: Question, config: Activation) -> Floats:
    """1 within a time that the question names; up to half near it, for what was told later."""
    starts, ends = np.array(question.periods).reshape(-1, 2).T
    at = region.nodes.at
    near = surroundings.proximity(at, starts, ends, tau=config.date_days * DAY_S)
    return np.where(surroundings.inside(at, starts, ends), 1.0, NEARBY * near)


def _keyword_overlap(region: Region, question: Question) -> Floats:
    return lexical.overlap((region.keywords > 0).sum(axis=1), len(question.terms))


def _fading(region: Region, config: Activation, at: datetime) -> Floats:
    age = at.timestamp() - region.nodes.at
    return scoring.recency(age, config.recency_days * DAY_S)
