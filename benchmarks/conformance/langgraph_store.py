"""Run LangGraph's own tests of a store against `helamem.adapters.langgraph.HelamemStore`.

The suite is that of LangGraph's SQLite store: libs/checkpoint-sqlite/tests of the repository
langchain-ai/langgraph (MIT). It is not part of this project; give the folder of a copy of your own:

    python benchmarks/conformance/langgraph_store.py .../libs/checkpoint-sqlite/tests

It needs pytest, pytest-asyncio, pytest-retry, langchain-core and langgraph. What the suite imports of the SQLite
store is replaced by the classes below, and each test that does not apply is skipped with its reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from langgraph.store.base import BaseStore, Op, Result, TTLConfig

from helamem import Config, Memory
from helamem.adapters.langgraph import HelamemStore
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from langchain_core.embeddings import Embeddings as LangChainEmbeddings

FILES = ("test_store.py", "test_async_store.py", "test_ttl.py")
INTERNALS = "it looks into the SQLite store: "
COSINE = "it expects the score to be the cosine, and ours is the activation that ranks a memory"
NOT_APPLICABLE = {
    "test_scores": COSINE,
    "test_embed_with_path": COSINE + "; the order is tested in tests/adapters",
    "test_embed_with_path_operation_config": COSINE + "; the order is tested in tests/adapters",
    "test_vector_store_initialization": INTERNALS + "its index configuration and tables",
    "test_nonnull_migrations": INTERNALS + "its migrations",
    "test_escape_glob_literal": INTERNALS + "how it writes GLOB patterns",
    "test_namespace_match_pattern": INTERNALS + "how it writes regular expressions",
    "test_list_namespaces_prefix_uses_indexable_condition": INTERNALS + "the SQL that it writes",
    "test_sql_injection_vulnerability": INTERNALS
    + "it refuses keys that it could not write into SQL; here a key is never part of a statement",
    "test_no_running_loop": INTERNALS
    + "its asynchronous class cannot be called synchronously from its loop; ours can, as InMemoryStore",
    "test_ttl_override_default": INTERNALS
    + "it refreshes only where refresh_on_read is written out; LangGraph's documentation, its Postgres "
    "store and ours refresh by default",
}


class SqliteStore(HelamemStore):
    """Our store, made as the suite makes its own."""

    def setup(self) -> None:
        """There is nothing to set up."""

    @classmethod
    @contextlib.contextmanager
    def from_conn_string(
        cls, path: str, *, index: dict[str, Any] | None = None, ttl: TTLConfig | None = None
    ) -> Iterator[SqliteStore]:
        """A store in a file, or in RAM."""
        with _memory(path, index) as memory:
            store = cls(memory, fields=(index or {}).get("text_fields") or ("$",), ttl=ttl)
            yield store
            store.stop_ttl_sweeper()


class AsyncSqliteStore(BaseStore):
    """The same store, with the methods that the suite awaits."""

    supports_ttl = True

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.ttl_config = store.ttl_config

    @classmethod
    @contextlib.asynccontextmanager
    async def from_conn_string(cls, path: str, **options: Any) -> AsyncIterator[AsyncSqliteStore]:  # noqa: ANN401  # as above
        """A store in a file, or in RAM."""
        with SqliteStore.from_conn_string(path, **options) as store:
            yield cls(store)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations."""
        return self._store.batch(ops)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations."""
        return await self._store.abatch(ops)

    async def setup(self) -> None:
        """There is nothing to set up."""

    async def sweep_ttl(self) -> int:
        """Delete what is over."""
        return await asyncio.to_thread(self._store.sweep_ttl)

    async def start_ttl_sweeper(self) -> None:
        """Sweep in the background."""
        self._store.start_ttl_sweeper()

    async def stop_ttl_sweeper(self) -> bool:
        """Stop sweeping."""
        return await asyncio.to_thread(self._store.stop_ttl_sweeper)


class Embeddings:
    """The suite's embeddings as an embedder of ours."""

    max_chars = None

    def __init__(self, embeddings: LangChainEmbeddings, dimension: int) -> None:
        self._embeddings = embeddings
        self.name = "suite"
        self.dimension = dimension

    def embed(self, texts: list[str]) -> np.ndarray:
        """One vector a text."""
        vectors = np.array(self._embeddings.embed_documents(texts), np.float32)
        return vectors.reshape(len(texts), self.dimension)


def _memory(path: str, index: dict[str, Any] | None) -> Memory:
    embedder = HashingEmbedder(64) if index is None else Embeddings(index["embed"], index["dims"])
    return Memory(path, config=Config(), embedder=embedder)


class SkipNotApplicable:
    """Skips what does not apply, and says why."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Called by pytest with what it has found."""
        for item in items:
            reason = NOT_APPLICABLE.get(getattr(item, "originalname", item.name))
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


def _stand_in() -> None:
    """Let the suite import our classes where it asks for the SQLite store's."""
    base = ModuleType("langgraph.store.sqlite.base")
    base.__dict__.update(
        NS_MATCH_FUNCTION="",
        BaseSqliteStore=object,
        SqliteIndexConfig=dict,
        _escape_glob_literal=None,
        _namespace_match_pattern=None,
    )
    package = ModuleType("langgraph.store.sqlite")
    package.__dict__.update(SqliteStore=SqliteStore, AsyncSqliteStore=AsyncSqliteStore)
    aio = ModuleType("langgraph.store.sqlite.aio")
    aio.__dict__.update(AsyncSqliteStore=AsyncSqliteStore)
    for module in (package, base, aio):
        sys.modules[module.__name__] = module


def main(folder: Path, options: list[str]) -> int:
    """Run the suite; the exit status of pytest."""
    _stand_in()
    with tempfile.TemporaryDirectory() as copies:
        tests = Path(copies) / "tests"  # the suite imports from `tests`
        tests.mkdir()
        (tests / "__init__.py").touch()
        for name in FILES:
            shutil.copy(folder / name, tests / name)
        sys.path.insert(0, copies)
        arguments = [str(tests), "--rootdir", copies, "-rs", "-p", "no:cacheprovider"]
        arguments += [
            "-o",
            "asyncio_mode=auto",
            "-o",
            "asyncio_default_fixture_loop_scope=function",
        ]
        return pytest.main(
            [*arguments, "-p", "no:randomly", *options],
            plugins=[SkipNotApplicable()],
        )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
