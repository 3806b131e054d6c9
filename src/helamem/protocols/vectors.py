"""What finds the vectors that are nearest to a question: exact, or from a short form of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from helamem.protocols.graph import Floats, Ints

Originals: TypeAlias = "Callable[[Ints], tuple[NDArray[np.float32], Ints]]"
"""Reads the vectors of some owners, one owner after the other, and how many each has."""


class VectorIndex(Protocol):
    """The vectors of a namespace as of one moment; another moment is another index, which shares its memory.

    An owner of vectors is the number of a node, from 0. It has one vector for its whole text, then one for each
    passage. Vectors are at most 1 long, so are their products with a question of length 1.
    """

    @property
    def is_exact(self) -> bool:
        """Whether `search` finds the nearest for certain."""
        ...

    @property
    def n_bytes(self) -> int:
        """The memory that it takes."""
        ...

    @property
    def n_removed(self) -> int:
        """How many removed vectors it still holds."""
        ...

    def added(self, owners: Ints, vectors: Floats) -> VectorIndex:
        """An index with more vectors; adding or removing one takes as long in a large index as in a small one.

        Args:
            owners: The owner of each, one owner after the other: new ones in the order of their numbers, without a
                gap, or such as were removed.
            vectors: Shape (n, dimension).
        """
        ...

    def removed(self, owners: Ints) -> VectorIndex:
        """An index without the vectors of these owners."""
        ...

    def search(
        self, query: Floats, k: int, wanted: NDArray[np.bool_], originals: Originals
    ) -> tuple[Ints, Floats]:
        """The nearest owners and their similarities, best first, of equals the lower number first.

        An index that is not exact may miss some of the nearest. What it finds has exact similarities all the same.

        Args:
            query: Shape (dimension,), of length 1.
            wanted: For each owner, whether it may be found.
            originals: How the vectors are read; an index that holds them does not ask.
        """
        ...

    def measured(
        self, query: Floats, owners: Ints, originals: Originals
    ) -> tuple[Floats, NDArray[np.float32]]:
        """The highest product of the question with a vector of each owner, exactly, and what `wholes` gives."""
        ...

    def wholes(self, owners: Ints, originals: Originals) -> NDArray[np.float32]:
        """The vector of each owner's whole text, shape (n, dimension)."""
        ...
