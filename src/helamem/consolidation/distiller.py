"""The interface of distillers, and how a draft becomes a fact.

A distiller reads episodes, may call a model, and writes nothing. Its caller compares the finding with known
facts and stores it in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from helamem import indexing
from helamem.frozen import dataclass
from helamem.protocols import NewFact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from helamem.language.language import Language
    from helamem.protocols import Distillate, Embedder, Floats, Store
    from helamem.records import Episode, FactKind, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A fact before it is stored."""

    text: str
    kind: FactKind
    confidence: float
    sources: tuple[int, ...]
    speaker: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of distilling a cluster.

    Attributes:
        merged: How many facts were known already.
        refused: Sentences about the refused parts of a model's answer.
    """

    distillate: Distillate
    merged: int = 0
    refused: tuple[str, ...] = ()


class Finding(Protocol):
    """A distiller's result before the comparison with known facts."""

    def compared(self, known: Store, marks: Sequence[bytes], *, now: float) -> Outcome:
        """The part of the finding to be stored.

        Args:
            known: The store, in the write transaction; no model is called here.
            marks: Digests to store with it.
            now: Epoch seconds.
        """
        ...


class Distiller(Protocol):
    """Makes facts from episodes."""

    @property
    def name(self) -> str:
        """The name, which is part of fingerprints."""
        ...

    def distil(self, episodes: Sequence[Episode]) -> Finding:
        """Distil one cluster.

        Raises:
            ProviderError: A model failed; a `CutOffError` if it may succeed with half of the cluster.
        """
        ...


def embedded(embedder: Embedder, drafts: Sequence[Draft]) -> Floats:
    """The vectors of drafts, shape (drafts, dimension)."""
    if not drafts:
        return np.zeros((0, embedder.dimension), np.float32)
    return indexing.embed(embedder, [draft.text for draft in drafts])


def new_fact(
    draft: Draft, vector: Floats, language: Language, now: float, metadata: Mapping[str, Json]
) -> NewFact:
    """Complete a draft to a fact for the store."""
    return NewFact(
        text=draft.text,
        kind=draft.kind,
        confidence=draft.confidence,
        sources=draft.sources,
        speaker=draft.speaker,
        at=draft.at.timestamp(),
        stored_at=now,
        metadata=metadata,
        vector=vector,
        **indexing.indexed(draft.text, language),
    )
