"""The inverted index: term frequencies per node, and document frequencies."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import lexical
from helamem.protocols import Postings
from helamem.stores import encoding
from helamem.stores.sqlite.namespace import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from helamem.protocols import Ints, Term
    from helamem.stores.sqlite.index import NodeIndex
    from helamem.stores.sqlite.namespace import Space
    from helamem.stores.sqlite.snapshots import Snapshot


def add(space: Space, contents: Sequence[tuple[int, Sequence[Term]]]) -> None:
    """Index the terms of active nodes."""
    documents = Counter(each.term for _, terms in contents for each in terms)
    digests = {term: encoding.digest(term) for term in documents}
    space.db.many(
        "INSERT INTO term (namespace, digest, documents) VALUES (?, ?, ?)"
        " ON CONFLICT (namespace, digest) DO UPDATE SET documents = documents + excluded.documents",
        sorted((space.id, digests[term], n) for term, n in documents.items()),
    )
    number = {digest: id_ for digest, id_, _ in _terms(space, digests.values())}
    space.db.many(
        "INSERT INTO posting VALUES (?, ?, ?, ?)",
        sorted(
            (number[digests[each.term]], id_, each.count, each.rank)
            for id_, terms in contents
            for each in terms
        ),
    )


def _terms(space: Space, digests: Iterable[int]) -> list[tuple[int, int, int]]:
    """Digest, number and document frequency of each known term."""
    return space.db.rows(
        "SELECT digest, id, documents FROM term WHERE namespace = ?"
        " AND digest IN (SELECT value FROM json_each(?))",
        space.id,
        listed(digests),
    )


def _frequencies(space: Space, terms: Sequence[str]) -> tuple[list[int], NDArray[np.float32]]:
    """Each term's number, 0 if unknown, and its document frequency."""
    digests = [encoding.digest(term) for term in terms]
    known = {digest: (id_, n) for digest, id_, n in _terms(space, digests)}
    found = [known.get(digest, (0, 0)) for digest in digests]
    return [id_ for id_, _ in found], np.array([n for _, n in found], np.float32)


def remove(space: Space, id_: int, *, was_active: bool) -> None:
    """Remove a memory from the index, and terms that no node has any more."""
    terms = listed(space.db.column("SELECT term FROM posting WHERE node = ?", id_))
    if was_active:
        count(space, id_, -1)
    space.db.execute("DELETE FROM posting WHERE node = ?", id_)
    space.db.execute(
        "DELETE FROM term WHERE documents = 0 AND id IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM posting WHERE term = term.id)",
        terms,
    )


def count(space: Space, id_: int, documents: int) -> None:
    """Adjust the document frequencies of a node's terms."""
    space.db.execute(
        "UPDATE term SET documents = documents + ?"
        " WHERE id IN (SELECT term FROM posting WHERE node = ?)",
        documents,
        id_,
    )


def postings(seen: Snapshot, terms: Sequence[str], max_rows: int) -> Postings:
    """The postings of the terms in active nodes; beyond `max_rows`, the most frequent terms are left out."""
    space, n_documents = seen.space, seen.state.n_documents
    numbers, frequency = _frequencies(space, terms)
    place = {
        numbers[i]: i for i in np.flatnonzero(lexical.affordable(frequency, max_rows)).tolist()
    }
    places, ids, counts, ranks = _of_active(seen.index, *_looked_up(space, place))
    return Postings(
        terms=places,
        ids=ids,
        counts=counts.astype(np.float32),
        ranks=ranks,
        document_frequency=frequency,
        n_documents=n_documents,
        mean_length=seen.state.total_length / n_documents if n_documents else 0.0,
    )


def _looked_up(space: Space, place: Mapping[int, int]) -> tuple[Ints, Ints, Ints, Ints]:
    """For each posting of some terms the term's place in the question, the node, the count and the rank.

    A term's postings come in one row, since threads would hand over to each other after every row.
    """
    found = space.db.rows(
        "SELECT term, group_concat(node), group_concat(count), group_concat(rank) FROM posting"
        " WHERE term IN (SELECT value FROM json_each(?)) GROUP BY term",
        listed(place),
    )
    nodes, counts, ranks = (
        [np.fromstring(row[column], np.int64, sep=",") for row in found] for column in (1, 2, 3)
    )
    terms = np.repeat(
        np.array([place[row[0]] for row in found], np.int64), [len(each) for each in nodes]
    )
    return terms, _joined(nodes), _joined(counts), _joined(ranks)


def _of_active(index: NodeIndex, terms: Ints, ids: Ints, *others: Ints) -> tuple[Ints, ...]:
    """The postings of nodes that are not superseded."""
    if index.is_all_active:
        return terms, ids, *others
    stays = index.is_active(ids)
    return tuple(each[stays] for each in (terms, ids, *others))


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, np.int64), *parts])
