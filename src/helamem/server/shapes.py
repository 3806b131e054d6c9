"""What requests hold. Answers have the shapes of the records' `to_dict`."""

from __future__ import annotations

from datetime import datetime  # pydantic reads annotations at run time
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Id = Annotated[int, Field(ge=1, lt=2**63, description="The id of a memory.")]
Filters = Annotated[
    dict[str, Any] | None,
    Field(description='Conditions, as in {"speaker": "Ana"}.', examples=[{"speaker": "Ana"}]),
]
_OF_ZONE = "A time that names no zone is by the clock of the setting `timezone`, where that is set."
At = Annotated[
    datetime | None,
    Field(
        description=f"When it is asked or done; now, unless given. {_OF_ZONE}",
        examples=["2024-05-06T10:00:00Z"],
    ),
]


class Shape(BaseModel):
    """A body of a request; unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class AddRequest(Shape):
    """Turns to remember: messages of a chat, or objects with `text`, `speaker`, `at`, ..."""

    messages: list[dict[str, Any] | str] = Field(
        min_length=1,
        examples=[[{"role": "user", "content": "Maya is allergic to peanuts.", "name": "Ana"}]],
    )
    speaker: str | None = None
    role: str | None = None
    at: datetime | None = Field(default=None, description=_OF_ZONE)
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
    """A question, and how long the block for a prompt may be."""

    max_tokens: int = Field(default=1000, ge=1)


class HitGiven(BaseModel):
    """A hit as a search answered it; what else it has is passed over."""

    id: Id
    score: float = 0.0


class CueGiven(BaseModel):
    """An earlier question as a search answered it."""

    id: Id
    similarity: float = 0.0
    probability: float = 0.0


class RecallGiven(BaseModel):
    """What a search answered; `query`, `at`, `hits` and `cues` of it count."""

    query: str = Field(min_length=1)
    at: AwareDatetime
    hits: list[HitGiven] = []
    cues: list[CueGiven] = []


class ReinforceRequest(Shape):
    """What of a search served the answer, and what misled."""

    recall: RecallGiven
    used: list[Id] | None = Field(
        default=None, description="May be left out where `learning.gate` is `returned`."
    )
    unhelpful: list[Id] = []
    certainty: float = Field(default=1.0, gt=0, le=1)
    at: At = None


class FeedbackRequest(Shape):
    """What served a question, from who has not kept what the search answered."""

    query: str = Field(min_length=1, examples=["What should I not cook for Maya?"])
    used: list[Id] = Field(examples=[[1]])
    unhelpful: list[Id] = []
    certainty: float = Field(default=1.0, gt=0, le=1)
    at: At = None


class AskRequest(Shape):
    """A question for the language model; steps that are not given are as the settings say."""

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
    """Something said in a conversation, which the language model replies to."""

    message: str = Field(min_length=1, examples=["What should I not cook for Maya?"])
    session: str | None = Field(
        default=None,
        min_length=1,
        description="A conversation to go on with; a new one, if left out.",
    )
    speaker: str = "user"
    name: str = "assistant"
    instructions: str = ""
    learn: bool | None = None
    at: At = None


class PutRequest(Shape):
    """A turn to remember under a key."""

    text: str = Field(min_length=1, examples=["The gate code is 4711."])
    speaker: str = ""
    role: str = ""
    at: At = None
    session: str = ""
    metadata: dict[str, Any] = {}


class AnnotateRequest(Shape):
    """Other metadata for an episode, and those that it had when it was read."""

    metadata: dict[str, Any]
    was: dict[str, Any]


class DeleteRequest(Shape):
    """The ids of what is to go, or conditions; by conditions, it is only listed unless `dry_run` is false."""

    ids: list[Id] = []
    filters: Filters = None
    dry_run: bool | None = None


class RepairRequest(Shape):
    """Whether what is wrong is mended, or only listed."""

    dry_run: bool = True


class EraseRequest(Shape):
    """Who is to be erased; only listed, unless `dry_run` is false."""

    name: str = Field(min_length=1, examples=["Maya"])
    mentions: bool = False
    dry_run: bool = True


class UpdateRequest(Shape):
    """What an episode says from now on; what is left out stays."""

    text: str | None = Field(default=None, min_length=1)
    metadata: dict[str, Any] | None = None


class CorrectRequest(Shape):
    """What is right, in place of what a memory says."""

    text: str = Field(min_length=1, examples=["Maya is allergic to walnuts."])


class ConsolidateRequest(Shape):
    """How to consolidate."""

    llm: bool = Field(default=True, description="Whether the configured language model distils.")
    at: At = None


class ForgetRequest(Shape):
    """Whether what is weak, old and unused is removed, or only listed."""

    dry_run: bool = True
    at: At = None
    max_share: float | None = Field(default=None, ge=0, le=1)


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    error: str | None = None


class Listing(BaseModel):
    """A page of memories."""

    items: list[dict[str, Any]]
    total: int = Field(description="How many fit, also beyond this page.")
    notes: list[str] = Field(description="Why nothing fits, where no memory can.")
    next: str | None = Field(description="The cursor of the next page; null on the last one.")
