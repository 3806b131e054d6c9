"""A language model that answers from a script, for tests."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from helamem.errors import LLMError
from helamem.models import schemas
from helamem.protocols import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from helamem.protocols import Message
    from helamem.records import Json

Answer: TypeAlias = "str | Mapping[str, Json] | Exception"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that a `ScriptedLLM` received."""

    messages: tuple[Message, ...]
    schema: Mapping[str, Json] | None
    max_tokens: int | None
    temperature: float

    @property
    def prompt(self) -> str:
        """All messages as one text."""
        return "\n".join(message["content"] for message in self.messages)


class ScriptedLLM:
    """A model that answers from a script: for tests, and for examples that run anywhere.

    Args:
        script: Answers in order, or a function of the messages. An answer is a text, a JSON object, or an
            exception to raise. Objects are checked against the schema as a real model's are.
        name: What it calls itself.

    Example:
        >>> llm = ScriptedLLM(["Peanuts."])
        >>> llm.complete([{"role": "user", "content": "What must Maya not eat?"}]).text
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
        self.calls: list[Call] = []
        self._script = script
        self._lock = threading.Lock()

    def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Json] | None = None,
        max_tokens: int | None = None,
        temperature: float = 0.0,
    ) -> Reply:
        """The script's next answer.

        Raises:
            LLMError: The answer does not fit the schema, or the script has ended.
        """
        call = Call(
            messages=tuple(messages), schema=schema, max_tokens=max_tokens, temperature=temperature
        )
        answer = self._next(call)
        if isinstance(answer, Exception):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return Reply(
            text=text,
            data=None if schema is None else self._object(text, schema),
            prompt_tokens=_rough_tokens(call.prompt),
            completion_tokens=_rough_tokens(text),
            model=self.name,
        )

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float = 0.0,
    ) -> Generator[str, None, Reply]:
        """The script's next answer, word by word."""
        reply = self.complete(messages, max_tokens=max_tokens, temperature=temperature)
        yield from reply.text.split(" ")[:1]
        yield from (f" {word}" for word in reply.text.split(" ")[1:])
        return reply

    def _next(self, call: Call) -> Answer:
        with self._lock:
            self.calls.append(call)
            number = len(self.calls)
        if callable(self._script):
            return self._script(call.messages)
        if number > len(self._script):
            raise LLMError(
                f"the script has {len(self._script)} answers, but was asked {number} times",
                provider=self.name,
            )
        return self._script[number - 1]

    def _object(self, text: str, schema: Mapping[str, Json]) -> Json:
        try:
            value = schemas.parse(text)
        except ValueError as error:
            raise LLMError(
                f"the script's answer is not JSON: {error}", provider=self.name
            ) from error
        wrong = schemas.misfit(value, schema, with_items=False)
        if wrong is not None:
            raise LLMError(f"the script's answer has another form: {wrong}", provider=self.name)
        return value


def _rough_tokens(text: str) -> int:
    """About four characters a token."""
    return -(-len(text) // 4)
