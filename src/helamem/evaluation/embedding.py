"""Shares one embedding of a conversation's turns between all systems, without making any look faster."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from helamem.models.embedders import coverage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helamem.protocols import Embedder, Floats


class SharedEmbedder:
    """An embedder that can keep vectors for reuse, and counts the time saved.

    Attributes:
        saved_s: Seconds that embedding would have taken without the kept vectors.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._kept: dict[str, Floats] = {}
        self._cost_s: dict[str, float] = {}
        self._keeping = False
        self.name = embedder.name
        self.dimension = embedder.dimension
        self.max_chars = embedder.max_chars
        self.saved_s = 0.0

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Inside the block, keep the vector of every embedded text."""
        before, self._keeping = self._keeping, True
        try:
            yield
        finally:
            self._keeping = before

    def forget(self) -> None:
        """Drop the kept vectors."""
        self._kept.clear()
        self._cost_s.clear()

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector per text; the time for kept vectors is added to `saved_s`."""
        self.saved_s += sum(self._cost_s.get(text, 0.0) for text in texts)
        fresh = self._fresh([text for text in dict.fromkeys(texts) if text not in self._kept])
        known = self._kept | fresh
        return np.array([known[text] for text in texts], np.float32).reshape(-1, self.dimension)

    def coverage(self, texts: Sequence[str]) -> Floats:
        """The share of each text that the embedder can read."""
        return coverage(self._embedder, texts)

    def _fresh(self, texts: Sequence[str]) -> dict[str, Floats]:
        if not texts:
            return {}
        started = time.perf_counter()
        fresh = dict(zip(texts, self._embedder.embed(texts), strict=True))
        if self._keeping:
            cost_s = (time.perf_counter() - started) / len(texts)
            self._kept |= fresh
            self._cost_s |= dict.fromkeys(texts, cost_s)
        return fresh
