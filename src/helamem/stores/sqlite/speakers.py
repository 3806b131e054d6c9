"""The speakers of a namespace, by numbers that stay as they are while memories come and go."""

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
        names: Whoever has spoken, by number.
        n_said: How many active memories each has; who has none is told to nobody.
    """

    names: tuple[str, ...] = ()
    n_said: Ints | None = None

    @property
    def counts(self) -> Ints:
        """How many active memories each has."""
        return np.zeros(len(self.names), np.int64) if self.n_said is None else self.n_said

    @property
    def told(self) -> tuple[str, ...]:
        """Those with active memories."""
        pairs = zip(self.names, self.counts.tolist(), strict=True)
        return tuple(name for name, n in pairs if n)

    def counted(
        self, names: tuple[str, ...], said: NDArray[np.int32], unsaid: NDArray[np.int32]
    ) -> Speakers:
        """After some memories have become active, and others have not stayed so.

        Args:
            names: These names, then newer ones.
            said, unsaid: The speakers of those memories; -1 for none.
        """
        counts = np.zeros(len(names), np.int64)
        counts[: len(self.names)] = self.counts
        np.add.at(counts, said[said >= 0], 1)
        np.subtract.at(counts, unsaid[unsaid >= 0], 1)
        return Speakers(names, counts)

    def numbered(self, speakers: NDArray[np.int32]) -> Ints:
        """The places of speakers in `told`; -1 for who is not in it."""
        is_told = self.counts > 0
        places = np.where(is_told, np.cumsum(is_told) - 1, -1)
        found: Ints = np.append(places, -1)[speakers]
        return found
