"""Search: region, activation, spreading, selection, explanation.

Every step is a short function on arrays; the store is read in `regions`, and never written.
"""

from __future__ import annotations

import time
from dataclasses import asdict, field, replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import scoring, vectors
from helamem.frozen import dataclass
from helamem.language import language_named
from helamem.protocols import NODE_KINDS
from helamem.records import Hit, Parts, Via
from helamem.search import confidence, cues, notes, questions, regions
from helamem.search.activation import base_terms
from helamem.search.cues import ROUTES
from helamem.search.recall import Recall
from helamem.search.spreading import activate
from helamem.threads import computing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from helamem.config import Config, Selection
    from helamem.core.arrays import Bools, Floats, Ints
    from helamem.core.spreading import Arrivals
    from helamem.filters import Filter
    from helamem.protocols import Embedder, Store
    from helamem.records import Path
    from helamem.search.confidence import Signs
    from helamem.search.questions import Question
    from helamem.search.regions import Region
    from helamem.search.spreading import Scores

FACT = NODE_KINDS.index("fact")
MAX_VIA = 8
ALIKE = 0.95  # cosine from which a memory repeats another
COMPARED = 64  # as many as are candidates for any k: the order of the best must not depend on k


def search(
    store: Store,
    embedder: Embedder,
    config: Config,
    query: str,
    *,
    k: int,
    where: Filter | None,
    at: datetime,
    min_confidence: float = 0.0,
) -> Recall:
    """Search for a question. Writes nothing.

    The store is read three times: for the names of speakers, for the region, and for the returned memories,
    of which those removed meanwhile are left out.
    """
    watch = Stopwatch()
    config = _reaching(config, k)
    question = questions.understand(
        query,
        store.speakers(),
        embedder,
        language_named(config.language),
        at=at,
        names_apart=config.activation.names_apart,
    )
    watch.lap("question")
    rows = store.region(regions.query_for(question, config, where=where, at=at))
    watch.lap("region")
    with computing:
        found = _found(regions.region(rows, question, config), question, k, config, at)
    watch.lap("activation")
    hits = _hits(store, found)
    remarks = notes.left_out(rows.postings, rows.left_out, config.candidates.max_postings)
    if where is not None and not hits:
        remarks += notes.unmet(store, where)
    watch.lap("hits")
    signs = found.signs if hits else None
    recall = Recall(
        query=query,
        at=at,
        hits=hits,
        confidence=confidence.probability(signs) if signs else 0.0,
        signs=asdict(signs) if signs else {},
        cues=cues.matches(found.region.cues),
        notes=remarks,
        milliseconds=watch.laps,
        vector=question.vector,
    )
    return _unless_doubtful(recall, min_confidence)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a search computes, before the memories themselves are read.

    Attributes:
        terms: The terms of the base activation, one value per memory of the region.
        chosen: The places of the hits in the region, best first, each with its path.
        signs: The signs for an answer among them; None if there are none.
    """

    region: Region
    terms: Mapping[str, Floats]
    scores: Scores
    chosen: list[tuple[int, Path]]
    signs: Signs | None


def _found(region: Region, question: Question, k: int, config: Config, at: datetime) -> _Found:
    """Activate the memories of a region, and choose among them."""
    terms = base_terms(region, question, config.activation, at)
    scores = activate(region, terms, config)
    chosen = select(scores, region, k, config.selection)
    places = [i for i, _ in chosen]
    signs = (
        confidence.signs(region, question, places, terms=terms, config=config.activation)
        if chosen
        else None
    )
    return _Found(region, terms, scores, chosen, signs)


def _unless_doubtful(recall: Recall, min_confidence: float) -> Recall:
    """The recall, without hits if it is less sure than asked for, and with a note that says so."""
    if not recall.hits or recall.confidence >= min_confidence:
        return recall
    note = notes.unsure(recall.confidence, min_confidence)
    return replace(recall, hits=(), notes=(*recall.notes, note))


def _reaching(config: Config, k: int) -> Config:
    """The settings with at least as many candidates as requested hits."""
    if not 0 < config.candidates.nearest < k:
        return config
    return replace(config, candidates=replace(config.candidates, nearest=k))


def select(scores: Scores, region: Region, k: int, config: Selection) -> list[tuple[int, Path]]:
    """Local indices of the hits, best first, each with its path.

    The first places go by direct activation alone, so that no association displaces what answers by itself;
    the places up to k by all activation. Association may add a few more. A hit that is not among the best k
    by direct activation has the associative path. What repeats a better one counts less.
    """
    open_ = np.flatnonzero(region.allowed & ~_surplus_facts(scores.total, region, config.facts))
    counts = _counting(region, scores.total, open_, config.repeated)
    direct, total = counts * scores.direct[open_], counts * scores.total[open_]
    n_direct = min(config.direct or k, k)
    anyone = np.ones(len(open_), np.bool_)
    first, rest = scoring.dual_path(direct, total, k=n_direct, m=k - n_direct, eligible=anyone)
    chosen = np.concatenate([first, rest])
    associated = scores.associated[open_] >= config.associative_min
    associated[chosen] = False
    _, more = scoring.dual_path(direct, total, k=0, m=config.associative, eligible=associated)
    by_itself = set(vectors.top_k(direct, k).tolist())
    return [
        (int(open_[i]), "direct" if i in by_itself else "associative")
        for i in np.concatenate([chosen, more]).tolist()
    ]


def _counting(region: Region, total: Floats, open_: Ints, repeated: float) -> Floats:
    """How much of their scores counts: all, or less of a memory that repeats a better one; shape of `open_`.

    Only the best `COMPARED` are compared, however many are asked for; the others stay behind them.
    """
    counts = np.full(len(open_), repeated)
    best = vectors.top_k(total[open_], COMPARED)
    counts[best] = np.where(
        vectors.repeats(region.vectors[open_[best]], alike=ALIKE), repeated, 1.0
    )
    return counts


def _surplus_facts(total: Floats, region: Region, most: int) -> Bools:
    """The facts beyond the number allowed in a result."""
    facts = np.flatnonzero((region.nodes.kinds == FACT) & region.allowed)
    surplus = np.zeros(len(total), np.bool_)
    surplus[facts] = True
    surplus[facts[vectors.top_k(total[facts], most)]] = False
    return surplus


def _hits(store: Store, found: _Found) -> tuple[Hit, ...]:
    """The hits in order, with the parts of their scores; without memories deleted meanwhile."""
    rows = np.array([i for i, _ in found.chosen], np.int64)
    ids = found.region.ids[rows].tolist()
    memories = {memory.id: memory for memory in store.get(ids, skip_missing=True)}
    parts = _parts(found.scores, found.terms, rows)
    via = _via(found.region, found.scores.arrivals, rows)
    return tuple(
        Hit(memory=memories[id_], score=score, path=path, parts=each, via=tuple(via[i]))
        for id_, score, (i, path), each in zip(
            ids, found.scores.total[rows].tolist(), found.chosen, parts, strict=True
        )
        if id_ in memories
    )


def _parts(scores: Scores, terms: Mapping[str, Floats], rows: Ints) -> list[Parts]:
    """The parts of the scores of some memories."""
    own = np.array([values[rows] for values in terms.values()]).reshape(len(terms), len(rows)).T
    return [
        Parts(
            base=base,
            base_terms=dict(zip(terms, values, strict=True)),
            received=dict(zip(ROUTES, received, strict=True)),
        )
        for base, values, received in zip(
            scores.base[rows].tolist(), own.tolist(), scores.received[rows].tolist(), strict=True
        )
    ]


def _via(region: Region, arrivals: Arrivals, rows: Ints) -> dict[int, list[Via]]:
    """The edges that brought most activation to each of some memories."""
    n, into = len(region.ids), arrivals.into(rows)
    found: dict[int, list[Via]] = {i: [] for i in rows.tolist()}
    columns = (into.targets, into.sources, into.channels, into.weights, into.amounts)
    for target, source, channel, weight, amount in zip(
        *(each.tolist() for each in columns), strict=True
    ):
        if len(found[target]) == MAX_VIA:
            continue
        found[target].append(
            Via(
                source=int(region.cues.ids[source - n] if source >= n else region.ids[source]),
                source_kind="cue" if source >= n else NODE_KINDS[region.nodes.kinds[source]],
                channel=ROUTES[channel],
                weight=weight,
                activation=amount,
            )
        )
    return found


@dataclass(slots=True)
class Stopwatch:
    """Milliseconds by step."""

    laps: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """End the current step."""
        now = time.perf_counter()
        self.laps[name] = 1e3 * (now - self._last)
        self._last = now
