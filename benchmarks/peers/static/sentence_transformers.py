"""Stands in for sentence-transformers where peers embed with helamem's static vectors: the same, and no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.models.embedders.static import StaticEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


class SentenceTransformer:
    """What peers use of the class of this name, whatever model they name."""

    def __init__(self, model: str, **settings: object) -> None:  # noqa: ARG002  # as it has them
        self._embedder = StaticEmbedder()

    def encode(
        self,
        texts: str | Sequence[str],
        *,
        convert_to_tensor: bool = False,
        **settings: object,  # noqa: ARG002  # unit vectors come whatever is set
    ) -> np.ndarray:
        """Unit vectors: one for a text, a row each for a list of texts."""
        if convert_to_tensor:
            raise TypeError("there is no torch here: take what encode returns as an array")
        if isinstance(texts, str):
            return self._embedder.embed([texts])[0]
        return self._embedder.embed(list(texts))

    def get_sentence_embedding_dimension(self) -> int:
        """Of every vector."""
        return self._embedder.dimension

    get_embedding_dimension = get_sentence_embedding_dimension  # its name since version 6
