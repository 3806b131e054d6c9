"""A question as a store takes it, and the part of the graph that the store gives for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helamem.filters import Filter
    from helamem.protocols.values import EdgeRule, Edges, Floats, Ints, Nodes, Postings


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionQuery:
    """A question as a store needs it, for `Store.region`.

    Attributes:
        vector: Shape (dimension,): the embedding of the question; it need not be of length 1.
        terms: Its different terms.
        periods: The periods that it names: start, included, and end, excluded, in epoch seconds.
        where: What may be returned; None for all memories. What may not still passes activation on.
        nearest: How many candidates by vector; with 0 here or in `lexical`, every memory is a candidate.
        lexical: How many candidates by words.
        cues: How many earlier questions.
        max_postings: How many rows of postings may be read; see `Postings`.
        k1, b: The constants of BM25, by which candidates are found by words.
        reach: How many turns before and after each candidate belong to the region.
        rule: How learned edges decay.
        now: The time of learning in the units of `rule.tau`; None for the number of lessons learned.
    """

    vector: Floats
    terms: Sequence[str] = ()
    periods: Sequence[tuple[float, float]] = ()
    where: Filter | None = None
    nearest: int
    lexical: int
    cues: int
    max_postings: int
    k1: float
    b: float
    reach: int
    rule: EdgeRule
    now: float | None


@dataclass(frozen=True, slots=True)
class FoundCues:
    """The earlier questions nearest to a new one, by ascending id.

    Attributes:
        cosines: Shape (c,): cosine with the question, in [-1, 1].
        texts: Their words.
    """

    ids: Ints
    cosines: Floats
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRows:
    """What a store gives for one question: memories, by ascending id, and what connects them.

    Attributes:
        nodes: Their columns; neither cues nor quiet episodes are among them.
        similarity: Shape (n,): the highest dot product of the question, at length 1, with the vectors of a memory:
            that of the whole, and those of its passages.
        vectors: Shape (n, dimension): that of the whole.
        allowed: Shape (n,): which of them meet the conditions.
        postings: Where the terms occur among them; the counts of documents are those of the namespace.
        edges: Edges from the cues and candidates, up to two steps away; `weights` are as of now, above 0.
        cues: The nearest earlier questions.
        speakers: The names that `nodes.speakers` points to.
    """

    nodes: Nodes
    similarity: Floats
    vectors: Floats
    allowed: NDArray[np.bool_]
    postings: Postings
    edges: Edges
    cues: FoundCues
    speakers: tuple[str, ...]
