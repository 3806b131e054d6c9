"""How much must be read? Recall against the tokens of the context, for every system."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from helamem.evaluation import cells, defaults, metrics
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.figures import Plot
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.runner import Steps
from helamem.evaluation.summaries import mean
from helamem.evaluation.systems import named, started

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.figures import Table
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder

BUDGETS = (125, 250, 500, 1000, 2000, 4000, 8000)
K = 500


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    systems: Sequence[str] = defaults.ALL_SYSTEMS,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Mean evidence recall in the context, and its mean tokens, at each budget."""
    recall: dict[tuple[str, int], list[float]] = defaultdict(list)
    shared = SharedEmbedder(embedder)
    chosen = named(systems)
    steps = Steps(progress, len(chosen) * sum(len(dataset.scored(o)) for o in dataset.outlines))
    for conversation in dataset.conversations:
        for system in chosen:
            steps.what = f"{system.name}, {conversation.id}"
            with shared.keeping(), started(system, conversation, shared) as running:
                for question in dataset.scored(conversation):
                    found = system.find(running.state, question, K)
                    for budget in BUDGETS:
                        share = metrics.recall(found.within(budget)[0], question.evidence)
                        recall[system.name, budget].append(share)
                    steps.step()
        shared.forget()
    return {
        "experiment": "budget",
        **provenance(dataset, embedder=embedder.name, command=command, left_out=dataset.left_out()),
        "config": {
            "k": K,
            "systems": {s.name: plain_settings(s.settings) for s in chosen if s.settings},
        },
        "tokens": list(BUDGETS),
        "recall": {s.name: [mean(recall[s.name, b]) for b in BUDGETS] for s in chosen},
    }


def tables(result: Mapping[str, Any]) -> list[Table]:
    """One row a system, one column a budget."""
    head = ["system", *(f"{tokens:,}" for tokens in result["tokens"])]
    rows = [[name, *map(cells.number, values)] for name, values in result["recall"].items()]
    return [("Evidence recall by tokens of context", [head, *rows])]


def plots(result: Mapping[str, Any]) -> list[Plot]:
    """Recall over tokens."""
    lines = {name: (result["tokens"], values) for name, values in result["recall"].items()}
    return [
        Plot(
            "tokens",
            "Evidence recall by tokens of context",
            "tokens",
            "evidence recall",
            lines,
            logarithmic=True,
        )
    ]
