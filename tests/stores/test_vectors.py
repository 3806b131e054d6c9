"""The indexes of vectors do what such an index must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from helamem.core.quantization import random_axes
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
