"""Short forms of vectors in random axes: one byte for each component, and one bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.vectors import PIECE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from helamem.core.arrays import Floats

LEVELS = 127  # a code is a whole number from -LEVELS to LEVELS
WORD = 64  # bits
AT_ONCE = 65_536  # words that are compared at once, so that they stay in the processor's cache


def random_axes(dimension: int, drawn: np.random.Generator) -> NDArray[np.float32]:
    """Orthogonal directions drawn at random.

    In such axes every component says equally much, whatever the vectors are like, so signs alone tell angles:
    each differs between two vectors with probability angle / pi (Charikar 2002, "Similarity estimation techniques
    from rounding algorithms").

    Returns:
        Shape (d, d), one axis in each column; `vectors @ axes` keeps all products.

    >>> axes = random_axes(3, np.random.default_rng(0))
    >>> bool(np.allclose(axes.T @ axes, np.eye(3), atol=1e-6))
    True
    """
    axes, triangle = np.linalg.qr(drawn.normal(size=(dimension, dimension)))
    return np.ascontiguousarray(axes * np.sign(np.diag(triangle)), np.float32)


def quantized(vectors: Floats) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Vectors as whole numbers and a scale each.

        v ~ scale * code,   scale = max |v| / 127,   an error of scale / 2 at most in each component

    Args:
        vectors: Shape (n, d).

    Returns:
        The codes, shape (n, d), and the scales, shape (n,).

    >>> codes, scales = quantized(np.array([[0.0, -1.27, 0.64]], np.float32))
    >>> codes.tolist(), round(float(scales[0]), 4)
    ([[0, -127, 64]], 0.01)
    """
    largest = np.abs(vectors).max(axis=1, initial=0)
    scales = (largest / LEVELS).astype(np.float32)
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None])
    return codes.astype(np.int8), scales


def products(codes: NDArray[np.int8], query: Floats) -> NDArray[np.float32]:
    """The product of each row of codes with a vector, without its scale.

    Rows are decoded block by block: so few at once stay in the processor's cache, and BLAS does not wake other
    processors for them.

    Args:
        codes: Shape (n, d).
        query: Shape (d,).

    Returns:
        Shape (n,).

    >>> products(np.array([[1, -2], [0, 3]], np.int8), np.array([0.5, 1.0])).tolist()
    [-1.5, 3.0]
    """
    narrow = np.ascontiguousarray(query, np.float32)
    found = np.empty(len(codes), np.float32)
    step = max(1, PIECE // max(1, codes.shape[1]))
    decoded = np.empty((min(step, len(codes)), codes.shape[1]), np.float32)
    for start in range(0, len(codes), step):
        rows = codes[start : start + step]
        decoded[: len(rows)] = rows
        np.dot(decoded[: len(rows)], narrow, out=found[start : start + step])
    return found


def signs(codes: NDArray[np.int8]) -> NDArray[np.uint64]:
    """One bit for each component: whether it is above 0.

    Args:
        codes: Shape (n, d).

    Returns:
        Shape (ceil(d / 64), n): the first 64 components of all rows, then the next ones; bits beyond d are 0.

    >>> np.bitwise_count(signs(np.array([[1, -2, 0, 5], [-1, -1, -1, -1]], np.int8))).tolist()
    [[2, 0]]
    """
    bits = np.packbits(codes > 0, axis=1)
    missing = -bits.shape[1] % (WORD // 8)
    padded = np.pad(bits, ((0, 0), (0, missing))) if missing else bits
    return np.ascontiguousarray(padded.view(np.uint64).T)


def differing(words: Sequence[NDArray[np.uint64]], query: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """In how many bits each row differs from a query (the Hamming distance).

    Args:
        words: The bits of the rows, 64 at a time; each of shape (n,).
        query: As many words.

    Returns:
        Shape (n,).

    >>> differing([np.array([0b101, 0b111], np.uint64)], np.array([0b110], np.uint64)).tolist()
    [2, 1]
    """
    found = np.zeros(len(words[0]), np.uint16)
    for start in range(0, len(found), AT_ONCE):
        part = found[start : start + AT_ONCE]
        for word, asked in zip(words, query, strict=True):
            part += np.bitwise_count(word[start : start + AT_ONCE] ^ asked)
    return found
