"""Many memories that start alike: one is built, and its file is copied."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from helamem.config import Config
from helamem.evaluation import systems
from helamem.evaluation.systems import Remembered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.evaluation.datasets import Conversation
    from helamem.protocols import Embedder


class Original:
    """A conversation's memory, to be copied. Close it, or use it in a `with` block of `original`."""

    def __init__(self, conversation: Conversation, embedder: Embedder, folder: Path) -> None:
        self._conversation = conversation
        self._embedder = embedder
        self._folder = folder
        self._copies = 0
        built = systems.remember(conversation, embedder, self._file(0), Config.of())
        self._turn_ids = built.turn_ids
        built.close()

    @contextmanager
    def copy(self, config: Config) -> Iterator[Remembered]:
        """The memory as it was built, with other settings; what is learned in it goes with it."""
        self._copies += 1
        file = self._file(self._copies)
        shutil.copyfile(self._file(0), file)
        memory = systems.open_memory(self._conversation, self._embedder, file, config)
        try:
            yield Remembered(memory, self._turn_ids)
        finally:
            memory.close()
            file.unlink()

    def _file(self, number: int) -> Path:
        return self._folder / f"memory-{number}.db"


@contextmanager
def original(conversation: Conversation, embedder: Embedder) -> Iterator[Original]:
    """Build a memory in a folder that goes in the end."""
    with TemporaryDirectory(prefix="helamem-bench-") as folder:
        yield Original(conversation, embedder, Path(folder))
