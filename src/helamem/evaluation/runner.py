"""Every system on every conversation: built, asked every question read-only, scored, and timed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from helamem import embedders
from helamem.evaluation import datasets, forms, metrics, summaries
from helamem.evaluation.datasets import UNANSWERABLE
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.systems import named, started

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from helamem.evaluation.datasets import Conversation, Dataset, Question
    from helamem.evaluation.systems import Found, System
    from helamem.protocols import Embedder

Progress: TypeAlias = datasets.Progress
Scores: TypeAlias = dict[str, float]  # one question's metrics, by name

K = 100  # hits asked for; the lists for smaller k are its beginnings
BUDGETS = (500, 1000, 2000)
DEFAULT_SYSTEMS = ("default", "paper", "cosine", "bm25", "hybrid")
COMPARED = ("recall@10", "recall@1000tok", "mrr")


@dataclass(slots=True)
class Measured:
    """What was measured of one system so far.

    Attributes:
        scores: One entry a question, with its category; the questions come in the data set's order.
        apart: The same for unanswerable questions.
    """

    scores: list[tuple[str, Scores]] = field(default_factory=list)
    apart: list[Scores] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    build_s: float = 0.0
    turns: int = 0
    file_bytes: int = 0

    def add(self, question: Question, scores: Scores, elapsed_ms: float) -> None:
        """Note what one question scored; only the answerable ones are timed."""
        if question.category == UNANSWERABLE:
            self.apart.append(scores)
        else:
            self.scores.append((question.category, scores))
            self.milliseconds.append(elapsed_ms)


def run_locomo(
    path: str | Path,
    *,
    systems: Sequence[str] = DEFAULT_SYSTEMS,
    embedder: str = "static",
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure systems on LoCoMo's questions.

    Args:
        settings: Single settings for the system `default`, by dotted name.
        command: How it was called, for the record.

    Raises:
        DataError: The file is not LoCoMo's form.
        ConfigError: There is no such system, embedder or setting.
    """
    return run(
        forms.load(path, "locomo"),
        systems=named(systems, settings),
        embedder=embedders.load(embedder),
        progress=progress,
        command=command,
    )


def run(
    dataset: Dataset,
    *,
    systems: Sequence[System[Any]],
    embedder: Embedder,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure systems on a data set; the result is JSON as docs/evaluation.md describes it."""
    shared = SharedEmbedder(embedder)
    shared.embed(["load the model before anything is timed"])
    measured = {system.name: Measured() for system in systems}
    steps = Steps(
        progress, len(systems) * sum(len(_asked(dataset, c)) for c in dataset.conversations)
    )
    for conversation in dataset.conversations:
        for system in systems:
            steps.what = f"{system.name}, {conversation.id}"
            noted = measured[system.name]
            with started(system, conversation, shared) as running:
                for question in _asked(dataset, conversation):
                    found, elapsed_ms = _timed(system, running.state, question)
                    scores = score(
                        found, question, conversation, prompt_tokens=system.prompt_tokens
                    )
                    noted.add(question, scores, elapsed_ms)
                    steps.step()
            noted.turns += len(conversation.turns)
            noted.build_s += running.build_s
            noted.file_bytes += running.file_bytes
        shared.forget()
    return {
        **provenance(dataset, embedder=embedder.name, command=command),
        "config": {
            "k": K,
            "budgets": list(BUDGETS),
            "systems": {s.name: plain_settings(s.settings) for s in systems if s.settings},
        },
        "systems": {name: summary(each, dataset.categories) for name, each in measured.items()},
        "differences": differences(measured),
    }


@dataclass(slots=True)
class Steps:
    """Counts what is done, and tells whoever wants to know."""

    progress: Progress | None
    total: int
    what: str = ""
    done: int = 0

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.what, self.done, self.total)


def _asked(dataset: Dataset, conversation: Conversation) -> list[Question]:
    return [*dataset.scored(conversation), *dataset.apart(conversation)]


def _timed(system: System[Any], state: Any, question: Question) -> tuple[Found, float]:  # noqa: ANN401  # the system's own
    """What was found, and the milliseconds that it took."""
    began = time.perf_counter()
    found = system.search(state, question, K)
    return found, 1e3 * (time.perf_counter() - began)


def score(
    found: Found, question: Question, conversation: Conversation, *, prompt_tokens: int
) -> Scores:
    """Every metric of one answer, by name."""
    ranked = found.ranked()
    sessions = conversation.sessions_of(ranked)
    answering = question.sessions or conversation.sessions_of(question.evidence)
    contexts = {budget: found.within(budget) for budget in {*BUDGETS, prompt_tokens}}
    return {
        **metrics.ranking_scores(ranked, question.evidence),
        **{f"sessions@{k}": metrics.recall(sessions[:k], answering) for k in (5, 10)},
        **{
            f"recall@{budget}tok": metrics.recall(contexts[budget][0], question.evidence)
            for budget in BUDGETS
        },
        "tokens_per_query": float(contexts[prompt_tokens][1]),
    }


def summary(measured: Measured, categories: Sequence[str]) -> dict[str, Any]:
    """One system's entry in the result."""
    everything = [scores for _, scores in measured.scores]
    by_category = {
        name: [scores for category, scores in measured.scores if category == name]
        for name in categories
    }
    p50, p95 = np.percentile(measured.milliseconds, [50, 95]) if measured.scores else (0.0, 0.0)
    return {
        **means(everything),
        "ci95": {
            name: summaries.interval(scores[name] for scores in everything) for name in COMPARED
        },
        "by_category": {name: means(each) for name, each in by_category.items() if each},
        "unanswerable": means(measured.apart),
        "ms_per_query": {"p50": round(float(p50), 3), "p95": round(float(p95), 3)},
        "ingest_turns_per_s": round(measured.turns / measured.build_s, 1),
        "bytes_per_turn": round(measured.file_bytes / measured.turns, 1),
    }


def means(scores: Sequence[Scores]) -> dict[str, Any]:
    """How many questions, and the mean of each metric over them."""
    if not scores:
        return {"questions": 0}
    return {
        "questions": len(scores),
        **{name: summaries.mean(each[name] for each in scores) for name in scores[0]},
    }


def differences(measured: Mapping[str, Measured]) -> dict[str, Any]:
    """How far the first system is ahead of each other, question by question, with 95 % intervals."""
    (first, ahead), *others = measured.items()
    return {
        f"{first} - {name}": {
            metric: _difference(ahead.scores, behind.scores, metric) for metric in COMPARED
        }
        for name, behind in others
    }


def _difference(
    ahead: Sequence[tuple[str, Scores]], behind: Sequence[tuple[str, Scores]], metric: str
) -> dict[str, Any]:
    gaps = [a[metric] - b[metric] for (_, a), (_, b) in zip(ahead, behind, strict=True)]
    return {"mean": summaries.mean(gaps), "ci95": summaries.interval(gaps)}
