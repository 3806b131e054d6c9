"""What the engine gives a store to keep and to change, and what it gets back.

Arrays that belong together have one length and one order. Times are epoch seconds. Ids are
positive, unique in a store over episodes, facts and cues, and never used twice.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

import numpy as np

from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.protocols.graph import EdgeRule, Floats, Ints
    from helamem.records import FactKind, Json

# Traits of a turn: it ends with a question; it says what is wanted from then on; no search finds it.
ASKS, WISHES, QUIET = 1, 2, 8


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
class NewMemory:
    """What new episodes and facts have in common, with everything computed from the text.

    Attributes:
        vector: The vector of the whole text, of length 1.
        length: The number of terms, repetitions counted.
        traits: A sum of `ASKS`, `WISHES` and `QUIET`. A quiet turn has no terms.
    """

    text: str
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
class NewEpisode(NewMemory):
    """A new episode.

    Attributes:
        key: A digest that identifies the turn; a namespace keeps one episode per key.
        passages: Vectors of passages, where the text is long. The similarity of a memory is the highest dot
            product with its vectors, so that a passage of a length below 1 counts less than the whole.
        offset: The offset of the clock of `at`, in seconds east of UTC; None if it is unknown.
    """

    key: bytes
    role: str
    session: str
    offset: int | None = None
    passages: Sequence[Floats] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The fields of a turn that identify it.

    Attributes:
        is_superseded: Whether another turn has superseded it.
        is_instead: Whether it stands in the place of another turn.
    """

    key: bytes
    role: str
    speaker: str
    text: str
    at: float
    is_superseded: bool = False
    is_instead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFact(NewMemory):
    """A new fact."""

    kind: FactKind
    confidence: float
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFact:
    """A known fact after new evidence; its text stays.

    Attributes:
        sources: The episodes that it rests on now, including all from before.
    """

    id: int
    confidence: float
    sources: tuple[int, ...]
    metadata: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distillate:
    """The result of distilling one cluster, written in one transaction.

    Attributes:
        marks: Digests of what has now been distilled; `Store.clusters` gives them back.
        facts: The new facts.
        changed: Known facts that were found again, or contradicted.
        superseded: Pairs of a known fact's id and the index in `facts` of the one that replaces it.
        at: The time in epoch seconds.
        rule, now: How and when learned edges are handed over to what replaces; see `Store.supersede`.
        step: The consolidation that this is a part of, as `Store.begin` gave it.
    """

    marks: Sequence[bytes]
    facts: Sequence[NewFact]
    changed: Sequence[ChangedFact]
    superseded: Sequence[tuple[int, int]]
    at: float
    rule: EdgeRule | None = None
    now: float = 0.0
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A lesson or a consolidation, as the journal keeps it.

    Attributes:
        at: Epoch seconds.
        cue: The question that a lesson bound, if it is still there.
        used: The memories that served, ascending; none after undoing.
        edges: The number of learned edges that it changed; 0 after undoing.
        facts: The facts that a consolidation added, ascending; none after undoing.
    """

    id: int
    kind: Literal["lesson", "consolidation"]
    at: float
    cue: int | None = None
    used: tuple[int, ...] = ()
    edges: int = 0
    facts: tuple[int, ...] = ()
    undone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """The effect of `Store.undo`.

    Attributes:
        edges: The number of learned edges that are as if the lesson had never been learned.
        left: The number of edges or facts left alone, since something else has changed them.
        removed: The ids of removed facts and cues.
    """

    edges: int
    left: int
    removed: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A learned edge that a memory handed over to its successor.

    Attributes:
        other: The id at the other end.
        before: The successor's edge until then, as weight and the time at which it was touched; None for none.
        after: That edge since then.
    """

    other: int
    before: tuple[float, float] | None
    after: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supersession:
    """Which memory supersedes which.

    Attributes:
        yields: Whether the new one was made to take the old one's place, and is superseded in turn when the old
            one is valid again; otherwise it stays.
        because: Of a fact: the turn that it rests on, which was superseded with it.
        handed: What the old one has handed over.
    """

    old: int
    new: int
    yields: bool = True
    because: int | None = None
    handed: Sequence[Handed] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCue:
    """A new question, to be bound to the memories that served it."""

    key: bytes
    text: str
    vector: Floats
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A lesson from one recall, written in one transaction.

    Attributes:
        used: The memories that served; their `uses` grows by one.
        pairs: (n, 2) ids; each unordered pair once. Both directions are strengthened.
        gains: (n,) how much each pair is strengthened.
        cue: The question to bind: a new one (found again by its key), or the id of an old one.
        cue_gains: One per used memory, in the order of `used`.
        weakened: (m, 2) ids; both directions are weakened if the edge exists.
        keep: The share of their weight that weakened edges keep.
        now: The time of learning in the units of `rule.tau`.
        at: The time in epoch seconds.
        shown: The memories of which somebody has said whether they served; some may be gone.
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
    shown: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    def named(self) -> set[int]:
        """The memories and the cue that must be there, for the lesson to be learned.

        Raises:
            ValueError: A memory is paired with itself.
        """
        pairs = self.pairs.tolist()
        for a, b in pairs:
            if a == b:
                raise ValueError(f"memory {a} cannot be wired to itself")
        cue = [self.cue] if isinstance(self.cue, int) else []
        return {*self.used.tolist(), *(id_ for pair in pairs for id_ in pair), *cue}


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The effect of `Store.learn`.

    Attributes:
        step: What the journal calls the lesson; None for a store that keeps none.
    """

    cue: int | None
    strengthened: int
    bound: int
    weakened: int
    step: int | None = field(default=None, compare=False)
