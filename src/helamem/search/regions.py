"""The region: the part of the graph that a question is about, read from the store at once.

`protocols.Store.region` says what belongs to it; here it is put in the form that activation is computed on.
With as many candidates as there are memories, it is the whole graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem import decay
from helamem.core import lexical
from helamem.core.surroundings import group_max, inside
from helamem.core.vectors import similarities
from helamem.frozen import dataclass
from helamem.protocols import ROLES, RegionQuery, located
from helamem.search import cues

if TYPE_CHECKING:
    from datetime import datetime

    from helamem.config import Config
    from helamem.core.arrays import Bools
    from helamem.filters import Filter
    from helamem.protocols import Edges, Floats, Ints, Nodes, Postings, RegionRows
    from helamem.search.cues import NearCues
    from helamem.search.questions import Question

AT_ONCE_S = (
    30.0  # the gap after which what one says alone has 1/e of its tie to what was said before
)


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Memories by local index, in ascending order of ids, with their columns.

    Attributes:
        nodes: Their columns.
        previous, following: Local index of the neighbouring turns; -1 if they are not in the region.
        similarity: How similar the vectors are to that of the question: the whole, or the best passage; half of it
            without the names of others whom the question is about.
        vectors: Shape (n, dimension): the embeddings of the whole texts.
        counts: Shape (n, t): how often each memory has each term of the question.
        keywords: Shape (n, t): the same for its most telling terms only.
        postings: The occurrences of the terms in the region, and their counts in the whole namespace.
        allowed: Which memories pass the filters.
        edges: Stored edges from cues and from memories of the region, as ids, decayed.
        cues: The earlier questions nearest to this one.
        speaker: The speaker that the question names first, as in `nodes.speakers`; -1 for none.
        lightness: Shape (n,): 1 for a turn of few terms, less for longer ones.
        ties: Shape (n,): how closely each turn is tied to the previous one: 1 where several speak in the session,
            else as far as they are similar or follow at once.
    """

    nodes: Nodes
    previous: Ints
    following: Ints
    similarity: Floats
    vectors: Floats
    counts: Floats
    keywords: Floats
    postings: Postings
    allowed: Bools
    edges: Edges
    cues: NearCues
    speaker: int
    lightness: Floats
    ties: Floats

    @property
    def light(self) -> float:
        """The mean lightness of the memories; 1 if there are none."""
        return float(self.lightness.mean()) if len(self.lightness) else 1.0

    @property
    def ids(self) -> Ints:
        """The memories, ascending."""
        return self.nodes.ids

    def having(self, trait: int) -> Floats:
        """1 for the memories with a trait (`protocols.ASKS`, ...), else 0."""
        return np.asarray((self.nodes.traits & trait) > 0, np.float64)

    def locate(self, ids: Ints) -> Ints:
        """The local index of each id; -1 for one that is not in the region."""
        return located(self.nodes.ids, ids)


def query_for(
    question: Question, config: Config, *, where: Filter | None, at: datetime
) -> RegionQuery:
    """The query for the store.

    Args:
        where: The filter on results; None for all.
        at: When the question is asked.
    """
    by_days = config.learning.decay_by == "days"
    return RegionQuery(
        vector=question.vector,
        terms=question.terms,
        periods=question.periods,
        where=where,
        nearest=config.candidates.nearest,
        lexical=config.candidates.lexical,
        cues=config.candidates.cues if config.learning.cue else 0,
        max_postings=config.candidates.max_postings,
        k1=config.activation.k1,
        b=config.activation.b,
        reach=config.activation.window,
        rule=decay.rule(config.learning),
        now=at.timestamp() if by_days else None,
    )


def region(rows: RegionRows, question: Question, config: Config) -> Region:
    """The region in the form that activation is computed on."""
    nodes, postings, read = rows.nodes, rows.postings, config.activation
    previous = located(nodes.ids, nodes.previous)
    return Region(
        nodes=nodes,
        previous=previous,
        following=located(nodes.ids, nodes.next),
        similarity=_similarity(rows, question),
        vectors=rows.vectors,
        counts=_counts(rows, question),
        keywords=postings.table(nodes.ids, max_rank=read.keywords),
        postings=postings,
        allowed=rows.allowed,
        edges=rows.edges,
        cues=cues.compare(
            question, rows.cues, postings=postings, speakers=rows.speakers, config=config
        ),
        speaker=_speaker(rows, question),
        lightness=lexical.lightness(nodes.lengths, few=read.light_terms),
        ties=_ties(nodes, previous, rows.vectors),
    )


def _similarity(rows: RegionRows, question: Question) -> Floats:
    """How similar the memories are to the question, half of it without the names of whom it is about.

    "Does Priya have a pet?" is about pets as well, but all that tells of Priya is near to her name.
    """
    if question.unnamed is None:
        return rows.similarity
    named, unnamed = (
        similarities(vector, rows.vectors) for vector in (question.vector, question.unnamed)
    )
    return rows.similarity + (unnamed - named) / 2


def _counts(rows: RegionRows, question: Question) -> Floats:
    """How often each memory has each term; a time's words count only in memories of other times.

    What was said on 5 July need not say so to be found for it, and what does is no better for it.
    """
    counts = rows.postings.table(rows.nodes.ids)
    dating = np.array([term in question.dating for term in question.terms], np.bool_)
    if question.periods and dating.any():
        starts, ends = np.array(question.periods).T
        counts[np.ix_(inside(rows.nodes.at, starts, ends), dating)] = 0
    return counts


def _ties(nodes: Nodes, previous: Ints, vectors: Floats) -> Floats:
    """How closely each turn is tied to the previous one.

    Where people talk, one turn leads to the next; what one alone notes down may be about anything, unless it
    follows at once. Turns of one moment have no known order.
    """
    who = (nodes.speakers * len(ROLES) + nodes.roles).astype(np.float64)
    alone = group_max(who, nodes.sessions) == -group_max(-who, nodes.sessions)
    rows = np.flatnonzero(alone & (previous >= 0))
    cosines = np.einsum("ij,ij->i", vectors[rows], vectors[previous[rows]])
    gaps = nodes.at[rows] - nodes.at[previous[rows]]
    soon = np.where(gaps > 0, np.exp(-np.abs(gaps) / AT_ONCE_S), 0.0)
    ties = np.ones(len(previous))
    ties[rows] = np.clip(np.maximum(cosines, soon), 0.0, 1.0)
    return ties


def _speaker(rows: RegionRows, question: Question) -> int:
    """The index of the speaker that the question names first.

    A near spelling of a name counts if no memory has the word.
    """
    frequency = rows.postings.document_frequency
    unknown = {term for term, n in zip(question.terms, frequency, strict=True) if not n}
    meant = [*question.named, *(name for term, name in question.misspelt if term in unknown)]
    return rows.speakers.index(meant[0]) if meant and meant[0] in rows.speakers else -1
