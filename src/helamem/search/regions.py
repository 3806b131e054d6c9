"""The region: the part of the graph read from the store for one question.

Candidates are the memories nearest to the question, the best by words, the same among those of a time
that it names, and what earlier questions like it are bound to; the region adds what lies around them in their sessions and over learned edges.
With as many candidates as there are memories, it is the whole graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helamem import decay
from helamem.core import hebbian, lexical
from helamem.core.vectors import top_k
from helamem.protocols import CHANNELS, NODE_KINDS, Edges
from helamem.search import cues

if TYPE_CHECKING:
    from helamem.config import Config
    from helamem.core.arrays import Bools
    from helamem.protocols import Floats, Ints, NodeKind, Nodes, Postings, Store
    from helamem.search.cues import NearCues
    from helamem.search.questions import Question

MEMORIES: tuple[NodeKind, ...] = ("episode", "fact")
CUE = NODE_KINDS.index("cue")
LEARNED = CHANNELS.index("learned")


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Memories by local index, in ascending order of ids, with their columns.

    Attributes:
        nodes: Their columns.
        previous, following: Local index of the neighbouring turns; -1 where they are not in the region.
        similarity: Cosine with the question.
        counts: Shape (n, t): how often each memory has each term of the question.
        keywords: Shape (n, t): the same, of its most telling terms only.
        postings: Where the terms occur in the whole namespace.
        allowed: Which memories the filters let through.
        edges: Stored edges from cues and from memories of the region, as ids, decayed.
        cues: The earlier questions nearest to this one.
        speaker: Whom the question names first, as in `nodes.speakers`; -1 for nobody who has spoken.
        lightness: Shape (n,): 1 for a turn of few terms, less and less for longer ones.
    """

    nodes: Nodes
    previous: Ints
    following: Ints
    similarity: Floats
    counts: Floats
    keywords: Floats
    postings: Postings
    allowed: Bools
    edges: Edges
    cues: NearCues
    speaker: int
    lightness: Floats

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
        return _locate(self.nodes.ids, ids)


def load(
    store: Store, question: Question, config: Config, *, allowed: Ints | None, learning_now: float
) -> Region:
    """Read the region of a question. Nothing is written.

    Args:
        allowed: The ids that may be returned, ascending; None for all.
        learning_now: The learning clock, by which edges have decayed.
    """
    postings = store.postings(question.terms, max_rows=config.candidates.max_postings)
    speaker = _speaker(store, question, postings)
    near = _near_cues(store, question, postings, config)
    seeds = _seeds(store, question, postings, config, allowed)
    edges = _decayed(_edges_from(store, np.union1d(near.ids, seeds)), config, learning_now)
    ids = store.around(_memories(store, np.union1d(seeds, edges.targets)), config.activation.window)
    nodes = store.nodes(ids)
    return Region(
        nodes=nodes,
        previous=_locate(ids, nodes.previous),
        following=_locate(ids, nodes.next),
        similarity=store.similarities(question.vector, ids),
        counts=_counts(postings, ids, len(question.terms)),
        keywords=_counts(postings, ids, len(question.terms), max_rank=config.activation.keywords),
        postings=postings,
        allowed=np.ones(len(ids), np.bool_) if allowed is None else np.isin(ids, allowed),
        edges=edges,
        cues=near,
        speaker=speaker,
        lightness=lexical.lightness(nodes.lengths, few=config.activation.light_terms),
    )


def _speaker(store: Store, question: Question, postings: Postings) -> int:
    """Whom the question names first, by the numbers that the store has for speakers now.

    A word that is nearly a name means it where no memory has the word.
    """
    unknown = {
        term for term, n in zip(question.terms, postings.document_frequency, strict=True) if not n
    }
    meant = [*question.named, *(name for term, name in question.misspelt if term in unknown)]
    speakers = store.speakers()
    return speakers.index(meant[0]) if meant and meant[0] in speakers else -1


def _near_cues(store: Store, question: Question, postings: Postings, config: Config) -> NearCues:
    if not config.candidates.cues or not config.learning.cue:
        return cues.none_near()
    nearest, cosines = store.nearest(question.vector, config.candidates.cues, kinds=("cue",))
    order = np.argsort(nearest)
    return cues.compare(
        question,
        nearest[order],
        [text for _, text, *_ in store.cues(nearest[order])],
        cosines[order],
        postings=postings,
        speakers=store.speakers(),
        config=config,
    )


def _seeds(
    store: Store, question: Question, postings: Postings, config: Config, allowed: Ints | None
) -> Ints:
    """The candidates: the best of all, and the best of the time that the question names."""
    if not config.candidates.nearest or not config.candidates.lexical:
        return store.ids(kinds=MEMORIES)
    best = _best(store, question, postings, config, allowed)
    if not question.periods:
        return best
    starts, ends = np.array(question.periods).T
    during = store.during(starts, ends, kinds=MEMORIES, within=allowed)
    return np.union1d(best, _best(store, question, postings, config, during))


def _best(
    store: Store, question: Question, postings: Postings, config: Config, within: Ints | None
) -> Ints:
    """The nearest by vector, and the best by words."""
    nearest, _ = store.nearest(
        question.vector, config.candidates.nearest, kinds=MEMORIES, within=within
    )
    return np.union1d(nearest, _best_by_words(store, postings, config, within))


def _best_by_words(store: Store, postings: Postings, config: Config, within: Ints | None) -> Ints:
    ids = np.unique(postings.ids)
    if within is not None:
        ids = ids[np.isin(ids, within, assume_unique=True)]
    scores = lexical.bm25(
        _counts(postings, ids, len(postings.document_frequency)),
        store.nodes(ids).lengths,
        lexical.inverse_document_frequency(postings.document_frequency, postings.n_documents),
        mean_length=postings.mean_length,
        k1=config.activation.k1,
        b=config.activation.b,
    )
    best: Ints = ids[top_k(scores, config.candidates.lexical)]
    return best


def _edges_from(store: Store, ids: Ints) -> Edges:
    """The stored edges up to two steps away from `ids`."""
    near = store.edges(ids)
    further = np.setdiff1d(near.targets, ids)
    if not len(further):
        return near
    far = store.edges(further)
    return Edges(
        *(np.concatenate([getattr(near, name), getattr(far, name)]) for name in Edges.__slots__)
    )


def _memories(store: Store, ids: Ints) -> Ints:
    """The nodes that are not cues."""
    memories: Ints = ids[store.nodes(ids).kinds != CUE]
    return memories


def _counts(postings: Postings, ids: Ints, n_terms: int, *, max_rank: int | None = None) -> Floats:
    """How often each of `ids` has each term, shape (n, t)."""
    rows = _locate(ids, postings.ids)
    wanted = rows >= 0 if max_rank is None else (rows >= 0) & (postings.ranks < max_rank)
    counts = np.zeros((len(ids), n_terms), np.float32)
    counts[rows[wanted], postings.terms[wanted]] = postings.counts[wanted]
    return counts


def _decayed(edges: Edges, config: Config, learning_now: float) -> Edges:
    """The edges with decayed weights, without faded ones; source edges do not decay."""
    rule = decay.rule(config.learning)
    learned = edges.channels == LEARNED
    decayed = hebbian.decayed(
        edges.weights, learning_now - edges.touched, tau=rule.tau, floor=rule.floor
    )
    weights = np.where(learned, decayed, edges.weights)
    alive = weights > 0
    return Edges(
        edges.sources[alive],
        edges.targets[alive],
        edges.channels[alive],
        weights[alive],
        edges.touched[alive],
    )


def _locate(ids: Ints, wanted: Ints) -> Ints:
    """The index of each wanted id among the ascending `ids`; -1 where it is not among them."""
    if not len(ids):
        return np.full(len(wanted), -1)
    places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[places] == wanted, places, -1)
