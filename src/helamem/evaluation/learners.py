"""Ways to learn from experience ("arms"), and their scores on later questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from helamem.config import PRESETS, Ask, Config, Selection
from helamem.evaluation import metrics
from helamem.evaluation.summaries import gain, interval, mean
from helamem.evaluation.systems import Found
from helamem.frozen import dataclass
from helamem.language.english import ENGLISH
from helamem.learning import implicit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.evaluation.datasets import Question
    from helamem.evaluation.runner import Scores
    from helamem.evaluation.systems import Remembered
    from helamem.search.recall import Recall

# An arm's judgement of which memories were useful.
Judge: TypeAlias = Callable[["Question", "Recall", "Remembered"], list[int]]

K = 10  # hits per test question
SHOWN = Ask().k  # memories shown per answer, as many as `ask` looks up
# The paper returns fifteen at most: ten, and five by association. Here, too, some come by association.
SHOWN_BY_PAPER = 15 - Selection().associative
METRICS = ("recall@10", "recall@5", "mrr", "confidence")


def returned(question: Question, recall: Recall, state: Remembered) -> list[int]:  # noqa: ARG001
    """All hits: the paper's rule, which needs no judge."""
    return list(recall.ids)


def served(question: Question, recall: Recall, state: Remembered) -> list[int]:
    """The hits that are evidence."""
    evidence = set(question.evidence)
    return [
        hit.id
        for hit in recall.hits
        if evidence & {turn for source in hit.sources for turn in state.turn_ids[source]}
    ]


def all_evidence(question: Question, recall: Recall, state: Remembered) -> list[int]:  # noqa: ARG001
    """All evidence, found or not: an oracle's judgement."""
    evidence = set(question.evidence)
    return [id_ for id_, turns in state.turn_ids.items() if evidence & set(turns)]


def implied(question: Question, recall: Recall, state: Remembered) -> list[int]:  # noqa: ARG001
    """Hits that share words with the right answer, as a stand-in for a reply; uses no labels."""
    return implicit.holding(question.text, question.answer, recall.hits, ENGLISH)


def nothing(question: Question, recall: Recall, state: Remembered) -> list[int]:  # noqa: ARG001
    """Nothing, so nothing is learned."""
    return []


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to learn.

    Attributes:
        meaning: A phrase for what it learns after each question.
        settings: What differs from the default settings; only learning may.
        shown: The number of hits of a question of the experience, without those by association.
        certainty: How much the judgement is trusted, from 0 to 1.
    """

    judge: Judge
    meaning: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    shown: int = SHOWN
    certainty: float = 1.0

    @property
    def config(self) -> Config:
        """All its settings."""
        return Config.of(**self.settings)


_PAPER_RULE = {
    name: value
    for name, value in PRESETS["paper"].items()
    if name.startswith("learning.") and name != "learning.link"
}

ARMS: Mapping[str, Arm] = {
    "none": Arm(nothing, "nothing"),
    "paper": Arm(
        returned,
        "all shown memories are linked, by the paper's rule",
        _PAPER_RULE,
        SHOWN_BY_PAPER,
    ),
    "gated": Arm(served, "shown evidence is linked", {"learning.cue": False}),
    "gated+cue": Arm(served, "the same, and the question is bound to it, as `reinforce` does"),
    "oracle": Arm(all_evidence, "the same with all evidence, shown or not"),
    "implicit": Arm(
        implied,
        "as `gated+cue`, but what served is guessed from the words of the right answer",
        certainty=implicit.CERTAINTY,
    ),
}


@dataclass(slots=True)
class Judged:
    """Precision and recall of an arm's judge, over all lessons."""

    named: int = 0
    right: int = 0
    evidence: int = 0
    lessons: int = 0

    def summary(self) -> dict[str, Any]:
        """Precision and recall of the named memories against the evidence."""
        return {
            "lessons": self.lessons,
            "precision": round(self.right / self.named, 4) if self.named else None,
            "recall": round(self.right / self.evidence, 4) if self.evidence else None,
        }


@dataclass(slots=True)
class Exam:
    """Scores of test questions: one entry per question and split."""

    scores: dict[str, list[Scores]] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)

    def add(self, question: Question, scores: Scores) -> None:
        """Note what one question scored in one split."""
        self.scores.setdefault(question.id, []).append(scores)
        self.categories[question.id] = question.category

    def per_question(self, metric: str, category: str | None = None) -> dict[str, float]:
        """The mean over splits, by question."""
        return {
            id_: float(np.mean([scores[metric] for scores in each]))
            for id_, each in self.scores.items()
            if category in (None, self.categories[id_])
        }

    def mean(self, metric: str, category: str | None = None) -> float | None:
        """The mean over questions; none if there are none."""
        return mean(self.per_question(metric, category).values())

    def summary(self, none: Exam, categories: Sequence[str]) -> dict[str, Any]:
        """Means, and what was won over `none`, question by question."""
        present = [each for each in categories if each in self.categories.values()]
        return {
            "questions": len(self.scores),
            **self._means(none, None),
            "ci95": interval(self.per_question("recall@10").values()),
            "by_category": {category: self._means(none, category) for category in present},
        }

    def _means(self, none: Exam, category: str | None) -> dict[str, Any]:
        after, before = (each.per_question("recall@10", category) for each in (self, none))
        return {**{m: self.mean(m, category) for m in METRICS}, "gain": gain(after, before)}


def learn(
    state: Remembered, arm: Arm, experience: Sequence[Question], judged: Judged | None = None
) -> None:
    """Ask each question, and reinforce what the arm judges to be useful."""
    judged = judged or Judged()
    for question in experience:
        recall = state.memory.search(question.text, k=arm.shown, at=question.at)
        used = arm.judge(question, recall, state)
        right = set(served(question, recall, state))
        judged.named += len(set(used) & set(recall.ids))
        judged.right += len(set(used) & right)
        judged.evidence += len(right)
        if used:
            judged.lessons += 1
            state.memory.reinforce(recall, used=used, certainty=arm.certainty, at=question.at)


def examine(state: Remembered, questions: Sequence[Question], *exams: Exam) -> None:
    """Ask questions read-only, and note the scores in one exam or several."""
    for question in questions:
        recall = state.memory.search(question.text, k=K, at=question.at)
        ranked = Found(recall.hits, state.turn_ids).ranked()
        scores = metrics.ranking_scores(ranked, question.evidence)
        scores |= {"confidence": recall.confidence}
        for exam in exams:
            exam.add(question, scores)
