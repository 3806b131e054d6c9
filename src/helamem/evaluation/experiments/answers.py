"""How good are the answers? A language model answers from what each system found, and maybe one judges.

Every system's hits go through the same steps and prompts, the product's own. Replies are kept by everything that was
asked, so a run that broke off goes on where it was. A call that fails is a failed call, never a wrong answer.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from helamem.errors import ConfigError, DataError, LLMError
from helamem.evaluation import answers, cells
from helamem.evaluation.datasets import UNANSWERABLE
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.examining import Exam, K, answer_all, drawn, metered, priced
from helamem.evaluation.figures import Bars
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.runner import Steps
from helamem.evaluation.summaries import gain, interval, mean
from helamem.evaluation.systems import named
from helamem.models.tokens import count_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.examining import Answered, Prices
    from helamem.evaluation.figures import Plot, Table
    from helamem.evaluation.runner import Progress
    from helamem.protocols import LLM, Embedder

HOPELESS = 10  # if the first questions all fail, so will the rest


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
    prices: Prices = (0.0, 0.0),
    judge_prices: Prices | None = None,
    max_tokens: int = 1000,
    n_questions: int | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Scores of answers, and what they cost.

    Args:
        llm: Who answers.
        judge: Who judges; the same model unless given.
        judged: Whether anybody judges.
        dry_run: Count the calls and tokens that are not in the cache, and send nothing.
        cache: A folder in which replies are kept.
        workers: How many questions are asked at once.
        prices: Of a million tokens, in and out, in any currency.
        judge_prices: The judge's; the same unless given.
        max_tokens: How much of what was found the model is shown.
        n_questions: Ask a sample of so many, even over categories and always the same; else all.

    Raises:
        ConfigError: There is no model, or no question has an answer.
        DataError: An answer of the data set stands in a prompt.
        LLMError: The first questions all failed.
    """
    if llm is None and not dry_run:
        raise ConfigError("answers need a language model; dry_run counts calls and tokens without")
    left_out = _number_unanswered(dataset)
    chosen = named(systems)
    exam = Exam(
        llm=metered(llm, cache, dry_run=dry_run),
        judge=metered(judge or llm, cache, dry_run=dry_run),
        judged=judged,
        max_tokens=max_tokens,
    )
    asked = drawn(dataset, n_questions)
    steps = Steps(progress, len(chosen) * sum(map(len, asked.values())))
    outcomes: dict[str, list[Answered]] = {}
    usage: dict[str, dict[str, Any]] = {}
    for system in chosen:
        before = exam.spent()
        replies = answer_all(
            exam, dataset, asked, system, SharedEmbedder(embedder), workers=workers
        )
        outcomes[system.name] = _collected(replies, system.name, steps)
        usage[system.name] = priced(before, exam.spent(), prices, judge_prices or prices)
    return {
        "experiment": "answers",
        **provenance(dataset, embedder=embedder.name, command=command, left_out=left_out),
        "dry_run": dry_run,
        "model": exam.llm.name,
        "judge": exam.judge.name if judged else None,
        "max_tokens": max_tokens,
        "config": {
            "k": K,
            "systems": {s.name: plain_settings(s.settings) for s in chosen if s.settings},
        },
        **_results(outcomes, usage, dataset.categories, dry_run=dry_run),
    }


def _results(
    outcomes: Mapping[str, Sequence[Answered]],
    usage: Mapping[str, dict[str, Any]],
    categories: Sequence[str],
    *,
    dry_run: bool,
) -> dict[str, Any]:
    """The parts of the result that are about systems; a dry run has no scores."""
    return {
        "systems": {
            name: {
                "asked": len(each),
                **({} if dry_run else summary(each, categories)),
                "usage": usage[name],
            }
            for name, each in outcomes.items()
        },
        "differences": {} if dry_run else differences(outcomes),
        "answers": {}
        if dry_run
        else {name: list(map(_question_entry, each)) for name, each in outcomes.items()},
    }


def _number_unanswered(dataset: Dataset) -> int:
    """How many questions have no answer.

    Raises:
        ConfigError: None has one.
        DataError: An answer stands in a prompt.
    """
    if found := answers.leaked(dataset, answers.RULES):
        raise DataError(f"the prompts hold an answer of {dataset.name}: {found[0]!r}")
    n_answered = sum(map(len, drawn(dataset).values()))
    if not n_answered:
        raise ConfigError(
            f"{dataset.name} has no question with an answer; give each question its 'answer', what a right "
            "reply says"
        )
    return sum(len(outline.questions) for outline in dataset.outlines) - n_answered


def _collected(
    replies: Generator[Answered, None, None], system: str, steps: Steps
) -> list[Answered]:
    """All replies. Stops if the first ones all fail: a wrong key or model name fails every time."""
    outcomes: list[Answered] = []
    failed = 0
    with closing(replies):
        for each in replies:
            outcomes.append(each)
            failed += bool(each.failed or each.unjudged)
            if failed == len(outcomes) == HOPELESS:
                raise LLMError(
                    f"the first {HOPELESS} questions failed. {each.failed or each.unjudged}"
                )
            steps.what = f"{system}, {failed} failed" if failed else system
            steps.step()
    return outcomes


def summary(outcomes: Sequence[Answered], categories: Sequence[str]) -> dict[str, Any]:
    """Scores of one system's answers; failed calls are counted separately."""
    scored, apart = _answerable_outcomes(outcomes), _unanswerable_outcomes(outcomes)
    return {
        "failed": sum(bool(each.failed) for each in outcomes),
        "unjudged": sum(bool(each.unjudged) for each in outcomes),
        **_scores(scored),
        "ci95": {
            "f1": interval(map(_f1, scored)),
            "judged": interval(_verdicts(scored)),
        },
        "by_category": {
            category: _scores(own)
            for category in categories
            if (own := [each for each in scored if each.question.category == category])
        },
        "unanswerable": {
            "questions": len(apart),
            "abstained": mean(each.abstained for each in apart),
            "judged": mean(_verdicts(apart)),
        },
    }


def differences(outcomes: Mapping[str, Sequence[Answered]]) -> dict[str, Any]:
    """The first system's lead over each other system, on questions that both answered."""
    (first, ahead), *others = outcomes.items()
    found = {}
    for name, behind in others:
        measures = {
            "f1": (_by_question(ahead, _f1), _by_question(behind, _f1)),
            "judged": (_by_question(ahead, _verdict), _by_question(behind, _verdict)),
        }
        found[f"{first} - {name}"] = {
            measure: gain(*_common_questions(mine, theirs))
            for measure, (mine, theirs) in measures.items()
        }
    return found


def _by_question(
    outcomes: Iterable[Answered], measure: Callable[[Answered], float | None]
) -> dict[str, float]:
    values = ((each.question.id, measure(each)) for each in _answerable_outcomes(outcomes))
    return {id_: value for id_, value in values if value is not None}


def _common_questions(
    mine: Mapping[str, float], theirs: Mapping[str, float]
) -> tuple[dict[str, float], Mapping[str, float]]:
    return {id_: value for id_, value in mine.items() if id_ in theirs}, theirs


def _answerable_outcomes(outcomes: Iterable[Answered]) -> list[Answered]:
    """The replies to answerable questions."""
    return [each for each in outcomes if not each.failed and each.question.category != UNANSWERABLE]


def _unanswerable_outcomes(outcomes: Iterable[Answered]) -> list[Answered]:
    """The replies to unanswerable questions."""
    return [each for each in outcomes if not each.failed and each.question.category == UNANSWERABLE]


def _scores(outcomes: Sequence[Answered]) -> dict[str, Any]:
    return {
        "questions": len(outcomes),
        "f1": mean(map(_f1, outcomes)),
        "bleu_1": mean(answers.bleu_1(each.reply or "", each.question.answer) for each in outcomes),
        "judged": mean(_verdicts(outcomes)),
        "abstained": mean(each.abstained for each in outcomes),
        "reply_tokens": mean(
            count_tokens(each.reply) for each in outcomes if each.reply is not None
        ),
    }


def _f1(answered: Answered) -> float:
    question = answered.question
    return answers.locomo_f1(answered.reply or "", question.answer, question.category)


def _verdict(answered: Answered) -> float | None:
    return None if answered.correct is None else float(answered.correct)


def _verdicts(outcomes: Iterable[Answered]) -> list[float]:
    return [verdict for each in outcomes if (verdict := _verdict(each)) is not None]


def _question_entry(answered: Answered) -> dict[str, Any]:
    """One question's entry in the result, without text of the data set."""
    return {
        "id": answered.question.id,
        "category": answered.question.category,
        "reply": answered.reply,
        "correct": answered.correct,
        "failed": answered.failed,
        "unjudged": answered.unjudged,
    }


def tables(result: Mapping[str, Any]) -> list[Table]:
    """One row per system: scores, scores by category, questions without an answer, and cost."""
    if result["dry_run"]:
        return [_costs_table(result, "What it would cost, without what is in the cache")]
    by_category = {"f1": "F1 by category", "judged": "Judged correct, by category"}
    return [
        _overall_table(result),
        *(
            _category_table(result, heading, measure)
            for measure, heading in by_category.items()
            if measure == "f1" or result["judge"]
        ),
        *_recognized_unanswerable(result),
        _costs_table(result, "What it cost, without what was in the cache"),
    ]


def _overall_table(result: Mapping[str, Any]) -> Table:
    ahead = [f"{next(iter(result['systems']))} is ahead by"] if result["differences"] else []
    head = [
        "system",
        "questions",
        "F1",
        *ahead,
        "BLEU-1",
        "judged",
        "abstained",
        "tokens",
        "failed",
    ]
    rows = [
        [
            name,
            f"{entry['questions']}",
            cells.number(entry["f1"]),
            *([_lead_in_f1(result, name)] if ahead else []),
            cells.number(entry["bleu_1"]),
            cells.number(entry["judged"]),
            cells.number(entry["abstained"]),
            cells.number(entry["reply_tokens"], ".1f"),
            f"{entry['failed'] + entry['unjudged']}",
        ]
        for name, entry in result["systems"].items()
    ]
    judge = f", judged by {result['judge']}" if result["judge"] else ""
    return f"Answers by {result['model']}{judge}", [head, *rows]


def _recognized_unanswerable(result: Mapping[str, Any]) -> list[Table]:
    """The share of unanswerable questions that were recognized as such."""
    rows = [
        [
            name,
            f"{apart['questions']}",
            cells.number(apart["abstained"]),
            cells.number(apart["judged"]),
        ]
        for name, entry in result["systems"].items()
        if (apart := entry["unanswerable"])["questions"]
    ]
    head = ["system", "questions", "abstained", "judged"]
    return [("Questions that nothing answers", [head, *rows])] if rows else []


def _category_table(result: Mapping[str, Any], heading: str, measure: str) -> Table:
    systems = result["systems"]
    rows = [
        [category, *(cells.of_category(entry, category, measure) for entry in systems.values())]
        for category in cells.categories(systems)
    ]
    return heading, [["category", *systems], *rows]


def _costs_table(result: Mapping[str, Any], heading: str) -> Table:
    rows = [["system", "asked", "calls", "of the judge", "tokens in", "tokens out", "cost"]]
    for name, entry in result["systems"].items():
        usage = entry["usage"]
        counts = (
            entry["asked"],
            usage["calls"],
            usage["judge"]["calls"],
            usage["prompt_tokens"],
            usage["completion_tokens"],
        )
        cost = f"{usage['cost']:.2f}" if usage["cost"] else ""
        rows.append([name, *(f"{n:,.0f}" for n in counts), cost])
    return heading, rows


def _lead_in_f1(result: Mapping[str, Any], name: str) -> str:
    """The first system's lead in F1 over this one."""
    first = next(iter(result["systems"]))
    gap = result["differences"].get(f"{first} - {name}", {}).get("f1")
    return cells.gap(gap) if gap else ""


def plots(result: Mapping[str, Any]) -> list[Plot | Bars]:
    """F1, and what the judge holds to be correct, of every system."""
    if result["dry_run"]:
        return []
    titles = {"f1": "F1 of answers", "judged": "Answers judged correct"}
    return [
        Bars(measure, f"{title}, with 95 % intervals", title, bars)
        for measure, title in titles.items()
        if (
            bars := {
                name: (entry[measure], entry["ci95"][measure])
                for name, entry in result["systems"].items()
                if entry[measure] is not None
            }
        )
    ]
