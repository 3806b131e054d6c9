"""The steps of the demo, in order; each computes, and shows nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.cli.demo.story import Question, Story
    from helamem.cli.settings import App
    from helamem.memory import Memory
    from helamem.records import Episode, Fact, Receipt
    from helamem.reports import ConsolidationReport, ForgetPlan, Reinforcement
    from helamem.search.recall import Recall


K = 10
LATER = timedelta(days=90)


@dataclass(slots=True, kw_only=True)
class Asked:
    """A question in the demo.

    Attributes:
        evidence: The memories that hold its answer.
        before, after: Its recalls before and after learning.
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
        """Store the conversation; return the receipt and the milliseconds."""
        started = time.perf_counter()
        receipt = self.memory.add_many(self.story.turns)
        self.ids = receipt.ids
        return receipt, 1e3 * (time.perf_counter() - started)

    def ask(self) -> list[Asked]:
        """Ask every question, also in other words, without writing."""
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
        """Consolidate; return the report and the facts."""
        return self.memory.consolidate(), list(self.memory.facts())

    def forget(self) -> tuple[ForgetPlan, list[Episode | Fact]]:
        """Plan forgetting at a later time; return the plan and some of its memories."""
        last = self.memory.stats().last_at
        plan = self.memory.forget(at=last + LATER if last else None)
        return plan, [self.memory.get(id_) for id_ in plan.ids[:3]]

    def _search(self, query: str) -> Recall:
        return self.memory.search(query, k=K)


def ranks(recall: Recall | None, ids: Sequence[int]) -> list[int | None]:
    """The place of each memory among the hits, from 1; None if it is not among them."""
    found = recall.ids if recall is not None else ()
    return [found.index(id_) + 1 if id_ in found else None for id_ in ids]
