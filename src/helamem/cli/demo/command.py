"""`helamem demo`: the whole life of a memory on one conversation, in a temporary folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from helamem.cli import lines
from helamem.cli.demo.walk import Asked, Walk, ranks
from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options

PAGE = 100  # the width in a pipe: the demo is for reading, not for tools
MOST_QUESTIONS = 4
# A handful of lessons makes weak hubs; a memory in use has many more, and a higher bar.
FEW_LESSONS = {"consolidation.min_strength": "0.4", "consolidation.min_degree": "3"}


@click.command(cls=Command)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Your own conversation: LoCoMo, JSONL or a chat export.",
)
@shared_options
@pass_app
def demo(app: App, data: Path | None) -> None:
    """Watch a memory read, answer, learn and forget.

    It works in a temporary folder and leaves your own memory alone. LoCoMo files have questions with known
    answers; in other files, questions that somebody asked are used, with the next turn as the answer.

    Example:
        helamem demo
        helamem demo --data chat.jsonl
    """
    from helamem.cli.demo import story

    chosen = story.load(data, most=MOST_QUESTIONS) if data else story.sample()
    app.settings = FEW_LESSONS | app.settings
    with tempfile.TemporaryDirectory(prefix="helamem-demo-", ignore_cleanup_errors=True) as folder:
        app.file = str(Path(folder) / "demo.db")
        walk = Walk(app, chosen)
        try:
            _as_data(walk) if app.as_json else _as_text(walk)
        finally:
            walk.close()


def _as_text(walk: Walk) -> None:
    from helamem.cli import display
    from helamem.cli.demo import view

    console = display.console(piped=PAGE)
    for number, (title, words, step) in enumerate(view.STEPS, start=1):
        console.print(view.heading(number, title, words))
        console.print(step(walk))
    console.print(view.next_steps())


def _as_data(walk: Walk) -> None:
    receipt, ms = walk.read()
    walk.ask()
    walk.learn()
    asked = walk.ask_again()
    report, facts = walk.consolidate()
    plan, _ = walk.forget()
    data = {
        "conversation": {
            "name": walk.story.name,
            "turns": len(receipt.ids),
            "stored": len(receipt.stored),
            "milliseconds": ms,
        },
        "questions": [_question_data(each) for each in asked],
        "consolidation": report.to_dict(),
        "facts": [fact.to_dict() for fact in facts],
        "forgetting": plan.to_dict(),
    }
    click.echo(lines.dumps(data, indent=2))


def _question_data(each: Asked) -> dict[str, object]:
    recalls = {
        "before": each.before,
        "after": each.after,
        "reworded_before": each.reworded_before,
        "reworded_after": each.reworded_after,
    }
    return {
        "question": each.question.text,
        "reworded": each.question.again or None,
        "answer": each.question.answer or None,
        "evidence": list(each.evidence),
        "learned": each.learned and each.learned.to_dict(),
        **{
            name: recall
            and {"ranks": ranks(recall, each.evidence), "hits": recall.to_dict()["hits"]}
            for name, recall in recalls.items()
        },
    }
