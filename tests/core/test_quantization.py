"""Short forms of vectors: what naive loops say, and how far from the vectors they may be."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from helamem.core.quantization import LEVELS, principal_axes, products, quantized

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


@given(VECTORS)
def test_axes_keep_all_products(vectors: np.ndarray) -> None:
    axes = principal_axes(vectors)

    turned = vectors @ axes
    np.testing.assert_allclose(turned @ turned.T, vectors @ vectors.T, atol=1e-4)
    weights = (turned.astype(np.float64) ** 2).sum(axis=0)
    assert (np.diff(weights) <= 1e-4).all()


def test_products_are_those_of_a_loop() -> None:
    drawn = np.random.default_rng(0)
    codes = drawn.integers(-LEVELS, LEVELS + 1, (5000, 7)).astype(np.int8)
    query = drawn.normal(size=7).astype(np.float32)

    found = products(codes, query)

    expected = [sum(float(c) * float(q) for c, q in zip(row, query, strict=True)) for row in codes]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
    assert 0 == len(products(codes[:0], query))
