"""The documents with the highest BM25 for some terms, without reading all that is known about frequent terms.

The lists of postings begin with the most telling ones, so what is still unread of a list adds at most a known amount
to any score. As soon as all unread parts together cannot lift a document that was not seen above the k-th best, the
rest need not be read (the threshold algorithm: Fagin, Lotem, Naor 2003, "Optimal aggregation algorithms for
middleware"; with bounds per block of postings: Ding and Suel 2011).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from helamem.core.lexical import bm25, impact
from helamem.core.vectors import top_k
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from helamem.core.arrays import Floats, Ints

FIRST = 1024  # postings in the first block of a list; each further one is twice as long
AT_ONCE = 256  # documents that are completed together
LOOK_UP = 16  # to look up what a document has costs as much as reading so many postings in a row


@dataclass(frozen=True, slots=True)
class Block:
    """The next postings of one term: documents, counts, and the level from which the list goes on.

    Attributes:
        level: `impacts.END` if nothing is left.
    """

    ids: Ints
    counts: Floats
    level: int


class Lists(Protocol):
    """Where postings are read."""

    def block(self, term: int, most: int) -> Block:
        """The next postings of a term, `most` of them at most, the most telling first."""
        ...

    def counts(self, ids: Ints, terms: Ints) -> Floats:
        """How often documents have terms, shape (ids, terms)."""
        ...

    def lengths(self, ids: Ints) -> Floats:
        """The number of terms of documents."""
        ...


@dataclass(frozen=True, slots=True)
class Best:
    """The best documents.

    Attributes:
        ids: Best first; of equal ones the lower id first, and not every one that equals the last need be there.
        left_out: The most that a document left out can score, as a share of the best score. 0 if none that was left
            out scores more than one that was found.
        n_read: How many postings were read.
    """

    ids: Ints
    left_out: float
    n_read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How documents are scored.

    Attributes:
        idf: Shape (t,): of each term.
        ceilings: Of impacts, by level; see `impacts.ceilings`.
        mean_length, k1, b: See `lexical.bm25`.
    """

    idf: Floats
    ceilings: Floats
    mean_length: float
    k1: float
    b: float

    def scores(self, counts: Floats, lengths: Floats) -> Floats:
        """The score of each document, shape (n,), from counts of shape (n, t)."""
        return bm25(counts, lengths, self.idf, mean_length=self.mean_length, k1=self.k1, b=self.b)

    def parts(self, terms: Ints, counts: Floats, lengths: Floats) -> Floats:
        """What each posting adds to the score of its document, shape (n,); all arguments have this shape."""
        impacts = impact(counts, lengths, mean_length=self.mean_length, k1=self.k1, b=self.b)
        return impacts * self.idf[terms]


def best(lists: Lists, scoring: Scoring, *, k: int, most: int) -> Best:
    """The k documents with the highest scores.

    Args:
        k: At least 1.
        most: After how many postings the result is cut short, if not sooner.

    Returns:
        At most k documents, each of which has a term.
    """
    reading = _Reading(lists, scoring, most)
    checked = 0
    while True:
        if reading.is_at_end or reading.n_read >= min(2 * checked, most):
            checked = reading.n_read
            found = reading.ranked(k)
            if found is not None:
                return found
        reading.read_on()


class _Reading:
    """What has been read so far, and how much the unread part of each list may add to a score."""

    def __init__(self, lists: Lists, scoring: Scoring, most: int) -> None:
        self._lists = lists
        self._scoring = scoring
        self._most = most
        n_terms = len(scoring.idf)
        first = max(min(FIRST, most // max(n_terms, 1)), 1)
        self._next = [first] * n_terms
        self._unread: Floats = scoring.idf * scoring.ceilings[0]
        self._parts: list[tuple[Ints, Ints, Floats]] = []  # documents, terms, counts
        self._complete: Ints = np.empty(0, np.int64)
        self.n_read = 0
        for term in range(n_terms):
            self._read(term, first)

    @property
    def is_at_end(self) -> bool:
        """Whether every list was read to its end."""
        return not self._unread.any()

    def read_on(self) -> None:
        """Read the next block of the list whose rest may add most."""
        term = int(np.argmax(self._unread))
        self._next[term] *= 2
        self._read(term, max(min(self._next[term], self._most - self.n_read), 1))

    def ranked(self, k: int) -> Best | None:
        """The best documents; None if unread postings might change them and may still be read."""
        table = self._table()
        self._complete_rows(table, top_k(table.scores, k))
        rest = float(self._unread.sum())
        doubtful = table.doubtful(k)
        is_open = table.least_of(k) < rest or LOOK_UP * len(doubtful) > self.n_read
        if is_open and self.n_read < self._most:
            return None
        while len(doubtful) and self.n_read < self._most:
            self._complete_rows(table, doubtful[:AT_ONCE])
            doubtful = table.doubtful(k)
        return table.best(k, rest, self.n_read)

    def _read(self, term: int, most: int) -> None:
        block = self._lists.block(term, most)
        self._parts.append((block.ids, np.full(len(block.ids), term), block.counts))
        self._unread[term] = self._scoring.idf[term] * self._scoring.ceilings[block.level]
        self.n_read += len(block.ids)

    def _table(self) -> _Table:
        ids, terms, counts = (np.concatenate(each) for each in zip(*self._parts, strict=True))
        found, rows = np.unique(ids, return_inverse=True)
        table = np.zeros((len(found), len(self._unread)))
        table[rows, terms] = counts
        lengths = self._lists.lengths(found)
        scores = self._scoring.scores(table, lengths)
        is_open = (table == 0) & ~np.isin(found, self._complete)[:, np.newaxis]
        # Not a matrix product, which would call other cores for a task that is over before they come.
        rest = np.einsum("ij,j->i", is_open, self._unread)
        return _Table(found, table, lengths, scores, scores + rest)

    def _complete_rows(self, table: _Table, rows: Ints) -> None:
        """Look up what else some documents have of terms whose lists were not read to their ends."""
        rows = rows[table.highest[rows] > table.scores[rows]]
        terms = np.flatnonzero(self._unread)
        ids = table.ids[rows]
        counts = self._lists.counts(ids, terms)
        table.counts[np.ix_(rows, terms)] = counts
        table.scores[rows] = self._scoring.scores(table.counts[rows], table.lengths[rows])
        table.highest[rows] = table.scores[rows]
        here, there = np.nonzero(counts)
        self._parts.append((ids[here], terms[there], counts[here, there]))
        self._complete = np.union1d(self._complete, ids)
        self.n_read += counts.size


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The documents that were seen, by ascending id.

    Attributes:
        counts: Shape (n, t), as far as they are known.
        scores: From these counts: the least that each document can score.
        highest: The most that it can score.
    """

    ids: Ints
    counts: Floats
    lengths: Floats
    scores: Floats
    highest: Floats

    def least_of(self, k: int) -> float:
        """The k-th best score; 0 if there are fewer documents."""
        return float(np.sort(self.scores)[-k]) if k <= len(self.scores) else 0.0

    def doubtful(self, k: int) -> Ints:
        """The documents that may score more than the k-th best one, the most promising first."""
        open_ = (self.highest > self.scores) & (self.highest > self.least_of(k))
        rows = np.flatnonzero(open_)
        return np.asarray(rows[np.argsort(-self.highest[rows], kind="stable")])

    def best(self, k: int, rest: float, n_read: int) -> Best:
        """The best documents as far as is known.

        Args:
            rest: The most that a document can score that was not seen.
        """
        chosen = top_k(self.scores, k)
        others = np.ones(len(self.ids), np.bool_)
        others[chosen] = False
        left_out = max(rest, float(self.highest[others].max(initial=0.0)))
        is_exact = left_out <= self.least_of(k) and not len(self.doubtful(k))
        highest = float(self.scores.max(initial=0.0))
        share = left_out / highest if highest else np.inf
        return Best(self.ids[chosen], 0.0 if is_exact else share, n_read)
