"""One client for every server that speaks OpenAI's chat completions.

It goes through the official SDK, which also does the retrying: on lost connections, timeouts
and the statuses 408, 409, 429 and 5xx it waits as long as `Retry-After` says (up to two minutes), or
half a second that doubles up to eight, with jitter. No other module talks to a model or sleeps.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from helamem.errors import ConfigError, CutOffError, LLMError
from helamem.models import openai_answers, openai_dialect, schemas
from helamem.models.openai_client import OPENAI_URL, Server, without
from helamem.models.openai_dialect import Dialect
from helamem.protocols import Reply

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from helamem.protocols import Request
    from helamem.records import Json

logger = logging.getLogger(__name__)

MAX_TOKENS = 4096
MAX_NAME = 200  # the longest model name accepted from a server, in characters


def connect(
    *,
    model: str,
    base_url: str = "",
    api_key: str = "",
    timeout_s: float = 300.0,
    max_retries: int = 2,
    max_tokens: int = MAX_TOKENS,
) -> OpenAIChat:
    """The model that the settings name.

    Raises:
        ConfigError: They name none; the message says which variables to set.
        MissingExtraError: The openai package is not installed.
    """
    if not model:
        raise ConfigError(
            "no language model is configured. Set HELAMEM_LLM_MODEL, and HELAMEM_LLM_API_KEY for a model of "
            "OpenAI's or HELAMEM_LLM_BASE_URL for another server's (http://localhost:11434/v1 is Ollama's)"
        )
    if not api_key and not base_url:
        raise ConfigError(
            f"the language model {model!r} is OpenAI's unless HELAMEM_LLM_BASE_URL says otherwise, and "
            f"OpenAI needs a key: set HELAMEM_LLM_API_KEY"
        )
    return OpenAIChat(
        model,
        base_url=base_url or OPENAI_URL,
        api_key=api_key,
        timeout_s=timeout_s,
        max_retries=max_retries,
        max_tokens=max_tokens,
    )


def chat_name(model: str) -> str:
    """The name of `OpenAIChat` with this model, which is part of the cache key."""
    return f"openai/{model}"


class OpenAIChat:
    """A model behind OpenAI's chat completions: OpenAI itself, vLLM, Ollama, LM Studio, a gateway.

    If the server takes no JSON schema, the client asks for JSON mode, then for plain text with the schema in the
    prompt. It checks every answer, and remembers what the server does not take.

    May be used from several threads.

    Args:
        model: The model's name there.
        base_url: The server's address, with its "/v1"; OpenAI's own by default.
        api_key: The server's key; it is sent there, and never shown.
        timeout_s: Seconds without data from the server before a request fails.
        max_retries: How often the SDK retries after a temporary failure.
        max_tokens: The most tokens of an answer, unless a request says otherwise.

    Raises:
        MissingExtraError: The openai package is not installed.
        ValueError: `base_url` holds credentials, or `api_key` has a character that no key has.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI_URL,
        api_key: str = "",
        timeout_s: float = 300.0,
        max_retries: int = 2,
        max_tokens: int = MAX_TOKENS,
    ) -> None:
        self.name = chat_name(model)
        self._model = model
        self._max_tokens = max_tokens
        self._dialect = Dialect()
        self._server = Server(base_url, api_key, timeout_s=timeout_s, max_retries=max_retries)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._model!r}, base_url={self._server.url!r})"

    def complete(self, request: Request) -> Reply:
        """The answer in one piece; with a JSON schema, an object that fits it, except that list items are not checked.

        Raises:
            LLMError: The server failed, refused, was cut off, or answered in another form.
        """
        request = self._bounded(request)
        response = self._create(request, stream=False)
        choice = openai_answers.first_choice(response, "message")
        if choice is None:
            raise self._error("answered without a message", retryable=True)
        reply = Reply(
            text=without(
                self._server.key, openai_answers.text(getattr(choice.message, "content", None))
            ),
            prompt_tokens=openai_answers.count(response, "prompt_tokens"),
            completion_tokens=openai_answers.count(response, "completion_tokens"),
            model=self._named(response),
        )
        reason = openai_answers.text(choice.finish_reason)
        self._check_end(reply, reason, getattr(choice.message, "refusal", None), request.max_tokens)
        return replace(reply, data=self._data(reply.text, request.schema))

    def stream(self, request: Request) -> Generator[str, None, Reply]:
        """The answer piece by piece, and in full as the generator's return value.

        Closing the generator closes the connection.

        Raises:
            LLMError: The server failed, refused, or ended in mid-answer; what came before was yielded.
        """
        request = self._bounded(request)
        answer = openai_answers.StreamedAnswer(self._model, self._named, self._server.key)
        chunks = self._create(request, stream=True)
        try:
            for piece in answer.pieces(self._mapped(chunks)):
                if piece:
                    yield piece
        finally:
            chunks.close()
        reply = answer.reply()
        self._check_end(reply, answer.finish_reason, answer.refusal, request.max_tokens)
        return replace(reply, data=self._data(reply.text, request.schema))

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        self._server.close()

    def _bounded(self, request: Request) -> Request:
        """The request, with a bound on its answer."""
        if request.max_tokens is not None:
            return request
        return replace(request, max_tokens=self._max_tokens)

    def _create(self, request: Request, *, stream: bool) -> Any:
        """Send a request, and simplify it as long as the server calls it malformed.

        Errors are raised outside the SDK's `except` blocks, since its errors contain the request, and so the key.
        """
        import openai

        dialect, failure = self._dialect, None
        while True:
            try:
                response = self._server.client().chat.completions.create(
                    **openai_dialect.arguments(self._model, request, dialect, stream=stream)
                )
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                failure = failure or self._failure(error)
                simpler = dialect.simpler(error.param, structured=request.schema is not None)
            except (openai.OpenAIError, ValueError, TypeError, RecursionError) as error:
                failure, simpler = self._failure(error), None
            else:
                self._dialect = dialect
                return response
            if simpler is None:
                raise failure
            dialect = simpler

    def _mapped(self, chunks: Any) -> Iterator[Any]:
        """Yield the chunks, and translate errors inside the stream."""
        import openai

        breaking: tuple[type[Exception], ...] = (
            openai.OpenAIError,
            ValueError,
            TypeError,
            RecursionError,
            *openai_answers.transport_errors(),
        )
        try:
            yield from chunks
        except breaking as error:
            failure = self._failure(error)
        else:
            return
        raise failure

    def _named(self, response: Any) -> str:
        """The server's name for the model, if it is a plausible name; facts record it."""
        name = without(self._server.key, str(getattr(response, "model", "") or ""))
        return name if name.isprintable() and 0 < len(name) <= MAX_NAME else self._model

    def _data(self, text: str, schema: Mapping[str, Json] | None) -> Json:
        """The object in an answer; None if none was asked for."""
        try:
            return None if schema is None else schemas.read(text, schema)
        except ValueError as error:
            raise self._error(f"answered with {error}", retryable=True) from error

    def _check_end(
        self, reply: Reply, reason: str | None, refusal: str | None, max_tokens: int | None
    ) -> None:
        """Raise unless the answer is complete."""
        if refusal or reason == "content_filter":
            raise self._error("refused to answer" + (f": {refusal}" if refusal else ""))
        if reason == "length":
            raise self._cut_off(reply, max_tokens)
        if not reason:
            raise self._error("ended in the middle of its answer", retryable=True)

    def _cut_off(self, reply: Reply, max_tokens: int | None) -> CutOffError:
        return CutOffError(
            self._sentence(
                f"was cut off: the answer is longer than max_tokens = {max_tokens} allows. Unless the "
                "model repeats itself, allow more (llm.max_tokens)"
            ),
            provider=self.name,
            text=reply.text,
            tokens=(reply.prompt_tokens, reply.completion_tokens),
            model=reply.model,
        )

    def _sentence(self, what: str) -> str:
        return f"{self._model} at {self._server.url} {without(self._server.key, what)}"

    def _error(self, what: str, *, retryable: bool = False) -> LLMError:
        return LLMError(
            self._sentence(what),
            provider=self.name,
            retryable=retryable,
        )

    def _failure(self, error: Exception) -> LLMError:
        status = getattr(error, "status_code", None)
        what = openai_answers.what_happened(error, status, self._server.timeout_s, self._server.key)
        failure = self._error(what, retryable=openai_answers.is_transient(error, status))
        # If there is a key, the SDK's error contains it, at least in its request.
        failure.__cause__ = None if self._server.key else error
        return failure
