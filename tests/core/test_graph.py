from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import reference
from core.strategies import Edges, build, eighths, floats, graphs, ints
from helamem.core.graph import Graph


def listed(graph: Graph) -> list[reference.Edge]:
    columns = (graph.sources, graph.targets, graph.weights, graph.channels)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(graphs())
def test_a_graph_holds_its_edges_and_no_others(edges: Edges) -> None:
    assert edges.n == edges.graph.n
    assert sorted(edges.edges) == sorted(listed(edges.graph))


@given(graphs(), st.data())
def test_a_graph_does_not_depend_on_the_order_of_its_edges(
    edges: Edges, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(edges.edges))

    assert listed(edges.graph) == listed(build(edges.n, shuffled))


@given(graphs())
def test_a_graph_cannot_be_written_to(edges: Edges) -> None:
    graph = edges.graph

    for part in (graph.indptr, graph.targets, graph.weights, graph.channels):
        assert not part.flags.writeable


@given(graphs(), st.data())
def test_edges_of_nodes_are_those_that_leave_them(edges: Edges, data: st.DataObject) -> None:
    graph = edges.graph
    some = data.draw(st.permutations(range(edges.n)))[: data.draw(st.integers(0, edges.n))]
    every = listed(graph)

    places, rows = graph.edges_of(ints(some))

    expected = [edge for node in some for edge in every if edge[0] == node]
    assert expected == [every[place] for place in places.tolist()]
    assert [edge[0] for edge in expected] == [some[row] for row in rows.tolist()]


@given(graphs(eighths))
def test_pairs_equal_the_naive_loop(edges: Edges) -> None:
    pairs = edges.graph.pairs()

    ends = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    actual = dict(zip(ends, pairs.weights.tolist(), strict=True))
    assert sorted(reference.pair_weights(edges.edges).items()) == list(actual.items())


@given(graphs(eighths))
def test_degree_and_strength_equal_the_naive_loops(edges: Edges) -> None:
    assert reference.degree(edges.n, edges.edges) == edges.graph.degree().tolist()
    assert reference.strength(edges.n, edges.edges) == edges.graph.strength().tolist()


@given(graphs(eighths))
def test_edges_kept_in_both_directions_count_once(edges: Edges) -> None:
    pairs = reference.pair_weights(edges.edges)
    both = [(s, t, w, 0) for (i, j), w in pairs.items() for s, t in ((i, j), (j, i))]
    graph = build(edges.n, both)

    assert edges.graph.strength().tolist() == graph.strength().tolist()


@given(graphs(eighths), st.data())
def test_strength_and_degree_follow_the_names_of_nodes(edges: Edges, data: st.DataObject) -> None:
    names = data.draw(st.permutations(range(edges.n)))
    other = edges.relabelled(names).graph

    assert edges.graph.strength().tolist() == other.strength()[ints(names)].tolist()
    assert edges.graph.degree().tolist() == other.degree()[ints(names)].tolist()


def test_strength_by_hand() -> None:
    # 0 and 1 are joined by a learned edge kept both ways and a temporal one; 1 leads to 2 one way.
    graph = build(4, [(0, 1, 0.5, 1), (1, 0, 0.25, 1), (0, 1, 1.0, 0), (1, 2, 0.125, 1)])

    assert [1.5, 1.625, 0.125, 0.0] == graph.strength().tolist()
    assert [1, 2, 1, 0] == graph.degree().tolist()


@pytest.mark.parametrize("n", [0, 3])
def test_a_graph_without_edges_works(n: int) -> None:
    graph = build(n, [])

    assert n == graph.n
    assert [0] * n == graph.degree().tolist()
    assert [0.0] * n == graph.strength().tolist()
    assert [] == graph.edges_of(np.arange(n))[0].tolist()


@pytest.mark.parametrize(
    ("edge", "message"),
    [
        ((2, 0, 0.5, 0), r"sources\[0\] is 2, outside 0 .. 1"),
        ((0, -1, 0.5, 0), r"targets\[0\] is -1, outside 0 .. 1"),
        ((0, 1, -0.5, 0), r"weights\[0\] is -0.5"),
        ((0, 1, math.nan, 0), r"weights\[0\] is nan"),
        ((0, 1, math.inf, 0), r"weights\[0\] is inf"),
        ((0, 1, 0.5, -1), r"channels\[0\] is -1"),
        ((1, 1, 0.5, 0), "edge 0 joins node 1 to itself"),
    ],
)
def test_an_edge_that_cannot_be_is_refused(edge: reference.Edge, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(2, [edge])


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="targets has 2 rows, but there are 1"):
        Graph.build(3, ints([0]), ints([1, 2]), floats([1]), ints([0]))


def test_edges_of_a_node_that_is_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match=r"nodes\[0\] is 2"):
        build(2, []).edges_of(ints([2]))
