"""The result of a search: hits, similar earlier questions, notes and timings."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, SupportsIndex

import numpy as np

from helamem.frozen import dataclass
from helamem.hints import helpful
from helamem.plain import Record, plain
from helamem.search.context import Context, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from helamem.plain import Json
    from helamem.protocols import Floats
    from helamem.records import Hit


def _no_vector() -> Floats:
    return np.empty(0, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CueMatch(Record):
    """An earlier question near this one.

    Attributes:
        similarity: Their similarity by meaning and words, in [0, 1].
        probability: The probability that it is the same need.
    """

    id: int
    similarity: float
    probability: float


@helpful
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Recall(Record):
    """The result of a search.

    Attributes:
        query: The question.
        at: The time of the question, from which age was measured.
        hits: Best first: `k`, and a few more if learned associations add them; none if `confidence` is below
            `min_confidence`.
        confidence: The probability that the hits hold an answer, in [0, 1]; compares between questions and
            memories, unlike scores. 0 if nothing was found.
        signs: The values behind the confidence, by name (`helamem.search.confidence.Signs`).
        cues: The earlier questions nearest to this one, most similar first.
        notes: Sentences about what was not done as asked: a condition that no memory meets, or words too
            frequent to be searched. Usually empty.
        milliseconds: The time of each step.
        vector: The question's embedding, for learning; empty if learning must compute it again.
    """

    query: str
    at: datetime
    hits: tuple[Hit, ...]
    confidence: float = 0.0
    signs: Mapping[str, float] = field(default_factory=dict)
    cues: tuple[CueMatch, ...] = ()
    notes: tuple[str, ...] = ()
    milliseconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    vector: Floats = field(default_factory=_no_vector, repr=False, compare=False)

    _shown: ClassVar = ("query", "ids")

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __getitem__(self, place: SupportsIndex) -> Hit:
        return self.hits[place]

    def __bool__(self) -> bool:
        return bool(self.hits)

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the hits, best first."""
        return tuple(hit.id for hit in self.hits)

    def to_dict(self) -> dict[str, Json]:
        """The recall as JSON: the question, and each hit with the parts of its score."""
        return {
            "query": self.query,
            "at": plain(self.at),
            "hits": plain(self.hits),
            "confidence": self.confidence,
            "signs": plain(self.signs),
            "cues": plain(self.cues),
            "notes": plain(self.notes),
        }

    def context(
        self, max_tokens: int = 1000, *, count_tokens: Callable[[str], int] | None = None
    ) -> str:
        """The hits as a block for a prompt: as many of the best as fit into `max_tokens`.

        After the fifth, a hit's length counts against it (`helamem.search.context.render`).

        Raises:
            TypeError, ValueError: `max_tokens` is not a whole number, or below 1.
        """
        return self.context_block(max_tokens, count_tokens=count_tokens).text

    def context_block(
        self, max_tokens: int = 1000, *, count_tokens: Callable[[str], int] | None = None
    ) -> Context:
        """The same block with the ids of the memories in it, and its number of tokens."""
        if count_tokens is None:
            return render(self.hits, max_tokens=max_tokens, query=self.query)
        return render(self.hits, max_tokens=max_tokens, query=self.query, count_tokens=count_tokens)
