"""Vectors of meaning: their length, their similarity, and the best of many scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from helamem.core.arrays import Bools, Floats, Ints

SAMPLED = 16_384  # scores of which a bound is read off, where there are many
PIECE = 200_000  # multiplications; OpenBLAS shares out a product of 262,144 or more


def normalize(vectors: Floats) -> Floats:
    """The rows with their length made 1; a row of zeros stays as it is.

        v / |v|

    Args:
        vectors: Shape (n, d).

    Returns:
        Shape (n, d), of the same float width.

    Raises:
        ValueError: A row holds an infinity or something that is not a number; the message says which.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ValueError(f"row {int(np.argmin(finite))} of {len(vectors)} is not finite")
    # Dividing by the largest entry first keeps the squares of huge and tiny numbers representable.
    largest = np.abs(vectors).max(axis=1, initial=0, keepdims=True).astype(np.float64)
    scaled = vectors / np.where(largest > 0, largest, 1)
    lengths = np.sqrt((scaled * scaled).sum(axis=1, keepdims=True))
    return (scaled / np.where(lengths > 0, lengths, 1)).astype(vectors.dtype)


def similarities(query: Floats, vectors: Floats) -> Floats:
    """The cosine of each vector with the query, all being of length 1 (or 0, which is like nothing).

        cos(q, v) = q . v

    Args:
        query: Shape (d,).
        vectors: Shape (n, d).

    Returns:
        Shape (n,), in [-1, 1], of the same float width.

    Raises:
        ValueError: The query and the vectors differ in dimension.

    >>> similarities(np.array([0.6, 0.8]), np.array([[0.6, 0.8], [1.0, 0.0]])).tolist()
    [1.0, 0.6]
    """
    if query.shape[0] != vectors.shape[1]:
        raise ValueError(
            f"the query has {query.shape[0]} dimensions, but the vectors have {vectors.shape[1]}"
        )
    cosines = vectors @ query
    return np.clip(cosines, -1, 1, out=cosines)


def products(some: Floats, others: Floats) -> Floats:
    """The dot product of each of a few vectors with each of many.

        p_ij = s_i . o_j

    It is made of matrix products so small that BLAS does not wake other processors for them, which takes longer
    than the work.

    Args:
        some: Shape (m, d), m being small.
        others: Shape (n, d).

    Returns:
        Shape (m, n), of the same float width.

    >>> products(np.array([[1.0, 2.0]]), np.array([[3.0, 0.5], [0.0, 1.0]])).tolist()
    [[4.0, 2.0]]
    """
    step = max(1, PIECE // max(1, some.size))
    pieces = [some @ others[i : i + step].T for i in range(0, len(others), step)]
    return np.hstack([np.empty((len(some), 0), some.dtype), *pieces])


def shifted_similarity(cosines: Floats) -> Floats:
    """The paper's similarity, which is never negative (part of equation 3).

        (cos + 1) / 2

    Args:
        cosines: Shape (n,), in [-1, 1].

    Returns:
        Shape (n,), in [0, 1].

    >>> shifted_similarity(np.array([-1.0, 0.0, 1.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return (np.asarray(cosines, dtype=np.float64) + 1) / 2


def repeats(vectors: Floats, *, alike: float) -> Bools:
    """Which vectors are like one before them.

        cos(v_i, v_j) >= alike  for some j < i

    Args:
        vectors: Shape (n, d), of any length; one of length 0 is like nothing.
        alike: The least cosine; above 0.

    Returns:
        Shape (n,).

    >>> repeats(np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.1]]), alike=0.95).tolist()
    [False, False, True]
    """
    unit = normalize(vectors)
    # Not a matrix product, which would call other cores for a task that is over before they come.
    cosines = np.einsum("ik,jk->ij", unit, unit)
    return np.asarray(np.tril(cosines >= alike, -1).any(axis=1))


def top_k(scores: Floats, k: int) -> Ints:
    """The indices of the k highest scores, best first; of equal scores the lower index comes first.

        top_k(s, k) is the beginning of top_k(s, k + 1)

    Args:
        scores: Shape (n,); minus infinity is allowed.
        k: How many; all of them if there are fewer.

    Returns:
        Shape (min(k, n),).

    Raises:
        ValueError: k is negative, or a score is not a number.

    >>> top_k(np.array([0.2, 0.9, 0.9, 0.5]), 3).tolist()
    [1, 2, 3]
    """
    if k < 0:
        raise ValueError(f"k is {k}, but it must not be negative")
    if np.isnan(scores).any():
        raise ValueError(f"score {int(np.argmax(np.isnan(scores)))} is not a number")
    if k >= len(scores):
        return np.argsort(-scores, kind="stable")
    if k == 0:
        return np.empty(0, dtype=np.int64)
    if len(scores) > 4 * SAMPLED and k <= SAMPLED:
        # The k-th highest of some is at most that of all.
        some = scores[:: len(scores) // SAMPLED]
        high = np.flatnonzero(scores >= np.partition(some, -k)[-k])
        if len(high) < len(scores):
            return high[top_k(scores[high], k)]
    last = np.partition(scores, -k)[-k]
    above = np.flatnonzero(scores > last)
    level = np.flatnonzero(scores == last)[: k - len(above)]
    return np.concatenate([above[np.argsort(-scores[above], kind="stable")], level])
