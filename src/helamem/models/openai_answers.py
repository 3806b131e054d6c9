"""Reads what a server for chat completions answers, whole or piece by piece, and what its failures mean."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from helamem.errors import LLMError
from helamem.models import openai_client
from helamem.protocols import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class StreamedAnswer:
    """The streamed answer so far, without the key."""

    def __init__(self, model: str, named: Callable[[Any], str], key: str) -> None:
        self.finish_reason: str | None = None
        self.refusal: str | None = None
        self._model = model
        self._named = named
        self._withholding = openai_client.Withholding(key)
        self._pieces: list[str] = []
        self._prompt_tokens = 0
        self._completion_tokens = 0

    def pieces(self, chunks: Iterable[Any]) -> Iterator[str]:
        """The pieces of the text; an end that may begin the key is held back until it is known to be something else.

        Raises:
            LLMError: The stream failed; what came before was yielded.
        """
        failure: LLMError | None = None
        try:
            for chunk in chunks:
                yield self._record(self._withholding.take(self._take(chunk)))
        except LLMError as error:
            failure = error
        yield self._record(self._withholding.rest())
        if failure is not None:
            raise failure

    def _record(self, piece: str) -> str:
        self._pieces.append(piece)
        return piece

    def _take(self, chunk: Any) -> str:
        """Read a chunk; return its piece of the text."""
        if getattr(chunk, "model", None):
            self._model = self._named(chunk)
        self._prompt_tokens = count(chunk, "prompt_tokens") or self._prompt_tokens
        self._completion_tokens = count(chunk, "completion_tokens") or self._completion_tokens
        choice = first_choice(chunk, "delta")
        if choice is None:
            return ""
        self.finish_reason = text(choice.finish_reason) or self.finish_reason
        refused = text(getattr(choice.delta, "refusal", None))
        if refused:
            self.refusal = (self.refusal or "") + refused
        return text(getattr(choice.delta, "content", None))

    def reply(self) -> Reply:
        """The complete answer."""
        return Reply(
            text="".join(self._pieces),
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            model=self._model,
        )


def first_choice(response: Any, holds: str) -> Any:
    """The first choice, if it holds a "message", or the "delta" of one."""
    choices = getattr(response, "choices", None)
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if getattr(first, holds, None) is not None else None


def text(value: object) -> str:
    """A text field of a response; empty if it is not a text."""
    return value if isinstance(value, str) else ""


def count(response: Any, name: str) -> int:
    """A number of a response's usage; 0 if the server does not count."""
    count = getattr(getattr(response, "usage", None), name, 0)
    return count if isinstance(count, int) and 0 <= count < 2**63 else 0


def what_happened(error: Exception, status: int | None, timeout_s: float, key: str) -> str:
    """What went wrong, and what to do about it."""
    import openai

    if isinstance(error, (openai.APITimeoutError, *transport_errors("TimeoutException"))):
        return f"was silent for {timeout_s:g} s"
    if status is None:
        reason = openai_client.said(key, str(error.__cause__ or error))
        return f"could not be asked: {reason} (does it run, and is HELAMEM_LLM_BASE_URL right?)"
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


def is_transient(error: Exception, status: int | None) -> bool:
    """Whether a retry may help."""
    import openai

    if status is not None:
        return status in {408, 409, 429} or status >= 500
    return isinstance(error, (openai.APIConnectionError, *transport_errors())) or (
        type(error) is openai.APIError  # an error that came inside a stream
    )


def transport_errors(name: str = "HTTPError") -> tuple[type[Exception], ...]:
    """Errors of the SDK's HTTP library inside a stream, which some versions of the SDK do not catch."""
    loaded = [sys.modules[library] for library in ("httpx", "httpx2") if library in sys.modules]
    return tuple(getattr(module, name) for module in loaded)
