"""How the work of a function grows with its input, as a ratio that a busy machine does not change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FACTOR = 16
SMALL = 5_000  # characters
ROUNDS = 8


def is_proportional(function: Callable[[str], object], piece: str) -> bool:
    """Whether 16 times the text costs far less than the 256 times that a quadratic function would take.

    A quadratic function fails every round; one that is proportional fails a round only if the machine disturbs
    it there, so a single good round decides.

    Args:
        piece: What the text repeats.
    """
    return any(_is_proportional_once(function, piece) for _ in range(ROUNDS))


def _is_proportional_once(function: Callable[[str], object], piece: str) -> bool:
    small = _seconds(function, piece, SMALL)
    large = _seconds(function, piece, SMALL * FACTOR)
    return large < 5 * FACTOR * max(small, 1e-4)  # below a tenth of a millisecond nothing is told


def _seconds(function: Callable[[str], object], piece: str, characters: int) -> float:
    """The processor seconds of this thread alone: other threads of the suite do not count."""
    text = piece * (characters // len(piece))
    started = time.thread_time()
    function(text)
    return time.thread_time() - started
