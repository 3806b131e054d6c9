"""Measures systems: builds each on every conversation, asks all questions, scores and times it."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias

from helamem.errors import ConfigError
from helamem.evaluation import datasets, metrics, summaries
from helamem.evaluation.datasets import UNANSWERABLE
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.systems import refuse_twins, started
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.evaluation.datasets import Conversation, Dataset, Outline, Question
    from helamem.evaluation.systems import Found, System
    from helamem.protocols import Embedder

Progress: TypeAlias = datasets.Progress
Scores: TypeAlias = dict[str, float]  # one question's metrics, by name

K = 100  # hits requested; lists for smaller k are prefixes of this one
BUDGETS = (500, 1000, 2000)
MAIN = "recall@10"
COMPARED = (MAIN, "recall@1000tok", "mrr")


@dataclass(frozen=True, slots=True)
class Scored:
    """One question's metrics, with the keys for grouping them."""

    conversation: str
    category: str
    scores: Scores


@dataclass(slots=True)
class Measured:
    """The measurements of one system so far.

    Attributes:
        scored: One entry per question, in the data set's order.
        apart: The scores of unanswerable questions.
    """

    scored: list[Scored] = field(default_factory=list)
    apart: list[Scores] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    build_s: float = 0.0
    turns: int = 0
    file_bytes: int = 0

    def add(
        self, conversation: Conversation, question: Question, scores: Scores, elapsed_ms: float
    ) -> None:
        """Record one question's scores; only answerable questions are timed."""
        if question.category == UNANSWERABLE:
            self.apart.append(scores)
        else:
            self.scored.append(Scored(conversation.id, question.category, scores))
            self.milliseconds.append(elapsed_ms)

    def of(self, category: str) -> list[Scores]:
        """The scores of the questions of a category."""
        return [each.scores for each in self.scored if each.category == category]


def run(
    dataset: Dataset,
    *,
    systems: Sequence[System[Any]],
    embedder: Embedder,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure systems on a data set; the result is JSON as docs/measuring.md describes it.

    Raises:
        ConfigError: No question of the data set can be scored, or two systems have one name.
    """
    refuse_twins([system.name for system in systems])
    n_asked = sum(len(_questions_of(dataset, outline)) for outline in dataset.outlines)
    if not n_asked:
        raise ConfigError(
            f"{dataset.name} has no question of which it says what answers it; {datasets.EVIDENCE_NEEDED}"
        )
    shared = SharedEmbedder(embedder)
    shared.embed(["load the model before anything is timed"])
    measured = {system.name: Measured() for system in systems}
    steps = Steps(progress, len(systems) * n_asked)
    for conversation in dataset.conversations:
        asked = _questions_of(dataset, conversation)
        for system in systems if asked else ():
            noted = measured[system.name]
            _measure(system, conversation, asked, shared, noted=noted, steps=steps)
        shared.forget()
    return {
        **provenance(
            dataset,
            embedder=embedder.name,
            command=command,
            left_out=dataset.left_out(by_session=True),
        ),
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
    """Counts finished steps and reports progress."""

    progress: Progress | None
    total: int
    what: str = ""
    done: int = 0

    def step(self) -> None:
        """Count one more finished step."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.what, self.done, self.total)


def _measure(
    system: System[Any],
    conversation: Conversation,
    asked: Sequence[Question],
    embedder: SharedEmbedder,
    *,
    noted: Measured,
    steps: Steps,
) -> None:
    """Ask a system about a conversation, and note scores, times and sizes."""
    steps.what = f"{system.name}, {conversation.id}"
    with started(system, conversation, embedder) as running:
        for question in asked:
            found, elapsed_ms = _timed(system, running.state, question)
            scores = score(found, question, conversation, prompt_tokens=system.prompt_tokens)
            noted.add(conversation, question, scores, elapsed_ms)
            steps.step()
    noted.turns += len(conversation.turns)
    noted.build_s += running.build_s
    noted.file_bytes += running.file_bytes


def _questions_of(dataset: Dataset, conversation: Conversation | Outline) -> list[Question]:
    kinds = (dataset.scored, dataset.by_session, dataset.apart)
    return [question for kind in kinds for question in kind(conversation)]


def _timed(system: System[Any], state: Any, question: Question) -> tuple[Found, float]:  # noqa: ANN401  # the system's own
    """The hits, and the time in milliseconds."""
    began = time.perf_counter()
    found = system.find(state, question, K)
    return found, 1e3 * (time.perf_counter() - began)


def score(
    found: Found, question: Question, conversation: Conversation, *, prompt_tokens: int
) -> Scores:
    """The metrics of one answer, by name; those of turns or sessions only if the evidence names these."""
    ranked = found.ranked()
    sessions = conversation.sessions_of(ranked)
    answering = question.sessions or conversation.sessions_of(question.evidence)
    by_session = {
        f"sessions@{k}": metrics.recall(sessions[:k], answering) for k in (5, 10) if answering
    }
    tokens = {"tokens_per_query": float(found.within(prompt_tokens)[1])}
    if not question.evidence:
        return {**by_session, **tokens}
    return {
        **metrics.ranking_scores(ranked, question.evidence),
        **by_session,
        **{
            f"recall@{budget}tok": metrics.recall(found.within(budget)[0], question.evidence)
            for budget in BUDGETS
        },
        **tokens,
    }


def summary(measured: Measured, categories: Sequence[str]) -> dict[str, Any]:
    """One system's entry in the result."""
    everything = [each.scores for each in measured.scored]
    return {
        **means(everything),
        "ci95": {name: summaries.interval(_values(everything, name)) for name in COMPARED},
        **conversation_by_conversation(measured.scored),
        "by_category": {
            category: means(scores) for category in categories if (scores := measured.of(category))
        },
        "unanswerable": means(measured.apart),
        "ms_per_query": summaries.percentiles(measured.milliseconds),
        "ingest_turns_per_s": round(measured.turns / measured.build_s, 1),
        "bytes_per_turn": round(measured.file_bytes / measured.turns, 1),
    }


def means(scores: Sequence[Scores]) -> dict[str, Any]:
    """The number of questions with evidence, and the mean of each metric over those that have it.

    `questions_by_session` is how many are scored by session, if that differs.
    """
    with_turns, with_sessions = (len(_values(scores, name)) for name in (MAIN, "sessions@10"))
    others = {"questions_by_session": with_sessions} if with_sessions not in (0, with_turns) else {}
    names = dict.fromkeys(name for each in scores for name in each)
    return {
        "questions": with_turns,
        **others,
        **{name: summaries.mean(_values(scores, name)) for name in names},
    }


def conversation_by_conversation(scored: Sequence[Scored]) -> dict[str, Any]:
    """How much the mean depends on single conversations.

    `without_one` has the lowest and the highest mean with one conversation left out; None with a single
    conversation, or one question per conversation.
    """
    grouped: dict[str, list[float]] = {}
    for each in scored:
        if MAIN in each.scores:
            grouped.setdefault(each.conversation, []).append(each.scores[MAIN])
    total = sum(map(len, grouped.values()))
    alone = len(grouped) < 2 or total < 2 * len(grouped)
    others = [
        [value for other, own in grouped.items() if other != name for value in own]
        for name in grouped
    ]
    without = [mean for values in others if (mean := summaries.mean(values)) is not None]
    return {
        "by_conversation": {
            name: {"questions": len(own), MAIN: summaries.mean(own)}
            for name, own in grouped.items()
        },
        "without_one": None if alone else {MAIN: [min(without), max(without)]},
    }


def _values(scores: Sequence[Scores], name: str) -> list[float]:
    """A metric's values over the questions that have it."""
    return [each[name] for each in scores if name in each]


def differences(measured: Mapping[str, Measured]) -> dict[str, Any]:
    """The paired lead of the first system over each other one, with 95 % intervals."""
    (first, ahead), *others = measured.items()
    return {
        f"{first} - {name}": {
            metric: _difference(ahead.scored, behind.scored, metric) for metric in COMPARED
        }
        for name, behind in others
    }


def _difference(ahead: Sequence[Scored], behind: Sequence[Scored], metric: str) -> dict[str, Any]:
    gaps = [
        a.scores[metric] - b.scores[metric]
        for a, b in zip(ahead, behind, strict=True)
        if metric in a.scores
    ]
    return {"mean": summaries.mean(gaps), "ci95": summaries.interval(gaps)}
