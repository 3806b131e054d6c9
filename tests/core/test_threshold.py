"""The best documents without reading everything: the same as by looking at every document, or within what is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.core import impacts, lexical, threshold
from helamem.core.threshold import Best, Block, Scoring

if TYPE_CHECKING:
    from helamem.core.arrays import Floats, Ints

K1, B = 1.2, 0.75


@dataclass
class InRam:
    """Lists of postings of a table of counts, shape (documents, terms); ids are ten times the rows."""

    counts_of: Floats
    lengths_of: Floats
    n_blocks: int = 0
    _lists: list[list[tuple[int, int, float]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lists = [
            sorted(
                (impacts.level(int(count), int(length)), 10 * row, count)
                for row, (count, length) in enumerate(zip(column, self.lengths_of, strict=True))
                if count
            )
            for column in self.counts_of.T
        ]

    def block(self, term: int, most: int) -> Block:
        self.n_blocks += 1
        rows, self._lists[term] = self._lists[term][:most], self._lists[term][most:]
        return Block(
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2] for row in rows]),
            self._lists[term][0][0] if self._lists[term] else impacts.END,
        )

    def counts(self, ids: Ints, terms: Ints) -> Floats:
        return np.asarray(self.counts_of[np.ix_(ids // 10, terms)])

    def lengths(self, ids: Ints) -> Floats:
        return np.asarray(self.lengths_of[ids // 10])


@dataclass
class Memories:
    """Documents drawn at random, with terms of falling frequency."""

    counts: Floats
    lengths: Floats
    scoring: Scoring

    @classmethod
    def drawn(
        cls, seed: int, n: int, shares: list[float], *, k1: float = K1, b: float = B
    ) -> Memories:
        generator = np.random.default_rng(seed)
        counts = (generator.random((n, len(shares))) < shares) * generator.geometric(
            0.7, (n, len(shares))
        )
        lengths = (counts.sum(axis=1) + generator.geometric(0.1, n)).astype(np.float32)
        mean = float(lengths.mean())
        scoring = Scoring(
            idf=lexical.inverse_document_frequency((counts > 0).sum(axis=0), n),
            ceilings=impacts.ceilings(mean_length=mean, k1=k1, b=b),
            mean_length=mean,
            k1=k1,
            b=b,
        )
        return cls(counts.astype(np.float64), lengths, scoring)

    @property
    def scores(self) -> Floats:
        return self.scoring.scores(self.counts, self.lengths)

    def best(self, k: int, most: int = 10**9) -> Best:
        return threshold.best(InRam(self.counts, self.lengths), self.scoring, k=k, most=most)


shares = st.lists(st.sampled_from([0.001, 0.01, 0.1, 0.5, 1.0]), min_size=1, max_size=5)


@given(
    seed=st.integers(0, 99), n=st.integers(1, 4000), shares=shares, k=st.integers(1, 80),
    constants=st.sampled_from([(K1, B), (0.0, B), (0.9, 0.0), (3.0, 1.0)]),
)  # fmt: skip
def test_the_best_are_those_that_looking_at_everything_finds(
    seed: int, n: int, shares: list[float], k: int, constants: tuple[float, float]
) -> None:
    k1, b = constants
    memories = Memories.drawn(seed, n, shares, k1=k1, b=b)

    found = memories.best(k)

    scores = memories.scores
    expected = np.sort(scores[scores > 0])[::-1][:k]
    assert 0.0 == found.left_out
    np.testing.assert_allclose(scores[found.ids // 10], expected, rtol=1e-9)


@given(
    seed=st.integers(0, 99), n=st.integers(1, 4000), shares=shares, k=st.integers(1, 80),
    most=st.integers(1, 3000),
)  # fmt: skip
def test_what_was_cut_short_scores_within_what_is_told(
    seed: int, n: int, shares: list[float], k: int, most: int
) -> None:
    memories = Memories.drawn(seed, n, shares)

    found = memories.best(k, most)

    scores = memories.scores
    others = np.delete(scores, found.ids // 10)
    worst, top = scores[found.ids // 10].min(initial=np.inf), scores[found.ids // 10].max(initial=0)
    allowed = found.left_out * top if found.left_out else worst
    assert (others <= allowed * (1 + 1e-9)).all() or len(found.ids) == (scores > 0).sum()
    assert found.n_read <= max(most, 1024 * len(shares)) + 1024 * len(shares)


def test_frequent_terms_are_not_read_to_their_ends() -> None:
    memories = Memories.drawn(1, 50_000, [0.002, 0.3, 0.5])

    found = memories.best(20)

    assert (0.0, 20) == (found.left_out, len(found.ids))
    assert found.n_read < 8000 < (memories.counts > 0).sum() / 5


def test_a_term_that_everybody_says_alike_is_read_no_further_than_its_first_block() -> None:
    n = 20_000
    memories = Memories(
        np.ones((n, 1)), np.ones(n, np.float32), Memories.drawn(0, n, [1.0]).scoring
    )

    found = memories.best(5)

    assert (1024, 0.0) == (found.n_read, found.left_out)
    assert [0, 10, 20, 30, 40] == found.ids.tolist()


@given(
    counts=st.lists(st.integers(1, 400), min_size=2, max_size=2),
    lengths=st.lists(st.integers(0, 400), min_size=2, max_size=2),
    mean=st.sampled_from([0.0, 3.0, 12.0, 90.0]), k1=st.floats(0, 4), b=st.floats(0, 1),
)  # fmt: skip
def test_no_posting_tells_more_than_the_ceiling_of_an_earlier_one(
    counts: list[int], lengths: list[int], mean: float, k1: float, b: float
) -> None:
    ceilings = impacts.ceilings(mean_length=mean, k1=k1, b=b)
    levels = [impacts.level(*each) for each in zip(counts, lengths, strict=True)]
    told = lexical.impact(
        np.array(counts), np.array(lengths, np.float32), mean_length=mean, k1=k1, b=b
    )

    assert told[np.argmax(levels)] <= ceilings[min(levels)] * (1 + 1e-6)
    assert told[0] <= ceilings[levels[0]] * (1 + 1e-6)
    assert (np.diff(ceilings) <= 0).all()


@pytest.mark.parametrize("length", [1, 4, 8, 40, 120])
def test_more_of_a_term_in_fewer_words_comes_first(length: int) -> None:
    assert impacts.level(2, length) < impacts.level(1, length)
    assert impacts.level(1, length) < impacts.level(1, 2 * length + 4)
    assert impacts.level(1, length) < impacts.END
