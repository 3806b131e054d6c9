"""`Memory` as users call it: the engine with a real file, a real embedder and the real clock.

The one module that connects all parts.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from helamem import arguments, private
from helamem.config import Config, llm_api_key
from helamem.consolidation.background import Reflector
from helamem.engine import Engine
from helamem.hints import helpful
from helamem.language import language_named
from helamem.models import embedders
from helamem.places import data_folder, resolved, shown
from helamem.protocols import Analysis
from helamem.stores.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from helamem.answering.ask import Answer
    from helamem.config import Ask
    from helamem.models.cached import Cached
    from helamem.models.openai_chat import OpenAIChat
    from helamem.protocols import LLM, Clock, Embedder, Reranker, Store
    from helamem.records import Json
    from helamem.reports import ConsolidationReport, Namespace, ReindexReport

DEFAULT_NAMESPACE = "default"
SYSTEM_CLOCK: Clock = time.time
CLOSING_S = 5.0  # seconds that closing waits for a reflection; the next one does what was cut off


@helpful
class Memory(Engine):
    """The long-term memory of one namespace: one user, one agent, one project.

    Args:
        path: The file, where `~` is your home folder; None is `memory.db` in the data folder (HELAMEM_HOME),
            ":memory:" is RAM, and "postgresql://user@host/database" is a database on a server.
        namespace: Whose memory: a user, an agent, a project. Nothing crosses namespaces.
        config: The settings; None reads the environment and the configuration file.
        embedder: Turns texts into vectors; None loads the one that the settings name.
        clock: Returns epoch seconds; None is the system's clock.
        llm: The language model for `ask` and `consolidate`; None loads the one that the settings name, if
            any. Nothing else calls a model.
        reranker: Reorders the hits; None loads the one that `reranking.model` names, if any.

    Raises:
        ConfigError: A setting is unknown or out of range.
        ValueError: The namespace is blank, or has invisible characters.
        StoreError: The file cannot be opened, is damaged, foreign, too new, or was made with another embedder
            or language.

    Example:
        >>> memory = Memory(":memory:")
        >>> receipt = memory.add("Maya is allergic to peanuts.", speaker="Ana")
        >>> memory.search("What should I not cook for Maya?").hits[0].text
        'Maya is allergic to peanuts.'
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        config: Config | None = None,
        embedder: Embedder | None = None,
        clock: Clock = SYSTEM_CLOCK,
        llm: LLM | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        _check_namespace(namespace)
        config = _settings(config)
        arguments.clock_time(clock())
        embedder = load_embedder(config) if embedder is None else arguments.embedder(embedder)
        self._llm = arguments.model(llm)
        reranker = arguments.reranker(reranker) or load_reranker(config, lambda: self.llm)
        self._place = resolved(path)
        if Path(self._place).parent == data_folder():
            private.tighten(data_folder())
        store = _open_store(self._place, namespace, embedder, config)
        super().__init__(store, embedder, config, clock, reranker)
        self._connected: OpenAIChat | Cached | None = None  # this memory must close it
        self._connecting = threading.Lock()
        self._consolidating = threading.Lock()
        self._reflector = Reflector(
            self.consolidate,
            every=config.reflection.every,
            total=lambda: self.stats().episodes,
        )

    @property
    def path(self) -> str:
        """The path of its file, ":memory:" for a memory in RAM, or the URL of its database, without a password."""
        return shown(self._place)

    @property
    def llm(self) -> LLM:
        """The language model of this memory.

        Raises:
            ConfigError: No model was given or configured; the message says which variables to set.
            MissingExtraError: The openai package is not installed.
        """
        with self._connecting:
            if self._llm is None:
                self._llm = self._connected = language_model(self.config)
            return self._llm

    @llm.setter
    def llm(self, llm: LLM) -> None:
        self._llm = arguments.model(llm)

    @property
    def reflect_every(self) -> int:
        """The number of new turns after which `consolidate` runs in the background; 0 for never."""
        return self._reflector.every

    @reflect_every.setter
    def reflect_every(self, turns: int) -> None:
        self._reflector.every = arguments.count("reflect_every", turns, least=0)

    @property
    def reflector(self) -> Reflector | None:
        """The background consolidation and its last result; None if there is none."""
        return self._reflector if self._reflector.every else None

    def consolidate(
        self, *, llm: LLM | Literal[False] | None = None, at: datetime | None = None
    ) -> ConsolidationReport:
        """Prune faint edges, and distil clusters of the graph into facts; see `Engine.consolidate`.

        Args:
            llm: The model; None uses this memory's model, if it has one, and False none: facts are then
                quoted sentences.
            at: The time of consolidation; now by default.
        """
        if llm is None and (self._llm is not None or self.config.llm.model):
            llm = self.llm
        model = None if llm is False else arguments.model(llm)
        with self._consolidating:
            return super().consolidate(llm=model, at=at)

    def ask(
        self,
        question: str,
        *,
        llm: LLM | None = None,
        filters: Mapping[str, Json] | None = None,
        at: datetime | None = None,
        k: int | None = None,
        max_tokens: int | None = None,
        min_confidence: float | None = None,
        plan: bool | None = None,
        select: bool | None = None,
        investigate: bool | None = None,
        verify: bool | None = None,
        learn: bool | None = None,
    ) -> Answer:
        """Answer a question from this memory with a language model, and learn from what the answer cites.

        One call to the model, plus those of further steps. Arguments that are not given follow `Config.ask`.

        Args:
            llm: The model that answers; this memory's model by default.
            filters: Conditions on the memories that may be used, as in `search`.
            at: When the question is asked, for relative dates; now by default.
            k: How many memories to retrieve.
            max_tokens: Most tokens of memories that the model sees.
            min_confidence: Least probability that the memory holds an answer at which the model is called.
            plan: Whether the model first writes the searches; one more call.
            select: Whether the model first chooses among the memories; one more call.
            investigate: Whether it searches again, in other words, if it found nothing; two more calls.
            verify: Whether it checks its answer against the memories; one more call.
            learn: Whether the cited memories are reinforced.

        Raises:
            ConfigError: No language model is configured, with the variables to set; or a number is out of
                range.
            LLMError: The model failed; nothing was learned.
        """
        from helamem.answering import ask

        model = arguments.model(llm)
        steps: dict[str, float | None] = {"k": k, "max_tokens": max_tokens}
        steps |= {"min_confidence": min_confidence, "plan": plan, "select": select}
        steps |= {"investigate": investigate, "verify": verify, "learn": learn}
        return ask.ask(
            self,
            self.llm if model is None else model,
            question,
            config=_replaced(self.config.ask, steps),
            filters=filters,
            at=at,
        )

    def namespaces(self) -> tuple[Namespace, ...]:
        """The namespaces of this file that are not empty, by name, with their sizes."""
        return tuple(self._store.namespaces())

    def drop_namespace(self, name: str) -> Namespace:
        """Remove a whole namespace for good: memories, associations, history, and its name.

        Returns:
            Its size before.

        Raises:
            TypeError: The name is not text.
            ValueError: The file has no such namespace; the message lists them.
        """
        found = {each.name: each for each in self.namespaces()}
        if arguments.text("name", name, "name a namespace") not in found:
            there = ", ".join(map(repr, found)) or "none"
            raise ValueError(
                f"there is no namespace {name!r:.60} in {self.path}; there are: {there}"
            )
        with self._engine_of(name) as engine:
            engine._store.drop()
        return found[name]

    def export(self, *, all_namespaces: bool = False) -> Iterator[dict[str, Any]]:
        """Yield everything but the vectors, as JSON objects; `import_` reads those of one namespace.

        Args:
            all_namespaces: Whether to export every namespace of the file, one after the other;
                `helamem import` puts each into its own again.
        """
        if not all_namespaces:
            return super().export()
        return itertools.chain.from_iterable(
            self._exported(each.name) for each in self.namespaces()
        )

    def _exported(self, name: str) -> Iterator[dict[str, Any]]:
        with self._engine_of(name) as engine:
            yield from engine.export()

    @contextlib.contextmanager
    def _engine_of(self, name: str) -> Iterator[Engine]:
        """The engine of a namespace of the same file."""
        if name == self.namespace:
            yield self
            return
        store = _open_store(self._place, name, self._embedder, self.config)
        try:
            yield Engine(store, self._embedder, self.config, self._clock)
        finally:
            store.close()

    def close(self) -> None:
        """Close the file; a background consolidation that is running gets some seconds to end.

        A closed memory raises StoreError.
        """
        self._reflector.close(CLOSING_S)
        if self._connected is not None:
            self._connected.close()
        super().close()

    def _after_adding(self, n_new: int) -> None:
        self._reflector.count_turns(n_new)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Memory({self.path!r}, namespace={self.namespace!r})"


def _replaced(settings: Ask, values: Mapping[str, float | None]) -> Ask:
    """The settings with these values, where they are not None."""
    changes: dict[str, Any] = {name: each for name, each in values.items() if each is not None}
    return replace(settings, **changes)


def _settings(config: Config | None) -> Config:
    if config is None:
        return Config.load()
    if not isinstance(config, Config):
        raise TypeError(
            f"config must be a Config, not {type(config).__name__}; "
            'make one like Config.of(embedder="minilm")'
        )
    return config


def load_reranker(config: Config, llm: Callable[[], LLM]) -> Reranker | None:
    """The reranker that the settings name, loaded on first use; None if they name none.

    Args:
        llm: Gives the language model, where that is to rerank.

    Raises:
        ConfigError: The setting names no reranker.
    """
    spec = config.reranking.model
    if not spec:
        return None
    from helamem.models import rerankers

    return rerankers.load(spec, llm)


def load_embedder(config: Config) -> Embedder:
    """The embedder that the settings name; one on a server uses the language model's address and key."""
    if not config.embedder.startswith("openai:"):
        return embedders.load(config.embedder)
    base_url = config.llm.base_url
    return embedders.load(
        config.embedder,
        base_url=base_url or embedders.OPENAI_URL,
        api_key=llm_api_key(base_url=base_url),
    )


def _open_store(place: str | Path, namespace: str, embedder: Embedder, config: Config) -> Store:
    made_by = Analysis(
        embedder=embedder.name,
        dimension=embedder.dimension,
        language=config.language,
        version=language_named(config.language).version,
    )
    return open_store(place, namespace, config, made_by=made_by)


def _check_namespace(name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"namespace must be a string, not {type(name).__name__}")
    if not name.strip() or not name.isprintable():
        raise ValueError(f"namespace {name!r} must be visible text, for example 'maya'")


def reindex_file(
    path: str | Path,
    *,
    namespace: str = DEFAULT_NAMESPACE,
    config: Config,
    progress: Callable[[int], None] | None = None,
) -> ReindexReport:
    """Compute the vectors, terms and traits of a file again, with the embedder and language of the settings.

    Unlike `Memory.reindex`, it does not need the embedder that made the file.

    Raises:
        EmbedderError: The embedder failed; the file is unchanged.
        StoreError: The file cannot be opened or written, or another reindexing has started.
    """
    embedder = load_embedder(config)
    store = open_store(path, namespace, config, made_by=None)
    with contextlib.closing(Engine(store, embedder, config, time.time)) as engine:
        return engine.reindex(progress=progress)


def language_model(
    config: Config, *, config_file: str | Path | None = None, api_key: str | None = None
) -> OpenAIChat | Cached:
    """The language model that the settings name, with a cache if they name one.

    Args:
        config_file: The file that holds its key; the usual configuration file by default.
        api_key: The key; that of the environment or the file by default.

    Raises:
        ConfigError: The settings name no model, or a key is missing.
        MissingExtraError: The openai package is not installed.
    """
    from helamem.models import openai_chat
    from helamem.models.cached import Cached

    settings = config.llm
    llm = openai_chat.connect(
        model=settings.model,
        base_url=settings.base_url,
        api_key=api_key or llm_api_key(config_file, base_url=settings.base_url),
        timeout_s=settings.timeout_s,
        max_retries=settings.max_retries,
        max_tokens=settings.max_tokens,
    )
    return Cached(llm, settings.cache) if settings.cache else llm
