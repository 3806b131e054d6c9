"""The query of a question to a store, and the part of the graph that answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helamem.filters import Filter
    from helamem.protocols.graph import EdgeRule, Edges, Floats, Ints, Nodes, Postings


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionQuery:
    """A question in the form that `Store.region` needs.

    Attributes:
        vector: Shape (dimension,): the embedding of the question; it need not be of length 1.
        terms: Its distinct terms.
        periods: The periods that it names, in epoch seconds: start included, end excluded.
        where: The filter on results; None for all memories. Others still pass activation on.
        nearest: The number of candidates by vector; if it or `lexical` is 0, every memory is a candidate.
        lexical: The number of candidates by words.
        cues: The number of earlier questions.
        max_postings: After how many rows of postings the search for candidates by words may be cut short.
        k1, b: The constants of BM25 for candidates by words.
        reach: The number of turns before and after each candidate that belong to the region.
        rule: How learned edges decay.
        now: The time of the learning clock, in the units of `rule.tau`; None for the number of lessons.
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
        texts: Their texts.
    """

    ids: Ints
    cosines: Floats
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRows:
    """The region of a question: memories by ascending id, and their connections.

    Attributes:
        nodes: Their columns, without cues and quiet episodes.
        similarity: Shape (n,): the highest cosine of the question with a memory's vectors: that of the whole text,
            and those of its passages.
        vectors: Shape (n, dimension): that of the whole text.
        allowed: Shape (n,): which of them meet the conditions.
        postings: Occurrences of the terms in them; counts of documents are those of the namespace.
        left_out: The most that a memory which is no candidate may score by words, as a share of the best one's
            score, if the search for candidates was cut short; 0 if they are the best.
        edges: Edges up to two steps from the cues and candidates; `weights` are decayed, above 0.
        cues: The nearest earlier questions.
        speakers: The names by the indices in `nodes.speakers`.
    """

    nodes: Nodes
    similarity: Floats
    vectors: Floats
    allowed: NDArray[np.bool_]
    postings: Postings
    left_out: float
    edges: Edges
    cues: FoundCues
    speakers: tuple[str, ...]
