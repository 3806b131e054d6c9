"""`helamem copy`: whole memories from a file into a database, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from helamem.reports import Copied


@click.command(cls=Command)
@click.argument("source")
@click.argument("target")
@shared_options
@pass_app
def copy(app: App, *, source: str, target: str) -> None:
    """Copy whole memories from one file or database into another.

    All namespaces are copied, or the one of --namespace. Each is copied in one step, and compared by counts and
    some searches; one that is there already is only compared, so a copy that was cut off can be started again. Vectors
    are computed anew, and histories of changes stay behind. The exit code is 1 if a copy differs.

    Example:
        helamem copy agent.db postgresql://ana@db.example/memories
        helamem copy --namespace maya postgresql://ana@db.example/memories maya.db
    """
    from helamem.cli import display
    from helamem.copying import copy_namespaces

    app.file = source
    app.require_file()
    namespaces = [app.namespace] if "namespace" in app.named else []
    copies: list[Copied] = []
    with display.progress(app.as_json) as show:
        for each in copy_namespaces(
            app.path(), App(file=target).path(), config=app.config(), namespaces=namespaces
        ):
            copies.append(each)
            show("copying", len(copies), None)
    app.show([each.to_dict() for each in copies], lambda: _render_copies(copies))
    if any(each.differences for each in copies):
        raise SystemExit(1)


def _render_copies(copies: Sequence[Copied]) -> RenderableType:
    from helamem.cli import display

    if not copies:
        return "There is nothing to copy."
    rows = display.table("namespace", "episodes", "facts", "stored now", "the copy")
    for each in copies:
        verdict = "; ".join(each.differences) or f"equal, also in {each.searches} searches"
        rows.add_row(
            each.namespace, f"{each.episodes:,}", f"{each.facts:,}", f"{each.stored:,}", verdict
        )
    return rows
