"""The inverted index: term frequencies per node, and document frequencies.

The postings of a term are ordered by how much they can tell (`core.impacts`). New ones are written to a tree that is
small enough for a batch to change each of its pages once. From there as many as are added move on to the large tree,
in the order of terms, so that those of one page move together (a log-structured merge: O'Neil et al. 1996).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from helamem.core.impacts import END, level
from helamem.stores import encoding
from helamem.stores.sqlite.namespace import NEW_POSTINGS, listed, put_meta

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from helamem.protocols import Ints, Term
    from helamem.stores.sqlite.database import Database
    from helamem.stores.sqlite.namespace import Space

NEW, OLD = 0, 1  # the small tree and the large one
MANY_NEW = 400_000  # postings in the small tree: some 600 pages
FROM_START = (0, 0, 0)
LARGEST = 2**63 - 1


class Found(NamedTuple):
    """Postings: the term's place in the question, the node, how often, and the term's rank in the node."""

    places: Ints
    ids: Ints
    counts: Ints
    ranks: Ints


def add(space: Space, contents: Sequence[tuple[int, Sequence[Term], int]]) -> None:
    """Index the terms of active nodes: id, terms, and number of terms."""
    documents = Counter(each.term for _, terms, _ in contents for each in terms)
    digests = {term: encoding.digest(term) for term in documents}
    space.db.many(
        "INSERT INTO term (namespace, digest, documents) VALUES (?, ?, ?)"
        " ON CONFLICT (namespace, digest) DO UPDATE SET documents = documents + excluded.documents",
        sorted((space.id, digests[term], n) for term, n in documents.items()),
    )
    number = {digest: id_ for digest, id_, _ in _terms(space, digests.values())}
    words = sorted(
        (id_, number[digests[each.term]], each.count, each.rank, length)
        for id_, terms, length in contents
        for each in terms
    )
    space.db.many("INSERT INTO word VALUES (?, ?, ?, ?)", [word[:4] for word in words])
    space.db.many(
        f"INSERT INTO posting VALUES ({NEW}, ?, ?, ?, ?, ?)",  # noqa: S608  # our own words
        sorted((term, level(n, length), id_, n, rank) for id_, term, n, rank, length in words),
    )
    _move_on(space.db, len(words))


def _move_on(db: Database, n_added: int) -> None:
    """Move as many postings to the large tree as were added, once there are many in the small one."""
    n, after = new_postings(db)
    n += n_added
    if n > MANY_NEW:
        n, after = _moved(db, n, after, n_added)
    put_meta(db, NEW_POSTINGS, json.dumps([n, after]))


def _moved(db: Database, n: int, after: Sequence[int], most: int) -> tuple[int, Sequence[int]]:
    """Move the next postings; how many are left in the small tree, and the last one that was moved."""
    place = f"tier = {NEW} AND (term, level, node) > (?, ?, ?)"
    last = db.find(
        f"SELECT term, level, node FROM posting WHERE {place} ORDER BY 1, 2, 3 LIMIT 1 OFFSET ?",  # noqa: S608
        *after,
        most - 1,
    )
    until = last or (LARGEST,) * 3
    moved = db.execute(
        f"UPDATE posting SET tier = {OLD} WHERE {place} AND (term, level, node) <= (?, ?, ?)",  # noqa: S608
        *after,
        *until,
    ).rowcount
    if last is not None:
        return n - moved, last
    # All have had their turn: they are counted, since some were removed without being counted.
    (left,) = db.row(f"SELECT count(*) FROM posting WHERE tier = {NEW}")  # noqa: S608
    return left, FROM_START


def new_postings(db: Database) -> tuple[int, Sequence[int]]:
    """How many postings the small tree has, if none was removed, and after which they move on."""
    found = db.find("SELECT value FROM meta WHERE key = ?", NEW_POSTINGS)
    n, after = json.loads(found[0]) if found else (0, FROM_START)
    return n, after


def _terms(space: Space, digests: Iterable[int]) -> list[tuple[int, int, int]]:
    """Digest, number and document frequency of each known term."""
    return space.db.rows(
        "SELECT digest, id, documents FROM term WHERE namespace = ?"
        " AND digest IN (SELECT value FROM json_each(?))",
        space.id,
        listed(digests),
    )


def remove(space: Space, id_: int, *, was_active: bool) -> None:
    """Remove a memory from the index, and terms that no node has any more; its length must not have changed."""
    if was_active:
        count(space, id_, -1)
    (length,) = space.db.row("SELECT length FROM node WHERE id = ?", id_)
    words = space.db.rows("SELECT term, count FROM word WHERE node = ?", id_)
    space.db.many(
        f"DELETE FROM posting WHERE tier IN ({NEW}, {OLD}) AND term = ? AND level = ? AND node = ?",  # noqa: S608
        [(term, level(n, length), id_) for term, n in words],
    )
    space.db.execute("DELETE FROM word WHERE node = ?", id_)
    space.db.execute(
        "DELETE FROM term WHERE documents = 0 AND id IN (SELECT value FROM json_each(?))"  # noqa: S608
        f" AND NOT EXISTS (SELECT 1 FROM posting WHERE tier IN ({NEW}, {OLD}) AND posting.term = term.id)",
        listed(term for term, _ in words),
    )


def drop(space: Space) -> None:
    """Remove the index of a whole namespace."""
    terms = "(SELECT id FROM term WHERE namespace = ?)"
    space.db.execute(
        f"DELETE FROM posting WHERE tier IN ({NEW}, {OLD}) AND term IN {terms}",  # noqa: S608
        space.id,
    )
    space.db.execute("DELETE FROM term WHERE namespace = ?", space.id)


def count(space: Space, id_: int, documents: int) -> None:
    """Adjust the document frequencies of a node's terms."""
    space.db.execute(
        "UPDATE term SET documents = documents + ?"
        " WHERE id IN (SELECT term FROM word WHERE node = ?)",
        documents,
        id_,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The terms of a question as the file knows them.

    Attributes:
        numbers: The number of each; 0 for one that nobody has said.
        frequency: In how many active nodes each occurs.
    """

    numbers: Ints
    frequency: NDArray[np.float32]

    @property
    def n_rows(self) -> int:
        """How many postings they have."""
        return int(self.frequency.sum(dtype=np.float64))


def asked(space: Space, terms: Sequence[str]) -> Asked:
    """Look up the terms of a question."""
    digests = [encoding.digest(term) for term in terms]
    known = {digest: (id_, n) for digest, id_, n in _terms(space, digests)}
    found = [known.get(digest, (0, 0)) for digest in digests]
    return Asked(
        np.array([id_ for id_, _ in found], np.int64), np.array([n for _, n in found], np.float32)
    )


def everywhere(space: Space, terms: Asked) -> Found:
    """All postings of the terms, those of superseded nodes too.

    A term's postings come in one row, since threads would hand over to each other after every row.
    """
    return _by_place(
        terms,
        space.db.rows(
            "SELECT term, group_concat(node), group_concat(count), group_concat(rank) FROM posting"  # noqa: S608
            f" WHERE tier IN ({NEW}, {OLD}) AND term IN (SELECT value FROM json_each(?)) GROUP BY term",
            listed(terms.numbers.tolist()),
        ),
    )


def of_nodes(space: Space, terms: Asked, ids: Ints) -> Found:
    """The postings of the terms in some nodes."""
    return _by_place(
        terms,
        space.db.rows(
            "SELECT term, group_concat(node), group_concat(count), group_concat(rank)"
            # CROSS makes SQLite look each pair up.
            " FROM json_each(?) n CROSS JOIN json_each(?) t CROSS JOIN word"
            " ON word.node = n.value AND word.term = t.value GROUP BY term",
            listed(ids.tolist()),
            listed(terms.numbers.tolist()),
        ),
    )


_OF_TIER = (
    "SELECT * FROM (SELECT node, count, level FROM posting WHERE tier = {} AND term = ?1"
    " AND (level, node) > (?2, ?3) ORDER BY level, node LIMIT ?4)"
)
_BLOCK = (
    "SELECT group_concat(node), group_concat(count), max(level) FROM (SELECT * FROM"  # noqa: S608
    f" ({_OF_TIER.format(NEW)} UNION ALL {_OF_TIER.format(OLD)}) ORDER BY level, node LIMIT ?4)"
)


def block(space: Space, term: int, after: tuple[int, int], most: int) -> tuple[Ints, Ints, int]:
    """The next postings of a term, the most telling first: nodes, counts, and the level of the last one.

    Args:
        term: Its number.
        after: The level and the node of the posting before.
    """
    nodes, counts, last = space.db.row(_BLOCK, term, *after, most)
    return _numbers(nodes), _numbers(counts), END if last is None else last


def _by_place(terms: Asked, rows: Sequence[tuple[Any, ...]]) -> Found:
    place = {number: place for place, number in enumerate(terms.numbers.tolist())}
    nodes, counts, ranks = ([_numbers(row[column]) for row in rows] for column in (1, 2, 3))
    places = np.repeat(
        np.array([place[row[0]] for row in rows], np.int64), [len(each) for each in nodes]
    )
    return Found(places, _joined(nodes), _joined(counts), _joined(ranks))


def _numbers(listed: str | None) -> Ints:
    return np.fromstring(listed, np.int64, sep=",") if listed else np.empty(0, np.int64)


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, np.int64), *parts])
