"""How the processor time of a function grows with its input, as a ratio that a busy machine does not change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FACTOR = 16
SMALL = 12_500  # characters


def is_proportional(function: Callable[[str], object], piece: str) -> bool:
    """Whether 16 times the text costs far less than the 256 times that a quadratic function would take.

    Args:
        piece: What the text repeats.
    """
    small = min(_seconds(function, piece, SMALL) for _ in range(3))
    large = _seconds(function, piece, SMALL * FACTOR)
    return large < 5 * FACTOR * max(small, 1e-4)  # below a tenth of a millisecond nothing is told


def _seconds(function: Callable[[str], object], piece: str, characters: int) -> float:
    text = piece * (characters // len(piece))
    started = time.process_time()
    function(text)
    return time.process_time() - started
