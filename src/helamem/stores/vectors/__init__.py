"""Indexes of vectors: see `protocols.VectorIndex`."""

from helamem.stores.vectors.compact import CompactIndex, coded
from helamem.stores.vectors.exact import ExactIndex

__all__ = ["CompactIndex", "ExactIndex", "coded"]
