"""The queue of a database: its tables, by procrastinate, and what is put into them.

Jobs name namespaces by their digests, so that the queue reveals no names.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager
from psycopg.conninfo import conninfo_to_dict

from helamem.errors import StoreError
from helamem.places import shown
from helamem.stores.postgres import faults
from helamem.stores.postgres.schema import LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from procrastinate.jobs import Job
    from psycopg import Connection

SCHEMA = "helamem_jobs"  # apart from the memories: its tables are procrastinate's
NAME = "helamem worker"  # as the server lists its connections
CONNECTIONS = 4
WAIT_S = 10.0  # for a connection
MOST_TRIES = 8  # of a job that fails, or whose worker dies
ALONE = {"index", "reindex"}  # kinds whose jobs run one after the other in the whole database
KEPT_HOURS = 24 * 7  # of jobs that failed for good


class Queue:
    """The jobs of a database.

    Args:
        url: The database.

    Attributes:
        app: procrastinate's, which knows the tasks; to be opened before jobs are put in.
    """

    def __init__(self, url: str) -> None:
        self.shown = shown(url)
        self._url = url
        self._kwargs = {"options": _options(url), "application_name": NAME}
        self.app = App(
            connector=PsycopgConnector(
                conninfo=url,
                kwargs=self._kwargs,
                min_size=1,
                max_size=CONNECTIONS,
                timeout=WAIT_S,
            )
        )

    def prepare(self) -> None:
        """Make the tables, or bring them up to those of the installed procrastinate.

        Raises:
            StoreError: The database cannot be reached, or the user may not make them.
        """
        newest = max(_migrations())
        with self.explained(), psycopg.connect(self._url, **self._kwargs) as connection:  # type: ignore[arg-type]  # options of libpq
            found = _version(connection)
            if found is None or found < newest:
                self._migrate(connection, newest)

    def _migrate(self, connection: Connection[Any], newest: str) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        found = _version(connection)  # another process may have been quicker
        try:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        except psycopg.errors.InsufficientPrivilege as exc:
            raise StoreError(
                f"{self.shown} has no queue for workers yet, and this user may not make it ({faults.said(exc)}). Let the "
                "owner of the database run `helamem worker --once`, and grant the rest as docs/postgres.md shows."
            ) from exc
        scripts = _migrations()
        if found is None:
            connection.execute(SchemaManager.get_schema())
        for name in sorted(each for each in scripts if found is not None and each > found):
            connection.execute(scripts[name].encode())
        connection.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{newest}'".encode())

    async def put(
        self, kind: str, namespace: UUID | None, *, delay_s: int = 0, priority: int = 0, **more: int
    ) -> bool:
        """Put a job in, unless one of its kind waits for the namespace; whether it was put in.

        Jobs of one namespace run one after the other, and so do those that are about indexes.

        Args:
            namespace: None for the database as a whole.
            delay_s: Seconds before which it does not run.
            priority: Lower ones run later.
            more: What the job is told.
        """
        where = str(namespace or "")
        try:
            await self.app.configure_task(
                kind,
                queue=kind,
                lock="indexes" if kind in ALONE else where,
                queueing_lock=f"{kind} {where}",
                schedule_in={"seconds": delay_s} if delay_s else None,
                priority=priority,
            ).defer_async(namespace=where, **more)
        except AlreadyEnqueued:
            return False
        return True

    async def rescue(self, silent_s: float) -> None:
        """Put the jobs of dead workers back in.

        Args:
            silent_s: How many seconds without a sign of life make a worker dead.
        """
        manager = self.app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=silent_s):
            if job.attempts + 1 >= MOST_TRIES:
                await self._end(job, Status.FAILED, delete=False)
                continue
            try:
                await manager.retry_job(job)
            except UniqueViolation:  # another one waits, which does the same
                await self._end(job, Status.ABORTED, delete=True)

    async def clean(self) -> None:
        """Remove the jobs that failed for good long ago."""
        await self.app.job_manager.delete_old_jobs(nb_hours=KEPT_HOURS, include_failed=True)

    async def _end(self, job: Job, status: Status, *, delete: bool) -> None:
        await self.app.job_manager.finish_job_by_id_async(
            job_id=cast("int", job.id), status=status, delete_job=delete
        )

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Translate errors of the queue into ours."""
        try:
            with faults.explained(self.shown):
                yield
        except ConnectorException as exc:
            if isinstance(exc.__cause__, psycopg.Error):
                raise faults.meaning(exc.__cause__, self.shown) from exc
            raise StoreError(f"The queue in {self.shown} failed: {faults.said(exc)}") from exc


def _options(url: str) -> str:
    """The options of a connection to the queue: procrastinate names its tables without a schema."""
    options = conninfo_to_dict(url).get("options") or ""
    return f"{options} -c search_path={SCHEMA}".strip()


def _version(connection: Connection[Any]) -> str | None:
    """The last migration of the queue's tables; None if there are none."""
    found = connection.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s", [SCHEMA]
    ).fetchone()
    return None if found is None else found[0]


def _migrations() -> dict[str, str]:
    """The migrations of procrastinate, by name; they are applied in this order."""
    folder = Path(SchemaManager.get_migrations_path())
    return {each.stem: each.read_text(encoding="utf-8") for each in folder.glob("*.sql")}
