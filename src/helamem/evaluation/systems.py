"""The systems under test: each is two functions, `build` and `search`.

    def build(conversation, embedder, folder):       # anything that `search` needs
        return conversation

    def search(conversation, question, k):           # ids of turns, best first
        return found(conversation, [id_ for id_ in conversation.turn_ids if ...][:k])

    mine = System("mine", build, search)

All contexts are rendered by the product's own function, so that token budgets compare.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from helamem.config import Config
from helamem.core import lexical, vectors
from helamem.errors import ConfigError
from helamem.evaluation import metrics
from helamem.frozen import dataclass
from helamem.language.english import ENGLISH, MONTHS
from helamem.language.terms import index_terms, terms_of
from helamem.memory import Memory
from helamem.records import Episode, direct_hit
from helamem.search import context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from helamem.core.arrays import Floats, Ints
    from helamem.evaluation.datasets import Conversation, Question
    from helamem.evaluation.embedding import SharedEmbedder
    from helamem.protocols import Embedder
    from helamem.records import Hit, Turn

State = TypeVar("State")
WHOLE = 10**9  # a budget large enough for everything


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a system's search.

    Attributes:
        hits: Best first.
        turn_ids: The data set's turns, by the ids of the hits' episodes.
    """

    hits: Sequence[Hit]
    turn_ids: Mapping[int, tuple[str, ...]]

    def ranked(self) -> list[str]:
        """The turns, best first."""
        return self._turns(self.hits)

    def within(self, max_tokens: int) -> tuple[list[str], int]:
        """The turns that fit a context of `max_tokens`, and the tokens it uses."""
        block = context.render(self.hits, max_tokens=max_tokens)
        shown = set(block.ids)
        return self._turns(hit for hit in self.hits if hit.id in shown), block.tokens

    def _turns(self, hits: Iterable[Hit]) -> list[str]:
        return metrics.flatten(
            [turn for source in hit.sources for turn in self.turn_ids[source]] for hit in hits
        )


@dataclass(frozen=True, slots=True)
class System(Generic[State]):
    """A way to find turns.

    Attributes:
        build: Returns what `search` needs, from a conversation, an embedder and an empty folder. Its `close` is
            called at the end, if it has one.
        search: Returns the best k turns for a question, or a few more.
        prompt_tokens: The budget of a user's context.
        settings: The settings to publish with its results.
    """

    name: str
    build: Callable[[Conversation, Embedder, Path], State]
    search: Callable[[State, Question, int], Found]
    prompt_tokens: int = 1000
    settings: Config | None = None

    def find(self, state: State, question: Question, k: int) -> Found:
        """The result of `search`, checked.

        Raises:
            TypeError: It is not a Found.
        """
        brought: object = self.search(state, question, k)
        if not isinstance(brought, Found):
            raise TypeError(
                f"search of the system {self.name!r} must return a Found, not {type(brought).__name__}; "
                "helamem.evaluation.systems.found(conversation, turn_ids) makes one"
            )
        return brought


def named(names: Sequence[str], settings: Mapping[str, Any] | None = None) -> list[System[Any]]:
    """The systems with these names.

    Args:
        settings: Settings for `default` only.

    Raises:
        ConfigError: There is no such system, or no such setting, or a system is named twice.
        TypeError: The names are a text instead of a list.
    """
    if isinstance(names, str):
        raise TypeError(f"systems must be a list of names, like [{names!r}], and not a text")
    refuse_twins(names)
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown:
        raise ConfigError(f"there is no system {unknown[0]!r}; there are {', '.join(SYSTEMS)}")
    return [
        memory_system("default", Config.of(**settings or {}))
        if name == "default"
        else SYSTEMS[name]()
        for name in names
    ]


def refuse_twins(names: Sequence[str]) -> None:
    """Refuse two systems with one name, since one's results would overwrite the other's.

    Raises:
        ConfigError: A name occurs twice.
    """
    twins = [name for n, name in enumerate(names) if name in names[:n]]
    if twins:
        raise ConfigError(f"the system {twins[0]!r} is named twice; name each system once")


@dataclass(slots=True)
class Started(Generic[State]):
    """A system that is built and ready to search.

    Attributes:
        build_s: Seconds of building, including embedding done earlier for other systems.
        file_bytes: The size of its files, known once it is closed.
    """

    state: State
    build_s: float
    file_bytes: int = 0


@contextmanager
def started(
    system: System[State], conversation: Conversation, embedder: SharedEmbedder
) -> Iterator[Started[State]]:
    """Build a system for a conversation in a temporary folder; its embeddings are kept."""
    with TemporaryDirectory(prefix="helamem-bench-") as folder:
        began, saved_s = time.perf_counter(), embedder.saved_s
        with embedder.keeping():
            state = system.build(conversation, embedder, Path(folder))
        running = Started(state, time.perf_counter() - began + embedder.saved_s - saved_s)
        try:
            yield running
        finally:
            close = getattr(state, "close", None)
            if close is not None:
                close()
            running.file_bytes = sum(file.stat().st_size for file in Path(folder).rglob("*"))


# The product


@dataclass(frozen=True, slots=True)
class Remembered:
    """A conversation in a memory."""

    memory: Memory
    turn_ids: Mapping[int, tuple[str, ...]]

    def close(self) -> None:
        """Release the file."""
        self.memory.close()

    def search(self, question: Question, k: int) -> Found:
        """Search the memory at the question's time."""
        return Found(self.memory.search(question.text, k=k, at=question.at).hits, self.turn_ids)


def memory_system(name: str, config: Config) -> System[Remembered]:
    """The product with some configuration, on a real file."""

    def build(conversation: Conversation, embedder: Embedder, folder: Path) -> Remembered:
        return remember(conversation, embedder, folder / "memory.db", config)

    return System(name, build, Remembered.search, settings=config)


def remember(
    conversation: Conversation, embedder: Embedder, path: Path | str, config: Config
) -> Remembered:
    """Store a conversation in a new file; the clock is fixed at the time of the questions."""
    memory = open_memory(conversation, embedder, path, config)
    receipt = memory.add_many(conversation.turns)
    turn_ids: dict[int, tuple[str, ...]] = {}
    for id_, turn_id in zip(receipt.ids, conversation.turn_ids, strict=True):
        turn_ids[id_] = (*turn_ids.get(id_, ()), turn_id)
    return Remembered(memory, turn_ids)


def open_memory(
    conversation: Conversation, embedder: Embedder, path: Path | str, config: Config
) -> Memory:
    """Open a memory with a fixed clock, so that runs are reproducible."""
    asked_at = max(question.at for question in conversation.questions).timestamp()
    return Memory(path, config=config, embedder=embedder, clock=lambda: asked_at)


# Baselines


@dataclass(frozen=True, slots=True)
class Indexed:
    """A conversation as arrays, for the simple systems.

    Attributes:
        vectors: Shape (n, dimension).
        counts: For each term, in which turns it occurs and how often.
        lengths: The number of terms a turn.
    """

    conversation: Conversation
    embedder: Embedder
    vectors: Floats
    counts: Mapping[str, tuple[Ints, Floats]]
    lengths: Floats


def found(conversation: Conversation, ranked: Sequence[str]) -> Found:
    """Turn ranked turn ids into hits.

    Raises:
        ValueError: One of them is no turn of the conversation.
    """
    place = {turn_id: i for i, turn_id in enumerate(conversation.turn_ids)}
    if unknown := [turn_id for turn_id in ranked if turn_id not in place]:
        raise ValueError(
            f"{conversation.id} has no turn {unknown[0]!r}; rank ids out of conversation.turn_ids"
        )
    return Found(
        [_hit(conversation, place[turn_id], rank) for rank, turn_id in enumerate(ranked)],
        {i + 1: (turn_id,) for i, turn_id in enumerate(conversation.turn_ids)},
    )


def _hit(conversation: Conversation, i: int, rank: int) -> Hit:
    turn = conversation.turns[i]
    at = _moment(turn.at)
    episode = Episode(
        id=i + 1,
        text=turn.text,
        speaker=turn.speaker,
        role=turn.role,
        session=turn.session,
        at=at,
        stored_at=at,
    )
    return direct_hit(episode, 1 / (1 + rank))


def _moment(at: datetime | None) -> datetime:
    if at is None:
        raise ValueError("a turn of a data set needs a time")
    return at


def _by_arrays(name: str, score: Callable[[Indexed, Question], Floats]) -> System[Indexed]:
    """A system that scores every turn and drops scores of 0 or less."""

    def build(conversation: Conversation, embedder: Embedder, folder: Path) -> Indexed:  # noqa: ARG001
        return index(conversation, embedder, vectors=name != "bm25", words=name != "cosine")

    def search(state: Indexed, question: Question, k: int) -> Found:
        scores = score(state, question)
        best = [i for i in vectors.top_k(scores, k) if scores[i] > 0]
        return found(state.conversation, [state.conversation.turn_ids[i] for i in best])

    return System(name, build, search)


def _in_order(name: str, *, newest_first: bool, prompt_tokens: int) -> System[Conversation]:
    """A system that ignores the question."""

    def build(conversation: Conversation, embedder: Embedder, folder: Path) -> Conversation:  # noqa: ARG001
        return conversation

    def search(conversation: Conversation, question: Question, k: int) -> Found:  # noqa: ARG001
        order = conversation.turn_ids[::-1] if newest_first else conversation.turn_ids
        return found(conversation, order if prompt_tokens == WHOLE else order[:k])

    return System(name, build, search, prompt_tokens=prompt_tokens)


def index(conversation: Conversation, embedder: Embedder, *, vectors: bool, words: bool) -> Indexed:
    """The arrays that the simple systems need."""
    texts = [dated(turn) for turn in conversation.turns]
    terms = [index_terms(each, ENGLISH) if words else [] for each in texts]
    postings: dict[str, list[tuple[int, int]]] = {}
    for i, each in enumerate(terms):
        for term in each:
            postings.setdefault(term.term, []).append((i, term.count))
    return Indexed(
        conversation=conversation,
        embedder=embedder,
        vectors=embedder.embed(texts if vectors else []),
        counts={
            term: (np.array([i for i, _ in rows]), np.array([n for _, n in rows], np.float64))
            for term, rows in postings.items()
        },
        lengths=np.array([sum(term.count for term in each) for each in terms], np.float64),
    )


def dated(turn: Turn) -> str:
    """A turn as the simple systems and the peers read it: with its day and its speaker.

    On the development conversations they all find more with them (cosine .463 instead of .299).
    """
    day = _moment(turn.at)
    return f"[{day.day} {MONTHS[day.month - 1]} {day.year}] {turn.speaker}: {turn.text}"


def _cosine(state: Indexed, question: Question) -> Floats:
    return vectors.similarities(state.embedder.embed([question.text])[0], state.vectors)


def _bm25(state: Indexed, question: Question) -> Floats:
    """BM25 with the usual k1 = 1.2 and b = 0.75, over stemmed terms without stop words."""
    known = [t for t in dict.fromkeys(terms_of(question.text, ENGLISH)) if t in state.counts]
    counts = np.zeros((len(state.lengths), len(known)))
    for column, term in enumerate(known):
        rows, n = state.counts[term]
        counts[rows, column] = n
    return lexical.bm25(
        counts,
        state.lengths,
        lexical.inverse_document_frequency((counts > 0).sum(axis=0), len(state.lengths)),
        mean_length=float(state.lengths.mean()),
        k1=1.2,
        b=0.75,
    )


def _hybrid(state: Indexed, question: Question) -> Floats:
    return reciprocal_rank_fusion([_cosine(state, question), _bm25(state, question)])


def reciprocal_rank_fusion(rankings: Sequence[Floats], *, k: int = 60) -> Floats:
    """Scores from the ranks that several scorers give; a turn that scores 0 or less has no rank.

        sum over scorers of 1 / (k + rank)

    >>> reciprocal_rank_fusion([np.array([0.9, 0.1]), np.array([0.0, 2.0])], k=1).round(3).tolist()
    [0.5, 0.833]
    """
    fused = np.zeros(len(rankings[0]))
    for scores in rankings:
        ranked = vectors.top_k(scores, int((scores > 0).sum()))
        fused[ranked] += 1 / (k + np.arange(1, len(ranked) + 1))
    return fused


SYSTEMS: Mapping[str, Callable[[], System[Any]]] = {
    "default": lambda: memory_system("default", Config.of()),
    "paper": lambda: memory_system("paper", Config.of("paper")),
    # What produced the published numbers: in the released code the time decay never took effect.
    "paper-undecayed": lambda: memory_system(
        "paper-undecayed", Config.of("paper", **{"activation.recency_days": math.inf})
    ),
    "cosine": lambda: _by_arrays("cosine", _cosine),
    "bm25": lambda: _by_arrays("bm25", _bm25),
    "hybrid": lambda: _by_arrays("hybrid", _hybrid),
    "recency": lambda: _in_order("recency", newest_first=True, prompt_tokens=1000),
    "full-text": lambda: _in_order("full-text", newest_first=False, prompt_tokens=WHOLE),
}
