"""One question's way through the memory: region, base activation, spreading, selection, explanation.

Every step is a short function on arrays; the store is read in `regions`, and never written.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from helamem import questions, regions
from helamem.core import lexical, scoring, spreading, surroundings, vectors
from helamem.core.graph import Graph
from helamem.protocols import ASKS, CHANNELS, NAMES_TIME, NODE_KINDS
from helamem.recall import CueMatch, Recall
from helamem.records import Hit, Parts, Via

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from helamem.config import Activation, Config, Selection, Spreading
    from helamem.core.arrays import Bools, Floats, Ints
    from helamem.core.spreading import Arrivals, Spread
    from helamem.filters import Filter
    from helamem.protocols import Embedder, Store
    from helamem.questions import Question
    from helamem.records import Path
    from helamem.regions import Region

DAY_S = 86_400.0
ROUTES = (
    *CHANNELS,
    "cue",
)  # what activation spreads over: the stored channels, and bindings of cues
TEMPORAL, CUE = ROUTES.index("temporal"), ROUTES.index("cue")
FACT = NODE_KINDS.index("fact")
MAX_VIA = 8
FEW_TERMS = 3.0  # a turn of so many terms gets half of what saying much is worth


def search(
    store: Store,
    embedder: Embedder,
    config: Config,
    query: str,
    *,
    k: int,
    where: Filter | None,
    at: datetime,
    learning_now: float,
) -> Recall:
    """What a question brings back. Writes nothing."""
    watch = Stopwatch()
    question = questions.understand(
        query, store.speakers(), embedder, names_apart=config.activation.names_apart
    )
    watch.lap("question")
    allowed = None if where is None else store.ids(kinds=regions.MEMORIES, where=where)
    region = regions.load(store, question, config, allowed=allowed, learning_now=learning_now)
    watch.lap("region")
    terms = base_terms(region, question, config.activation, at)
    scores = activate(region, terms, config.spreading)
    watch.lap("activation")
    direct, associative = select(scores, region, k, config.selection)
    hits = _hits(store, region, {"direct": direct, "associative": associative}, scores, terms)
    watch.lap("hits")
    return Recall(
        query=query,
        at=at,
        hits=hits,
        cues=_cue_matches(region),
        milliseconds=watch.laps,
        vector=question.vector,
    )


def base_terms(
    region: Region, question: Question, config: Activation, at: datetime
) -> dict[str, Floats]:
    """The weighted terms of the base activation, faded with age; shape (n,) each.

    Terms whose weight is 0 are left out.
    """
    terms: dict[str, tuple[float, Callable[[], Floats]]] = {
        "similarity": (config.vector, lambda: _similarity(region, config)),
        "words": (config.words, lambda: _word_score(region, config)),
        "session": (config.session, lambda: _session_similarity(region, config)),
        "speaker": (config.speaker, lambda: _speaker_named(region, question)),
        "date": (config.date, lambda: _date_named(region, question, config)),
        "time": (config.time, lambda: _time_told(region, question)),
        "length": (config.length, lambda: _saying_much(region)),
        "keyword": (config.keyword, lambda: _keyword_overlap(region, question)),
    }
    fading = _fading(region, config, at)
    return {name: weight * fading * term() for name, (weight, term) in terms.items() if weight}


def activate(region: Region, terms: Mapping[str, Floats], config: Spreading) -> Scores:
    """Base activation, and what spreads from it."""
    base = np.asarray(sum(terms.values()))
    sources = terms.get("similarity", 0 * base) if config.sources == "similarity" else base
    spread = spread_from(region, sources, config)
    return Scores(base, spread.received[: len(region.ids)], spread.arrivals)


def spread_from(region: Region, sources: Floats, config: Spreading) -> Spread:
    """What each memory receives over temporal, learned, source and cue edges.

    Args:
        sources: Shape (n,): the activation that memories pass on what exceeds the threshold of.
    """
    threshold = config.threshold
    if config.threshold_is == "quantile":
        threshold = spreading.relative_threshold(sources, quantile=config.threshold)
    active = spreading.excess(sources, threshold=threshold, subtract=config.subtract_threshold)
    cues = spreading.excess(region.cue_similarity, threshold=config.cue_threshold, subtract=False)
    return spreading.spread(
        _graph(region, config.aside),
        np.concatenate([np.maximum(active, 0.0), cues]),
        gains=(config.temporal, config.learned, config.source, config.cue),
        hops=tuple(config.hop_decay**hop for hop in range(config.hops)),
        fan_out=config.fan_out,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """How active each memory of a region is.

    Attributes:
        base: Shape (n,): before the graph was used.
        received: Shape (n, routes): what arrived over each kind of edge.
        arrivals: The same, edge by edge.
    """

    base: Floats
    received: Floats
    arrivals: Arrivals

    @property
    def direct(self) -> Floats:
        """What ranks the direct path: base activation, and what came from neighbours in time."""
        return np.asarray(self.base + self.received[:, TEMPORAL])

    @property
    def total(self) -> Floats:
        """What ranks in the end."""
        return np.asarray(self.base + self.received.sum(axis=1))

    @property
    def associated(self) -> Bools:
        """Which memories received something by association, not only from neighbours in time."""
        return np.asarray(np.delete(self.received, TEMPORAL, axis=1).sum(axis=1) > 0)


def select(scores: Scores, region: Region, k: int, config: Selection) -> tuple[Ints, Ints]:
    """Local indices of the direct and of the associative hits, each best first."""
    open_ = region.allowed & ~_surplus_facts(scores.total, region, config.facts)
    candidates = np.flatnonzero(open_)
    eligible = scores.associated | (not config.associative_needs_edge)
    direct, associative = scoring.dual_path(
        scores.direct[candidates],
        scores.total[candidates],
        k=k,
        m=config.associative,
        eligible=eligible[candidates],
    )
    return candidates[direct], candidates[associative]


@dataclass(slots=True)
class Stopwatch:
    """Milliseconds by step."""

    laps: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """End the step at hand."""
        now = time.perf_counter()
        self.laps[name] = 1e3 * (now - self._last)
        self._last = now


def _similarity(region: Region, config: Activation) -> Floats:
    cosine = region.similarity.astype(np.float64)
    if config.similarity == "shifted":
        return vectors.shifted_similarity(cosine)
    positive = np.maximum(cosine, 0.0)
    return positive if config.similarity == "cosine" else lexical.relative(positive)


def _word_score(region: Region, config: Activation) -> Floats:
    """BM25 of each turn with the turns around it."""

    def window(values: Floats) -> Floats:
        around = surroundings.window_sum(
            values,
            region.previous,
            region.following,
            before=config.before,
            after=config.after,
            reach=config.window,
        )
        return around + config.answered * _from_question(values, region)

    counts, lengths = window(region.counts), window(region.nodes.lengths)
    idf = lexical.inverse_document_frequency((counts > 0).sum(axis=0), _n_documents(region))
    scores = lexical.bm25(
        counts,
        lengths,
        idf,
        mean_length=float(lengths.mean()) if len(lengths) else 0.0,
        k1=config.k1,
        b=config.b,
    )
    return lexical.against_attainable(scores, idf, k1=config.k1)


def _n_documents(region: Region) -> int:
    """How many memories there are; never fewer than the region holds, whoever is writing meanwhile."""
    return max(region.postings.n_documents, len(region.ids))


def _from_question(values: Floats, region: Region) -> Floats:
    """What the turn before holds, where it asks; 0 elsewhere."""
    asked = _answers(region)
    out = np.zeros(values.shape)
    out[asked] = values[region.previous[asked]]
    return out


def _answers(region: Region) -> Ints:
    """The turns that follow a question."""
    follows = region.previous >= 0
    asks = _has(region, ASKS)[region.previous] > 0
    return np.flatnonzero(follows & asks)


def _has(region: Region, trait: int) -> Floats:
    return ((region.nodes.traits & trait) > 0).astype(np.float64)


def _time_told(region: Region, question: Question) -> Floats:
    return _has(region, NAMES_TIME) * question.asks_when


def _session_similarity(region: Region, config: Activation) -> Floats:
    """How similar the best turn of each turn's session is."""
    return surroundings.group_max(_similarity(region, config), region.nodes.sessions)


def _speaker_named(region: Region, question: Question) -> Floats:
    """1 where a turn's speaker is the one whom the question names; 1/2 if it is the first of several."""
    if not question.named:
        return np.zeros(len(region.ids))
    share = 1.0 if len(question.named) == 1 else 0.5
    return share * (region.nodes.speakers == question.named[0])


def _saying_much(region: Region) -> Floats:
    lengths = region.nodes.lengths.astype(np.float64)
    return np.asarray(lengths / (lengths + FEW_TERMS))


def _date_named(region: Region, question: Question, config: Activation) -> Floats:
    """How near each turn is to a date that the question names."""
    years = (
        np.unique(region.nodes.at.astype("datetime64[s]").astype("datetime64[Y]").astype(int))
        + 1970
    )
    intervals = [
        interval
        for date in question.dates
        for year in ([date.year] if date.year else years)
        if (interval := date.interval(int(year))) is not None
    ]
    starts, ends = np.array(intervals).reshape(-1, 2).T
    return surroundings.proximity(region.nodes.at, starts, ends, tau=config.date_days * DAY_S)


def _keyword_overlap(region: Region, question: Question) -> Floats:
    return lexical.overlap((region.keywords > 0).sum(axis=1), len(question.terms))


def _fading(region: Region, config: Activation, at: datetime) -> Floats:
    age = at.timestamp() - region.nodes.at
    return scoring.recency(age, config.recency_days * DAY_S)


def _graph(region: Region, aside: float) -> Graph:
    """The region's memories, then its cues, with temporal, learned, source and cue edges.

    Args:
        aside: Weight of a temporal edge that does not lead from a question to its answer.
    """
    n = len(region.ids)
    after = np.flatnonzero(region.following >= 0)
    before = region.following[after]
    forward = np.where(_has(region, ASKS)[after] > 0, 1.0, aside)
    is_cue = np.isin(region.edges.sources, region.cues)
    sources = np.where(
        is_cue,
        n + np.searchsorted(region.cues, region.edges.sources),
        region.locate(region.edges.sources),
    )
    targets = region.locate(region.edges.targets)
    inside = (sources >= 0) & (targets >= 0)
    channels = np.where(is_cue, CUE, region.edges.channels)[inside]
    return Graph.build(
        n + len(region.cues),
        np.concatenate([after, before, sources[inside]]),
        np.concatenate([before, after, targets[inside]]),
        np.concatenate([forward, np.full(len(after), aside), region.edges.weights[inside]]),
        np.concatenate([np.full(2 * len(after), TEMPORAL), channels]),
    )


def _surplus_facts(total: Floats, region: Region, most: int) -> Bools:
    """Which facts are beyond the number that a result may hold, the best first."""
    facts = np.flatnonzero((region.nodes.kinds == FACT) & region.allowed)
    surplus = np.zeros(len(total), np.bool_)
    surplus[facts] = True
    surplus[facts[vectors.top_k(total[facts], most)]] = False
    return surplus


def _hits(
    store: Store,
    region: Region,
    paths: Mapping[Path, Ints],
    scores: Scores,
    terms: Mapping[str, Floats],
) -> tuple[Hit, ...]:
    """The hits of both paths, the most active first."""
    total = scores.total
    chosen = sorted(
        ((int(i), path) for path, rows in paths.items() for i in rows),
        key=lambda each: (-total[each[0]], each[0]),
    )
    memories = store.get([int(region.ids[i]) for i, _ in chosen])
    return tuple(
        Hit(
            memory=memory,
            score=float(total[i]),
            path=path,
            parts=_parts(i, scores, terms),
            via=_via(i, region, scores.arrivals),
        )
        for (i, path), memory in zip(chosen, memories, strict=True)
    )


def _parts(i: int, scores: Scores, terms: Mapping[str, Floats]) -> Parts:
    return Parts(
        base=float(scores.base[i]),
        base_terms={name: float(values[i]) for name, values in terms.items()},
        received={
            route: float(amount) for route, amount in zip(ROUTES, scores.received[i], strict=True)
        },
    )


def _via(i: int, region: Region, arrivals: Arrivals) -> tuple[Via, ...]:
    """The strongest edges that activation arrived over."""
    into = arrivals.into(i).take(np.arange(min(MAX_VIA, int((arrivals.targets == i).sum()))))
    n = len(region.ids)
    return tuple(
        Via(
            source=int(region.cues[source - n] if source >= n else region.ids[source]),
            source_kind="cue" if source >= n else NODE_KINDS[region.nodes.kinds[source]],
            channel=ROUTES[channel],
            weight=float(weight),
            hop=int(hop),
            activation=float(amount),
        )
        for source, channel, weight, hop, amount in zip(
            into.sources, into.channels, into.weights, into.hops, into.amounts, strict=True
        )
    )


def _cue_matches(region: Region) -> tuple[CueMatch, ...]:
    best = np.lexsort((region.cues, -region.cue_similarity))
    return tuple(
        CueMatch(id=int(region.cues[i]), similarity=float(region.cue_similarity[i])) for i in best
    )
