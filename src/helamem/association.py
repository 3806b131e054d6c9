"""What the memories of a region receive from each other, over edges in time and edges that were learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import spreading
from helamem.core.graph import Graph
from helamem.protocols import ASKS, CHANNELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helamem.config import Spreading
    from helamem.core.arrays import Bools, Floats
    from helamem.core.spreading import Arrivals, Spread
    from helamem.records import Channel
    from helamem.regions import Region

# What activation spreads over: the stored channels, and bindings of earlier questions.
ROUTES: tuple[Channel, ...] = (*CHANNELS, "cue")
TEMPORAL, CUE = ROUTES.index("temporal"), ROUTES.index("cue")


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """How active each memory of a region is.

    Attributes:
        base: Shape (n,): before the graph was used.
        received: Shape (n, routes): what arrived over each kind of edge.
        arrivals: The same, edge by edge.
    """

    base: Floats
    received: Floats
    arrivals: Arrivals

    @property
    def direct(self) -> Floats:
        """What ranks the direct path: base activation, and what came from neighbours in time."""
        return np.asarray(self.base + self.received[:, TEMPORAL])

    @property
    def total(self) -> Floats:
        """What ranks in the end."""
        return np.asarray(self.base + self.received.sum(axis=1))

    @property
    def associated(self) -> Bools:
        """Which memories received something by association, not only from neighbours in time."""
        return np.asarray(np.delete(self.received, TEMPORAL, axis=1).sum(axis=1) > 0)


def activate(region: Region, terms: Mapping[str, Floats], config: Spreading) -> Scores:
    """Base activation, and what spreads from it."""
    base = np.asarray(sum(terms.values()))
    sources = terms.get("similarity", 0 * base) if config.sources == "similarity" else base
    spread = spread_from(region, sources, config)
    return Scores(base, spread.received[: len(region.ids)], spread.arrivals)


def spread_from(region: Region, sources: Floats, config: Spreading) -> Spread:
    """What each memory receives over temporal, learned, source and cue edges.

    Args:
        sources: Shape (n,): the activation that memories pass on what exceeds the threshold of.
    """
    threshold = config.threshold
    if config.threshold_is == "quantile":
        threshold = spreading.relative_threshold(sources, quantile=config.threshold)
    active = spreading.excess(sources, threshold=threshold, subtract=config.subtract_threshold)
    cues = spreading.excess(region.cue_similarity, threshold=config.cue_threshold, subtract=False)
    return spreading.spread(
        _graph(region, config.aside),
        np.concatenate([np.maximum(active, 0.0), cues]),
        gains=(config.temporal, config.learned, config.source, config.cue),
        hops=tuple(config.hop_decay**hop for hop in range(config.hops)),
        fan_out=config.fan_out,
    )


def _graph(region: Region, aside: float) -> Graph:
    """The region's memories, then its cues, with temporal, learned, source and cue edges.

    Args:
        aside: Weight of a temporal edge that does not lead from a question to its answer.
    """
    n = len(region.ids)
    after = np.flatnonzero(region.following >= 0)
    before = region.following[after]
    forward = np.where(region.having(ASKS)[after] > 0, 1.0, aside)
    is_cue = np.isin(region.edges.sources, region.cues)
    sources = np.where(
        is_cue,
        n + np.searchsorted(region.cues, region.edges.sources),
        region.locate(region.edges.sources),
    )
    targets = region.locate(region.edges.targets)
    inside = (sources >= 0) & (targets >= 0)
    channels = np.where(is_cue, CUE, region.edges.channels)[inside]
    return Graph.build(
        n + len(region.cues),
        np.concatenate([after, before, sources[inside]]),
        np.concatenate([before, after, targets[inside]]),
        np.concatenate([forward, np.full(len(after), aside), region.edges.weights[inside]]),
        np.concatenate([np.full(2 * len(after), TEMPORAL), channels]),
    )
