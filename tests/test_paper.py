"""The preset `paper`, through the whole product, against the paper in loops."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.reference import Paper, PaperNode
from helamem import Config, Memory, Turn
from helamem.language.english import ENGLISH
from helamem.language.terms import index_terms, terms_of
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from helamem.search.recall import Recall

DAY_S = 86_400.0
START = 1_700_000_000.0
WORDS = ["river", "stone", "piano", "garden", "winter", "letter", "bridge", "candle", "market"]

sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
conversations = st.lists(
    st.tuples(sentences, st.sampled_from(["a", "b"]), st.integers(0, 90)),
    min_size=1,
    max_size=25,
    unique_by=lambda turn: turn,
)


def keywords(words: str) -> frozenset[str]:
    return frozenset(term.term for term in index_terms(words, ENGLISH) if term.rank < 3)


def built(turns: list[tuple[str, str, int]]) -> tuple[Memory, Paper]:
    """The same turns in the product and in the loops; ids agree, since both count from 1."""
    embedder = HashingEmbedder(32)
    memory = Memory(":memory:", config=Config.of("paper"), embedder=embedder, clock=lambda: START)
    paper = Paper()
    last: dict[str, int] = {}
    for id_, (words, session, day) in enumerate(turns, start=1):
        at = START + day * DAY_S
        memory.add(Turn(words, "", "", datetime.fromtimestamp(at, UTC), session))
        vector = embedder.embed([words])[0].tolist()
        paper.add(id_, PaperNode(vector, keywords(words), at), previous=last.get(session))
        last[session] = id_
    return memory, paper


def scores(recall: Recall) -> dict[int, float]:
    return {hit.id: hit.score for hit in recall}


@example(  # the edge between the last two is not of the first lesson, and fades by it
    turns=[("river", "a", day) for day in range(5)]
    + [(word, "a", 40) for word in ("piano", "market", "letter", "garden", "stone")]
    + [(words, "b", 7) for words in ("candle", "market candle", "candle winter")]
    + [("piano river stone", "a", 2), ("river", "a", 46), ("river river", "a", 0)],
    questions=["stone", "river"],
)
@given(conversations, st.lists(sentences, min_size=1, max_size=4))
def test_retrieval_and_learning_equal_the_loops(
    turns: list[tuple[str, str, int]], questions: list[str]
) -> None:
    memory, paper = built(turns)
    asked_at = START + 100 * DAY_S
    with memory:
        for question in questions:
            recall = memory.search(question, k=10, at=datetime.fromtimestamp(asked_at, UTC))
            vector = HashingEmbedder(32).embed([question])[0].tolist()
            expected = paper.search(vector, frozenset(terms_of(question, ENGLISH)), now=asked_at)

            actual = scores(recall)
            assert len(expected.returned) == len(actual)
            for id_, score in actual.items():
                assert score == pytest.approx(expected.total[id_], rel=1e-4)
            # Nearly equal scores may change places through float32: the scores must agree, not the ids.
            assert sorted(expected.base[i] for i in expected.direct) == pytest.approx(
                sorted(expected.base[hit.id] for hit in recall if hit.path == "direct"), rel=1e-4
            )
            memory.reinforce(recall)
            paper.learn(recall.ids)


def test_the_worked_example() -> None:
    """Three turns in a row; the question is the first one's text, asked at once.

    similarity (1 + 1) / 2 = 1 and keyword 2 / 2 = 1, so S_base(1) = 1 + 0.5 = 1.5 > theta; it passes
    0.1 * 1.5 * 0.5 = 0.075 over the temporal edge of weight 0.5. After one lesson that edge has
    0.995 * 0.5 + 0.02 = 0.5175, so it passes 0.1 * 1.5 * 0.5175 = 0.077625.
    """
    memory, _ = built(
        [("river stone", "a", 0), ("piano garden", "a", 0), ("winter letter", "a", 0)]
    )
    with memory:
        at = datetime.fromtimestamp(START, UTC)
        first = memory.search("river stone", at=at)
        memory.reinforce(first)
        second = memory.search("river stone", at=at)

    assert first.ids[0] == 1
    assert first.hits[0].parts.base == pytest.approx(1.5)
    assert next(h for h in first if h.id == 2).via[0].activation == pytest.approx(0.075)
    assert next(h for h in second if h.id == 2).via[0].activation == pytest.approx(0.077625)
