from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import reference
from core.strategies import amounts, columns, floats, ints, rows, shares, tables
from helamem.core.lexical import (
    affordable,
    against_attainable,
    bm25,
    inverse_document_frequency,
    lightness,
    overlap,
    relative,
    telling_share,
)

if TYPE_CHECKING:
    from helamem.core.arrays import Floats

frequencies = st.lists(st.integers(0, 50), max_size=6)
k1s = st.floats(0, 3, allow_subnormal=False)
# Counts and lengths of real texts are not fractions of a millionth.
counts = st.integers(0, 8).map(lambda i: i / 2)
lengths = st.integers(0, 40).map(float)


@given(frequencies, st.integers(50, 1000))
def test_idf_equals_the_formula(document_frequency: list[int], n: int) -> None:
    expected = [reference.inverse_document_frequency(df, n) for df in document_frequency]

    np.testing.assert_allclose(
        inverse_document_frequency(ints(document_frequency), n), expected, rtol=1e-12
    )


@given(st.integers(1, 1000))
def test_the_rarer_a_term_the_more_it_tells(n: int) -> None:
    idf = inverse_document_frequency(np.arange(n + 1), n)

    assert (np.diff(idf) < 0).all()
    assert idf[-1] > 0


def test_a_term_in_half_of_the_documents_has_idf_log_two() -> None:
    assert [pytest.approx(math.log(2))] == inverse_document_frequency(ints([5]), 10).tolist()


@pytest.mark.parametrize("df", [-1.0, 11.0, math.nan])
def test_a_term_in_more_documents_than_there_are_is_refused(df: float) -> None:
    with pytest.raises(ValueError, match=r"term 1 occurs in \S+ documents of 10"):
        inverse_document_frequency(floats([3, df]), 10)


@given(
    table=tables(4, 3, counts),
    sizes=rows(4, lengths),
    idf=rows(3),
    mean_length=lengths,
    k1=k1s,
    b=shares,
)
def test_bm25_equals_the_naive_loop(
    *, table: Floats, sizes: Floats, idf: Floats, mean_length: float, k1: float, b: float
) -> None:
    expected = [
        reference.bm25(row, length, idf.tolist(), mean_length=mean_length, k1=k1, b=b)
        for row, length in zip(table.tolist(), sizes.tolist(), strict=True)
    ]

    actual = bm25(table, sizes, idf, mean_length=mean_length, k1=k1, b=b)

    np.testing.assert_allclose(actual, expected, rtol=1e-9)


@given(
    row=rows(2, counts),
    idf=rows(2),
    length=lengths,
    k1=k1s,
    b=shares,
    term=st.integers(0, 1),
)
def test_one_more_occurrence_never_lowers_bm25(
    *, row: Floats, idf: Floats, length: float, k1: float, b: float, term: int
) -> None:
    more = row.copy()
    more[term] += 1

    fewer_score, more_score = bm25(
        np.stack([row, more]), floats([length, length]), idf, mean_length=10.0, k1=k1, b=b
    )

    assert fewer_score <= more_score * (1 + 1e-12)


@given(lengths, lengths, k1s, shares)
def test_the_longer_of_two_documents_never_scores_higher(
    length: float, other: float, k1: float, b: float
) -> None:
    short, long = sorted([length, other])

    short_score, long_score = bm25(
        np.ones((2, 1)), floats([short, long]), floats([1]), mean_length=10.0, k1=k1, b=b
    )

    assert long_score <= short_score * (1 + 1e-12)


@given(columns(counts))
def test_twins_have_the_same_bm25_to_the_last_bit(row: Floats) -> None:
    twins = np.tile(row, (7, 1))

    scores = bm25(twins, np.full(7, 9.0), np.full(len(row), 0.3), mean_length=7.0, k1=1.2, b=0.5)

    assert 1 == len(set(scores.tolist()))


def test_bm25_without_k1_counts_presence_only() -> None:
    scores = bm25(
        floats([[0, 5], [1, 1]]), floats([9, 1]), floats([2, 3]), mean_length=5.0, k1=0.0, b=1.0
    )

    assert [3.0, 5.0] == scores.tolist()


def test_bm25_by_hand() -> None:
    # 3 * 2 * 2.5 / (2 + 1.5 * (1 - 0.5 + 0.5 * 3 / 1)) = 15 / 5
    score = bm25(floats([[2]]), floats([3]), floats([3]), mean_length=1.0, k1=1.5, b=0.5)

    assert [3.0] == score.tolist()


def test_bm25_without_a_mean_length_leaves_length_out_of_account() -> None:
    scores = bm25(np.ones((2, 1)), floats([1, 9]), floats([3]), mean_length=0.0, k1=1.0, b=1.0)

    assert [3.0, 3.0] == scores.tolist()


def test_bm25_refuses_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="lengths has 1 rows, but there are 2"):
        bm25(np.ones((2, 3)), np.ones(1), np.ones(3), mean_length=1.0, k1=1.0, b=1.0)
    with pytest.raises(ValueError, match="idf has 2 rows, but there are 3"):
        bm25(np.ones((2, 3)), np.ones(2), np.ones(2), mean_length=1.0, k1=1.0, b=1.0)


@given(columns())
def test_relative_scores_equal_the_naive_loop(scores: Floats) -> None:
    best = max(scores.tolist(), default=0.0)
    expected = [score / best if best > 0 else 0.0 for score in scores.tolist()]

    assert expected == relative(scores).tolist()


@given(columns(), st.floats(0.01, 100))
def test_relative_scores_do_not_depend_on_the_scale(scores: Floats, scale: float) -> None:
    np.testing.assert_allclose(relative(scores * scale), relative(scores), rtol=1e-9, atol=1e-300)


def test_relative_scores_without_a_positive_one_are_zeros() -> None:
    assert [0.0, 0.0] == relative(floats([-3, 0])).tolist()


@given(columns(), rows(3), k1s)
def test_scores_against_the_attainable_equal_the_naive_loop(
    scores: Floats, idf: Floats, k1: float
) -> None:
    scale = math.sqrt(max(scores.tolist(), default=0.0) * (k1 + 1) * sum(idf.tolist()))
    expected = [score / scale if scale > 0 else 0.0 for score in scores.tolist()]

    np.testing.assert_allclose(against_attainable(scores, idf, k1=k1), expected, rtol=1e-9)


@given(tables(4, 3, counts), rows(3, st.floats(0.01, 5)), k1s)
def test_bm25_against_the_attainable_is_a_share(table: Floats, idf: Floats, k1: float) -> None:
    scores = bm25(table, np.ones(4), idf, mean_length=1.0, k1=k1, b=0.5)

    attained = against_attainable(scores, idf, k1=k1)

    assert ((attained >= 0) & (attained <= 1 + 1e-12)).all()


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(5, 9))
def test_overlap_equals_the_naive_share(matched: list[int], n_terms: int) -> None:
    assert [each / n_terms for each in matched] == overlap(ints(matched), n_terms).tolist()


def test_a_single_query_term_is_there_or_not() -> None:
    assert [0.0, 1.0] == overlap(ints([0, 1]), 1).tolist()


def test_without_query_terms_nothing_overlaps() -> None:
    assert [0.0, 0.0] == overlap(ints([0, 0]), 0).tolist()


@pytest.mark.parametrize("matched", [-1, 4])
def test_more_matches_than_terms_are_refused(matched: int) -> None:
    with pytest.raises(ValueError, match=f"node 1 has {matched} of 3 terms"):
        overlap(ints([0, matched]), 3)


@given(frequencies, st.integers(0, 150))
def test_affordable_terms_equal_the_naive_loop(df: list[int], max_rows: int) -> None:
    chosen = affordable(ints(df), max_rows)

    assert reference.affordable(df, max_rows) == set(np.flatnonzero(chosen).tolist())


@given(frequencies, st.integers(0, 150), st.integers(0, 50))
def test_a_larger_budget_only_adds_terms(df: list[int], max_rows: int, more: int) -> None:
    assert (affordable(ints(df), max_rows) <= affordable(ints(df), max_rows + more)).all()


@given(frequencies.filter(any), st.integers(0, 20))
def test_the_rarest_term_that_occurs_is_always_affordable(df: list[int], max_rows: int) -> None:
    rarest = min(range(len(df)), key=lambda t: (df[t] == 0, df[t], t))

    assert affordable(ints(df), max_rows)[rarest]


def test_a_budget_may_be_used_up() -> None:
    assert [True, True, False] == affordable(ints([40, 60, 60]), 100).tolist()


def test_terms_that_occur_nowhere_cost_nothing() -> None:
    assert [True, True, True] == affordable(ints([0, 900, 0]), 100).tolist()


@given(amounts)
def test_a_single_score_is_the_best(score: float) -> None:
    assert [1.0 if score else 0.0] == relative(floats([score])).tolist()


@given(st.integers(0, 5), st.lists(amounts, max_size=4), st.data())
def test_the_telling_share_equals_the_naive_loop(
    n: int, weights: list[float], data: st.DataObject
) -> None:
    row = st.lists(st.booleans(), min_size=len(weights), max_size=len(weights))
    present = data.draw(st.lists(row, min_size=n, max_size=n))

    shares_ = telling_share(np.array(present, np.bool_).reshape(n, len(weights)), floats(weights))

    total = sum(weights)
    for has, share in zip(present, shares_.tolist(), strict=True):
        told = sum(weight for weight, there in zip(weights, has, strict=True) if there)
        assert share == pytest.approx(told / total if total else 0.0)


def test_terms_that_tell_nothing_give_no_share() -> None:
    assert [0.0] == telling_share(np.array([[True, True]]), floats([0.0, 0.0])).tolist()
    assert [0.0, 0.0] == telling_share(np.zeros((2, 0), np.bool_), floats([])).tolist()


@given(st.lists(st.floats(0, 1e6), max_size=6), st.floats(1, 1e3))
def test_lightness_equals_the_naive_loop(lengths: list[float], few: float) -> None:
    expected = [1.0 if n <= few else few / n for n in lengths]

    np.testing.assert_allclose(lightness(floats(lengths), few=few), expected, rtol=1e-12)


def test_no_text_is_without_weight() -> None:
    assert [1.0, 1.0, 0.5] == lightness(floats([0, 20, 40]), few=20).tolist()
    assert [] == lightness(floats([]), few=20).tolist()
