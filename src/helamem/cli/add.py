"""The commands add, update, correct and revert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options
from helamem.cli.values import json_object, moment

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import RenderableType

    from helamem.records import Receipt


@click.command(cls=Command)
@click.argument("texts", nargs=-1, required=True, metavar="TEXT...")
@click.option("--speaker", help="Who said it.")
@click.option("--role", help="The speaker's part in a chat: user, assistant, system or tool.")
@click.option("--session", help="The conversation.")
@click.option(
    "--at",
    type=moment,
    metavar="TIME",
    help="When it was said, like 2025-03-03T19:10:00Z; now by default.",
)
@click.option("--metadata", type=json_object, metavar="JSON", help="A JSON object to filter by.")
@click.option("--supersedes", type=int, metavar="ID", help="The memory that it replaces.")
@shared_options
@pass_app
def add(
    app: App,
    *,
    texts: tuple[str, ...],
    speaker: str | None,
    role: str | None,
    session: str | None,
    at: datetime | None,
    metadata: dict[str, Any] | None,
    supersedes: int | None,
) -> None:
    """Remember one or several texts.

    `-` is all of standard input, as one text. Use `import` for a file with many turns.

    Example:
        helamem add "Maya is allergic to peanuts." --speaker Ana
    """
    messages = [_standard_input() if text == "-" else text for text in texts]
    with app.memory() as memory:
        receipt = memory.add(
            messages,
            speaker=speaker,
            role=role,
            session=session,
            at=at,
            metadata=metadata,
            supersedes=supersedes,
        )
    show_receipt(app, receipt)


@click.command(cls=Command)
@click.argument("id_", type=int, metavar="ID")
@click.argument("text", required=False)
@click.option(
    "--metadata", type=json_object, metavar="JSON", help="The new metadata, a JSON object."
)
@shared_options
@pass_app
def update(app: App, id_: int, text: str | None, metadata: dict[str, Any] | None) -> None:
    """Change what an episode says, or its metadata.

    `history` keeps the old text.

    Example:
        helamem update 1 "Maya is allergic to peanuts and almonds."
    """
    from helamem.cli import display

    if text is None and metadata is None:
        raise click.UsageError("give the new text, --metadata, or both")
    with app.known_memory() as memory:
        episode = memory.update(id_, text, metadata=metadata)
    app.show(episode.to_dict(), lambda: display.memories([episode]))


@click.command(cls=Command)
@click.argument("id_", type=int, metavar="ID")
@click.argument("text")
@shared_options
@pass_app
def correct(app: App, id_: int, text: str) -> None:
    """Correct what a memory says; `revert` undoes it.

    A new memory replaces it. The old one is kept, but no search returns it.

    Example:
        helamem correct 1 "Maya is allergic to walnuts."
    """
    from helamem.cli import display

    with app.known_memory() as memory:
        corrected = memory.correct(id_, text)
    app.show(corrected.to_dict(), lambda: display.memories([corrected]))


@click.command(cls=Command)
@click.argument("id_", type=int, metavar="ID")
@shared_options
@pass_app
def revert(app: App, id_: int) -> None:
    """Undo the correction of a memory.

    The old memory is valid again; `list --superseded` shows superseded ones.

    Example:
        helamem revert 1
    """
    from helamem.cli import display

    with app.known_memory() as memory:
        restored = memory.revert(id_)
    app.show(restored.to_dict(), lambda: display.memories([restored]))


def show_receipt(app: App, receipt: Receipt) -> None:
    """Print a receipt."""
    app.show(receipt.to_dict(), lambda: _render_receipt(receipt))


def _standard_input() -> str:
    from helamem.exchange import archives

    try:
        with click.open_file("-", "rb") as stream:
            text = archives.read(stream, "standard input").decode().replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        raise ValueError("standard input is not UTF-8 text; nothing was stored") from exc
    return text.removesuffix("\n")  # added by `echo`


def _render_receipt(receipt: Receipt) -> RenderableType:
    from rich.text import Text

    from helamem.cli import display

    lines = [f"Stored {display.counted(len(receipt.stored), 'turn')}"]
    if receipt.stored:
        lines[0] += f": {display.ids(receipt.stored)}"
    there = [each.id for each in receipt.skipped if each.id is not None]
    if there:
        lines.append(f"{display.counted(len(there), 'turn')} already there: {display.ids(there)}")
    if receipt.superseded:
        lines.append(f"Superseded: {display.ids(receipt.superseded)}")
    lines += [f"Left out: {each.reason}" for each in receipt.skipped if each.id is None]
    lines += [f"#{each.id}: {each.reason}" for each in receipt.degraded]
    return Text("\n".join(f"{line}." for line in lines))
