"""Bytes of removed rows that SQLite leaves behind in a file.

With secure_delete SQLite overwrites what is deleted. But where it moves rows between pages to balance
its trees, copies of them stay in the unused gap of a page, and outlive the row. Only a VACUUM, which
writes the whole file anew, takes them away; so it is worth knowing whether one is needed.

Only table leaves are looked at: they alone hold texts and vectors (indices hold numbers and digests).
"""

from __future__ import annotations

import re

TABLE_LEAF = 0x0D
HEADER_BYTES = 8
_REMAINS = re.compile(rb"[^\0]{5}")  # the header of a freed block has four bytes


def residue(image: bytes, page_bytes: int) -> set[int]:
    """The pages of rows that have remains of rows between their cell pointers and their cells.

    Args:
        image: A whole database file (https://sqlite.org/fileformat2.html).
        page_bytes: The size of a page.
    """
    return {
        start // page_bytes
        for start in range(page_bytes, len(image), page_bytes)
        if image[start] == TABLE_LEAF and not _is_clean(image, start, page_bytes)
    }


def has_residue(image: bytes, page_bytes: int) -> bool:
    """Whether any page has such remains."""
    return bool(residue(image, page_bytes))


def _is_clean(image: bytes, start: int, page_bytes: int) -> bool:
    n_cells = _number(image, start + 3)
    end = start + (_number(image, start + 5) or page_bytes)
    gap = start + HEADER_BYTES + 2 * n_cells
    # The pointers of removed cells may follow those of the others. They lie below the page's size, so
    # that their first byte is a control character: they cannot be taken for text.
    while gap + 1 < end and 0 < _number(image, gap) < page_bytes:
        gap += 2
    return _REMAINS.search(image, gap, end) is None


def _number(image: bytes, at: int) -> int:
    return int.from_bytes(image[at : at + 2], "big")
