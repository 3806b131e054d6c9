"""Many identical memories: one is built, and its file is copied.

Only the learning settings affect building, since they set the links between neighbouring turns.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from helamem.evaluation import systems
from helamem.evaluation.systems import Remembered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helamem.config import Config, Learning
    from helamem.evaluation.datasets import Conversation, Dataset
    from helamem.evaluation.embedding import SharedEmbedder
    from helamem.protocols import Embedder

# The file, and the turns behind its episodes.
Built: TypeAlias = "tuple[Path, Mapping[int, tuple[str, ...]]]"


class Original:
    """A conversation's memory, to be copied. Close it, or use it in a `with` block of `original`."""

    def __init__(self, conversation: Conversation, embedder: Embedder, folder: Path) -> None:
        self._conversation = conversation
        self._embedder = embedder
        self._folder = folder
        self._copies = 0
        self._built: dict[Learning, Built] = {}

    @contextmanager
    def copy(self, config: Config) -> Iterator[Remembered]:
        """A fresh memory with these settings; whatever it learns is discarded with it."""
        built, turn_ids = self._original(config)
        self._copies += 1
        file = self._folder / f"copy-{self._copies}.db"
        shutil.copy(built, file)  # as private as the original
        memory = systems.open_memory(self._conversation, self._embedder, file, config)
        try:
            yield Remembered(memory, turn_ids)
        finally:
            memory.close()
            file.unlink()

    def _original(self, config: Config) -> Built:
        """The original to copy, built once for all configurations that build the same memory."""
        if config.learning not in self._built:
            file = self._folder / f"original-{len(self._built)}.db"
            made = systems.remember(self._conversation, self._embedder, file, config)
            made.close()
            self._built[config.learning] = file, made.turn_ids
        return self._built[config.learning]


def originals(
    dataset: Dataset, embedder: SharedEmbedder
) -> Iterator[tuple[Conversation, Original]]:
    """Each conversation with its memory, which is closed before the next; vectors are kept as long."""
    for conversation in dataset.conversations:
        with embedder.keeping(), original(conversation, embedder) as memory:
            yield conversation, memory
        embedder.forget()


@contextmanager
def original(conversation: Conversation, embedder: Embedder) -> Iterator[Original]:
    """A memory in a temporary folder, which is deleted at the end."""
    with TemporaryDirectory(prefix="helamem-bench-") as folder:
        yield Original(conversation, embedder, Path(folder))
