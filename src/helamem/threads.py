"""How many threads compute at once.

Python runs one thread at a time, except while NumPy or SQLite work. More threads than processors gain nothing, and lose
time whenever one hands over to another. In a free-threaded Python a processor needs a few, since some wait for others.
"""

from __future__ import annotations

import os
import sys
import threading


class Slots:
    """A bounded number of threads may be inside a `with` block of it; others wait, holding nothing."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._free = threading.Semaphore(n)

    def __enter__(self) -> None:
        self._free.acquire()

    def __exit__(self, *_: object) -> None:
        self._free.release()

    def renew(self) -> None:
        """Free all of them: in a forked child, those who had one are not there."""
        self._free = threading.Semaphore(self.n)


def processors() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def gaining() -> int:
    """The number of threads that compute fastest together."""
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    return processors() * (1 if has_lock else 4)


computing = Slots(gaining())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=computing.renew)
