"""Indexes of vectors (HNSW) for namespaces that are too large for a scan: docs/scaling.md has the times.

Each belongs to one namespace: it is on the namespace's partition, and holds the rows of that namespace alone. A
search uses a complete index where there is one, and scans otherwise, so no process has to know of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from helamem.errors import StoreError
from helamem.frozen import dataclass
from helamem.stores.postgres.namespace import everything
from helamem.stores.postgres.rows import CUE
from helamem.stores.postgres.texts import restored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from psycopg import Connection

    from helamem.stores.postgres.database import Database, Row, Statement
    from helamem.stores.postgres.namespace import Space

LARGE = 10_000  # vectors in a namespace from which on an index is faster than a scan
# The advisory lock of whoever makes indexes; two at once would wait for each other.
LOCK = 0x48654C62
# How wide the graph is searched: at 100,000 vectors this finds 99 % of the 20 nearest.
BREADTH = 400
SETTINGS: Statement = (
    f"SELECT set_config('hnsw.ef_search', '{BREADTH}', true), set_config('hnsw.iterative_scan', 'relaxed_order', true),"
    # A statement that many clients send is not worth processes that help it.
    " set_config('max_parallel_workers_per_gather', '0', true)",
    {},
)
# How many vectors are compared for each that joins the graph: with pgvector's 64, a tenth of the nearest is lost
# among many that nearly repeat each other.
CONSTRUCTION = 128
# A graph is made many times faster where it fits into this memory; at 256 dimensions 800,000 vectors do. Processes
# that help would take all of it from shared memory, of which containers have little, so they help only where the
# server's own setting is as large.
_ROOMY = (
    "SELECT set_config('maintenance_work_mem', '1GB', false), set_config('max_parallel_maintenance_workers', '0', false)"
    " WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes('1GB')"
)
_AS_BEFORE = ("RESET maintenance_work_mem", "RESET max_parallel_maintenance_workers")
# Which rows of each table are in its indexes, and what they are called.
HOLDS = {"node": f"heard AND kind < {CUE}", "passage": "heard"}
NOUNS = {"node": "memories", "passage": "passages"}
_PREFIX = "near_"
_THERE = (
    "SELECT c.relname, i.indisvalid,"
    " EXISTS (SELECT 1 FROM helamem.namespace s WHERE s.namespace = right(c.relname, 32)::uuid)"
    " FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid"
    f" WHERE c.relnamespace = 'helamem'::regnamespace AND starts_with(c.relname, '{_PREFIX}')"
)
# Every passage has a term, so a namespace with fewer terms than that has fewer passages.
_COUNTS = (
    "SELECT s.namespace, s.name, s.n_documents,"
    f" (SELECT count(*) FROM helamem.passage p WHERE p.namespace = s.namespace AND {HOLDS['passage']})"
    " FROM helamem.namespace s WHERE (s.namespace = ANY(%(among)s::uuid[]) OR %(among)s::uuid[] IS NULL)"
    " AND (s.n_documents >= %(least)s OR s.total_length >= %(least)s) ORDER BY s.name"
)
_OWNED = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'helamem.node'::regclass"


class BusyError(StoreError):
    """Another process makes or drops indexes."""


@dataclass(frozen=True, slots=True, order=True)
class Index:
    """The index of the vectors of one table, in one namespace."""

    table: str
    dimension: int
    ns: UUID

    @property
    def name(self) -> str:
        """Its name in the schema."""
        return f"{_PREFIX}{self.table}_{self.dimension}_{self.ns.hex}"

    @property
    def is_usable(self) -> str:
        """SQL: whether it exists and is complete."""
        return f"EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('helamem.{self.name}') AND indisvalid)"

    def holds(self, prefix: str = "") -> str:
        """SQL: which vectors it holds; only a statement with the same condition uses it."""
        return f"vector_dims({prefix}vector) = {self.dimension}"

    def order(self, prefix: str) -> str:
        """SQL: the distance from `%(vector)s` by which it is ordered, in half precision."""
        half = f"::halfvec({self.dimension})"
        return f"{prefix}vector{half} <#> %(vector)s::vector{half}"

    def making(self, partition: str) -> list[str]:
        """The statements that make it while others write."""
        return [
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {self.name} ON {partition}"
            f" USING hnsw ((vector::halfvec({self.dimension})) halfvec_ip_ops)"
            f" WITH (ef_construction = {CONSTRUCTION}) WHERE namespace = '{self.ns}' AND {HOLDS[self.table]} AND {self.holds()}",
            f"ANALYZE {partition}",
        ]


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The upkeep of indexes that is due.

    Attributes:
        making: The indexes to be made, with the name of the namespace and how many vectors each holds.
        dropping: The names of those to be dropped.
    """

    making: Mapping[Index, tuple[str, int]]
    dropping: tuple[str, ...]

    def complaints(self) -> list[str]:
        """What is wrong: one sentence for each."""
        return [what for what, _ in self._each()]

    def sentences(self, instead: str = "") -> list[str]:
        """One sentence for each: what is wrong, and what is done about it.

        Args:
            instead: What is done instead.
        """
        return [f"{what}: {instead or remedy}" for what, remedy in self._each()]

    def _each(self) -> Iterator[tuple[str, str]]:
        for index, (name, count) in self.making.items():
            what = f"{count:,} {NOUNS[index.table]} of {name!r} are searched by a scan"
            yield what, "an index made"
        for name in self.dropping:
            yield f"no search uses the index {name}", "dropped"


def owner_of(name: str) -> UUID:
    """The namespace of an index."""
    return UUID(name[-32:])


def due(counts: Mapping[Index, tuple[str, int]], there: Mapping[str, bool], large: int) -> Upkeep:
    """Which indexes are to be made, and which dropped.

    Args:
        counts: How many vectors each would hold, and the name of its namespace.
        there: Those that are there by their names, and whether they are whole.
        large: How many vectors an index is made for; it stays while there are half as many.
    """
    keeping = {
        index.name
        for index, (_, count) in counts.items()
        if there.get(index.name) and 2 * count >= large
    }
    making = {
        index: each
        for index, each in counts.items()
        if each[1] >= large and index.name not in keeping
    }
    return Upkeep(making, tuple(name for name in there if name not in keeping))


def overdue(
    db: Database, dimension: int, large: int, among: Sequence[UUID] | None = None
) -> tuple[Upkeep, bool]:
    """Which indexes are to be made and dropped, and whether this user may do it.

    Args:
        dimension: The length of the vectors.
        large: How many vectors an index is made for.
        among: Some namespaces, for their indexes and those of namespaces that are gone; None for those of all.
    """
    found, there, [(is_owner,)] = db.read(
        everything(""),
        lambda scope: scope.batch(
            (_COUNTS, {"among": None if among is None else list(among), "least": large // 2}),
            (_THERE, {}),
            (_OWNED, {}),
        ),
    )
    counts = {
        Index(table, dimension, ns): (restored(name), count)
        for ns, name, *each in found
        for table, count in zip(HOLDS, each, strict=True)
    }
    ours = {
        name: is_whole
        for name, is_whole, has_owner in there
        if among is None or not has_owner or owner_of(name) in among
    }
    return due(counts, ours, large), is_owner


def keep(db: Database, space: Space, large: int, *, dry_run: bool) -> list[str]:
    """Make the indexes that a namespace needs, and drop those that serve no search; return what was, or would be, done.

    This takes minutes for a million vectors, in which others read and write.
    """
    upkeep, is_owner = overdue(db, space.dimension, large, [space.ns])
    if dry_run or not upkeep.sentences():
        return upkeep.sentences()
    if not is_owner:
        return upkeep.sentences("left to the owner of the tables")
    try:
        carry_out(db, upkeep)
    except BusyError:
        return upkeep.sentences("another process is at it")
    return upkeep.sentences()


def carry_out(db: Database, upkeep: Upkeep) -> None:
    """Do what is due.

    Raises:
        BusyError: Another process is at it.
    """
    db.alone(lambda connection: _carry_out(connection, upkeep, db.shown))


def drop_all(db: Database) -> set[tuple[str, UUID]]:
    """Drop every index, if this user may: the tables and namespaces that had one.

    Raises:
        BusyError: Another process is at it.
    """
    there, [(is_owner,)] = db.read(
        everything(""), lambda scope: scope.batch((_THERE, {}), (_OWNED, {}))
    )
    names = [name for name, *_ in there] if is_owner else []
    if names:
        carry_out(db, Upkeep({}, tuple(names)))
    return {(name.split("_")[1], owner_of(name)) for name in names}


def make(db: Database, indexes: Iterable[Index]) -> None:
    """Make indexes, whatever they hold.

    Raises:
        BusyError: Another process is at it.
    """
    carry_out(db, Upkeep(dict.fromkeys(indexes, ("", 0)), ()))


def _carry_out(connection: Connection[Row], upkeep: Upkeep, shown: str) -> None:
    if connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchall() != [(True,)]:
        raise BusyError(f"Another process makes indexes in {shown}. Try again when it is done.")
    try:
        statement: Any  # our own words
        for name in upkeep.dropping:
            statement = f"DROP INDEX CONCURRENTLY IF EXISTS helamem.{name}"
            connection.execute(statement)
        connection.execute(_ROOMY)
        for index in upkeep.making:
            for statement in index.making(_partition(connection, index)):
                connection.execute(statement)
    finally:
        for statement in (*_AS_BEFORE, f"SELECT pg_advisory_unlock({LOCK})"):
            connection.execute(statement)


def _partition(connection: Connection[Row], index: Index) -> str:
    """The partition of its table that the namespace is in."""
    [(partition,)] = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid"
        " WHERE inhparent = %(table)s::regclass AND satisfies_hash_partition(inhparent,"
        " (SELECT count(*)::int FROM pg_inherits WHERE inhparent = %(table)s::regclass),"
        " substring(c.relname FROM '[0-9]+$')::int, %(ns)s::uuid)",
        {"table": f"helamem.{index.table}", "ns": index.ns},
    ).fetchall()
    return str(partition)
