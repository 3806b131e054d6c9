"""What does forgetting cost and spare? Recall while distractors grow, with and without forgetting.

A memory is used: half of the questions are asked, and what served is reinforced. Talk of other people comes
in, once to twenty times as much, from the same time, and two months pass. One memory forgets what its rules
let go, one keeps everything; both are asked the old needs again in other words, and new ones.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.config import Config
from helamem.errors import ConfigError
from helamem.evaluation import cells, learners
from helamem.evaluation.copies import originals
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.experiments.learning import halves
from helamem.evaluation.figures import Plot
from helamem.evaluation.learners import Exam
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.rewording import reworded
from helamem.evaluation.runner import Steps
from helamem.evaluation.summaries import mean
from helamem.evaluation.systems import Remembered
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from helamem.evaluation.datasets import Conversation, Dataset, Question
    from helamem.evaluation.figures import Table
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder
    from helamem.records import Turn

GROWTH = (0, 1, 5, 20)  # distractors, in multiples of the conversation
LATER = timedelta(days=60)
ARMS = ("keeps all", "forgets")
NEEDS = ("returning", "new")


@dataclass(frozen=True, slots=True)
class Measured:
    """Scores by arm, growth and need, and the episodes that are left by arm and growth."""

    exams: dict[tuple[str, int, str], Exam] = field(default_factory=lambda: defaultdict(Exam))
    left: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))

    def summary(self, arm: str) -> dict[str, list[float | None]]:
        """An arm's entry in the result: one number a growth."""
        scores = {
            need: [self.exams[arm, growth, need].mean("recall@10") for growth in GROWTH]
            for need in NEEDS
        }
        return {"episodes": [mean(self.left[arm, growth]) for growth in GROWTH], **scores}


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    seed: int = 0,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Recall@10 of returning and of new needs, and how many episodes are left.

    Raises:
        ConfigError: There is only one conversation, so there are no distractors.
    """
    if len(dataset.conversations) < 2:
        raise ConfigError(f"{dataset.name} has one conversation; distractors come from the others")
    measured = Measured()
    steps = Steps(progress, len(dataset.conversations) * len(GROWTH))
    for c, (conversation, memory) in enumerate(originals(dataset, SharedEmbedder(embedder))):
        rng = np.random.default_rng([seed, c])
        experience, new = halves(dataset.scored(conversation), rng)
        later = max(question.at for question in conversation.questions) + LATER
        returning = [reworded(question, rng) for question in experience]
        needs = {"returning": asked(returning, later), "new": asked(new, later)}
        for growth in GROWTH:
            steps.what = f"{growth} times as much, {conversation.id}"
            with memory.copy(Config.of()) as state:
                learners.learn(state, learners.ARMS["gated+cue"], experience)
                grown = add_distractors(state, dataset, conversation, growth)
                _examine(grown, needs, growth, later, measured)
            steps.step()
    return {
        "experiment": "forgetting",
        **provenance(dataset, embedder=embedder.name, command=command, left_out=dataset.left_out()),
        "config": {"systems": {"default": plain_settings(Config.of())}},
        "seed": seed,
        "growth": list(GROWTH),
        "arms": {arm: measured.summary(arm) for arm in ARMS},
    }


def _examine(
    state: Remembered,
    needs: Mapping[str, Sequence[Question]],
    growth: int,
    later: datetime,
    measured: Measured,
) -> None:
    """Ask about every need, once while all is kept, and once after forgetting."""
    for arm in ARMS:
        if arm == "forgets":
            state.memory.forget(dry_run=False, at=later, max_share=1.0)
        measured.left[arm, growth].append(state.memory.stats().episodes)
        for need, questions in needs.items():
            learners.examine(state, questions, measured.exams[arm, growth, need])


def asked(questions: Iterable[Question], at: datetime) -> list[Question]:
    """The same questions at another time."""
    return [replace(question, at=at) for question in questions]


def add_distractors(
    state: Remembered, dataset: Dataset, conversation: Conversation, growth: int
) -> Remembered:
    """Add turns of other conversations, `times` as many as the memory has, under new ids."""
    turns = list(_distractors(dataset, conversation, growth * len(conversation.turns)))
    ids = state.memory.add_many(turns).ids
    return Remembered(state.memory, {**state.turn_ids, **{id_: (f"other {id_}",) for id_ in ids}})


def _distractors(dataset: Dataset, conversation: Conversation, n: int) -> Iterator[Turn]:
    """The other conversations' turns, repeated as needed and spread over this one's time."""
    others = [t for c in dataset.conversations if c.id != conversation.id for t in c.turns]
    times = [turn.at for turn in conversation.turns if turn.at is not None]
    start, span = min(times), max(times) - min(times)
    for i in range(n):
        turn, round_ = others[i % len(others)], i // len(others)
        session = f"{turn.session}, round {round_ + 1}"
        yield replace(turn, session=session, at=start + span * (i / n))


def tables(result: Mapping[str, Any]) -> list[Table]:
    """One row an arm and kind of need, one column a growth."""
    head = ["memory", *(f"{growth} x" for growth in result["growth"])]
    rows = [
        [f"{arm}: {need} needs", *map(cells.number, entry[need])]
        for need in NEEDS
        for arm, entry in result["arms"].items()
    ]
    sizes = [
        [f"{arm}: episodes", *(f"{value:,.0f}" for value in entry["episodes"])]
        for arm, entry in result["arms"].items()
    ]
    return [("Recall@10 while distractors grow", [head, *rows, *sizes])]


def plots(result: Mapping[str, Any]) -> list[Plot]:
    """Recall@10 over the amount of distractors."""
    lines = {
        f"{arm}: {need} needs": (result["growth"], entry[need])
        for need in NEEDS
        for arm, entry in result["arms"].items()
    }
    title = "Recall@10 while distractors grow"
    return [Plot("growth", title, "distractors, in multiples of the talk", "recall@10", lines)]
