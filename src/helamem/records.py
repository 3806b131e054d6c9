"""The values that users meet: what goes in, what is stored, what comes back. All are frozen.

Times are aware datetimes here, and float epoch seconds inside the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime  # noqa: TC003  # `plain` reads annotations at run time
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

from helamem.frozen import dataclass
from helamem.moments import utc
from helamem.plain import Json as Json  # noqa: PLC0414  # imported from here everywhere
from helamem.plain import Record, fields, on_a_line, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

Path: TypeAlias = Literal["direct", "associative"]
Channel: TypeAlias = Literal["temporal", "learned", "source", "cue"]
FactKind: TypeAlias = Literal["statement", "trait", "agent", "procedure"]

# Keys of an episode's metadata that helamem reads; adapters set them.
KEY = "helamem.key"  # text that identifies the episode, whatever it says
QUIET = "helamem.quiet"  # true: stored, but no search finds it
KEEP = "helamem.keep"  # true: never forgotten
GROUP = "helamem.group"  # text: episodes of a session with the same one are forgotten together or not at all
ORIGINAL = "helamem.original"  # the record that the text was taken from; dropped when `update` changes the text


@dataclass(frozen=True, slots=True, repr=False)
class Turn(Record):
    """One utterance by one speaker, as it is handed in.

    Attributes:
        text: What was said.
        speaker: Who said it.
        role: The speaker's part in a chat: "user", "assistant", "system" or "tool".
        at: When it was said; None means now. Its zone is kept and shown.
        session: The conversation; its consecutive turns are neighbours. Without one, a turn belongs to
            the day on which it was said.
        metadata: Anything else, as JSON; searches can filter by it.

    Raises:
        TypeError: `text` is not a string, or `metadata` not a mapping.
        ValueError: `text` is blank, or `at` has no time zone.
    """

    text: str
    speaker: str = ""
    role: str = ""
    at: datetime | None = None
    session: str = ""
    metadata: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("text", "speaker", "role", "session"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise TypeError(f"{name} must be a string, not {type(value).__name__}")
        if not isinstance(self.metadata, Mapping):
            raise TypeError(f"metadata must be a mapping, not {type(self.metadata).__name__}")
        if not self.text.strip():
            raise ValueError("a turn needs text; this one is blank")
        if self.at is not None:
            utc(self.at)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Episode(Record):
    """One stored turn: a node of the graph.

    Attributes:
        at: When it was said.
        stored_at: When it was added to this memory.
        uses: How often it was reported as used.
        used_at: When it was last reported as used.
        superseded_by: The id of the turn that superseded it, or None; searches skip superseded memories.
    """

    id: int
    text: str
    speaker: str
    role: str
    session: str
    at: datetime
    stored_at: datetime
    metadata: Mapping[str, Json] = field(default_factory=dict)
    uses: int = 0
    used_at: datetime | None = None
    superseded_by: int | None = None

    _shown: ClassVar = ("id", "at", "speaker", "text")

    def to_dict(self) -> dict[str, Json]:
        """The episode as JSON; `kind` is "episode"."""
        return {**fields(self), "kind": "episode"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Fact(Record):
    """A distilled statement that makes sense by itself, with the episodes that it rests on.

    Attributes:
        kind: "statement", "trait" (of a person), "agent" (about the assistant) or "procedure".
        confidence: In (0, 1].
        sources: The ids of the episodes that it was distilled from.
        at: The time from which it holds.
        stored_at: When it was distilled.
        superseded_by: The id of the fact or turn that superseded it, or None; searches skip superseded memories.
    """

    id: int
    text: str
    kind: FactKind
    confidence: float
    sources: tuple[int, ...]
    at: datetime
    stored_at: datetime
    speaker: str = ""
    superseded_by: int | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)
    uses: int = 0
    used_at: datetime | None = None

    _shown: ClassVar = ("id", "kind", "text", "sources")

    def to_dict(self) -> dict[str, Json]:
        """The fact as JSON; `valid_from` is `at`."""
        return {**fields(self), "valid_from": plain(self.at)}


class Listing(tuple["Episode | Fact", ...]):
    """A tuple of memories that also knows how many there are in all.

    Attributes:
        total: How many memories match, listed or not.
        offset: How many were skipped.
        notes: Sentences about conditions that no memory can meet.
    """

    total: int
    offset: int
    notes: tuple[str, ...]

    def __new__(
        cls,
        memories: Iterable[Episode | Fact],
        *,
        total: int,
        offset: int = 0,
        notes: tuple[str, ...] = (),
    ) -> Self:
        """Make a listing of memories."""
        made = super().__new__(cls, memories)
        made.total, made.offset, made.notes = total, offset, notes
        return made

    @property
    def more(self) -> int:
        """How many follow the last one listed."""
        return max(self.total - self.offset - len(self), 0)

    def __repr__(self) -> str:
        shown = {"ids": tuple(each.id for each in self), "total": self.total}
        return on_a_line("Listing", shown | ({"notes": self.notes} if self.notes else {}))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Skipped(Record):
    """A message that was not stored, because it is already there or is not a turn.

    Attributes:
        index: Its place among the messages, counted from 0; for a file, the place of its conversation.
        id: The id of the memory that is already there; None for what is not a turn.
        reason: Why it was not stored.
    """

    index: int
    id: int | None
    reason: str = "already stored"

    _shown: ClassVar = ("index", "id", "reason")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Degraded(Record):
    """A turn that was stored with a loss."""

    index: int
    id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Receipt(Record):
    """What became of each turn of one `add`.

    Attributes:
        ids: One id per turn, in the order given, whether new or not.
        stored: The new ids.
        skipped: The messages that were already there or are not turns.
        degraded: The turns stored with a loss, and the loss.
        superseded: The ids that a turn superseded: the older turn, and the facts that rest on it.
    """

    ids: tuple[int, ...]
    stored: tuple[int, ...]
    skipped: tuple[Skipped, ...] = ()
    degraded: tuple[Degraded, ...] = ()
    superseded: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Parts(Record):
    """The parts of a score. Every term is already weighted, and `total` is their sum.

    Attributes:
        base: The activation before the graph was used: the sum of `base_terms` times recency.
        received: The activation that arrived over edges, by channel.
        base_terms: The weighted terms of the base activation, by name (similarity, lexical, ...).
    """

    base: float
    base_terms: Mapping[str, float]
    received: Mapping[str, float]

    _shown: ClassVar = ("total", "base", "received")

    @property
    def total(self) -> float:
        """The score: base activation plus everything received."""
        return self.base + sum(self.received.values())


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Via(Record):
    """One edge over which activation arrived.

    Attributes:
        source: The id of the episode, fact or cue that it came from.
        source_kind: "episode", "fact" or "cue" (an earlier question).
        channel: The kind of edge.
        weight: The edge's effective weight, in [0, 1].
        activation: How much arrived.
    """

    source: int
    source_kind: str
    channel: Channel
    weight: float
    activation: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Hit(Record):
    """One memory that a search returned, and why.

    Attributes:
        memory: The episode or the fact.
        score: The final activation. It orders the hits of one recall and does not compare between recalls;
            `Recall.confidence` does. The first places go by direct activation alone, so scores need not
            fall from hit to hit.
        path: "direct" if it is among the best `k` without associations; "associative" if learned associations
            led to it.
        parts: The parts of the score.
        via: The edges over which activation arrived, strongest first.
        reranked: The reranker's score, which then orders the hits; None if `reranking.model` names none.
    """

    memory: Episode | Fact
    score: float
    path: Path
    parts: Parts
    via: tuple[Via, ...] = ()
    reranked: float | None = None

    _shown: ClassVar = ("id", "score", "path", "speaker", "text")

    @property
    def id(self) -> int:
        """The memory's id, as `get`, `reinforce` and `delete` take it."""
        return self.memory.id

    @property
    def text(self) -> str:
        """The memory's text."""
        return self.memory.text

    @property
    def speaker(self) -> str:
        """Who said it, or the person that the fact is about."""
        return self.memory.speaker

    @property
    def role(self) -> str:
        """The speaker's part in the chat; empty for a fact."""
        return "" if isinstance(self.memory, Fact) else self.memory.role

    @property
    def session(self) -> str:
        """The conversation; empty for a fact."""
        return "" if isinstance(self.memory, Fact) else self.memory.session

    @property
    def metadata(self) -> Mapping[str, Json]:
        """Its metadata."""
        return self.memory.metadata

    @property
    def at(self) -> datetime:
        """When it was said; for a fact, the time from which it holds."""
        return self.memory.at

    @property
    def stored_at(self) -> datetime:
        """When it was stored."""
        return self.memory.stored_at

    @property
    def kind(self) -> Literal["episode", "fact"]:
        """Whether this is an episode or a fact."""
        return "fact" if isinstance(self.memory, Fact) else "episode"

    @property
    def sources(self) -> tuple[int, ...]:
        """The episodes behind this hit: a fact's sources, or the episode itself."""
        return self.memory.sources if isinstance(self.memory, Fact) else (self.memory.id,)

    def to_dict(self) -> dict[str, Json]:
        """The hit as JSON: the memory's fields beside the parts of the score."""
        return {
            "id": self.id,
            "kind": self.kind,
            "text": self.text,
            "speaker": self.speaker,
            "role": self.role,
            "session": self.session,
            "at": plain(self.at),
            "stored_at": plain(self.stored_at),
            "score": self.score,
            "path": self.path,
            "parts": plain(self.parts),
            "via": plain(self.via),
            "reranked": self.reranked,
            "sources": plain(self.sources),
            "metadata": plain(self.metadata),
            "uses": self.memory.uses,
            "used_at": plain(self.memory.used_at),
            **self._of_fact(),
            "superseded_by": self.memory.superseded_by,
        }

    def _of_fact(self) -> dict[str, Json]:
        """The fields that only a fact has; null for an episode."""
        names = {"fact_kind": "kind", "confidence": "confidence"}
        fact = self.memory if isinstance(self.memory, Fact) else None
        return {key: getattr(fact, name, None) for key, name in names.items()}

    @classmethod
    def _fields_from(cls, shape: Mapping[str, Any]) -> Mapping[str, Any]:
        if shape["kind"] == "episode":
            return {**shape, "memory": shape}
        fact = {**shape, "kind": shape["fact_kind"]}
        return {
            **shape,
            "memory": {key: fact[key] for key in fact if key not in ("role", "session")},
        }


def direct_hit(memory: Episode | Fact, score: float) -> Hit:
    """A memory as a hit whose score has no further parts."""
    parts = Parts(base=score, base_terms={}, received={})
    return Hit(memory=memory, score=score, path="direct", parts=parts)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Cue(Record):
    """An earlier question, bound to the memories that served it.

    Attributes:
        at: When it was first bound.
    """

    id: int
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Change(Record):
    """One line of a memory's history.

    Attributes:
        event: "added", "updated", "used", "superseded", "restored", "undone" (a use) or "deleted".
        text: The text before an update; the text of a deleted memory is not kept.
    """

    id: int
    event: str
    at: datetime
    text: str | None = None
