"""Prunes faint edges, and distils clusters of the graph into facts.

Each cluster is distilled once, in one transaction: its fingerprint is kept with its facts. A language model also
reads the other turns, in stretches of consecutive turns, each turn once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import field, replace
from typing import TYPE_CHECKING

from helamem import decay
from helamem.consolidation import claims, clusters
from helamem.consolidation.extractive import Extractive
from helamem.consolidation.reflective import Reflective
from helamem.core.arrays import batches, distinct
from helamem.errors import ChangedError, CutOffError, NotFoundError, ProviderError
from helamem.frozen import dataclass
from helamem.models.metering import Meter
from helamem.protocols import NODE_KINDS, QUIET
from helamem.records import Episode
from helamem.reports import ConsolidationReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from helamem.config import Config
    from helamem.consolidation.distiller import Distiller
    from helamem.protocols import LLM, EdgeRule, Edges, Embedder, Ints, Nodes, Store

EPISODE = NODE_KINDS.index("episode")
AT_ONCE = 1000  # episodes that are read together
MAX_FAILURES = 3  # consecutive failures after which the pass stops: the model is down


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
        learning_now: The time of the learning clock.
        llm: The model that distils; None extracts sentences from the episodes.
    """
    rule = decay.rule(config.learning)
    pruned = store.prune(rule=rule, now=learning_now)
    meter = None if llm is None else Meter(llm)
    distiller = _distiller(store, embedder, config, meter)
    with store.reading() as seen:
        plan = _plan(seen, config, None if meter is None else distiller.name, learning_now)
    writing = _Writing(store, now, rule, learning_now)
    done = _distil_all(
        writing,
        distiller,
        plan.todo,
        may_ask=lambda: meter is None or meter.calls < config.reflection.max_calls,
    )
    return ConsolidationReport(
        hubs=plan.hubs,
        clusters=done.clusters,
        unchanged=plan.unchanged,
        facts_added=tuple(done.added),
        facts_merged=done.merged,
        facts_superseded=done.superseded,
        pruned=pruned,
        refused=tuple(done.refused),
        failed=tuple(done.failed),
        left=done.left,
        usage=meter.usage if meter else {"calls": 0, "tokens": 0},
        lesson=done.step,
    )


def _distillable(store: Store, ids: Ints) -> Nodes:
    """Those of the nodes that may be distilled: episodes, except quiet ones."""
    nodes = store.nodes(ids)
    return store.nodes(ids[(nodes.kinds == EPISODE) & (nodes.traits & QUIET == 0)])


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Episodes to be distilled together, and the digests that mark them as distilled.

    Attributes:
        in_row: Whether it is a stretch of turns with a mark each, so that a part can be distilled alone.
    """

    episodes: Sequence[Episode]
    marks: Sequence[bytes]
    in_row: bool = False

    def without(self, known: set[bytes]) -> _Cluster | None:
        """The part of a stretch that is not distilled yet; None if nothing is left."""
        pairs = zip(self.episodes, self.marks, strict=True) if self.in_row else ()
        left = [(episode, mark) for episode, mark in pairs if mark not in known]
        if not left:
            return None
        return _Cluster([episode for episode, _ in left], [mark for _, mark in left], in_row=True)

    def halves(self, reader: str) -> tuple[_Cluster, ...]:
        """Its halves, if a model may write less about each of them; else none.

        Only the second half of a dense cluster takes its marks, so that it counts as read at the end.
        """
        if not claims.shorter_in_halves(len(self.episodes)):
            return ()
        middle = (len(self.episodes) + 1) // 2
        first, second = self.episodes[:middle], self.episodes[middle:]
        if self.in_row:
            marks = self.marks[:middle], self.marks[middle:]
        else:
            marks = [clusters.fingerprint(first, reader)], self.marks
        return (
            replace(self, episodes=first, marks=marks[0]),
            replace(self, episodes=second, marks=marks[1]),
        )

    @property
    def name(self) -> str:
        """Its name in reports."""
        ids = [episode.id for episode in self.episodes]
        return f"the cluster of {len(ids)} episodes from {min(ids)} to {max(ids)}"


@dataclass(frozen=True, slots=True)
class _Plan:
    """The clusters to distil, as of one moment."""

    hubs: int
    unchanged: int
    todo: Sequence[_Cluster]


@dataclass(slots=True)
class _Done:
    """The results so far."""

    clusters: int = 0
    step: int | None = None  # in the journal, from the first cluster on that was stored
    added: list[int] = field(default_factory=list)
    merged: int = 0
    superseded: int = 0
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left: int = 0


@dataclass(frozen=True, slots=True)
class _Writing:
    """The target of one pass.

    Attributes:
        now: Epoch seconds.
        rule, learning_now: How and when edges move to facts that replace others.
    """

    store: Store
    now: float
    rule: EdgeRule
    learning_now: float


def _distiller(store: Store, embedder: Embedder, config: Config, llm: LLM | None) -> Distiller:
    if llm is None:
        return Extractive(embedder, config)
    return Reflective(store, embedder, config, llm)


def _plan(store: Store, config: Config, reader: str | None, learning_now: float) -> _Plan:
    """The clusters to distil.

    Args:
        reader: The name of the distiller that reads every turn; None if sentences are extracted.
    """
    nodes, edges = _around_hubs(store, config.consolidation.min_degree)
    found = clusters.find_clusters(
        nodes,
        edges,
        rule=decay.rule(config.learning),
        now=learning_now,
        config=config.consolidation,
    )
    dense = [_episodes(store, ids) for ids in found.members]
    todo = (
        _changed_clusters(store, dense)
        if reader is None
        else _clusters_for_model(store, dense, reader, config)
    )
    unchanged = len(dense) - len(todo)
    if reader is not None:
        todo += _unread_stretches(store, config.reflection.stretch)
    return _Plan(found.n_hubs, unchanged, todo)


def _around_hubs(store: Store, min_degree: int) -> tuple[Nodes, Edges]:
    """The episodes that may be hubs and those beside them, and the edges of the former."""
    hubs = store.joined(at_least=min_degree)
    edges, own = store.edges(hubs), store.nodes(hubs)
    beside = distinct(hubs, edges.targets, own.previous, own.next)
    return _distillable(store, beside[beside > 0]), edges


def _episodes(store: Store, ids: Iterable[int]) -> list[Episode]:
    return [memory for memory in store.get(list(ids)) if isinstance(memory, Episode)]


def _changed_clusters(store: Store, dense: Sequence[Sequence[Episode]]) -> list[_Cluster]:
    """The clusters whose texts changed since sentences were extracted from them."""
    found = [_Cluster(each, [clusters.fingerprint(each, Extractive.name)]) for each in dense]
    known = store.clusters(among=[cluster.marks[0] for cluster in found])
    return [cluster for cluster in found if cluster.marks[0] not in known]


def _clusters_for_model(
    store: Store, dense: Sequence[Sequence[Episode]], reader: str, config: Config
) -> list[_Cluster]:
    """The clusters that are worth a call: large enough, and mostly new to the model."""
    known = store.clusters(among=[mark for each in dense for mark in _marks(each, reader)])
    return [
        _Cluster(each, [mark for mark in _marks(each, reader) if mark not in known])
        for each in dense
        if len(each) >= config.reflection.min_cluster and clusters.is_new(each, known)
    ]


def _marks(cluster: Sequence[Episode], reader: str) -> list[bytes]:
    return [
        clusters.fingerprint(cluster, reader),
        *(clusters.mark(episode, "clustered") for episode in cluster),
    ]


def _unread_stretches(store: Store, size: int) -> list[_Cluster]:
    return [
        _Cluster(stretch, [clusters.mark(episode, "read") for episode in stretch], in_row=True)
        for stretch in clusters.stretches(_unread(store), size=size)
    ]


def _unread(store: Store) -> Iterator[Episode]:
    """The episodes that no model has read, in the order of storing; only some are in memory at a time."""
    for ids in batches(store.ids(kinds=["episode"]), AT_ONCE):
        episodes = _episodes(store, _distillable(store, ids).ids.tolist())
        marks = [clusters.mark(episode, "read") for episode in episodes]
        known = store.clusters(among=marks)
        yield from (each for each, mark in zip(episodes, marks, strict=True) if mark not in known)


def _distil_all(
    writing: _Writing,
    distiller: Distiller,
    todo: Iterable[_Cluster],
    *,
    may_ask: Callable[[], bool],
) -> _Done:
    """Distil each cluster; failures are reported, and retried by the next pass.

    A cluster about which the model writes more than its limit allows is distilled in halves.
    """
    done = _Done()
    waiting = deque(todo)
    failures = 0
    while waiting and may_ask():
        cluster = waiting.popleft()
        try:
            _distil(writing, distiller, cluster, done)
        except (ProviderError, NotFoundError, ChangedError) as error:
            halves = cluster.halves(distiller.name) if isinstance(error, CutOffError) else ()
            waiting.extendleft(reversed(halves))
            if halves:
                continue
            done.failed.append(f"{cluster.name}: {error}")
            failures += 1
        else:
            failures = 0
        if failures == MAX_FAILURES and waiting:
            done.failed.append(f"{len(waiting)} more clusters were not tried")
            return done
    done.left = len(waiting)
    return done


def _distil(writing: _Writing, distiller: Distiller, cluster: _Cluster, done: _Done) -> None:
    """Distil one cluster, or the rest of it if another process has distilled a part meanwhile."""
    finding = distiller.distil(cluster.episodes)
    with writing.store.transaction() as inside:
        _require_as_read(inside, cluster.episodes)
        outcome = finding.compared(inside, cluster.marks, now=writing.now)
        step = inside.begin(at=writing.now) if done.step is None else done.step
        added = inside.distil(
            replace(outcome.distillate, rule=writing.rule, now=writing.learning_now, step=step)
        )
        left = cluster.without(inside.clusters(among=cluster.marks)) if added is None else None
    if added is None:
        if left is not None:
            _distil(writing, distiller, left, done)
        return
    done.step = step
    done.clusters += 1
    done.added += added
    done.merged += outcome.merged
    done.superseded += len(outcome.distillate.superseded)
    done.refused += [f"{cluster.name}: {sentence}" for sentence in outcome.refused]


def _require_as_read(store: Store, episodes: Sequence[Episode]) -> None:
    """Refuse a result if its episodes were deleted, changed or superseded meanwhile.

    Raises:
        NotFoundError, ChangedError: One was.
    """
    try:
        present = store.get([episode.id for episode in episodes])
    except NotFoundError as gone:
        raise NotFoundError("episode", gone.id) from gone
    for before, now in zip(episodes, present, strict=True):
        if before.text != now.text or now.superseded_by is not None:
            raise ChangedError(before.id)
