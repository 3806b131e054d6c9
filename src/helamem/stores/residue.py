"""Bytes of removed rows that SQLite leaves behind in a file.

With secure_delete SQLite overwrites what is deleted. But where it moves rows between pages to balance
its trees, copies of them stay in the unused gap of a page, and outlive the row. Only a VACUUM, which
writes the whole file anew, takes them away; so it is worth knowing whether one is needed.

Only table leaves are looked at: they alone hold texts and vectors (indices hold numbers and digests).
"""

from __future__ import annotations

TABLE_LEAF = 0x0D
HEADER_BYTES = 8


def has_residue(image: bytes, page_bytes: int) -> bool:
    """Whether a page with rows has anything but zeros between its cell pointers and its cells.

    Args:
        image: A whole database file (https://sqlite.org/fileformat2.html).
        page_bytes: The size of a page.
    """
    return any(
        image[start] == TABLE_LEAF and not _is_clean(image, start, page_bytes)
        for start in range(page_bytes, len(image), page_bytes)
    )


def _is_clean(image: bytes, start: int, page_bytes: int) -> bool:
    n_cells = int.from_bytes(image[start + 3 : start + 5], "big")
    content = int.from_bytes(image[start + 5 : start + 7], "big") or page_bytes
    gap = start + HEADER_BYTES + 2 * n_cells, start + content
    return image.count(0, *gap) == gap[1] - gap[0]
