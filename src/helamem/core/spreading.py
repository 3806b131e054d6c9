"""Spreading activation: what each node receives from active ones, and over which edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from helamem.core.arrays import Floats, Ints, check_amounts, check_length, sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.core.graph import Graph


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Activation that arrived over single edges: one row for an edge and a hop.

    Attributes:
        sources, targets: Shape (r,): the ends of the edge.
        channels: Shape (r,): the kind of edge.
        weights: Shape (r,): the edge's weight.
        hops: Shape (r,): 1 for what came from an active node, 2 for what its neighbours passed on, ...
        amounts: Shape (r,): how much arrived; above 0.
    """

    sources: Ints
    targets: Ints
    channels: Ints
    weights: Floats
    hops: Ints
    amounts: Floats

    @classmethod
    def joined(cls, waves: Sequence[Arrivals]) -> Self:
        """The rows of several, one after the other."""
        return cls(*(np.concatenate([getattr(w, name) for w in waves]) for name in cls.__slots__))

    def take(self, rows: Ints) -> Self:
        """Some of the rows."""
        return type(self)(*(getattr(self, name)[rows] for name in self.__slots__))

    def into(self, node: int) -> Self:
        """What arrived at one node, the largest amount first."""
        rows = np.flatnonzero(self.targets == node)
        return self.take(rows[np.argsort(-self.amounts[rows], kind="stable")])


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What spreading brought.

    Attributes:
        received: Shape (n, channels): how much each node received over each kind of edge.
        arrivals: The same, edge by edge and hop by hop; their amounts add up to `received`.
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
        A number; 0 where there are no nodes.

    Raises:
        ValueError: The quantile is outside [0, 1].

    >>> relative_threshold(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), quantile=0.75)
    0.4
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"the quantile is {quantile}, outside 0 .. 1")
    return float(np.quantile(activation, quantile)) if len(activation) else 0.0


def spread(
    graph: Graph,
    activation: Floats,
    *,
    gains: Sequence[float],
    hops: Sequence[float] = (1.0,),
    fan_out: float = 0.0,
) -> Spread:
    """What each node receives over the edges of active nodes, by kind of edge (equation 4).

        amount = hops[h] * gains[c] * w_ij * x_i / (number of edges of channel c that leave i) ** fan_out

    At the first hop x_i is the activation of node i, at each later one what arrived at i one hop
    before, less what came from the very node that the edge leads to: nothing goes straight back.
    With hops (1,), gains (beta,) and fan_out 0, the sum over the received is equation 4's second term.

    The work is proportional to the edges of the active nodes, beside one pass over the activation.

    Args:
        graph: n nodes.
        activation: Shape (n,): what each node passes on, mostly from `excess`; 0 for most nodes.
        gains: One factor a channel.
        hops: One factor a hop.
        fan_out: From 0 (each edge carries all of it) to 1 (the edges of a channel share it).

    Raises:
        ValueError: The activation does not fit the graph; there is no hop, or an edge of a channel
            without a gain; or an activation, a gain or a hop is negative or not finite.

    >>> from helamem.core.graph import Graph
    >>> chain = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1]), np.ones(4), np.zeros(4, dtype=int)
    >>> active = np.array([0.8, 0.0, 0.0])
    >>> spread(Graph.build(3, *chain), active, gains=[0.5], hops=(1.0, 0.5)).received.ravel().tolist()
    [0.0, 0.4, 0.1]
    """
    check_length("activation", activation, graph.n)
    check_amounts("activation", activation)
    check_amounts("gains", np.asarray(gains, dtype=np.float64))
    check_amounts("hops", np.asarray(hops, dtype=np.float64))
    n_channels = int(graph.channels.max(initial=-1)) + 1
    if n_channels > len(gains) or not len(hops):
        raise ValueError(
            f"{len(gains)} gains for {n_channels} channels and {len(hops)} hops: "
            f"give one gain a channel, and at least one hop"
        )
    scale = np.asarray(gains, dtype=np.float64)
    waves = [_wave(graph, activation, None, gains=scale * hops[0], fan_out=fan_out, hop=1)]
    for hop, factor in enumerate(hops[1:], start=2):
        last = waves[-1]
        arrived = sums(last.targets, last.amounts, graph.n)
        waves.append(_wave(graph, arrived, last, gains=scale * factor, fan_out=fan_out, hop=hop))
    arrivals = Arrivals.joined(waves)
    cells = arrivals.targets * len(gains) + arrivals.channels
    received = sums(cells, arrivals.amounts, graph.n * len(gains))
    return Spread(received.reshape(graph.n, len(gains)), arrivals)


def _wave(
    graph: Graph,
    activation: Floats,
    last: Arrivals | None,
    *,
    gains: Floats,
    fan_out: float,
    hop: int,
) -> Arrivals:
    """One hop: what the active nodes send over all their edges, but not back to where it came from."""
    active = np.flatnonzero(activation)
    places, rows = graph.edges_of(active)
    sources, targets, channels = active[rows], graph.targets[places], graph.channels[places]
    sent = activation[sources]
    if last is not None:
        sent = _without_return(sent, sources, targets, last, graph.n)
    alike = rows * len(gains) + channels
    shares = np.bincount(alike)[alike] ** -fan_out
    weights = graph.weights[places]
    amounts = gains[channels] * weights * sent * shares
    wave = Arrivals(sources, targets, channels, weights, np.full(len(places), hop), amounts)
    return wave.take(np.flatnonzero(amounts))


def _without_return(sent: Floats, sources: Ints, targets: Ints, last: Arrivals, n: int) -> Floats:
    """What is sent over each edge, less what the last wave brought from the edge's target."""
    came, rows = np.unique(last.targets * n + last.sources, return_inverse=True)
    amounts = sums(rows, last.amounts, len(came))
    wanted = sources * n + targets
    places = np.minimum(np.searchsorted(came, wanted), len(came) - 1)
    returning = np.where(came[places] == wanted, amounts[places], 0.0)
    # Both were added up in the same order: where all of it came from the target, exactly 0 is left.
    return sent - returning
