"""Which analysis made a store's vectors, terms and traits, and what a new one makes of each node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.protocols.graph import Floats, NodeKind
    from helamem.protocols.values import Term
    from helamem.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The embedder and language behind a store's vectors, terms and traits.

    Attributes:
        embedder: The embedder's name.
        dimension: The length of its vectors.
        language: The name of the language that texts are read with.
        version: The version of the analysis; another one makes other terms or traits of the same text.
    """

    embedder: str
    dimension: int
    language: str = "english"
    version: int = 1

    def __str__(self) -> str:
        return f"{self.embedder} ({self.dimension} dimensions), {self.language} {self.version}"

    def fits(self, other: Analysis) -> bool:
        """Whether both can share one store: everything except the version is equal."""
        mine = (self.embedder, self.dimension, self.language)
        return mine == (other.embedder, other.dimension, other.language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unindexed:
    """A node to be reindexed.

    Attributes:
        speakers: For an episode: its speaker, if named. For a cue: all speakers of its namespace.
    """

    id: int
    kind: NodeKind
    text: str
    metadata: Mapping[str, Json]
    speakers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reindexed:
    """A node's new vectors, terms and traits; a cue has only a vector."""

    id: int
    vector: Floats
    passages: Sequence[Floats] = ()
    terms: Sequence[Term] = ()
    length: int = 0
    traits: int = 0
