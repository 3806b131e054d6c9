"""BERT as an ONNX file, without torch and without a tokenizer package: what the extra [onnx] runs."""

from __future__ import annotations

import hashlib
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.errors import ConfigError, MissingExtraError
from helamem.models import wordpiece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.errors import ProviderError
    from helamem.protocols import Floats, Ints

_PLACES = ("model.onnx", "onnx/model.onnx")  # in a folder or a repository of the hub
_VOCABULARY = "vocab.txt"


class OnnxModel:
    """One model file, loaded on first use; safe to use from several threads.

    Args:
        file: The model; see `find`.
        name: What it is called in errors.
        error: What is raised when it fails.
    """

    def __init__(self, file: Path, name: str, error: type[ProviderError]) -> None:
        require_onnxruntime()
        self.file = file
        self._name = name
        self._error = error
        self._session: Any = None
        self._lock = threading.Lock()

    def run(self, pieces: Ints, is_there: Ints, segments: Ints) -> Floats:
        """The model's first output.

        Args:
            pieces: The numbers of the word pieces, padded with 0: shape (texts, pieces).
            is_there: 1 for a piece, 0 for padding: of the same shape.
            segments: 0 for the first text of a pair, 1 for the second: of the same shape.

        Raises:
            ProviderError: The model cannot be loaded, or fails; of the class that was given.
        """
        inputs = {"input_ids": pieces, "attention_mask": is_there, "token_type_ids": segments}
        with self._lock:
            try:
                if self._session is None:
                    self._session = _session(self.file)
                known = {each.name for each in self._session.get_inputs()}
                (first, *_) = self._session.run(
                    None, {name: array for name, array in inputs.items() if name in known}
                )
            except Exception as error:  # ONNX Runtime raises exceptions of its own, without a base
                raise self._error(
                    f"{self._name} failed on {self.file}: {error}", provider=self._name
                ) from error
        return np.asarray(first, dtype=np.float32)


def require_onnxruntime() -> None:
    """Raise MissingExtraError unless ONNX Runtime is installed."""
    if find_spec("onnxruntime") is None:
        raise MissingExtraError("onnxruntime", "onnx")


def padded(rows: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Rows of numbers, padded with 0, and 1 wherever there is one: two arrays of shape (rows, longest).

    >>> [array.tolist() for array in padded([[7], [8, 9]])]
    [[[7, 0], [8, 9]], [[1, 0], [1, 1]]]
    """
    numbers = np.zeros((len(rows), max(map(len, rows), default=0)), dtype=np.int64)
    is_there = np.zeros_like(numbers)
    for row, each in enumerate(rows):
        numbers[row, : len(each)] = each
        is_there[row, : len(each)] = 1
    return numbers, is_there


def find(model: str) -> Path:
    """The file of a model in a folder with model.onnx or onnx/model.onnx, or of that name on the hub.

    Raises:
        ConfigError: There is none, or it has another vocabulary than BERT's uncased models.
    """
    folder = Path(model)
    if not folder.is_dir():
        return _from_hub(model)
    for place in _PLACES:
        if (folder / place).is_file():
            _refuse_another_vocabulary(folder / _VOCABULARY, model)
            return folder / place
    raise ConfigError(f"{folder} holds none of {', '.join(_PLACES)}")


def name_with_digest(model: str, file: Path) -> str:
    """A name with the file's digest, to distinguish models in folders of the same name."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:8]
    return f"{Path(model).resolve().name}@{digest}"


def _from_hub(model: str) -> Path:
    if find_spec("huggingface_hub") is None:
        raise ConfigError(
            f"{model} is not a folder; to fetch it from the hub, install huggingface_hub: "
            "pip install huggingface_hub"
        )
    from huggingface_hub import hf_hub_download

    name = _PLACES[-1]
    try:
        file = Path(hf_hub_download(model, name))
        name = _VOCABULARY
        vocabulary = Path(hf_hub_download(model, name))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{model} is not a folder, and its {name} cannot be fetched from the hub: {error}"
        ) from error
    _refuse_another_vocabulary(vocabulary, model)
    return file


def _refuse_another_vocabulary(file: Path, model: str) -> None:
    if file.is_file() and file.read_text("utf-8").split() != wordpiece.vocabulary_list():
        raise ConfigError(
            f"{file} is not the vocabulary of BERT's uncased models, the only one read without a "
            f"tokenizer package; use minilm:{model} instead"
        )


def _session(file: Path) -> Any:
    """Load the model for one thread: texts are short, and more threads would be slower."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
