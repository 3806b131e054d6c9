"""The bodies of requests. Answers have the shapes of the records' `to_dict`."""

from __future__ import annotations

from datetime import datetime  # pydantic reads annotations at run time
from typing import Annotated, Any

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field


def digits(value: str) -> str:
    """Text of an address that is a whole number; `int` would also read "+1", "1_0" and " 1".

    Raises:
        ValueError: It is not.
    """
    if not value.isascii() or not value.isdecimal():
        raise ValueError("write a whole number in digits")
    return value


def moment(value: object) -> object:
    """A time in ISO 8601; pydantic would also read numbers, as seconds or milliseconds, by their size.

    Raises:
        ValueError: It is not.
    """
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("write a time in ISO 8601, such as 2024-05-06T10:00:00Z") from None


Whole = Annotated[int, BeforeValidator(digits)]
IdInPath = Annotated[Whole, Path(alias="id", ge=1, lt=2**63, description="The id of a memory.")]
Id = Annotated[int, Field(strict=True, ge=1, lt=2**63, description="The id of a memory.")]
Filters = Annotated[
    dict[str, Any] | None,
    Field(description='Conditions, as in {"speaker": "Ana"}.', examples=[{"speaker": "Ana"}]),
]
_OF_ZONE = "Without a zone it is in that of the setting `timezone`, if set."
At = Annotated[
    datetime | None,
    BeforeValidator(moment),
    Field(
        description=f"The time of the request; now by default. {_OF_ZONE}",
        examples=["2024-05-06T10:00:00Z"],
    ),
]


class Shape(BaseModel):
    """A body of a request; unknown members are refused, and a "1" or a `true` is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


def message(given: object) -> object:
    """A text, or a message as an object.

    Raises:
        ValueError: It is neither.
    """
    if not isinstance(given, (str, dict)):
        raise ValueError("a message is a text or an object")  # noqa: TRY004  # pydantic takes no other
    return given


class AddRequest(Shape):
    """Turns to store: chat messages, or objects with `text`, `speaker`, `at`, ..."""

    messages: list[Annotated[dict[str, Any] | str, BeforeValidator(message)]] = Field(
        min_length=1,
        examples=[[{"role": "user", "content": "Maya is allergic to peanuts.", "name": "Ana"}]],
    )
    speaker: str | None = None
    role: str | None = None
    at: At = Field(default=None, description=_OF_ZONE)
    session: str | None = None
    metadata: dict[str, Any] | None = None
    supersedes: Id | None = Field(
        default=None, description="The turn whose place this one, a single one, takes."
    )


class SearchRequest(Shape):
    """A question."""

    query: str = Field(min_length=1, examples=["What should I not cook for Maya?"])
    k: int = Field(default=10, ge=1)
    filters: Filters = None
    at: At = None
    min_confidence: float = Field(default=0.0, ge=0, le=1)


class ContextRequest(SearchRequest):
    """A question, and the most tokens of the block for a prompt."""

    max_tokens: int = Field(default=1000, ge=1)


class HitGiven(BaseModel):
    """A hit of a search; other members are ignored."""

    id: Id
    score: float = 0.0


class CueGiven(BaseModel):
    """A cue of a search; other members are ignored."""

    id: Id
    similarity: float = 0.0
    probability: float = 0.0


class RecallGiven(BaseModel):
    """The answer of a search; `query`, `at`, `hits` and `cues` are used."""

    query: str = Field(min_length=1)
    at: Annotated[AwareDatetime, BeforeValidator(moment)]
    hits: list[HitGiven] = []
    cues: list[CueGiven] = []


class ReinforceRequest(Shape):
    """The answer of a search, and which of its memories served or misled."""

    recall: RecallGiven
    used: list[Id] | None = Field(
        default=None, description="Optional if `learning.gate` is `returned`."
    )
    unhelpful: list[Id] = []
    certainty: float = Field(default=1.0, gt=0, le=1)
    at: At = None


class FeedbackRequest(Shape):
    """A question, and the ids of the memories that served or misled."""

    query: str = Field(min_length=1, examples=["What should I not cook for Maya?"])
    used: list[Id] = Field(examples=[[1]])
    unhelpful: list[Id] = []
    certainty: float = Field(default=1.0, gt=0, le=1)
    at: At = None


class AskRequest(Shape):
    """A question for the language model; steps that are not given follow the settings."""

    question: str = Field(min_length=1, examples=["What should I not cook for Maya?"])
    filters: Filters = None
    at: At = None
    k: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    plan: bool | None = None
    select: bool | None = None
    investigate: bool | None = None
    verify: bool | None = None
    learn: bool | None = None


class ChatRequest(Shape):
    """A message of a conversation, to which the language model replies."""

    message: str = Field(min_length=1, examples=["What should I not cook for Maya?"])
    session: str | None = Field(
        default=None,
        min_length=1,
        description="The conversation to continue; a new one by default.",
    )
    speaker: str = "user"
    name: str = "assistant"
    instructions: str = ""
    learn: bool | None = None
    at: At = None


class PutRequest(Shape):
    """A turn to store under a key."""

    text: str = Field(min_length=1, examples=["The gate code is 4711."])
    speaker: str = ""
    role: str = ""
    at: At = None
    session: str = ""
    metadata: dict[str, Any] = {}


class AnnotateRequest(Shape):
    """New metadata for an episode, and those that it had when it was read."""

    metadata: dict[str, Any]
    was: dict[str, Any]


class DeleteRequest(Shape):
    """Ids of memories to delete, or conditions; conditions only list them unless `dry_run` is false."""

    ids: list[Id] = []
    filters: Filters = None
    dry_run: bool | None = None


class RepairRequest(Shape):
    """Whether to repair, or only to list defects."""

    dry_run: bool = True


class EraseRequest(Shape):
    """The person to erase; only listed unless `dry_run` is false."""

    name: str = Field(min_length=1, examples=["Maya"])
    mentions: bool = False
    dry_run: bool = True


class UpdateRequest(Shape):
    """The new text or metadata of an episode; what is omitted stays."""

    text: str | None = Field(default=None, min_length=1)
    metadata: dict[str, Any] | None = None


class CorrectRequest(Shape):
    """What is right, in place of what a memory says."""

    text: str = Field(min_length=1, examples=["Maya is allergic to walnuts."])


class SeverRequest(Shape):
    """Two memories, or a memory and an earlier question, whose learned edge is removed."""

    a: Id = Field(examples=[1])
    b: Id = Field(examples=[2])


class ConsolidateRequest(Shape):
    """How to consolidate."""

    llm: bool = Field(
        default=True, description="Whether the configured language model writes the facts."
    )
    at: At = None


class ForgetRequest(Shape):
    """Whether to remove weak, old and unused episodes, or only to list them."""

    dry_run: bool = True
    at: At = None
    max_share: float | None = Field(default=None, ge=0, le=1)
    ignored: int | None = Field(
        default=None, ge=1, description="How often shown and never used counts as old."
    )


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    error: str | None = None


class Listing(BaseModel):
    """A page of memories."""

    items: list[dict[str, Any]]
    total: int = Field(description="How many fit, on all pages.")
    notes: list[str] = Field(description="Why nothing fits, if no memory can.")
    next: str | None = Field(description="The cursor of the next page; null on the last one.")
