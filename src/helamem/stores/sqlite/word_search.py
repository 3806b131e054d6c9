"""Candidates by words, and where a question's terms occur in a region.

Rare terms are read whole. Of frequent ones only the most telling postings are read, as far as they can change who
is among the best: see `core.threshold`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import impacts, lexical, threshold
from helamem.core.arrays import distinct, sums
from helamem.core.threshold import Block, Scoring
from helamem.core.vectors import top_k
from helamem.protocols import Postings, located
from helamem.stores.sqlite import posting_table
from helamem.stores.sqlite.posting_table import Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helamem.core.arrays import Floats
    from helamem.protocols import Ints, RegionQuery
    from helamem.stores.sqlite.posting_table import Asked
    from helamem.stores.sqlite.snapshots import Snapshot

FEW = 16_000  # postings of which a table of counts is made
SAMPLED = 16_384  # postings of which a bound is read off
QUICK = 8  # times as many postings as in blocks are read in the same time if all are read, since they are packed
NOWHERE: Ints = np.empty(0, np.int64)


class Words:
    """The terms of one question in one snapshot.

    Attributes:
        left_out: See `protocols.RegionRows`.
    """

    def __init__(self, seen: Snapshot, query: RegionQuery) -> None:
        self._seen = seen
        self._query = query
        self._asked = posting_table.asked(seen.space, query.terms)
        is_exact = not query.nearest or not query.lexical
        is_quick = self._asked.n_rows <= QUICK * query.max_postings
        self._all = self._everywhere() if is_exact or is_quick else None
        self.left_out = 0.0

    def best(self, within: Ints | None) -> Ints:
        """The best by BM25, of these nodes or of all."""
        if within is not None and len(within) * len(self._query.terms) <= FEW:
            return self._best_of(self._among(within))
        if self._all is not None:
            return self._best_of(self._all if within is None else self._among(within))
        lists = _Lists(self._seen, self._asked, within)
        found = threshold.best(
            lists, self._scoring, k=self._query.lexical, most=self._query.max_postings
        )
        self.left_out = max(self.left_out, found.left_out)
        return found.ids

    def among(self, ids: Ints) -> Postings:
        """The postings in some active nodes."""
        return self._postings(self._among(ids))

    def _among(self, ids: Ints) -> Found:
        if self._all is None:
            return posting_table.of_nodes(self._seen.space, self._asked, ids)
        index = self._seen.index
        is_mine = np.zeros(len(index.table), np.bool_)
        is_mine[index.rows(ids)] = True
        return _where(self._all, is_mine[self._rows])

    @cached_property
    def _rows(self) -> Ints:
        """The row of the node of each posting."""
        return self._seen.index.rows(self._all.ids) if self._all is not None else NOWHERE

    def _everywhere(self) -> Found:
        found = posting_table.everywhere(self._seen.space, self._asked)
        index = self._seen.index
        return found if index.is_all_active else _where(found, index.is_active(found.ids))

    def _best_of(self, found: Found) -> Ints:
        """The best of the nodes of some postings, which are all that these nodes have."""
        if len(found.ids) > FEW:
            return self._best_of_many(found)
        ids = distinct(found.ids)
        scores = self._scoring.scores(
            self._postings(found).table(ids), self._seen.index.lengths(ids)
        )
        best: Ints = ids[top_k(scores, self._query.lexical)]
        return best

    def _best_of_many(self, found: Found) -> Ints:
        """The same, but for rounding, without a table of counts."""
        index = self._seen.index
        rows = self._rows if found is self._all else index.rows(found.ids)
        lengths = index.table.lengths.at(rows)
        parts = self._scoring.parts(found.places, found.counts.astype(np.float64), lengths)
        scores = sums(rows, parts, 0)
        high = np.flatnonzero(scores >= self._bound(scores, rows))
        best: Ints = index.table.ids.at(high[top_k(scores[high], self._query.lexical)])
        return best

    def _bound(self, scores: Floats, rows: Ints) -> float:
        """What the last of the best scores at least, read off some postings; above 0.

        A node has one posting for each term at most, so among so many postings there are enough nodes.
        """
        some = scores[rows[:: max(1, len(rows) // SAMPLED)]]
        n = min(self._query.lexical * len(self._query.terms), len(some))
        return float(np.partition(some, -n)[-n])

    @property
    def _scoring(self) -> Scoring:
        query, state = self._query, self._seen.state
        settings = {"mean_length": state.mean_length, "k1": query.k1, "b": query.b}
        return Scoring(
            idf=lexical.inverse_document_frequency(self._asked.frequency, state.n_documents),
            ceilings=impacts.ceilings(**settings),
            **settings,
        )

    def _postings(self, found: Found) -> Postings:
        return Postings(
            terms=found.places,
            ids=found.ids,
            counts=found.counts.astype(np.float32),
            ranks=found.ranks,
            document_frequency=self._asked.frequency,
            n_documents=self._seen.state.n_documents,
            mean_length=self._seen.state.mean_length,
        )


def _where(found: Found, wanted: NDArray[np.bool_]) -> Found:
    return Found(*(each[wanted] for each in found))


class _Lists:
    """The postings of active nodes, or of some of them; see `threshold.Lists`."""

    def __init__(self, seen: Snapshot, asked: Asked, within: Ints | None) -> None:
        self._seen = seen
        self._asked = asked
        self._within = within
        self._readers = [
            posting_table.Reader(seen.space, number) for number in asked.numbers.tolist()
        ]

    def block(self, term: int, most: int) -> Block:
        """The next postings of a term, the most telling first."""
        ids, counts, level = self._readers[term].next(most)
        stays = self._stays(ids)
        return Block(ids[stays], counts[stays].astype(np.float64), level)

    def counts(self, ids: Ints, terms: Ints) -> Floats:
        """How often nodes have terms."""
        some = posting_table.Asked(self._asked.numbers[terms], self._asked.frequency[terms])
        found = posting_table.of_nodes(self._seen.space, some, ids)
        counts = np.zeros((len(ids), len(terms)))
        order = np.argsort(ids)
        counts[order[np.searchsorted(ids[order], found.ids)], found.places] = found.counts
        return counts

    def lengths(self, ids: Ints) -> Floats:
        """The number of terms of nodes."""
        return self._seen.index.lengths(ids)

    def _stays(self, ids: Ints) -> NDArray[np.bool_] | slice:
        if self._within is not None:
            return located(self._within, ids) >= 0
        index = self._seen.index
        return slice(None) if index.is_all_active else index.is_active(ids)
