"""Dense places of the graph become facts, and what is weak, old and unused may go.

A cluster is distilled in one transaction, and once: its fingerprint is kept with its facts. With a language
model, what no cluster holds is read too, in stretches of consecutive turns, each turn once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from helamem import decay
from helamem.consolidation import clusters
from helamem.consolidation.extractive import Extractive
from helamem.consolidation.reflective import Reflective
from helamem.errors import NotFoundError, ProviderError
from helamem.models.metering import Meter
from helamem.protocols import QUIET
from helamem.records import ConsolidationReport, Episode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.config import Config
    from helamem.consolidation.distiller import Distiller
    from helamem.protocols import LLM, Embedder, Nodes, Store

MAX_FAILURES = 3  # in a row, after which the others are not tried: the model is down


def consolidate(
    store: Store,
    embedder: Embedder,
    config: Config,
    *,
    now: float,
    learning_now: float,
    llm: LLM | None = None,
) -> ConsolidationReport:
    """Prune faint edges, and distil each cluster that has changed since it was last distilled.

    Args:
        now: Epoch seconds.
        learning_now: The learning clock, by which edges have decayed.
        llm: Who distils; None takes sentences out of the episodes.
    """
    rule = decay.rule(config.learning)
    pruned = store.prune(rule=rule, now=learning_now)
    nodes = _heard(store)
    found = clusters.find_clusters(
        nodes, store.all_edges(), rule=rule, now=learning_now, config=config.consolidation
    )
    meter = None if llm is None else Meter(llm)
    distiller = _distiller(store, embedder, config, meter)
    known = store.clusters()
    dense = [_episodes(store, ids) for ids in found.members]
    todo = _changed(dense, known) if meter is None else _new(dense, known, distiller, config)
    unchanged = len(dense) - len(todo)
    if meter is not None:
        todo += _stretches(store, nodes.ids.tolist(), known, config.reflection.stretch)
    most = len(todo) if meter is None else config.reflection.max_calls
    done = _distil_all(store, distiller, todo[:most], now)
    return ConsolidationReport(
        hubs=found.n_hubs,
        clusters=done.clusters,
        unchanged=unchanged,
        facts_added=tuple(done.added),
        facts_merged=done.merged,
        facts_superseded=done.superseded,
        pruned=pruned,
        refused=tuple(done.refused),
        failed=tuple(done.failed),
        left=len(todo[most:]),
        usage=meter.usage if meter else {"calls": 0, "tokens": 0},
    )


def _heard(store: Store) -> Nodes:
    """The episodes that may be distilled: all but the quiet ones."""
    nodes = store.nodes(store.ids(kinds=["episode"]))
    return store.nodes(nodes.ids[nodes.traits & QUIET == 0])


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Episodes to be distilled together, and the digests that say that they have been."""

    episodes: Sequence[Episode]
    marks: Sequence[bytes]

    @property
    def name(self) -> str:
        """How a report calls it."""
        ids = [episode.id for episode in self.episodes]
        return f"the cluster of {len(ids)} episodes from {min(ids)} to {max(ids)}"


@dataclass(slots=True)
class _Done:
    """What has been done so far."""

    clusters: int = 0
    added: list[int] = field(default_factory=list)
    merged: int = 0
    superseded: int = 0
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def _distiller(store: Store, embedder: Embedder, config: Config, llm: LLM | None) -> Distiller:
    if llm is None:
        return Extractive(store, embedder, config)
    return Reflective(store, embedder, config, llm)


def _episodes(store: Store, ids: Iterable[int]) -> list[Episode]:
    return [memory for memory in store.get(list(ids)) if isinstance(memory, Episode)]


def _changed(dense: Sequence[Sequence[Episode]], known: set[bytes]) -> list[_Cluster]:
    """The clusters that say something else than when they were distilled by sentences."""
    found = [_Cluster(each, [clusters.fingerprint(each, Extractive.name)]) for each in dense]
    return [cluster for cluster in found if cluster.marks[0] not in known]


def _new(
    dense: Sequence[Sequence[Episode]], known: set[bytes], distiller: Distiller, config: Config
) -> list[_Cluster]:
    """The clusters that are worth a call, and most of which no model has seen in a cluster."""
    return [
        _Cluster(
            each,
            [
                clusters.fingerprint(each, distiller.name),
                *(clusters.mark(episode, "clustered") for episode in each),
            ],
        )
        for each in dense
        if len(each) >= config.reflection.min_cluster and clusters.is_new(each, known)
    ]


def _stretches(store: Store, ids: Sequence[int], known: set[bytes], size: int) -> list[_Cluster]:
    return [
        _Cluster(stretch, [clusters.mark(episode, "read") for episode in stretch])
        for stretch in clusters.stretches(_episodes(store, ids), known, size=size)
    ]


def _distil_all(store: Store, distiller: Distiller, todo: Sequence[_Cluster], now: float) -> _Done:
    """Distil each; one that fails is told, and will be taken up again the next time."""
    done = _Done()
    failures = 0
    for i, cluster in enumerate(todo):
        try:
            _distil(store, distiller, cluster, now, done)
        except (ProviderError, NotFoundError) as error:
            done.failed.append(f"{cluster.name}: {error}")
            failures += 1
        else:
            failures = 0
        if failures == MAX_FAILURES and i + 1 < len(todo):
            done.failed.append(f"{len(todo) - i - 1} more clusters were not tried")
            break
    return done


def _distil(store: Store, distiller: Distiller, cluster: _Cluster, now: float, done: _Done) -> None:
    outcome = distiller.distil(cluster.episodes, cluster.marks, now=now)
    added = store.distil(outcome.distillate)
    if added is None:
        return
    done.clusters += 1
    done.added += added
    done.merged += outcome.merged
    done.superseded += len(outcome.distillate.superseded)
    done.refused += [f"{cluster.name}: {sentence}" for sentence in outcome.refused]
