"""LangChain's own tests of a retriever and of a vector store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("langchain_tests", reason="langchain-tests is not installed")

from langchain_tests.integration_tests import (
    RetrieversIntegrationTests,
    VectorStoreIntegrationTests,
)

from helamem import Config, Memory
from helamem.adapters.langchain import HelamemRetriever, HelamemVectorStore
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator


def opened() -> Memory:
    return Memory(":memory:", config=Config(), embedder=HashingEmbedder(64))


class TestRetriever(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[HelamemRetriever]:
        return HelamemRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        memory = opened()
        memory.add([f"Maya is allergic to peanut number {i}." for i in range(5)])
        return {"memory": memory}

    @property
    def retriever_query_example(self) -> str:
        return "What is Maya allergic to?"


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> Iterator[HelamemVectorStore]:
        with opened() as memory:
            yield HelamemVectorStore(memory)
