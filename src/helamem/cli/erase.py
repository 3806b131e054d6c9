"""The commands delete, erase, namespaces and cues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options
from helamem.cli.values import conditions_of, filter_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from helamem.records import Cue, Episode, Fact
    from helamem.reports import Erasure, Namespace

SHOWN = 10  # most memories of a plan that are shown
YES = "Remove them; without this, they are only shown."


@click.command(cls=Command)
@click.argument("ids", type=int, nargs=-1, metavar="[ID...]")
@filter_options
@click.option("--yes", is_flag=True, help=f"{YES} Ids need none.")
@shared_options
@pass_app
def delete(
    app: App,
    *,
    ids: tuple[int, ...],
    conditions: dict[str, Any] | None,
    speaker: str | None,
    session: str | None,
    yes: bool,
) -> None:
    """Remove memories for good.

    They are named by ids or by conditions; conditions only show what would go, unless --yes is given. Facts
    that rest on them alone and older versions of them go too, and their text is overwritten in the file.

    Example:
        helamem delete 12
        helamem delete --where '{"session": "trip"}' --yes
    """
    filters = conditions_of(conditions, speaker, session)
    if bool(ids) == (filters is not None):
        raise click.UsageError("name ids, or conditions with --where, --speaker or --session")
    with app.known_memory() as memory:
        shown: Sequence[Episode | Fact] = ()
        if filters is None:
            gone = memory.delete(*ids)
        else:
            shown = memory.list(filters=filters, limit=SHOWN)
            gone = memory.delete(filters=filters, dry_run=not yes)
    done = yes or filters is None
    app.show(
        {"deleted": list(gone), "done": done}, lambda: _render_deletion(gone, shown, done=done)
    )


@click.command(cls=Command)
@click.argument("name")
@click.option("--mentions", is_flag=True, help="Include what others said of them.")
@click.option("--yes", is_flag=True, help=YES)
@shared_options
@pass_app
def erase(app: App, name: str, mentions: bool, yes: bool) -> None:
    """Show everything of a person; --yes removes it for good.

    This is what they said, facts about them, earlier questions that name them, and what history keeps of
    these; with --mentions also what others said of them.

    Example:
        helamem erase Clara --mentions
    """
    with app.known_memory() as memory:
        done = memory.erase(name, mentions=mentions, dry_run=not yes)
    app.show(done.to_dict(), lambda: _render_erasure(done, mentions=mentions))


@click.command(cls=Command)
@click.option("--drop", metavar="NAME", help="The namespace to remove, with everything in it.")
@click.option("--yes", is_flag=True, help=YES)
@shared_options
@pass_app
def namespaces(app: App, drop: str | None, yes: bool) -> None:
    """List the namespaces of the file; --drop NAME removes one.

    Example:
        helamem namespaces
    """
    with app.known_memory() as memory:
        found = memory.namespaces()
        if drop is not None:
            found = tuple(each for each in found if each.name == drop)
            if yes or not found:
                memory.drop_namespace(drop)  # its error lists the existing ones
    data = {"namespaces": [each.to_dict() for each in found], "dropped": drop is not None and yes}
    app.show(
        data,
        lambda: _render_namespaces(found, drop=drop, done=yes),
        columns=("name", "episodes", "facts", "cues", "last_at"),
    )


@click.command(cls=Command)
@shared_options
@pass_app
def cues(app: App) -> None:
    """List the earlier questions.

    Each is bound to the memories that served it. `delete` takes their ids.

    Example:
        helamem cues
    """
    with app.known_memory() as memory:
        cues = memory.cues()
    app.show(
        [each.to_dict() for each in cues], lambda: _render_cues(cues), columns=("id", "at", "text")
    )


def _render_deletion(
    gone: Sequence[int], shown: Sequence[Episode | Fact], *, done: bool
) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display

    counted = f"{display.counted(len(gone), 'memory', 'memories')}"
    if done:
        return Text(f"Deleted {counted}" + (f": {display.ids(gone)}." if gone else "."))
    if not gone:
        return Text("No memory fits.")
    more = len(gone) - len(shown)
    lines: list[RenderableType] = [display.memories(shown)]
    if more > 0:
        lines.append(Text(f"... and {more:,} more", "dim"))
    lines.append(Text(f"{counted} would go. Nothing was removed; --yes removes them."))
    return Group(*lines)


def _render_erasure(done: Erasure, *, mentions: bool) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display

    going = {
        "what they said": done.turns,
        "facts": done.facts,
        "what others said of them": done.mentions,
        "earlier questions": done.cues,
    }
    rows = display.table("", "how many", "which", right=("how many",))
    for what, ids in going.items():
        rows.add_row(what, f"{len(ids):,}", display.ids(ids))
    rows.add_row("old texts in history", f"{done.history:,}", "")
    counts = ", ".join(
        f"{kind} {done.before[kind]:,} -> {done.after[kind]:,}" for kind in done.before
    )
    lines: list[RenderableType] = [rows, Text(), Text(f"{counts}.")]
    if done.left and not mentions:
        lines.append(
            Text(f"The name still stands in {display.ids(done.left)}; --mentions includes these.")
        )
    for word, ids in done.other_names.items():
        lines.append(
            Text(
                f"{word!r} may be another name: {display.ids(ids)}; `helamem erase {word}` shows more."
            )
        )
    sentence = f"Erased: {done.name}." if done.done else "Nothing was removed; --yes removes it."
    return Group(*lines, Text(display.printable(sentence)))


def _render_namespaces(
    found: Sequence[Namespace], *, drop: str | None, done: bool
) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display

    if not found:
        return Text("Nothing is remembered here.")
    rows = display.table("name", "episodes", "facts", "questions", "last", right=("episodes",))
    for each in found:
        last = display.when(each.last_at) if each.last_at else ""
        rows.add_row(
            display.printable(each.name), f"{each.episodes:,}", f"{each.facts:,}", f"{each.cues:,}", last
        )  # fmt: skip
    if drop is None:
        return rows
    sentence = f"Dropped: {drop}." if done else "Nothing was removed; --yes removes it."
    return Group(rows, Text(display.printable(sentence)))


def _render_cues(cues: Sequence[Cue]) -> RenderableType:
    from rich.text import Text

    from helamem.cli import display

    if not cues:
        return Text(
            "There are no earlier questions; `helamem reinforce` and `helamem ask` store them."
        )
    rows = display.table("id", "when", "question", right=("id",))
    for cue in cues:
        rows.add_row(str(cue.id), display.when(cue.at), display.clipped(cue.text))
    return rows
