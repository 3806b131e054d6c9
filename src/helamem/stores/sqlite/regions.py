"""Reads the region of a question: candidates, memories along their edges, and the turns around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.arrays import distinct
from helamem.protocols import MEMORY_KINDS, FoundCues, RegionRows
from helamem.stores.sqlite import edge_table, filtering, node_table
from helamem.stores.sqlite.word_search import Words

if TYPE_CHECKING:
    from helamem.filters import Filter
    from helamem.protocols import Ints, RegionQuery
    from helamem.stores.sqlite.snapshots import Snapshot


def read(seen: Snapshot, query: RegionQuery) -> RegionRows:
    """The region of a question.

    Args:
        seen: The snapshot.
        query: The question, with a unit vector.
    """
    space, index = seen.space, seen.index
    allowed = None if query.where is None else matching(seen, query.where)
    words = Words(seen, query)
    cues = _cues(seen, query)
    seeds = _candidates(seen, query, words, allowed)
    stored = edge_table.two_steps_from(space, distinct(cues.ids, seeds), index)
    edges = stored.decayed(query.rule, seen.state.lessons if query.now is None else query.now)
    ids = index.around(index.memories(distinct(seeds, edges.targets)), query.reach)
    similarity, vectors = index.measured(query.vector, ids, seen.originals)
    return RegionRows(
        nodes=index.nodes(ids),
        similarity=similarity,
        vectors=vectors,
        allowed=np.ones(len(ids), np.bool_) if allowed is None else np.isin(ids, allowed),
        postings=words.among(ids),
        left_out=words.left_out,
        edges=edges,
        cues=cues,
        speakers=index.speakers.active,
    )


def matching(seen: Snapshot, where: Filter, *, superseded: bool = False) -> Ints:
    """The active memories that meet the conditions, or superseded ones as well, ascending."""
    active = seen.index.of_kinds(MEMORY_KINDS, superseded=superseded)
    return active[np.isin(active, filtering.matching(seen.space, where))]


def _cues(seen: Snapshot, query: RegionQuery) -> FoundCues:
    """The earlier questions nearest to this one, with their texts."""
    if not query.cues:
        return FoundCues(np.empty(0, np.int64), np.empty(0, np.float32), ())
    nearest, cosines = seen.index.nearest(query.vector, query.cues, ("cue",), None, seen.originals)
    order = np.argsort(nearest)
    ids = nearest[order]
    return FoundCues(ids, cosines[order], node_table.texts(seen.space, ids))


def _candidates(seen: Snapshot, query: RegionQuery, words: Words, allowed: Ints | None) -> Ints:
    """The best candidates of all, and of the time that the question names."""
    if not query.nearest or not query.lexical:
        return seen.index.of_kinds(MEMORY_KINDS)
    best = _best(seen, query, words, allowed)
    if not query.periods:
        return best
    starts, ends = np.array(query.periods).T
    during = seen.index.during(starts, ends, MEMORY_KINDS, allowed)
    return distinct(best, _best(seen, query, words, during))


def _best(seen: Snapshot, query: RegionQuery, words: Words, within: Ints | None) -> Ints:
    """The nearest by vector, and the best by words."""
    nearest, _ = seen.index.nearest(
        query.vector, query.nearest, MEMORY_KINDS, within, seen.originals
    )
    return distinct(nearest, words.best(within))
