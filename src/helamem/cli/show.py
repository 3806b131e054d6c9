"""The commands get, list, history, stats, export and config."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from helamem.cli import files
from helamem.cli.program import Command
from helamem.cli.settings import TABLE, App, pass_app, shared_options
from helamem.cli.values import conditions_of, filter_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from helamem.records import Change, Episode, Fact, Listing
    from helamem.reports import Stats


@click.command(cls=Command)
@click.argument("ids", type=int, nargs=-1, required=True, metavar="ID...")
@shared_options
@pass_app
def get(app: App, ids: tuple[int, ...]) -> None:
    """Show memories in full.

    Example:
        helamem get 1
    """
    with app.known_memory() as memory:
        memories = [memory.get(id_) for id_ in ids]
    app.show([each.to_dict() for each in memories], lambda: _render_in_full(memories))


@click.command("list", cls=Command)
@click.option(
    "--limit", type=int, help="The most to list; by default 20 in a table, and all elsewhere."
)
@click.option("--offset", default=0, help="How many to skip.")
@click.option("--superseded", is_flag=True, help="Also those that others have superseded.")
@filter_options
@shared_options
@pass_app
def list_(
    app: App,
    *,
    limit: int | None,
    offset: int,
    superseded: bool,
    conditions: dict[str, Any] | None,
    speaker: str | None,
    session: str | None,
) -> None:
    """List memories in the order of storing.

    Example:
        helamem list --speaker Ana --limit 5
    """
    filters = conditions_of(conditions, speaker, session)
    with app.known_memory() as memory:
        most = limit if limit is not None or app.is_for_programs() else TABLE
        listing = memory.list(filters=filters, limit=most, offset=offset, superseded=superseded)
    app.show(
        [each.to_dict() for each in listing],
        lambda: _render_listing(listing),
        columns=("id", "at", "speaker", "text"),
    )
    if app.is_for_programs():
        app.note(*listing.notes, *_note_of_more(listing))


def _render_listing(listing: Listing) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display

    below = [Text(each, "yellow") for each in (*listing.notes, *_note_of_more(listing))]
    return Group(display.memories(listing), *below)


def _note_of_more(listing: Listing) -> tuple[str, ...]:
    if not listing.more:
        return ()
    return (
        f"... and {listing.more:,} more; continue with --offset {listing.offset + len(listing)}",
    )


@click.command(cls=Command)
@click.argument("id_", type=int, metavar="ID")
@shared_options
@pass_app
def history(app: App, id_: int) -> None:
    """Show what happened to a memory.

    This is kept after the memory is deleted, without its text.

    Example:
        helamem history 1
    """
    with app.known_memory() as memory:
        changes = memory.history(id_)
    app.show([each.to_dict() for each in changes], lambda: _render_history(changes))


@click.command(cls=Command)
@shared_options
@pass_app
def stats(app: App) -> None:
    """Count what a memory holds.

    Example:
        helamem stats
    """
    with app.known_memory() as memory:
        counted = memory.stats()
    app.show(counted.to_dict(), lambda: _render_stats(counted))


@click.command(cls=Command)
@click.option(
    "--output",
    "-o",
    type=files.OutputFile(),
    default=files.STANDARD_OUTPUT,
    metavar="FILE",
    help="The file to write; standard output by default.",
)
@click.option("--all", "everything", is_flag=True, help="Export all namespaces of the file.")
@shared_options
@pass_app
def export(app: App, output: str, everything: bool) -> None:
    """Write a whole memory as JSON lines.

    `import` reads them, each namespace into its own. Vectors are left out and computed again.

    Example:
        helamem export --output maya.jsonl
    """
    with app.known_memory() as memory, files.writing(output, private=True) as file:
        for line in memory.export(all_namespaces=everything):
            file.write(json.dumps(line) + "\n")
        others = [each.name for each in memory.namespaces() if each.name != memory.namespace]
    if others and not everything:
        app.note(f"left out: {', '.join(others)}; --all takes every namespace")


@click.command(cls=Command)
@click.argument("section", default="")
@click.option("--all", "every", is_flag=True, help="Include the numbers of the ranking.")
@shared_options
@pass_app
def config(app: App, section: str, every: bool) -> None:
    """Show the settings, and where each came from.

    A section, like `spreading`, shows all of its settings. Numbers of the ranking, which may change in any
    release, are shown if they differ from the default, or with --all.

    Example:
        helamem config spreading
    """
    from helamem import config as settings
    from helamem.plain import plain

    resolved = app.resolved()
    names = [name for name in settings.names() if name.startswith(section)]
    if not names:
        raise click.UsageError(
            f"no setting begins with {section!r}; `helamem config --all` lists them"
        )
    rows = {
        name: {
            "value": plain(settings.value_of(resolved.config, name)),
            "origin": resolved.origins[name],
            "stable": settings.is_stable(name),
            "doc": settings.describe(name),
        }
        for name in names
    }
    app.show(rows, lambda: _render_settings(rows, every=every or bool(section)))


def _render_in_full(memories: Sequence[Episode | Fact]) -> RenderableType:
    from rich.console import Group

    from helamem.cli import display

    return Group(*(display.pairs(_filled_fields(each.to_dict())) for each in memories))


def _filled_fields(fields: dict[str, Any]) -> dict[str, str]:
    """A memory's fields in words; empty ones are left out."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in fields.items()
        if value not in ("", None, {}, [])
    }


def _render_history(changes: Sequence[Change]) -> RenderableType:
    from helamem.cli import display

    rows = display.table("when", "what", "the text before")
    for change in changes:
        rows.add_row(display.when(change.at), change.event, display.clipped(change.text or ""))
    return rows


def _render_stats(counted: Stats) -> RenderableType:
    from helamem.cli import display

    edges = ", ".join(f"{n:,} {channel}" for channel, n in counted.edges.items())
    first, last = counted.first_at, counted.last_at
    return display.pairs(
        {
            "namespace": counted.namespace,
            "episodes": f"{counted.episodes:,} in {display.counted(counted.sessions, 'session')}",
            "facts": f"{counted.facts:,}",
            "earlier questions": f"{counted.cues:,}",
            "edges": edges or "none",
            "speakers": ", ".join(counted.speakers[:8]) + (" ..." if counted.speakers[8:] else ""),
            "from": f"{display.when(first)} to {display.when(last)}" if first and last else "",
            "embedder": f"{counted.embedder} ({counted.dimension} dimensions)",
            "file": f"{counted.path} ({counted.file_bytes / 1e6:.2f} MB)",
        }
    )


def _render_settings(rows: dict[str, dict[str, Any]], *, every: bool) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display

    shown = display.table("setting", "value", "from", "what it does")
    left = 0
    for name, row in rows.items():
        style = "" if row["origin"] == "default" else "bold"
        if every or style or row["stable"]:
            shown.add_row(name, str(row["value"]), row["origin"], row["doc"], style=style)
        else:
            left += 1
    hint = (
        f"{display.counted(left, 'number')} of the ranking have their defaults; --all shows them."
    )
    return Group(shown, *([Text(hint, "dim")] if left else []))
