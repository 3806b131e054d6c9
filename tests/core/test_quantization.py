"""Short forms of vectors: what naive loops say, and how far from the vectors they may be."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from helamem.core.quantization import (
    LEVELS,
    differing,
    products,
    quantized,
    random_axes,
    signs,
)

VECTORS = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.floats(-1, 1, width=32),
)


@given(VECTORS)
def test_a_code_is_half_a_step_off_at_most(vectors: np.ndarray) -> None:
    codes, scales = quantized(vectors)

    off = np.abs(codes * scales[:, None].astype(np.float64) - vectors)
    assert (off <= 0.5001 * scales[:, None] + 1e-30).all()
    assert np.abs(codes.astype(int)).max(initial=0) <= LEVELS


@given(VECTORS, st.integers(0, 9))
def test_axes_keep_all_products(vectors: np.ndarray, seed: int) -> None:
    axes = random_axes(vectors.shape[1], np.random.default_rng(seed))

    turned = vectors @ axes
    np.testing.assert_allclose(turned @ turned.T, vectors @ vectors.T, atol=1e-4)


def test_vectors_differ_in_as_many_signs_as_their_angle_says() -> None:
    drawn = np.random.default_rng(0)
    d, mixed = 512, np.linspace(0, 1, 9)
    flat = np.outer(1 - mixed, np.eye(d)[0]) + np.outer(mixed, np.eye(d)[1])  # all in one plane
    codes, _ = quantized((flat @ random_axes(d, drawn)).astype(np.float32))

    found = differing(list(signs(codes)), signs(codes)[:, 0]) / d

    np.testing.assert_allclose(found, np.arctan2(flat[:, 1], flat[:, 0]) / np.pi, atol=0.07)


@given(arrays(np.int8, array_shapes(min_dims=2, max_dims=2, max_side=150)), st.integers(0, 149))
def test_differing_signs_are_those_of_a_loop(codes: np.ndarray, place: int) -> None:
    query = codes[place % len(codes)]

    found = differing(list(signs(codes)), signs(query[None])[:, 0])

    expected = [sum((a > 0) != (b > 0) for a, b in zip(row, query, strict=True)) for row in codes]
    assert expected == found.tolist()


def test_products_are_those_of_a_loop() -> None:
    drawn = np.random.default_rng(0)
    codes = drawn.integers(-LEVELS, LEVELS + 1, (5000, 7)).astype(np.int8)
    query = drawn.normal(size=7).astype(np.float32)

    found = products(codes, query)

    expected = [sum(float(c) * float(q) for c, q in zip(row, query, strict=True)) for row in codes]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
    assert 0 == len(products(codes[:0], query))
