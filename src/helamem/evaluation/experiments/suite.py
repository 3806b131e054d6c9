"""Does it hold for every kind of memory? Every system on every data set of a folder, with one set of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem.evaluation import cells, datasets, defaults, runner
from helamem.evaluation.figures import Bars
from helamem.evaluation.systems import named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.figures import Plot, Table
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder

SHOWN = {
    "recall@10": "Evidence recall@10",
    "mrr": "1 / the rank of the first that is evidence (MRR)",
    "recall@1000tok": "Evidence recall in 1,000 tokens",
}
OF_A_CORPUS = ("sha256", "conversations", "turns", "left_out", "systems", "differences")
ADDED_UP = ("turns", "left_out")


def run(
    corpora: Sequence[Dataset],
    *,
    name: str,
    embedder: Embedder,
    systems: Sequence[str] = defaults.SUITE,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure systems on each data set; `settings` are for `default` alone.

    Args:
        name: What the data sets are called together.
    """
    measured = {
        corpus.name: runner.run(
            corpus,
            systems=named(systems, settings),
            embedder=embedder,
            progress=progress,
            command=command,
        )
        for corpus in corpora
    }
    shared = next(iter(measured.values()))
    return {
        "experiment": "suite",
        **{key: value for key, value in shared.items() if key not in OF_A_CORPUS},
        "dataset": name,
        "sha256": datasets.digest("".join(each["sha256"] for each in measured.values()).encode()),
        "published_as": None,
        "conversations": [id_ for each in measured.values() for id_ in each["conversations"]],
        **{key: sum(each[key] for each in measured.values()) for key in ADDED_UP},
        "corpora": {
            corpus: {key: each[key] for key in OF_A_CORPUS} for corpus, each in measured.items()
        },
        "set": dict(settings or {}),
    }


def tables(result: Mapping[str, Any]) -> list[Table]:
    """One table a metric, a row a data set; last, the mean of the rows."""
    return [(heading, _metric_rows(result["corpora"], metric)) for metric, heading in SHOWN.items()]


def plots(result: Mapping[str, Any]) -> Sequence[Plot | Bars]:
    """The mean of recall@10 over the data sets."""
    corpora = list(result["corpora"].values())
    bars: dict[str, tuple[float, list[float]]] = {
        system: (mean, [])
        for system in corpora[0]["systems"]
        if (mean := _mean_over_corpora(corpora, system, "recall@10")) is not None
    }
    return [Bars("recall", "Evidence recall@10, mean over the data sets", "recall@10", bars)]


def _metric_rows(corpora: Mapping[str, Mapping[str, Any]], metric: str) -> list[list[str]]:
    systems = list(next(iter(corpora.values()))["systems"])
    first = systems[0]
    rows = [["data", "questions", *systems, f"{first} is ahead of the best other by"]]
    for name, corpus in corpora.items():
        found = [corpus["systems"][system].get(metric) for system in systems]
        questions = corpus["systems"][first]["questions"]
        rows.append(
            [name, f"{questions:,}", *map(cells.number, found), _lead_over_best(corpus, metric)]
        )
    means = [_mean_over_corpora(list(corpora.values()), system, metric) for system in systems]
    told = [each for each in means if each is not None]
    lead = f"{told[0] - max(told[1:]):+.3f}" if len(told) > 1 else ""
    return [*rows, ["mean", "", *map(cells.number, means), lead]]


def _lead_over_best(corpus: Mapping[str, Any], metric: str) -> str:
    """How far the first system is ahead of the best of the others, question by question."""
    first, *others = corpus["systems"]
    if not others or metric not in corpus["systems"][first]:
        return ""
    best = max(others, key=lambda system: corpus["systems"][system][metric])
    return cells.gap(corpus["differences"][f"{first} - {best}"][metric])


def _mean_over_corpora(
    corpora: Sequence[Mapping[str, Any]], system: str, metric: str
) -> float | None:
    """The mean over the data sets that have it: some name sessions as evidence, and no turns."""
    scores = [corpus["systems"][system].get(metric) for corpus in corpora]
    told = [score for score in scores if score is not None]
    return sum(told) / len(told) if told else None
