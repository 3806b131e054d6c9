"""A page with remains of removed rows is told from a clean one."""

from __future__ import annotations

import random
import sqlite3

import pytest

from stores.residue import has_residue

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


def left_in(image: bytes, gone: list[int]) -> list[int]:
    """Those whose word is still in the file."""
    return [i for i in gone if f"word{i} ".encode() in image]


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

    @pytest.mark.parametrize(
        "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))]
    )
    def test_where_a_removed_word_is_left_there_is_residue(self, seed: int) -> None:
        choose = random.Random(seed)
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, text TEXT)")
        for i in choose.sample(range(3000), 3000):  # out of order, so that pages are split
            text = f"word{i} " + "milk " * choose.randint(1, 40)
            connection.execute("INSERT INTO kept VALUES (?, ?)", (i, text))
        gone = choose.sample(range(3000), 2900)
        for i in gone:
            connection.execute("DELETE FROM kept WHERE id = ?", (i,))
        before = connection.serialize()
        connection.execute("VACUUM")
        after = connection.serialize()
        connection.close()

        assert has_residue(before, PAGE) or not left_in(before, gone)
        assert not has_residue(after, PAGE)
        assert not left_in(after, gone)
