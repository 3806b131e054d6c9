"""Any server with OpenAI's embeddings endpoint: the extra [openai]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.errors import EmbedderError
from helamem.models import openai_client
from helamem.models.embedders.checking import checked, strings
from helamem.models.openai_client import OPENAI_URL as OPENAI_URL  # noqa: PLC0414
from helamem.models.openai_client import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Floats


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
        self._server = Server(base_url, api_key, timeout_s=timeout_s, max_retries=max_retries)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, base_url={self._server.url!r})"

    @property
    def dimension(self) -> int:
        """The length of a vector; if it was not given, the server is asked once."""
        if self._known_dimension is None:
            self._known_dimension = self._request(["dimension"]).shape[1]
        return self._known_dimension

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector per text, of its first `max_chars` characters; blank texts are not sent.

        Raises:
            EmbedderError: The server failed, or its reply is not what was asked for; `retryable` says
                whether trying later may help.
        """
        covered = [text[: self.max_chars] for text in strings(texts)]
        rows = [row for row, text in enumerate(covered) if text.strip()]
        vectors = np.zeros((len(covered), self.dimension), dtype=np.float32)
        for start in range(0, len(rows), self._batch_size):
            batch = rows[start : start + self._batch_size]
            vectors[batch] = checked(
                self._request([covered[row] for row in batch]),
                len(batch),
                self.dimension,
                self.name,
            )
        return vectors

    def close(self) -> None:
        """Close the connections; the next `embed` opens new ones."""
        self._server.close()

    def _request(self, texts: list[str]) -> Floats:
        import openai

        asked = {} if self._asked_dimension is None else {"dimensions": self._asked_dimension}
        try:
            reply = self._server.client().embeddings.create(
                model=self._model, input=texts, encoding_format="float", **asked
            )
        except (openai.OpenAIError, ValueError, TypeError, RecursionError) as error:
            failure = self._failure(error)
        else:
            return checked(_vectors_of(reply, self.name), len(texts), None, self.name)
        raise failure  # where the SDK's own is out of sight: it holds the request, and that the key

    def _failure(self, error: Exception) -> EmbedderError:
        text = openai_client.said(self._server.key, str(error))
        redirect = openai_client.redirected(error, self._server.key)
        failure = EmbedderError(
            f"{self.name} at {self._server.url} failed: {text}{redirect}",
            provider=self.name,
            retryable=_is_retryable(error),
        )
        failure.__cause__ = None if self._server.key else error
        return failure


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
