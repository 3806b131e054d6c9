"""A worker: it looks for namespaces with news, puts in jobs for them, and works off the queue."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING
from uuid import UUID

from helamem.errors import StoreError
from helamem.frozen import dataclass
from helamem.stores.postgres.namespace import NOBODY, require_fit
from helamem.stores.postgres.news import News
from helamem.worker.jobs import Chores
from helamem.worker.queue import MOST_TRIES, Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helamem.config import Config

logger = logging.getLogger(__name__)

KINDS = ("consolidate", "forget", "index")  # of jobs that every worker does
BATCH = 500  # namespaces that are looked at together
FIRST_DELAY_S = 60  # before a job that failed is tried again; then twice as long each time
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a worker works.

    Attributes:
        jobs: How many jobs it does at once.
        every_s: Seconds between two looks for news.
        silent_s: Seconds without a sign of life after which a worker is taken for dead, and others do its jobs.
        forget: Whether to forget, too, at most once a day in each namespace.
        reindex: Whether to make vectors and terms anew that another embedder, or an older language, has made.
    """

    jobs: int = 1
    every_s: float = 30.0
    silent_s: float = 30.0
    forget: bool = False
    reindex: bool = False


@dataclass(slots=True)
class Tally:
    """How many jobs a worker has done, and how many failed."""

    done: int = 0
    failed: int = 0


class Worker:
    """Works for all namespaces of a database.

    Args:
        url: The database.
        config: The settings.
        pace: How it works.

    Attributes:
        tally: What it has done so far.

    Raises:
        StoreError: The database cannot be reached or used.
    """

    def __init__(self, url: str, config: Config, pace: Pace | None = None) -> None:
        self.tally = Tally()
        self._pace = pace or Pace()
        self._on_news = ["consolidate", *(["forget"] if self._pace.forget else [])]
        self._kinds = [*KINDS, *(["reindex"] if self._pace.reindex else [])]
        self._is_told_to_stop = False
        self._chores = Chores(url, config)
        self._news = News(url, connections=config.storage.connections)
        self._queue = Queue(url)
        self._add("consolidate", self._chores.consolidate)
        self._add("forget", self._chores.forget)
        self._add("index", self._chores.index)
        self._add("reindex", lambda _: self._chores.reindex() if self._is_behind() else None)

    def run(self, *, once: bool = False) -> Tally:
        """Work until a signal says to stop; what is begun is finished first.

        Args:
            once: Whether to end when no job is left that could run now.

        Raises:
            EmbedderMismatchError, LanguageMismatchError: Another one made the database, and this worker is not told
                to make it anew.
            StoreError: The database was lost; jobs that were not finished are done by others, or later.
        """
        with self._news:
            self._require_fit()
            self._queue.prepare()
            with self._queue.explained():
                asyncio.run(self._work_off() if once else self._serve())
        return self.tally

    def _require_fit(self) -> None:
        recorded = self._news.analysis()
        if recorded is not None and not self._pace.reindex:
            require_fit(self._queue.shown, recorded, self._chores.analysis)

    def _is_behind(self) -> bool:
        """Whether the database was made by something else than this worker's embedder and language."""
        recorded, mine = self._news.analysis(), self._chores.analysis
        if recorded is None or (
            recorded.version > mine.version and recorded.language == mine.language
        ):
            return False
        return recorded != mine

    async def _work_off(self) -> None:
        async with self._queue.app.open_async():
            ended = -1
            while ended != self._ended() and not self._is_told_to_stop:
                ended = self._ended()
                await self._look()
                await self._work(wait=False)

    def _ended(self) -> int:
        return self.tally.done + self.tally.failed

    async def _serve(self) -> None:
        async with self._queue.app.open_async():
            tasks = [
                asyncio.create_task(self._keep_looking()),
                asyncio.create_task(self._work(wait=True)),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in tasks:
                each.cancel()  # the second finishes its jobs
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome
        if not self._is_told_to_stop:
            raise StoreError(
                f"The queue in {self._queue.shown} was lost. Start the worker again when the server is back."
            )

    async def _keep_looking(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(self._pace.every_s)

    async def _look(self) -> None:
        """Put in jobs for the namespaces with news, and those of dead workers again.

        Raises:
            EmbedderMismatchError, LanguageMismatchError: The database was made anew by another one meanwhile.
        """
        await asyncio.to_thread(self._require_fit)
        await self._queue.rescue(self._pace.silent_s)
        await self._queue.clean()
        if self._pace.reindex and await asyncio.to_thread(self._is_behind):
            await self._queue.put("reindex", None, priority=1)
        after = NOBODY
        while found := await asyncio.to_thread(self._news.waiting, after=after, limit=BATCH):
            large = await asyncio.to_thread(self._news.to_be_indexed, found)
            for each in found:
                for kind in [*self._on_news, *(["index"] if each.namespace in large else [])]:
                    await self._queue.put(kind, each.namespace)
            await asyncio.to_thread(self._news.take, found)
            after = found[-1].namespace

    async def _work(self, *, wait: bool) -> None:
        """Do jobs until told to stop, or until there are none."""
        with self._listening(), contextlib.suppress(asyncio.CancelledError):
            await self._queue.app.run_worker_async(
                queues=self._kinds,
                wait=wait,
                concurrency=self._pace.jobs,
                listen_notify=wait,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=self._pace.silent_s / 3,
                stalled_worker_timeout=self._pace.silent_s,
            )

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Let signals cancel this task, which then finishes its jobs."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            self._is_told_to_stop = True
            if task is not None:
                task.cancel()

        for each in SIGNALS:
            loop.add_signal_handler(each, stop)
        try:
            yield
        finally:
            for each in SIGNALS:
                loop.remove_signal_handler(each)

    def _add(self, kind: str, do: Callable[[str], bool | None]) -> None:
        """Say what a kind of job does, to a namespace or to the whole database."""

        async def job(namespace: str, tries: int = 0) -> None:
            where, whose = UUID(namespace) if namespace else None, namespace or "all namespaces"
            logger.info("%s of %s: begun", kind, whose)
            try:
                is_left = await asyncio.to_thread(self._do, do, where)
            except Exception as exc:  # whatever it is, it is told, and tried again
                if not await self._try_again(kind, where, tries + 1, exc):
                    raise
                return
            self.tally.done += 1
            logger.info("%s of %s: done", kind, whose)
            if is_left:
                await self._queue.put(kind, where)

        self._queue.app.task(name=kind, queue=kind)(job)

    async def _try_again(
        self, kind: str, namespace: UUID | None, tries: int, error: Exception
    ) -> bool:
        """Put a job that failed in once more, for later; False if it was the last try."""
        self.tally.failed += 1
        if tries == MOST_TRIES:
            return False
        delay_s = FIRST_DELAY_S * 2 ** (tries - 1)
        logger.warning("%s of %s failed, next try in %d s: %s", kind, namespace, delay_s, error)
        await self._queue.put(kind, namespace, delay_s=delay_s, tries=tries)
        return True

    def _do(self, do: Callable[[str], bool | None], namespace: UUID | None) -> bool:
        name = "" if namespace is None else self._news.name(namespace)
        return name is not None and bool(do(name))
