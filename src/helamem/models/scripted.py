"""A language model that answers from a script, for tests."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, TypeAlias

from helamem.errors import LLMError
from helamem.models import schemas
from helamem.protocols import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from helamem.protocols import Message, Request
    from helamem.records import Json

ROLES = {"system", "user", "assistant"}
Answer: TypeAlias = "str | Mapping[str, Json] | Exception"


class ScriptedLLM:
    """A model that answers from a script: for tests, and for examples that run anywhere.

    Args:
        script: Answers in order, or a function of the messages. An answer is a text, a JSON object, or an
            exception to raise. Objects are checked against the schema as a real model's are.
        name: What it calls itself.

    Example:
        >>> from helamem.protocols import Request
        >>> llm = ScriptedLLM(["Peanuts."])
        >>> llm.complete(Request([{"role": "user", "content": "What must Maya not eat?"}])).text
        'Peanuts.'
        >>> llm.calls[0].prompt
        'What must Maya not eat?'
    """

    def __init__(
        self,
        script: Sequence[Answer] | Callable[[Sequence[Message]], Answer],
        *,
        name: str = "scripted",
    ) -> None:
        self.name = name
        self.calls: list[Request] = []
        self._script = script
        self._lock = threading.Lock()

    def complete(self, request: Request) -> Reply:
        """The script's next answer.

        Raises:
            LLMError: The answer does not fit the schema, or the script has ended.
            ValueError: A message has a role that servers do not know.
        """
        answer = self._next(request)
        if isinstance(answer, Exception):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return Reply(
            text=text,
            data=self._data(text, request.schema),
            prompt_tokens=_rough_tokens(request.prompt),
            completion_tokens=_rough_tokens(text),
            model=self.name,
        )

    def stream(self, request: Request) -> Generator[str, None, Reply]:
        """The script's next answer, word by word."""
        reply = self.complete(request)
        yield from reply.text.split(" ")[:1]
        yield from (f" {word}" for word in reply.text.split(" ")[1:])
        return reply

    def _next(self, request: Request) -> Answer:
        unknown = {each["role"] for each in request.messages} - ROLES
        if unknown:  # as a server would
            raise ValueError(f"a message cannot have the role {unknown.pop()!r}")
        with self._lock:
            self.calls.append(request)
            number = len(self.calls)
        if callable(self._script):
            return self._script(request.messages)
        if number > len(self._script):
            raise LLMError(
                f"the script has {len(self._script)} answers, but was asked {number} times",
                provider=self.name,
            )
        return self._script[number - 1]

    def _data(self, text: str, schema: Mapping[str, Json] | None) -> Json:
        try:
            return None if schema is None else schemas.read(text, schema)
        except ValueError as error:
            raise LLMError(f"the script answered with {error}", provider=self.name) from error


def _rough_tokens(text: str) -> int:
    """About four characters a token."""
    return -(-len(text) // 4)
