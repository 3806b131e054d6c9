"""Answers questions with a language model: plan, retrieve, select, answer, verify, reinforce.

By default one call is made: the answer, with the ids of the memories that it rests on, which are then
reinforced. The other steps are small functions, switched on in the settings (`Config.ask`).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from helamem.language import language_named
from helamem.language.sentences import has_question_mark, sentences
from helamem.learning import implicit
from helamem.models import prompts, schemas
from helamem.models.metering import Meter
from helamem.models.tokens import count_tokens
from helamem.plain import Record, fields
from helamem.protocols import Request
from helamem.records import Fact
from helamem.search.passages import excerpt
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
MAX_MEMORY = 2000  # most characters of a memory in the prompt
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
class Said:
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
    said, recall = _said(memory, meter, first, config, filters)
    answer = Answer(
        question=question,
        text=said.text,
        citations=said.citations,
        recall=recall,
        refused=said.refused,
        learned=_learn(memory, recall, said, at) if config.learn else None,
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


def _said(
    memory: Engine,
    llm: LLM,
    first: Recall,
    config: Ask,
    filters: Mapping[str, Json] | None,
) -> tuple[Said, Recall]:
    """What the model says to the question of the first recall, and the memories it was shown."""
    question = first.query
    language = language_named(memory.config.language)
    searches = plan(llm, question, first.at) if config.plan else []
    recall = retrieve(memory, first, searches, config, filters)
    said = _checked_answer(llm, question, recall, config, language)
    if config.investigate and said.text is None:
        more = investigate(llm, question, recall, language, tried=[question, *searches])
        if more:  # else the model would be asked the same again
            recall = retrieve(memory, recall, more, config, filters)
            said = _checked_answer(llm, question, recall, config, language)
    return said, recall


def plan(llm: LLM, question: str, at: datetime) -> list[str]:
    """Search queries by the model, without the question itself."""
    reply = llm.complete(
        Request(
            [
                {"role": "system", "content": prompts.PLAN},
                {"role": "user", "content": _question_line(question, at)},
            ],
            schema=PLAN_SCHEMA,
        ),
    )
    return _searches(reply.data, tried=[question])


def investigate(
    llm: LLM, question: str, recall: Recall, language: Language, *, tried: Sequence[str]
) -> list[str]:
    """Further queries by the model after the earlier ones found no answer."""
    lines: list[dict[str, Json]] = [{"search": each} for each in tried]
    shown = _quoted(recall.hits[:10], question, language)
    failed = prompts.quoted("tried", lines)
    reply = llm.complete(
        Request(
            [
                {"role": "system", "content": prompts.PLAN},
                {
                    "role": "user",
                    "content": f"{_question_line(question, recall.at)}\nThese searches did not bring back the answer, but only "
                    f"these memories. Write others, with other words or for another link in the chain.\n{failed}\n{shown}",
                },
            ],
            schema=PLAN_SCHEMA,
        ),
    )
    return _searches(reply.data, tried=tried)


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


def _checked_answer(
    llm: LLM, question: str, recall: Recall, config: Ask, language: Language
) -> Said:
    """The model's answer; the model is not called if the recall's confidence is too low."""
    if recall.confidence < config.min_confidence:
        return Said(text=None, citations=())
    return answer_from(llm, question, recall, config, language)


def answer_from(llm: LLM, question: str, recall: Recall, config: Ask, language: Language) -> Said:
    """An answer from the hits that fit into the budget, selected and verified if so configured."""
    shown = fitting(recall.hits, config.max_tokens, recall.query, language)
    if config.select and shown:
        shown = select(llm, question, recall.at, shown, language)
    if not shown:
        return Said(text=None, citations=())
    said = answer(llm, question, recall.at, shown, language)
    if config.verify and said.text is not None:
        said = verify(llm, question, recall.at, shown, said, language=language)
    return said


def fitting(hits: Iterable[Hit], max_tokens: int, question: str, language: Language) -> list[Hit]:
    """The best hits whose quotations fit into a number of tokens; one that does not fit is skipped."""
    left, chosen = max_tokens, []
    for hit in hits:
        cost = count_tokens(prompts.row(shown_line(hit, question, language)) + "\n")
        if cost <= left:
            left -= cost
            chosen.append(hit)
    return chosen


def select(
    llm: LLM, question: str, at: datetime, hits: Sequence[Hit], language: Language
) -> list[Hit]:
    """The hits that the model considers relevant."""
    reply = llm.complete(
        Request(_prompt(prompts.SELECT, question, at, hits, language), schema=SELECT_SCHEMA)
    )
    chosen = set(schemas.fitting_items(reply.data, SELECT_SCHEMA, "ids")[0])
    return [hit for hit in hits if hit.id in chosen]


def answer(llm: LLM, question: str, at: datetime, hits: Sequence[Hit], language: Language) -> Said:
    """Answer from these memories, and check the citations."""
    reply = llm.complete(
        Request(_prompt(prompts.ANSWER, question, at, hits, language), schema=ANSWER_SCHEMA)
    )
    return checked(reply.data, question, hits, language)


def verify(
    llm: LLM,
    question: str,
    at: datetime,
    hits: Sequence[Hit],
    draft: Said,
    *,
    language: Language,
) -> Said:
    """Verify an answer; correct or withdraw it if the memories do not support it."""
    quoted = prompts.quoted("draft", [{"answer": draft.text, "citations": list(draft.citations)}])
    system, user = _prompt(prompts.VERIFY, question, at, hits, language)
    reply = llm.complete(
        Request(
            [system, {"role": "user", "content": f"{user['content']}\n{quoted}"}],
            schema=ANSWER_SCHEMA,
        )
    )
    said = checked(reply.data, question, hits, language)
    return replace(said, refused=tuple(dict.fromkeys((*draft.refused, *said.refused))))


def checked(data: Json, question: str, hits: Sequence[Hit], language: Language) -> Said:
    """A model's answer, with citations of memories that it was shown.

    Small models often cite nothing. Then the words that the answer shares with memories tell which were used.
    An answer that rests on none of them is refused.
    """
    given: dict[str, Any] = data if isinstance(data, dict) else {}
    text = str(given.get("answer", "")).strip()
    if not text:
        return Said(text=None, citations=())
    shown = {hit.id for hit in hits}
    ids, others = schemas.fitting_items(data, ANSWER_SCHEMA, "citations")
    cited = list(dict.fromkeys(int(id_) for id_ in ids if isinstance(id_, int | float)))
    refused = _refused_citations([*(id_ for id_ in cited if id_ not in shown), *others])
    kept = [id_ for id_ in cited if id_ in shown] or _inferred(question, text, hits, language)
    if not kept:
        return Said(text=None, citations=(), refused=(*refused, "the answer rests on no memory"))
    return Said(text=text, citations=tuple(kept), refused=refused)


def _inferred(question: str, text: str, hits: Sequence[Hit], language: Language) -> list[int]:
    """The memories that an answer without citations rests on; none if it only asks, as where a turn is copied."""
    if all(map(has_question_mark, sentences(text, language))):
        return []
    return (
        implicit.used(question, text, hits, language)
        or implicit.held(question, text, hits, language)
        or implicit.repeated(question, text, hits, language)
    )


def _refused_citations(ids: Sequence[Json]) -> tuple[str, ...]:
    """One sentence per citation of a memory that was not shown, and one for all beyond `MAX_REFUSED`."""
    told = [f"the answer cites {id_!s:.60}, which was not shown" for id_ in ids[:MAX_REFUSED]]
    if len(ids) > MAX_REFUSED:
        told.append(f"the answer cites {len(ids) - MAX_REFUSED:,} more that were not shown")
    return tuple(told)


def memory_line(hit: Hit, question: str) -> dict[str, Json]:
    """A memory as it is quoted; a long one is cut to its beginning and the passage that fits."""
    memory = hit.memory
    line = prompts.fact_line(memory) if isinstance(memory, Fact) else prompts.episode_line(memory)
    return line | {"text": excerpt(str(line["text"]), question, MAX_MEMORY)}


def shown_line(hit: Hit, question: str, language: Language) -> dict[str, Json]:
    """A memory as a model is shown it: with the dates that its "yesterday" and "last week" mean."""
    line = memory_line(hit, question)
    if hit.kind == "fact":
        return line
    return line | {"text": prompts.with_dates(str(line["text"]), hit.at.date(), language)}


def in_order(hits: Iterable[Hit]) -> list[Hit]:
    """The hits: facts first, then episodes by time."""
    return sorted(hits, key=lambda hit: (hit.kind == "episode", hit.at, hit.id))


def _prompt(
    rules: str, question: str, at: datetime, hits: Sequence[Hit], language: Language
) -> list[Message]:
    """The messages of a prompt: the rules, then the memories and the question."""
    memories = _quoted(in_order(hits), question, language)
    return [
        {"role": "system", "content": rules},
        {"role": "user", "content": f"{memories}\n{_question_line(question, at)}"},
    ]


def _quoted(hits: Iterable[Hit], question: str, language: Language) -> str:
    return prompts.quoted("memories", (shown_line(hit, question, language) for hit in hits))


def _question_line(question: str, at: datetime) -> str:
    return f"Asked on {prompts.moment(at)}: {question}"


def _searches(data: Json, *, tried: Sequence[str]) -> list[str]:
    """The queries of a plan, without blank or repeated ones."""
    given, _ = schemas.fitting_items(data, PLAN_SCHEMA, "searches")
    searches = [" ".join(str(each).split()) for each in given]
    fresh = dict.fromkeys(each for each in searches if each and each not in tried)
    return list(fresh)[:MAX_SEARCHES]


def _learn(memory: Engine, recall: Recall, said: Said, at: datetime | None) -> Reinforcement | None:
    return memory.reinforce(recall, used=said.citations, at=at) if said.citations else None
