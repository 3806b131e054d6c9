"""The data path of the paper's release, written anew from its description; it shows speed, not ranking."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.core import vectors as core

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from helamem.protocols import Floats

# The published parameters for LoCoMo.
RATE, KEEP, SPREAD, THRESHOLD = 0.02, 0.995, 0.1, 0.6
ASSOCIATED, KEYWORD_WEIGHT = 5, 0.5
TEMPORAL, FLOOR = 0.5, 0.01  # the weight of an edge between neighbours, and the least of any
KEYWORDS = 3  # a node


@dataclass(slots=True)
class Node:
    """A turn as an object; its edges by the places of other nodes."""

    text: str
    embedding: Floats
    keywords: frozenset[str]
    edges: dict[int, float] = field(default_factory=dict)


class Released:
    """What the paper's release does, written anew from a description of it, not from its source.

    Every search goes over all turns, which are Python objects, lets activation spread, and lets all edges fade. One
    file of JSON holds everything, and is written whole.
    """

    grows = True
    package = ""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "graph.json"
        self._nodes: list[Node] = []

    def add(self, texts: Sequence[str], vectors: Floats) -> None:
        """A node a turn, linked to the one before."""
        for text, vector in zip(texts, vectors, strict=True):
            place = len(self._nodes)
            node = Node(text, vector.copy(), _keywords(text))
            if self._nodes:
                self._nodes[-1].edges[place] = node.edges[place - 1] = TEMPORAL
            self._nodes.append(node)

    def save(self) -> None:
        """Write everything."""
        with self._file.open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(_plain(node))}\n" for node in self._nodes)

    def load(self) -> None:
        """Read everything."""
        with self._file.open(encoding="utf-8") as file:
            self._nodes = [_read(json.loads(line)) for line in file]

    def search(self, text: str, vector: Floats, k: int) -> list[str]:
        """The texts of the k best, and of a few that activation reaches; all that are returned are linked."""
        base = self._base(_keywords(text), vector)
        total = self._spread(base)
        direct = core.top_k(base, k).tolist()
        chosen = set(direct)
        more = [i for i in core.top_k(total, k + ASSOCIATED).tolist() if i not in chosen]
        found = [*direct, *more[:ASSOCIATED]]
        self._learn(found)
        return [self._nodes[i].text for i in found]

    def _base(self, asked: frozenset[str], vector: Floats) -> Floats:
        n = max(len(asked), 1)
        return np.array(
            [
                (float(node.embedding @ vector) + 1) / 2
                + KEYWORD_WEIGHT * len(asked & node.keywords) / n
                for node in self._nodes
            ]
        )

    def _spread(self, base: Floats) -> Floats:
        total = base.copy()
        for i in np.flatnonzero(base > THRESHOLD).tolist():
            for other, weight in self._nodes[i].edges.items():
                total[other] += SPREAD * base[i] * weight
        return total

    def _learn(self, found: Sequence[int]) -> None:
        for node in self._nodes:
            node.edges = {
                other: kept
                for other, weight in node.edges.items()
                if (kept := KEEP * weight) >= FLOOR
            }
        for a, b in combinations(found, 2):
            for one, other in ((a, b), (b, a)):
                edges = self._nodes[one].edges
                edges[other] = min(1.0, edges.get(other, 0.0) + RATE)


def _keywords(text: str) -> frozenset[str]:
    """The longest words, in the place of those that a model would choose."""
    return frozenset(
        sorted(set(text.lower().split()), key=lambda word: (-len(word), word))[:KEYWORDS]
    )


def _plain(node: Node) -> dict[str, Any]:
    return {
        "text": node.text,
        "embedding": node.embedding.tolist(),
        "keywords": sorted(node.keywords),
        "edges": node.edges,
    }


def _read(node: dict[str, Any]) -> Node:
    return Node(
        text=node["text"],
        embedding=np.array(node["embedding"], np.float32),
        keywords=frozenset(node["keywords"]),
        edges={int(other): weight for other, weight in node["edges"].items()},
    )
