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
    "--at",
    type=moment,
    metavar="TIME",
    help="The time to which associations decay; now by default.",
)
@click.option("--no-llm", is_flag=True, help="Use no language model, even if one is configured.")
@llm_options
@shared_options
@pass_app
def consolidate(app: App, at: datetime | None, no_llm: bool) -> None:
    """Distil densely associated turns into facts.

    A language model writes the facts if one is configured; otherwise they are sentences. Faint associations
    are dropped, and what was distilled before is left alone.

    Example:
        helamem consolidate
    """
    asked = is_configured(app) and not no_llm
    with app.known_memory() as memory:
        report = memory.consolidate(llm=language_model(app) if asked else False, at=at)
        new = [memory.get(id_) for id_ in report.facts_added]
    app.show(report.to_dict(), lambda: consolidated(report, new))


@click.command(cls=Command)
@click.option("--yes", is_flag=True, help="Remove them; without this, they are only shown.")
@click.option(
    "--at",
    type=moment,
    metavar="TIME",
    help="The time from which age is measured; now by default.",
)
@click.option(
    "--max-share",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="The largest share to remove; forgetting.max_share by default.",
)
@click.option(
    "--ignored",
    type=click.IntRange(1),
    metavar="TIMES",
    help="How often shown and never used counts as old.",
)
@shared_options
@pass_app
def forget(
    app: App,
    *,
    yes: bool,
    at: datetime | None,
    max_share: float | None,
    ignored: int | None,
) -> None:
    """Show which episodes may go; --yes removes them.

    These are weakly associated, old, and were never used. Nothing goes while nothing was ever reinforced.

    Example:
        helamem forget
    """
    with app.known_memory() as memory:
        plan = memory.forget(at=at, max_share=max_share, ignored=ignored)
        gone = [memory.get(id_) for id_ in plan.ids[:SHOWN]]
        if yes:
            plan = memory.forget(dry_run=False, at=at, max_share=max_share, ignored=ignored)
    app.show(plan.to_dict(), lambda: _render_plan(plan, gone))


@click.command(cls=Command)
@shared_options
@pass_app
def reindex(app: App) -> None:
    """Compute all vectors and terms again.

    Use it after an update that reads texts otherwise, with --embedder for another embedder, or with
    --set language=neutral for another language. The file stays usable meanwhile; a stopped run is continued
    by the next.

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
@click.option("--superseded", is_flag=True, help="Include facts that newer ones replaced.")
@shared_options
@pass_app
def facts(app: App, superseded: bool) -> None:
    """List the facts, and what each rests on.

    Example:
        helamem facts
    """
    with app.known_memory() as memory:
        facts = memory.facts(superseded=superseded)
    app.show(
        [each.to_dict() for each in facts],
        lambda: _render_facts(facts),
        columns=("id", "valid_from", "speaker", "sources", "text"),
    )


def _render_facts(facts: Sequence[Fact]) -> RenderableType:
    from helamem.cli import display

    return display.facts(facts)


SHOWN = 10  # most memories of a plan that are shown
NO_HUBS = "Without a language model, facts come from memories that served together: `helamem reinforce` links them."


def consolidated(report: ConsolidationReport, new: Sequence[Episode | Fact]) -> RenderableType:
    """A consolidation's report: a sentence, and a table of the new facts."""
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display
    from helamem.records import Fact

    counts = [
        f"{display.counted(report.hubs, 'hub')} found",
        f"{display.counted(report.clusters, 'cluster')} distilled",
        f"{report.unchanged:,} unchanged",
        f"{display.counted(len(report.facts_added), 'new fact')}",
        f"{display.counted(report.pruned, 'faint association')} dropped",
    ]
    if report.left:
        counts.append(f"{display.counted(report.left, 'cluster')} left for the next time")
    problems = [Text(each, "yellow") for each in (*report.refused, *report.failed)]
    facts = [each for each in new if isinstance(each, Fact)]
    if report.usage["calls"]:
        counts.append(f"{display.counted(report.usage['calls'], 'call')} to the language model")
    elif not report.hubs:
        problems.append(Text(NO_HUBS, "dim"))
    return Group(
        Text(f"{', '.join(counts)}."), *([display.facts(facts)] if facts else []), *problems
    )


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
                f"{plan.left:,} more may go the next time, or now with a larger --max-share.", "dim"
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
        lines.append(Text("Nothing was removed; `helamem forget --yes` removes them."))
    return Group(*lines)


def _render_reindexing(done: ReindexReport) -> RenderableType:
    from rich.text import Text

    from helamem.cli import display

    memories = display.counted(done.memories, "memory", "memories")
    return Text(
        f"Reindexed {memories} with {done.embedder} ({done.dimension} dimensions), "
        f"{done.language} {done.language_version}."
    )
