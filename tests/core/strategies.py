"""What the core is tried on: small arrays that refuse to be written to, graphs, activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from hypothesis import strategies as st

from helamem.core.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.reference import Edge
    from helamem.core.arrays import Bools, Floats, Ints

Chain: TypeAlias = "tuple[Ints, Ints]"

N_CHANNELS = 3

sizes = st.integers(0, 8)
# Products of numbers below a millionth only try the limits of floats, not the mathematics.
shares = st.one_of(st.just(0.0), st.floats(1e-6, 1))
amounts = st.one_of(st.just(0.0), st.floats(1e-6, 10))
# Eighths add up without rounding and are often equal, so rankings can be compared exactly.
eighths = st.integers(0, 16).map(lambda i: i / 8)


def floats(values: Sequence[float] | Sequence[Sequence[float]]) -> Floats:
    return _frozen(np.array(values, dtype=np.float64))


def ints(values: Sequence[int]) -> Ints:
    array = np.array(values, dtype=np.int64)
    array.setflags(write=False)
    return array


def bools(values: Sequence[bool]) -> Bools:
    array = np.array(values, dtype=np.bool_)
    array.setflags(write=False)
    return array


def _frozen(array: Floats) -> Floats:
    array.setflags(write=False)
    return array


def rows(n: int, elements: st.SearchStrategy[float] = amounts) -> st.SearchStrategy[Floats]:
    """Shape (n,)."""
    return st.lists(elements, min_size=n, max_size=n).map(floats)


def columns(elements: st.SearchStrategy[float] = amounts) -> st.SearchStrategy[Floats]:
    """Shape (n,), n from 0 to 8."""
    return sizes.flatmap(lambda n: rows(n, elements))


def tables(
    n: int, p: int, elements: st.SearchStrategy[float] = amounts
) -> st.SearchStrategy[Floats]:
    """Shape (n, p)."""
    return rows(n * p, elements).map(lambda flat: _frozen(flat.reshape(n, p)))


@st.composite
def chains(draw: st.DrawFn, n: int) -> Chain:
    """The row before and the row after each of n rows, where some follow one another."""
    order = draw(st.permutations(range(n)))
    linked = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    previous, following = [-1] * n, [-1] * n
    for before, after, joined in zip(order, order[1:], linked, strict=False):
        if joined:
            following[before], previous[after] = after, before
    return ints(previous), ints(following)


@dataclass(frozen=True)
class Edges:
    """A graph as a list of edges, for the reference, and as the core has it."""

    n: int
    edges: tuple[Edge, ...]

    @property
    def graph(self) -> Graph:
        return build(self.n, self.edges)

    def relabelled(self, names: Sequence[int]) -> Edges:
        """The same graph with node i called names[i], its edges in another order."""
        return Edges(
            self.n, tuple((names[s], names[t], w, c) for s, t, w, c in reversed(self.edges))
        )


def build(n: int, edges: Sequence[Edge]) -> Graph:
    sources, targets, weights, channels = zip(*edges, strict=True) if edges else ((), (), (), ())
    return Graph.build(n, ints(sources), ints(targets), floats(weights), ints(channels))


@st.composite
def graphs(draw: st.DrawFn, weights: st.SearchStrategy[float] = shares) -> Edges:
    """Up to 6 nodes, up to 20 edges; two nodes may be joined more than once."""
    n = draw(st.integers(0, 6))
    if n < 2:
        return Edges(n, ())
    ends = st.lists(st.integers(0, n - 1), min_size=2, max_size=2, unique=True)
    edge = st.tuples(ends, weights, st.integers(0, N_CHANNELS - 1))
    drawn = draw(st.lists(edge, max_size=20))
    return Edges(n, tuple((s, t, w, c) for (s, t), w, c in drawn))


@st.composite
def active_graphs(draw: st.DrawFn) -> tuple[Edges, Floats]:
    """A graph, and an activation of which about half is 0."""
    edges = draw(graphs())
    activation = draw(rows(edges.n, st.one_of(st.just(0.0), shares)))
    return edges, activation
