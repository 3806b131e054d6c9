"""The commands ignored, lessons, undo and sever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from helamem.cli.program import Command
from helamem.cli.settings import TABLE, App, pass_app, shared_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from helamem.reports import Ignored, Lesson, Undone


@click.command(cls=Command)
@click.option(
    "--limit", type=int, help="The most to list; by default 20 in a table, and all elsewhere."
)
@shared_options
@pass_app
def lessons(app: App, limit: int | None) -> None:
    """List the latest lessons and consolidations.

    There is one line for each, latest first; `undo` takes their ids.

    Example:
        helamem lessons
    """
    with app.known_memory() as memory:
        found = memory.lessons(limit=limit)
    most = len(found) if limit is not None or app.is_for_programs() else TABLE
    app.show([each.to_dict() for each in found], lambda: _render_lessons(found, most))


@click.command(cls=Command)
@click.option("--at-least", default=5, show_default=True, help="How often they were shown.")
@shared_options
@pass_app
def ignored(app: App, at_least: int) -> None:
    """List memories that were shown and never used.

    They are counted where `reinforce` or `ask` says what served. `forget --ignored` lets them go.

    Example:
        helamem ignored --at-least 3
    """
    with app.known_memory() as memory:
        found = memory.ignored(at_least=at_least)
    app.show([each.to_dict() for each in found], lambda: _render_ignored(found))


@click.command(cls=Command)
@click.argument("id_", type=int, metavar="ID")
@shared_options
@pass_app
def undo(app: App, id_: int) -> None:
    """Undo a lesson or a consolidation.

    The memory is then as if it had never been learned.

    Example:
        helamem undo 1
    """
    with app.known_memory() as memory:
        undone = memory.undo(id_)
    app.show(undone.to_dict(), lambda: _render_undone(undone))


@click.command(cls=Command)
@click.argument("a", type=int)
@click.argument("b", type=int)
@shared_options
@pass_app
def sever(app: App, a: int, b: int) -> None:
    """Remove the learned edge between two memories.

    One of the two may be an earlier question, as `cues` lists them. No undo brings the edge back.

    Example:
        helamem sever 1 4
    """
    from rich.text import Text

    with app.known_memory() as memory:
        severed = memory.sever(a, b)
    sentence = "Removed the edge." if severed else "There was no learned edge."
    app.show({"severed": severed}, lambda: Text(sentence))


def _render_lessons(found: Sequence[Lesson], most: int) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display

    if not found:
        return Text("Nothing was learned yet; `helamem reinforce` and `helamem ask` learn.")
    rows = display.table("id", "when", "what", "memories", "question", right=("id",))
    for each in found[:most]:
        what = f"{each.kind}, undone" if each.undone else each.kind
        question = display.clipped(each.question or "")
        about = display.ids(each.used or each.facts)
        rows.add_row(str(each.id), display.when(each.at), what, about, question)
    more = len(found) - most
    return (
        Group(rows, Text(f"... and {more:,} more; --limit shows them", "yellow"))
        if more > 0
        else rows
    )


def _render_ignored(found: Sequence[Ignored]) -> RenderableType:
    from rich.text import Text

    from helamem.cli import display

    if not found:
        return Text("Nothing was shown that often without being used.")
    rows = display.table("id", "shown", "memory", right=("id", "shown"))
    for each in found:
        rows.add_row(str(each.id), f"{each.shown:,}", display.clipped(each.text))
    return rows


def _render_undone(undone: Undone) -> RenderableType:
    from rich.text import Text

    from helamem.cli import display

    lines = [f"Undone: {display.counted(undone.edges, 'edge')}"]
    if undone.removed:
        lines.append(f"Removed: {display.ids(undone.removed)}")
    if undone.left:
        lines.append(f"{undone.left:,} unchanged, since something else has changed them meanwhile")
    return Text("\n".join(f"{line}." for line in lines))
