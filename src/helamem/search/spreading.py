"""Spreading activation: over temporal, learned and source edges, and from cues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core import spreading
from helamem.core.graph import Graph
from helamem.core.spreading import Arrivals
from helamem.frozen import dataclass
from helamem.protocols import ASKS
from helamem.search import cues
from helamem.search.cues import CUE, ROUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helamem.config import Config, Spreading
    from helamem.core.arrays import Floats
    from helamem.core.spreading import Spread
    from helamem.search.regions import Region

TEMPORAL = ROUTES.index("temporal")


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The activation of each memory of a region.

    Attributes:
        base: Shape (n,): before the graph was used.
        received: Shape (n, routes): the activation received over each kind of edge.
        recognized: Shape (n,): the contribution of recognized cues.
        arrivals: The activation received, edge by edge; sources from n on are the region's cues.
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
    lent = cues.lend(
        region.cues,
        region.edges,
        region.locate(region.edges.targets),
        region.similarity,
        config.cues,
    )
    received = spread.received.copy()
    received[:, CUE] = lent.received
    arrivals = Arrivals.joined([spread.arrivals, lent.arrivals])
    return Scores(base, received, lent.recognized, arrivals)


def spread_from(region: Region, sources: Floats, config: Spreading) -> Spread:
    """The activation that each memory receives over temporal, learned and source edges.

    Args:
        sources: Shape (n,): the activation; memories pass on what exceeds the threshold.
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


def _graph(region: Region) -> Graph:
    """The region's memories with their learned and source edges, and those from a question to its answer.

    The answer is the next turn. A long turn says by itself what it is about, so the weight of an edge in
    time is the lightness of the turns.
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
