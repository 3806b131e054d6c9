"""Do distilled facts help? Episodes alone, with facts that need no model, and with those of a real one.

The facts of a real model are LoCoMo's recorded `observation`s, put into the memory as its own. A hit that
is a fact counts as the turns that it rests on. Facts that need no model come out of consolidation, and
that needs experience: so there, half of the questions are experience, and the other half is the test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from helamem import text
from helamem.config import Config
from helamem.errors import ConfigError
from helamem.evaluation import learners, runner
from helamem.evaluation.copies import original
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.experiments.learning import halves
from helamem.evaluation.provenance import provenance
from helamem.evaluation.runner import Steps
from helamem.evaluation.summaries import interval
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
Variant: TypeAlias = Callable[
    ["Original", "Conversation", "Sequence[Question]", "Embedder"], Outcome
]

SHOWN = ("recall@10", "recall@20", "recall@500tok", "recall@1000tok", "mrr")


def recorded(**settings: Any) -> Variant:  # noqa: ANN401  # settings are of any type
    """All questions, with the recorded facts in the memory and these settings."""

    def measure(
        memory: Original,
        conversation: Conversation,
        questions: Sequence[Question],
        embedder: Embedder,
    ) -> Outcome:
        with memory.copy(Config.of(**settings)) as state:
            n_facts = put_in(state, conversation, embedder) if settings else 0
            return n_facts, _scores(state, conversation, questions)

    return measure


def extracted(*, distil: bool) -> Variant:
    """The second half of the questions, after the first was experience and maybe consolidated."""

    def measure(
        memory: Original,
        conversation: Conversation,
        questions: Sequence[Question],
        embedder: Embedder,  # noqa: ARG001  # the memory has it
    ) -> Outcome:
        experience, test = halves(questions, np.random.default_rng(0))
        with memory.copy(Config.of()) as state:
            learners.learn(state, learners.ARMS["gated+cue"], experience)
            if distil:
                state.memory.consolidate()
            return len(state.memory.facts()), _scores(state, conversation, test)

    return measure


VARIANTS: Mapping[str, Variant] = {
    "episodes alone": recorded(),
    "recorded facts, at most 3": recorded(**{"selection.facts": 3}),
    "recorded facts, at most 5": recorded(**{"selection.facts": 5}),
    "recorded facts, at most 10": recorded(**{"selection.facts": 10}),
    "recorded facts as guides only": recorded(**{"selection.facts": 0, "spreading.source": 0.5}),
    "recorded facts, at most 3, as guides too": recorded(
        **{"selection.facts": 3, "spreading.source": 0.5}
    ),
    "after experience, episodes alone": extracted(distil=False),
    "after experience, extracted facts": extracted(distil=True),
}


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Scores with and without facts.

    Raises:
        ConfigError: The data set has no recorded facts.
    """
    if not any(conversation.observations for conversation in dataset.conversations):
        raise ConfigError(f"{dataset.name} has no recorded observations; LoCoMo's files have them")
    n_facts: dict[str, int] = defaultdict(int)
    scores: dict[str, dict[str, Scores]] = defaultdict(dict)
    shared = SharedEmbedder(embedder)
    steps = Steps(progress, len(dataset.conversations) * len(VARIANTS))
    for conversation in dataset.conversations:
        questions = dataset.scored(conversation)
        with shared.keeping(), original(conversation, shared) as memory:
            for name, variant in VARIANTS.items():
                steps.what = f"{name}, {conversation.id}"
                found, scored = variant(memory, conversation, questions, shared)
                n_facts[name] += found
                scores[name] |= scored
                steps.step()
        shared.forget()
    return {
        "experiment": "facts",
        **provenance(dataset, embedder=embedder.name, command=command),
        "variants": {
            name: {
                "facts": n_facts[name],
                **runner.means(list(each.values())),
                "ci95": interval(score["recall@10"] for score in each.values()),
            }
            for name, each in scores.items()
        },
    }


def put_in(state: Remembered, conversation: Conversation, embedder: Embedder) -> int:
    """Store a conversation's recorded facts as the memory's own; how many they are."""
    ids = {turn: id_ for id_, turns in state.turn_ids.items() for turn in turns}
    told = {
        turn_id: turn.at
        for turn_id, turn in zip(conversation.turn_ids, conversation.turns, strict=True)
    }
    vectors = embedder.embed([each.text for each in conversation.observations])
    facts = []
    for observation, vector in zip(conversation.observations, vectors, strict=True):
        terms = text.index_terms(observation.text)
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
                terms=terms,
                length=sum(term.count for term in terms),
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
    head = ["variant", "facts", "questions", *SHOWN, "R@10 ci95"]
    rows = [
        [
            name,
            f"{entry['facts']:,}",
            f"{entry['questions']}",
            *(f"{entry[metric]:.3f}" for metric in SHOWN),
            f"[{entry['ci95'][0]:.3f}, {entry['ci95'][1]:.3f}]",
        ]
        for name, entry in result["variants"].items()
    ]
    return [("Evidence recall with and without facts", [head, *rows])]


def plots(result: Mapping[str, Any]) -> list[Plot]:  # noqa: ARG001  # as all experiments have it
    """None: the table says it."""
    return []
