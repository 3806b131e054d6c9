"""Candidates by words, and where a question's terms occur in a region.

Rare terms are read whole. Of frequent ones only the most telling postings are read, as far as they can change who
is among the best: see `core.threshold`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core import impacts, lexical, threshold
from helamem.core.arrays import distinct
from helamem.core.threshold import Block, Scoring
from helamem.core.vectors import top_k
from helamem.protocols import Postings, located
from helamem.stores.sqlite import posting_table
from helamem.stores.sqlite.posting_table import Found

if TYPE_CHECKING:
    from helamem.core.arrays import Floats
    from helamem.protocols import Ints, RegionQuery
    from helamem.stores.sqlite.posting_table import Asked
    from helamem.stores.sqlite.snapshots import Snapshot

WHOLE = 16_000  # with fewer postings it is fastest to read all of them


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
        is_small = self._asked.n_rows <= min(WHOLE, query.max_postings)
        self._all = self._everywhere() if is_exact or is_small else None
        self.left_out = 0.0

    def best(self, within: Ints | None) -> Ints:
        """The best by BM25, of these nodes or of all."""
        if within is not None and len(within) * len(self._query.terms) <= WHOLE:
            return self._best_of(self._among(within), within)
        if self._all is not None:
            return self._best_of(self._all, within)
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
        wanted = located(ids, self._all.ids) >= 0
        return Found(*(each[wanted] for each in self._all))

    def _everywhere(self) -> Found:
        found = posting_table.everywhere(self._seen.space, self._asked)
        if self._seen.index.is_all_active:
            return found
        stays = self._seen.index.is_active(found.ids)
        return Found(*(each[stays] for each in found))

    def _best_of(self, found: Found, within: Ints | None) -> Ints:
        ids = distinct(found.ids)
        if within is not None:
            ids = ids[located(within, ids) >= 0]
        scores = self._scoring.scores(
            self._postings(found).table(ids), self._seen.index.lengths(ids)
        )
        best: Ints = ids[top_k(scores, self._query.lexical)]
        return best

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


class _Lists:
    """The postings of active nodes, or of some of them; see `threshold.Lists`."""

    def __init__(self, seen: Snapshot, asked: Asked, within: Ints | None) -> None:
        self._seen = seen
        self._asked = asked
        self._within = within
        self._after = [(-1, 0)] * len(asked.numbers)

    def block(self, term: int, most: int) -> Block:
        """The next postings of a term, the most telling first."""
        number = int(self._asked.numbers[term])
        ids, counts, level = posting_table.block(self._seen.space, number, self._after[term], most)
        is_last = len(ids) < most
        if not is_last:
            self._after[term] = level, int(ids[-1])
        stays = self._stays(ids)
        return Block(
            ids[stays], counts[stays].astype(np.float64), impacts.END if is_last else level
        )

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

    def _stays(self, ids: Ints) -> Ints:
        if self._within is not None:
            return np.flatnonzero(located(self._within, ids) >= 0)
        return np.flatnonzero(self._seen.index.is_active(ids))
