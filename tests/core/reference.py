"""The same mathematics once more, as loops over lists and dicts that follow the equations.

Slow, plain, and written from the formulas alone, to be compared with `helamem.core`. `Paper` is the
whole retrieval and learning of the published equations; an end-to-end test can hold the preset against it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Edge: TypeAlias = tuple[int, int, float, int]  # source, target, weight, channel
Arrival: TypeAlias = tuple[int, int, int, float]  # source, target, channel, amount


# Vectors


def normalize(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    lengths = [math.hypot(*row) for row in rows]
    return [
        [x / length if length else 0.0 for x in row]
        for row, length in zip(rows, lengths, strict=True)
    ]


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    of_a, of_b = math.hypot(*a), math.hypot(*b)
    if not of_a or not of_b:
        return 0.0
    return sum((x / of_a) * (y / of_b) for x, y in zip(a, b, strict=True))


def repeats(vectors: Sequence[Sequence[float]], alike: float) -> list[bool]:
    return [any(cosine(a, b) >= alike for b in vectors[:i]) for i, a in enumerate(vectors)]


def top_k(scores: Sequence[float], k: int) -> list[int]:
    return sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:k]


# Words


def inverse_document_frequency(document_frequency: float, n_documents: int) -> float:
    return math.log(1 + (n_documents - document_frequency + 0.5) / (document_frequency + 0.5))


def bm25(
    counts: Sequence[float],
    length: float,
    idf: Sequence[float],
    *,
    mean_length: float,
    k1: float,
    b: float,
) -> float:
    """The score of one document."""
    relative_length = length / mean_length if mean_length else 1.0
    score = 0.0
    for count, telling in zip(counts, idf, strict=True):
        if count:
            score += telling * count * (k1 + 1) / (count + k1 * (1 - b + b * relative_length))
    return score


def affordable(document_frequency: Sequence[int], max_rows: int) -> set[int]:
    chosen: set[int] = set()
    rows = 0
    for term in sorted(range(len(document_frequency)), key=lambda t: (document_frequency[t], t)):
        if rows and rows + document_frequency[term] > max_rows:
            break
        chosen.add(term)
        rows += document_frequency[term]
    return chosen


# Scores


def recency(age_s: float, tau_s: float) -> float:
    return 1.0 if age_s <= 0 else math.exp(-age_s / tau_s)


def dual_path(
    direct_scores: Sequence[float],
    total_scores: Sequence[float],
    k: int,
    m: int,
    eligible: Sequence[bool],
) -> tuple[list[int], list[int]]:
    direct = top_k(direct_scores, k)
    others = [i for i in top_k(total_scores, len(total_scores)) if eligible[i] and i not in direct]
    return direct, others[:m]


# The graph


def pair_weights(edges: Iterable[Edge]) -> dict[tuple[int, int], float]:
    """The weight between two nodes without direction, over all channels."""
    strongest: dict[tuple[int, int, int], float] = {}
    for source, target, weight, channel in edges:
        key = (min(source, target), max(source, target), channel)
        strongest[key] = max(strongest.get(key, 0.0), weight)
    joined: dict[tuple[int, int], float] = {}
    for (low, high, _), weight in sorted(strongest.items()):
        joined[low, high] = joined.get((low, high), 0.0) + weight
    return joined


def degree(n: int, edges: Iterable[Edge]) -> list[int]:
    pairs = pair_weights(edges)
    return [sum(node in pair for pair in pairs) for node in range(n)]


def strength(n: int, edges: Iterable[Edge]) -> list[float]:
    pairs = pair_weights(edges)
    return [sum(w for pair, w in pairs.items() if node in pair) for node in range(n)]


# Spreading


def relative_threshold(activation: Sequence[float], quantile: float) -> float:
    if not activation:
        return 0.0
    ordered = sorted(activation)
    place = quantile * (len(ordered) - 1)
    below, above = math.floor(place), math.ceil(place)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def excess(activation: Sequence[float], threshold: float, *, subtract: bool) -> list[float]:
    return [(a - threshold if subtract else a) if a > threshold else 0.0 for a in activation]


def spread(
    edges: Sequence[Edge],
    activation: Sequence[float],
    *,
    gains: Sequence[float],
    fan_out: float,
) -> list[Arrival]:
    """Every arrival over an edge, also those of amount 0."""
    arrivals: list[Arrival] = []
    for source, target, weight, channel in edges:
        fan = sum(1 for s, _, _, c in edges if (s, c) == (source, channel))
        amount = gains[channel] * weight * activation[source] / fan**fan_out
        arrivals.append((source, target, channel, amount))
    return arrivals


def received(n: int, n_channels: int, arrivals: Iterable[Arrival]) -> list[list[float]]:
    table = [[0.0] * n_channels for _ in range(n)]
    for _, target, channel, amount in arrivals:
        table[target][channel] += amount
    return table


# Learning


def decayed(weight: float, age: float, tau: float, floor: float) -> float:
    left = weight * math.exp(-max(age, 0.0) / tau)
    return left if left >= floor else 0.0


def strengthened(weight: float, gain: float, saturation: float, ceiling: float) -> float:
    return min(ceiling, weight + gain * (1 - saturation * weight))


# Consolidation and forgetting


def find_hubs(
    strengths: Sequence[float],
    degrees: Sequence[int],
    min_strength: float,
    min_degree: int,
    max_hubs: int,
) -> list[int]:
    return [
        node
        for node in top_k(strengths, len(strengths))
        if strengths[node] >= min_strength and degrees[node] >= min_degree
    ][:max_hubs]


def clusters(n: int, edges: Iterable[Edge], hubs: Iterable[int], max_size: int) -> list[list[int]]:
    pairs = pair_weights(edges)
    taken: set[int] = set()
    found = []
    for hub in hubs:
        if hub in taken:
            continue
        weight = {i: pairs.get((min(i, hub), max(i, hub))) for i in range(n) if i not in taken}
        neighbors = sorted((-w, i) for i, w in weight.items() if w is not None)
        if neighbors:
            cluster = [hub, *(i for _, i in neighbors)][:max_size]
            taken.update(cluster)
            found.append(cluster)
    return found


def verdict(
    strength: float,
    age: float,
    idle: float,
    uses: int,
    *,
    max_strength: float,
    min_age: float,
    min_idle: float,
) -> str:
    if strength > max_strength:
        return "STRONG"
    if age < min_age:
        return "YOUNG"
    if uses > 0 and idle < min_idle:
        return "USED"
    return "FORGET"


# The paper, from end to end


@dataclass(frozen=True)
class PaperParameters:
    """The published parameters for LoCoMo."""

    alpha: float = 0.5
    tau_s: float = 60 * 86_400.0
    beta: float = 0.1
    theta: float = 0.6
    k: int = 10
    m: int = 5
    eta: float = 0.02
    keep: float = 0.995
    floor: float = 0.01
    ceiling: float = 1.0
    link: float = 0.5


@dataclass(frozen=True)
class PaperNode:
    """One turn: a node of the episodic graph.

    Attributes:
        keywords: At most three.
        at: Epoch seconds.
    """

    vector: Sequence[float]
    keywords: frozenset[str]
    at: float


@dataclass(frozen=True)
class PaperRecall:
    """What one retrieval brings back: ids best first, and the scores of all nodes."""

    direct: list[int]
    associative: list[int]
    base: dict[int, float]
    total: dict[int, float]

    @property
    def returned(self) -> list[int]:
        return self.direct + self.associative


@dataclass
class Paper:
    """The published memory, in loops over dicts.

    Use it so: `add` every turn in order, naming the turn before it in the same session; then for each
    question `search`, which changes nothing, and `learn` with what was returned.

    Attributes:
        nodes: By id; of equal scores the lower id ranks first.
        weights: Of each unordered pair, (lower id, higher id).
    """

    parameters: PaperParameters = field(default_factory=PaperParameters)
    nodes: dict[int, PaperNode] = field(default_factory=dict)
    weights: dict[tuple[int, int], float] = field(default_factory=dict)

    def add(self, id_: int, node: PaperNode, *, previous: int | None) -> None:
        """A new turn, with a temporal edge to the turn before it."""
        self.nodes[id_] = node
        if previous is not None:
            self.weights[min(previous, id_), max(previous, id_)] = self.parameters.link

    def weight(self, i: int, j: int) -> float:
        return self.weights.get((min(i, j), max(i, j)), 0.0)

    def search(self, vector: Sequence[float], terms: frozenset[str], *, now: float) -> PaperRecall:
        """Equations 3, 4 and 5 for a question with this vector and these terms, asked at `now`."""
        base = {id_: self._base(node, vector, terms, now) for id_, node in self.nodes.items()}
        total = {id_: base[id_] + self._received(id_, base) for id_ in self.nodes}
        direct = best(base, self.parameters.k)
        others = {id_: score for id_, score in total.items() if id_ not in direct}
        return PaperRecall(direct, best(others, self.parameters.m), base, total)

    def _base(
        self, node: PaperNode, vector: Sequence[float], terms: frozenset[str], now: float
    ) -> float:
        similarity = (cosine(vector, node.vector) + 1) / 2
        keyword = len(terms & node.keywords) / len(terms) if terms else 0.0
        return (similarity + self.parameters.alpha * keyword) * recency(
            now - node.at, self.parameters.tau_s
        )

    def _received(self, j: int, base: Mapping[int, float]) -> float:
        return self.parameters.beta * sum(
            base[i] * self.weight(i, j)
            for i in self.nodes
            if i != j and base[i] > self.parameters.theta
        )

    def learn(self, returned: Iterable[int]) -> None:
        """Equation 1: every weight fades, faint ones go, and then the returned pairs gain.

        The paper does not say when faint edges are pruned; here it is before the gain, as where weights
        fade only when they are read.
        """
        p = self.parameters
        faded = {pair: p.keep * w for pair, w in self.weights.items()}
        self.weights = {pair: w for pair, w in faded.items() if w >= p.floor}
        for pair in combinations(sorted(set(returned)), 2):
            self.weights[pair] = min(p.ceiling, self.weights.get(pair, 0.0) + p.eta)


def best(scores: Mapping[int, float], k: int) -> list[int]:
    return sorted(scores, key=lambda id_: (-scores[id_], id_))[:k]
