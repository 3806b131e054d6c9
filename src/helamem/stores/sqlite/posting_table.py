"""The inverted index: term frequencies per node, and document frequencies.

The postings of a term are ordered by how much they can tell (`core.impacts`). New ones are rows of a tree that is
small enough for a batch to change each of its pages once. From there as many as are added move on, in the order of
terms, and are packed, many to a row, so that a frequent term is read quickly (a log-structured merge: O'Neil et al.
1996; blocks of postings: Ding and Suel 2011, "Faster top-k document retrieval using block-max indexes").
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import count as count_up
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from helamem.core.impacts import END, level, levels
from helamem.errors import CorruptError
from helamem.frozen import dataclass
from helamem.stores import encoding
from helamem.stores.sqlite.namespace import NEW_POSTINGS, listed, put_meta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from helamem.protocols import Ints, Term
    from helamem.stores.sqlite.database import Database
    from helamem.stores.sqlite.namespace import Space

MANY_NEW = 400_000  # postings in the small tree: some 600 pages
AT_LEAST = 16_384  # postings that may move on at once if there are many more
PACKED = 256  # postings in a row at most
RECORD = np.dtype([("node", "<i8"), ("count", "<u4"), ("rank", "<u4")])
FROM_START = (0, 0, 0)
SOME, SOME_ROWS = 1024, 16  # how much of a list is read first; then twice as much each time
ROWS_AT_ONCE = 4096  # of packs, where all are read
NOTHING: Ints = np.empty((0, 3), np.int64)


Columns: TypeAlias = "tuple[Ints, ...]"


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
    numbers_of = {term: number[digest] for term, digest in digests.items()}
    words = np.array(
        [
            (id_, numbers_of[each.term], each.count, each.rank, length)
            for id_, terms, length in contents
            for each in terms
        ],
        np.int64,
    ).reshape(-1, 5)
    ids, terms, counts, ranks, lengths = words.T
    found = levels(counts, lengths)
    _insert(space.db, "word VALUES (?, ?, ?, ?)", ids, terms, counts, ranks)
    _insert(space.db, "posting VALUES (?, ?, ?, ?, ?)", terms, found, ids, counts, ranks)
    _move_on(space.db, len(words))


def _insert(db: Database, into: str, *columns: Ints) -> None:
    """Insert rows in their order, so that pages of the file are written one after the other."""
    order = np.lexsort(columns[::-1])
    db.many(f"INSERT INTO {into}", np.stack(columns, axis=1)[order].tolist())


def _move_on(db: Database, n_added: int) -> None:
    """Pack as many postings as were added, once there are many in the small tree; more while there are too many."""
    n, after = new_postings(db)
    n += n_added
    if n > MANY_NEW:
        n, after = _moved(db, n, after, min(n - MANY_NEW, max(n_added, AT_LEAST)))
    put_meta(db, NEW_POSTINGS, json.dumps([n, after]))


def _moved(db: Database, n: int, after: Sequence[int], most: int) -> tuple[int, Sequence[int]]:
    """Pack the next postings; how many are left in the small tree, and the last one that was packed."""
    found = db.rows(
        "SELECT term, level, node, count, rank FROM posting WHERE (term, level, node) > (?, ?, ?)"
        " ORDER BY 1, 2, 3 LIMIT ?",
        *after,
        most,
    )
    last = found[-1][:3] if found else after
    db.execute(
        "DELETE FROM posting WHERE (term, level, node) > (?, ?, ?) AND (term, level, node) <= (?, ?, ?)",
        *after,
        *last,
    )
    _pack(db, np.array(found, np.int64).reshape(-1, 5))
    if len(found) == most:
        return n - most, last
    # All have had their turn: they are counted, since some were removed without being counted.
    (left,) = db.row("SELECT count(*) FROM posting")
    return left, FROM_START


def _pack(db: Database, postings: Ints) -> None:
    """Store postings many to a row; columns are term, level, node, count and rank, in this order."""
    places, records = postings[:, :2], np.empty(len(postings), RECORD)
    for name, column in zip(("node", "count", "rank"), postings.T[2:], strict=True):
        records[name] = column
    changes = np.flatnonzero((places[1:] != places[:-1]).any(axis=1)) + 1
    db.many(
        "INSERT INTO packed VALUES (?, ?, ?, ?)",
        [
            (*places[start].tolist(), int(records["node"][start]), records[start:end].tobytes())
            for first, last in pairwise([0, *changes.tolist(), len(postings)])
            for start, end in pairwise([*range(first, last, PACKED), last])
        ],
    )


def _unpacked(content: bytes) -> NDArray[np.void]:
    if len(content) % RECORD.itemsize:
        raise CorruptError(
            "The file is damaged: packed words are not as long as they should be. `helamem repair` mends them."
        )
    return np.frombuffer(content, RECORD)


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
    for term, n in words:
        _remove_posting(space.db, term, level(n, length), id_)
    space.db.execute("DELETE FROM word WHERE node = ?", id_)
    space.db.execute(
        "DELETE FROM term WHERE documents = 0 AND id IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM posting WHERE posting.term = term.id)"
        " AND NOT EXISTS (SELECT 1 FROM packed WHERE packed.term = term.id)",
        listed(term for term, _ in words),
    )


def _remove_posting(db: Database, *place: int) -> None:
    """Remove a posting by its term, level and node, wherever it lies."""
    mine = "WHERE term = ? AND level = ? AND {} = ?"
    if db.execute(f"DELETE FROM posting {mine.format('node')}", *place).rowcount:  # noqa: S608
        return
    *list_, node = place
    earlier = db.execute(
        "SELECT first, content FROM packed WHERE term = ? AND level = ? AND first <= ? ORDER BY first DESC",
        *place,
    )
    for first, content in earlier:
        records = _unpacked(content)
        kept = records[records["node"] != node]
        if len(kept) < len(records):
            db.execute(f"DELETE FROM packed {mine.format('first')}", *list_, first)  # noqa: S608
            if len(kept):
                row = (*list_, int(kept["node"][0]), kept.tobytes())
                db.execute("INSERT INTO packed VALUES (?, ?, ?, ?)", *row)
            return


def drop(space: Space) -> None:
    """Remove the index of a whole namespace."""
    terms = "(SELECT id FROM term WHERE namespace = ?)"
    for table in ("posting", "packed"):
        space.db.execute(f"DELETE FROM {table} WHERE term IN {terms}", space.id)  # noqa: S608
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

    def places(self, numbers: Sequence[int]) -> Ints:
        """The places in the question of some of its terms."""
        place = {number: place for place, number in enumerate(self.numbers.tolist())}
        return np.array([place[number] for number in numbers], np.int64)


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

    A term's new postings come in one row, since threads would hand over to each other after every row.
    """
    rows = space.db.rows(
        "SELECT term, group_concat(node), group_concat(count), group_concat(rank) FROM posting"
        " WHERE term IN (SELECT value FROM json_each(?1)) GROUP BY term UNION ALL"
        " SELECT term, content, NULL, NULL FROM packed WHERE term IN (SELECT value FROM json_each(?1))",
        listed(terms.numbers.tolist()),
    )
    new = _by_place(terms, [row for row in rows if row[2] is not None])
    packed = [row for row in rows if row[2] is None]
    records = _unpacked(b"".join(content for _, content, *_ in packed))
    lengths = [len(content) // RECORD.itemsize for _, content, *_ in packed]
    places = np.repeat(terms.places([term for term, *_ in packed]), lengths)
    old = (places, *(records[name] for name in RECORD.names or ()))
    return Found(*(np.concatenate(pair) for pair in zip(new, old, strict=True)))


def of_namespace(db: Database, namespace: int) -> Iterator[Columns]:
    """Node, term, level, count and rank of all postings of a namespace, some at a time, without damaged packs."""
    mine = "FROM term CROSS JOIN {} ON {}.term = term.id WHERE namespace = ?"
    columns = ", ".join(
        f"group_concat({name})" for name in ("node", "term", "level", "count", "rank")
    )
    yield tuple(
        map(numbers, db.row(f"SELECT {columns} {mine.format('posting', 'posting')}", namespace))
    )
    packed = db.execute(
        f"SELECT packed.term, level, content {mine.format('packed', 'packed')}", namespace
    )
    while rows := packed.fetchmany(ROWS_AT_ONCE):
        sound = [row for row in rows if not len(row[2]) % RECORD.itemsize]
        records = _unpacked(b"".join(content for *_, content in sound))
        lengths = [len(content) // RECORD.itemsize for *_, content in sound]
        places = np.array([row[:2] for row in sound], np.int64).reshape(-1, 2)
        terms, levels = np.repeat(places, lengths, axis=0).T
        nodes, counts, ranks = (records[name].astype(np.int64) for name in RECORD.names or ())
        yield nodes, terms, levels, counts, ranks


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


class Reader:
    """Reads the postings of one term, the most telling first.

    Args:
        term: Its number.
    """

    def __init__(self, space: Space, term: int) -> None:
        self._sources = [_new(space, term), _old(space, term)]
        self._held = [NOTHING, NOTHING]  # read, and not given yet; of each source

    def next(self, most: int) -> tuple[Ints, Ints, int]:
        """The next ones: nodes, counts, and the level of the last one, which is `END` if there are no more."""
        for i, source in enumerate(self._sources):
            while len(self._held[i]) < most and (more := next(source, None)) is not None:
                self._held[i] = np.concatenate([self._held[i], more])
        new, old = self._held
        postings = np.concatenate([new, old])
        given = np.argsort(postings[:, 2], kind="stable")[:most]  # each source is in order already
        n_new = int((given < len(new)).sum())
        self._held = [new[n_new:], old[len(given) - n_new :]]
        nodes, counts, levels = postings[given].T
        return nodes, counts, int(levels[-1]) if len(given) == most else END


def _new(space: Space, term: int) -> Iterator[Ints]:
    """Node, count and level of the postings in the small tree, some at a time."""
    after = (-1, 0)
    for most in (SOME << i for i in count_up()):
        nodes, counts, levels = (
            numbers(each)
            for each in space.db.row(
                "SELECT group_concat(node), group_concat(count), group_concat(level) FROM"
                " (SELECT node, count, level FROM posting WHERE term = ? AND (level, node) > (?, ?)"
                " ORDER BY level, node LIMIT ?)",
                term,
                *after,
                most,
            )
        )
        yield np.stack([nodes, counts, levels], axis=1)
        if len(nodes) < most:
            return
        after = int(levels[-1]), int(nodes[-1])


def _old(space: Space, term: int) -> Iterator[Ints]:
    """The same of those that are packed."""
    after = (-1, 0)
    for most in (SOME_ROWS << i for i in count_up()):
        rows = space.db.rows(
            "SELECT level, first, content FROM packed WHERE term = ? AND (level, first) > (?, ?)"
            " ORDER BY level, first LIMIT ?",
            term,
            *after,
            most,
        )
        records = _unpacked(b"".join(content for *_, content in rows))
        lengths = [len(content) // RECORD.itemsize for *_, content in rows]
        levels = np.repeat(np.array([level for level, *_ in rows], np.int64), lengths)
        yield np.stack([records["node"], records["count"], levels], axis=1, dtype=np.int64)
        if len(rows) < most:
            return
        after = rows[-1][:2]


def _by_place(terms: Asked, rows: Sequence[tuple[Any, ...]]) -> Found:
    nodes, counts, ranks = ([numbers(row[column]) for row in rows] for column in (1, 2, 3))
    places = np.repeat(terms.places([row[0] for row in rows]), [len(each) for each in nodes])
    return Found(places, _joined(nodes), _joined(counts), _joined(ranks))


def numbers(listed: str | None) -> Ints:
    """The numbers of a list as `group_concat` makes it."""
    return np.fromstring(listed, np.int64, sep=",") if listed else np.empty(0, np.int64)


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, np.int64), *parts])
