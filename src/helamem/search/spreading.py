"""Spreading activation: over temporal, learned and source edges, and from cues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import cues, spreading
from helamem.core.graph import Graph
from helamem.core.spreading import Arrivals
from helamem.protocols import ASKS, CHANNELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helamem.config import Config, Cues, Spreading
    from helamem.core.arrays import Bools, Floats, Ints
    from helamem.core.spreading import Spread
    from helamem.records import Channel
    from helamem.search.regions import Region

# What activation spreads over: the stored channels, and bindings of earlier questions.
ROUTES: tuple[Channel, ...] = (*CHANNELS, "cue")
TEMPORAL, CUE = ROUTES.index("temporal"), ROUTES.index("cue")


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The activation of each memory of a region.

    Attributes:
        base: Shape (n,): before the graph was used.
        received: Shape (n, routes): what arrived over each kind of edge.
        recognized: Shape (n,): the contribution of recognized cues.
        arrivals: What was received, edge by edge; from n on, sources are the region's cues.
    """

    base: Floats
    received: Floats
    recognized: Floats
    arrivals: Arrivals

    @property
    def direct(self) -> Floats:
        """The score of the direct path: own activation, temporal neighbours, and recognition."""
        return np.asarray(self.base + self.received[:, TEMPORAL] + self.recognized)

    @property
    def associated(self) -> Floats:
        """The activation from learned edges, source edges and cues."""
        return np.asarray(self.received.sum(axis=1) - self.received[:, TEMPORAL])

    @property
    def total(self) -> Floats:
        """The final score."""
        return np.asarray(self.base + self.received.sum(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Lent:
    """The contribution of earlier questions to the memories of a region.

    Attributes:
        recognized: Shape (n,): the contribution of recognized cues, which counts for any place.
        received: Shape (n,): total contribution of cues, including merely familiar or related ones.
        arrivals: What is received, binding by binding.
    """

    recognized: Floats
    received: Floats
    arrivals: Arrivals


def activate(region: Region, terms: Mapping[str, Floats], config: Config) -> Scores:
    """Base activation, spreading, and the contribution of earlier questions.

    Args:
        terms: The weighted terms of the base activation.
    """
    base = np.sum([np.zeros(len(region.ids)), *terms.values()], axis=0)
    passed_on = terms.get("similarity", 0 * base)
    spread = spread_from(
        region, passed_on if config.spreading.sources == "similarity" else base, config.spreading
    )
    lent = from_cues(region, config.cues)
    received = spread.received.copy()
    received[:, CUE] = lent.received
    arrivals = Arrivals.joined([spread.arrivals, lent.arrivals])
    return Scores(base, received, lent.recognized, arrivals)


def spread_from(region: Region, sources: Floats, config: Spreading) -> Spread:
    """The activation that each memory receives over temporal, learned and source edges.

    Args:
        sources: Shape (n,): the activation of which memories pass on what exceeds the threshold.
    """
    threshold = config.threshold
    if config.threshold_is == "quantile":
        threshold = spreading.relative_threshold(sources, quantile=config.threshold)
    active = spreading.excess(sources, threshold=threshold, subtract=config.subtract_threshold)
    return spreading.spread(
        _graph(region),
        np.maximum(active, 0.0),
        gains=(config.temporal, config.learned, config.source, 0.0),
        fan_out=config.fan_out,
    )


def from_cues(region: Region, config: Cues) -> Lent:
    """The contribution of earlier questions to each memory: for the same need, or for a related one.

    At most one cue is the same need, so what they lend for that adds up; cues that are merely related and
    agree do not.
    """
    n = len(region.ids)
    rows = np.flatnonzero(np.isin(region.edges.sources, region.cues.ids))
    targets = region.locate(region.edges.targets[rows])
    rows, targets = rows[targets >= 0], targets[targets >= 0]
    cue = np.searchsorted(region.cues.ids, region.edges.sources[rows])
    weights = np.asarray(region.edges.weights[rows], np.float64)
    best = float(region.similarity.max(initial=0.0))
    related = cues.relative_similarity(region.cues.cosine, best, power=config.power)
    recognized = config.recognition * weights * region.cues.recognized[cue]
    familiar = config.recognition * weights * region.cues.familiar[cue]
    associated = config.association * weights * related[cue]
    as_same = cues.expected(targets, familiar, n)
    as_related = cues.strongest(targets, associated, n)
    strongest = np.where(_first_that_reaches(as_related, targets, associated), associated, 0.0)
    amounts = np.where((as_same >= as_related)[targets], familiar, strongest)
    arrivals = Arrivals(
        n + cue, targets, np.full(len(rows), CUE), weights, np.ones(len(rows), np.int64), amounts
    )
    return Lent(
        recognized=cues.expected(targets, recognized, n),
        received=np.maximum(as_same, as_related),
        arrivals=arrivals.take(np.flatnonzero(amounts)),
    )


def _first_that_reaches(most: Floats, targets: Ints, amounts: Floats) -> Bools:
    """Of the bindings of each memory, the first of those with the largest amount."""
    reaching = np.flatnonzero(amounts == most[targets])
    first = np.zeros(len(amounts), np.bool_)
    first[reaching[np.unique(targets[reaching], return_index=True)[1]]] = True
    return first


def _graph(region: Region) -> Graph:
    """The region's memories with their learned and source edges, and those from a question to its answer.

    The answer is the turn that follows. Where turns are long, each says by itself what it is about, so an
    edge in time weighs as much as the turns are light.
    """
    asking = np.flatnonzero((region.following >= 0) & (region.having(ASKS) > 0))
    sources, targets = region.locate(region.edges.sources), region.locate(region.edges.targets)
    inside = (sources >= 0) & (targets >= 0)
    return Graph.build(
        len(region.ids),
        np.concatenate([asking, sources[inside]]),
        np.concatenate([region.following[asking], targets[inside]]),
        np.concatenate([np.full(len(asking), region.light), region.edges.weights[inside]]),
        np.concatenate([np.full(len(asking), TEMPORAL), region.edges.channels[inside]]),
    )
