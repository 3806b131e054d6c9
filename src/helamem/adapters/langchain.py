"""A memory as a LangChain retriever, and as a vector store; needs the extra `langchain`."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from helamem import records
from helamem.adapters.deleting import deleted
from helamem.errors import MissingExtraError
from helamem.records import Fact, Turn

try:
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.vectorstores import VectorStore
except ImportError as error:
    raise MissingExtraError("langchain-core", "langchain") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_core.callbacks.manager import CallbackManagerForRetrieverRun
    from langchain_core.embeddings import Embeddings

    from helamem.engine import Engine
    from helamem.records import Episode, Hit

ENTRY = "langchain"  # the metadata key of a document's id
ALL: dict[str, Any] = {
    f"metadata.{ENTRY}.id": {"exists": True}
}  # the condition that a memory is a document


class HelamemRetriever(BaseRetriever):
    """A retriever that returns a memory's hits as documents; none for a blank question.

    It writes nothing. To teach the memory which ones served, pass their ids to `memory.reinforce`.

    Attributes:
        memory: A `Memory`.
        k: The most documents; `invoke(question, k=...)` overrides it.
        filters: Conditions, as in `Memory.search`.

    Example:
        retriever = HelamemRetriever(memory=Memory("agent.db", namespace="maya"), k=5)
        documents = retriever.invoke("What should I not cook for Maya?")
    """

    memory: Any
    k: int = 10
    filters: dict[str, Any] | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  # LangChain hands it over
        k: int | None = None,
    ) -> list[Document]:
        most = self.k if k is None else k
        return [document(hit) for hit in _hits(self.memory, query, most, self.filters)]


class HelamemVectorStore(VectorStore):
    """A vector store that keeps its documents in a memory, one memory each.

    It searches as the memory does: by meaning, by words, and by what was learned. Other memories are not its
    documents.

    Args:
        memory: A `Memory`; its embedder makes the vectors.

    Example:
        store = HelamemVectorStore(Memory("agent.db"))
        store.add_texts(["Maya is allergic to peanuts."], ids=["diet"])
        store.similarity_search("What should I not cook?", k=1)
    """

    def __init__(self, memory: Engine) -> None:
        self._memory = memory

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: object,  # noqa: ARG002  # LangChain's indexing hands over a batch size, among others
    ) -> list[str]:
        """Store texts; a known id replaces its document.

        Raises:
            ValueError: The numbers of texts, metadata and ids differ, a text is blank, or metadata are not
                JSON.
        """
        given = list(texts)
        names = [each or str(uuid.uuid4()) for each in ids or [""] * len(given)]
        rows = list(zip(given, metadatas or [{}] * len(given), names, strict=True))
        turns = [
            Turn(
                text,
                session=_key(name),
                metadata={**metadata, ENTRY: {"id": name}, records.KEEP: True},
            )
            for text, metadata, name in rows
        ]
        for name, turn in zip(names, turns, strict=True):
            self._memory.put(_key(name), turn)
        return names

    def similarity_search(  # type: ignore[override]  # what is not known here is refused
        self,
        query: str,
        k: int = 4,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # LangChain calls it so
    ) -> list[Document]:
        """The best documents for a question; none for a blank one.

        Args:
            filter: Conditions on their metadata, as in `Memory.search`.
        """
        return [found for found, _ in self.similarity_search_with_score(query, k, filter=filter)]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # likewise
    ) -> list[tuple[Document, float]]:
        """The same with scores: activations, of which more is better, without an upper bound."""
        conditions = {"AND": [ALL, filter or {}]}
        return [
            (_kept_document(hit.memory), hit.score)
            for hit in _hits(self._memory, query, k, conditions)
        ]

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents with these ids; unknown ids are skipped."""
        return [_kept_document(each) for each in self._with_ids(ids)]

    def delete(self, ids: list[str] | None = None, **kwargs: object) -> bool:  # noqa: ARG002
        """Remove documents for good; all of them, if no ids are given."""
        if ids is None:
            self._memory.delete(filters=ALL, dry_run=False)
            return True
        while going := self._with_ids(ids):
            deleted(self._memory, going)
        return True

    def _with_ids(self, ids: Sequence[str]) -> list[Episode]:
        found = [self._memory.get_by_key(_key(name)) for name in dict.fromkeys(ids)]
        return [each for each in found if each is not None]

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,  # noqa: ARG003  # the memory has its own
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        memory: Engine | None = None,
        **kwargs: object,
    ) -> HelamemVectorStore:
        """A store on a memory, with these texts.

        Raises:
            TypeError: `memory` is missing; its embedder is used, not LangChain's.
        """
        if memory is None:
            raise TypeError(
                "from_texts needs memory=Memory(...), whose embedder makes the vectors."
            )
        store = cls(memory)
        store.add_texts(texts, metadatas, ids=ids, **kwargs)
        return store


def document(hit: Hit) -> Document:
    """A hit as a document; its metadata have the hit's fields.

    They are under "helamem", and also at the top, under names that the memory's own metadata do not use.
    """
    memory = hit.memory
    ours = {
        "id": hit.id,
        "kind": hit.kind,
        "speaker": hit.speaker,
        "session": "" if isinstance(memory, Fact) else memory.session,
        "at": hit.at.isoformat(),
        "stored_at": hit.stored_at.isoformat(),
        "score": hit.score,
        "path": hit.path,
        "sources": list(hit.sources),
    }
    return Document(
        id=str(hit.id), page_content=hit.text, metadata={**ours, **_own(memory), "helamem": ours}
    )


def _kept_document(memory: Episode | Fact) -> Document:
    """A stored document."""
    own = _own(memory)
    entry: Any = own.pop(ENTRY)
    return Document(id=entry["id"], page_content=memory.text, metadata=own)


def _own(memory: Episode | Fact) -> dict[str, Any]:
    """The user's metadata, without entries of adapters."""
    return {
        name: value for name, value in memory.metadata.items() if not name.startswith("helamem.")
    }


def _hits(memory: Engine, query: str, k: int, filters: dict[str, Any] | None) -> Sequence[Hit]:
    """The best k hits, without those that association adds."""
    if not query.strip():
        return ()
    return memory.search(query, k=k, filters=filters).hits[:k]


def _key(name: str) -> str:
    return f"{ENTRY} {name}"
