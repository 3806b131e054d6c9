"""Other ways to remember and to find turns, to be measured beside ours in cost alone.

They get the texts and vectors of a memory, so that embedding is left out of all times. The docstring of each says what it
does; the page of results shows it.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import time
from importlib import metadata, util
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from helamem.errors import ConfigError
from helamem.evaluation.processes import cost, resident, summed_up
from helamem.evaluation.released import Released

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from helamem.evaluation.material import Material
    from helamem.evaluation.processes import Cost, Part
    from helamem.protocols import Floats

K = 64  # memories that a search brings back: as many as there are candidates by vector in our defaults
SEARCHING_S = 60.0  # seconds of searching at most, after which fewer questions have to do
LEAST = 3  # questions, however long they take


class Rival(Protocol):
    """A system that remembers turns."""

    grows: bool  # whether one turn can be added to those that are there
    package: str  # whose version is told; "" for none

    def __init__(self, folder: Path) -> None: ...

    def add(self, texts: Sequence[str], vectors: Floats) -> None:
        """Take in some turns."""
        ...

    def save(self) -> None:
        """Make all of them ready for searches, and durable."""
        ...

    def search(self, text: str, vector: Floats, k: int) -> object:
        """The best k."""
        ...

    def load(self) -> None:
        """Have nothing in memory but what is in the folder."""
        ...


class Matrix:
    """The limit: a product of the matrix of all vectors with the question's, and a partition of the scores."""

    grows = False
    package = "numpy"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "vectors.npy"
        self._parts: list[Floats] = []
        self._vectors: Floats = np.empty((0, 0), np.float32)

    def add(self, texts: Sequence[str], vectors: Floats) -> None:  # noqa: ARG002
        """Keep the vectors."""
        self._parts.append(vectors)

    def save(self) -> None:
        """Put them into one matrix, and that into a file."""
        self._vectors = np.concatenate(self._parts)
        self._parts = [self._vectors]
        np.save(self._file, self._vectors)

    def search(self, text: str, vector: Floats, k: int) -> object:  # noqa: ARG002
        """The rows of the k best, in no order."""
        scores = self._vectors @ vector
        return np.argpartition(scores, -min(k, len(scores)))[-k:]

    def load(self) -> None:
        """Read the file."""
        self._vectors, self._parts = np.load(self._file), []


class Words:
    """bm25s with its own English stop words: words alone; one more turn means to index all of them anew."""

    grows = True
    package = "bm25s"

    def __init__(self, folder: Path) -> None:
        self._bm25s = importlib.import_module("bm25s")
        self._folder = folder
        self._texts: list[str] = []
        self._index: Any = None

    def add(self, texts: Sequence[str], vectors: Floats) -> None:  # noqa: ARG002
        """Keep the texts."""
        self._texts += texts

    def save(self) -> None:
        """Index all texts, and write the index."""
        self._index = self._bm25s.BM25()
        self._index.index(self._tokens(self._texts), show_progress=False)
        self._index.save(self._folder, corpus=self._texts, show_progress=False)

    def search(self, text: str, vector: Floats, k: int) -> object:  # noqa: ARG002
        """The k best by BM25."""
        most = min(k, len(self._texts))
        return self._index.retrieve(self._tokens([text]), k=most, show_progress=False)

    def load(self) -> None:
        """Read the index and the texts."""
        self._index = self._bm25s.BM25.load(self._folder, load_corpus=True)
        self._texts = [each["text"] for each in self._index.corpus]

    def _tokens(self, texts: Sequence[str]) -> Any:  # noqa: ANN401
        return self._bm25s.tokenize(list(texts), stopwords="en", show_progress=False)


class Hebbmem:
    """hebbmem as its README shows it, with the vectors that it is given, and without steps of its time.

    One file holds everything, and is written whole.
    """

    grows = True
    package = "hebbmem"

    def __init__(self, folder: Path) -> None:
        self._hebbmem = importlib.import_module("hebbmem")
        encoders = importlib.import_module("hebbmem.encoders")
        self._file = folder / "memory.db"
        self._encoder = _encoder(encoders.EncoderBackend)
        self._memory = self._hebbmem.HebbMem(encoder=self._encoder)

    def add(self, texts: Sequence[str], vectors: Floats) -> None:
        """Store one after the other."""
        for text, vector in zip(texts, vectors, strict=True):
            self._encoder.given = vector
            self._memory.store(text)

    def save(self) -> None:
        """Write the file."""
        self._memory.save(self._file)

    def search(self, text: str, vector: Floats, k: int) -> object:
        """Recall, which changes its graph."""
        self._encoder.given = vector
        return self._memory.recall(text, top_k=k)

    def load(self) -> None:
        """Read the file."""
        self._memory = self._hebbmem.HebbMem.load(self._file, encoder=self._encoder)


def _encoder(base: type) -> Any:  # noqa: ANN401  # the package is optional
    """An encoder of hebbmem that answers with the vector it was given."""

    class Given(base):  # type: ignore[misc]
        given: Any = None

        def encode(self, text: str) -> Any:  # noqa: ANN401, ARG002
            return self.given

        def encode_batch(self, texts: list[str]) -> Any:  # noqa: ANN401
            return np.array([self.given for _ in texts])

        @property
        def dimension(self) -> int:
            return len(self.given)

    return Given()


RIVALS: Mapping[str, Callable[[Path], Rival]] = {
    "released": Released,
    "numpy": Matrix,
    "bm25s": Words,
    "hebbmem": Hebbmem,
}
INSTALL = {"bm25s": "pip install 'helamem[bench]'", "hebbmem": "pip install hebbmem==0.4.1"}


def require(names: Iterable[str]) -> None:
    """Check that these systems are known and installed.

    Raises:
        ConfigError: One is not; the message says which there are, or what to install.
    """
    for name in names:
        if name not in RIVALS:
            raise ConfigError(
                f"there is no system {name!r} to compare with; there are {', '.join(RIVALS)}"
            )
        if name in INSTALL and util.find_spec(name) is None:
            raise ConfigError(
                f"{name} is not installed. Install it with: {INSTALL[name]}, or leave it out of --vs"
            )


def described(name: str) -> str:
    """How a system is run, and its version."""
    kind: Any = RIVALS[name]
    said = " ".join(inspect.cleandoc(kind.__doc__).split())
    return f"{said} ({kind.package} {metadata.version(kind.package)})" if kind.package else said


def measured(name: str, material: Material, folder: Path) -> Iterator[Part]:
    """The cost of a system, part by part: times in milliseconds, sizes in bytes per turn."""
    system, before, started = RIVALS[name](folder), resident(), time.perf_counter()
    stored = 0
    for texts, vectors in material.batches():
        system.add(texts, vectors)
        stored += len(texts)
        yield {"stored": stored}
    yield {"stored": stored, "adding_s": round(time.perf_counter() - started, 1)}
    system.save()
    yield {"turns_per_s": round(stored / (time.perf_counter() - started), 1)}
    yield summed_up("search", _searches(system, material))
    if before is not None:
        gc.collect()
        yield {"resident_per_turn": round(((resident() or 0) - before) / stored, 1)}
    yield {"bytes_per_turn": round(_size(folder) / stored, 1)}
    if system.grows:
        yield summed_up("add", [cost(_one_more, system, material)])
    del system
    gc.collect()
    yield {"open_ms": round(cost(_opened, RIVALS[name](folder), material).ms, 1)}


def _one_more(system: Rival, material: Material) -> None:
    """Add one turn, until it is found and durable."""
    texts, vectors = next(material.batches())
    system.add(texts[:1], vectors[:1])
    system.save()


def _opened(system: Rival, material: Material) -> None:
    """Read what was saved, and search once."""
    system.load()
    system.search(*material.questions()[0], K)


def _searches(system: Rival, material: Material) -> list[Cost]:
    """The time of a search for each question, or for fewer questions if they take long."""
    found: list[Cost] = []
    for text, vector in material.questions():
        if len(found) >= LEAST and sum(each.ms for each in found) > 1e3 * SEARCHING_S:
            break
        found.append(cost(system.search, text, vector, K))
    return found


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
