"""The commands consolidate, forget, facts and reindex."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from helamem.cli.models import is_configured, language_model, llm_options
from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options
from helamem.cli.values import moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from helamem.records import Episode, Fact
    from helamem.reports import ConsolidationReport, ForgetPlan, ReindexReport


@click.command(cls=Command)
@click.option(
    "--at", type=moment, metavar="TIME", help="The time to decay associations to; now, if left out."
)
@click.option("--no-llm", is_flag=True, help="Ask no language model, even if one is configured.")
@llm_options
@shared_options
@pass_app
def consolidate(app: App, at: datetime | None, no_llm: bool) -> None:
    """Distil what belongs together into facts.

    With a language model, if one is configured, and out of sentences otherwise. Associations that have
    grown faint are dropped. What was distilled before is left alone.

    Example:
        helamem consolidate
    """
    asked = is_configured(app) and not no_llm
    with app.known_memory() as memory:
        report = memory.consolidate(llm=language_model(app) if asked else False, at=at)
        new = [memory.get(id_) for id_ in report.facts_added]
    app.show(report.to_dict(), lambda: consolidated(report, new))


@click.command(cls=Command)
@click.option("--yes", is_flag=True, help="Do it; without this, nothing is removed.")
@click.option(
    "--at",
    type=moment,
    metavar="TIME",
    help="The time from which age is measured; now, if left out.",
)
@click.option(
    "--max-share",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="The largest share that goes at once; forgetting.max_share, if left out.",
)
@shared_options
@pass_app
def forget(app: App, yes: bool, at: datetime | None, max_share: float | None) -> None:
    """Show which episodes may go; --yes removes them.

    These are the episodes that are weakly associated, old, and were never used. Nothing goes as long as
    nothing was ever reinforced.

    Example:
        helamem forget
    """
    with app.known_memory() as memory:
        plan = memory.forget(at=at, max_share=max_share)
        gone = [memory.get(id_) for id_ in plan.ids[:SHOWN]]
        plan = memory.forget(dry_run=False, at=at, max_share=max_share) if yes else plan
    app.show(plan.to_dict(), lambda: _render_plan(plan, gone))


@click.command(cls=Command)
@shared_options
@pass_app
def reindex(app: App) -> None:
    """Make all vectors and terms anew.

    With --embedder, they are another embedder's from now on; with --set language=neutral, another
    language's. What a newer version of helamem reads otherwise is read so. The file stays usable
    meanwhile, and if this is stopped, the next run goes on where it was.

    Example:
        helamem reindex --embedder minilm
    """
    from helamem import memory
    from helamem.cli import display

    app.require_file()
    with display.progress(app.as_json) as show:
        done = memory.reindex_file(
            app.path(),
            namespace=app.namespace,
            config=app.config(),
            progress=lambda n: show("reindexing", n, None),
        )
    app.show(done.to_dict(), lambda: _render_reindexing(done))


@click.command(cls=Command)
@click.option("--superseded", is_flag=True, help="Also those that newer facts have replaced.")
@shared_options
@pass_app
def facts(app: App, superseded: bool) -> None:
    """List the facts, and what each rests on.

    Example:
        helamem facts
    """
    with app.known_memory() as memory:
        kept = memory.facts(superseded=superseded)
    app.show(
        [each.to_dict() for each in kept],
        lambda: _render_facts(kept),
        columns=("id", "valid_from", "speaker", "sources", "text"),
    )


def _render_facts(kept: Sequence[Fact]) -> RenderableType:
    from helamem.cli import display

    return display.facts(kept)


SHOWN = 10  # memories shown of a plan; the rest are only counted


def consolidated(report: ConsolidationReport, new: Sequence[Episode | Fact]) -> RenderableType:
    """A consolidation's report: a sentence, and a table of the new facts."""
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display
    from helamem.records import Fact

    told = [
        f"{display.counted(report.hubs, 'dense place')} found",
        f"{display.counted(report.clusters, 'cluster')} distilled",
        f"{report.unchanged:,} unchanged",
        f"{display.counted(len(report.facts_added), 'new fact')}",
        f"{display.counted(report.pruned, 'faint association')} dropped",
    ]
    if report.left:
        told.append(f"{display.counted(report.left, 'cluster')} left for the next time")
    problems = [Text(each, "yellow") for each in (*report.refused, *report.failed)]
    kept = [each for each in new if isinstance(each, Fact)]
    if report.usage["calls"]:
        told.append(f"{display.counted(report.usage['calls'], 'call')} to the language model")
    return Group(Text(f"{', '.join(told)}."), *([display.facts(kept)] if kept else []), *problems)


def counts(plan: ForgetPlan) -> str:
    """How many episodes a plan considers, and how many it keeps for which reason."""
    return (
        f"{plan.considered:,} considered: {len(plan.ids):,} may go, {plan.kept_strong:,} kept for their "
        f"associations; of the others, {plan.kept_young:,} are too young, {plan.kept_used:,} were used and "
        f"{plan.kept_marked:,} are marked to be kept."
    )


def _render_plan(plan: ForgetPlan, gone: Sequence[Episode | Fact]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display

    lines: list[RenderableType] = [Text(counts(plan))]
    if plan.refused:
        lines.append(Text(plan.refused, "yellow"))
    elif plan.left:
        lines.append(
            Text(
                f"{plan.left:,} more may go the next time; --max-share lets more go at once.", "dim"
            )
        )
    if gone:
        lines.append(display.memories(gone))
    if len(plan.ids) > len(gone):
        lines.append(Text(f"... and {len(plan.ids) - len(gone):,} more", "dim"))
    if not plan.ids:
        return Group(*lines)
    if plan.done:
        lines.append(Text(f"Forgotten: {display.counted(len(plan.ids), 'episode')}."))
    else:
        lines.append(Text("Nothing was removed; `helamem forget --yes` does it."))
    return Group(*lines)


def _render_reindexing(done: ReindexReport) -> RenderableType:
    from rich.text import Text

    from helamem.cli import display

    memories = display.counted(done.memories, "memory", "memories")
    return Text(
        f"Reindexed {memories} with {done.embedder} ({done.dimension} dimensions), "
        f"{done.language} {done.language_version}."
    )
