"""The indexes of vectors do what such an index must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.stores.vectors import ExactIndex
from helamem.testing import VectorIndexContract

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from helamem.protocols import VectorIndex


class TestExact(VectorIndexContract):
    def make_index(self, sample: NDArray[np.float32]) -> VectorIndex:
        return ExactIndex.empty(sample.shape[1])
