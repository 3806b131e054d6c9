"""Dense places of the graph: the hubs, and the clusters around them that are distilled."""

from __future__ import annotations

import numpy as np

from helamem.core.arrays import Bools, Floats, Ints, check_indices, check_length
from helamem.core.graph import Graph


def find_hubs(
    strength: Floats, degree: Ints, *, min_strength: float, min_degree: int, max_hubs: int
) -> Ints:
    """The strongest nodes, the strongest first; of equally strong ones the lower index (equation 2).

        D(v_i) >= min_strength  and  degree(v_i) >= min_degree

    (The paper has D > delta_hub, which differs only where they are equal.)

    Args:
        strength: Shape (n,), from `Graph.strength`.
        degree: Shape (n,), from `Graph.degree`.
        min_strength: The least strength of a hub.
        min_degree: The least number of neighbors of a hub.
        max_hubs: How many are taken at most.

    Returns:
        Shape (h,), h <= max_hubs.

    Raises:
        ValueError: The lengths differ.

    >>> find_hubs(np.array([1.0, 3.0, 2.0]), np.array([5, 2, 5]), min_strength=1.0, min_degree=3, max_hubs=9).tolist()
    [2, 0]
    """
    check_length("degree", degree, len(strength))
    fit = np.flatnonzero((strength >= min_strength) & (degree >= min_degree))
    return fit[np.argsort(-strength[fit], kind="stable")][:max_hubs]


def clusters(graph: Graph, hubs: Ints, *, max_size: int) -> list[Ints]:
    """Disjoint clusters: each hub in turn takes its strongest neighbors that are still free.

    A hub that an earlier one has taken, or whose neighbors are all taken, makes no cluster.

    Args:
        graph: Edges count without their direction, and all channels together (`Graph.pairs`).
        hubs: Shape (h,), in the order in which they choose.
        max_size: How many nodes a cluster has at most, the hub included.

    Returns:
        One array a cluster: the hub, then its neighbors, the strongest first; of equally strong ones
        the lower index.

    Raises:
        ValueError: A hub is not a node, or `max_size` is below 2.

    >>> edges = np.array([0, 0, 0, 3]), np.array([1, 2, 3, 4]), np.array([0.2, 0.9, 0.5, 0.7]), np.zeros(4, dtype=int)
    >>> [c.tolist() for c in clusters(Graph.build(5, *edges), np.array([0, 3]), max_size=3)]
    [[0, 2, 3]]
    """
    if max_size < 2:
        raise ValueError(f"max_size is {max_size}, but a cluster has at least 2 nodes")
    check_indices("hubs", hubs, graph.n)
    joined = _undirected(graph)
    free = np.ones(graph.n, dtype=np.bool_)
    found = []
    for hub in hubs.tolist():
        cluster = np.append(hub, _strongest(joined, hub, free)[: max_size - 1])
        if free[hub] and len(cluster) > 1:
            free[cluster] = False
            found.append(cluster)
    return found


def _strongest(graph: Graph, node: int, free: Bools) -> Ints:
    """The free neighbors of a node, the strongest first."""
    places, _ = graph.edges_of(np.array([node]))
    order = np.argsort(-graph.weights[places], kind="stable")
    neighbors = graph.targets[places[order]]
    return neighbors[free[neighbors]]


def _undirected(graph: Graph) -> Graph:
    """The same pairs of nodes, with one edge in each direction."""
    pairs = graph.pairs()
    sources = np.concatenate([pairs.first, pairs.second])
    targets = np.concatenate([pairs.second, pairs.first])
    weights = np.tile(pairs.weights, 2)
    return Graph.build(graph.n, sources, targets, weights, np.zeros(len(sources), dtype=np.int64))
