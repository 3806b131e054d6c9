"""What a store tells of the graph: columns of nodes, edges and postings, as arrays.

Arrays that belong together have one length and one order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from helamem.core import hebbian
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from helamem.records import Channel

Floats: TypeAlias = NDArray[np.floating]
Ints: TypeAlias = NDArray[np.int64]
NodeKind: TypeAlias = Literal["episode", "fact", "cue"]

NODE_KINDS: tuple[NodeKind, ...] = ("episode", "fact", "cue")
MEMORY_KINDS: tuple[NodeKind, ...] = ("episode", "fact")
ROLES = ("other", "user", "assistant")  # a turn with any other role, or none, has the first
CHANNELS: tuple[Channel, ...] = ("temporal", "learned", "source")


@dataclass(frozen=True, slots=True)
class Nodes:
    """Columns of nodes, one row each, without their texts.

    Attributes:
        ids: The nodes, in the requested order.
        kinds: Codes of `NODE_KINDS`.
        sessions: A number per session; -1 for a node without one.
        previous, next: The ids of the neighbouring turns of the same session; 0 if there is none.
        lengths: Number of terms.
        at: When it was said.
        speakers: Index into `Store.speakers()`, or into `RegionRows.speakers` in a region; -1 for none.
        traits: As stored with the episode or fact.
        roles: Codes of `ROLES`.
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
    roles: Ints


@dataclass(frozen=True, slots=True)
class Postings:
    """Occurrences of terms in active episodes and facts, one row per term and node.

    Attributes:
        terms: Index into the requested terms.
        ids: The node that has the term.
        counts: How often.
        ranks: The term's rank in the node; 0 is the most telling.
        document_frequency: The number of nodes that have a term, one per requested term.
        n_documents: The number of active episodes and facts.
        mean_length: Their mean number of terms; 0 if there are none.
    """

    terms: Ints
    ids: Ints
    counts: Floats
    ranks: Ints
    document_frequency: Floats
    n_documents: int
    mean_length: float

    def table(self, ids: Ints, *, max_rank: int | None = None) -> Floats:
        """How often each of some nodes has each term, shape (n, t).

        Args:
            ids: Ascending.
            max_rank: Only terms of a lower rank for the node count.
        """
        rows = located(ids, self.ids)
        wanted = rows >= 0 if max_rank is None else (rows >= 0) & (self.ranks < max_rank)
        counts = np.zeros((len(ids), len(self.document_frequency)), np.float32)
        counts[rows[wanted], self.terms[wanted]] = self.counts[wanted]
        return counts


def located(ids: Ints, wanted: Ints) -> Ints:
    """The index of each wanted id among the ascending `ids`; -1 if it is not among them."""
    if not len(ids):
        return np.full(len(wanted), -1)
    last = len(ids) - 1
    if int(ids[-1]) - int(ids[0]) == last:  # without gaps, so that nothing has to be sought
        return np.where((wanted >= ids[0]) & (wanted <= ids[-1]), wanted - ids[0], -1)
    places = np.minimum(np.searchsorted(ids, wanted), last)
    return np.where(ids[places] == wanted, places, -1)


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

    def where(self, wanted: NDArray[np.bool_]) -> Edges:
        """Some of the edges."""
        return Edges(*(getattr(self, name)[wanted] for name in Edges.__slots__))

    def decayed(self, rule: EdgeRule, now: float) -> Edges:
        """The edges with their weights as of `now`, without faded ones; source edges do not decay."""
        left = hebbian.decayed(self.weights, now - self.touched, tau=rule.tau, floor=rule.floor)
        weights = np.where(self.channels == CHANNELS.index("learned"), left, self.weights)
        return replace(self, weights=weights).where(weights > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRule:
    """How a weight changes; `Store.learn` applies it in the database.

    Let w be the stored weight, and d its value now: d = w * exp(-(now - touched) / tau), or 0 if that is
    below `floor`. Strengthening by g gives min(ceiling, d + g * (1 - saturation * d)).

    Attributes:
        tau: Decay time, in the units of `now`; infinite for no decay.
        saturation: 1 for a gain that shrinks as the weight grows, 0 for one that does not.
    """

    tau: float
    saturation: float
    ceiling: float
    floor: float
