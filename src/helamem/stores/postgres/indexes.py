"""Indexes of vectors (HNSW) for namespaces that are too large for a scan: docs/scaling.md has the times.

Each belongs to one namespace: it lies on the partition that the namespace is in, and holds that namespace's rows
alone. A search uses one that is there and whole, and scans otherwise, so no process has to know of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from helamem.stores.postgres.namespace import everything
from helamem.stores.postgres.rows import CUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from psycopg import Connection

    from helamem.stores.postgres.database import Database, Row, Scope, Statement
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
_COUNTS = "SELECT " + ", ".join(
    f"(SELECT count(*) FROM helamem.{table} WHERE namespace = %(mine)s AND {rows})"
    for table, rows in HOLDS.items()
)
_OWNED = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'helamem.node'::regclass"


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
        """SQL: whether it is there and whole."""
        return f"EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('helamem.{self.name}') AND indisvalid)"

    def holds(self, prefix: str = "") -> str:
        """SQL: which vectors it holds; a statement that does not say the same is not served by it."""
        return f"vector_dims({prefix}vector) = {self.dimension}"

    def order(self, prefix: str) -> str:
        """SQL: the distance from `%(vector)s`, in half precision, that it is ordered by."""
        half = f"::halfvec({self.dimension})"
        return f"{prefix}vector{half} <#> %(vector)s::vector{half}"

    def making(self, partition: str) -> list[str]:
        """The statements that make it while others write."""
        return [
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {self.name} ON {partition}"
            f" USING hnsw ((vector::halfvec({self.dimension})) halfvec_ip_ops)"
            f" WHERE namespace = '{self.ns}' AND {HOLDS[self.table]} AND {self.holds()}",
            f"ANALYZE {partition}",
        ]


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is due: which indexes are to be made, with how many vectors each holds, and the names of those to be dropped."""

    making: Mapping[Index, int]
    dropping: tuple[str, ...]

    def told(self, instead: str = "") -> list[str]:
        """One sentence for each: what is wrong, and what is done about it.

        Args:
            instead: What is done instead.
        """
        return [
            *(
                f"{count:,} {NOUNS[index.table]} are searched by a scan: {instead or 'an index made'}"
                for index, count in self.making.items()
            ),
            *(f"no search uses the index {name}: {instead or 'dropped'}" for name in self.dropping),
        ]


def due(
    counts: Mapping[Index, int], there: Mapping[str, bool], orphans: Iterable[str], large: int
) -> Upkeep:
    """Which indexes of a namespace are to be made, and which dropped.

    Args:
        counts: How many vectors each would hold.
        there: The namespace's indexes by their names, and whether they are whole.
        orphans: Those of namespaces that are gone.
        large: How many vectors an index is made for; it stays while there are half as many.
    """
    kept = {
        index.name
        for index, count in counts.items()
        if there.get(index.name) and 2 * count >= large
    }
    making = {
        index: count for index, count in counts.items() if count >= large and index.name not in kept
    }
    return Upkeep(making, (*(name for name in there if name not in kept), *orphans))


def keep(db: Database, space: Space, large: int, *, dry_run: bool) -> list[str]:
    """Make the indexes that a namespace is due, and drop those that serve no search; what was done, or would be.

    This takes minutes for a million vectors, in which others read and write.
    """
    upkeep, is_owner = db.read(everything(""), lambda scope: _due(scope, space, large))
    if dry_run or not upkeep.told():
        return upkeep.told()
    if not is_owner:
        return upkeep.told("left to the owner of the tables")
    done = db.alone(lambda connection: _carried_out(connection, upkeep))
    return upkeep.told("" if done else "another process is at it")


def drop_all(db: Database) -> set[tuple[str, UUID]]:
    """Drop every index, if this user may: the tables and namespaces that had one."""
    there, [(is_owner,)] = db.read(
        everything(""), lambda scope: scope.batch((_THERE, {}), (_OWNED, {}))
    )
    names = [name for name, *_ in there] if is_owner else []
    db.alone(lambda connection: _carried_out(connection, Upkeep({}, tuple(names))))
    return {(name.split("_")[1], UUID(name[-32:])) for name in names}


def make(db: Database, indexes: Iterable[Index]) -> None:
    """Make indexes, whatever they hold."""
    db.alone(lambda connection: _carried_out(connection, Upkeep(dict.fromkeys(indexes, 0), ())))


def _due(scope: Scope, space: Space, large: int) -> tuple[Upkeep, bool]:
    [found], there, [(is_owner,)] = scope.batch(
        (_COUNTS, {"mine": space.ns}), (_THERE, {}), (_OWNED, {})
    )
    own = [Index(table, space.dimension, space.ns) for table in HOLDS]
    mine = {name: is_whole for name, is_whole, _ in there if name.endswith(space.ns.hex)}
    orphans = [name for name, _, has_owner in there if not has_owner and name not in mine]
    return due(dict(zip(own, found, strict=True)), mine, orphans, large), is_owner


def _carried_out(connection: Connection[Row], upkeep: Upkeep) -> bool:
    """Whether it was done, and not left to another process."""
    if connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchall() != [(True,)]:
        return False
    try:
        statement: Any  # our own words
        for name in upkeep.dropping:
            statement = f"DROP INDEX CONCURRENTLY IF EXISTS helamem.{name}"
            connection.execute(statement)
        for index in upkeep.making:
            for statement in index.making(_partition(connection, index)):
                connection.execute(statement)
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    return True


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
