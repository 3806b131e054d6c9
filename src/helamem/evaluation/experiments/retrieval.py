"""How well do systems find what answers a question? Every system on every question, read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem.evaluation import peers, runner
from helamem.evaluation.systems import named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.figures import Plot, Table
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder

ABSURD = 1e6  # turns a second: what keeps the turns as they are

# Columns by title: where a number stands in a system's entry, and how it is written.
COLUMNS: Mapping[str, tuple[str, str]] = {
    "R@5": ("recall@5", ".3f"),
    "R@10": ("recall@10", ".3f"),
    "R@20": ("recall@20", ".3f"),
    "MRR": ("mrr", ".3f"),
    "R@500 tok": ("recall@500tok", ".3f"),
    "R@1000 tok": ("recall@1000tok", ".3f"),
    "tokens": ("tokens_per_query", ",.0f"),
    "ms p50": ("ms_per_query.p50", ".1f"),
    "ms p95": ("ms_per_query.p95", ".1f"),
    "turns/s": ("ingest_turns_per_s", ",.0f"),
}


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    systems: Sequence[str] = runner.DEFAULT_SYSTEMS,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure systems by name; `settings` are for `default` alone."""
    return runner.run(
        dataset,
        systems=named(systems, settings),
        embedder=embedder,
        progress=progress,
        command=command,
    )


def tables(result: Mapping[str, Any]) -> list[Table]:
    """All questions together, then recall@10 by category; with peers, how far apart all are."""
    if "peers" not in result:
        return _tables(result)
    parts = [
        (f"{heading}, {peers.finished(part)}", rows)
        for part in result["parts"]
        for heading, rows in [*_tables(part), peers.differences(part)]
    ]
    return [*_tables(result), peers.differences(result), *parts]


def _tables(result: Mapping[str, Any]) -> list[Table]:
    systems: Mapping[str, Mapping[str, Any]] = result["systems"]
    counts = sorted({entry["questions"] for entry in systems.values()})
    everything = [
        [name, *(_cell(_at(entry, path), form) for path, form in COLUMNS.values())]
        for name, entry in systems.items()
    ]
    categories = list(
        dict.fromkeys(name for entry in systems.values() for name in entry["by_category"])
    )
    by_category = [
        [name, *(_in_category(entry, category) for category in categories)]
        for name, entry in systems.items()
    ]
    return [
        (
            f"Evidence recall over {', '.join(map(str, counts))} questions",
            [["system", *COLUMNS], *everything],
        ),
        ("Recall@10 by category", [["system", *categories], *by_category]),
    ]


def plots(result: Mapping[str, Any]) -> list[Plot]:  # noqa: ARG001  # as all experiments have it
    """None: the tables say it."""
    return []


def _cell(value: float, form: str) -> str:
    """A number as it is written; nothing for the speed of a system that has nothing to build."""
    return format(value, form) if value < ABSURD else ""


def _in_category(entry: Mapping[str, Any], category: str) -> str:
    scores = entry["by_category"].get(category)
    return f"{scores['recall@10']:.3f}" if scores else ""


def _at(entry: Mapping[str, Any], path: str) -> float:
    value: Any = entry
    for part in path.split("."):
        value = value[part]
    return float(value)
