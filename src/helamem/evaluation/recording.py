"""Records vectors once, and replays them elsewhere through an embedder that takes next to no time or memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.frozen import dataclass
from helamem.models.embedders import coverage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.protocols import Embedder, Floats


@dataclass(frozen=True, slots=True)
class Recorded:
    """An embedder that knows some texts; it can be pickled.

    Attributes:
        known: The vector and the coverage of each text.
    """

    name: str
    dimension: int
    max_chars: int | None
    known: Mapping[str, tuple[Floats, float]]

    def embed(self, texts: Sequence[str]) -> Floats:
        """The vectors of known texts.

        Raises:
            KeyError: One of them is not known.
        """
        return np.array([self.known[text][0] for text in texts]).reshape(-1, self.dimension)

    def coverage(self, texts: Sequence[str]) -> Floats:
        """The coverage of known texts; 1 for others."""
        return np.array([self.known[text][1] if text in self.known else 1.0 for text in texts])


class Recorder:
    """An embedder that records what another one answers."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, tuple[Floats, float]] = {}
        self.name = embedder.name
        self.dimension = embedder.dimension
        self.max_chars = embedder.max_chars

    def embed(self, texts: Sequence[str]) -> Floats:
        """The vectors of the other embedder."""
        vectors = self._embedder.embed(texts)
        covered = coverage(self._embedder, texts)
        self._known |= zip(texts, zip(vectors, covered.tolist(), strict=True), strict=True)
        return vectors

    def coverage(self, texts: Sequence[str]) -> Floats:
        """The coverage of the other embedder."""
        return coverage(self._embedder, texts)

    def recorded(self) -> Recorded:
        """What was asked for so far, to be given out again."""
        return Recorded(self.name, self.dimension, self.max_chars, dict(self._known))
