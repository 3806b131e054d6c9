"""Reorders the hits of a search by a model that reads the question and each memory together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.core.arrays import real_numbers
from helamem.errors import RerankerError
from helamem.indexing import spoken
from helamem.search.search import Stopwatch

if TYPE_CHECKING:
    from helamem.protocols import Floats, Reranker
    from helamem.search.recall import Recall


def reranked(recall: Recall, reranker: Reranker, k: int) -> Recall:
    """The best k hits by the reranker's scores; hits of equal scores keep their order.

    Raises:
        ProviderError: The reranker failed.
    """
    if not recall.hits:
        return recall
    watch = Stopwatch()
    texts = [spoken(hit.speaker, hit.text) for hit in recall.hits]
    scores = _checked(reranker.scores(recall.query, texts), len(texts), reranker.name)
    best = np.argsort(-scores, kind="stable")[:k].tolist()
    hits = tuple(replace(recall.hits[i], reranked=float(scores[i])) for i in best)
    watch.lap("reranking")
    return replace(recall, hits=hits, milliseconds={**recall.milliseconds, **watch.laps})


def _checked(returned: object, n: int, name: str) -> Floats:
    scores = real_numbers(returned)
    if scores is None or scores.shape != (n,) or not np.isfinite(scores).all():
        shape = f"shape {scores.shape}" if scores is not None else f"type {type(returned).__name__}"
        raise RerankerError(
            f"{name} gave scores of {shape} for {n} memories, or some that are not finite; "
            "a reranker gives one finite score per text",
            provider=name,
        )
    return scores
