"""The speakers of a namespace. Each has a number that stays while memories come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.frozen import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helamem.protocols import Ints


@dataclass(frozen=True, slots=True, eq=False)
class Speakers:
    """The speakers of one moment.

    Attributes:
        names: Everybody who has spoken, by number.
        n_memories: How many active memories each of them has; None for none.
    """

    names: tuple[str, ...] = ()
    n_memories: Ints | None = None

    @property
    def counts(self) -> Ints:
        """How many active memories each has."""
        return np.zeros(len(self.names), np.int64) if self.n_memories is None else self.n_memories

    @property
    def active(self) -> tuple[str, ...]:
        """The names of speakers with active memories."""
        pairs = zip(self.names, self.counts.tolist(), strict=True)
        return tuple(name for name, n in pairs if n)

    def counted(
        self, names: tuple[str, ...], gained: NDArray[np.int32], lost: NDArray[np.int32]
    ) -> Speakers:
        """The speakers after some memories became active, and others inactive.

        Args:
            names: These names, then newer ones.
            gained, lost: The speakers of those memories, by number; -1 for none.
        """
        counts = np.zeros(len(names), np.int64)
        counts[: len(self.names)] = self.counts
        np.add.at(counts, gained[gained >= 0], 1)
        np.subtract.at(counts, lost[lost >= 0], 1)
        return Speakers(names, counts)

    def numbered(self, speakers: NDArray[np.int32]) -> Ints:
        """The places of speakers in `active`; -1 for those that are not in it."""
        is_active = self.counts > 0
        places = np.where(is_active, np.cumsum(is_active) - 1, -1)
        found: Ints = np.append(places, -1)[speakers]
        return found
