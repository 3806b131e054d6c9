"""How active each memory of a region is by itself: a weighted sum of terms, faded with age.

One short function a term; a weight of 0 in `config.Activation` switches it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core import lexical, scoring, surroundings, vectors
from helamem.protocols import ASKS, NAMES, NAMES_TIME

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from helamem.config import Activation
    from helamem.core.arrays import Floats, Ints
    from helamem.search.questions import Question
    from helamem.search.regions import Region

DAY_S = 86_400.0
FEW_TERMS = 3.0  # a turn of so many terms gets half of what saying much is worth


def base_terms(
    region: Region, question: Question, config: Activation, at: datetime
) -> dict[str, Floats]:
    """The weighted terms of the base activation, faded with age; shape (n,) each.

    Terms whose weight is 0 are left out.
    """
    words = config.words * (1 - question.breadth * config.broad_words)
    session = config.session * (1 - question.breadth * config.broad_session)
    terms: dict[str, tuple[float, Callable[[], Floats]]] = {
        "similarity": (config.vector, lambda: _similarity(region, config)),
        "words": (words, lambda: _word_score(region, config)),
        "session": (session, lambda: _session_similarity(region, config)),
        "speaker": (config.speaker, lambda: _speaker_named(region, question)),
        "date": (config.date, lambda: _date_named(region, question, config)),
        "time": (config.time, lambda: _time_told(region, question)),
        "length": (config.length, lambda: _saying_much(region)),
        "naming": (config.naming, lambda: region.having(NAMES)),
        "stating": (config.stating, lambda: 1 - region.having(ASKS)),
        "keyword": (config.keyword, lambda: _keyword_overlap(region, question)),
    }
    fading = _fading(region, config, at)
    return {name: weight * fading * term() for name, (weight, term) in terms.items() if weight}


def _similarity(region: Region, config: Activation) -> Floats:
    cosine = region.similarity.astype(np.float64)
    if config.similarity == "shifted":
        return vectors.shifted_similarity(cosine)
    positive = np.maximum(cosine, 0.0)
    return positive if config.similarity == "cosine" else lexical.relative(positive)


def _word_score(region: Region, config: Activation) -> Floats:
    """BM25 of each turn with the turns around it."""

    def window(values: Floats) -> Floats:
        around = surroundings.window_sum(
            values,
            region.previous,
            region.following,
            before=config.before,
            after=config.after,
            reach=config.window,
        )
        return around + config.answered * _from_question(values, region)

    counts, lengths = window(region.counts), window(region.nodes.lengths)
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


def _document_frequency(region: Region, counts: Floats) -> Floats:
    """How many memories of the namespace have each term in them or around them.

    It is counted for the terms themselves; how many more have them around is seen in the region.

        itself_t * (around in the region)_t / (itself in the region)_t

    Args:
        counts: Shape (n, t): of each memory of the region with those around it.
    """
    itself, around = (region.counts > 0).sum(axis=0), (counts > 0).sum(axis=0)
    reach = np.divide(around, itself, out=np.ones(len(itself)), where=itself > 0)
    frequency = region.postings.document_frequency * reach
    return np.asarray(np.minimum(frequency, region.postings.n_documents))


def _from_question(values: Floats, region: Region) -> Floats:
    """What the turn before holds, where it asks; 0 elsewhere."""
    asked = _answers(region)
    out = np.zeros(values.shape)
    out[asked] = values[region.previous[asked]]
    return out


def _answers(region: Region) -> Ints:
    """The turns that follow a question."""
    follows = region.previous >= 0
    asks = region.having(ASKS)[region.previous] > 0
    return np.flatnonzero(follows & asks)


def _time_told(region: Region, question: Question) -> Floats:
    return region.having(NAMES_TIME) * question.asks_when


def _session_similarity(region: Region, config: Activation) -> Floats:
    """How similar the best turn of each turn's session is."""
    return surroundings.group_max(_similarity(region, config), region.nodes.sessions)


def _speaker_named(region: Region, question: Question) -> Floats:
    """1 where a turn's speaker is the one whom the question names; 1/2 if it is the first of several."""
    if region.speaker < 0:
        return np.zeros(len(region.ids))
    share = 1.0 if len(question.named) == 1 else 0.5
    return np.where(region.nodes.speakers == region.speaker, share, 0.0)


def _saying_much(region: Region) -> Floats:
    lengths = region.nodes.lengths.astype(np.float64)
    return np.asarray(lengths / (lengths + FEW_TERMS))


def _date_named(region: Region, question: Question, config: Activation) -> Floats:
    """How near each turn is to a date that the question names."""
    years = (
        np.unique(region.nodes.at.astype("datetime64[s]").astype("datetime64[Y]").astype(int))
        + 1970
    )
    intervals = [
        interval
        for date in question.dates
        for year in ([date.year] if date.year else years)
        if (interval := date.interval(int(year))) is not None
    ]
    starts, ends = np.array(intervals).reshape(-1, 2).T
    return surroundings.proximity(region.nodes.at, starts, ends, tau=config.date_days * DAY_S)


def _keyword_overlap(region: Region, question: Question) -> Floats:
    return lexical.overlap((region.keywords > 0).sum(axis=1), len(question.terms))


def _fading(region: Region, config: Activation, at: datetime) -> Floats:
    age = at.timestamp() - region.nodes.at
    return scoring.recency(age, config.recency_days * DAY_S)
