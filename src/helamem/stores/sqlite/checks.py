"""Questions whose answers show whether a file is sound: each counts what should not be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.stores.sqlite.rows import IS_DOCUMENT

if TYPE_CHECKING:
    from helamem.stores.sqlite.database import Database

# ?1 is the namespace, ?2 the number of bytes of a vector.
CHECKS = (
    (
        "SELECT count(*) FROM vector v JOIN node n ON n.id = v.node"
        " WHERE n.namespace = ?1 AND length(value) <> ?2",
        "{} vectors have the wrong length",
    ),
    (
        "SELECT count(*) FROM node WHERE namespace = ?1 AND id NOT IN (SELECT node FROM vector)",
        "{} nodes have no vector",
    ),
    (
        "SELECT count(*) FROM node n LEFT JOIN fact f ON f.node = n.id"
        " WHERE n.namespace = ?1 AND (n.kind = 1) <> (f.node IS NOT NULL)",
        "{} nodes are facts by half",
    ),
    (
        "SELECT count(*) FROM node n JOIN fact f ON f.node = n.id"
        " WHERE n.namespace = ?1 AND n.active <> (f.superseded_by IS NULL)",
        "{} facts are replaced, but still active, or the other way round",
    ),
    (
        "SELECT count(*) FROM namespace WHERE id = ?1 AND (n_documents, total_length) <>"  # noqa: S608
        " (SELECT count(*), coalesce(sum(length), 0) FROM node"
        f"  WHERE namespace = ?1 AND {IS_DOCUMENT})",
        "the counted number or length of documents is not the real one",
    ),
    (
        "SELECT count(*) FROM term t WHERE namespace = ?1 AND documents <>"
        " (SELECT count(*) FROM posting p JOIN node n ON n.id = p.node"
        "  WHERE p.term = t.id AND n.active)",
        "{} terms are not in as many documents as counted",
    ),
    (
        "SELECT count(*) FROM edge e WHERE source IN (SELECT id FROM node WHERE namespace = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM edge r WHERE r.source = e.target AND r.target = e.source"
        "  AND r.channel = e.channel)",
        "{} edges lead one way only",
    ),
)


def wrong(database: Database, namespace: int, dimension: int) -> list[str]:
    """What is wrong with the file, and with one namespace in it: one sentence each."""
    found = [
        f"SQLite says: {line}" for line in database.column("PRAGMA integrity_check") if line != "ok"
    ]
    found += [
        f"table {table}, row {row} refers to a row of {parent} that is not there"
        for table, row, parent, _ in database.rows("PRAGMA foreign_key_check")
    ]
    for query, complaint in CHECKS:
        bound = (namespace, 4 * dimension)[: 2 if "?2" in query else 1]
        (count,) = database.row(query, *bound)
        if count:
            found.append(complaint.format(count))
    return found
