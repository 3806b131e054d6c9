"""Dense places of the graph become facts, and what is weak, old and unused may go.

A cluster is distilled in one transaction, and once: its fingerprint is kept with its facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helamem import clusters, distillation, ingestion, learning, text
from helamem.core.forgetting import Verdict
from helamem.protocols import NewFact
from helamem.records import ConsolidationReport, Episode, ForgetPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.config import Config
    from helamem.distillation import Draft
    from helamem.protocols import Embedder, Floats, Store


def consolidate(
    store: Store, embedder: Embedder, config: Config, *, now: float, learning_now: float
) -> ConsolidationReport:
    """Prune faint edges, and distil each cluster that has changed since it was last distilled.

    Args:
        now: Epoch seconds.
        learning_now: The learning clock, by which edges have decayed.
    """
    rule = learning.rule(config.learning)
    pruned = store.prune(rule=rule, now=learning_now)
    found = clusters.find_clusters(
        store.nodes(store.ids(kinds=["episode"])),
        store.all_edges(),
        rule=rule,
        now=learning_now,
        config=config.consolidation,
    )
    known = store.clusters()
    distilled = [
        _distil(
            store,
            embedder,
            episodes,
            fingerprint,
            max_facts=config.consolidation.max_facts,
            now=now,
        )
        for episodes, fingerprint in _fingerprinted(store, found.members)
        if fingerprint not in known
    ]
    return ConsolidationReport(
        hubs=found.n_hubs,
        clusters=len(distilled),
        unchanged=len(found.members) - len(distilled),
        facts_added=tuple(id_ for each in distilled for id_ in each.added),
        facts_merged=sum(each.merged for each in distilled),
        facts_superseded=sum(each.superseded for each in distilled),
        pruned=pruned,
    )


def plan_forgetting(store: Store, config: Config, *, now: float, learning_now: float) -> ForgetPlan:
    """Which episodes may go; what a fact rests on stays. Writes nothing."""
    nodes = store.nodes(store.ids(kinds=["episode"]))
    memories = store.get([int(id_) for id_ in nodes.ids])
    used_at = [memory.used_at.timestamp() if memory.used_at else np.nan for memory in memories]
    codes = clusters.find_forgettable(
        nodes,
        store.all_edges(),
        np.array([memory.uses for memory in memories], np.int64),
        np.array(used_at, np.float64),
        rule=learning.rule(config.learning),
        learning_now=learning_now,
        now=now,
        config=config.forgetting,
    )
    return ForgetPlan(
        ids=tuple(int(id_) for id_ in nodes.ids[codes == Verdict.FORGET]),
        considered=len(nodes.ids),
        kept_strong=int((codes == Verdict.STRONG).sum()),
        kept_young=int((codes == Verdict.YOUNG).sum()),
        kept_used=int((codes == Verdict.USED).sum()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Distilled:
    """What became of one cluster."""

    added: tuple[int, ...]
    merged: int
    superseded: int


def _fingerprinted(
    store: Store, members: Sequence[Sequence[int]]
) -> list[tuple[list[Episode], bytes]]:
    found = []
    for ids in members:
        episodes = [memory for memory in store.get(ids) if isinstance(memory, Episode)]
        found.append((episodes, clusters.fingerprint(episodes, distillation.NAME)))
    return found


def _distil(
    store: Store,
    embedder: Embedder,
    episodes: Sequence[Episode],
    fingerprint: bytes,
    *,
    max_facts: int,
    now: float,
) -> Distilled:
    """Store the facts of one cluster; one that is there already is not stored again.

    A fact that rests on all that an older one of the same speaker rests on, and on more, replaces it.
    """
    drafts = _drafts(embedder, episodes, max_facts)
    known = store.facts()
    fresh = [draft for draft in drafts if all(draft.text != fact.text for fact in known)]
    ids = store.add_facts(_new_facts(fresh, embedder, now), cluster=fingerprint)
    replaced = {
        fact.id: id_
        for draft, id_ in zip(fresh, ids, strict=True)
        for fact in known
        if fact.speaker == draft.speaker and set(fact.sources) < set(draft.sources)
    }
    for old, new in replaced.items():
        store.supersede(old, new, at=now)
    return Distilled(added=tuple(ids), merged=len(drafts) - len(fresh), superseded=len(replaced))


def _drafts(embedder: Embedder, episodes: Sequence[Episode], max_facts: int) -> list[Draft]:
    sentences = distillation.statements(episodes)
    if not sentences:
        return []
    speakers = [each.episode.speaker for each in sentences]
    embedded = ingestion.embed(embedder, [each.text for each in sentences], speakers)
    return distillation.extract(sentences, embedded, max_facts=max_facts)


def _new_facts(drafts: Sequence[Draft], embedder: Embedder, now: float) -> list[NewFact]:
    if not drafts:
        return []
    speakers = [draft.speaker for draft in drafts]
    vectors = ingestion.embed(embedder, [draft.text for draft in drafts], speakers)
    return [_new_fact(draft, vector, now) for draft, vector in zip(drafts, vectors, strict=True)]


def _new_fact(draft: Draft, vector: Floats, now: float) -> NewFact:
    terms = text.index_terms(draft.text)
    return NewFact(
        text=draft.text,
        kind=draft.kind,
        confidence=draft.confidence,
        sources=draft.sources,
        speaker=draft.speaker,
        at=draft.at.timestamp(),
        stored_at=now,
        metadata={"distiller": distillation.NAME},
        vector=vector,
        terms=terms,
        length=sum(term.count for term in terms),
    )
