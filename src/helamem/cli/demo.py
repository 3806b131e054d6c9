"""`helamem demo`: the whole life of a memory on one conversation, in a temporary folder."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.cli.story import Question, Story
    from helamem.memory import Memory
    from helamem.records import (
        ConsolidationReport,
        Episode,
        Fact,
        ForgetPlan,
        Receipt,
        Reinforcement,
    )
    from helamem.search.recall import Recall

MOST_QUESTIONS = 4
K = 10
LATER = timedelta(days=90)
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

    It works in a temporary folder: your own memory is not touched. LoCoMo files bring their own
    questions; of other files, questions that somebody asked are taken, with the turn that followed.

    Example:
        helamem demo
        helamem demo --data chat.jsonl
    """
    from helamem.cli import story

    told = story.load(data, most=MOST_QUESTIONS) if data else story.sample()
    app.settings = FEW_LESSONS | app.settings
    with tempfile.TemporaryDirectory(prefix="helamem-demo-", ignore_cleanup_errors=True) as folder:
        app.file = str(Path(folder) / "demo.db")
        walk = Walk(app, told)
        try:
            _as_data(walk) if app.as_json else _as_text(walk)
        finally:
            walk.close()


@dataclass(slots=True, kw_only=True)
class Asked:
    """A question on its way through the demo.

    Attributes:
        evidence: The memories that hold its answer.
        before, after: What it brought back before and after learning.
        reworded_before, reworded_after: The same for the question in other words, if there are any.
    """

    question: Question
    evidence: tuple[int, ...]
    before: Recall
    reworded_before: Recall | None
    learned: Reinforcement | None = None
    after: Recall | None = None
    reworded_after: Recall | None = None


@dataclass(slots=True)
class Walk:
    """The steps of the demo, in order; each computes, and shows nothing."""

    app: App
    story: Story
    memory: Memory = field(init=False)
    asked: list[Asked] = field(default_factory=list)
    ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        from helamem.errors import DataError

        if not self.story.turns:
            raise DataError(f"{self.story.name} has no turns")
        times = [turn.at for turn in self.story.turns if turn.at is not None]
        # The day after the conversation, so that an old one is not forgotten before it is learned.
        clock = (max(times) + timedelta(days=1)).timestamp if times else None
        self.memory = self.app.memory(clock=clock)

    def close(self) -> None:
        """Release the file."""
        self.memory.close()

    def read(self) -> tuple[Receipt, float]:
        """Store the conversation; the receipt, and how many milliseconds it took."""
        started = time.perf_counter()
        receipt = self.memory.add_many(self.story.turns)
        self.ids = receipt.ids
        return receipt, 1e3 * (time.perf_counter() - started)

    def ask(self) -> list[Asked]:
        """Ask every question, as it stands and in other words; nothing is written."""
        self.asked = [
            Asked(
                question=question,
                evidence=tuple(self.ids[place] for place in question.evidence),
                before=self._search(question.text),
                reworded_before=self._search(question.again) if question.again else None,
            )
            for question in self.story.questions
        ]
        return self.asked

    def learn(self) -> list[Asked]:
        """Tell the memory which memories held each answer."""
        for each in self.asked:
            each.learned = self.memory.reinforce(each.before, each.evidence)
        return self.asked

    def ask_again(self) -> list[Asked]:
        """Ask every question once more."""
        for each in self.asked:
            each.after = self._search(each.question.text)
            each.reworded_after = self._search(each.question.again) if each.question.again else None
        return self.asked

    def consolidate(self) -> tuple[ConsolidationReport, list[Fact]]:
        """Distil what belongs together; what was done, and the facts."""
        return self.memory.consolidate(), list(self.memory.facts())

    def forget(self) -> tuple[ForgetPlan, list[Episode | Fact]]:
        """What might go a good while later, and some of it; nothing is removed."""
        last = self.memory.stats().last_at
        plan = self.memory.forget(at=last + LATER if last else None)
        return plan, [self.memory.get(id_) for id_ in plan.ids[:3]]

    def _search(self, query: str) -> Recall:
        return self.memory.search(query, k=K)


def ranks(recall: Recall | None, ids: Sequence[int]) -> list[int | None]:
    """The place of each memory among the hits, from 1; None where it is not among them."""
    found = recall.ids if recall is not None else ()
    return [found.index(id_) + 1 if id_ in found else None for id_ in ids]


def _as_text(walk: Walk) -> None:
    from helamem.cli import demo_view, display

    console = display.console()
    for number, (title, words, step) in enumerate(demo_view.STEPS, start=1):
        console.print(demo_view.heading(number, title, words))
        console.print(step(walk))
    console.print(demo_view.next_steps())


def _as_data(walk: Walk) -> None:
    from helamem.cli import plain

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
        "questions": [_asked_data(each) for each in asked],
        "consolidation": plain.plain(report),
        "facts": [plain.memory(fact) for fact in facts],
        "forgetting": plain.plain(plan),
    }
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def _asked_data(each: Asked) -> dict[str, object]:
    from helamem.cli import plain

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
        "learned": plain.plain(each.learned),
        **{
            name: recall
            and {"ranks": ranks(recall, each.evidence), "hits": plain.recall(recall)["hits"]}
            for name, recall in recalls.items()
        },
    }
