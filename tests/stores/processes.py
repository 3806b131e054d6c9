"""Real processes that use a memory's file, or its database, at the same time as a test does."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPENING = """
import sys
import numpy as np
from helamem.places import is_url
from helamem.testing import samples

def say(*words):
    print(*words, flush=True)

def wait():
    sys.stdin.readline()

path, me = sys.argv[1:]
if is_url(path):
    from helamem.stores.postgres import PostgresStore as Store
else:
    from helamem.stores.sqlite import SQLiteStore as Store
store = Store(path, namespace="main", made_by=samples.ANALYSIS)
"""


class Process:
    """A Python process with an open store; it says lines, and waits for lines."""

    def __init__(self, script: str, path: Path | str, me: str = "") -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-c", OPENING + script, str(path), me],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    @property
    def output(self) -> IO[str]:
        assert self._popen.stdout is not None
        return self._popen.stdout

    def hear(self) -> str:
        """The next line that the process says."""
        return self.output.readline().strip()

    def go_on(self) -> None:
        """Let the process go on from where it waits."""
        assert self._popen.stdin is not None
        self._popen.stdin.write("\n")
        self._popen.stdin.flush()

    def kill(self) -> list[str]:
        """End it at once, as a power cut would; the whole lines that it had said and nobody heard."""
        self._popen.kill()
        rest = self.output.read()
        return rest[: rest.rfind("\n") + 1].split("\n")[:-1]

    def end(self) -> list[str]:
        """Wait until it is done; all lines that it said and nobody heard."""
        rest, _ = self._popen.communicate(timeout=300)
        assert 0 == self._popen.returncode
        return rest.splitlines()

    def release(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.communicate()


@contextlib.contextmanager
def running(*processes: Process) -> Iterator[None]:
    """No process outlives the block."""
    try:
        yield
    finally:
        for process in processes:
            process.release()
