"""The commands search and reinforce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from helamem.cli import lines
from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options
from helamem.cli.values import conditions_of, filter_options, ids, moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rich.console import RenderableType

    from helamem.memory import Memory
    from helamem.records import Episode, Fact
    from helamem.reports import Reinforcement
    from helamem.search.recall import Recall


@click.command(cls=Command)
@click.argument("query")
@click.option("-k", default=10, show_default=True, help="The most direct hits.")
@click.option(
    "--context",
    "max_tokens",
    type=int,
    metavar="TOKENS",
    help="Print a block for a prompt, of at most so many tokens.",
)
@click.option("--explain", is_flag=True, help="Show what each score is made of.")
@click.option(
    "--at", type=moment, metavar="TIME", help="When the question is asked; now by default."
)
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Show nothing if an answer is less probable.",
)
@filter_options
@shared_options
@pass_app
def search(
    app: App,
    *,
    query: str,
    k: int,
    max_tokens: int | None,
    explain: bool,
    at: datetime | None,
    min_confidence: float,
    conditions: dict[str, Any] | None,
    speaker: str | None,
    session: str | None,
) -> None:
    """Find what belongs to a question.

    Searching changes nothing; `reinforce` is how the memory learns.

    Example:
        helamem search "What should I not cook for Maya?" --explain
    """
    filters = conditions_of(conditions, speaker, session)
    with app.known_memory() as memory:
        found = memory.search(query, k=k, filters=filters, at=at, min_confidence=min_confidence)
        known = sources(memory, found) if explain else {}
        is_empty = not found and not memory.list(limit=1)
    if is_empty:
        app.note(
            f"The namespace {app.namespace!r} is empty; `helamem add` or `helamem import` comes first."
        )
        if not app.is_for_programs():
            return
    block = found.context(max_tokens) if max_tokens is not None else None
    if block is not None and not (app.as_json or app.ndjson):
        click.echo(block)
        return
    data = found.to_dict() | ({} if block is None else {"context": block})
    columns = () if explain else ("id", "score", "speaker", "at", "text")
    app.show(data, lambda: _render_recall(found, explain, known), columns=columns)
    if lines.is_piped() and columns and not app.as_json:
        app.note(*found.notes)


def _render_recall(
    found: Recall, explain: bool, known: Mapping[int, Episode | Fact]
) -> RenderableType:
    from helamem.cli import display

    return display.recall(found, explain=explain, known=known)


@click.command(cls=Command)
@click.argument("query")
@click.option("--used", type=ids, required=True, metavar="ID,ID", help="The memories that served.")
@click.option("--unhelpful", type=ids, metavar="ID,ID", help="Hits that misled.")
@click.option("-k", default=10, show_default=True, help="The most direct hits of the search.")
@click.option("--at", type=moment, metavar="TIME", help="When it is learned; now by default.")
@shared_options
@pass_app
def reinforce(
    app: App,
    *,
    query: str,
    used: tuple[int, ...],
    unhelpful: tuple[int, ...] | None,
    k: int,
    at: datetime | None,
) -> None:
    """Learn which memories served a question.

    Searches again, links the memories that served to each other and to the question, and weakens edges that
    led to unhelpful ones.

    Example:
        helamem reinforce "What should I not cook for Maya?" --used 1,4 --unhelpful 3
    """
    with app.known_memory() as memory:
        recall = memory.search(query, k=k, at=at)
        learned = memory.reinforce(recall, used, unhelpful=unhelpful or (), at=at)
    app.show(learned.to_dict(), lambda: _render_lesson(learned))


def sources(memory: Memory, found: Recall) -> dict[int, Episode | Fact]:
    """The memories that activation came from, by id, without cues."""
    wanted = {via.source for hit in found.hits for via in hit.via if via.source_kind != "cue"}
    return {id_: memory.get(id_) for id_ in sorted(wanted)}


def _render_lesson(learned: Reinforcement) -> RenderableType:
    from rich.text import Text

    from helamem.cli import display

    details = [
        f"{display.counted(learned.strengthened, 'association')} grew",
        f"the question is bound to {display.counted(learned.bound, 'memory', 'memories')}",
        f"{display.counted(learned.weakened, 'association')} weakened",
    ]
    return Text(f"Learned: {', '.join(details)}.")
