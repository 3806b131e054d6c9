"""Finds clusters of episodes in the data read from a store.

Pure. The mathematics is in `helamem.core.hubs` and `helamem.core.forgetting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from helamem.consolidation.claims import MAX_EPISODE
from helamem.core import hebbian, hubs
from helamem.core.graph import Graph, sums_at
from helamem.frozen import dataclass
from helamem.identity import digest
from helamem.protocols import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from helamem.config import Consolidation
    from helamem.protocols import EdgeRule, Edges, Floats, Ints, Nodes
    from helamem.records import Episode

DAY_S = 86_400.0
STRETCH_CHARS = 16_000  # about 4,000 tokens, a limit of small models
TEMPORAL, LEARNED, SOURCE = (CHANNELS.index(name) for name in ("temporal", "learned", "source"))


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters of a graph: ids of episodes, hub first, no episode in two clusters."""

    n_hubs: int
    members: tuple[tuple[int, ...], ...]


def find_clusters(
    nodes: Nodes, edges: Edges, *, rule: EdgeRule, now: float, config: Consolidation
) -> Clusters:
    """Hubs by effective strength over learned and temporal edges, each with its strongest neighbours.

    Args:
        nodes: The episodes that may be hubs, and all episodes beside these.
        edges: The stored edges of those; bindings of cues count towards strength, but are not followed.
        now: The learning clock.
    """
    weights = hebbian.decayed(edges.weights, now - edges.touched, tau=rule.tau, floor=rule.floor)
    graph = _episode_graph(nodes, edges, weights, config.temporal)
    found = hubs.find_hubs(
        graph.strength() + _cue_strength(nodes, edges, weights),
        _learned_degree(nodes, edges, weights),
        min_strength=config.min_strength,
        min_degree=config.min_degree,
        max_hubs=config.max_hubs,
    )
    members = hubs.clusters(graph, found, max_size=config.max_size)
    return Clusters(
        n_hubs=len(found),
        members=tuple(tuple(int(nodes.ids[i]) for i in cluster) for cluster in members),
    )


def fingerprint(cluster: Sequence[Episode], distiller: str) -> bytes:
    """A digest of a cluster's texts and its distiller; an equal one means that nothing is new."""
    return digest(distiller, sorted(mark(episode, "clustered").hex() for episode in cluster))


def mark(episode: Episode, how: Literal["read", "clustered"]) -> bytes:
    """A digest that marks an episode as read by a language model, in a stretch or in a cluster."""
    return digest(how, episode.session, episode.speaker, episode.at.timestamp(), episode.text)


def is_new(cluster: Sequence[Episode], known: Container[bytes]) -> bool:
    """Whether more than half of a cluster's episodes are new to the distiller.

    Clusters shift with every lesson, and a model gains little from reading the same episodes again.
    """
    fresh = [episode for episode in cluster if mark(episode, "clustered") not in known]
    return 2 * len(fresh) > len(cluster)


def stretches(episodes: Iterable[Episode], *, size: int) -> list[list[Episode]]:
    """Episodes that no model has read, in the order of storing, in stretches of at most `size`.

    Long episodes make shorter stretches, of at most `STRETCH_CHARS` shown characters.
    """
    found: list[list[Episode]] = []
    room = 0
    for episode in episodes:
        length = min(len(episode.text), MAX_EPISODE)
        room -= length
        if not found or len(found[-1]) == size or room < 0:
            found.append([])
            room = STRETCH_CHARS - length
        found[-1].append(episode)
    return found


def _episode_graph(nodes: Nodes, edges: Edges, weights: Floats, temporal: float) -> Graph:
    """The graph of episodes: learned edges, and edges between neighbouring turns."""
    inside = (
        (edges.channels == LEARNED)
        & np.isin(edges.sources, nodes.ids)
        & np.isin(edges.targets, nodes.ids)
    )
    inside &= weights > 0
    after = np.isin(nodes.next, nodes.ids)
    here, there = nodes.ids[after], nodes.next[after]
    sources = np.concatenate([edges.sources[inside], here, there])
    targets = np.concatenate([edges.targets[inside], there, here])
    return Graph.build(
        len(nodes.ids),
        np.searchsorted(nodes.ids, sources),
        np.searchsorted(nodes.ids, targets),
        np.concatenate([weights[inside], np.full(2 * len(here), temporal, np.float32)]),
        np.concatenate([edges.channels[inside], np.full(2 * len(here), TEMPORAL)]),
    )


def _cue_strength(nodes: Nodes, edges: Edges, weights: Floats) -> Floats:
    """The part of each episode's strength that cues add: its learned edges to nodes other than episodes."""
    outside = (edges.channels == LEARNED) & ~np.isin(edges.targets, nodes.ids)
    return sums_at(nodes.ids, edges.sources[outside], weights[outside])


def _learned_degree(nodes: Nodes, edges: Edges, weights: Floats) -> Ints:
    learned = (edges.channels == LEARNED) & (weights > 0)
    ones = np.ones(int(learned.sum()), np.float32)
    return sums_at(nodes.ids, edges.sources[learned], ones).astype(np.int64)
