from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import reference
from core.strategies import columns, eighths, floats, tables
from helamem.core import vectors as module
from helamem.core.vectors import (
    normalize,
    products,
    repeats,
    shifted_similarity,
    similarities,
    top_k,
)

if TYPE_CHECKING:
    from helamem.core.arrays import Floats

coordinates = st.floats(-100, 100, allow_subnormal=False)
wild = st.floats(allow_nan=False, allow_infinity=False)
scores = columns(st.one_of(eighths, st.just(-math.inf)))
ks = st.integers(0, 10)


@given(tables(3, 4, coordinates), tables(9, 4, coordinates), st.integers(1, 40))
def test_products_in_pieces_equal_the_naive_loop(some: Floats, others: Floats, piece: int) -> None:
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(module, "PIECE", piece)
        found = products(some, others)

    expected = [[sum(a * b for a, b in zip(x, y, strict=True)) for y in others] for x in some]
    np.testing.assert_allclose(found, np.reshape(expected, found.shape), atol=1e-9)
    assert (len(some), len(others)) == found.shape


@given(tables(4, 3, coordinates))
def test_normalize_equals_the_naive_loop(vectors: Floats) -> None:
    expected = reference.normalize(vectors.tolist())

    np.testing.assert_allclose(normalize(vectors), expected, atol=1e-15)


@given(tables(3, 4, wild))
def test_a_normalized_row_has_length_one_or_was_zero(vectors: Floats) -> None:
    lengths = np.linalg.norm(normalize(vectors), axis=1)

    np.testing.assert_allclose(lengths, (vectors != 0).any(axis=1), rtol=1e-12)


@given(tables(3, 4, coordinates))
def test_normalizing_twice_is_normalizing_once(vectors: Floats) -> None:
    np.testing.assert_allclose(
        normalize(normalize(vectors)), normalize(vectors), rtol=1e-12, atol=1e-300
    )


def test_normalize_keeps_the_width_and_takes_no_rows() -> None:
    assert "float32" == normalize(np.ones((2, 3), dtype=np.float32)).dtype.name
    assert (0, 3) == normalize(np.ones((0, 3))).shape


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_normalize_names_the_row_that_is_not_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="row 1 of 3 is not finite"):
        normalize(np.array([[1, 2], [0, bad], [bad, bad]]))


@given(tables(1, 3, coordinates), tables(4, 3, coordinates))
def test_similarities_equal_the_naive_cosines(query: Floats, vectors: Floats) -> None:
    expected = [reference.cosine(query[0].tolist(), vector) for vector in vectors.tolist()]

    actual = similarities(normalize(query)[0], normalize(vectors))

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_of_many_equals_the_first_come_first() -> None:
    scores = np.array([1.0, 2.0] * 100)  # more than a sort that is stable by chance keeps in order

    assert list(range(1, 200, 2)) == top_k(scores, 100).tolist()
    assert [*range(1, 200, 2), 0, 2, 4] == top_k(scores, 103).tolist()


@given(tables(4, 3, coordinates))
def test_a_vector_is_most_similar_to_itself(vectors: Floats) -> None:
    units = normalize(vectors).astype(np.float32)

    for unit in units:
        cosines = similarities(unit, units)
        assert (np.abs(cosines) <= 1).all()
        assert float(unit @ unit) == pytest.approx(cosines.max(), abs=1e-6)


def test_similarities_of_another_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="the query has 2 dimensions, but the vectors have 3"):
        similarities(floats([1, 0]), floats([[1, 0, 0]]))


@given(tables(5, 2, st.integers(-2, 2).map(float)), st.sampled_from([0.3, 0.8, 0.99]))
def test_repeats_equals_the_naive_loop(vectors: Floats, alike: float) -> None:
    assert reference.repeats(vectors.tolist(), alike) == repeats(vectors, alike=alike).tolist()


@given(tables(4, 3, coordinates))
def test_what_is_said_twice_repeats_all_that_was_said_before(vectors: Floats) -> None:
    twice = np.concatenate([vectors, vectors])

    assert repeats(twice, alike=0.9)[len(vectors) :].tolist() == vectors.any(axis=1).tolist()


def test_opposite_vectors_have_shifted_similarity_zero() -> None:
    shifted = shifted_similarity(np.array([-1, 0.5, 1], dtype=np.float32))

    assert [0.0, 0.75, 1.0] == shifted.tolist()
    assert "float64" == shifted.dtype.name


@given(scores, ks)
def test_top_k_equals_the_naive_sort(values: Floats, k: int) -> None:
    assert reference.top_k(values.tolist(), k) == top_k(values, k).tolist()


@given(st.integers(0, 999), st.integers(1, 9), st.integers(0, 8))
def test_top_k_of_many_equals_the_naive_sort(seed: int, levels: int, k: int) -> None:
    values = np.random.default_rng(seed).integers(levels, size=50).astype(np.float64)
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(module, "SAMPLED", 8)  # so that a bound is read off some of them

        assert reference.top_k(values.tolist(), k) == top_k(values, k).tolist()


@given(scores, ks)
def test_top_k_begins_top_k_plus_one(values: Floats, k: int) -> None:
    assert top_k(values, k).tolist() == top_k(values, k + 1)[:k].tolist()


def test_of_equal_scores_the_lower_index_comes_first() -> None:
    assert [1, 4, 0, 2] == top_k(floats([0.5, 0.9, 0.5, 0.5, 0.9]), 4).tolist()


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_top_k_is_made_of_indices(k: int) -> None:
    assert "int64" == top_k(floats([0.5, 0.9]), k).dtype.name


def test_top_k_refuses_what_has_no_order() -> None:
    with pytest.raises(ValueError, match="k is -1"):
        top_k(floats([1]), -1)
    with pytest.raises(ValueError, match="score 1 is not a number"):
        top_k(floats([1, math.nan]), 1)
