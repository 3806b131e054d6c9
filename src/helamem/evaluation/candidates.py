"""How many of the best memories are among the candidates of a search?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import lexical
from helamem.core.arrays import batches
from helamem.core.vectors import top_k
from helamem.protocols import MEMORY_KINDS, QUIET, EdgeRule, RegionQuery

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helamem.protocols import Floats, Ints, Store

K = 20
CHUNK = 20_000  # vectors that are read at once
EVERYTHING = 2**31  # more postings than a memory has
NOTHING_LEFT = 1e9  # the floor below which edges are gone; all are


def recall(store: Store, asked: Sequence[RegionQuery], *, k: int = K) -> dict[str, float]:
    """The mean share of the k best that are candidates: by vector, and by words.

    Which are best is found by looking at every memory. A kind is left out if no question has any best of it.
    """
    exact = nearest(store, np.array([each.vector for each in asked]), k)
    shares = {
        "vector": [
            _share(best, store.nearest(each.vector, max(k, each.nearest), kinds=MEMORY_KINDS)[0])
            for best, each in zip(exact, asked, strict=True)
        ],
        "words": [
            _share(best, best_by_words(store, each, max(k, each.lexical)))
            for each in asked
            if len(best := best_by_words(store, replace(each, max_postings=EVERYTHING), k))
        ],
    }
    return {name: round(float(np.mean(each)), 4) for name, each in shares.items() if each}


def nearest(store: Store, questions: Floats, k: int) -> list[Ints]:
    """The ids of the k memories nearest to each question, by the vectors of their whole texts.

    Args:
        questions: Shape (q, dimension).
    """
    ids, scores = np.empty((len(questions), 0), np.int64), np.empty((len(questions), 0))
    for some, vectors in _chunks(store):
        ids = np.hstack([ids, np.broadcast_to(some, (len(questions), len(some)))])
        scores = np.hstack([scores, questions @ vectors.T])
        best = np.array([top_k(row, k) for row in scores])
        ids, scores = np.take_along_axis(ids, best, 1), np.take_along_axis(scores, best, 1)
    return list(ids)


def by_vector(store: Store, vector: Floats, k: int) -> Ints:
    """The ids of the k candidates that a search takes by vector; a store may answer this by an index."""
    alone = EdgeRule(tau=1.0, saturation=1.0, ceiling=1.0, floor=NOTHING_LEFT)
    found = store.region(
        RegionQuery(
            vector=vector, nearest=k, lexical=1, cues=0, max_postings=1, k1=1.0, b=0.0, reach=0, rule=alone, now=0.0
        )
    )  # fmt: skip
    return found.nodes.ids


def best_by_words(store: Store, query: RegionQuery, k: int) -> Ints:
    """The ids of the k best candidates by words, best first; without those that have none of the words."""
    nowhere = np.zeros_like(query.vector)
    found = store.region(
        replace(query, vector=nowhere, nearest=1, lexical=k, cues=0, reach=0, periods=())
    )
    postings = found.postings
    scores = lexical.bm25(
        postings.table(found.nodes.ids),
        found.nodes.lengths,
        lexical.inverse_document_frequency(postings.document_frequency, postings.n_documents),
        mean_length=postings.mean_length,
        k1=query.k1,
        b=query.b,
    )
    best: Ints = found.nodes.ids[[i for i in top_k(scores, k) if scores[i] > 0]]
    return best


def _chunks(store: Store) -> Iterator[tuple[Ints, Floats]]:
    """The memories that a search may find, and their vectors, piece by piece."""
    ids = store.ids(kinds=MEMORY_KINDS)
    for chunk in batches(ids, CHUNK):
        some = chunk[(store.nodes(chunk).traits & QUIET) == 0]
        yield some, store.vectors(some)


def _share(best: Ints, candidates: Ints) -> float:
    return float(np.isin(best, candidates).mean())
