"""The exceptions that helamem raises.

HelaMemError
├── ConfigError(ValueError)          a setting is unknown, of the wrong type or out of range
├── MissingExtraError(ImportError)   an optional package is not installed; `.extra`
├── StoreError                       the file or database failed
│   ├── NotFoundError(LookupError)   no such memory in this namespace; `.kind`, `.id`
│   ├── ChangedError                 a memory changed after it was read; `.id`
│   ├── EmbedderMismatchError        the file was made with another embedder; `.expected`, `.actual`
│   ├── LanguageMismatchError        the file was read with another language; `.expected`, `.actual`
│   ├── SchemaError                  the file is newer than this version, or a migration failed
│   └── CorruptError                 the file is damaged, or is not a helamem file
├── DataError(ValueError)            an import file is malformed; `.line`
└── ProviderError                    an embedder's or model's server failed; `.provider`, `.retryable`
    ├── EmbedderError
    ├── RerankerError
    └── LLMError
        └── CutOffError          the answer is longer than the limit of tokens; `.text`, `.tokens`

Wrong arguments are plain `TypeError` and `ValueError`, raised where they enter.
"""

from __future__ import annotations

import shlex


class HelaMemError(Exception):
    """The root of helamem's errors."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class ConfigError(HelaMemError, ValueError):
    """A setting is unknown, of the wrong type or out of its range."""


class MissingExtraError(HelaMemError, ImportError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed. Install it with: pip install 'helamem[{extra}]'"
        )
        self.package = package
        self.extra = extra


class StoreError(HelaMemError):
    """The store failed; nothing was changed."""


class NotFoundError(StoreError, LookupError):
    """There is no such memory in this namespace."""

    def __init__(self, kind: str, id_: int) -> None:
        super().__init__(f"There is no {kind} {id_} in this namespace.")
        self.kind = kind
        self.id = id_


class ChangedError(StoreError):
    """A memory has changed since it was read; nothing was stored."""

    def __init__(self, id_: int) -> None:
        super().__init__(
            f"Memory {id_} has changed since it was read. Nothing was stored; read it again."
        )
        self.id = id_


class EmbedderMismatchError(StoreError, ValueError):
    """The file was made with another embedder, and vectors of two embedders cannot be compared."""

    def __init__(self, *, expected: str, actual: str, path: str) -> None:
        super().__init__(
            f"{path} was made with the embedder {expected}, but {actual} was asked for, and vectors of two "
            f"embedders cannot be compared. Open it with the first (--embedder {_option(expected)}), or make "
            f"its vectors anew: helamem --file {shlex.quote(path)} reindex --embedder {_option(actual)}"
        )
        self.expected = expected
        self.actual = actual


def _option(embedder: str) -> str:
    """An embedder as `--embedder` takes it: "hashing/64 (64 dimensions)" is hashing:64 there."""
    kind, _, what = embedder.partition(" (")[0].partition("/")
    if what == "l2_supercat_256":
        return "wordllama"  # the default of files made before helamem had vectors of its own
    if kind in ("openai", "hashing"):
        return shlex.quote(f"{kind}:{what}")
    return f"{kind}:FOLDER" if "@" in what else shlex.quote(kind)


class LanguageMismatchError(StoreError, ValueError):
    """The file was read with another language, and terms of two languages do not match."""

    def __init__(self, *, expected: str, actual: str, path: str) -> None:
        super().__init__(
            f"{path} was read with language = {expected!r}, but {actual!r} was asked for. Open it with the first "
            f"(--set language={expected}), or read it anew: "
            f"helamem --file {shlex.quote(path)} reindex --set language={actual}"
        )
        self.expected = expected
        self.actual = actual


class SchemaError(StoreError):
    """The file's schema is newer than this version of helamem, or a migration failed."""


class CorruptError(StoreError):
    """The file is damaged, or is not a helamem file."""


class DataError(HelaMemError, ValueError):
    """A file to import is malformed; nothing was stored."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class ProviderError(HelaMemError):
    """A model's server failed."""

    def __init__(self, message: str, *, provider: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.provider = provider
        self.retryable = retryable


class EmbedderError(ProviderError):
    """The embedder failed, or answered with something that is not a vector."""


class RerankerError(ProviderError):
    """A reranker failed."""


class LLMError(ProviderError):
    """The language model's server failed."""


class CutOffError(LLMError):
    """The language model's answer is longer than its limit of tokens.

    Attributes:
        text: The answer as far as it came.
        tokens: The tokens of the prompt and of the answer; 0 if the server does not count.
        model: The model that answered, as its server calls it.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        text: str = "",
        tokens: tuple[int, int] = (0, 0),
        model: str = "",
    ) -> None:
        super().__init__(message, provider=provider)
        self.text = text
        self.tokens = tokens
        self.model = model
