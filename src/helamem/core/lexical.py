"""Words: how telling they are, BM25 from counts, and counts that reach beyond the single turn.

What a turn shares with its neighbors or its whole session is added to counts and lengths, and scored
after: adding up scores would count a word that all of them repeat once for each.
"""

from __future__ import annotations

import numpy as np

from helamem.core.arrays import Bools, Floats, Ints, check_length


def inverse_document_frequency(document_frequency: Floats | Ints, n_documents: int) -> Floats:
    """How telling each term is: the rarer, the more (Lucene's form, which is never negative).

        idf = log(1 + (N - df + 0.5) / (df + 0.5))

    Args:
        document_frequency: Shape (t,): in how many documents each term occurs.
        n_documents: N, how many documents there are.

    Returns:
        Shape (t,), above 0.

    Raises:
        ValueError: A term occurs in fewer than no, or more than all documents.

    >>> inverse_document_frequency(np.array([0.0, 1.0, 3.0]), 3).round(3).tolist()
    [2.079, 0.981, 0.134]
    """
    df = np.asarray(document_frequency, dtype=np.float64)
    wrong = np.flatnonzero(~((df >= 0) & (df <= n_documents)))
    if wrong.size:
        raise ValueError(
            f"term {int(wrong[0])} occurs in {df[wrong[0]]:g} documents of {n_documents}"
        )
    return np.log1p((n_documents - df + 0.5) / (df + 0.5))


def bm25(
    counts: Floats, lengths: Floats, idf: Floats, *, mean_length: float, k1: float, b: float
) -> Floats:
    """The BM25 score of each document for the query's terms.

        sum over t of  idf_t * c_t * (k1 + 1) / (c_t + k1 * (1 - b + b * length / mean_length))

    Args:
        counts: Shape (n, t): how often each document has each term; fractions are allowed.
        lengths: Shape (n,): the number of terms of each document.
        idf: Shape (t,).
        mean_length: The mean of the lengths of all documents; 0 leaves length out of account.
        k1: How soon repetitions stop counting; 0 counts presence only.
        b: From 0 (length does not matter) to 1 (scores are held back in proportion to length).

    Returns:
        Shape (n,), 0 if no term occurs.

    Raises:
        ValueError: The shapes do not fit.

    >>> counts = np.array([[1.0, 0.0], [2.0, 1.0]])
    >>> bm25(counts, np.array([4.0, 4.0]), np.array([1.0, 3.0]), mean_length=4.0, k1=1.0, b=0.5).round(3).tolist()
    [1.0, 4.333]
    """
    check_length("lengths", lengths, len(counts))
    check_length("idf", idf, counts.shape[1])
    impacts = impact(counts, lengths[:, np.newaxis], mean_length=mean_length, k1=k1, b=b)
    return np.asarray((impacts * idf).sum(axis=1))


def impact(counts: Floats, lengths: Floats, *, mean_length: float, k1: float, b: float) -> Floats:
    """What occurrences of a term add to the BM25 score of a document, before the term's idf.

        c * (k1 + 1) / (c + k1 * (1 - b + b * length / mean_length))

    It grows with the count, and falls with the length.

    Args:
        counts, lengths: Of any shapes that fit each other.
        mean_length, k1, b: See `bm25`.

    Returns:
        In [0, k1 + 1]; 0 where a count is 0.

    >>> impact(np.array([0.0, 1.0, 3.0]), np.array(4.0), mean_length=4.0, k1=1.0, b=0.5).tolist()
    [0.0, 1.0, 1.5]
    """
    counts = np.asarray(counts, dtype=np.float64)
    relative_lengths = lengths / mean_length if mean_length > 0 else np.ones_like(lengths)
    damping = k1 * (1 - b + b * relative_lengths)
    zeros = np.zeros_like(counts)
    return np.asarray(np.divide(counts * (k1 + 1), counts + damping, out=zeros, where=counts > 0))


def lightness(lengths: Floats, *, few: float) -> Floats:
    """How light each text is: 1 up to a few terms, and the share that these are of a longer one.

        min(1, few / length)

    A long text holds a word by chance, and repeats that of its neighbours; what is read off the words or
    the form of a turn counts in this proportion.

    Args:
        lengths: Shape (n,): the number of terms of each text.
        few: How many terms a light text has at most; above 0.

    Returns:
        Shape (n,), in (0, 1].

    >>> lightness(np.array([0.0, 20.0, 80.0]), few=20).tolist()
    [1.0, 1.0, 0.25]
    """
    return np.asarray(few / np.maximum(np.asarray(lengths, np.float64), few))


def relative(scores: Floats) -> Floats:
    """The scores as shares of the best one; zeros if nothing scores above 0.

        s / max(s)

    Args:
        scores: Shape (n,).

    Returns:
        Shape (n,), at most 1.

    >>> relative(np.array([1.0, 4.0, 0.0])).tolist()
    [0.25, 1.0, 0.0]
    """
    scores = np.asarray(scores, dtype=np.float64)
    best = scores.max(initial=0.0)
    return scores / best if best > 0 else np.zeros_like(scores)


def against_attainable(scores: Floats, idf: Floats, *, k1: float) -> Floats:
    """BM25 scores on a scale where 1 is a perfect match, but the best of a poor lot still counts.

        s / sqrt(max(s) * attainable),   attainable = (k1 + 1) * sum over t of idf_t

    As a share of the best score, a question whose words hardly occur would weigh as much as one that
    is answered word for word; as a share of the attainable, few would weigh at all.

    Args:
        scores: Shape (n,), from `bm25`.
        idf: Shape (t,): of all terms of the query, also those that occur nowhere.
        k1: As given to `bm25`.

    Returns:
        Shape (n,), in [0, 1]; zeros if nothing scores above 0.

    >>> against_attainable(np.array([1.0, 4.0, 0.0]), np.array([2.0, 6.0]), k1=1.0).tolist()
    [0.125, 0.5, 0.0]
    """
    scores = np.asarray(scores, dtype=np.float64)
    scale = float(np.sqrt(scores.max(initial=0.0) * (k1 + 1) * np.sum(idf)))
    return scores / scale if scale > 0 else np.zeros_like(scores)


def overlap(matched: Floats | Ints, n_query_terms: int) -> Floats:
    """The share of the query's terms that each node has: the paper's keyword score (in equation 3).

        |Kq & Ki| / |Kq|

    Args:
        matched: Shape (n,): how many of the query's terms the node has.
        n_query_terms: How many terms the query has; without any, the share is 0.

    Returns:
        Shape (n,), in [0, 1].

    Raises:
        ValueError: A node has fewer than none, or more than all of the terms.

    >>> overlap(np.array([0, 1, 2]), 4).tolist()
    [0.0, 0.25, 0.5]
    """
    shares = np.asarray(matched, dtype=np.float64)
    wrong = np.flatnonzero(~((shares >= 0) & (shares <= n_query_terms)))
    if wrong.size:
        raise ValueError(f"node {int(wrong[0])} has {shares[wrong[0]]:g} of {n_query_terms} terms")
    return shares / max(n_query_terms, 1)


def telling_share(present: Bools, weights: Floats) -> Floats:
    """How much of what a question's terms tell each text has.

        sum over t in the text of  w_t / sum over t of  w_t

    Args:
        present: Shape (n, t): which text has which of the question's terms.
        weights: Shape (t,), not negative: how telling each term is.

    Returns:
        Shape (n,), in [0, 1]; zeros if no term tells anything.

    Raises:
        ValueError: The shapes do not fit.

    >>> telling_share(np.array([[True, False], [True, True]]), np.array([1.0, 3.0])).tolist()
    [0.25, 1.0]
    """
    check_length("weights", weights, present.shape[1])
    shares = (present * weights).sum(axis=1, dtype=np.float64)
    total = float(np.sum(weights))
    return np.asarray(shares / total) if total > 0 else np.zeros(len(present))


def affordable(document_frequency: Floats | Ints, max_rows: int) -> Bools:
    """Which terms to look up: the rarest first, until the next would exceed the budget.

        sum of the chosen terms' df <= max_rows

    The rarest term that occurs at all is always chosen. Of equally frequent terms the earlier one
    comes first.

    Args:
        document_frequency: Shape (t,): how many rows a term's look-up reads.
        max_rows: How many rows may be read in all.

    Returns:
        Shape (t,), True for a chosen term.

    >>> affordable(np.array([900, 10, 80, 50]), 100).tolist()
    [False, True, False, True]
    >>> affordable(np.array([900, 700]), 100).tolist()
    [False, True]
    """
    order = np.argsort(document_frequency, kind="stable")
    rows = np.asarray(document_frequency)[order]
    before = np.cumsum(rows) - rows
    chosen = np.zeros(len(order), dtype=np.bool_)
    chosen[order] = (before + rows <= max_rows) | (before == 0)
    return chosen
