"""`helamem bench`: how well the memory does on published data, beside simpler systems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from helamem.cli.program import Command, Group
from helamem.cli.settings import App, pass_app, some_options

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDE = 112  # characters that a line of the table takes
SYSTEMS = "default,paper,cosine,bm25,hybrid"


@click.group(cls=Group)
def bench() -> None:
    """Measure how well memories are found.

    Simpler systems are measured beside it, on the same data.

    Example:
        helamem bench locomo --data locomo10.json
    """


@bench.command(cls=Command)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="LoCoMo's JSON.",
)
@click.option("--systems", default=SYSTEMS, show_default=True, help="Which, separated by commas.")
@click.option(
    "--json",
    "output",
    type=click.File("w", encoding="utf-8", lazy=True, atomic=True),
    metavar="OUT",
    help="Write the results there as JSON; `-` for standard output.",
)
@some_options("--embedder", "--set", "--debug", "--verbose")
@pass_app
def locomo(app: App, data: Path, systems: str, output: IO[str] | None) -> None:
    """Measure retrieval on LoCoMo's questions.

    A memory is built of each conversation, and every question is asked, read-only. `--set` changes
    the system `default`.

    Example:
        helamem bench locomo --data locomo10.json --systems default,cosine --json results.json
    """
    from helamem.cli import display
    from helamem.evaluation import runner

    names = [name.strip() for name in systems.split(",")]
    embedder = app.config().embedder
    quiet = app.as_json or (output is not None and output.name == "-")
    with display.progress(quiet) as show:
        result = runner.run_locomo(
            data,
            systems=names,
            embedder=embedder,
            settings=app.settings,
            progress=show,
            command=_command(data, names, embedder, app.settings),
        )
    _report(result, output, as_json=quiet)


def _command(data: Path, systems: Sequence[str], embedder: str, settings: dict[str, str]) -> str:
    """How to measure the same again, without the folders of whoever did."""
    changed = "".join(f" --set {name}={value}" for name, value in settings.items())
    return (
        f"helamem bench locomo --data {data.name} --systems {','.join(systems)} "
        f"--embedder {embedder}{changed}"
    )


def _report(result: dict[str, Any], output: IO[str] | None, *, as_json: bool) -> None:
    from helamem.cli import display
    from helamem.evaluation import report

    text = json.dumps(result, ensure_ascii=False, indent=2)
    if output is not None:
        output.write(text + "\n")
    elif as_json:
        click.echo(text)
    if not as_json:
        report.print_table(result, display.console(least=WIDE))
