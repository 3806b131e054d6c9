"""`helamem bench`: measures the memory on published data, beside simpler systems.

Each command runs one experiment of `helamem.evaluation.experiments`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helamem.cli.bench.answers import answers
from helamem.cli.bench.options import FILE, Decorated, amount, measure, measuring, on_folder, ready
from helamem.cli.program import Command, Group
from helamem.cli.settings import App, pass_app, some_options
from helamem.cli.values import names, whole_numbers
from helamem.evaluation import defaults
from helamem.places import is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@click.group(cls=Group)
def bench() -> None:
    """Measure how well memories are found, and what learning adds.

    Simpler systems are measured beside it, on the same data.

    Example:
        helamem bench locomo --data locomo10.json
    """


def systems_option(default: Sequence[str]) -> Callable[[Decorated], Decorated]:
    """The option that names the systems to measure."""
    return click.option(
        "--systems",
        type=names,
        default=",".join(default),
        show_default=True,
        help="Which, separated by commas.",
    )


splits_option = click.option(
    "--splits",
    type=click.IntRange(1),
    default=defaults.SPLITS,
    show_default=True,
    help="How often the questions are split into experience and test.",
)

passes_option = click.option(
    "--pass-splits",
    type=click.IntRange(0),
    default=defaults.PASS_SPLITS,
    show_default=True,
    help="In how many of these splits the experience is repeated ten times.",
)


@bench.command(cls=Command)
@measuring("locomo")
@systems_option(defaults.SYSTEMS)
@some_options("--set")
@pass_app
def locomo(app: App, /, systems: tuple[str, ...], **options: Any) -> None:
    """Measure retrieval on LoCoMo.

    Recall of evidence by rank, by category, and within token budgets. A memory is built of each
    conversation, and every question is asked without writing. `--set` changes the system `default`.

    Example:
        helamem bench locomo --data locomo10.json --systems default,cosine --json results.json
    """
    _retrieval(app, "locomo", systems, options)


@bench.command(cls=Command)
@measuring("longmemeval")
@systems_option(defaults.SYSTEMS)
@some_options("--set")
@pass_app
def longmemeval(app: App, /, systems: tuple[str, ...], **options: Any) -> None:
    """Measure retrieval on LongMemEval.

    Recall of turns and of sessions, on the files `_s`, `_m` and `oracle`. Each question has a history of
    its own, so a memory is built for every question; `--sample` takes some of them.

    Example:
        helamem bench longmemeval --data longmemeval_s.json --sample 50 --json results.json
    """
    _retrieval(app, "longmemeval", systems, options)


@bench.command(cls=Command)
@measuring()
@systems_option(defaults.SYSTEMS)
@some_options("--set")
@pass_app
def retrieval(app: App, /, systems: tuple[str, ...], **options: Any) -> None:
    """Measure retrieval on data of any form, your own too.

    Example:
        helamem bench retrieval --data tickets.jsonl --systems default,bm25
    """
    _retrieval(app, "retrieval", systems, options)


@bench.command(cls=Command)
@on_folder
@systems_option(defaults.SUITE)
@some_options("--set")
@pass_app
def suite(app: App, /, systems: tuple[str, ...], **options: Any) -> None:
    """Measure retrieval on every data set of a folder.

    All .json and .jsonl files, with one set of settings, in one table.

    Example:
        helamem bench suite --data corpora --json suite.json
    """
    measure(app, "suite", options, _systems_option(systems), systems=systems, settings=app.settings)


@bench.command(cls=Command)
@on_folder
@click.option("--fit", is_flag=True, help="Fit the model of confidence again, too.")
@pass_app
def abstention(app: App, /, *, fit: bool, **options: Any) -> None:
    """Measure whether the memory knows what it does not know.

    Each memory is asked what it can answer, the questions of the other memories about its own
    speakers, those marked as unanswerable, and nonsense.

    Example:
        helamem bench abstention --data corpora --json abstention.json
    """
    measure(app, "abstention", options, ["--fit"] if fit else [], fit=fit)


@bench.command(cls=Command)
@measuring()
@splits_option
@passes_option
@some_options("--set")
@pass_app
def learning(app: App, /, splits: int, pass_splits: int, **options: Any) -> None:
    """Measure what learning adds.

    Half of the questions are experience, the other half the test. `--set` holds for every arm.

    Example:
        helamem bench learning --data locomo10.json --json learning.json
    """
    _learning(app, "learning", options, splits=splits, pass_splits=pass_splits)


@bench.command(cls=Command)
@measuring()
@splits_option
@passes_option
@some_options("--set")
@pass_app
def reuse(app: App, /, splits: int, pass_splits: int, **options: Any) -> None:
    """Measure what learning adds if needs return in other words.

    Example:
        helamem bench reuse --data locomo10.json --json reuse.json
    """
    _learning(app, "reuse", options, splits=splits, pass_splits=pass_splits)


@bench.command(cls=Command)
@measuring()
@pass_app
def ablation(app: App, /, **options: Any) -> None:
    """Measure what each part of the mechanism is worth.

    Each part of `default` is switched off, and each part of `paper` on.

    Example:
        helamem bench ablation --data locomo10.json --json ablation.json
    """
    measure(app, "ablation", options)


@bench.command(cls=Command)
@measuring()
@pass_app
def sensitivity(app: App, /, **options: Any) -> None:
    """Measure how much single numbers of the ranking matter.

    Each number of activation and spreading is moved from half its default to twice as much.

    Example:
        helamem bench sensitivity --data locomo10.json --json sensitivity.json
    """
    measure(app, "sensitivity", options)


@bench.command(cls=Command)
@measuring()
@systems_option(defaults.ALL_SYSTEMS)
@pass_app
def budget(app: App, /, systems: tuple[str, ...], **options: Any) -> None:
    """Measure recall against the tokens of the context.

    Example:
        helamem bench budget --data locomo10.json --json budget.json
    """
    measure(app, "budget", options, _systems_option(systems), systems=systems)


@bench.command(cls=Command)
@measuring()
@pass_app
def facts(app: App, /, **options: Any) -> None:
    """Measure what distilled facts add.

    None, extracted ones, and those that LoCoMo's files record.

    Example:
        helamem bench facts --data locomo10.json --json facts.json
    """
    measure(app, "facts", options)


@bench.command(cls=Command)
@measuring()
@pass_app
def forgetting(app: App, /, **options: Any) -> None:
    """Measure what forgetting keeps, and what it loses.

    Distractors grow from one to twenty times as many as there are turns.

    Example:
        helamem bench forgetting --data locomo10.json --json forgetting.json
    """
    measure(app, "forgetting", options)


bench.add_command(answers)


@bench.command(cls=Command)
@measuring(needs_data=False)
@click.option(
    "--sizes",
    type=whole_numbers,
    default=",".join(map(str, defaults.SIZES)),
    show_default=True,
    help="The numbers of turns, separated by commas.",
)
@click.option(
    "--vs",
    type=names,
    metavar="NAMES",
    help="Others to measure beside it: released, numpy, bm25s, hebbmem.",
)
@click.option(
    "--within",
    type=click.FloatRange(min=1),
    default=defaults.WITHIN_S,
    show_default=True,
    metavar="SECONDS",
    help="How long each of the others may take at a size.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Keep the memories in a folder, and take those that it has.",
)
@pass_app
def speed(app: App, /, sizes: tuple[int, ...], vs: tuple[str, ...] | None, **options: Any) -> None:
    """Measure how fast a memory adds and searches.

    And how much room it takes, at several sizes. The turns and questions are those of --data or of the
    sample that comes with helamem, repeated with other words until there are enough.

    Example:
        helamem bench speed --sizes 1e3,1e4 --vs released,numpy
    """
    own = {name: options.pop(name) for name in ("within", "keep")}
    words = [f"--sizes {','.join(map(str, sizes))}"]
    if vs:
        words += [f"--vs {','.join(vs)}", f"--within {own['within']:g}"]
    measure(app, "speed", options, words, sizes=sizes, vs=vs or (), **own)


@bench.command(cls=Command)
@measuring(needs_data=False)
@click.option(
    "--store",
    metavar="FILE|URL",
    help="The file or database to fill, which must hold nothing else; a file that is thrown away by default.",
)
@amount("--namespaces", defaults.NAMESPACES, "How many namespaces.")
@amount("--turns", defaults.TURNS, "The turns of each.")
@amount("--large", defaults.LARGE, "The turns of one more namespace, which is large.", least=0)
@amount("--clients", defaults.CLIENTS, "How many processes ask at once.")
@amount("--requests", defaults.REQUESTS, "How many requests of each kind a process sends.")
@pass_app
def tenants(app: App, /, store: str | None, **options: Any) -> None:
    """Measure many namespaces in one place.

    Building them, searches and additions of many clients, lessons of several processes about the same
    memories, the room on disk, and one large namespace. What is built stays in the store, and is not built
    again. An index of the large namespace is made if the store has one.

    Example:
        helamem bench tenants --store postgresql://me@localhost/bench --namespaces 2000 --large 100000
    """
    amounts = {
        name: options.pop(name) for name in ("namespaces", "turns", "large", "clients", "requests")
    }
    words = [f"--{name} {number}" for name, number in amounts.items()]
    if store is not None:
        words = ["--store URL" if is_url(store) else "--store FILE", *words]
    measure(app, "tenants", options, words, store=store, loads=app.config().embedder, **amounts)


@bench.command(cls=Command)
@click.argument("results", nargs=-1, required=True, type=FILE)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("docs/evaluation"),
    show_default=True,
    help="The folder for the pages.",
)
@some_options("--debug", "--verbose")
def report(results: tuple[Path, ...], out: Path) -> None:
    """Make pages of results, with tables and plots.

    They say what did not help, and how the numbers were made. A list of all pages in the folder is made
    too.

    Example:
        helamem bench report learning.json ablation.json --out docs/evaluation
    """
    from helamem.evaluation import report as pages

    ready(out)
    for file in pages.build(results, out):
        click.echo(str(file))


def _retrieval(
    app: App, command: str, systems: tuple[str, ...], options: Mapping[str, Any]
) -> None:
    settings = {"systems": systems, "settings": app.settings}
    measure(app, "retrieval", options, _systems_option(systems), command=command, **settings)


def _learning(app: App, experiment: str, options: Mapping[str, Any], **splits: Any) -> None:
    words = [f"--{name.replace('_', '-')} {number}" for name, number in splits.items()]
    measure(app, experiment, options, words, **splits, settings=app.settings)


def _systems_option(systems: tuple[str, ...]) -> list[str]:
    return [f"--systems {','.join(systems)}"]
