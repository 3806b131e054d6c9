from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import reference
from core.strategies import (
    N_CHANNELS,
    Edges,
    active_graphs,
    amounts,
    build,
    columns,
    floats,
    ints,
    rows,
    shares,
)
from helamem.core.arrays import Floats
from helamem.core.spreading import Spread, excess, relative_threshold, spread

ActiveGraph = tuple[Edges, Floats]
settings = st.fixed_dictionaries(
    {
        "gains": st.lists(shares, min_size=N_CHANNELS, max_size=N_CHANNELS),
        "fan_out": shares,
    }
)


def arrivals_of(result: Spread) -> dict[tuple[int, int, int], float]:
    """The amounts by source, target and channel."""
    found: dict[tuple[int, int, int], float] = {}
    a = result.arrivals
    for source, target, channel, amount in zip(
        a.sources.tolist(), a.targets.tolist(), a.channels.tolist(), a.amounts, strict=True
    ):
        edge = (source, target, channel)
        found[edge] = found.get(edge, 0.0) + float(amount)
    return found


@given(columns(), amounts, st.booleans())
def test_excess_equals_the_naive_loop(activation: Floats, threshold: float, subtract: bool) -> None:
    expected = reference.excess(activation.tolist(), threshold, subtract=subtract)

    assert expected == excess(activation, threshold=threshold, subtract=subtract).tolist()


@given(columns(), amounts, amounts)
def test_a_higher_threshold_passes_on_less(activation: Floats, low: float, more: float) -> None:
    for subtract in (False, True):
        at_low = excess(activation, threshold=low, subtract=subtract)
        at_high = excess(activation, threshold=low + more, subtract=subtract)

        assert (at_high <= at_low).all()
        assert (at_low >= 0).all()


@given(columns(), shares)
def test_the_relative_threshold_equals_the_naive_quantile(
    activation: Floats, quantile: float
) -> None:
    expected = reference.relative_threshold(activation.tolist(), quantile)

    assert expected == pytest.approx(relative_threshold(activation, quantile=quantile))


@given(columns(), shares)
def test_no_more_than_the_share_above_the_quantile_are_sources(
    activation: Floats, quantile: float
) -> None:
    threshold = relative_threshold(activation, quantile=quantile)

    sources = np.count_nonzero(excess(activation, threshold=threshold, subtract=False))

    # The quantile lies between two of n nodes, at the place q of the n - 1 steps from least to most.
    assert sources < (1 - quantile) * max(len(activation) - 1, 0) + 1 + 1e-9


def test_the_upper_tenth_of_ten_is_one_source() -> None:
    activation = floats([0.1 * i for i in range(11)])
    threshold = relative_threshold(activation, quantile=0.9)

    passed_on = excess(activation, threshold=threshold, subtract=True)

    assert pytest.approx(0.9) == threshold
    assert [0.0] * 10 + [pytest.approx(0.1)] == passed_on.tolist()


@pytest.mark.parametrize("quantile", [-0.1, 1.1, math.nan])
def test_a_quantile_outside_is_refused(quantile: float) -> None:
    with pytest.raises(ValueError, match=r"outside 0 .. 1"):
        relative_threshold(floats([1]), quantile=quantile)


@given(active_graphs(), settings)
def test_spread_equals_the_naive_loops(active: ActiveGraph, how: dict[str, Any]) -> None:
    edges, activation = active
    expected = reference.spread(edges.edges, activation.tolist(), **how)

    actual = spread(edges.graph, activation, **how)

    table = reference.received(edges.n, N_CHANNELS, expected)
    assert (edges.n, N_CHANNELS) == actual.received.shape
    np.testing.assert_allclose(
        actual.received, np.array(table).reshape(edges.n, N_CHANNELS), rtol=1e-9, atol=1e-15
    )


@given(active_graphs(), settings)
def test_every_arrival_is_one_of_the_naive_ones(active: ActiveGraph, how: dict[str, Any]) -> None:
    edges, activation = active
    expected: dict[tuple[int, int, int], float] = {}
    for source, target, channel, amount in reference.spread(
        edges.edges, activation.tolist(), **how
    ):
        edge = (source, target, channel)
        expected[edge] = expected.get(edge, 0.0) + amount

    actual = arrivals_of(spread(edges.graph, activation, **how))

    assert set(actual) <= set(expected)
    for edge, amount in expected.items():
        assert amount == pytest.approx(actual.get(edge, 0.0), rel=1e-9, abs=1e-15)


@given(active_graphs(), settings)
def test_the_arrivals_add_up_to_what_was_received(active: ActiveGraph, how: dict[str, Any]) -> None:
    edges, activation = active
    result = spread(edges.graph, activation, **how)

    for node in range(edges.n):
        into = result.arrivals.into(np.array([node]))
        assert (np.diff(into.amounts) <= 0).all()
        assert (into.amounts > 0).all()
        for channel in range(N_CHANNELS):
            total = into.amounts[into.channels == channel].sum()
            assert total == pytest.approx(result.received[node, channel])


@given(active_graphs(), settings)
def test_each_arrival_tells_an_edge_of_the_graph(active: ActiveGraph, how: dict[str, Any]) -> None:
    edges, activation = active
    arrivals = spread(edges.graph, activation, **how).arrivals

    told = zip(
        arrivals.sources.tolist(),
        arrivals.targets.tolist(),
        arrivals.weights.tolist(),
        arrivals.channels.tolist(),
        strict=True,
    )
    assert set(told) <= set(edges.edges)


@given(active_graphs(), settings)
def test_without_gain_nothing_arrives(active: ActiveGraph, how: dict[str, Any]) -> None:
    edges, activation = active
    result = spread(edges.graph, activation, **{**how, "gains": [0.0] * N_CHANNELS})

    assert 0 == np.count_nonzero(result.received)
    assert 0 == len(result.arrivals.amounts)


@given(active_graphs(), settings, st.integers(0, N_CHANNELS - 1))
def test_without_its_gain_nothing_arrives_over_a_channel(
    active: ActiveGraph, how: dict[str, Any], channel: int
) -> None:
    edges, activation = active
    gains = [0.0 if c == channel else gain for c, gain in enumerate(how["gains"])]

    result = spread(edges.graph, activation, **{**how, "gains": gains})

    assert 0 == np.count_nonzero(result.received[:, channel])


@given(active_graphs(), settings, st.floats(0.125, 8), st.data())
def test_spread_is_linear_in_activation(
    active: ActiveGraph, how: dict[str, Any], scale: float, data: st.DataObject
) -> None:
    edges, activation = active
    other = data.draw(rows(edges.n, shares))

    def received(values: Floats) -> Floats:
        return spread(edges.graph, values, **how).received

    np.testing.assert_allclose(
        received(scale * activation + other),
        scale * received(activation) + received(other),
        rtol=1e-9,
        atol=1e-11,
    )


@given(active_graphs(), settings, st.data())
def test_spread_follows_the_names_of_nodes(
    active: ActiveGraph, how: dict[str, Any], data: st.DataObject
) -> None:
    edges, activation = active
    names = ints(data.draw(st.permutations(range(edges.n))))
    renamed = np.zeros(edges.n)
    renamed[names] = activation

    actual = spread(edges.relabelled(names.tolist()).graph, renamed, **how)

    expected = spread(edges.graph, activation, **how)
    np.testing.assert_allclose(actual.received[names], expected.received, rtol=1e-9, atol=1e-15)


@given(active_graphs(), settings, st.integers(1, 4))
def test_isolated_nodes_change_nothing(
    active: ActiveGraph, how: dict[str, Any], extra: int
) -> None:
    edges, activation = active
    larger = build(edges.n + extra, edges.edges)

    actual = spread(larger, np.append(activation, np.ones(extra)), **how)

    expected = spread(edges.graph, activation, **how)
    assert expected.received.tolist() == actual.received[: edges.n].tolist()
    assert 0 == np.count_nonzero(actual.received[edges.n :])


@given(active_graphs(), settings)
def test_edges_that_no_activation_reaches_change_nothing(
    active: ActiveGraph, how: dict[str, Any]
) -> None:
    edges, activation = active
    n = edges.n
    elsewhere = build(n + 2, [*edges.edges, (n, n + 1, 1.0, 0), (n + 1, n, 1.0, 0)])

    actual = spread(elsewhere, np.append(activation, [0.0, 0.0]), **how)

    expected = spread(edges.graph, activation, **how).received
    assert expected.tolist() == actual.received[:n].tolist()


@given(active_graphs(), settings)
def test_with_full_fan_out_no_channel_gives_more_than_it_got(
    active: ActiveGraph, how: dict[str, Any]
) -> None:
    edges, activation = active

    result = spread(edges.graph, activation, **{**how, "fan_out": 1.0})

    assert (result.received.sum(axis=0) <= activation.sum() + 1e-9).all()


def test_an_empty_graph_works() -> None:
    result = spread(build(0, []), floats([]), gains=[1.0, 1.0])

    assert (0, 2) == result.received.shape
    assert 0 == len(result.arrivals.amounts)


def test_the_papers_equation_by_hand() -> None:
    # theta 0.6 and beta 0.1: node 2 receives 0.1 * (0.9 * 0.5 + 0.7 * 0.2) from 0 and 1, not from 3.
    both_ways = [
        (s, t, w, 0) for i, w in ((0, 0.5), (1, 0.2), (3, 0.9)) for s, t in ((i, 2), (2, i))
    ]
    active = excess(floats([0.9, 0.7, 0.1, 0.6]), threshold=0.6, subtract=False)

    result = spread(build(4, both_ways), active, gains=[0.1])

    assert [0.0, 0.0, pytest.approx(0.059), 0.0] == result.received[:, 0].tolist()
    into = result.arrivals.into(np.array([2]))
    assert [0, 1] == into.sources.tolist()
    assert [pytest.approx(0.045), pytest.approx(0.014)] == into.amounts.tolist()
    assert [0.5, 0.2] == into.weights.tolist()


def test_nothing_goes_on_beyond_the_neighbors() -> None:
    # A chain 0 - 1 - 2 - 3 with activation 0.8 at node 1, shared by its two edges.
    chain = [(s, t, 1.0, 0) for i in range(3) for s, t in ((i, i + 1), (i + 1, i))]

    result = spread(build(4, chain), floats([0, 0.8, 0, 0]), gains=[0.5], fan_out=1.0)

    assert [0.2, 0.0, 0.2, 0.0] == result.received[:, 0].tolist()


def test_fan_out_counts_the_edges_of_its_own_channel() -> None:
    edges = [(0, 1, 1.0, 0), (0, 2, 1.0, 0), (0, 3, 1.0, 0), (0, 4, 1.0, 0), (0, 1, 1.0, 1)]

    result = spread(build(5, edges), floats([1, 0, 0, 0, 0]), gains=[1.0, 1.0], fan_out=0.5)

    assert [[0.5, 1.0], [0.5, 0.0]] == result.received[1:3].tolist()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"activation": [0.1]}, "activation has 1 rows, but there are 2"),
        ({"activation": [0.1, -0.2]}, r"activation\[1\] is -0.2"),
        ({"gains": [1.0]}, "1 gains for 2 channels"),
        ({"gains": [1.0, -1.0]}, r"gains\[1\] is -1.0"),
    ],
)
def test_what_does_not_fit_the_graph_is_refused(how: dict[str, Any], message: str) -> None:
    given_ = {"activation": [0.1, 0.2], "gains": [1.0, 1.0], **how}
    activation = floats(given_.pop("activation"))

    with pytest.raises(ValueError, match=message):
        spread(build(2, [(0, 1, 0.5, 1)]), activation, **given_)
