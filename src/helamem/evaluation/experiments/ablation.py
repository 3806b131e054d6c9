"""What is each part worth? Each part of `default` taken away, and each part of `paper` put in its place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from helamem.config import PRESETS, Config
from helamem.evaluation import runner
from helamem.evaluation.experiments import retrieval
from helamem.evaluation.figures import Bars
from helamem.evaluation.systems import memory_system

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.figures import Plot, Table
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder

Settings = dict[str, Any]

WITHOUT: Mapping[str, Settings] = {
    "similarity": {"activation.vector": 0.0, "activation.vector_heavy": 0.0},
    "more similarity where turns are long": {"activation.vector_heavy": 0.0},
    "lightness of turns": {"activation.light_terms": 1e9},
    "words": {"activation.words": 0.0},
    "words of the turns around": {"activation.window": 0},
    "session": {"activation.session": 0.0},
    "speaker": {"activation.speaker": 0.0},
    "names and times taken out of the vector": {"activation.names_apart": False},
    "user": {"activation.user": 0.0},
    "wish": {"activation.wish": 0.0},
    "date": {"activation.date": 0.0},
    "length": {"activation.length": 0.0},
    "stating": {"activation.stating": 0.0},
    "spreading from questions to answers": {"spreading.temporal": 0.0},
    "fan-out": {"spreading.fan_out": 0.0},
    "repetitions count less": {"selection.repeated": 1.0},
    "candidates (exact instead)": {"candidates.nearest": 0, "candidates.lexical": 0},
}


def _paper_variants(*names: str) -> Settings:
    return {name: PRESETS["paper"][name] for name in names}


WITH_PAPERS: Mapping[str, Settings] = {
    "similarity, (cos + 1) / 2": _paper_variants("activation.similarity"),
    "keywords instead of words": _paper_variants(
        "activation.words", "activation.window", "activation.keyword", "activation.keywords"
    ),
    "time decay": _paper_variants("activation.recency_days"),
    "edges, spreading and selection": {
        name: value
        for name, value in PRESETS["paper"].items()
        if name.startswith(("spreading.", "selection."))
    }
    | _paper_variants("learning.link"),
}

PAPER_WITH: Mapping[str, Settings] = {
    "no time decay": {"activation.recency_days": math.inf},
    "no time decay, no spreading": {
        "activation.recency_days": math.inf,
        "spreading.learned": 0.0,
    },
    "no time decay, BM25 instead of keywords": {
        "activation.recency_days": math.inf,
        "activation.words": 1.0,
        "activation.keyword": 0.0,
    },
}


def variants() -> dict[str, Config]:
    """Every configuration that is measured, by what stands in the table; the first is `default`."""
    return {
        "default": Config.of(),
        **{f"without {name}": Config.of(**each) for name, each in WITHOUT.items()},
        **{f"with paper's {name}": Config.of(**each) for name, each in WITH_PAPERS.items()},
        "paper": Config.of("paper"),
        **{f"paper with {name}": Config.of("paper", **each) for name, each in PAPER_WITH.items()},
    }


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    only: Container[str] | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure every variant as the bench measures a system.

    Args:
        only: The names of the variants that are measured; all by default.
    """
    systems = [
        memory_system(name, config)
        for name, config in variants().items()
        if only is None or name in only
    ]
    result = runner.run(
        dataset, systems=systems, embedder=embedder, progress=progress, command=command
    )
    return {"experiment": "ablation", **result}


def tables(result: Mapping[str, Any]) -> list[Table]:
    """One row per variant: its scores, and the lead of `default`; then by category."""
    first, *others = result["systems"]
    rows = [
        _row(first, result["systems"][first], ""),
        *(
            _row(
                name,
                result["systems"][name],
                retrieval.lead(result["differences"][f"{first} - {name}"]),
            )
            for name in others
        ),
    ]
    head = ["variant", "R@10", "default is ahead by", "R@1000 tok", "MRR"]
    return [("What each part is worth", [head, *rows]), retrieval.by_category(result["systems"])]


def plots(result: Mapping[str, Any]) -> list[Plot | Bars]:
    """The loss without each part of `default`, and recall@10 with each part of the paper."""
    first, *others = result["systems"]
    gaps = {name: result["differences"][f"{first} - {name}"]["recall@10"] for name in others}
    parts = {
        name.removeprefix(f"{first} "): (gap["mean"], gap["ci95"])
        for name, gap in gaps.items()
        if name.removeprefix(f"{first} ").startswith("without ")
    }
    of_paper = {
        name: entry
        for name, entry in result["systems"].items()
        if name.removeprefix(f"{first} ") not in parts
    }
    title = "What default loses without a part: recall@10, with 95 % intervals"
    drawn = [
        Bars("parts", title, f"how far {first} is ahead", parts, signed=True),
        retrieval.recall_bars("paper", "With parts of the paper's, and the paper's", of_paper),
    ]
    return [each for each in drawn if each.bars]


def _row(name: str, entry: Mapping[str, Any], gap: str) -> list[str]:
    return [
        name,
        f"{entry['recall@10']:.3f}",
        gap,
        f"{entry['recall@1000tok']:.3f}",
        f"{entry['mrr']:.3f}",
    ]
