"""One client for every server that speaks OpenAI's chat completions.

It goes through the official SDK, which also does the retrying: on lost connections, timeouts
and the statuses 408, 409, 429 and 5xx it waits as long as `Retry-After` says (up to two minutes), or
half a second that doubles up to eight, with jitter. No other module talks to a model or sleeps.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from helamem import arguments
from helamem.errors import ConfigError, LLMError, MissingExtraError
from helamem.models import openai_client, schemas
from helamem.models.openai_client import OPENAI_URL, without
from helamem.protocols import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from helamem.protocols import Message
    from helamem.records import Json

logger = logging.getLogger(__name__)

MAX_NAME = 200  # the longest model name accepted from a server, in characters


def connect(
    *,
    model: str,
    base_url: str = "",
    api_key: str = "",
    timeout_s: float = 300.0,
    max_retries: int = 2,
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
    )


@dataclass(frozen=True, slots=True)
class _Dialect:
    """The features that a server is known to support; starts with all of them."""

    form: Literal["json_schema", "json_object", "text"] = "json_schema"
    tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    usage: bool = True

    def simpler(self, refused: str | None, *, structured: bool) -> _Dialect | None:
        """The next simpler dialect after a request was refused; None if there is none.

        Args:
            refused: The parameter that the server complained about, if it named one.
            structured: Whether an object was asked for.
        """
        if refused == "temperature" and self.temperature:
            return replace(self, temperature=False)
        if refused == "max_tokens" and self.tokens == "max_tokens":
            return replace(self, tokens="max_completion_tokens")
        if refused == "stream_options" and self.usage:
            return replace(self, usage=False)
        if structured and self.form == "json_schema":
            return replace(self, form="json_object")
        if structured and self.form == "json_object":
            return replace(self, form="text")
        return None


def chat_name(model: str) -> str:
    """The name of `OpenAIChat` with this model, which is part of the cache key."""
    return f"openai/{model}"


class OpenAIChat:
    """A model behind OpenAI's chat completions: OpenAI itself, vLLM, Ollama, LM Studio, a gateway.

    Where a server does not take a JSON schema, JSON mode is asked for, and where it does not take that
    either, plain words; the schema then stands in the prompt, and the answer is checked here in any case.
    What a server was found not to take is remembered for as long as the client lives.

    May be used from several threads.

    Args:
        model: The model's name there.
        base_url: Where the server is, with its "/v1".
        api_key: Its key; it is sent to the server, and never shown.
        timeout_s: How long the server may stay silent.
        max_retries: How often the SDK asks again after a failure that may pass.

    Raises:
        MissingExtraError: The openai package is not installed.
        ValueError: `base_url` holds a user name or a password.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI_URL,
        api_key: str = "",
        timeout_s: float = 300.0,
        max_retries: int = 2,
    ) -> None:
        if find_spec("openai") is None:
            raise MissingExtraError("openai", "openai")
        self.name = chat_name(model)
        self._model = model
        self._base_url = arguments.server_address(base_url)
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._dialect = _Dialect()
        self._client: Any = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._model!r}, base_url={self._base_url!r})"

    def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Json] | None = None,
        max_tokens: int | None = None,
        temperature: float = 0.0,
    ) -> Reply:
        """The answer in one piece; with a JSON schema, one object that fits it.

        Raises:
            LLMError: The server failed, refused, was cut off, or answered in another form.
        """
        response = self._create(
            messages, schema, max_tokens=max_tokens, temperature=temperature, stream=False
        )
        choice = _first_choice(response, "message")
        if choice is None:
            raise self._error("answered without a message", retryable=True)
        text = without(self._api_key, _text(getattr(choice.message, "content", None)))
        self._check_end(
            _text(choice.finish_reason), getattr(choice.message, "refusal", None), max_tokens
        )
        return Reply(
            text=text,
            data=None if schema is None else self._object(text, schema),
            prompt_tokens=_count(response, "prompt_tokens"),
            completion_tokens=_count(response, "completion_tokens"),
            model=self._named(response),
        )

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float = 0.0,
    ) -> Generator[str, None, Reply]:
        """The answer piece by piece, and in full as the generator's return value.

        Closing the generator closes the connection.

        Raises:
            LLMError: The server failed, refused, or ended in mid-answer; what came before was yielded.
        """
        heard = _Heard(self._model, self._named)
        chunks = self._create(
            messages, None, max_tokens=max_tokens, temperature=temperature, stream=True
        )
        try:
            for chunk in self._mapped(chunks):
                piece = heard.take(chunk)
                if piece:
                    yield piece
        finally:
            chunks.close()
        self._check_end(heard.finish_reason, heard.refusal, max_tokens)
        return heard.reply()

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _create(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, Json] | None,
        **options: Any,
    ) -> Any:
        """Send a request, and simplify it as long as the server calls it malformed.

        Errors are raised outside the SDK's `except` blocks, since its errors contain the request, and so the key.
        """
        import openai

        dialect, failure = self._dialect, None
        while True:
            try:
                response = self._connected().chat.completions.create(
                    **_request(self._model, messages, schema, dialect, **options)
                )
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                failure = failure or self._failure(error)
                simpler = dialect.simpler(error.param, structured=schema is not None)
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
            *_transport_errors(),
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
        name = without(self._api_key, str(getattr(response, "model", "") or ""))
        return name if name.isprintable() and 0 < len(name) <= MAX_NAME else self._model

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = openai_client.connect(
                    api_key=self._api_key,
                    base_url=self._base_url,
                    timeout_s=self._timeout_s,
                    max_retries=self._max_retries,
                )
            return self._client

    def _object(self, text: str, schema: Mapping[str, Json]) -> Json:
        try:
            value = schemas.parse(text)
        except ValueError as error:
            raise self._error(
                f"answered with something that is not JSON: {error}", retryable=True
            ) from error
        wrong = schemas.misfit(value, schema)
        if wrong is not None:
            raise self._error(f"answered in another form than asked for: {wrong}", retryable=True)
        return value

    def _check_end(self, reason: str | None, refusal: str | None, max_tokens: int | None) -> None:
        """Raise unless the answer is complete."""
        if refusal or reason == "content_filter":
            raise self._error("refused to answer" + (f": {refusal}" if refusal else ""))
        if reason == "length":
            limit = "its limit" if max_tokens is None else f"max_tokens = {max_tokens}"
            raise self._error(f"was cut off: the answer is longer than {limit} allows")
        if not reason:
            raise self._error("ended in the middle of its answer", retryable=True)

    def _error(self, what: str, *, retryable: bool = False) -> LLMError:
        return LLMError(
            f"{self._model} at {self._base_url} {without(self._api_key, what)}",
            provider=self.name,
            retryable=retryable,
        )

    def _failure(self, error: Exception) -> LLMError:
        status = getattr(error, "status_code", None)
        what = _what_happened(error, status, self._timeout_s, self._api_key)
        failure = self._error(what, retryable=_may_pass(error, status))
        # If there is a key, the SDK's error contains it, at least in its request.
        failure.__cause__ = None if self._api_key else error
        return failure


class _Heard:
    """The streamed answer so far."""

    def __init__(self, model: str, named: Callable[[Any], str]) -> None:
        self.finish_reason: str | None = None
        self.refusal: str | None = None
        self._model = model
        self._named = named
        self._pieces: list[str] = []
        self._prompt_tokens = 0
        self._completion_tokens = 0

    def take(self, chunk: Any) -> str:
        """Record a chunk; return its piece of the text."""
        if getattr(chunk, "model", None):
            self._model = self._named(chunk)
        self._prompt_tokens = _count(chunk, "prompt_tokens") or self._prompt_tokens
        self._completion_tokens = _count(chunk, "completion_tokens") or self._completion_tokens
        choice = _first_choice(chunk, "delta")
        if choice is None:
            return ""
        self.finish_reason = _text(choice.finish_reason) or self.finish_reason
        refused = _text(getattr(choice.delta, "refusal", None))
        if refused:
            self.refusal = (self.refusal or "") + refused
        piece = _text(getattr(choice.delta, "content", None))
        self._pieces.append(piece)
        return piece

    def reply(self) -> Reply:
        return Reply(
            text="".join(self._pieces),
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            model=self._model,
        )


def _request(
    model: str,
    messages: Sequence[Message],
    schema: Mapping[str, Json] | None,
    dialect: _Dialect,
    *,
    max_tokens: int | None,
    temperature: float,
    stream: bool,
) -> dict[str, Any]:
    """The request's arguments, in the server's dialect."""
    request: dict[str, Any] = {"model": model, "messages": [dict(each) for each in messages]}
    if max_tokens is not None and dialect.tokens == "max_tokens":
        request["max_tokens"] = max_tokens
    elif max_tokens is not None:  # older SDKs do not know this name
        request["extra_body"] = {"max_completion_tokens": max_tokens}
    if dialect.temperature:
        request["temperature"] = temperature
    if stream:
        request["stream"] = True
        if dialect.usage:
            request["stream_options"] = {"include_usage": True}
    if schema is not None:
        request |= _asking_for_object(request["messages"], schema, dialect)
    return request


def _asking_for_object(
    messages: list[dict[str, str]], schema: Mapping[str, Json], dialect: _Dialect
) -> dict[str, Any]:
    if dialect.form == "json_schema":
        form = {"name": "reply", "strict": True, "schema": dict(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": form}}
    rule = (
        f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n"
        f"{json.dumps(dict(schema))}"
    )
    asked: dict[str, Any] = {"messages": _with_rule(messages, rule)}
    if dialect.form == "json_object":
        asked["response_format"] = {"type": "json_object"}
    return asked


def _with_rule(messages: list[dict[str, str]], rule: str) -> list[dict[str, str]]:
    """Append a rule to the system message; many models accept only one, at the start."""
    if messages and messages[0]["role"] == "system":
        first = {"role": "system", "content": f"{messages[0]['content']}\n\n{rule}"}
        return [first, *messages[1:]]
    return [{"role": "system", "content": rule}, *messages]


def _first_choice(response: Any, holds: str) -> Any:
    """The first choice, if it holds a "message", or the "delta" of one."""
    choices = getattr(response, "choices", None)
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if getattr(first, holds, None) is not None else None


def _text(value: object) -> str:
    """A text field of a response; empty if it is not a text."""
    return value if isinstance(value, str) else ""


def _count(response: Any, name: str) -> int:
    """A number of a response's usage; 0 if the server does not count."""
    count = getattr(getattr(response, "usage", None), name, 0)
    return count if isinstance(count, int) and 0 <= count < 2**63 else 0


def _what_happened(error: Exception, status: int | None, timeout_s: float, key: str) -> str:
    """What went wrong, and what to do about it."""
    import openai

    if isinstance(error, (openai.APITimeoutError, *_transport_errors("TimeoutException"))):
        return f"was silent for {timeout_s:g} s"
    if status is None:
        return f"could not be asked: {openai_client.said(key, str(error.__cause__ or error))}"
    redirect = openai_client.redirected(error, key)
    if redirect:
        return f"answered {status}{redirect}"
    advice = {
        401: " (is HELAMEM_LLM_API_KEY right?)",
        403: " (is HELAMEM_LLM_API_KEY right?)",
        404: " (is the model's name right, and HELAMEM_LLM_BASE_URL, which usually ends in /v1?)",
        429: " (too many requests, or the quota is used up; try again later)",
    }
    return f"answered {status}{advice.get(status, '')}: {openai_client.said(key, str(error))}"


def _may_pass(error: Exception, status: int | None) -> bool:
    """Whether a retry may help."""
    import openai

    if status is not None:
        return status in {408, 409, 429} or status >= 500
    return isinstance(error, (openai.APIConnectionError, *_transport_errors())) or (
        type(error) is openai.APIError  # an error that came inside a stream
    )


def _transport_errors(name: str = "HTTPError") -> tuple[type[Exception], ...]:
    """Errors of the SDK's HTTP library inside a stream, which some versions of the SDK do not catch."""
    loaded = [sys.modules[library] for library in ("httpx", "httpx2") if library in sys.modules]
    return tuple(getattr(module, name) for module in loaded)
