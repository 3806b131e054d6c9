from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import reference
from core.strategies import Edges, build, columns, eighths, floats, graphs, ints
from helamem.core.hubs import clusters, find_hubs

if TYPE_CHECKING:
    from helamem.core.arrays import Floats

limits = st.fixed_dictionaries(
    {"min_strength": eighths, "min_degree": st.integers(0, 4), "max_hubs": st.integers(1, 8)}
)


@given(columns(eighths), limits, st.data())
def test_hubs_equal_the_naive_loop(
    strength: Floats, how: dict[str, int], data: st.DataObject
) -> None:
    n = len(strength)
    degree = data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))

    hubs = find_hubs(
        strength,
        ints(degree),
        min_strength=how["min_strength"],
        min_degree=how["min_degree"],
        max_hubs=how["max_hubs"],
    )

    assert reference.find_hubs(strength.tolist(), degree, **how) == hubs.tolist()


def test_a_strong_node_with_few_neighbors_is_no_hub() -> None:
    strength, degree = floats([0.9, 2.0, 2.0, 5.0]), ints([3, 3, 3, 2])

    hubs = find_hubs(strength, degree, min_strength=1.0, min_degree=3, max_hubs=20)

    assert [1, 2] == hubs.tolist()


def test_hubs_refuse_another_length() -> None:
    with pytest.raises(ValueError, match="degree has 1 rows, but there are 2"):
        find_hubs(floats([1, 2]), ints([1]), min_strength=0.0, min_degree=0, max_hubs=1)


@st.composite
def graphs_with_hubs(draw: st.DrawFn) -> tuple[Edges, list[int]]:
    edges = draw(graphs(eighths))
    n_hubs = draw(st.integers(0, edges.n))
    return edges, draw(st.permutations(range(edges.n)))[:n_hubs]


@given(graphs_with_hubs(), st.integers(2, 5))
def test_clusters_equal_the_naive_loop(case: tuple[Edges, list[int]], max_size: int) -> None:
    edges, hubs = case

    found = clusters(edges.graph, ints(hubs), max_size=max_size)

    expected = reference.clusters(edges.n, edges.edges, hubs, max_size)
    assert expected == [cluster.tolist() for cluster in found]


@given(graphs_with_hubs(), st.integers(2, 5))
def test_clusters_are_disjoint_and_not_too_large(
    case: tuple[Edges, list[int]], max_size: int
) -> None:
    edges, hubs = case

    found = clusters(edges.graph, ints(hubs), max_size=max_size)

    members = np.concatenate([ints([]), *found])
    assert len(members) == len(np.unique(members))
    for cluster in found:
        assert 2 <= len(cluster) <= max_size
        assert cluster[0] in hubs


def test_a_hub_takes_its_strongest_free_neighbors() -> None:
    # Hub 0 takes 3 and 1; hub 4 finds 1 taken and takes 2; hub 3 belongs to the first cluster.
    edges = [
        (0, 1, 0.5, 0),
        (3, 0, 0.75, 0),
        (0, 2, 0.25, 0),
        (4, 1, 1.0, 0),
        (2, 4, 0.125, 1),
        (3, 5, 1.0, 0),
    ]

    found = clusters(build(6, edges), ints([0, 4, 3]), max_size=3)

    assert [[0, 3, 1], [4, 2]] == [cluster.tolist() for cluster in found]


def test_channels_count_together() -> None:
    edges = [(0, 1, 0.5, 0), (0, 2, 0.375, 0), (0, 2, 0.375, 1)]

    (cluster,) = clusters(build(3, edges), ints([0]), max_size=2)

    assert [0, 2] == cluster.tolist()


def test_a_hub_that_is_left_alone_makes_no_cluster() -> None:
    found = clusters(build(4, [(0, 1, 0.5, 0)]), ints([0, 1, 2]), max_size=8)

    assert [[0, 1]] == [cluster.tolist() for cluster in found]


def test_clusters_refuse_what_cannot_be_one() -> None:
    graph = build(2, [(0, 1, 0.5, 0)])
    with pytest.raises(ValueError, match="max_size is 1"):
        clusters(graph, ints([0]), max_size=1)
    with pytest.raises(ValueError, match=r"hubs\[0\] is 2"):
        clusters(graph, ints([2]), max_size=2)
