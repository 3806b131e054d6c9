"""Spreading activation: what each node receives from active ones, and over which edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from helamem.core.arrays import Floats, Ints, check_amounts, check_length, sums
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.core.graph import Graph


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Activation that arrived over single edges: one row per edge.

    Attributes:
        sources, targets: Shape (r,): the ends of the edge.
        channels: Shape (r,): the kind of edge.
        weights: Shape (r,): the edge's weight.
        amounts: Shape (r,): how much arrived; above 0.
    """

    sources: Ints
    targets: Ints
    channels: Ints
    weights: Floats
    amounts: Floats

    @classmethod
    def joined(cls, several: Sequence[Arrivals]) -> Self:
        """The rows of several, one after the other."""
        return cls(
            *(np.concatenate([getattr(each, name) for each in several]) for name in cls.__slots__)
        )

    def take(self, rows: Ints) -> Self:
        """Some of the rows."""
        return type(self)(*(getattr(self, name)[rows] for name in self.__slots__))

    def into(self, nodes: Ints) -> Self:
        """What arrived at some nodes, by node ascending, the largest amount first."""
        rows = np.flatnonzero(np.isin(self.targets, nodes))
        return self.take(rows[np.lexsort((-self.amounts[rows], self.targets[rows]))])


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What spreading brought.

    Attributes:
        received: Shape (n, channels): how much each node received over each kind of edge.
        arrivals: The same, edge by edge; their amounts add up to `received`.
    """

    received: Floats
    arrivals: Arrivals


def excess(activation: Floats, *, threshold: float, subtract: bool) -> Floats:
    """What the nodes above a threshold pass on: everything, or only what exceeds it.

        a - threshold   or   a     where a > threshold, else 0

    Without subtracting, this is the condition S_base(v_i) > theta of equation 4.

    Args:
        activation: Shape (n,).
        threshold: Only nodes above it are sources.
        subtract: Whether it is taken off.

    Returns:
        Shape (n,).

    >>> excess(np.array([0.25, 0.5, 0.75]), threshold=0.5, subtract=True).tolist()
    [0.0, 0.0, 0.25]
    >>> excess(np.array([0.25, 0.5, 0.75]), threshold=0.5, subtract=False).tolist()
    [0.0, 0.0, 0.75]
    """
    passed_on = activation - threshold if subtract else activation
    return np.where(activation > threshold, passed_on, 0.0)


def relative_threshold(activation: Floats, *, quantile: float) -> float:
    """The activation that a given share of the nodes does not exceed, between two nodes interpolated.

        threshold = the q-quantile of a

    With q = 0.9, the sources are the 10 % of the nodes that lie above it.

    Args:
        activation: Shape (n,).
        quantile: In [0, 1].

    Returns:
        A number; 0 if there are no nodes.

    Raises:
        ValueError: The quantile is outside [0, 1].

    >>> relative_threshold(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), quantile=0.75)
    0.4
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"the quantile is {quantile}, outside 0 .. 1")
    return float(np.quantile(activation, quantile)) if len(activation) else 0.0


def spread(
    graph: Graph, activation: Floats, *, gains: Sequence[float], fan_out: float = 0.0
) -> Spread:
    """What each node receives over the edges of active nodes, by kind of edge (equation 4).

        amount = gains[c] * w_ij * x_i / (number of edges of channel c that leave i) ** fan_out

    With gains (beta,) and fan_out 0, the sum over the received is equation 4's second term.

    The work is proportional to the edges of the active nodes, beside one pass over the activation.

    Args:
        graph: n nodes.
        activation: Shape (n,): what each node passes on, mostly from `excess`; 0 for most nodes.
        gains: One factor per channel.
        fan_out: From 0 (each edge carries all of it) to 1 (the edges of a channel share it).

    Raises:
        ValueError: The activation does not fit the graph, an edge has a channel without a gain, or an
            activation or a gain is negative or not finite.

    >>> from helamem.core.graph import Graph
    >>> chain = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1]), np.ones(4), np.zeros(4, dtype=int)
    >>> active = np.array([0.8, 0.0, 0.2])
    >>> spread(Graph.build(3, *chain), active, gains=[0.5]).received.ravel().tolist()
    [0.0, 0.5, 0.0]
    """
    check_length("activation", activation, graph.n)
    check_amounts("activation", activation)
    check_amounts("gains", np.asarray(gains, dtype=np.float64))
    n_channels = int(graph.channels.max(initial=-1)) + 1
    if n_channels > len(gains):
        raise ValueError(f"{len(gains)} gains for {n_channels} channels: give one gain per channel")
    arrivals = _arrivals(graph, activation, np.asarray(gains, dtype=np.float64), fan_out)
    cells = arrivals.targets * len(gains) + arrivals.channels
    received = sums(cells, arrivals.amounts, graph.n * len(gains))
    return Spread(received.reshape(graph.n, len(gains)), arrivals)


def _arrivals(graph: Graph, activation: Floats, gains: Floats, fan_out: float) -> Arrivals:
    """What the active nodes send over all their edges."""
    active = np.flatnonzero(activation)
    places, rows = graph.edges_of(active)
    sources, targets, channels = active[rows], graph.targets[places], graph.channels[places]
    of_one_kind = rows * len(gains) + channels
    shares = np.bincount(of_one_kind)[of_one_kind] ** -fan_out
    weights = graph.weights[places]
    amounts = gains[channels] * weights * activation[sources] * shares
    sent = Arrivals(sources, targets, channels, weights, amounts)
    return sent.take(np.flatnonzero(amounts))
