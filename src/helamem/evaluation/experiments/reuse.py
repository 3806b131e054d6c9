"""What memory is for: the same needs come back in other words.

Each question is asked once and learned from; then it comes back reworded, with fewer of its words, in
another order, or as a follow-up that names only part of it. The same
needs are experience and test: this measures what a memory gains by being used.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from helamem.evaluation.experiments import learning
from helamem.evaluation.rewording import reworded

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from helamem.evaluation.datasets import Dataset, Question


def once_and_again(
    questions: Sequence[Question], rng: np.random.Generator
) -> tuple[list[Question], list[Question]]:
    """The questions in some order, and the same in other words."""
    experience = [questions[i] for i in rng.permutation(len(questions))]
    return experience, [reworded(question, rng) for question in questions]


@functools.wraps(learning.run, assigned=())  # for its signature
def run(dataset: Dataset, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # those of `learning`
    """Measure every arm as `learning` does; a split is another rewording in another order."""
    return {**learning.run(dataset, splitter=once_and_again, **options), "experiment": "reuse"}


tables, plots = learning.tables, learning.plots
