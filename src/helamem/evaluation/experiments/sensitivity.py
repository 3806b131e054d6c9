"""Does it hang on a tuned digit? The numbers of activation and spreading moved around their defaults, one at a time.

Each number is multiplied. Numbers that are 0 or infinite by default, or that matter only after learning or distilling,
are left out, and so are values beyond a setting's range.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from helamem.config import Config, names, value_of
from helamem.errors import ConfigError
from helamem.evaluation import learners
from helamem.evaluation.copies import originals
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.figures import Plot
from helamem.evaluation.learners import Exam
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.runner import Steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.figures import Table
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder

FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)
SECTIONS = ("activation.", "spreading.")
# Without learned edges, and without weight on keywords, these change nothing.
IDLE = {"spreading.learned", "activation.keywords"}


def moved(factors: Sequence[float] = FACTORS) -> Iterator[tuple[str, float, Config]]:
    """Each setting to vary, each value it takes, and the resulting configuration."""
    plain = Config.of()
    for name in names():
        value = value_of(plain, name)
        if not name.startswith(SECTIONS) or name in IDLE or not _can_be_multiplied(value):
            continue
        for number in sorted({type(value)(round(value * factor, 4)) for factor in factors}):
            try:
                yield name, float(number), Config.of(**{name: number})
            except ConfigError:  # beyond its range
                continue


def _can_be_multiplied(value: object) -> bool:
    """Whether it is a finite, non-zero number, so that a factor changes it."""
    return type(value) in (int, float) and bool(value) and math.isfinite(float(str(value)))


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    factors: Sequence[float] = FACTORS,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Recall@10 and MRR for each value of each setting.

    Args:
        factors: The factors by which the defaults are multiplied.
    """
    cases = list(moved(factors))
    exams = [Exam() for _ in cases]
    steps = Steps(progress, len(cases) * len(dataset.conversations))
    for conversation, memory in originals(dataset, SharedEmbedder(embedder)):
        for (name, value, config), exam in zip(cases, exams, strict=True):
            steps.what = f"{name} = {value:g}, {conversation.id}"
            with memory.copy(config) as state:
                learners.examine(state, dataset.scored(conversation), exam)
            steps.step()
    curves = _curves(cases, exams)
    return {
        "experiment": "sensitivity",
        **provenance(dataset, embedder=embedder.name, command=command, left_out=dataset.left_out()),
        "config": {"systems": {"default": plain_settings(Config.of())}},
        "defaults": {name: value_of(Config.of(), name) for name in curves},
        "settings": curves,
    }


def _curves(
    cases: Sequence[tuple[str, float, Config]], exams: Sequence[Exam]
) -> dict[str, dict[str, list[float | None]]]:
    """The values of each setting, and what was scored with them."""
    curves: dict[str, dict[str, list[float | None]]] = {}
    for (name, value, _), exam in zip(cases, exams, strict=True):
        curve = curves.setdefault(name, {"value": [], "recall@10": [], "mrr": []})
        curve["value"].append(value)
        curve["recall@10"].append(exam.mean("recall@10"))
        curve["mrr"].append(exam.mean("mrr"))
    return curves


def tables(result: Mapping[str, Any]) -> list[Table]:
    """One row a setting: its values, and recall@10 at each."""
    rows = [
        [
            name,
            f"{_default(result, name):g}",
            ", ".join(
                f"{value:g}: {recall:.3f}"
                for value, recall in zip(curve["value"], curve["recall@10"], strict=True)
            ),
            f"{max(curve['recall@10']) - min(curve['recall@10']):.3f}",
        ]
        for name, curve in result["settings"].items()
    ]
    return [("Recall@10 around the defaults", [["setting", "default", "values", "range"], *rows])]


def plots(result: Mapping[str, Any]) -> list[Plot]:
    """Recall@10 over each setting as a share of its default; the eight that matter most."""
    settings = result["settings"]
    spans = {
        name: max(each["recall@10"]) - min(each["recall@10"]) for name, each in settings.items()
    }
    lines = {
        name: (
            [value / _default(result, name) for value in settings[name]["value"]],
            settings[name]["recall@10"],
        )
        for name in sorted(spans, key=lambda name: -spans[name])[:8]
    }
    return [
        Plot(
            "around",
            "Recall@10 around the defaults",
            "share of the default",
            "recall@10",
            lines,
            logarithmic=True,
        )
    ]


def _default(result: Mapping[str, Any], name: str) -> float:
    """The default at the time of measuring; older results do not record it."""
    return float(result.get("defaults", {}).get(name) or value_of(Config.of(), name))
