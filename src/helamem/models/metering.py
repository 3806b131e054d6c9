"""Counts calls and tokens: each use case wraps the model it is given."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from helamem import tracing
from helamem.errors import CutOffError
from helamem.protocols import Reply

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from helamem.protocols import LLM, Request


class Meter:
    """An LLM that counts calls and tokens of the wrapped one; cached answers cost nothing."""

    def __init__(self, llm: LLM) -> None:
        self._llm = llm
        self._lock = threading.Lock()
        self.calls = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0

    @property
    def name(self) -> str:
        """The name of the model behind."""
        return self._llm.name

    @property
    def usage(self) -> dict[str, int]:
        """How many calls, and how many tokens in both directions."""
        return {"calls": self.calls, "tokens": self.prompt_tokens + self.completion_tokens}

    def complete(self, request: Request) -> Reply:
        """The wrapped model's answer; a failed call counts as a call."""
        with tracing.span("model") as span:
            with self._counted():
                reply = _reply(self._llm.complete(request))
            self._count_reply(reply, span)
        return reply

    def stream(self, request: Request) -> Generator[str, None, Reply]:
        """The wrapped model's pieces."""
        with tracing.span_of_generator("model") as span:
            with self._counted():
                reply = _reply((yield from self._llm.stream(request)))
            self._count_reply(reply, span)
        return reply

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a call, and its tokens if the answer was cut off."""
        self._count(calls=1)
        try:
            yield
        except CutOffError as cut:
            self._count(prompt=cut.tokens[0], completion=cut.tokens[1])
            raise

    def _count_reply(self, reply: Reply, span: tracing.Span) -> None:
        span.note(prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens)
        if reply.cached:
            self._count(calls=-1)
        else:
            self._count(prompt=reply.prompt_tokens, completion=reply.completion_tokens)

    def _count(self, *, calls: int = 0, prompt: int = 0, completion: int = 0) -> None:
        with self._lock:
            self.calls += calls
            self.prompt_tokens += prompt
            self.completion_tokens += completion


def _reply(returned: object) -> Reply:
    """What a model returned, which may be somebody's own.

    Raises:
        TypeError: It is no `Reply`.
    """
    if not isinstance(returned, Reply):
        raise TypeError(
            f"a language model must return a helamem.protocols.Reply, not {type(returned).__name__}"
        )
    return returned
