"""Short forms of vectors: in axes of falling weight, one byte for each component."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.vectors import PIECE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helamem.core.arrays import Floats

LEVELS = 127  # a code is a whole number from -LEVELS to LEVELS


def principal_axes(vectors: Floats) -> NDArray[np.float32]:
    """The directions in which vectors are longest, orthogonal to each other, the longest first.

        the eigenvectors of  sum over i of  v_i v_i'

    Products with few of the first axes say most about products of whole vectors (principal component analysis
    without centering, since products are about the origin).

    Args:
        vectors: Shape (n, d).

    Returns:
        Shape (d, d), one axis in each column; `vectors @ axes` keeps all products.

    >>> axes = principal_axes(np.array([[3.0, 0.0], [0.0, 1.0]]))
    >>> np.abs(axes).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    wide = np.asarray(vectors, np.float64)
    _, axes = np.linalg.eigh(wide.T @ wide)
    return np.ascontiguousarray(axes[:, ::-1], np.float32)


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
