"""What other systems are given to remember: the texts and vectors of a memory, in files that are read piece by piece."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from helamem.core.arrays import batches
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from helamem.protocols import Floats, Store

BATCH = 1000  # turns


@dataclass(frozen=True, slots=True)
class Material:
    """Turns and questions, in a folder.

    Attributes:
        turns: How many there are.
        dimension: Of the vectors.
    """

    folder: Path
    turns: int
    dimension: int

    def batches(self) -> Iterator[tuple[list[str], Floats]]:
        """The texts and vectors of the turns, some at a time; never mapped into memory, where they would count."""
        with (
            self._file("texts").open(encoding="utf-8") as texts,
            self._file("vectors").open("rb") as vectors,
        ):
            for start in range(0, self.turns, BATCH):
                n = min(BATCH, self.turns - start)
                numbers = np.fromfile(vectors, np.float32, n * self.dimension)
                yield [json.loads(next(texts)) for _ in range(n)], numbers.reshape(n, -1)

    def questions(self) -> list[tuple[str, Floats]]:
        """The questions with their vectors."""
        texts = self._file("questions").read_text(encoding="utf-8").splitlines()
        vectors = np.fromfile(self._file("asked"), np.float32).reshape(len(texts), -1)
        return [(json.loads(text), vector) for text, vector in zip(texts, vectors, strict=True)]

    def _file(self, name: str) -> Path:
        return self.folder / name


def written(store: Store, questions: Sequence[str], asked: Floats, folder: Path) -> Material:
    """Write the episodes of a memory, and questions about them, into a folder.

    Args:
        asked: The vectors of the questions.
    """
    folder.mkdir()
    ids = store.ids(kinds=("episode",))
    with (
        (folder / "texts").open("w", encoding="utf-8") as texts,
        (folder / "vectors").open("wb") as vectors,
    ):
        for some in batches(ids, BATCH):
            texts.writelines(f"{json.dumps(each.text)}\n" for each in store.get(some.tolist()))
            store.vectors(some).astype(np.float32).tofile(vectors)
    (folder / "questions").write_text(
        "".join(f"{json.dumps(each)}\n" for each in questions), encoding="utf-8"
    )
    asked.astype(np.float32).tofile(folder / "asked")
    return Material(folder, len(ids), asked.shape[1])
