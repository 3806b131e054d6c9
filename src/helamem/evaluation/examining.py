"""An examination by a language model: who answers, who judges, what it costs, and many questions at once."""

from __future__ import annotations

import re
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from helamem.answering import ask
from helamem.config import Ask
from helamem.errors import LLMError
from helamem.evaluation import answers
from helamem.evaluation.datasets import UNANSWERABLE
from helamem.evaluation.systems import WHOLE, started
from helamem.models.cached import Cached
from helamem.models.metering import Meter
from helamem.models.tokens import count_tokens
from helamem.protocols import Reply
from helamem.search.recall import Recall

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from helamem.evaluation.datasets import Conversation, Dataset, Outline, Question
    from helamem.evaluation.embedding import SharedEmbedder
    from helamem.evaluation.systems import System
    from helamem.protocols import LLM, Message
    from helamem.records import Hit, Json

# Of a million tokens, in and out, in any currency.
Prices: TypeAlias = tuple[float, float]

K = 100
_NO_VECTOR = np.empty(0, np.float32)  # nothing is learned from these recalls
_ID = re.compile(r'"id":(\d+)')


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one question.

    Attributes:
        reply: None where the model said that the memories do not hold the answer.
        correct: The verdict; None without one.
        failed: Why there is no reply; empty where there is one.
        unjudged: Why there is no verdict on the reply, though one was asked for.
    """

    question: Question
    reply: str | None = None
    correct: bool | None = None
    failed: str = ""
    unjudged: str = ""

    @property
    def abstained(self) -> bool:
        """Whether the model said that it does not know."""
        return self.reply is None and not self.failed


class Estimating:
    """Stands in for a model and counts what it would have been asked; nothing is sent.

    Its answers are as long as real ones are, about, and cite the first memory that they are shown.
    """

    ANSWER = "a phrase of six or seven words"

    def __init__(self, name: str = "estimate") -> None:
        self.name = name

    def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Json] | None = None,
        max_tokens: int | None = None,  # noqa: ARG002
        temperature: float = 0.0,  # noqa: ARG002
    ) -> Reply:
        """Some answer or verdict, and the length of what was asked."""
        shown = _ID.search(messages[-1]["content"])
        data: dict[str, Json] = {"correct": True}
        if schema is not answers.VERDICT:
            cited: list[Json] = [int(shown[1])] if shown else []
            data = {"found": True, "answer": self.ANSWER, "citations": cited}
        return Reply(
            text="",
            data=data,
            prompt_tokens=sum(count_tokens(message["content"]) for message in messages),
            completion_tokens=count_tokens(str(data)),
        )

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


@dataclass(frozen=True, slots=True)
class Exam:
    """Who answers and who judges."""

    llm: Meter
    judge: Meter
    judged: bool
    max_tokens: int

    def spent(self) -> tuple[dict[str, int], dict[str, int]]:
        """Calls and tokens so far, of the one and of the other."""
        return _counted(self.llm), _counted(self.judge)

    def answer(self, question: Question, hits: Sequence[Hit], max_tokens: int) -> Answered:
        """One question, answered and judged."""
        recall = Recall(query=question.text, at=question.at, hits=tuple(hits), vector=_NO_VECTOR)
        config = Ask(max_tokens=max_tokens, learn=False)
        try:
            reply = ask.answer_from(self.llm, question.text, recall, config).text
        except LLMError as exc:
            return Answered(question, failed=str(exc))
        try:
            return Answered(question, reply, self._verdict(question, reply))
        except LLMError as exc:
            return Answered(question, reply, unjudged=str(exc))

    def _verdict(self, question: Question, reply: str | None) -> bool | None:
        """The judge's; whoever says that there is no answer is judged by whether there is one."""
        if not self.judged:
            return None
        if reply is None:
            return question.category == UNANSWERABLE
        return answers.judged(self.judge, question, reply)


def metered(llm: LLM | None, cache: str | None, *, dry_run: bool) -> Meter:
    """A model whose calls are counted, with its cache; in a dry run, what stands in for it."""
    if dry_run or llm is None:
        standing_in = Estimating(llm.name) if llm else Estimating()
        return Meter(Cached(standing_in, cache, read_only=True) if cache else standing_in)
    return Meter(Cached(llm, cache) if cache else llm)


def questions(dataset: Dataset, conversation: Conversation | Outline) -> list[Question]:
    """Those that have an answer, and the unanswerable."""
    return [
        question
        for question in conversation.questions
        if question.answer or question.category == UNANSWERABLE
        if question.category in (*dataset.categories, UNANSWERABLE)
    ]


def answer_all(
    exam: Exam, dataset: Dataset, system: System[Any], embedder: SharedEmbedder, workers: int
) -> Generator[Answered, None, None]:
    """Every question in order, so many at once; memories are built while models are waited for."""
    max_tokens = WHOLE if system.prompt_tokens >= WHOLE else exam.max_tokens
    waiting: deque[Future[Answered]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for question, hits in _found(dataset, system, embedder):
                waiting.append(pool.submit(exam.answer, question, hits, max_tokens))
                while waiting and (waiting[0].done() or len(waiting) >= 2 * workers):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:  # whoever stops waits for the calls under way, and begins no other
                each.cancel()


def _found(
    dataset: Dataset, system: System[Any], embedder: SharedEmbedder
) -> Iterator[tuple[Question, Sequence[Hit]]]:
    for conversation in dataset.conversations:
        with started(system, conversation, embedder) as running:
            for question in questions(dataset, conversation):
                yield question, system.find(running.state, question, K).hits
        embedder.forget()


def _counted(meter: Meter) -> dict[str, int]:
    return {
        "calls": meter.calls,
        "prompt_tokens": meter.prompt_tokens,
        "completion_tokens": meter.completion_tokens,
    }


def priced(
    before: Sequence[dict[str, int]],
    after: Sequence[dict[str, int]],
    prices: Prices,
    judge_prices: Prices,
) -> dict[str, Any]:
    """What was spent between two counts: in all, and on the judge."""
    answering, judging = (
        {name: n - old[name] for name, n in new.items()}
        for old, new in zip(before, after, strict=True)
    )
    cost = _cost(judging, judge_prices)
    return {
        **{name: n + judging[name] for name, n in answering.items()},
        "cost": round(_cost(answering, prices) + cost, 4),
        "judge": {**judging, "cost": round(cost, 4)},
    }


def _cost(usage: Mapping[str, int], prices: Prices) -> float:
    spent = usage["prompt_tokens"] * prices[0] + usage["completion_tokens"] * prices[1]
    return spent / 1e6
