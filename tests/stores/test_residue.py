"""A page with remains of removed rows is told from a clean one."""

from __future__ import annotations

import random
import sqlite3

from helamem.stores.residue import has_residue

PAGE = 8192


def page(*, kind: int = 0x0D, n_cells: int = 1, content: int = PAGE - 100) -> bytearray:
    """A page with a header, pointers to its cells, and cells."""
    made = bytearray(PAGE)
    made[0] = kind
    made[3:5] = n_cells.to_bytes(2, "big")
    made[5:7] = content.to_bytes(2, "big")
    made[8 : 8 + 2 * n_cells] = b"\x1f\x9c" * n_cells
    made[content:] = b"x" * (PAGE - content)
    return made


def file(*pages: bytearray) -> bytes:
    """The pages after a first one, which holds the schema."""
    return b"S" * PAGE + b"".join(pages)


class TestHasResidue:
    def test_rows_that_are_there_are_none(self) -> None:
        assert not has_residue(file(page(), page(n_cells=40)), PAGE)

    def test_what_lies_between_pointers_and_cells_is(self) -> None:
        dirty = page()
        dirty[4000:4012] = b"peanuts only"

        assert has_residue(file(page(), dirty), PAGE)

    def test_pointers_and_headers_of_removed_cells_are_not(self) -> None:
        emptied = page()
        emptied[10:14] = b"\x1e\x00\x1d\x05"
        emptied[5000:5004] = b"\x1f\x90\x01\x02"

        assert not has_residue(file(emptied), PAGE)

    def test_text_right_after_the_pointers_is(self) -> None:
        dirty = page()
        dirty[10:17] = b"peanuts"

        assert has_residue(file(dirty), PAGE)

    def test_a_page_filled_to_the_last_byte_has_no_room_for_any(self) -> None:
        assert not has_residue(file(page(n_cells=40, content=8 + 2 * 40)), PAGE)
        assert not has_residue(file(page(n_cells=40, content=8 + 2 * 40 + 1)), PAGE)

    def test_pages_of_indices_do_not_count(self) -> None:
        index = page(kind=0x0A)
        index[4000:4012] = b"peanuts only"

        assert not has_residue(file(index), PAGE)

    def test_a_vacuum_takes_away_what_sqlite_left(self) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, text TEXT)")
        choose = random.Random(0)
        for i in range(2000):
            connection.execute("INSERT INTO kept VALUES (?, ?)", (i, "peanuts " * 5))
        for i in choose.sample(range(2000), 1000):
            connection.execute("UPDATE kept SET text = ? WHERE id = ?", ("walnuts " * 9, i))
        connection.execute("DELETE FROM kept WHERE id % 400")

        assert has_residue(connection.serialize(), PAGE)
        connection.execute("VACUUM")
        assert not has_residue(connection.serialize(), PAGE)
        connection.close()
