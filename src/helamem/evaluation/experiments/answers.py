"""How good are the answers? A language model answers from what each system found, and maybe one judges.

Every system's hits go through the same steps and prompts, the product's own. Replies are kept by everything that was
asked, so a run that broke off goes on where it was. A call that fails is a failed call, never a wrong answer.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import agent, llms, prompts
from helamem.config import Ask
from helamem.errors import ConfigError, DataError, LLMError
from helamem.evaluation import answers
from helamem.evaluation.datasets import UNANSWERABLE
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.provenance import provenance
from helamem.evaluation.runner import Steps
from helamem.evaluation.summaries import interval, mean
from helamem.evaluation.systems import named, started
from helamem.metering import Meter
from helamem.protocols import Reply
from helamem.recall import Recall
from helamem.tokens import count_tokens

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from helamem.evaluation.datasets import Conversation, Dataset, Question
    from helamem.evaluation.figures import Plot, Table
    from helamem.evaluation.runner import Progress
    from helamem.evaluation.systems import System
    from helamem.protocols import LLM, Embedder, Message
    from helamem.records import Hit, Json

K = 100
RULES = (prompts.ANSWER, answers.JUDGE, *answers.CRITERIA.values())
_NO_VECTOR = np.empty(0, np.float32)  # nothing is learned from these recalls
REPLY_TOKENS = 40  # what an answer with its citations takes, about; for estimates


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one question.

    Attributes:
        reply: None where the model said that the memories do not hold the answer.
        correct: The judge's verdict; None without a judge.
        failed: Why there is no reply or no verdict; empty where nothing failed.
    """

    question: Question
    reply: str | None = None
    correct: bool | None = None
    failed: str = ""

    @property
    def abstained(self) -> bool:
        """Whether the model said that it does not know."""
        return self.reply is None and not self.failed


class Estimating:
    """Stands in for a model and counts what it would have been asked; nothing is sent."""

    name = "estimate"

    def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Json] | None = None,  # noqa: ARG002
        max_tokens: int | None = None,  # noqa: ARG002
        temperature: float = 0.0,  # noqa: ARG002
    ) -> Reply:
        """No answer, and the length of what was asked."""
        asked = sum(count_tokens(message["content"]) for message in messages)
        return Reply(text="", data={}, prompt_tokens=asked, completion_tokens=REPLY_TOKENS)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float = 0.0,
    ) -> Generator[str, None, Reply]:
        """The same, in no pieces."""
        yield from ()
        return self.complete(messages, max_tokens=max_tokens, temperature=temperature)


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    llm: LLM | None = None,
    judge: LLM | None = None,
    judged: bool = True,
    dry_run: bool = False,
    systems: Sequence[str] = ("default",),
    cache: str | None = None,
    workers: int = 4,
    prices: tuple[float, float] = (0.0, 0.0),
    max_tokens: int = 1000,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Scores of answers, and what they cost.

    Args:
        llm: Who answers.
        judge: Who judges; the same model unless given.
        judged: Whether anybody judges.
        dry_run: Count calls and tokens, and send nothing.
        cache: A folder in which replies are kept.
        workers: How many questions are asked at once.
        prices: Of a million tokens, in and out, in any currency.
        max_tokens: How much of what was found the model is shown.

    Raises:
        ConfigError: There is no model.
        DataError: An answer of the data set stands in a prompt.
    """
    if llm is None and not dry_run:
        raise ConfigError("answers need a language model; dry_run counts calls and tokens without")
    if found := answers.leaked(dataset, RULES):
        raise DataError(f"the prompts hold an answer of {dataset.name}: {found[0]!r}")
    exam = _Exam(
        llm=_metered(llm, cache, dry_run=dry_run),
        judge=_metered(judge or llm, cache, dry_run=dry_run),
        judged=judged,
        config=Ask(max_tokens=max_tokens, learn=False),
    )
    chosen = named(systems)
    asked = sum(len(_questions(dataset, c)) for c in dataset.conversations)
    steps = Steps(progress, len(chosen) * asked)
    outcomes: dict[str, list[Answered]] = defaultdict(list)
    usage: dict[str, dict[str, int]] = {}
    for system in chosen:
        before = exam.usage()
        for answered in _answers(exam, dataset, system, SharedEmbedder(embedder), workers):
            outcomes[system.name].append(answered)
            steps.what = system.name
            steps.step()
        usage[system.name] = {name: n - before[name] for name, n in exam.usage().items()}
    return {
        "experiment": "answers",
        **provenance(dataset, embedder=embedder.name, command=command),
        "dry_run": dry_run,
        "model": exam.llm.name,
        "judge": exam.judge.name if judged else None,
        "max_tokens": max_tokens,
        "systems": {
            name: {**summary(each, dataset.categories), "usage": _priced(usage[name], prices)}
            for name, each in outcomes.items()
        },
        "answers": {name: [_line(a) for a in each] for name, each in outcomes.items()},
    }


@dataclass(frozen=True, slots=True)
class _Exam:
    """Who answers and who judges."""

    llm: Meter
    judge: Meter
    judged: bool
    config: Ask

    def usage(self) -> dict[str, int]:
        """Calls and tokens so far."""
        return {
            "calls": self.llm.calls + self.judge.calls,
            "prompt_tokens": self.llm.prompt_tokens + self.judge.prompt_tokens,
            "completion_tokens": self.llm.completion_tokens + self.judge.completion_tokens,
        }

    def answer(self, question: Question, hits: Sequence[Hit]) -> Answered:
        """One question, answered and judged."""
        recall = Recall(query=question.text, at=question.at, hits=tuple(hits), vector=_NO_VECTOR)
        try:
            reply = agent.answer_from(self.llm, question.text, recall, self.config).text
            correct = self._verdict(question, reply)
        except LLMError as exc:
            return Answered(question, failed=str(exc))
        return Answered(question, reply, correct)

    def _verdict(self, question: Question, reply: str | None) -> bool | None:
        if not self.judged:
            return None
        return answers.judged(self.judge, question, reply or "I do not know.")


def _metered(llm: LLM | None, cache: str | None, *, dry_run: bool) -> Meter:
    if dry_run or llm is None:
        return Meter(Estimating())
    return Meter(llms.Cached(llm, cache) if cache else llm)


def _questions(dataset: Dataset, conversation: Conversation) -> list[Question]:
    """Those that have an answer, and the unanswerable."""
    return [
        question
        for question in conversation.questions
        if question.answer or question.category == UNANSWERABLE
        if question.category in (*dataset.categories, UNANSWERABLE)
    ]


def _answers(
    exam: _Exam, dataset: Dataset, system: System[Any], embedder: SharedEmbedder, workers: int
) -> Iterator[Answered]:
    """Every question of every conversation, in order; so many at once."""
    with ThreadPoolExecutor(workers) as pool:
        for conversation in dataset.conversations:
            with started(system, conversation, embedder) as running:
                questions = _questions(dataset, conversation)
                hits = [system.search(running.state, question, K).hits for question in questions]
                yield from pool.map(exam.answer, questions, hits)


def summary(outcomes: Sequence[Answered], categories: Sequence[str]) -> dict[str, Any]:
    """One system's entry in the result; what failed counts nowhere else."""
    answered = [each for each in outcomes if not each.failed]
    apart = [each for each in answered if each.question.category == UNANSWERABLE]
    scored = [each for each in answered if each.question.category != UNANSWERABLE]
    return {
        "failed": len(outcomes) - len(answered),
        **_scores(scored),
        "ci95": interval(_f1(each) for each in scored),
        "by_category": {
            category: _scores(own)
            for category in categories
            if (own := [each for each in scored if each.question.category == category])
        },
        "unanswerable": {
            "questions": len(apart),
            "abstained": mean(float(each.abstained) for each in apart),
        },
    }


def _scores(outcomes: Sequence[Answered]) -> dict[str, Any]:
    verdicts = [float(each.correct) for each in outcomes if each.correct is not None]
    return {
        "questions": len(outcomes),
        "f1": mean(map(_f1, outcomes)),
        "bleu_1": mean(answers.bleu_1(each.reply or "", each.question.answer) for each in outcomes),
        "judged": mean(verdicts) if verdicts else None,
        "abstained": mean(float(each.abstained) for each in outcomes),
        "reply_tokens": mean(float(count_tokens(each.reply or "")) for each in outcomes),
    }


def _f1(answered: Answered) -> float:
    question = answered.question
    return answers.locomo_f1(answered.reply or "", question.answer, question.category)


def _line(answered: Answered) -> dict[str, Any]:
    """One question in the result, without the data set's texts."""
    return {
        "id": answered.question.id,
        "category": answered.question.category,
        "reply": answered.reply,
        "correct": answered.correct,
        "failed": answered.failed,
    }


def _priced(usage: Mapping[str, int], prices: tuple[float, float]) -> dict[str, float]:
    cost = usage["prompt_tokens"] * prices[0] + usage["completion_tokens"] * prices[1]
    return {**usage, "cost": round(cost / 1e6, 4)}


def tables(result: Mapping[str, Any]) -> list[Table]:
    """One row a system: scores, and what they cost."""
    head = [
        "system",
        "questions",
        "F1",
        "BLEU-1",
        "judged",
        "abstained",
        "of unanswerable",
        "failed",
    ]
    costs = [["system", "calls", "tokens in", "tokens out", "cost"]]
    rows = []
    for name, entry in result["systems"].items():
        verdict = "" if entry["judged"] is None else f"{entry['judged']:.3f}"
        rows.append(
            [
                name,
                f"{entry['questions']}",
                f"{entry['f1']:.3f}",
                f"{entry['bleu_1']:.3f}",
                verdict,
                f"{entry['abstained']:.3f}",
                f"{entry['unanswerable']['abstained']:.3f}",
                f"{entry['failed']}",
            ]
        )
        usage = entry["usage"]
        counts = (usage[key] for key in ("calls", "prompt_tokens", "completion_tokens"))
        costs.append([name, *(f"{n:,.0f}" for n in counts), f"{usage['cost']:.2f}"])
    cost = ("What it would cost" if result["dry_run"] else "What it cost", costs)
    return [cost] if result["dry_run"] else [("Answers", [head, *rows]), cost]


def plots(result: Mapping[str, Any]) -> list[Plot]:  # noqa: ARG001  # as all experiments have it
    """None: the table says it."""
    return []
