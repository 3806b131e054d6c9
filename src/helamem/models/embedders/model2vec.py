"""Averages of third-party static vectors: wordllama's, or a folder in model2vec's format.

They need the extra [wordllama]: the packages tokenizers and safetensors, and wordllama itself for its.
"""

from __future__ import annotations

import hashlib
import json
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.errors import ConfigError, EmbedderError, MissingExtraError
from helamem.frozen import dataclass
from helamem.models.embedders.checking import checked, strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer

    from helamem.protocols import Floats

_BLOCK = 4096  # tokens whose vectors are gathered at once, so that a huge text needs little memory


class Model2VecEmbedder:
    """Averages a fixed vector per token: no model runs, so a text takes a fraction of a millisecond.

    Args:
        folder: A model in model2vec's format (model.safetensors, tokenizer.json, config.json). Without
            one, wordllama's 256 dimensions, whose files are in that package; it is not imported.

    Raises:
        MissingExtraError: A package that reads them is not installed.
        ConfigError: A file of the model is missing.
    """

    max_chars: int | None = None

    def __init__(self, folder: str | Path | None = None) -> None:
        _refuse_missing("tokenizers", "safetensors", *([] if folder else ["wordllama"]))
        self._files = _wordllama_files() if folder is None else _model2vec_files(Path(folder))
        self.name: str = self._files.name
        self.dimension: int = self._files.dimension
        self._table: _Table | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector per text; the zero vector for a text without known tokens.

        Raises:
            EmbedderError: The model's files cannot be read.
        """
        sums = np.zeros((len(texts), self.dimension), dtype=np.float32)
        table = self._loaded()
        for row, text in zip(sums, strings(texts), strict=True):
            table.add_tokens(text, row)
        return checked(sums, len(texts), self.dimension, self.name)

    def _loaded(self) -> _Table:
        with self._lock:
            if self._table is None:
                self._table = _read_table(self._files)
            return self._table


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a static model, and the name of its tensor."""

    name: str
    dimension: int
    vectors: Path
    tokenizer: Path
    key: str


@dataclass(frozen=True, slots=True)
class _Table:
    """A static model in memory. Tokens with the id `unknown` do not count."""

    vectors: Floats
    tokenizer: Tokenizer
    unknown: int

    def add_tokens(self, text: str, row: Floats) -> None:
        """Add the vectors of the text's tokens to `row`."""
        tokens = np.array(self.tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int64)
        if self.unknown >= 0:
            tokens = tokens[tokens != self.unknown]
        for start in range(0, len(tokens), _BLOCK):
            row += self.vectors[tokens[start : start + _BLOCK]].sum(axis=0)


def _wordllama_files() -> _Files:
    return _Files(
        name="static/l2_supercat_256",
        dimension=256,
        vectors=_bundled("weights", "l2_supercat_256.safetensors"),
        tokenizer=_bundled("tokenizers", "l2_supercat_tokenizer_config.json"),
        key="embedding.weight",
    )


def _refuse_missing(*packages: str) -> None:
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtraError(package, "wordllama")


def _bundled(folder: str, name: str) -> Path:
    """A file of the package wordllama, found without importing it, since that would configure logging."""
    spec = find_spec("wordllama")
    for place in (spec.submodule_search_locations or []) if spec else []:
        file = Path(place, folder, name)
        if file.is_file():
            return file
    raise ConfigError(
        f"{folder}/{name} is not in the package wordllama that is installed. "
        f"Install one that has it with: pip install --force-reinstall 'wordllama>=0.3.9,<0.5'"
    )


def _model2vec_files(folder: Path) -> _Files:
    vectors, tokenizer = folder / "model.safetensors", folder / "tokenizer.json"
    for file in (vectors, tokenizer, folder / "config.json"):
        if not file.is_file():
            raise ConfigError(
                f"{file} does not exist; the folder of a static model holds model.safetensors, "
                f"tokenizer.json and config.json"
            )
    header, digest = _safetensors_header(vectors)
    if "embeddings" not in header:
        raise ConfigError(f"{vectors} holds no tensor 'embeddings', so it is not a model2vec model")
    name = f"static/{folder.resolve().name}@{digest}"
    return _Files(name, int(header["embeddings"]["shape"][1]), vectors, tokenizer, "embeddings")


def _safetensors_header(file: Path) -> tuple[dict[str, Any], str]:
    """The file's header, and its digest, which distinguishes models in folders of the same name."""
    try:
        with file.open("rb") as stream:
            beginning = stream.read(2**20)
        size = int.from_bytes(beginning[:8], "little")
        header = json.loads(beginning[8 : 8 + size])
    except ValueError as error:
        raise ConfigError(f"{file} is not a safetensors file") from error
    return header, hashlib.sha256(beginning).hexdigest()[:8]


def _read_table(files: _Files) -> _Table:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    try:
        tensors = load_file(files.vectors)
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
    except Exception as error:  # both libraries raise bare exceptions of their own
        raise EmbedderError(
            f"the files of {files.name} cannot be read: {error}", provider=files.name
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    unknown = -1
    if files.key == "embeddings":
        unknown = _unknown_token(tokenizer)
    return _Table(_token_vectors(tensors, files.key), tokenizer, unknown)


def _token_vectors(tensors: dict[str, Any], key: str) -> Floats:
    """One vector per token; a model2vec model may share vectors between tokens, and weight them."""
    vectors = np.ascontiguousarray(tensors[key], dtype=np.float32)
    if "mapping" in tensors:
        vectors = vectors[tensors["mapping"]]
    if "weights" in tensors:
        vectors = vectors * tensors["weights"].astype(np.float32)[:, np.newaxis]
    return vectors


def _unknown_token(tokenizer: Tokenizer) -> int:
    token = getattr(tokenizer.model, "unk_token", None)
    number = tokenizer.token_to_id(token) if token else None
    return -1 if number is None else number
