"""Does learning pay? Half of each conversation's questions are experience, the other half the test.

Every arm is asked the experience in the same shuffled order and learns by its own rule; then it is
asked the questions that it has not seen, read-only. All arms retrieve alike, and are shown as many memories
for a question of the experience as `ask` looks up; the paper's is shown fifteen at most, as it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from helamem.errors import ConfigError, DataError
from helamem.evaluation import cells, defaults, learners
from helamem.evaluation.copies import originals
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.figures import Plot
from helamem.evaluation.learners import ARMS, Exam, Judged
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.runner import Steps
from helamem.language.nouns import noun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from helamem.evaluation.copies import Original
    from helamem.evaluation.datasets import Dataset, Question
    from helamem.evaluation.figures import Table
    from helamem.evaluation.learners import Arm
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder

Halves: TypeAlias = "tuple[Sequence[Question], Sequence[Question]]"
Splitter: TypeAlias = Callable[["Sequence[Question]", np.random.Generator], Halves]

SHARES = (0.1, 0.25, 0.5, 1.0)  # of the experience
PASSES = (1, 2, 3, 5, 10)  # over all of it


def halves(questions: Sequence[Question], rng: np.random.Generator) -> Halves:
    """The questions for experience, in order, and the disjoint test questions."""
    shuffled = [questions[i] for i in rng.permutation(len(questions))]
    middle = len(shuffled) // 2
    experience, test = shuffled[:middle], shuffled[middle:]
    asked = {question.text for question in experience}
    return experience, [question for question in test if question.text not in asked]


@dataclass(slots=True)
class Notebook:
    """One arm's scores by share of experience and by number of passes, and its judge."""

    curve: dict[float, Exam] = field(default_factory=lambda: {s: Exam() for s in SHARES})
    passes: dict[int, Exam] = field(default_factory=lambda: {n: Exam() for n in PASSES})
    judged: Judged = field(default_factory=Judged)


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    splits: int = defaults.SPLITS,
    pass_splits: int = defaults.PASS_SPLITS,
    seed: int = 0,
    arms: Mapping[str, Arm] = ARMS,
    settings: Mapping[str, Any] | None = None,
    splitter: Splitter = halves,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure every arm; the result is JSON as docs/measuring.md describes it.

    Args:
        splits: How many times the questions are split in experience and test.
        pass_splits: In how many of these the experience is gone through ten times.
        settings: What differs from the default settings in every arm.

    Raises:
        ConfigError: The experience is to be gone through ten times in more splits than there are.
        DataError: No conversation has questions to learn from and others to be tested on.
    """
    _require_passes(splits, pass_splits)
    _require_halves(dataset, splitter, np.random.default_rng(seed))
    arms = {n: replace(a, settings={**(settings or {}), **a.settings}) for n, a in arms.items()}
    notebooks = {name: Notebook() for name in arms}
    steps = Steps(progress, len(dataset.conversations) * splits * len(arms))
    for c, (conversation, memory) in enumerate(originals(dataset, SharedEmbedder(embedder))):
        for split in range(splits):
            rng = np.random.default_rng([seed, c, split])
            parts = splitter(dataset.scored(conversation), rng)
            for name, arm in arms.items():
                steps.what = f"{name}, {conversation.id}, split {split + 1}"
                _run_arm(memory, arm, parts, notebooks[name], repeat=split < pass_splits)
                steps.step()
    return {
        "experiment": "learning",
        **provenance(dataset, embedder=embedder.name, command=command, left_out=dataset.left_out()),
        "splits": splits,
        "pass_splits": pass_splits,
        "seed": seed,
        "k": learners.K,
        "config": {name: plain_settings(arm.config) for name, arm in arms.items()},
        "set": dict(settings or {}),
        **summary(notebooks, dataset.categories),
    }


def _require_passes(splits: int, pass_splits: int) -> None:
    if pass_splits > splits:
        raise ConfigError(
            f"pass_splits is {pass_splits}, but can be {splits} at most, as splits is: "
            "it says in how many of these the experience is gone through ten times"
        )


def _require_halves(dataset: Dataset, splitter: Splitter, rng: np.random.Generator) -> None:
    if not any(all(splitter(dataset.scored(each), rng)) for each in dataset.outlines):
        raise DataError(
            f"{dataset.name}: no conversation has a question to learn from and another to be tested on"
        )


def _run_arm(
    memory: Original, arm: Arm, parts: Halves, notebook: Notebook, *, repeat: bool
) -> None:
    """Run one arm on one split: learn a part, test, learn more, and so on; then repeat the whole experience."""
    experience, test = parts
    again = notebook.passes if repeat else {}
    with memory.copy(arm.config) as state:
        if arm.judge is learners.nothing:
            learners.examine(state, test, *notebook.curve.values(), *again.values())
            return
        learned = 0
        for share, exam in notebook.curve.items():
            end = round(share * len(experience))
            learners.learn(state, arm, experience[learned:end], notebook.judged)
            once = [again[1]] if share == 1.0 and repeat else []
            learners.examine(state, test, exam, *once)
            learned = end
        for number in range(2, max(again, default=0) + 1):
            learners.learn(state, arm, experience)
            if number in again:
                learners.examine(state, test, again[number])


def summary(notebooks: Mapping[str, Notebook], categories: Sequence[str]) -> dict[str, Any]:
    """The parts of the result that are about arms. Before any experience all arms are alike."""
    none = notebooks["none"].curve[1.0]
    return {
        "arms": {
            name: {
                **notebook.curve[1.0].summary(none, categories),
                "judge": notebook.judged.summary(),
            }
            for name, notebook in notebooks.items()
        },
        "curve": {
            "share": [0.0, *SHARES],
            **{
                name: [none.mean("recall@10"), *_recall_by_test(notebook.curve.values())]
                for name, notebook in notebooks.items()
            },
        },
        "passes": {
            "pass": [n for n in PASSES if notebooks["none"].passes[n].scores],
            **{
                name: _recall_by_test(notebook.passes.values())
                for name, notebook in notebooks.items()
            },
        },
    }


def tables(result: Mapping[str, Any]) -> list[Table]:
    """One row per arm: its scores, its gain over no learning, by category, and over time."""
    arms: Mapping[str, Mapping[str, Any]] = result["arms"]
    measured = "confidence" in arms["none"]  # older results lack it
    head = ["arm", "R@10", "won", "R@5", "MRR", *(["confidence"] if measured else [])]
    rows = [
        [
            name,
            f"{arm['recall@10']:.3f}",
            cells.gap(arm["gain"]),
            f"{arm['recall@5']:.3f}",
            f"{arm['mrr']:.3f}",
            *([f"{arm['confidence']:.2f}"] if measured else []),
        ]
        for name, arm in arms.items()
    ]
    categories = list(arms["none"]["by_category"])
    by_category = [
        [name, *(_score_and_gain(arm["by_category"][category]) for category in categories)]
        for name, arm in arms.items()
    ]
    n, splits = arms["none"]["questions"], result["splits"]
    tested = f"{n} test {noun(n, 'question')}, {splits} {noun(splits, 'split')}"
    return [
        (f"Recall@10 on {tested}", [head, *rows]),
        ("Recall@10 by category, and what was won", [["arm", *categories], *by_category]),
        *_course_tables(result),
        (
            "What each arm learns of a question, and how right it is about what served",
            _judges_table(arms),
        ),
    ]


def _judges_table(arms: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Precision and recall of what each arm took to be useful, against the evidence shown."""
    return [
        ["arm", "precision", "recall"],
        *(
            [
                f"{name}: {ARMS[name].meaning}" if name in ARMS else name,
                cells.number(arm["judge"]["precision"], ".2f"),
                cells.number(arm["judge"]["recall"], ".2f"),
            ]
            for name, arm in arms.items()
        ),
    ]


def _score_and_gain(scores: Mapping[str, Any]) -> str:
    return f"{scores['recall@10']:.3f} ({scores['gain']['mean']:+.3f})"


def _course_tables(result: Mapping[str, Any]) -> list[Table]:
    curve, passes = result["curve"], result["passes"]
    shares = [f"{share:.0%}" for share in curve["share"]]
    times = [f"{number} x" for number in passes["pass"]]
    splits = result["pass_splits"]
    of_splits = "the first split" if splits == 1 else f"the first {splits} splits"
    again = f"Recall@10 by passes over it, in {of_splits} alone"
    return [
        (
            heading,
            [
                ["arm", *titles],
                *([arm, *map(cells.number, part[arm])] for arm in result["arms"]),
            ],
        )
        for heading, titles, part in (
            ("Recall@10 by share of the experience", shares, curve),
            (again, times, passes),
        )
        if titles
    ]


def plots(result: Mapping[str, Any]) -> list[Plot]:
    """Recall@10 over the share of the experience, and over passes."""
    drawn = [
        Plot(
            "curve",
            "What experience brings",
            "share of the experience",
            "recall@10",
            _plot_lines(result, "curve", "share"),
        ),
        Plot(
            "passes",
            "The same experience again",
            "passes over it",
            "recall@10",
            _plot_lines(result, "passes", "pass"),
        ),
    ]
    return drawn if result["passes"]["pass"] else drawn[:1]


def _plot_lines(
    result: Mapping[str, Any], part: str, x: str
) -> dict[str, tuple[list[float], list[float | None]]]:
    return {arm: (result[part][x], result[part][arm]) for arm in result["arms"]}


def _recall_by_test(tests: Iterable[Exam]) -> list[float | None]:
    return [each.mean("recall@10") for each in tests if each.scores]
