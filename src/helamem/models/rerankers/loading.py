"""Loads the reranker that a setting names."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from helamem.errors import ConfigError
from helamem.models.rerankers.cross_encoder import CrossEncoder
from helamem.models.rerankers.llm import LLMReranker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helamem.protocols import LLM, Floats, Reranker

KNOWN = ("cross-encoder:FOLDER-OR-HUB-NAME", "llm")


def load(spec: str, llm: Callable[[], LLM]) -> Reranker:
    """The reranker that a setting such as "llm" or "cross-encoder:./model" names; its model loads on first use.

    Args:
        spec: One of `KNOWN`.
        llm: Gives the language model, for "llm".

    Raises:
        ConfigError: `spec` names no reranker.
    """
    kind, _, model = spec.partition(":")
    if kind == "cross-encoder" and model:
        return _Deferred(lambda: CrossEncoder(model))
    if spec == "llm":
        return _Deferred(lambda: LLMReranker(llm()))
    raise ConfigError(f"there is no reranker {spec!r}; there are: {', '.join(KNOWN)}")


class _Deferred:
    """A reranker that is made once, on first use, so that only searches pay for it."""

    def __init__(self, make: Callable[[], Reranker]) -> None:
        self._make = make
        self._made: Reranker | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._reranker().name

    def scores(self, question: str, texts: Sequence[str]) -> Floats:
        return self._reranker().scores(question, texts)

    def _reranker(self) -> Reranker:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made
