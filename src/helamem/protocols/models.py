"""The interfaces of embedders, rerankers, language models and clocks."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from helamem.protocols.graph import Floats
    from helamem.records import Json

Clock: TypeAlias = "Callable[[], float]"  # epoch seconds
Message: TypeAlias = (
    "Mapping[str, str]"  # {"role": "system", "user" or "assistant", "content": ...}
)


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """Identifies the vector space: the same name means comparable vectors.

        It is kept in the file, so it names the model as well as the adapter: "static/minilm-256-v1".
        """
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    @property
    def max_chars(self) -> int | None:
        """How much of a text the vector covers; None for all of it."""
        ...

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector per text: shape (n, dimension), float32, of length 1, or 0 if nothing is known of a text.

        Raises:
            EmbedderError: The model or its server failed.
        """
        ...


@runtime_checkable
class Covering(Protocol):
    """An embedder that reports how much of a text it can read; if it is little, words count more."""

    def coverage(self, texts: Sequence[str]) -> Floats:
        """One share per text, from 0 (nothing) to 1 (all of it): shape (n,)."""
        ...


class Reranker(Protocol):
    """Scores how well each of several texts answers a question."""

    @property
    def name(self) -> str:
        """Its name in errors."""
        ...

    def scores(self, question: str, texts: Sequence[str]) -> Floats:
        """One finite score per text, shape (n,); higher is better. They need not compare between questions.

        Raises:
            ProviderError: The model or its server failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a language model.

    Attributes:
        messages: The conversation; the model answers the last message.
        schema: The JSON schema of the object to answer with; None for an answer in plain text.
        max_tokens: The most tokens of the answer; None for the model's own limit.
        temperature: The randomness of the answer; 0 for the least that the model allows.
    """

    messages: Sequence[Message]
    schema: Mapping[str, Json] | None = field(default=None, kw_only=True)
    max_tokens: int | None = field(default=None, kw_only=True)
    temperature: float = field(default=0.0, kw_only=True)

    @property
    def prompt(self) -> str:
        """All messages as one text."""
        return "\n".join(message["content"] for message in self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A language model's complete answer.

    Attributes:
        data: The answer as JSON, if the request had a schema. It fits the schema, except for items of its
            lists: the reader of a list drops items that do not fit.
        model: The model that answered, as its server calls it.
        cached: Whether the answer came from a cache, free of cost.
    """

    text: str
    data: Json = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""
    cached: bool = False


class LLM(Protocol):
    """A language model that answers chat messages."""

    @property
    def name(self) -> str:
        """The model's name as recorded with facts, for example "openai/gpt-4o-mini"."""
        ...

    def complete(self, request: Request) -> Reply:
        """The answer; with a schema, an object that fits it, except that list items are not checked.

        Raises:
            CutOffError: The answer is longer than the limit of tokens.
            LLMError: The server failed, refused, or answered in another form.
        """
        ...

    def stream(self, request: Request) -> Generator[str, None, Reply]:
        """Yield the answer piece by piece, and return it in full.

        Closing the generator ends the request.

        Raises:
            LLMError: As for `complete`; what came before was yielded already.
        """
        ...
