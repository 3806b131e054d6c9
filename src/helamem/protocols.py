"""The seams: what a store, an embedder and a clock must do, and the values that cross them.

Arrays that belong together have one length and one order. Times are epoch seconds. Ids are
positive, unique in a store over episodes, facts and cues, and never used twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from helamem.filters import Filter
    from helamem.records import Change, Channel, Episode, Fact, FactKind, Json, Stats

Floats: TypeAlias = NDArray[np.floating]
Ints: TypeAlias = NDArray[np.int64]
# Traits of a turn: it ends by asking; it places something in time; it calls something by its name.
ASKS, NAMES_TIME, NAMES = 1, 2, 4
NodeKind: TypeAlias = Literal["episode", "fact", "cue"]
Clock: TypeAlias = "Callable[[], float]"  # epoch seconds


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """Identifies the vector space: the same name means comparable vectors.

        It is kept in the file, so it names the model as well as the adapter: "static/l2_supercat_256".
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
        """One vector a text: shape (n, dimension), float32, of length 1 (or 0 where nothing is known).

        Raises:
            EmbedderError: The model or its server failed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A term of a text, as it is indexed.

    Attributes:
        count: How often the text has it.
        rank: 0 for the most telling term of the text, then 1, ...
    """

    term: str
    count: int
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEpisode:
    """An episode on its way into a store, with all that is computed from its text.

    Attributes:
        key: A digest of what makes two turns the same turn; a store keeps one a namespace.
        length: The number of terms, repetitions counted.
        traits: A sum of `ASKS`, `NAMES_TIME` and `NAMES`: what kind of turn it is.
    """

    key: bytes
    text: str
    speaker: str
    role: str
    session: str
    at: float
    stored_at: float
    metadata: Mapping[str, Json]
    vector: Floats
    terms: Sequence[Term]
    length: int
    traits: int = 0
    uses: int = 0
    used_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFact:
    """A fact on its way into a store."""

    text: str
    kind: FactKind
    confidence: float
    sources: tuple[int, ...]
    speaker: str
    at: float
    stored_at: float
    metadata: Mapping[str, Json]
    vector: Floats
    terms: Sequence[Term]
    length: int
    traits: int = 0
    uses: int = 0
    used_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFact:
    """What a known fact becomes when new evidence bears on it; its text stays.

    Attributes:
        sources: The episodes that it rests on now; none that it rested on before is taken away.
    """

    id: int
    confidence: float
    sources: tuple[int, ...]
    metadata: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distillate:
    """What was distilled from one cluster, written in one transaction.

    Attributes:
        marks: Digests of what has now been distilled; `Store.clusters` gives them back.
        facts: The new facts.
        changed: Known facts that were found again, or contradicted.
        superseded: Pairs of a known fact's id and the index in `facts` of the one that replaces it.
        at: The time in epoch seconds.
    """

    marks: Sequence[bytes]
    facts: Sequence[NewFact]
    changed: Sequence[ChangedFact]
    superseded: Sequence[tuple[int, int]]
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCue:
    """A question on its way into a store, to be bound to what served it.

    Attributes:
        speaker: The speaker whom it names first; empty for nobody.
    """

    key: bytes
    text: str
    speaker: str
    vector: Floats
    at: float


@dataclass(frozen=True, slots=True)
class Nodes:
    """Facts about nodes, one row each, without their texts.

    Attributes:
        ids: Which nodes, in the order asked for.
        kinds: Codes of `NODE_KINDS`.
        sessions: A number a session; -1 for a node that belongs to none.
        previous, next: The ids of the neighbouring turns of the same session; 0 where there is none.
        lengths: Number of terms.
        at: When it was said.
        speakers: Index into `Store.speakers()`; -1 for none.
        traits: As stored with the episode or fact.
    """

    ids: Ints
    kinds: Ints
    sessions: Ints
    previous: Ints
    next: Ints
    lengths: Floats
    at: NDArray[np.float64]
    speakers: Ints
    traits: Ints


NODE_KINDS: tuple[NodeKind, ...] = ("episode", "fact", "cue")


@dataclass(frozen=True, slots=True)
class Postings:
    """Where terms occur, one row an occurrence of a term in a node (active episodes and facts).

    Attributes:
        terms: Index into the terms asked for.
        ids: The node that has it.
        counts: How often.
        ranks: How telling the term is for the node; 0 is the most.
        document_frequency: Number of nodes that have it, one a term asked for.
        n_documents: Number of active episodes and facts.
        mean_length: Their mean number of terms; 0 where there are none.
    """

    terms: Ints
    ids: Ints
    counts: Floats
    ranks: Ints
    document_frequency: Floats
    n_documents: int
    mean_length: float


@dataclass(frozen=True, slots=True)
class Edges:
    """Directed edges, one row each, as they are stored: `weight` as of `touched`, not decayed.

    Attributes:
        channels: Codes of `CHANNELS` ("temporal" edges follow from `Nodes`, and are never stored).
    """

    sources: Ints
    targets: Ints
    channels: Ints
    weights: Floats
    touched: NDArray[np.float64]


CHANNELS: tuple[Channel, ...] = ("temporal", "learned", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRule:
    """How a weight changes; `Store.learn` applies it in the database.

    Let w be the stored weight, and d its value now: d = w * exp(-(now - touched) / tau), or 0 where
    that is below `floor`. Strengthening by g gives min(ceiling, d + g * (1 - saturation * d)).

    Attributes:
        tau: Decay time, in the units of `now`; infinite for no decay.
        saturation: 1 for a gain that shrinks as the weight grows, 0 for one that does not.
    """

    tau: float
    saturation: float
    ceiling: float
    floor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is to be learned from one recall, written in one transaction.

    Attributes:
        used: The memories that served; their `uses` grows by one.
        pairs: (n, 2) ids; each unordered pair once. Both directions are strengthened.
        gains: (n,) how much each pair is strengthened.
        cue: The question to bind: a new one (found again by its key), or the id of an old one.
        cue_gains: One a used memory, in the order of `used`.
        weakened: (m, 2) ids; both directions are weakened where the edge exists.
        keep: The share of their weight that weakened edges keep.
        now: The time of learning in the units of `rule.tau`.
        at: The time in epoch seconds.
    """

    used: Ints
    pairs: Ints
    gains: Floats
    cue: NewCue | int | None
    cue_gains: Floats
    weakened: Ints
    keep: float
    rule: EdgeRule
    now: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What `Store.learn` did."""

    cue: int | None
    strengthened: int
    bound: int
    weakened: int


class Store(Protocol):
    """Everything that one namespace keeps.

    A store is a handle on one namespace: no method takes a tenant. Each method that writes is one
    transaction, and is durable when it returns; if it raises, nothing was changed. Each method may be
    called from any thread.
    """

    @property
    def namespace(self) -> str:
        """The namespace that this handle is for."""
        ...

    # Writing ------------------------------------------------------------------------------------

    def add(
        self, episodes: Sequence[NewEpisode], *, link: float, now: float
    ) -> list[tuple[int, bool]]:
        """Store episodes in order; for each its id, and whether it is new (by its key).

        A `link` above 0 is the learned weight that a new episode and the previous turn of its session
        start with, touched at `now` (the learning clock).
        """
        ...

    def add_facts(self, facts: Sequence[NewFact], *, cluster: bytes) -> list[int]:
        """Store the facts of one cluster, with "source" edges (weight 1) to and from their episodes.

        The cluster's digest is recorded with them, also where there are no facts.
        """
        ...

    def distil(self, distillate: Distillate) -> list[int] | None:
        """Store what a cluster gave: the ids of the new facts.

        None, and nothing is changed, where all of its marks are there already: somebody else has been
        quicker.

        Raises:
            NotFoundError: A source, or a known fact, is not there any more; nothing was changed.
        """
        ...

    def clusters(self) -> set[bytes]:
        """The digests of the clusters that have been distilled."""
        ...

    def supersede(self, old: int, new: int, *, at: float) -> None:
        """Mark a fact as replaced by a newer one: it becomes inactive, and leaves every search."""
        ...

    def learn(self, lesson: Lesson) -> Learned:
        """Apply a lesson: increments are atomic in the database, whoever else is writing."""
        ...

    def update(self, id_: int, episode: NewEpisode, *, at: float) -> None:
        """Replace what an episode says (text, metadata, vector, terms, traits, key).

        Its id, time, place and edges stay, and history keeps the old text.

        Raises:
            NotFoundError: There is no such episode.
        """
        ...

    def remove(self, ids: Sequence[int], *, at: float) -> list[int]:
        """Remove memories with their vectors, terms and edges.

        Every fact that rests on them alone goes too, and every cue that is bound to nothing else. A fact
        with other sources keeps those. A fact that was replaced by one that goes is replaced by that
        one's successor, or holds again. No text of what was removed remains in the file.

        Returns:
            All ids that went, those of facts and cues included.

        Raises:
            NotFoundError: One of the ids is not there; nothing was removed.
        """
        ...

    def restore(self, cues: Sequence[NewCue], edges: Callable[[list[int]], Edges]) -> list[int]:
        """Put back cues, and learned edges as they were exported; the ids of the cues.

        `edges` is called once with these ids, inside the transaction, since edges name cues by id.
        """
        ...

    def prune(self, *, rule: EdgeRule, now: float) -> int:
        """Drop learned edges whose decayed weight is below `rule.floor`; how many (undirected) went."""
        ...

    # Reading ------------------------------------------------------------------------------------

    def reading(self) -> AbstractContextManager[None]:
        """What is read inside sees one state of the namespace, whoever writes meanwhile.

        Nothing can be written inside, by the same thread; other threads wait.
        """
        ...

    def nearest(
        self, vector: Floats, k: int, *, kinds: Sequence[NodeKind], within: Ints | None = None
    ) -> tuple[Ints, Floats]:
        """The active nodes with the highest cosine: ids and cosines, best first, ties by id.

        `within` (sorted ids) restricts what may be returned.
        """
        ...

    def similarities(self, vector: Floats, ids: Ints) -> Floats:
        """The cosine of each node with `vector`, in the order of `ids`."""
        ...

    def postings(self, terms: Sequence[str], *, max_rows: int) -> Postings:
        """Where the terms occur.

        Where there would be more than `max_rows` rows, those of the most frequent terms are left out
        (`document_frequency` stays complete); those of the rarest term never are.
        """
        ...

    def nodes(self, ids: Ints) -> Nodes:
        """What is known about nodes, in the order of `ids`."""
        ...

    def around(self, ids: Ints, reach: int) -> Ints:
        """These nodes, and the turns up to `reach` away from them in their sessions; ascending."""
        ...

    def edges(self, sources: Ints) -> Edges:
        """The stored edges that leave these nodes."""
        ...

    def all_edges(self) -> Edges:
        """Every stored edge of the namespace, for consolidation and forgetting."""
        ...

    def ids(self, *, kinds: Sequence[NodeKind], where: Filter | None = None) -> Ints:
        """The ids of active nodes, ascending; `where` restricts episodes and facts."""
        ...

    def speakers(self) -> tuple[str, ...]:
        """The speakers, in the order of `Nodes.speakers`."""
        ...

    def get(self, ids: Sequence[int]) -> list[Episode | Fact]:
        """The memories, in the order of `ids`.

        Raises:
            NotFoundError: One of them is not there.
        """
        ...

    def vectors(self, ids: Ints) -> Floats:
        """The vectors, shape (n, dimension), in the order of `ids`."""
        ...

    def facts(self, *, superseded: bool = False) -> list[Fact]:
        """All facts, oldest first; superseded ones only when asked for."""
        ...

    def cues(self, ids: Ints | None = None) -> list[tuple[int, str, str, float]]:
        """Every cue, or those with these ids, by id: id, text, the speaker whom it names, epoch seconds."""
        ...

    def history(self, id_: int) -> list[Change]:
        """What happened to a memory, oldest first, also after it was removed."""
        ...

    def lessons(self) -> int:
        """How many lessons have been learned: the clock of decay by retrievals."""
        ...

    def stats(self) -> Stats:
        """How much there is."""
        ...

    def check(self) -> list[str]:
        """What is wrong with the file: one sentence each, none where it is sound."""
        ...

    def close(self) -> None:
        """Release what is held; a closed store raises StoreError."""
        ...


Message: TypeAlias = (
    "Mapping[str, str]"  # {"role": "system", "user" or "assistant", "content": ...}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a language model answered, in full.

    Attributes:
        data: The answer as JSON, where a schema was asked for; it fits the schema.
        model: The model that answered, as its server calls it.
        cached: Whether the answer was remembered, and cost nothing.
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
        """The model as it is written into what it distilled, for example "openai/gpt-4o-mini"."""
        ...

    def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Json] | None = None,
        max_tokens: int | None = None,
        temperature: float = 0.0,
    ) -> Reply:
        """The answer; with a JSON schema, one object that fits it.

        Raises:
            LLMError: The server failed, refused, was cut off, or answered in another form.
        """
        ...

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float = 0.0,
    ) -> Generator[str, None, Reply]:
        """The answer piece by piece as it comes, and in full as the generator's return value.

        Closing the generator ends the request.

        Raises:
            LLMError: As for `complete`; what came before was yielded already.
        """
        ...
