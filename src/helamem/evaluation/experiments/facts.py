"""Do distilled facts help? Episodes alone, with facts that need no model, and with those of a real one.

The facts of a real model are LoCoMo's recorded `observation`s, put into the memory as its own. A hit that
is a fact counts as the turns that it rests on. Facts that need no model come out of consolidation, and
that needs experience: so there, half of the questions are experience, and the other half is the test.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from helamem import indexing
from helamem.config import Config
from helamem.evaluation import cells, learners, runner
from helamem.evaluation.copies import originals
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.experiments.learning import halves
from helamem.evaluation.figures import Bars
from helamem.evaluation.provenance import plain_settings, provenance
from helamem.evaluation.runner import Steps
from helamem.evaluation.summaries import gain, interval
from helamem.frozen import dataclass
from helamem.language.english import ENGLISH
from helamem.protocols import NewFact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.evaluation.copies import Original
    from helamem.evaluation.datasets import Conversation, Dataset, Question
    from helamem.evaluation.figures import Plot, Table
    from helamem.evaluation.runner import Progress, Scores
    from helamem.evaluation.systems import Remembered
    from helamem.protocols import Embedder

# Number of facts, and scores by question.
Outcome: TypeAlias = "tuple[int, dict[str, Scores]]"

ALONE, AFTER = "episodes alone", "after experience"
SHOWN = {
    "R@10": "recall@10",
    "R@20": "recall@20",
    "R@500 tok": "recall@500tok",
    "R@1000 tok": "recall@1000tok",
    "MRR": "mrr",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to have facts.

    Attributes:
        facts: Where they come from.
        settings: What differs from the default settings.
        after: Whether half of the questions were experience, and only the other half is asked.
    """

    facts: Literal["none", "recorded", "extracted"] = "none"
    settings: Mapping[str, Any] = field(default_factory=dict)
    after: bool = False

    @property
    def config(self) -> Config:
        """The complete configuration."""
        return Config.of(**self.settings)


VARIANTS: Mapping[str, Variant] = {
    ALONE: Variant(),
    "recorded facts, at most 3": Variant("recorded", {"selection.facts": 3}),
    "recorded facts, at most 5": Variant("recorded", {"selection.facts": 5}),
    "recorded facts, at most 10": Variant("recorded", {"selection.facts": 10}),
    "recorded facts as guides only": Variant(
        "recorded", {"selection.facts": 0, "spreading.source": 0.5}
    ),
    "recorded facts, at most 3, as guides too": Variant(
        "recorded", {"selection.facts": 3, "spreading.source": 0.5}
    ),
    f"{AFTER}, {ALONE}": Variant(after=True),
    f"{AFTER}, extracted facts": Variant("extracted", after=True),
}


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Scores with and without facts; with recorded ones where the data set has them."""
    recorded = any(conversation.observations for conversation in dataset.conversations)
    variants = {n: v for n, v in VARIANTS.items() if recorded or v.facts != "recorded"}
    n_facts: dict[str, int] = defaultdict(int)
    scores: dict[str, dict[str, Scores]] = defaultdict(dict)
    shared = SharedEmbedder(embedder)
    steps = Steps(progress, len(dataset.conversations) * len(variants))
    for conversation, memory in originals(dataset, shared):
        questions = dataset.scored(conversation)
        for name, variant in variants.items():
            steps.what = f"{name}, {conversation.id}"
            found, scored = _measure(variant, memory, conversation, questions, shared)
            n_facts[name] += found
            scores[name] |= scored
            steps.step()
    return {
        "experiment": "facts",
        **provenance(dataset, embedder=embedder.name, command=command, left_out=dataset.left_out()),
        "config": {"systems": {name: plain_settings(v.config) for name, v in variants.items()}},
        "variants": {
            name: {"facts": n_facts[name], **_summary(each, scores[_baseline_of(name)])}
            for name, each in scores.items()
        },
    }


def _summary(scores: Mapping[str, Scores], baseline: Mapping[str, Scores]) -> dict[str, Any]:
    """The means of a variant, and what it gains over the one without facts."""
    return {
        **runner.means(list(scores.values())),
        "ci95": interval(_recall(scores).values()),
        "gain": gain(_recall(scores), _recall(baseline)),
    }


def _recall(scores: Mapping[str, Scores]) -> dict[str, float]:
    return {id_: each[runner.MAIN] for id_, each in scores.items()}


def _baseline_of(variant: str) -> str:
    """The variant without facts that got the same questions."""
    return f"{AFTER}, {ALONE}" if variant.startswith(AFTER) else ALONE


def _measure(
    variant: Variant,
    memory: Original,
    conversation: Conversation,
    questions: Sequence[Question],
    embedder: Embedder,
) -> Outcome:
    """Copy the memory, add its facts, and score it."""
    with memory.copy(variant.config) as state:
        if variant.after:
            experience, questions = halves(questions, np.random.default_rng(0))
            learners.learn(state, learners.ARMS["gated+cue"], experience)
        if variant.facts == "recorded":
            put_in(state, conversation, embedder)
        if variant.facts == "extracted":
            state.memory.consolidate()
        return len(state.memory.facts()), _scores(state, conversation, questions)


def put_in(state: Remembered, conversation: Conversation, embedder: Embedder) -> int:
    """Store a conversation's recorded facts as facts of the memory; return how many."""
    ids = {turn: id_ for id_, turns in state.turn_ids.items() for turn in turns}
    told = {
        turn_id: turn.at
        for turn_id, turn in zip(conversation.turn_ids, conversation.turns, strict=True)
    }
    vectors = embedder.embed([each.text for each in conversation.observations])
    facts = []
    for observation, vector in zip(conversation.observations, vectors, strict=True):
        at = max(moment.timestamp() for t in observation.turn_ids if (moment := told[t]))
        facts.append(
            NewFact(
                text=observation.text,
                kind="statement",
                confidence=1.0,
                sources=tuple(ids[turn_id] for turn_id in observation.turn_ids),
                speaker=observation.speaker,
                at=at,
                stored_at=at,
                metadata={},
                vector=vector,
                **indexing.indexed(observation.text, ENGLISH),
            )
        )
    state.memory._store.add_facts(facts, cluster=b"recorded")
    return len(facts)


def _scores(
    state: Remembered, conversation: Conversation, questions: Sequence[Question]
) -> dict[str, Scores]:
    return {
        question.id: runner.score(
            state.search(question, runner.K), question, conversation, prompt_tokens=1000
        )
        for question in questions
    }


def tables(result: Mapping[str, Any]) -> list[Table]:
    """One row a variant."""
    head = ["variant", "facts", "questions", *SHOWN, "won"]
    rows = [
        [
            name,
            f"{entry['facts']:,}",
            f"{entry['questions']}",
            *(f"{entry[metric]:.3f}" for metric in SHOWN.values()),
            _gain_from_facts(entry),
        ]
        for name, entry in result["variants"].items()
    ]
    heading = "Evidence recall with and without facts, and what was won in recall@10"
    return [(heading, [head, *rows])]


def _gain_from_facts(entry: Mapping[str, Any]) -> str:
    """The paired gain from facts; empty without facts."""
    return cells.gap(entry["gain"]) if entry["facts"] else ""


def plots(result: Mapping[str, Any]) -> list[Plot | Bars]:
    """What facts add to recall@10."""
    bars = {
        name: (entry["gain"]["mean"], entry["gain"]["ci95"])
        for name, entry in result["variants"].items()
        if entry["facts"]
    }
    title = "What facts add to evidence recall@10, with 95 % intervals"
    return [Bars("won", title, "won over the same without facts", bars, signed=True)]
