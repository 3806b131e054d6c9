"""Questions that the documentation answers with numbers.

Each module has `run(dataset, *, embedder, progress, command, ...)`, which gives JSON, and `tables` and
`plots`, which show it.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from helamem.errors import ConfigError
from helamem.evaluation import datasets, forms
from helamem.evaluation.forms.corrections import corrected
from helamem.models import embedders

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.figures import Bars, Plot, Table
    from helamem.evaluation.forms import Form
    from helamem.evaluation.runner import Progress

NAMES = (
    "retrieval",
    "suite",
    "abstention",
    "learning",
    "reuse",
    "ablation",
    "sensitivity",
    "budget",
    "facts",
    "forgetting",
    "answers",
    "speed",
    "tenants",
)
ON_FOLDERS = {"suite", "abstention"}
NEED_TURNS = {"learning", "reuse", "ablation", "sensitivity", "budget", "facts", "forgetting"}


class Experiment(Protocol):
    """The interface of each module of this package."""

    def run(self, *arguments: Any, **settings: Any) -> dict[str, Any]:  # noqa: ANN401
        """Measure; return the result as JSON."""
        ...

    def tables(self, result: Mapping[str, Any]) -> list[Table]:
        """The tables of a result."""
        ...

    def plots(self, result: Mapping[str, Any]) -> Sequence[Plot | Bars]:
        """The plots of a result."""
        ...


def experiment(name: str) -> Experiment:
    """The module with this name.

    Raises:
        ConfigError: There is no such experiment.
    """
    if name not in NAMES:
        raise ConfigError(f"there is no experiment {name!r}; there are {', '.join(NAMES)}")
    module: Any = importlib.import_module(f"{__name__}.{name}")
    found: Experiment = module
    return found


def of(result: Mapping[str, Any]) -> Experiment:
    """The experiment that a result is from."""
    return experiment(result.get("experiment", "speed" if "sizes" in result else "retrieval"))


def question(result: Mapping[str, Any]) -> str:
    """The question of a result's experiment: the first sentence of its module's docstring."""
    first, *_ = str(of(result).__doc__).splitlines()
    asked, mark, _ = first.partition("?")
    return asked + mark


def run(
    name: str,
    path: str | Path,
    *,
    form: Form = "auto",
    corrections: str | Path | None = None,
    sample: int | None = None,
    embedder: str = "static",
    progress: Progress | None = None,
    command: str = "",
    **settings: Any,  # noqa: ANN401  # the experiment's own
) -> dict[str, Any]:
    """Run an experiment on a file.

    Args:
        name: "retrieval", "suite" or "abstention" (whose path may be a folder of data sets), "learning", "reuse",
            "ablation", "sensitivity", "budget", "facts", "forgetting", "answers", "speed" or "tenants".
        form: The data set's form; "auto" tells it from the file.
        corrections: A file that says which evidence is right, as `forms.corrections` reads it.
        sample: How many of the conversations are taken; all by default.
        embedder: As `Config.embedder` names it.
        command: The command line, for the record.
        settings: What `run` of the experiment's module takes. "retrieval", "budget" and "answers" take
            `systems`, a list of names out of `helamem.evaluation.systems.SYSTEMS`; a system of one's own is
            measured by `helamem.evaluation.runner.run`.

    Raises:
        DataError: A file is not of its form.
        ConfigError: There is no such experiment, embedder or setting.
    """
    module = experiment(name)
    data: Dataset | list[Dataset]
    if name in ON_FOLDERS:
        data = [each.sampled(sample) if sample else each for each in forms.load_all(path)]
        settings["name"] = Path(path).resolve().stem
    else:
        data = _dataset(path, form, corrections, sample, progress)
        if name in NEED_TURNS:
            _require_turns(data)
    model = embedders.load(embedder)
    return module.run(data, embedder=model, progress=progress, command=command, **settings)


def _dataset(
    path: str | Path,
    form: Form,
    corrections: str | Path | None,
    sample: int | None,
    progress: Progress | None,
) -> Dataset:
    """The data set of a file, corrected and sampled."""
    dataset = forms.load(path, form, progress=progress)
    if corrections is not None:
        dataset = corrected(dataset, Path(corrections))
    return dataset if sample is None else dataset.sampled(sample)


def _require_turns(dataset: Dataset) -> None:
    if not any(map(dataset.scored, dataset.outlines)):
        raise ConfigError(
            f"{dataset.name} has no question of which it says which turns answer it; "
            f"{datasets.EVIDENCE_NEEDED}"
        )
