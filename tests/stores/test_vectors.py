"""The indexes of vectors do what such an index must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from helamem.core.quantization import random_axes
from helamem.core.vectors import normalize
from helamem.stores.vectors import CompactIndex, ExactIndex, compact
from helamem.testing import VectorIndexContract

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helamem.protocols import VectorIndex


class TestExact(VectorIndexContract):
    def make_index(self, sample: NDArray[np.float32]) -> VectorIndex:
        return ExactIndex.empty(sample.shape[1])


class TestCompact(VectorIndexContract):
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compact, "FEWEST", 400)  # so that signs decide here, too

    def make_index(self, sample: NDArray[np.float32]) -> VectorIndex:
        return CompactIndex.empty(random_axes(sample.shape[1], np.random.default_rng(0)))


class TestSmallCompact(VectorIndexContract):
    def make_index(self, sample: NDArray[np.float32]) -> VectorIndex:
        return CompactIndex.empty(random_axes(sample.shape[1], np.random.default_rng(0)))


@pytest.mark.parametrize("speakers", [2, 3, 4])
def test_it_finds_what_one_of_several_said_who_take_turns(
    monkeypatch: pytest.MonkeyPatch, speakers: int
) -> None:
    monkeypatch.setattr(compact, "FEWEST", 1000)
    monkeypatch.setattr(compact, "SAMPLED", 500)
    drawn, n = np.random.default_rng(1), 6000
    vectors = normalize(drawn.normal(size=(n, 64))).astype(np.float32)
    index = CompactIndex.empty(random_axes(64, drawn)).added(np.arange(n), vectors)
    theirs = np.arange(n) % speakers == 1

    n_found = 0
    for query in normalize(drawn.normal(size=(20, 64))).astype(np.float32):
        found, _ = index.search(
            query, 20, theirs, lambda owners: (vectors[owners], np.ones(len(owners), np.int64))
        )
        best = np.flatnonzero(theirs)[np.argsort(-(vectors[theirs] @ query))[:20]]
        n_found += len(set(best.tolist()) & set(found.tolist()))
        assert theirs[found].all()

    assert n_found > 0.9 * 20 * 20
