"""A directed graph as an immutable value: the edges of each node lie together, in a fixed order."""

from __future__ import annotations

from typing import Self

import numpy as np

from helamem.core.arrays import Floats, Ints, check_amounts, check_indices, check_length, sums
from helamem.frozen import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The unordered pairs of joined nodes, each once, in ascending order.

    Attributes:
        first, second: Shape (p,): the two nodes, first < second.
        weights: Shape (p,).
    """

    first: Ints
    second: Ints
    weights: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A directed graph with weighted edges in several channels, in compressed rows.

    Attributes:
        indptr: Shape (n + 1,): the edges of node i are those from indptr[i] up to indptr[i + 1].
        targets: Shape (e,): where each edge leads.
        weights: Shape (e,): finite, not negative.
        channels: Shape (e,): a small number for the kind of edge.
    """

    indptr: Ints
    targets: Ints
    weights: Floats
    channels: Ints

    @classmethod
    def build(cls, n: int, sources: Ints, targets: Ints, weights: Floats, channels: Ints) -> Self:
        """The graph of n nodes with these edges, whatever order they come in.

        Two nodes may be joined by several edges, also of one channel.

        Args:
            n: How many nodes there are.
            sources: Shape (e,).
            targets: Shape (e,).
            weights: Shape (e,).
            channels: Shape (e,).

        Raises:
            ValueError: The lengths differ, an end is not a node, a node is joined to itself, a channel
                is negative, or a weight is negative or not finite.

        >>> edges = np.array([1, 0, 0]), np.array([0, 2, 1]), np.array([0.5, 0.2, 0.5]), np.array([0, 1, 0])
        >>> graph = Graph.build(3, *edges)
        >>> graph.indptr.tolist(), graph.targets.tolist(), graph.weights.tolist()
        ([0, 2, 3, 3], [1, 2, 0], [0.5, 0.2, 0.5])
        """
        for name, ends in (("targets", targets), ("weights", weights), ("channels", channels)):
            check_length(name, ends, len(sources))
        check_indices("sources", sources, n)
        check_indices("targets", targets, n)
        check_amounts("weights", weights)
        check_amounts("channels", channels.astype(np.float64))
        loops = np.flatnonzero(sources == targets)
        if loops.size:
            raise ValueError(f"edge {int(loops[0])} joins node {sources[loops[0]]} to itself")
        order = np.lexsort((weights, channels, targets, sources))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=n))])
        parts = (
            indptr.astype(np.int64),
            targets[order].astype(np.int64),
            weights[order].astype(np.float64),
            channels[order].astype(np.int64),
        )
        for part in parts:
            part.setflags(write=False)
        return cls(*parts)

    @property
    def n(self) -> int:
        """How many nodes there are."""
        return len(self.indptr) - 1

    @property
    def sources(self) -> Ints:
        """Where each edge comes from, shape (e,)."""
        return np.repeat(np.arange(self.n), np.diff(self.indptr))

    def edges_of(self, nodes: Ints) -> tuple[Ints, Ints]:
        """The edges that leave some nodes, without looking at the other edges.

        Args:
            nodes: Shape (m,).

        Returns:
            The places of the edges in `targets`, `weights` and `channels`, and for each of them which
            of `nodes` (0 .. m-1) it leaves; both in the order of `nodes`.

        Raises:
            ValueError: One of them is not a node.

        >>> edges = np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([0.5, 0.2, 0.1]), np.array([0, 0, 0])
        >>> places, rows = Graph.build(3, *edges).edges_of(np.array([1, 0]))
        >>> places.tolist(), rows.tolist()
        ([2, 0, 1], [0, 1, 1])
        """
        check_indices("nodes", nodes, self.n)
        first = self.indptr[nodes]
        counts = self.indptr[nodes + 1] - first
        rows = np.repeat(np.arange(len(nodes)), counts)
        earlier = np.cumsum(counts) - counts
        return np.arange(len(rows)) + (first - earlier)[rows], rows

    def pairs(self) -> Pairs:
        """The joined nodes without direction, all channels together.

            w_{ij} = sum over channels of max(w_i->j, w_j->i)

        So an edge that is kept in both directions counts once.

        >>> edges = np.array([0, 1, 2]), np.array([1, 0, 1]), np.array([0.5, 0.4, 0.1]), np.array([0, 0, 1])
        >>> pairs = Graph.build(3, *edges).pairs()
        >>> pairs.first.tolist(), pairs.second.tolist(), pairs.weights.tolist()
        ([0, 1], [1, 2], [0.5, 0.1])
        """
        sources = self.sources
        low, high = np.minimum(sources, self.targets), np.maximum(sources, self.targets)
        n, n_channels = max(self.n, 1), int(self.channels.max(initial=0)) + 1
        in_channel = (low * n + high) * n_channels + self.channels
        joined, rows = np.unique(in_channel, return_inverse=True)
        strongest = np.zeros(len(joined))
        np.maximum.at(strongest, rows, self.weights)
        ends, rows = np.unique(joined // n_channels, return_inverse=True)
        return Pairs(ends // n, ends % n, sums(rows, strongest, len(ends)))

    def degree(self) -> Ints:
        """How many other nodes each node is joined to, in whatever direction and channel; shape (n,).

        >>> edges = np.array([0, 1, 2]), np.array([1, 0, 1]), np.array([0.5, 0.5, 0.1]), np.array([0, 0, 1])
        >>> Graph.build(4, *edges).degree().tolist()
        [1, 2, 1, 0]
        """
        pairs = self.pairs()
        return np.bincount(np.concatenate([pairs.first, pairs.second]), minlength=self.n)

    def strength(self) -> Floats:
        """How strongly each node is joined to all others, direction left out; shape (n,) (equation 2).

            D(v_i) = sum over j of w_{ij}

        >>> edges = np.array([0, 1, 2]), np.array([1, 0, 1]), np.array([0.5, 0.5, 0.25]), np.array([0, 0, 1])
        >>> Graph.build(4, *edges).strength().tolist()
        [0.5, 0.75, 0.25, 0.0]
        """
        pairs = self.pairs()
        ends = np.concatenate([pairs.first, pairs.second])
        return sums(ends, np.tile(pairs.weights, 2), self.n)


def sums_at(ids: Ints, sources: Ints, weights: Floats) -> Floats:
    """The sum of the weights of the edges that leave each node; 0 where none does.

    Args:
        ids: Shape (n,): the nodes, ascending.
        sources: Shape (e,): where each edge begins; edges of other nodes are passed over.
        weights: Shape (e,).

    >>> sums_at(np.array([2, 5]), np.array([5, 2, 5, 9]), np.array([0.5, 1.0, 0.25, 3.0]))
    array([1.  , 0.75], dtype=float32)
    """
    known = np.isin(sources, ids)
    rows = np.searchsorted(ids, sources[known])
    return np.bincount(rows, weights=weights[known], minlength=len(ids)).astype(np.float32)
