"""`helamem worker`: background work for all namespaces of a database."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options
from helamem.errors import ConfigError, MissingExtraError
from helamem.places import is_url, shown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from helamem.worker.worker import Tally


@click.command(cls=Command)
@click.option("--once", is_flag=True, help="End when there is nothing left to do, for cron.")
@click.option("--forget", is_flag=True, help="Forget, too: once a day in each namespace.")
@click.option(
    "--reindex",
    is_flag=True,
    help="Reindex, too, if another embedder or an older language made the database.",
)
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Jobs at the same time."
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds between two looks for news.",
)
@click.option(
    "--silent",
    "silent_s",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds without a sign of life after which others do a worker's jobs.",
)
@shared_options
@pass_app
def worker(app: App, /, *, once: bool, **pace: Any) -> None:
    """Work in the background for all namespaces of a database.

    Where turns or lessons came in, it consolidates, and makes the indexes of large namespaces. Any number of
    workers share the work. With --once, the exit code is 1 if a job failed.

    Example:
        helamem worker --file postgresql://ana@db.example/memories
        helamem worker --once --file postgresql://ana@db.example/memories
    """
    place = app.path()
    if not is_url(place):
        raise ConfigError(
            f"{place} is a file, and workers are for databases. Run `helamem consolidate`, or set reflection.every; a "
            "database is named by --file postgresql://USER@HOST/DATABASE."
        )
    try:
        from helamem.worker.worker import Pace, Worker
    except ImportError as error:
        raise MissingExtraError("procrastinate", "worker") from error
    working = Worker(str(place), app.config(), Pace(**pace))
    if not once:
        app.note(f"Working for {shown(place)}.")
    tally = working.run(once=once)
    app.show(asdict(tally), lambda: _render_tally(tally))
    if once and tally.failed:
        raise SystemExit(1)


def _render_tally(tally: Tally) -> RenderableType:
    from helamem.cli import display

    failed = f"{tally.failed:,} failed, and will be tried again" if tally.failed else "none failed"
    return f"{display.counted(tally.done, 'job')} done, {failed}."
