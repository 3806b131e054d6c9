"""What a store holds, as plain dicts: the model that a real store must agree with, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import EdgeRule


@dataclass
class Node:
    kind: str
    text: str
    session: str = ""
    uses: int = 0
    sources: set[int] = field(default_factory=set)
    superseded_by: int | None = None
    came_as: str = ""  # by which it is known, whatever it says by now
    quiet: bool = False


@dataclass
class Model:
    """Ids are the store's own; everything else is worked out here."""

    nodes: dict[int, Node] = field(default_factory=dict)
    edges: dict[tuple[int, int, str], tuple[float, float]] = field(default_factory=dict)
    lessons: int = 0

    def of_kind(self, *kinds: str) -> list[int]:
        """Active ids, ascending."""
        return sorted(
            id_
            for id_, node in self.nodes.items()
            if node.kind in kinds and node.superseded_by is None
        )

    def known(self, kind: str, came_as: str, session: str = "") -> int | None:
        for id_, node in self.nodes.items():
            if (node.kind, node.came_as, node.session) == (kind, came_as, session):
                return id_
        return None

    def keyed(self, key: str) -> int | None:
        return next((id_ for id_, node in self.nodes.items() if node.came_as == key), None)

    def says(self, text: str, session: str) -> set[int]:
        """The turns of a session that say this now."""
        turns = self.of_kind("episode")
        return {
            id_
            for id_ in turns
            if (self.nodes[id_].text, self.nodes[id_].session) == (text, session)
        }

    def heard(self, *kinds: str) -> list[int]:
        """What searches meet."""
        return [id_ for id_ in self.of_kind(*kinds) if not self.nodes[id_].quiet]

    def turns(self, session: str) -> list[int]:
        return [id_ for id_ in self.heard("episode") if self.nodes[id_].session == session]

    def add(self, id_: int, text: str, session: str, link: float, now: float) -> None:
        before = self.turns(session)
        self.nodes[id_] = Node("episode", text, session, came_as=text)
        if before and link:
            self.join(before[-1], id_, "learned", link, now)

    def add_fact(self, id_: int, text: str, sources: Sequence[int], at: float) -> None:
        self.nodes[id_] = Node("fact", text, sources=set(sources))
        for source in set(sources):
            self.join(id_, source, "source", 1.0, at)

    def join(self, a: int, b: int, channel: str, weight: float, touched: float) -> None:
        self.edges[a, b, channel] = self.edges[b, a, channel] = weight, touched

    def strengthen(self, a: int, b: int, gain: float, rule: EdgeRule, now: float) -> None:
        weight, touched = self.edges.get((a, b, "learned"), (0.0, now))
        left = weight * math.exp(-(now - touched) / rule.tau)
        left = 0.0 if left < rule.floor else left
        grown = min(rule.ceiling, left + gain * (1 - rule.saturation * left))
        self.join(a, b, "learned", grown, now)

    def weaken(self, a: int, b: int, keep: float) -> None:
        if (a, b, "learned") in self.edges:
            weight, touched = self.edges[a, b, "learned"]
            self.join(a, b, "learned", weight * keep, touched)

    def prune(self, rule: EdgeRule, now: float) -> int:
        faint = [
            (a, b, channel)
            for (a, b, channel), (weight, touched) in self.edges.items()
            if channel == "learned" and weight * math.exp(-(now - touched) / rule.tau) < rule.floor
        ]
        for edge in faint:
            del self.edges[edge]
        bound = {a for a, *_ in self.edges}
        for cue in [id_ for id_ in self.of_kind("cue") if id_ not in bound]:
            del self.nodes[cue]
        return len(faint) // 2

    def remove(self, ids: set[int]) -> None:
        going = ids | {
            id_ for id_, node in self.nodes.items() if node.sources and node.sources <= ids
        }
        bound = {id_: self.targets(id_) for id_ in self.of_kind("cue")}
        going |= {id_ for id_, targets in bound.items() if targets and targets <= going}
        for node in self.nodes.values():
            node.sources -= going
            while node.superseded_by in going:
                node.superseded_by = self.nodes[node.superseded_by].superseded_by
        self.edges = {
            edge: state for edge, state in self.edges.items() if not going & set(edge[:2])
        }
        self.nodes = {id_: node for id_, node in self.nodes.items() if id_ not in going}

    def targets(self, id_: int) -> set[int]:
        return {b for a, b, _ in self.edges if a == id_}

    def visible_edges(self) -> dict[tuple[int, int, str], tuple[float, float]]:
        """The edges between active nodes."""
        active = set(self.of_kind("episode", "fact", "cue"))
        return {edge: state for edge, state in self.edges.items() if set(edge[:2]) <= active}
