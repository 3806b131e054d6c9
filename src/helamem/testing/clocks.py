"""A clock for tests."""

from __future__ import annotations

NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC


class FixedClock:
    """A clock that moves only when it is told to.

    >>> clock = FixedClock(100.0)
    >>> clock.advance(5.0)
    >>> clock()
    105.0
    """

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time in epoch seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
