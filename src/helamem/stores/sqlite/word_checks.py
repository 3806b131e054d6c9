"""Checks in one pass whether the words of memories are where a search looks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core import impacts
from helamem.protocols import located
from helamem.stores.sqlite import posting_table
from helamem.stores.sqlite.namespace import listed
from helamem.stores.sqlite.posting_table import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from helamem.protocols import Ints
    from helamem.stores.sqlite.database import Database

NODES = 4096  # whose words are read at once
ODD = tuple(
    np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def misplaced(db: Database, namespace: int) -> int:
    """How many memories have words that are not among the postings, or postings that are not among their words.

    Both are summed up by memory as numbers of 64 bits, so that nothing has to be sorted.
    """
    known = db.rows("SELECT id, length FROM node WHERE namespace = ? ORDER BY id", namespace)
    ids, lengths = _columns(known, 2)
    of_words, of_postings = np.zeros(len(ids), np.uint64), np.zeros(len(ids), np.uint64)
    for nodes, terms, counts, ranks in _words(
        db, ids.tolist(), "word.node", "term", "count", "rank"
    ):
        rows = located(ids, nodes)
        levels = impacts.levels(counts, lengths[rows])
        np.add.at(of_words, rows, _mixed(terms, levels, counts, ranks))
    n_strange = 0
    for nodes, *rest in posting_table.of_namespace(db, namespace):
        rows = located(ids, nodes)
        is_mine = rows >= 0
        n_strange += int(np.count_nonzero(~is_mine))
        np.add.at(of_postings, rows[is_mine], _mixed(*rest)[is_mine])
    return n_strange + int(np.count_nonzero(of_words != of_postings))


def miscounted(db: Database, namespace: int) -> int:
    """How many terms have a wrong document frequency."""
    known = db.rows("SELECT id, documents FROM term WHERE namespace = ? ORDER BY id", namespace)
    terms, recorded = _columns(known, 2)
    active = db.column("SELECT id FROM node WHERE namespace = ? AND active ORDER BY id", namespace)
    counted = np.zeros(len(terms), np.int64)
    for (words,) in _words(db, active, "term"):
        places = located(terms, words)
        counted += np.bincount(places[places >= 0], minlength=len(terms))
    return int(np.count_nonzero(counted != recorded))


def _columns(rows: list[tuple[int, ...]], n: int) -> list[Ints]:
    """The n columns of rows of numbers."""
    return list(np.array(rows, np.int64).reshape(-1, n).T.copy())


def _words(db: Database, ids: list[int], *columns: str) -> Iterator[list[Ints]]:
    """Columns of the words of nodes, some nodes at a time."""
    listing = ", ".join(f"group_concat({name})" for name in columns)
    for start in range(0, len(ids), NODES):
        found = db.row(
            f"SELECT {listing} FROM json_each(?) n CROSS JOIN word ON word.node = n.value",  # noqa: S608
            listed(ids[start : start + NODES]),
        )
        yield [numbers(each) for each in found]


def _mixed(*columns: Ints) -> NDArray[np.uint64]:
    """A number for each row, which looks drawn at random and depends on all columns."""
    found = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        found = (found + column.astype(np.uint64)) * ODD[0]
        found ^= found >> np.uint64(30)
    found = (found * ODD[1]) ^ (found >> np.uint64(27))
    return (found * ODD[2]) ^ (found >> np.uint64(31))
