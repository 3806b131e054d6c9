"""`helamem doctor`: checks the installation, the settings and the file."""

from __future__ import annotations

import os
import platform
import re
import shutil
import time
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import click

from helamem.cli.program import EXPECTED, Command
from helamem.cli.settings import App, pass_app, shared_options
from helamem.errors import EmbedderMismatchError, LanguageMismatchError, StoreError
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from helamem.memory import Memory
    from helamem.reports import RepairReport, Stats

State: TypeAlias = Literal["ok", "missing", "old", "wrong"]
LOW_DISK = 100e6  # free bytes below which an import may fail


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check.

    Attributes:
        state: "ok"; "missing" is optional; "old" works but could be better; "wrong" needs attention.
        advice: What to do about it.
    """

    name: str
    state: State = "ok"
    detail: str
    advice: str = ""


@click.command(cls=Command)
@shared_options
@pass_app
def doctor(app: App) -> None:
    """Check the installation, the settings and the file.

    The exit code is 1 if something is wrong.

    Example:
        helamem doctor
    """
    findings = list(examine(app))
    sound = not any(each.state == "wrong" for each in findings)
    data = {"sound": sound, "findings": [asdict(each) for each in findings]}
    app.show(data, lambda: _render_findings(findings, sound))
    if not sound:
        raise click.exceptions.Exit(1)


def examine(app: App) -> Iterator[Finding]:
    """Check everything that a memory needs, from the interpreter to the file."""
    yield _check_python()
    yield from _check_packages()
    yield _check_sqlite()
    problem = _settings_problem(app)
    if problem is not None:
        yield problem
        return
    yield Finding(name="settings", detail=f"preset {app.config().preset}; see `helamem config`")
    yield _check_embedder(app)
    yield from _check_file(app)
    yield from _check_hooks()


def _check_python() -> Finding:
    detail = (
        f"{platform.python_implementation()} {platform.python_version()} on {platform.platform()}"
    )
    return Finding(name="Python", detail=detail)


def _check_sqlite() -> Finding:
    import sqlite3

    return Finding(name="SQLite", detail=sqlite3.sqlite_version)


def _check_packages() -> Iterator[Finding]:
    """helamem, its requirements and those of each extra, by the installed metadata."""
    yield Finding(name="helamem", detail=metadata.version("helamem"))
    for requirement in metadata.requires("helamem") or []:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", requirement)
        yield _check_package(name, extra[1] if extra else None)


def _check_package(name: str, extra: str | None) -> Finding:
    title = f"{name} [{extra}]" if extra else name
    try:
        return Finding(name=title, detail=metadata.version(name))
    except metadata.PackageNotFoundError:
        if extra is None:
            advice = "Install it with: pip install helamem"
            return Finding(name=title, state="wrong", detail="not installed", advice=advice)
        advice = f"Install it with: pip install 'helamem[{extra}]'"
        return Finding(name=title, state="missing", detail="not installed", advice=advice)


def _settings_problem(app: App) -> Finding | None:
    try:
        app.config()
    except EXPECTED as exc:
        return Finding(
            name="settings", state="wrong", detail=str(exc), advice="Correct it, or remove it."
        )
    return None


def _check_embedder(app: App) -> Finding:
    from helamem.models import embedders

    spec = app.config().embedder
    started = time.perf_counter()
    try:
        embedder = embedders.load(spec)
        embedder.embed(["Does the embedder work?"])
    except EXPECTED as exc:
        return Finding(
            name="embedder", state="wrong", detail=f"{spec}: {exc}", advice=_advice_on_embedders()
        )
    ms = 1e3 * (time.perf_counter() - started)
    detail = f"{embedder.name}, {embedder.dimension} dimensions, ready in {ms:.0f} ms"
    return Finding(name="embedder", detail=detail)


def _advice_on_embedders() -> str:
    return "Install what is missing, or choose another with --embedder or HELAMEM_EMBEDDER."


def _check_file(app: App) -> Iterator[Finding]:
    from helamem.places import is_there, is_url

    place = app.path()
    if not is_url(place):
        yield _check_folder(Path(place).parent)
    if not is_there(place):
        yield Finding(name="file", detail=f"{place} does not exist yet; the first command makes it")
        return
    try:
        with app.memory() as memory:
            yield from _check_memory(memory)
        if is_url(place):
            yield from _check_database(str(place), app.config().storage.connections)
    except EmbedderMismatchError as exc:
        advice = f"Use --embedder {exc.expected.partition('/')[0]}, or run helamem reindex."
        yield Finding(name="file", state="wrong", detail=str(exc), advice=advice)
    except LanguageMismatchError as exc:
        advice = f"Use --set language={exc.expected}, or run helamem reindex."
        yield Finding(name="file", state="wrong", detail=str(exc), advice=advice)
    except (StoreError, OSError) as exc:
        advice = "Or name another file with --file."  # the error says what to do
        yield Finding(name="file", state="wrong", detail=str(exc), advice=advice)


def _check_hooks() -> Iterator[Finding]:
    """The last error of a hook, which its host was never told."""
    from helamem.agents.calling import LOG
    from helamem.places import data_folder

    log = data_folder() / LOG
    if log.is_file():
        last = log.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]
        advice = f"{log} says when and where; remove that file once it is mended."
        yield Finding(name="hooks", state="old", detail=f"the last error: {last}", advice=advice)


@click.command(cls=Command)
@click.option("--yes", is_flag=True, help="Do it; without this, it is only shown.")
@shared_options
@pass_app
def repair(app: App, yes: bool) -> None:
    """Show what is wrong with a memory; --yes repairs it.

    The exit code is 1 if something is left that cannot be mended.

    Example:
        helamem repair
        helamem repair --yes
    """
    with app.known_memory() as memory:
        report = memory.repair(dry_run=not yes)
    app.show(report.to_dict(), lambda: _render_repair(report))
    if yes and report.left:
        raise SystemExit(1)


def _render_repair(report: RepairReport) -> RenderableType:
    from rich.text import Text

    if not report.mended and not report.left:
        return Text("Nothing is wrong.")
    lines = [f"{each}." for each in report.mended]
    if report.done:
        lines += [f"Not mended: {each}." for each in report.left]
    elif report.mended:
        lines.append("Nothing was changed; `helamem repair --yes` repairs it.")
    else:
        lines += [f"Cannot be mended: {each}." for each in report.left]
    return Text("\n".join(lines))


def _check_memory(memory: Memory) -> Iterator[Finding]:
    from helamem.cli import display

    problems = memory.check()
    stats = memory.stats()
    detail = f"{stats.path}, {stats.file_bytes / 1e6:.2f} MB, made with {stats.embedder}"
    if problems:
        advice = "Run helamem repair, which shows what it would do; --yes does it."
        yield Finding(name="file", state="wrong", detail="; ".join(problems), advice=advice)
    else:
        yield Finding(name="file", detail=f"{detail}, sound")
    yield _check_analysis(stats)
    counts = (
        display.counted(stats.episodes, "episode"),
        display.counted(stats.facts, "fact"),
        display.counted(stats.cues, "earlier question"),
    )
    yield Finding(name="namespace", detail=f"{memory.namespace}: {', '.join(counts)}")


def _check_analysis(stats: Stats) -> Finding:
    """Whether the file's terms were made by the current analysis."""
    from helamem.language import language_named

    made = f"words read with {stats.language} {stats.language_version}"
    now = language_named(stats.language).version
    if stats.language_version == now:
        return Finding(name="analysis", detail=made)
    if stats.language_version > now:
        advice = "Install a newer helamem: pip install -U helamem"
    else:
        advice = "Run helamem reindex; until then, older memories are found less well by words."
    return Finding(
        name="analysis",
        state="old",
        detail=f"{made}; this helamem reads with {stats.language} {now}",
        advice=advice,
    )


def _check_database(url: str, connections: int) -> Iterator[Finding]:
    """The server, and the indexes of the large namespaces."""
    from helamem.stores.postgres.news import News

    with News(url, connections=connections) as whole:
        server, pgvector = whole.versions()
        yield Finding(name="server", detail=f"PostgreSQL {server}, pgvector {pgvector}")
        overdue = whole.overdue()
    if overdue:
        advice = (
            "Let the owner of the tables run `helamem repair --yes` in that namespace; a worker of the owner's does it "
            "by itself when something is added."
        )
        yield Finding(name="indexes", state="old", detail="; ".join(overdue), advice=advice)


def _check_folder(folder: Path) -> Finding:
    """Check free space in the file's folder; a missing folder will be created when needed."""
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{folder}, {free / 1e9:.1f} GB free"
    if not os.access(existing, os.W_OK):
        advice = "Make it writable, or name a file elsewhere with --file."
        return Finding(
            name="folder", state="wrong", detail=f"{existing} is read-only", advice=advice
        )
    if free < LOW_DISK:
        return Finding(
            name="folder", state="wrong", detail=detail, advice="Free some space on this disk."
        )
    return Finding(name="folder", detail=detail)


def _render_findings(findings: list[Finding], sound: bool) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from helamem.cli import display

    marks = {
        "ok": ("ok", "green"),
        "missing": ("-", "yellow"),
        "old": ("old", "yellow"),
        "wrong": ("WRONG", "bold red"),
    }
    rows = Table.grid(padding=(0, 2))
    for each in _with_missing_as_one(findings):
        detail = Text(display.printable(each.detail))
        if each.advice:
            detail.append(f"\n{each.advice}", "yellow")
        rows.add_row(Text(*marks[each.state]), each.name, detail)
    verdict = Text("All is well.", "green") if sound else Text("Something is wrong.", "bold red")
    return Group(rows, Text(), verdict)


def _with_missing_as_one(findings: list[Finding]) -> list[Finding]:
    """The findings, with all optional packages that are not installed in the last of them."""
    missing = [each.name for each in findings if each.state == "missing"]
    others = [each for each in findings if each.state != "missing"]
    if not missing:
        return others
    advice = "Install what is in brackets as in: pip install 'helamem[client]'"
    detail = f"not installed: {', '.join(missing)}"
    return [*others, Finding(name="optional", state="missing", detail=detail, advice=advice)]
