"""A memory as a LangChain retriever; needs the extra `langchain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem.errors import MissingExtraError
from helamem.records import Fact

try:
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise MissingExtraError("langchain-core", "langchain") from error

if TYPE_CHECKING:
    from langchain_core.callbacks.manager import CallbackManagerForRetrieverRun

    from helamem.records import Hit


class HelamemRetriever(BaseRetriever):
    """What a memory brings back for a question, as documents.

    Nothing is written. To teach the memory what served, hand the ids of these documents to
    `memory.reinforce`.

    Attributes:
        memory: A `Memory`.
        k: How many direct hits at most; those that come by association are on top of that.
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
    ) -> list[Document]:
        return [document(hit) for hit in self.memory.search(query, k=self.k, filters=self.filters)]


def document(hit: Hit) -> Document:
    """A memory as a document; its metadata say where it comes from and why it came."""
    memory = hit.memory
    return Document(
        id=str(hit.id),
        page_content=hit.text,
        metadata={
            **memory.metadata,
            "id": hit.id,
            "kind": hit.kind,
            "speaker": hit.speaker,
            "session": "" if isinstance(memory, Fact) else memory.session,
            "at": hit.at.isoformat(),
            "stored_at": hit.stored_at.isoformat(),
            "score": hit.score,
            "path": hit.path,
            "sources": list(hit.sources),
        },
    )
