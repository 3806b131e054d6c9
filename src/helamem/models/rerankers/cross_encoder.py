"""A cross-encoder through ONNX Runtime and our own tokenizer: the extra [onnx]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.errors import RerankerError
from helamem.models import onnx_model, wordpiece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Floats

_MOST_PIECES = 512  # that the model reads, with three marks
_MOST_OF_QUESTION = 128
_AT_ONCE = 16  # pairs in one run


class CrossEncoder:
    """A BERT that reads a question and a text together, and says how well the text answers.

    Args:
        model: A folder with model.onnx or onnx/model.onnx, or a name on the hub such as
            "cross-encoder/ms-marco-MiniLM-L6-v2", which needs the package huggingface_hub. Its vocabulary is that
            of BERT's uncased models.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
        ConfigError: The folder holds no such file, or another vocabulary.
    """

    def __init__(self, model: str) -> None:
        onnx_model.require_onnxruntime()
        file = onnx_model.find(model)
        self.name = f"cross-encoder/{onnx_model.name_with_digest(model, file)}"
        self._model = onnx_model.OnnxModel(file, self.name, RerankerError)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def scores(self, question: str, texts: Sequence[str]) -> Floats:
        """How well each text answers: the model's logits, shape (n,). A long text is read from its beginning.

        Raises:
            RerankerError: The model cannot be loaded, fails, or gives something else than one score per pair.
        """
        asked = wordpiece.numbers(question)[:_MOST_OF_QUESTION]
        batches = [
            self._logits(asked, texts[start : start + _AT_ONCE])
            for start in range(0, len(texts), _AT_ONCE)
        ]
        return np.concatenate(batches) if batches else np.zeros(0, np.float32)

    def _logits(self, asked: Sequence[int], texts: Sequence[str]) -> Floats:
        first = (wordpiece.START, *asked, wordpiece.END)
        room = _MOST_PIECES - len(first) - 1
        second = [(*wordpiece.numbers(text)[:room], wordpiece.END) for text in texts]
        pieces, is_there = onnx_model.padded([(*first, *each) for each in second])
        segments = is_there.copy()
        segments[:, : len(first)] = 0
        logits = self._model.run(pieces, is_there, segments)
        if logits.shape not in {(len(texts),), (len(texts), 1)}:
            raise RerankerError(
                f"{self._model.file} gave the shape {logits.shape} for {len(texts)} pairs; a cross-encoder gives "
                "one score per pair: take one that was trained to rank",
                provider=self.name,
            )
        return logits.reshape(len(texts))
