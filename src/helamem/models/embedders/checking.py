"""Checks of an embedder's input and output, and of its coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.vectors import normalize
from helamem.errors import EmbedderError
from helamem.language.characters import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Embedder, Floats


def strings(texts: Sequence[str]) -> list[str]:
    """The texts without lone surrogates, which tokenizers refuse."""
    if isinstance(texts, str):
        raise TypeError("embed takes a list of texts, not one text")
    return [clean(text)[0] for text in texts]


def checked(vectors: Floats, n: int, dimension: int | None, name: str) -> Floats:
    """Check the shape and values of an embedder's vectors, and scale them to unit length."""
    right = (n, vectors.shape[-1] if dimension is None and vectors.ndim else dimension)
    if vectors.shape != right:
        raise EmbedderError(
            f"{name} answered with vectors of shape {vectors.shape} instead of {right}",
            provider=name,
        )
    try:
        return normalize(vectors)
    except ValueError as error:
        raise EmbedderError(
            f"{name} answered with a vector that is not finite: {error}", provider=name
        ) from error


def coverage(embedder: Embedder, texts: Sequence[str]) -> Floats:
    """The share of each text that an embedder can read, from 0 to 1; 1 if it does not report coverage."""
    report = getattr(embedder, "coverage", None)  # ten times faster than isinstance of a protocol
    return np.ones(len(texts)) if report is None else report(texts)
