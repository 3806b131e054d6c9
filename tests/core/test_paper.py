"""The core's functions, put together as the paper's equations, against the loops over dicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reference import Paper, PaperNode, PaperParameters, PaperRecall
from helamem.core import hebbian, lexical, scoring, spreading, vectors
from helamem.core.graph import Graph

if TYPE_CHECKING:
    from helamem.core.arrays import Floats, Ints

DAY_S = 86_400.0
WORDS = [f"w{i}" for i in range(12)]


@dataclass
class Assembled:
    """Equations 1, 3, 4 and 5 from the core; weights fade when they are read."""

    nodes: list[PaperNode]
    parameters: PaperParameters
    weights: Floats
    touched: Floats
    lessons: int = 0

    def now(self) -> Floats:
        p = self.parameters
        tau = -1 / math.log(p.keep)
        return hebbian.decayed(self.weights, self.lessons - self.touched, tau=tau, floor=p.floor)

    def search(
        self, vector: Floats, terms: frozenset[str], *, now: float
    ) -> tuple[Ints, Ints, Floats, Floats]:
        p = self.parameters
        units = vectors.normalize(np.array([node.vector for node in self.nodes]))
        cosines = vectors.similarities(vectors.normalize(vector[np.newaxis])[0], units)
        matched = np.array([len(terms & node.keywords) for node in self.nodes])
        keyword = lexical.overlap(matched, len(terms))
        age = now - np.array([node.at for node in self.nodes])
        weighted = np.asarray(vectors.shifted_similarity(cosines) + p.alpha * keyword)
        base = np.asarray(scoring.recency(age, p.tau_s) * weighted)
        weights = self.now()
        sources, targets = np.nonzero(weights)
        n = len(self.nodes)
        graph = Graph.build(
            n, sources, targets, weights[sources, targets], np.zeros(len(sources), np.int64)
        )
        active = spreading.excess(base, threshold=p.theta, subtract=False)
        total = base + spreading.spread(graph, active, gains=[p.beta]).received.sum(axis=1)
        direct, associative = scoring.dual_path(
            base, total, k=p.k, m=p.m, eligible=np.ones(n, np.bool_)
        )
        return direct, associative, base, total

    def learn(self, returned: Ints) -> None:
        p = self.parameters
        self.lessons += 1
        pairs = hebbian.coactivated_pairs(returned)
        gain = hebbian.gains(np.ones(len(self.nodes)), pairs, rate=p.eta)
        for i, j in (pairs.T, pairs.T[::-1]):
            self.weights[i, j] = hebbian.strengthened(
                self.now()[i, j], gain, saturation=0.0, ceiling=p.ceiling
            )
            self.touched[i, j] = self.lessons


def conversation(seed: int, n: int, parameters: PaperParameters) -> tuple[Paper, Assembled]:
    """The same turns, in sessions of five, in both memories."""
    random = np.random.default_rng(seed)
    paper = Paper(parameters)
    weights = np.zeros((n, n))
    for i in range(n):
        keywords = frozenset(random.choice(WORDS, 3, replace=False).tolist())
        node = PaperNode(random.normal(size=6).tolist(), keywords, float(i) * DAY_S)
        linked = i % 5 != 0
        paper.add(i, node, previous=i - 1 if linked else None)
        if linked:
            weights[i - 1, i] = weights[i, i - 1] = parameters.link
    return paper, Assembled(list(paper.nodes.values()), parameters, weights, np.zeros((n, n)))


def assert_same(expected: PaperRecall, actual: tuple[Ints, Ints, Floats, Floats], n: int) -> None:
    direct, associative, base, total = actual
    assert expected.direct == direct.tolist()
    assert expected.associative == associative.tolist()
    np.testing.assert_allclose(base, [expected.base[i] for i in range(n)], rtol=1e-9)
    np.testing.assert_allclose(total, [expected.total[i] for i in range(n)], rtol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_the_core_retrieves_and_learns_as_the_loops_do(seed: int, n: int) -> None:
    parameters = PaperParameters(k=4, m=2, keep=0.8, eta=0.1, floor=0.05, beta=0.3, theta=0.4)
    paper, assembled = conversation(seed, n, parameters)
    random = np.random.default_rng(seed + 1)

    for _ in range(12):
        vector = random.normal(size=6)
        terms = frozenset(random.choice(WORDS, 4, replace=False).tolist())
        expected = paper.search(vector.tolist(), terms, now=30 * DAY_S)
        actual = assembled.search(vector, terms, now=30 * DAY_S)
        assert_same(expected, actual, n)
        paper.learn(expected.returned)
        assembled.learn(np.concatenate(actual[:2]))

    learned = assembled.now()
    for i in range(n):
        for j in range(n):
            assert paper.weight(i, j) == pytest.approx(learned[i, j], rel=1e-9)


def test_the_loops_by_hand() -> None:
    # Both turns point where the question points: similarity 1, and half of the terms for the first.
    paper = Paper(PaperParameters(k=1, m=1, tau_s=DAY_S))
    paper.add(7, PaperNode([1.0, 0.0], frozenset({"peanut"}), at=0.0), previous=None)
    paper.add(9, PaperNode([0.0, 1.0], frozenset(), at=0.0), previous=7)

    recall = paper.search([2.0, 0.0], frozenset({"peanut", "cook"}), now=0.0)
    paper.learn(recall.returned)

    assert [7] == recall.direct
    assert [9] == recall.associative
    assert {7: 1.25, 9: 0.5} == recall.base
    assert {7: 1.25, 9: pytest.approx(0.5 + 0.1 * 1.25 * 0.5)} == recall.total
    assert {(7, 9): pytest.approx(0.995 * 0.5 + 0.02)} == paper.weights


def test_a_faint_edge_goes() -> None:
    paper = Paper(PaperParameters(keep=0.5, floor=0.2))
    paper.weights = {(1, 2): 0.5, (1, 3): 0.3}

    paper.learn([1])

    assert {(1, 2): 0.25} == paper.weights
