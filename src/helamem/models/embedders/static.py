"""The default: sums one vector per word piece; offline, in a fraction of a millisecond.

The vectors come with helamem. They were distilled from all-MiniLM-L6-v2 by `scripts/distil.py`.
"""

from __future__ import annotations

import threading
import zlib
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helamem.frozen import dataclass
from helamem.models import wordpiece
from helamem.models.embedders.checking import checked, strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Floats

SPARE = 1024  # arbitrary but fixed vectors for words that cannot be read

_BLOCK = (
    4096  # pieces whose vectors are gathered at once; those of a longer text are counted before
)


class StaticEmbedder:
    """Adds up a fixed vector per piece of a word: no model runs.

    It reads words in Latin letters, best English. Another word gets vectors that mean nothing, but are
    always the same: texts that share it are similar. `coverage` tells how much of a text was read.
    """

    name = "static/minilm-256-v1"  # a different table needs a different name, since its vectors are not comparable
    dimension = 256
    max_chars: int | None = None

    def __init__(self) -> None:
        self._table: _Table | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector per text; the zero vector for a text without words or punctuation."""
        sums = np.zeros((len(texts), self.dimension), dtype=np.float32)
        table = self._loaded()
        for row, text in zip(sums, strings(texts), strict=True):
            table.add(text, row)
        return checked(sums, len(texts), self.dimension, self.name)

    def coverage(self, texts: Sequence[str]) -> Floats:
        """The share of each text's letters and digits that can be read; 1.0 for a text without any."""
        return wordpiece.coverage(strings(texts))

    def _loaded(self) -> _Table:
        with self._lock:
            if self._table is None:
                self._table = _read_table()
            return self._table


@dataclass(frozen=True, slots=True)
class _Table:
    """The vectors as integers, with a scale for each."""

    vectors: np.ndarray
    scales: Floats

    def add(self, text: str, row: Floats) -> None:
        """Add the vectors of a text's words to `row`."""
        words = wordpiece.words(text)
        places = [place for word in words[:_BLOCK] for place in _places(word)]
        if len(words) > _BLOCK or len(places) > _BLOCK:
            self._add_counted(Counter(words), row)
        else:
            row += self.scales[places] @ self.vectors[places].astype(np.float32)

    def _add_counted(self, words: Counter[str], row: Floats) -> None:
        """Add the vectors of so many words each: a huge text repeats most of its words."""
        counts: Counter[int] = Counter()
        for word, n in words.items():
            for place in _places(word):
                counts[place] += n
        places = np.array(list(counts), dtype=np.int64)
        weights = self.scales[places] * np.array(list(counts.values()), dtype=np.float32)
        for start in range(0, len(places), _BLOCK):
            block = slice(start, start + _BLOCK)
            row += weights[block] @ self.vectors[places[block]].astype(np.float32)


@lru_cache(maxsize=wordpiece.KEPT)
def _places(word: str) -> tuple[int, ...]:
    """The rows of a word's vectors in the table.

    A word that cannot be read gets the vectors of its character pairs, which similar words share.
    """
    if wordpiece.is_legible(word):
        return wordpiece.pieces(word)
    pairs = [word[i : i + 2] for i in range(len(word) - 1)] or [word]
    first = len(wordpiece.vocabulary())
    return tuple(first + zlib.crc32(pair.encode()) % SPARE for pair in pairs)


def _read_table() -> _Table:
    """The table, of whose vectors only those are read from the file that words ask for."""
    folder = Path(__file__).parents[1] / "data"
    vectors = np.load(folder / "minilm-256-vectors.npy", mmap_mode="r")
    return _Table(vectors, np.load(folder / "minilm-256-scales.npy"))
