"""Answers questions with a language model: plan, retrieve, select, answer, verify, reinforce.

By default one call is made: the answer, with the ids of the memories that it rests on, which are then
reinforced. The other steps are small functions, switched on in the settings (`Config.ask`).
"""

from __future__ import annotations

import logging
import time
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from helamem.answering import showing
from helamem.frozen import dataclass
from helamem.language import language_named
from helamem.language.sentences import has_question_mark, sentences
from helamem.learning import implicit
from helamem.models import prompts, schemas
from helamem.models.metering import Meter
from helamem.models.tokens import count_tokens
from helamem.plain import Record, fields
from helamem.protocols import Request
from helamem.tracing import traced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from helamem.config import Ask
    from helamem.engine import Engine
    from helamem.language.language import Language
    from helamem.protocols import LLM, Message
    from helamem.records import Hit, Json
    from helamem.reports import Reinforcement
    from helamem.search.recall import Recall

logger = logging.getLogger(__name__)

MAX_SEARCHES = 3
FUSION = 60  # damps the first ranks when several searches are merged; the customary value
MAX_REFUSED = 20  # most refused citations that are listed one by one

# Citations come first, so that a model looks for what it needs before it answers.
ANSWER_SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "citations": {"type": "array", "items": {"type": "integer"}},
        "answer": {"type": "string"},
    },
    "required": ["citations", "answer"],
    "additionalProperties": False,
}
PLAN_SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "properties": {"searches": {"type": "array", "items": {"type": "string"}}},
    "required": ["searches"],
    "additionalProperties": False,
}
SELECT_SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "properties": {"ids": {"type": "array", "items": {"type": "integer"}}},
    "required": ["ids"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer(Record):
    """The answer to a question, and the memories that it rests on.

    Attributes:
        text: The answer; None if the memory does not hold it.
        citations: The ids of the memories that it rests on; the model was shown each of them.
        recall: The recall; with several searches, it has the hits of all.
        refused: Sentences about citations of memories that the model was not shown.
        learned: What was reinforced; None if nothing was.
        usage: Calls to the model, and tokens in both directions.
        milliseconds: The total time.
    """

    question: str
    text: str | None
    citations: tuple[int, ...]
    recall: Recall
    refused: tuple[str, ...] = ()
    learned: Reinforcement | None = None
    usage: Mapping[str, int] = field(default_factory=lambda: {"calls": 0, "tokens": 0})
    milliseconds: float = 0.0

    _shown: ClassVar = ("text", "citations", "refused")

    @property
    def found(self) -> bool:
        """Whether the memory holds an answer."""
        return self.text is not None

    def to_dict(self) -> dict[str, Json]:
        """The answer as JSON: `answer` is its text, `hits` and `recall` are the recall."""
        rest = fields(self, without=("text", "recall"))
        recall = self.recall.to_dict()
        hits = recall.pop("hits")
        return {**rest, "answer": self.text, "found": self.found, "hits": hits, "recall": recall}

    @classmethod
    def _fields_from(cls, shape: Mapping[str, Any]) -> Mapping[str, Any]:
        recall = {**shape["recall"], "hits": shape["hits"]}
        return {**shape, "text": shape["answer"], "recall": recall}

    def __str__(self) -> str:
        return "Not in memory." if self.text is None else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAnswer:
    """A model's answer, checked against the memories it was shown."""

    text: str | None
    citations: tuple[int, ...]
    refused: tuple[str, ...] = ()


@traced("ask")
def ask(
    memory: Engine,
    llm: LLM,
    question: str,
    *,
    config: Ask | None = None,
    filters: Mapping[str, Json] | None = None,
    at: datetime | None = None,
) -> Answer:
    """Answer a question from a memory, and reinforce what the answer cites.

    Args:
        config: The steps and limits; those of the memory's settings by default.
        filters: Conditions on the memories that may be used, as in `Memory.search`.
        at: When the question is asked, for relative dates; now by default.

    Raises:
        LLMError: The model failed; nothing was learned.
    """
    config, meter = config or memory.config.ask, Meter(llm)
    started = time.perf_counter()
    first = memory.search(question, k=config.k, filters=filters, at=at)
    checked, recall = _answered(memory, meter, first, config, filters)
    answer = Answer(
        question=question,
        text=checked.text,
        citations=checked.citations,
        recall=recall,
        refused=checked.refused,
        learned=_learn(memory, recall, checked, at) if config.learn else None,
        usage=meter.usage,
        milliseconds=1e3 * (time.perf_counter() - started),
    )
    logger.info(
        "answered from %d memories, %d cited, with %d calls in %.1f ms",
        len(recall.hits),
        len(answer.citations),
        meter.calls,
        answer.milliseconds,
    )
    return answer


def _answered(
    memory: Engine,
    llm: LLM,
    first: Recall,
    config: Ask,
    filters: Mapping[str, Json] | None,
) -> tuple[CheckedAnswer, Recall]:
    """The answer to the question of the first recall, and the memories that were found for it."""
    steps = Steps(llm, config, first.query, first.at, language_named(memory.config.language))
    searches = steps.plan() if config.plan else []
    recall = retrieve(memory, first, searches, config, filters)
    answer = steps.answer(recall)
    if config.investigate and answer.text is None:
        more = steps.investigate(recall.hits, tried=[steps.question, *searches])
        if more:  # else the model would be asked the same again
            recall = retrieve(memory, recall, more, config, filters)
            answer = steps.answer(recall)
    return answer, recall


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps that call a model about one question."""

    llm: LLM
    config: Ask
    question: str
    at: datetime
    language: Language

    def plan(self) -> list[str]:
        """Search queries by the model, without the question itself."""
        reply = self._reply(prompts.PLAN, self._asked, PLAN_SCHEMA)
        return _searches(reply, tried=[self.question])

    def investigate(self, hits: Sequence[Hit], *, tried: Sequence[str]) -> list[str]:
        """Further queries by the model after the earlier ones found no answer."""
        failed = prompts.quoted("tried", ({"search": search} for search in tried))
        user = (
            f"{self._asked}\nThese searches did not bring back the answer, but only these memories. "
            "Write others, with other words or for another link in the chain.\n"
            f"{failed}\n{self._quoted(hits[:10])}"
        )
        return _searches(self._reply(prompts.PLAN, user, PLAN_SCHEMA), tried=tried)

    def answer(self, recall: Recall) -> CheckedAnswer:
        """An answer from the hits that fit into the budget, selected and verified if so configured.

        The model is not called if the recall's confidence is too low.
        """
        if recall.confidence < self.config.min_confidence:
            return CheckedAnswer(text=None, citations=())
        shown = fitting(recall.hits, self.config.max_tokens, self.question, self.language)
        if self.config.select and shown:
            shown = self._select(shown)
        if not shown:
            return CheckedAnswer(text=None, citations=())
        reply = self._reply(prompts.ANSWER, self._prompt(shown), ANSWER_SCHEMA)
        answer = checked(reply, self.question, shown, self.language)
        if self.config.verify and answer.text is not None:
            answer = self._verify(shown, answer)
        return answer

    def _select(self, hits: Sequence[Hit]) -> list[Hit]:
        """The hits that the model considers relevant."""
        reply = self._reply(prompts.SELECT, self._prompt(hits), SELECT_SCHEMA)
        chosen = set(schemas.fitting_items(reply, SELECT_SCHEMA, "ids")[0])
        return [hit for hit in hits if hit.id in chosen]

    def _verify(self, hits: Sequence[Hit], draft: CheckedAnswer) -> CheckedAnswer:
        """Verify an answer; correct or withdraw it if the memories do not support it."""
        quoted = prompts.quoted("draft", [{"answer": draft.text, "citations": [*draft.citations]}])
        reply = self._reply(prompts.VERIFY, f"{self._prompt(hits)}\n{quoted}", ANSWER_SCHEMA)
        answer = checked(reply, self.question, hits, self.language)
        return replace(answer, refused=tuple(dict.fromkeys((*draft.refused, *answer.refused))))

    def _reply(self, rules: str, user: str, schema: Mapping[str, Json]) -> Json:
        messages: list[Message] = [
            {"role": "system", "content": rules},
            {"role": "user", "content": user},
        ]
        return self.llm.complete(Request(messages, schema=schema)).data

    def _prompt(self, hits: Sequence[Hit]) -> str:
        """The memories and the question."""
        return f"{self._quoted(showing.in_order(hits))}\n{self._asked}"

    def _quoted(self, hits: Iterable[Hit]) -> str:
        lines = (showing.shown_line(hit, self.question, self.language) for hit in hits)
        return prompts.quoted("memories", lines)

    @property
    def _asked(self) -> str:
        return f"Asked on {prompts.moment(self.at)}: {self.question}"


def retrieve(
    memory: Engine,
    first: Recall,
    searches: Sequence[str],
    config: Ask,
    filters: Mapping[str, Json] | None = None,
) -> Recall:
    """A recall with the hits of further searches merged in, best first.

    Scores of different searches do not compare, so hits are ordered by their ranks (reciprocal rank fusion),
    weighted by the confidence of each search:

        sum over searches of  confidence / (60 + rank)
    """
    recalls = [first] + [
        memory.search(search, k=config.k, filters=filters, at=first.at) for search in searches
    ]
    merged: dict[int, Hit] = {}
    worth: dict[int, float] = {}
    for recall in recalls:
        for rank, hit in enumerate(recall.hits, start=1):
            merged.setdefault(hit.id, hit)
            worth[hit.id] = worth.get(hit.id, 0.0) + recall.confidence / (FUSION + rank)
    hits = sorted(merged.values(), key=lambda hit: -worth[hit.id])
    return replace(first, hits=tuple(hits), confidence=max(each.confidence for each in recalls))


def fitting(hits: Iterable[Hit], max_tokens: int, question: str, language: Language) -> list[Hit]:
    """The best hits whose quotations fit into a number of tokens; one that does not fit is skipped."""
    left, chosen = max_tokens, []
    for hit in hits:
        cost = count_tokens(prompts.row(showing.shown_line(hit, question, language)) + "\n")
        if cost <= left:
            left -= cost
            chosen.append(hit)
    return chosen


def checked(data: Json, question: str, hits: Sequence[Hit], language: Language) -> CheckedAnswer:
    """A model's answer, with citations of memories that it was shown.

    Small models often cite nothing. Then the words that the answer shares with memories tell which were used.
    An answer that rests on none of them is refused.
    """
    reply: dict[str, Any] = data if isinstance(data, dict) else {}
    text = str(reply.get("answer", "")).strip()
    if not text:
        return CheckedAnswer(text=None, citations=())
    shown = {hit.id for hit in hits}
    ids, misfits = schemas.fitting_items(data, ANSWER_SCHEMA, "citations")
    cited = list(dict.fromkeys(int(id_) for id_ in ids if isinstance(id_, int | float)))
    refused = _refused_citations([*(id_ for id_ in cited if id_ not in shown), *misfits])
    citations = [id_ for id_ in cited if id_ in shown] or _inferred(question, text, hits, language)
    if not citations:
        refused = (*refused, "the answer rests on no memory")
        return CheckedAnswer(text=None, citations=(), refused=refused)
    return CheckedAnswer(text=text, citations=tuple(citations), refused=refused)


def _inferred(question: str, text: str, hits: Sequence[Hit], language: Language) -> list[int]:
    """The memories that an answer without citations rests on; none if it only asks, as where a turn is copied."""
    if all(map(has_question_mark, sentences(text, language))):
        return []
    return (
        implicit.used(question, text, hits, language)
        or implicit.holding(question, text, hits, language)
        or implicit.repeated(question, text, hits, language)
    )


def _refused_citations(ids: Sequence[Json]) -> tuple[str, ...]:
    """One sentence per citation of a memory that was not shown, and one for all beyond `MAX_REFUSED`."""
    sentences = [f"the answer cites {id_!s:.60}, which was not shown" for id_ in ids[:MAX_REFUSED]]
    if len(ids) > MAX_REFUSED:
        sentences.append(f"the answer cites {len(ids) - MAX_REFUSED:,} more that were not shown")
    return tuple(sentences)


def _searches(data: Json, *, tried: Sequence[str]) -> list[str]:
    """The queries of a plan, without blank or repeated ones."""
    queries, _ = schemas.fitting_items(data, PLAN_SCHEMA, "searches")
    searches = [" ".join(str(query).split()) for query in queries]
    fresh = dict.fromkeys(search for search in searches if search and search not in tried)
    return list(fresh)[:MAX_SEARCHES]


def _learn(
    memory: Engine, recall: Recall, answer: CheckedAnswer, at: datetime | None
) -> Reinforcement | None:
    return memory.reinforce(recall, used=answer.citations, at=at) if answer.citations else None
