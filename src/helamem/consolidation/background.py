"""Consolidation in a background thread, whenever enough turns are new.

No list of pending work is kept: a pass that a crash or a failing model cuts off leaves its clusters without
fingerprints, so the next pass distils them.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from helamem.reports import ConsolidationReport

logger = logging.getLogger(__name__)


class Reflector:
    """Runs a consolidation in its own thread after every so many new turns.

    Args:
        consolidate: Runs one pass.
        every: The number of new turns between passes; 0 for none.
        total: The number of turns so far; a pass is due at each multiple of `every`, so a restart delays none.

    Attributes:
        every: As given; may be set. A running pass goes on.
        last: The report of the last successful pass; None before the first.
        error: The error of the latest pass; None if it succeeded. The next pass runs anyway.
    """

    def __init__(
        self,
        consolidate: Callable[[], ConsolidationReport],
        *,
        every: int,
        total: Callable[[], int],
    ) -> None:
        self.every = every
        self.last: ConsolidationReport | None = None
        self.error: Exception | None = None
        self._consolidate = consolidate
        self._total = total
        self._count: int | None = None  # until turns are counted
        self._due = False
        self._busy = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        went = f"failed: {self.error}" if self.error else repr(self.last)
        return f"Reflector(every={self.every}, last={went})"

    def count_turns(self, n_turns: int) -> None:
        """Count new turns, and start a pass if one is due; returns at once."""
        with self._changed:
            every = self.every  # may be set meanwhile
            if not every or self._closed:
                self._count = None
                return
            before = self._total() - n_turns if self._count is None else self._count
            self._count = before + n_turns
            if before // every == self._count // every:
                return
            self._due = True
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="helamem-reflection", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until no pass is due or running; return False on timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._due or self._busy), timeout_s)

    def close(self, timeout_s: float | None = None) -> None:
        """Stop starting passes, and wait for the running one."""
        with self._changed:
            self._closed = True
            self._due = False
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while self._next():
            report, failure = None, None
            try:
                report = self._consolidate()
            except Exception as error:  # noqa: BLE001  # kept in `error`, since nobody else sees it
                failure = error
            finally:
                self._done(report, failure)

    def _next(self) -> bool:
        """Wait until a pass is due; return False once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._due or self._closed)
            if self._closed:
                return False
            self._due, self._busy = False, True
            return True

    def _done(self, report: ConsolidationReport | None, error: Exception | None) -> None:
        with self._changed:
            self._busy = False
            self.last, self.error = report or self.last, error
            self._changed.notify_all()
        n_failed = len(report.failed) if report else 1
        if n_failed:
            logger.warning(
                "reflection failed for %d clusters; the next pass repeats them", n_failed
            )
