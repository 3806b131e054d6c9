"""Does the memory know what it does not know? The confidence of answerable questions beside that of others."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.config import Config
from helamem.evaluation import calibration, cells, metrics, summaries, unanswerable
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.figures import Bars
from helamem.evaluation.provenance import of_several, plain_settings
from helamem.evaluation.runner import Steps
from helamem.evaluation.systems import Found, memory_system, started
from helamem.frozen import dataclass
from helamem.search.confidence import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from helamem.core.arrays import Floats
    from helamem.evaluation.datasets import Dataset, Question
    from helamem.evaluation.figures import Plot, Table
    from helamem.evaluation.runner import Progress
    from helamem.evaluation.systems import Remembered
    from helamem.protocols import Embedder

K = 10
MOST = 150  # questions of a kind that one memory is asked
THRESHOLDS = (0.1, 0.2, 0.3, 0.5)
ANSWERABLE = "answerable"
SHARES = {
    unanswerable.OTHERS: 0.6,
    unanswerable.MARKED: 0.3,
    unanswerable.NONSENSE: 0.1,
}  # in --fit


@dataclass(frozen=True, slots=True)
class Asked:
    """The outcome of one question.

    Attributes:
        found: Evidence recall@10; 0 for what cannot be answered.
    """

    kind: str
    confidence: float
    signs: tuple[float, ...]
    found: float


@dataclass(slots=True)
class Answers:
    """All that was asked of one data set."""

    asked: list[Asked] = field(default_factory=list)

    def of(self, kind: str) -> list[Asked]:
        """The questions of a kind."""
        return [each for each in self.asked if each.kind == kind]


def run(
    corpora: Sequence[Dataset],
    *,
    name: str,
    embedder: Embedder,
    fit: bool = False,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Ask every memory what it can answer and what it cannot.

    Args:
        name: What the data sets are called together.
        fit: Whether the model of confidence is fitted anew too, each data set left out in turn.
    """
    shared = SharedEmbedder(embedder)
    answers = {corpus.name: _ask(corpus, shared, progress) for corpus in corpora}
    threshold = Config().ask.min_confidence
    return {
        "experiment": "abstention",
        **of_several(corpora, name=name, embedder=embedder.name, command=command),
        "config": {"k": K, "most": MOST, "systems": {"default": plain_settings(Config())}},
        "threshold": threshold,
        "sets": _separation_by_set(answers, threshold),
        "thresholds": {
            corpus: [_cost_of_threshold(each, threshold) for threshold in THRESHOLDS]
            for corpus, each in answers.items()
        },
        **({"fit": _fit(answers)} if fit else {}),
    }


def tables(result: Mapping[str, Any]) -> list[Table]:
    """How well each set is told apart; what thresholds cost and hold back; a new fit if asked for."""
    sets = [["cannot be answered", "questions", "AUROC", "ECE", "injected"]]
    for name, each in result["sets"].items():
        found = [cells.number(each[metric]) for metric in ("auroc", "ece", "injected")]
        sets.append([name, f"{each['questions']:,}", *found])
    costs = [["data", "min_confidence", "recall@10", "without it", "other memories injected"]]
    for corpus, rows in result["thresholds"].items():
        costs += [
            [corpus, f"{each['threshold']:g}"]
            + [cells.number(each[metric]) for metric in ("recall@10", "without", "injected")]
            for each in rows
        ]
    return [
        (f"Told apart from what can be answered; injected at {result['threshold']:g}", sets),
        ("What a threshold costs, and what it holds back", costs),
        *(_fit_tables(result["fit"]) if "fit" in result else ()),
    ]


def _fit_tables(fit: Mapping[str, Any]) -> list[Table]:
    weights = [["intercept", *fit["weights"]]]
    weights.append([f"{n:+.2f}" for n in (fit["intercept"], *fit["weights"].values())])
    left = [["left out", "AUROC of other memories"]]
    left += [[corpus, cells.number(auroc)] for corpus, auroc in fit["left_out"].items()]
    return [("Fitted anew", weights), ("Fitted without a data set, measured on it", left)]


def plots(result: Mapping[str, Any]) -> Sequence[Plot | Bars]:
    """The area under the ROC curve of each set."""
    bars: dict[str, tuple[float, list[float]]] = {
        name: (each["auroc"], []) for name, each in result["sets"].items()
    }
    return [Bars("auroc", "Answerable or not: area under the ROC curve", "AUROC", bars)]


def _ask(dataset: Dataset, embedder: SharedEmbedder, progress: Progress | None) -> Answers:
    """Ask each memory of a data set."""
    answers = Answers()
    steps = Steps(progress, len(dataset.conversations), dataset.name)
    system = memory_system("default", Config())
    for number, conversation in enumerate(dataset.conversations):
        answerable = dataset.scored(conversation)[:MOST]
        others = unanswerable.questions(dataset, number, most=len(answerable))
        with started(system, conversation, embedder) as running:
            for kind, questions in {ANSWERABLE: answerable, **others}.items():
                answers.asked += [_ask_one(kind, question, running.state) for question in questions]
        embedder.forget()
        steps.step()
    return answers


def _ask_one(kind: str, question: Question, state: Remembered) -> Asked:
    recall = state.memory.search(question.text, k=K, at=question.at)
    ranked = Found(recall.hits, state.turn_ids).ranked()[:K]
    found = metrics.recall(ranked, question.evidence) if kind == ANSWERABLE else 0.0
    signs = tuple(recall.signs.get(name, 0.0) for name in WEIGHTS)
    return Asked(kind, recall.confidence, signs, found)


def _separation_by_set(
    answers: Mapping[str, Answers], threshold: float
) -> dict[str, dict[str, Any]]:
    """Each kind over all data sets, then in each data set that has it."""
    everything = Answers([each for some in answers.values() for each in some.asked])
    pools = {"": everything, **{f"{name}, ": each for name, each in answers.items()}}
    return {
        f"{corpus}{kind}": _separation(pool.of(ANSWERABLE), pool.of(kind), threshold)
        for kind in SHARES
        for corpus, pool in pools.items()
        if pool.of(kind) and pool.of(ANSWERABLE)
    }


def _separation(
    answerable: Sequence[Asked], others: Sequence[Asked], threshold: float
) -> dict[str, Any]:
    confidence = _confidences([*answerable, *others])
    positive = np.arange(len(confidence)) < len(answerable)
    return {
        "questions": len(others),
        "auroc": round(calibration.auroc(confidence, positive), 4),
        "ece": round(calibration.calibration_error(confidence, positive), 4),
        "injected": summaries.mean(confidence[~positive] >= threshold),
    }


def _cost_of_threshold(answers: Answers, threshold: float) -> dict[str, float | None]:
    """The share of answers found, and of other memories' questions that bring hits, above a threshold."""
    asked = answers.of(ANSWERABLE)
    others = _confidences(answers.of(unanswerable.OTHERS))
    return {
        "threshold": threshold,
        "recall@10": summaries.mean(a.found * (a.confidence >= threshold) for a in asked),
        "without": summaries.mean(a.found for a in asked),
        "injected": summaries.mean(others >= threshold),
    }


def _fit(answers: Mapping[str, Answers]) -> dict[str, Any]:
    """The model fitted to all data sets, and how well it does on each when fitted to the others."""
    usable = {name: each for name, each in answers.items() if each.of(unanswerable.OTHERS)}
    intercept, weights = _fitted(list(usable.values()))
    left_out = {}
    for name, each in usable.items() if len(usable) > 1 else ():
        _, own = _fitted([other for key, other in usable.items() if key != name])
        asked = [*each.of(ANSWERABLE), *each.of(unanswerable.OTHERS)]
        positive = np.array([one.kind == ANSWERABLE for one in asked])
        left_out[name] = round(calibration.auroc(_signs(asked) @ own, positive), 4)
    return {
        "intercept": round(intercept, 3),
        "weights": dict(zip(WEIGHTS, weights.round(3).tolist(), strict=True)),
        "left_out": left_out,
    }


def _fitted(corpora: Sequence[Answers]) -> tuple[float, Floats]:
    """A model in which each data set counts the same, and in each answerable and other questions."""
    asked = [one for each in corpora for one in each.asked]
    weights = [_weight(one, each) for each in corpora for one in each.asked]
    positive = np.array([one.kind == ANSWERABLE for one in asked])
    return calibration.fitted(_signs(asked), positive, np.array(weights))


def _weight(one: Asked, answers: Answers) -> float:
    present = {kind: share for kind, share in SHARES.items() if answers.of(kind)}
    share = 1.0 if one.kind == ANSWERABLE else SHARES[one.kind] / sum(present.values())
    return share / len(answers.of(one.kind))


def _signs(asked: Sequence[Asked]) -> Floats:
    return np.array([one.signs for one in asked])


def _confidences(asked: Iterable[Asked]) -> Floats:
    return np.array([one.confidence for one in asked])
