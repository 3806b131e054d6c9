"""A new file that several open at the same moment: all get in, and one of them makes it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from helamem.stores.sqlite.database import Database
from helamem.stores.sqlite.files import FUNCTIONS

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE = 8


@pytest.mark.parametrize("attempt", range(10))
def test_whoever_comes_while_the_file_is_made_gets_in(tmp_path: Path, attempt: int) -> None:
    path = str(tmp_path / f"{attempt}.db")
    ready = threading.Barrier(AT_ONCE)

    def open_and_close() -> str:
        ready.wait()
        database = Database(path, synchronous="normal", busy_s=60, functions=FUNCTIONS)
        mode = str(database.row("PRAGMA journal_mode")[0])
        database.close()
        return mode

    with ThreadPoolExecutor(AT_ONCE) as pool:
        opened = [pool.submit(open_and_close) for _ in range(AT_ONCE)]

    assert ["wal"] * AT_ONCE == [each.result() for each in opened]
