"""Requests for chat completions, in the dialect that a server understands."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helamem.protocols import Request
    from helamem.records import Json


@dataclass(frozen=True, slots=True)
class Dialect:
    """The features that a server is known to support; starts with all of them."""

    form: Literal["json_schema", "json_object", "text"] = "json_schema"
    tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    usage: bool = True

    def simpler(self, refused: str | None, *, structured: bool) -> Dialect | None:
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


def arguments(model: str, request: Request, dialect: Dialect, *, stream: bool) -> dict[str, Any]:
    """A request as the arguments of the SDK, in the server's dialect."""
    values: dict[str, Any] = {"model": model, "messages": [dict(each) for each in request.messages]}
    if request.max_tokens is not None and dialect.tokens == "max_tokens":
        values["max_tokens"] = request.max_tokens
    elif request.max_tokens is not None:  # older SDKs do not know this name
        values["extra_body"] = {"max_completion_tokens": request.max_tokens}
    if dialect.temperature:
        values["temperature"] = request.temperature
    if stream:
        values["stream"] = True
        if dialect.usage:
            values["stream_options"] = {"include_usage": True}
    if request.schema is not None:
        values |= _asking_for_object(values["messages"], request.schema, dialect)
    return values


def _asking_for_object(
    messages: list[dict[str, str]], schema: Mapping[str, Json], dialect: Dialect
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
