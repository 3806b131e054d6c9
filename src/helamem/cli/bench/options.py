"""Shared by the commands of `bench`: the options of an experiment, running it, and writing its result."""

from __future__ import annotations

import json
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from helamem.cli import files
from helamem.cli.settings import some_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from helamem.cli.settings import App

Decorated = TypeVar("Decorated", bound="Callable[..., object]")

# Settings that change what is measured; the others name files and models.
MEASURED = {
    "preset",
    "candidates",
    "activation",
    "spreading",
    "cues",
    "selection",
    "reranking",
    "learning",
    "consolidation",
    "forgetting",
}

WIDE = 112  # characters of a line of the table
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_DATA = {
    needed: click.option(
        "--data", type=FILE, required=needed, metavar="FILE", help="The data set's file."
    )
    for needed in (True, False)
}
_FORM = click.option(
    "--form",
    type=click.Choice(["auto", "locomo", "longmemeval", "jsonl"]),
    default="auto",
    show_default=True,
    help="The data set's form; auto tells it from the file.",
)
_CORRECTIONS = click.option(
    "--corrections",
    type=FILE,
    metavar="FILE",
    help="Score on corrected evidence: errors.json of the audit of LoCoMo.",
)
_SAMPLE = click.option(
    "--sample",
    type=click.IntRange(1),
    metavar="N",
    help="Take N of the conversations, drawn at random but always the same.",
)
_JSON = click.option(
    "--json",
    "output",
    type=files.OutputFile(),
    metavar="OUT",
    help="The file for the results, as JSON; `-` is standard output.",
)
_OUT = click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write the results into a folder: JSON, a page with tables, and plots.",
)


FOLDER_OF_DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER",
    help="The folder of the data sets.",
)


def amount(
    name: str, default: int, text: str, *, least: int = 1
) -> Callable[[Decorated], Decorated]:
    """An option of an experiment that is a whole number."""
    return click.option(
        name, type=click.IntRange(least), default=default, show_default=True, metavar="N", help=text
    )


def on_folder(command: Decorated) -> Decorated:
    """Add the options of an experiment on a folder of data sets to a command."""
    own = some_options("--embedder", "--debug", "--verbose")
    for option in reversed((FOLDER_OF_DATA, _SAMPLE, _JSON, _OUT, own)):
        command = option(command)
    return command


def measuring(form: str = "auto", *, needs_data: bool = True) -> Callable[[Decorated], Decorated]:
    """Add the options of every experiment to a command: data, embedder, and results.

    Args:
        form: The only form of data that the command takes; None for any.
        needs_data: Whether the command needs data other than helamem's own sample.
    """
    about_data = {
        "auto": (_FORM, _CORRECTIONS),
        "locomo": (_CORRECTIONS,),
        "longmemeval": (),
    }[form]

    def decorate(command: Decorated) -> Decorated:
        own = some_options("--embedder", "--debug", "--verbose")
        for option in reversed((_DATA[needs_data], *about_data, _SAMPLE, _JSON, _OUT, own)):
            command = option(command)
        return command

    return decorate


def measure(
    app: App,
    experiment: str,
    options: Mapping[str, Any],
    words: Sequence[str] = (),
    *,
    command: str = "",
    **settings: Any,
) -> dict[str, Any]:
    """Run an experiment, and show or write its result.

    Args:
        options: The values of the shared options.
        words: The experiment's own options, as they are written on a command line.
        command: The command's name, if it is not the experiment's.
        settings: The values of the experiment's own options.
    """
    from helamem.cli import display
    from helamem.evaluation import experiments

    refuse_unsaid(app, command or experiment, settings.get("settings"))
    if options["folder"] is not None:
        ready(options["folder"])  # errors are reported before hours of work, not after
    embedder = app.config().embedder
    quiet = app.as_json or options["output"] == files.STANDARD_OUTPUT
    with display.progress(quiet) as show, _data_file(options) as data:
        result = experiments.run(
            experiment,
            data,
            form=options.get("form", command if command in ("locomo", "longmemeval") else "auto"),
            corrections=options.get("corrections"),
            sample=options["sample"],
            embedder=embedder,
            progress=show,
            command=command_line(
                command or experiment, options, embedder, words, settings.get("settings", {})
            ),
            **settings,
        )
    publish(result, options, as_json=app.as_json)
    return result


def ready(folder: Path) -> None:
    """Check that pages can be written into a folder, and their plots drawn.

    Raises:
        MissingExtraError: matplotlib is not installed.
        UsageError: The folder is not writable.
    """
    from helamem.evaluation import figures

    figures.require_matplotlib()
    files.ready_folder(folder)


def refuse_unsaid(app: App, command: str, set_here: Mapping[str, str] | None) -> None:
    """Refuse settings from anywhere but `--set`: the command line must say all that made the numbers.

    Args:
        set_here: The settings of `--set`; None if the command has no such option.

    Raises:
        ConfigError: Another setting would change what is measured.
    """
    from helamem.errors import ConfigError

    unsaid = list(_settings_from_elsewhere(app, set_here or {}))
    if not unsaid:
        return
    found = ", ".join(f"{name} = {value} (from {origin})" for name, value, origin in unsaid)
    undo = ", ".join(dict.fromkeys(_how_to_undo(origin) for _, _, origin in unsaid))
    if set_here is None:
        raise ConfigError(
            f"`bench {command}` measures the defaults, and takes no settings; found {found}: {undo}"
        )
    again = " ".join(f"--set {name}={value}" for name, value, _ in unsaid)
    raise ConfigError(
        f"`bench {command}` measures the defaults, with what --set says; found {found}: "
        f"say {again}, or {undo}"
    )


def _settings_from_elsewhere(
    app: App, set_here: Mapping[str, str]
) -> Iterator[tuple[str, Any, str]]:
    """Each setting that differs from what is measured, with its value and origin."""
    from helamem import config

    resolved, measured = app.resolved(), config.Config.of(**set_here)
    for name in config.names():
        value, origin = config.value_of(resolved.config, name), resolved.origins[name]
        if name.partition(".")[0] not in MEASURED or value == config.value_of(measured, name):
            continue
        if not origin.startswith("preset "):  # settings of a preset are reported by its name
            yield name, value, _option(app, name) if origin == "argument" else origin


def _how_to_undo(origin: str) -> str:
    """How to undo a setting from an origin."""
    if origin.startswith("HELAMEM_"):
        return f"unset {origin}"
    return f"leave out {origin}" if origin.startswith("--") else f"take it out of {origin}"


def _option(app: App, name: str) -> str:
    return "--preset" if name == "preset" and app.preset else "--set"


@contextmanager
def _data_file(options: Mapping[str, Any]) -> Iterator[Path]:
    """The file of the options, or the sample that comes with helamem."""
    if options["data"]:
        yield options["data"]
        return
    sample = resources.files("helamem").joinpath("cli/sample.json")
    with resources.as_file(sample) as file:
        yield file


def command_line(
    name: str,
    options: Mapping[str, Any],
    embedder: str,
    words: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
) -> str:
    """The command that repeats the measurement, without folders of this machine."""
    line = [f"helamem bench {name}"]
    if options["data"]:
        line.append(f"--data {options['data'].name}")
    if options.get("form", "auto") != "auto":
        line.append(f"--form {options['form']}")
    if options.get("corrections"):
        line.append(f"--corrections {options['corrections'].name}")
    if options["sample"] is not None:
        line.append(f"--sample {options['sample']}")
    kind, of_folder, folder = embedder.partition(":")
    if of_folder and kind in ("minilm", "onnx", "static"):
        embedder = f"{kind}:{Path(folder).name}"
    line += [*words, f"--embedder {embedder}"]
    return " ".join([*line, *(f"--set {name}={value}" for name, value in (settings or {}).items())])


def publish(result: Mapping[str, Any], options: Mapping[str, Any], *, as_json: bool) -> None:
    """Write a result as the options say, and show it as a table or as JSON."""
    from helamem.cli import display
    from helamem.evaluation import report

    text = json.dumps(result, indent=2) + "\n"
    output = options["output"]
    if output is not None:
        with files.writing(output) as file:
            file.write(text)
    if options["folder"] is not None:
        for written in report.publish(result, options["folder"]):
            click.echo(str(written), err=True)
    if output == files.STANDARD_OUTPUT:
        return
    if as_json:
        click.echo(text, nl=False)
    else:
        report.print_table(result, display.console(least=WIDE))
