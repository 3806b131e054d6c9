"""Indexes of vectors: see `protocols.VectorIndex`."""

from helamem.stores.vectors.exact import ExactIndex

__all__ = ["ExactIndex"]
