"""An exam with language models: one answers, one judges; calls are counted and run concurrently."""

from __future__ import annotations

import re
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from helamem.answering import ask
from helamem.config import Ask
from helamem.errors import LLMError
from helamem.evaluation import answers
from helamem.evaluation.datasets import UNANSWERABLE
from helamem.evaluation.systems import WHOLE, started
from helamem.frozen import dataclass
from helamem.language.english import ENGLISH
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
    from helamem.protocols import LLM, Request
    from helamem.records import Hit, Json

# Per million input and output tokens, in any currency.
Prices: TypeAlias = tuple[float, float]

K = 100
_ID = re.compile(r'"id":(\d+)')


@dataclass(frozen=True, slots=True)
class Answered:
    """The outcome for one question.

    Attributes:
        reply: None if the model said that the memories do not contain the answer.
        correct: The verdict; None if there is none.
        failed: Why there is no reply; empty if there is one.
        unjudged: Why there is no verdict on the reply, though one was asked for.
    """

    question: Question
    reply: str | None = None
    correct: bool | None = None
    failed: str = ""
    unjudged: str = ""

    @property
    def abstained(self) -> bool:
        """Whether the model declined to answer."""
        return self.reply is None and not self.failed


class Estimating:
    """A stand-in for a model that counts calls and tokens; nothing is sent.

    Its answers are about as long as real ones, and cite the first memory shown.
    """

    ANSWER = "a phrase of six or seven words"

    def __init__(self, name: str = "estimate") -> None:
        self.name = name

    def complete(self, request: Request) -> Reply:
        """A placeholder answer or verdict, with the length of the request."""
        shown = _ID.search(request.messages[-1]["content"])
        data: dict[str, Json] = {"correct": True}
        if request.schema is not answers.VERDICT:
            cited: list[Json] = [int(shown[1])] if shown else []
            data = {"citations": cited, "answer": self.ANSWER}
        return Reply(
            text="",
            data=data,
            prompt_tokens=sum(count_tokens(message["content"]) for message in request.messages),
            completion_tokens=count_tokens(str(data)),
        )

    def stream(self, request: Request) -> Generator[str, None, Reply]:
        """The same, as a single piece."""
        yield from ()
        return self.complete(request)


@dataclass(frozen=True, slots=True)
class Exam:
    """The model that answers and the model that judges."""

    llm: Meter
    judge: Meter
    judged: bool
    max_tokens: int

    def spent(self) -> tuple[dict[str, int], dict[str, int]]:
        """Calls and tokens so far: of the answering model, and of the judge."""
        return _counted(self.llm), _counted(self.judge)

    def answer(self, question: Question, hits: Sequence[Hit], max_tokens: int) -> Answered:
        """One question, answered and judged."""
        recall = Recall(query=question.text, at=question.at, hits=tuple(hits))
        config = Ask(max_tokens=max_tokens, min_confidence=0.0, learn=False)
        steps = ask.Steps(self.llm, config, question.text, question.at, ENGLISH)
        try:
            reply = steps.answer(recall).text
        except LLMError as exc:
            return Answered(question, failed=str(exc))
        try:
            return Answered(question, reply, self._verdict(question, reply))
        except LLMError as exc:
            return Answered(question, reply, unjudged=str(exc))

    def _verdict(self, question: Question, reply: str | None) -> bool | None:
        """The judge's verdict; abstaining is correct exactly if the question has no answer."""
        if not self.judged:
            return None
        if reply is None:
            return question.category == UNANSWERABLE
        return answers.judged(self.judge, question, reply)


def metered(llm: LLM | None, cache: str | None, *, dry_run: bool) -> Meter:
    """A cached model whose calls are counted; in a dry run, its stand-in."""
    if dry_run or llm is None:
        standing_in = Estimating(llm.name) if llm else Estimating()
        return Meter(Cached(standing_in, cache, read_only=True) if cache else standing_in)
    return Meter(Cached(llm, cache) if cache else llm)


def questions(dataset: Dataset, conversation: Conversation | Outline) -> list[Question]:
    """The questions with an answer, and the unanswerable ones."""
    return [
        question
        for question in conversation.questions
        if question.answer or question.category == UNANSWERABLE
        if question.category in (*dataset.categories, UNANSWERABLE)
    ]


def drawn(dataset: Dataset, n: int | None = None) -> dict[str, list[Question]]:
    """The questions to ask, by conversation: all, or a sample that is the same each time.

    Args:
        n: The size of the sample, which is as even over categories as can be.
    """
    everything = {outline.id: questions(dataset, outline) for outline in dataset.outlines}
    if n is None:
        return everything
    every = [(id_, question) for id_, those in everything.items() for question in those]
    places: Counter[str] = Counter()
    ranked = []
    for number in np.random.default_rng(0).permutation(len(every)):
        id_, question = every[number]
        ranked.append((places[question.category], id_, question.id))
        places[question.category] += 1
    chosen = {(id_, own) for _, id_, own in sorted(ranked, key=itemgetter(0))[:n]}
    return {id_: [q for q in those if (id_, q.id) in chosen] for id_, those in everything.items()}


def answer_all(
    exam: Exam,
    dataset: Dataset,
    asked: Mapping[str, Sequence[Question]],
    system: System[Any],
    embedder: SharedEmbedder,
    *,
    workers: int,
) -> Generator[Answered, None, None]:
    """Answer questions, `workers` at a time; memories are built while models respond.

    Args:
        asked: The questions by conversation; see `drawn`.
    """
    max_tokens = WHOLE if system.prompt_tokens >= WHOLE else exam.max_tokens
    waiting: deque[Future[Answered]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for question, hits in _found(dataset, asked, system, embedder):
                waiting.append(pool.submit(exam.answer, question, hits, max_tokens))
                while waiting and (waiting[0].done() or len(waiting) >= 2 * workers):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:  # on interruption, finish the running calls and start no others
                each.cancel()


def _found(
    dataset: Dataset,
    asked: Mapping[str, Sequence[Question]],
    system: System[Any],
    embedder: SharedEmbedder,
) -> Iterator[tuple[Question, Sequence[Hit]]]:
    for conversation in dataset.conversations:
        if not asked[conversation.id]:
            continue
        with started(system, conversation, embedder) as running:
            for question in asked[conversation.id]:
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
    """The cost between two counts: in total, and for the judge."""
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
