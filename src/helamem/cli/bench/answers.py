"""`helamem bench answers`: measures answers of a language model."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helamem.cli.bench.options import measure, measuring
from helamem.cli.models import is_configured, language_model, llm_options
from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app
from helamem.cli.values import names, two_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helamem.protocols import LLM

FOLDER = "bench-answers"  # in the data folder, by default
TOLD = (  # what the command in a result says, in this order
    "systems",
    "max_tokens",
    "n_questions",
    "model",
    "judge",
    "prices",
    "judge_prices",
    "no_judge",
    "dry_run",
)


@click.command(cls=Command)
@measuring()
@click.option(
    "--systems",
    type=names,
    default="default",
    show_default=True,
    help="Whose findings the model answers from, separated by commas.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Most tokens of findings that the model sees; of `full-text`, always all.",
)
@click.option(
    "--questions",
    "n_questions",
    type=click.IntRange(1),
    metavar="N",
    help="Ask a sample of N questions, even over categories and always the same.",
)
@llm_options
@click.option(
    "--judge", metavar="MODEL", help="The judge, at the same server; the same model by default."
)
@click.option("--no-judge", is_flag=True, help="Use no judge; score by F1 and BLEU-1 alone.")
@click.option("--dry-run", is_flag=True, help="Call nobody; estimate calls, tokens and cost.")
@click.option(
    "--prices",
    type=two_numbers,
    metavar="IN,OUT",
    help="The price of a million tokens of the model, in and out.",
)
@click.option(
    "--judge-prices", type=two_numbers, metavar="IN,OUT", help="The same of another judge."
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The folder that keeps replies; one in the data folder by default.",
)
@click.option("--no-cache", is_flag=True, help="Keep no replies, and ask everything again.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="How many questions are asked at once.",
)
@pass_app
def answers(
    app: App,
    /,
    systems: tuple[str, ...],
    *,
    max_tokens: int,
    n_questions: int | None,
    judge: str | None,
    no_judge: bool,
    dry_run: bool,
    prices: tuple[float, float] | None,
    judge_prices: tuple[float, float] | None,
    cache: Path | None,
    no_cache: bool,
    workers: int,
    **options: Any,
) -> None:
    """Measure answers of a language model, and their cost.

    It answers from what each system finds, and it or another model judges.

    Replies are cached, so an interrupted run continues when the same command is given again.
    A call that fails is counted as failed, never as a wrong answer, and is asked again next time.

    Example:
        helamem bench answers --data locomo10.json --model gpt-4o-mini --dry-run --prices 0.15,0.60
    """
    if judge and no_judge:
        raise click.UsageError("--judge and --no-judge contradict each other; give one of them")
    place = None if no_cache else _reply_folder(app, cache)
    answering, judging = _models(app, judge, dry_run=dry_run)
    with _kept_replies("" if dry_run else place):
        result = measure(
            app,
            "answers",
            options,
            _words(click.get_current_context().params, app.config().llm.model),
            systems=systems,
            llm=answering,
            judge=judging,
            judged=not no_judge,
            dry_run=dry_run,
            cache=place,
            workers=workers,
            prices=prices or (0.0, 0.0),
            judge_prices=judge_prices,
            max_tokens=max_tokens,
            n_questions=n_questions,
        )
    for line in _advice_on_failures(result):
        click.echo(line, err=True)


def _words(options: Mapping[str, Any], model: str) -> list[str]:
    """The options that were given and change the result, as they are written on a command line."""
    values = {**options, "model": model}
    words = []
    for name in TOLD:
        value = values[name]
        if isinstance(value, tuple):
            value = ",".join(each if isinstance(each, str) else f"{each:g}" for each in value)
        if value:
            option = "--" + name.removeprefix("n_").replace("_", "-")
            words.append(option if value is True else f"{option} {value}")
    return words


@contextmanager
def _kept_replies(place: str | None) -> Iterator[None]:
    """If the block is interrupted, say where the replies so far are kept."""
    try:
        yield
    except KeyboardInterrupt:
        if place:
            click.echo(
                f"Stopped. The replies so far are kept in {place}; the same command goes on there.",
                err=True,
            )
        raise


def _reply_folder(app: App, cache: Path | None) -> str:
    """The folder for replies: the option, else the setting `llm.cache`."""
    from helamem.places import data_folder

    return str(cache or app.config().llm.cache or data_folder() / FOLDER)


def _models(app: App, judge: str | None, *, dry_run: bool) -> tuple[LLM | None, LLM | None]:
    """The model that answers, and the one that judges; None for a judge that is the same model."""
    uncached = _with_setting(app, "llm.cache", "")  # the experiment has its own cache
    answering = _model(uncached, dry_run=dry_run)
    if not judge:
        return answering, None
    return answering, _model(_with_setting(uncached, "llm.model", judge), dry_run=dry_run)


def _with_setting(app: App, setting: str, value: str) -> App:
    return replace(app, settings={**app.settings, setting: value})


def _model(app: App, *, dry_run: bool) -> LLM | None:
    """The model of the options; in a dry run, a stand-in that only counts."""
    if not dry_run:
        return language_model(app)
    if not is_configured(app):
        return None
    from helamem.evaluation.examining import Estimating
    from helamem.models.openai_chat import chat_name

    return Estimating(chat_name(app.config().llm.model))


def _advice_on_failures(result: dict[str, Any]) -> Iterator[str]:
    """Advice about failed calls."""
    if result["dry_run"]:
        return
    for system, entry in result["systems"].items():
        failed = entry["failed"] + entry["unjudged"]
        if failed:
            why = next(
                each["failed"] or each["unjudged"]
                for each in result["answers"][system]
                if each["failed"] or each["unjudged"]
            )
            yield (
                f"{system}: {failed} of the questions could not be answered or judged, the first because: {why}. "
                f"The same command asks these again, and only these."
            )
