"""`helamem bench`: how well the memory does on published data, beside simpler systems.

Each command runs one experiment of `helamem.evaluation.experiments` on a file that is given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from helamem.cli.program import Command, Group
from helamem.cli.settings import App, pass_app, some_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Decorated = TypeVar("Decorated", bound="Callable[..., object]")

WIDE = 112  # characters that a line of the table takes
SYSTEMS = "default,paper,cosine,bm25,hybrid"


@click.group(cls=Group)
def bench() -> None:
    """Measure how well memories are found, and what learning adds.

    Simpler systems are measured beside it, on the same data.

    Example:
        helamem bench locomo --data locomo10.json
    """


def measuring(command: Decorated) -> Decorated:
    """The options of every experiment: the data, its form, the embedder, and where results go."""
    for option in reversed(
        (
            click.option(
                "--data",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                required=True,
                metavar="FILE",
                help="The data set's file.",
            ),
            click.option(
                "--form",
                type=click.Choice(["auto", "locomo", "longmemeval", "jsonl"]),
                default="auto",
                show_default=True,
                help="The data set's form; auto tells it from the file.",
            ),
            click.option(
                "--json",
                "output",
                type=click.File("w", encoding="utf-8", lazy=True, atomic=True),
                metavar="OUT",
                help="Write the results there as JSON; `-` for standard output.",
            ),
            some_options("--embedder", "--debug", "--verbose"),
        )
    ):
        command = option(command)
    return command


systems_option = click.option(
    "--systems", default=SYSTEMS, show_default=True, help="Which, separated by commas."
)
splits_option = click.option(
    "--splits",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="How often the questions are split in experience and test.",
)

passes_option = click.option(
    "--pass-splits",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="In how many of these the experience is gone through ten times.",
)


@bench.command(cls=Command)
@measuring
@systems_option
@some_options("--set")
@pass_app
def locomo(app: App, /, systems: str, **given: Any) -> None:
    """Measure retrieval: recall of evidence by rank, by category, and inside token budgets.

    A memory is built of each conversation, and every question is asked, read-only. `--set` changes
    the system `default`. Takes data of any form, not LoCoMo alone.

    Example:
        helamem bench locomo --data locomo10.json --systems default,cosine --json results.json
    """
    _measure(app, "locomo", "retrieval", given, systems=_names(systems), settings=app.settings)


@bench.command(cls=Command)
@measuring
@splits_option
@passes_option
@pass_app
def learning(app: App, /, splits: int, pass_splits: int, **given: Any) -> None:
    """Measure what learning adds: half of the questions are experience, the other half the test.

    Example:
        helamem bench learning --data locomo10.json --json learning.json
    """
    _measure(app, "learning", "learning", given, splits=splits, pass_splits=pass_splits)


@bench.command(cls=Command)
@measuring
@splits_option
@passes_option
@pass_app
def reuse(app: App, /, splits: int, pass_splits: int, **given: Any) -> None:
    """Measure what learning adds where the same needs come back in other words.

    Example:
        helamem bench reuse --data locomo10.json --json reuse.json
    """
    _measure(app, "reuse", "reuse", given, splits=splits, pass_splits=pass_splits)


@bench.command(cls=Command)
@measuring
@pass_app
def ablation(app: App, /, **given: Any) -> None:
    """Measure what each part is worth: each part of `default` off, each part of `paper` on.

    Example:
        helamem bench ablation --data locomo10.json --json ablation.json
    """
    _measure(app, "ablation", "ablation", given)


@bench.command(cls=Command)
@measuring
@pass_app
def sensitivity(app: App, /, **given: Any) -> None:
    """Measure how much each number among the settings matters, around its default.

    Example:
        helamem bench sensitivity --data locomo10.json --json sensitivity.json
    """
    _measure(app, "sensitivity", "sensitivity", given)


@bench.command(cls=Command)
@measuring
@systems_option
@pass_app
def budget(app: App, /, systems: str, **given: Any) -> None:
    """Measure recall against the tokens of the context.

    Example:
        helamem bench budget --data locomo10.json --json budget.json
    """
    _measure(app, "budget", "budget", given, systems=_names(systems))


@bench.command(cls=Command)
@measuring
@pass_app
def facts(app: App, /, **given: Any) -> None:
    """Measure what facts add: none, extracted ones, and those that LoCoMo's files record.

    Example:
        helamem bench facts --data locomo10.json --json facts.json
    """
    _measure(app, "facts", "facts", given)


@bench.command(cls=Command)
@measuring
@pass_app
def forgetting(app: App, /, **given: Any) -> None:
    """Measure what forgetting keeps, while distractors grow from one to twenty times as many.

    Example:
        helamem bench forgetting --data locomo10.json --json forgetting.json
    """
    _measure(app, "forgetting", "forgetting", given)


@bench.command(cls=Command)
@click.argument(
    "results",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("docs/evaluation"),
    show_default=True,
    help="The folder that the pages are written to.",
)
@some_options("--debug", "--verbose")
def report(results: tuple[Path, ...], out: Path) -> None:
    """Make pages of results: tables, plots, and the command behind each number.

    Example:
        helamem bench report learning.json ablation.json --out docs/evaluation
    """
    from helamem.evaluation import report as pages

    for file in pages.build(results, out):
        click.echo(str(file))


def _names(systems: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in systems.split(","))


def _measure(
    app: App, command: str, experiment: str, given: Mapping[str, Any], **settings: Any
) -> None:
    """Run an experiment, and show or write what it found."""
    from helamem.cli import display
    from helamem.evaluation import experiments

    output: IO[str] | None = given["output"]
    embedder = app.config().embedder
    quiet = app.as_json or (output is not None and output.name == "-")
    with display.progress(quiet) as show:
        result = experiments.run(
            experiment,
            given["data"],
            form=given["form"],
            embedder=embedder,
            progress=show,
            command=_command(command, given["data"], embedder, settings),
            **settings,
        )
    _report(result, output, as_json=quiet)


def _command(name: str, data: Path, embedder: str, settings: Mapping[str, Any]) -> str:
    """How to measure the same again, without the folders of whoever did."""
    words = [f"helamem bench {name} --data {data.name}"]
    if "systems" in settings:
        words.append(f"--systems {','.join(settings['systems'])}")
    if "splits" in settings:
        words.append(f"--splits {settings['splits']} --pass-splits {settings['pass_splits']}")
    words.append(f"--embedder {embedder}")
    words += [f"--set {key}={value}" for key, value in settings.get("settings", {}).items()]
    return " ".join(words)


def _report(result: dict[str, Any], output: IO[str] | None, *, as_json: bool) -> None:
    from helamem.cli import display
    from helamem.evaluation import report as pages

    text = json.dumps(result, ensure_ascii=False, indent=2)
    if output is not None:
        output.write(text + "\n")
    elif as_json:
        click.echo(text)
    if not as_json:
        pages.print_table(result, display.console(least=WIDE))
