"""Hashed words and letters: no model at all, for tests."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

import numpy as np

from helamem.errors import ConfigError
from helamem.models.embedders.checking import checked, strings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helamem.protocols import Floats


class HashingEmbedder:
    """Adds up a pseudo-random sign per word and character trigram: the same in every process.

    It does not know meaning: texts are similar if they share words or parts of words. For tests.
    """

    max_chars: int | None = None

    def __init__(self, dimension: int = 256) -> None:
        if dimension < 1:
            raise ConfigError(f"a vector needs at least 1 dimension, not {dimension}")
        self.dimension: int = dimension
        self.name = f"hashing/{dimension}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dimension})"

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector per text; the zero vector for a blank text."""
        sums = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(sums, strings(texts), strict=True):
            for feature, weight in _features(text):
                place, sign = divmod(zlib.crc32(feature.encode()), 2)
                row[place % self.dimension] += weight * (1 - 2 * sign)
        return checked(sums, len(texts), self.dimension, self.name)


def _features(text: str) -> Iterator[tuple[str, float]]:
    words = re.findall(r"\w+", text.casefold()) or text.split()
    for word in words:
        yield word, 1.0
        padded = f" {word} "
        for start in range(len(padded) - 2):
            yield padded[start : start + 3], 0.3
