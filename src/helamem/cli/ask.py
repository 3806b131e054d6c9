"""The commands ask and profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from helamem.cli.models import language_model, llm_options
from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options
from helamem.cli.values import conditions_of, filter_options, moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from helamem.answering.ask import Answer
    from helamem.consolidation.profiles import Profile

STEPS = {
    "plan": "Let the model write the searches first.",
    "select": "Let the model choose among the memories first.",
    "investigate": "Search again, in other words, if nothing was found.",
    "verify": "Let the model check its answer against the memories.",
}


@click.command(cls=Command)
@click.argument("question")
@click.option("-k", type=int, help="How many memories to retrieve.")
@click.option(
    "--context", "max_tokens", type=int, metavar="TOKENS", help="Most tokens of memories to show."
)
@click.option("--plan", is_flag=True, help=STEPS["plan"])
@click.option("--select", is_flag=True, help=STEPS["select"])
@click.option("--investigate", is_flag=True, help=STEPS["investigate"])
@click.option("--verify", is_flag=True, help=STEPS["verify"])
@click.option("--no-learn", is_flag=True, help="Do not reinforce what the answer cites.")
@click.option(
    "--at", type=moment, metavar="TIME", help="When the question is asked; now by default."
)
@llm_options
@filter_options
@shared_options
@pass_app
def ask(
    app: App,
    *,
    question: str,
    k: int | None,
    max_tokens: int | None,
    plan: bool,
    select: bool,
    investigate: bool,
    verify: bool,
    no_learn: bool,
    at: datetime | None,
    conditions: dict[str, Any] | None,
    speaker: str | None,
    session: str | None,
) -> None:
    """Answer a question from memory, with a language model.

    The answer names the memories that it rests on, and they are reinforced.

    Example:
        helamem ask "What should I not cook for Maya?"
    """
    with app.known_memory() as memory:
        answer = memory.ask(
            question,
            llm=language_model(app),
            filters=conditions_of(conditions, speaker, session),
            at=at,
            k=k,
            max_tokens=max_tokens,
            plan=plan or None,
            select=select or None,
            investigate=investigate or None,
            verify=verify or None,
            learn=False if no_learn else None,
        )
    app.show(answer.to_dict(), lambda: answered(answer))


@click.command(cls=Command)
@click.argument("name", required=False)
@shared_options
@pass_app
def profile(app: App, name: str | None) -> None:
    """Show what is known about each person, or about one.

    Profiles summarize the facts that `consolidate` has distilled.

    Example:
        helamem profile Maya
    """
    with app.known_memory() as memory:
        found = memory.profile(name)
    app.show([each.to_dict() for each in found], lambda: profiles(found))


def answered(answer: Answer) -> RenderableType:
    """An answer, its sources, and its cost."""
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display

    cited = [hit for hit in answer.recall if hit.id in answer.citations]
    return Group(
        Text(display.printable(str(answer)), "bold"),
        *(
            Text.assemble(f"#{hit.id} ", display.clipped(hit.text), " ", display.about(hit))
            for hit in cited
        ),
        Text(
            f"{display.counted(answer.usage['calls'], 'call')}, "
            f"{display.counted(answer.usage['tokens'], 'token')}, {answer.milliseconds:,.0f} ms",
            "dim",
        ),
        *(Text(sentence, "yellow") for sentence in answer.refused),
    )


def profiles(found: Sequence[Profile]) -> RenderableType:
    """Profiles, one line per fact."""
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display

    if not found:
        return Text("There are no facts yet; `helamem consolidate` distils them.")
    return Group(*(Text(display.printable(str(each))) for each in found))
