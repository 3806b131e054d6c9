"""Reindexes a whole file: results are staged beside the data in use, then swapped in at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.protocols import NODE_KINDS, Unindexed
from helamem.stores.encoding import loaded
from helamem.stores.sqlite import namespace, rows
from helamem.stores.sqlite.namespace import listed
from helamem.stores.sqlite.rows import CUE, IS_DOCUMENT
from helamem.stores.staging import UNDER_WAY, Staging, Waiting, dumped_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helamem.protocols import Analysis, Reindexed, Store
    from helamem.stores.sqlite.database import Database
    from helamem.stores.sqlite.files import File

IN_PLACE = (
    f"DELETE FROM node WHERE namespace = {namespace.GRAVES}",  # noqa: S608
    f"DELETE FROM session WHERE namespace = {namespace.GRAVES}",  # noqa: S608
    "DELETE FROM pack",
    "DELETE FROM packing",
    "DELETE FROM axes",
    "DELETE FROM vector",
    "INSERT INTO vector SELECT node, vector FROM staged ORDER BY node",
    "UPDATE node SET (length, traits) = (SELECT length, traits FROM staged s WHERE s.node = id)",
    "DELETE FROM word",
    "DELETE FROM posting",
    "DELETE FROM packed",
    f"DELETE FROM meta WHERE key = '{namespace.NEW_POSTINGS}'",  # noqa: S608
    "DELETE FROM term",
    "INSERT INTO term (namespace, digest, documents)"
    " SELECT n.namespace, json_extract(t.value, '$[0]'), sum(n.active)"
    " FROM staged s JOIN node n ON n.id = s.node, json_each(s.terms) t GROUP BY 1, 2",
    "INSERT INTO word"
    " SELECT s.node, term.id, json_extract(t.value, '$[1]'), json_extract(t.value, '$[2]')"
    # CROSS makes SQLite look each term up instead of scanning all terms.
    " FROM staged s JOIN node n ON n.id = s.node CROSS JOIN json_each(s.terms) t CROSS JOIN term"
    " ON term.namespace = n.namespace AND term.digest = json_extract(t.value, '$[0]') ORDER BY 1, 2",
    "INSERT INTO posting SELECT term, impact_level(count, length), node, count, rank"
    " FROM word JOIN node ON node.id = word.node ORDER BY 1, 2, 3",
    "INSERT INTO meta"  # noqa: S608  # our own words
    f" SELECT '{namespace.NEW_POSTINGS}', json_array(count(*), json_array(0, 0, 0)) FROM posting",
    "UPDATE namespace SET (n_documents, total_length) ="  # noqa: S608  # our own words
    " (SELECT count(*), coalesce(sum(length), 0) FROM node"
    f"  WHERE namespace = namespace.id AND {IS_DOCUMENT})",
    "DELETE FROM staged",
    f"DELETE FROM meta WHERE key = '{UNDER_WAY}'",  # noqa: S608
    "INSERT INTO meta VALUES ('reindexings', '1')"
    " ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1",
)


class Reindexing(Staging):
    """See `protocols.Reindexing`.

    Args:
        adopted: Returns the store with this analysis after the swap.
    """

    def __init__(
        self, file: File, analysis: Analysis, adopted: Callable[[Analysis], Store]
    ) -> None:
        self._file = file
        super().__init__(analysis, str(file.path), adopted)

    def _begin(self) -> None:
        with self._file.writer() as db, db.writing():
            if _under_way(db) != self._mark:
                db.execute("DELETE FROM staged")
                namespace.put_meta(db, UNDER_WAY, self._mark)

    def _next(self, after: int, limit: int) -> list[Waiting]:
        with self._file.reader() as db, db.reading():
            found = db.rows(
                "SELECT id, kind, n.text, metadata, namespace, speaker FROM node n LEFT JOIN staged s"
                " ON s.node = n.id WHERE s.node IS NULL AND n.namespace <> ? AND n.id > ?"
                " ORDER BY n.id LIMIT ?",
                namespace.GRAVES,
                after,
                limit,
            )
            spoken = {
                space: _speakers(db, space) for _, kind, *_, space, _ in found if kind == CUE
            }  # fmt: skip
        return [
            Waiting(
                Unindexed(
                    id=id_,
                    kind=NODE_KINDS[kind],
                    text=text,
                    metadata=loaded(metadata, id_),
                    speakers=spoken[space] if kind == CUE else (speaker,) if speaker else (),
                ),
                space,
                (text, metadata),
            )
            for id_, kind, text, metadata, space, speaker in found
        ]

    def _stage(self, made: Sequence[tuple[Waiting, Reindexed]]) -> None:
        with self._file.writer() as db, db.writing():
            self._require_own(_under_way(db))
            present = {
                id_: (text, metadata)
                for id_, text, metadata in db.rows(
                    "SELECT id, text, metadata FROM node WHERE id IN (SELECT value FROM json_each(?))",
                    listed(each.id for _, each in made),
                )
            }
            db.many(
                "INSERT OR REPLACE INTO staged VALUES (?, ?, ?, ?, ?)",
                [self._row(each) for was, each in made if present.get(each.id) == was.said],
            )

    def _row(self, made: Reindexed) -> tuple[int, bytes, str, int, int]:
        vectors = rows.blob(made.vector, made.passages, self._analysis.dimension)
        return made.id, vectors, dumped_terms(made), made.length, made.traits

    def adopt(self) -> Store | None:
        """Replace the live data by the staged data, in one transaction; None if something is not staged."""
        with self._file.writer():  # nobody else writes before this handle has read everything anew
            return super().adopt()

    def _swap(self) -> bool:
        with self._file.writer() as db, db.writing():
            self._require_own(_under_way(db))
            if db.find(
                "SELECT 1 FROM node WHERE namespace <> ? AND id NOT IN (SELECT node FROM staged)",
                namespace.GRAVES,
            ):
                return False
            namespace.moved(db)
            for statement in IN_PLACE:
                db.execute(statement)
            namespace.record(db, self._analysis)
        return True


def _under_way(db: Database) -> str | None:
    found = db.find("SELECT value FROM meta WHERE key = ?", UNDER_WAY)
    return None if found is None else str(found[0])


def _speakers(db: Database, space: int) -> tuple[str, ...]:
    return tuple(
        db.column(
            "SELECT DISTINCT speaker FROM node"  # noqa: S608  # our own words
            f" WHERE namespace = ? AND active AND kind < {CUE} AND speaker <> ''",
            space,
        )
    )
