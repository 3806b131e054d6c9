"""Turns a recall and the used memories into a lesson that a store can apply.

Pure. The mathematics is in `helamem.core.hebbian`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem import identity
from helamem.core import hebbian
from helamem.decay import clock, rule
from helamem.protocols import Lesson, NewCue
from helamem.search import cues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.config import Config, Learning
    from helamem.protocols import Floats, Ints
    from helamem.search.recall import Recall


def lesson(
    recall: Recall,
    *,
    used: Sequence[int],
    unhelpful: Sequence[int],
    certainty: float,
    config: Config,
    at: float,
    lessons: int,
) -> Lesson:
    """Link the used memories to each other and to the question, and weaken what misled.

    Args:
        used: Ids of the memories that served; they need not be among the hits.
        unhelpful: Ids of misleading hits.
        certainty: The probability that they served, in (0, 1]; gains are proportional to it.
        at: Epoch seconds.
        lessons: The number of lessons learned so far.
    """
    rates = config.learning
    ids = np.unique(np.asarray(used, dtype=np.int64))
    activation = _activation(recall, ids) if rates.graded else np.ones(len(ids), np.float32)
    pairs = hebbian.coactivated_pairs(np.arange(len(ids)))
    return Lesson(
        used=ids,
        pairs=ids[pairs],
        gains=hebbian.gains(activation, pairs, rate=certainty * rates.rate),
        cue=_cue(recall, rates, at) if rates.cue and len(ids) else None,
        cue_gains=(certainty * rates.cue_rate * activation).astype(np.float32),
        weakened=_misleading(recall, unhelpful),
        keep=1.0 - rates.weaken,
        rule=rule(rates),
        now=clock(rates, at=at, lessons=lessons + 1),
        at=at,
        shown=np.union1d(ids, np.array(recall.ids, np.int64)),
    )


def _activation(recall: Recall, ids: Ints) -> Floats:
    """Each memory's activation relative to the best hit; 1 for memories outside the recall."""
    best = max((hit.score for hit in recall.hits), default=0.0)
    scores = {hit.id: max(hit.score, 0.0) / best for hit in recall.hits} if best > 0 else {}
    return np.array([scores.get(int(id_), 1.0) for id_ in ids], dtype=np.float32)


def _cue(recall: Recall, config: Learning, at: float) -> NewCue | int:
    """An earlier cue with nearly the same text, or a new one."""
    known = cues.same_question(recall.cues, least=config.cue_merge)
    if known is not None:
        return known
    text = " ".join(recall.query.split())
    return NewCue(key=identity.cue(text), text=text, vector=recall.vector, at=at)


def _misleading(recall: Recall, unhelpful: Sequence[int]) -> Ints:
    """The pairs whose edges may have led to unhelpful hits: with other hits, and with cues.

    Only cues that are probably the same need are included; the memory may have served other needs well.
    """
    others = [*recall.ids, *cues.probably_same(recall.cues)]
    pairs = {
        (min(bad, other), max(bad, other)) for bad in unhelpful for other in others if bad != other
    }
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
