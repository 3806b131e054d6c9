"""What memory is for: the same needs come back in other words.

Each question is asked once and learned from; then it comes back reworded, with fewer of its words, in
another order, or as a follow-up that names only part of it. The same
needs are experience and test: this measures what a memory gains by being used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem.evaluation import defaults
from helamem.evaluation.experiments import learning
from helamem.evaluation.learners import ARMS
from helamem.evaluation.rewording import reworded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from helamem.evaluation.datasets import Dataset, Question
    from helamem.evaluation.figures import Plot, Table
    from helamem.evaluation.learners import Arm
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder


def once_and_again(
    questions: Sequence[Question], rng: np.random.Generator
) -> tuple[list[Question], list[Question]]:
    """The questions in some order, and the same in other words."""
    experience = [questions[i] for i in rng.permutation(len(questions))]
    return experience, [reworded(question, rng) for question in questions]


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    splits: int = defaults.SPLITS,
    pass_splits: int = defaults.PASS_SPLITS,
    seed: int = 0,
    arms: Mapping[str, Arm] = ARMS,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure every arm as `learning` does; a split is another rewording in another order."""
    result = learning.run(
        dataset,
        embedder=embedder,
        splits=splits,
        pass_splits=pass_splits,
        seed=seed,
        arms=arms,
        settings=settings,
        splitter=once_and_again,
        progress=progress,
        command=command,
    )
    return {**result, "experiment": "reuse"}


def tables(result: Mapping[str, Any]) -> list[Table]:
    """As `learning` has them."""
    return learning.tables(result)


def plots(result: Mapping[str, Any]) -> list[Plot]:
    """As `learning` has them."""
    return learning.plots(result)
