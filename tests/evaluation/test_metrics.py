from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.evaluation import metrics

turns = st.sampled_from("abcdefgh")
rankings = st.lists(turns, unique=True, max_size=8)
evidences = st.sets(turns, min_size=1, max_size=4)


def naive_recall(ranked: list[str], evidence: set[str], k: int) -> float:
    hit = 0
    for rank, turn in enumerate(ranked, start=1):
        if rank <= k and turn in evidence:
            hit += 1
    return hit / len(evidence)


def naive_ndcg(ranked: list[str], evidence: set[str], k: int) -> float:
    gain = sum(
        1 / math.log2(rank + 1)
        for rank, turn in enumerate(ranked, start=1)
        if rank <= k and turn in evidence
    )
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(evidence)) + 1))
    return gain / ideal


@given(rankings, evidences, st.integers(1, 10))
def test_recall_is_the_naive_count(ranked: list[str], evidence: set[str], k: int) -> None:
    assert naive_recall(ranked, evidence, k) == metrics.recall(ranked[:k], evidence)


@given(rankings, evidences, st.integers(1, 10))
def test_ndcg_is_the_naive_sum(ranked: list[str], evidence: set[str], k: int) -> None:
    assert naive_ndcg(ranked, evidence, k) == pytest.approx(metrics.ndcg(ranked, evidence, k))


@given(rankings, evidences)
def test_every_metric_is_a_share(ranked: list[str], evidence: set[str]) -> None:
    for name, value in metrics.ranking_scores(ranked, evidence).items():
        assert 0 <= value <= 1, name


@given(rankings, evidences)
def test_evidence_first_is_perfect(ranked: list[str], evidence: set[str]) -> None:
    best = [*sorted(evidence), *(turn for turn in ranked if turn not in evidence)]
    scores = metrics.ranking_scores(best, evidence)
    del scores["recall@1"]  # one turn cannot be all of two
    assert min(scores.values()) == pytest.approx(1.0)


@given(st.lists(st.lists(turns, max_size=3), max_size=6))
def test_flattening_keeps_each_turn_once_at_its_first_place(items: list[list[str]]) -> None:
    flat = metrics.flatten(items)
    everything = [turn for item in items for turn in item]
    assert sorted(set(everything)) == sorted(flat)
    assert sorted(flat, key=everything.index) == flat


def test_an_item_counts_as_many_as_it_holds_and_may_be_cut() -> None:
    ranked = metrics.flatten([("a",), ("b", "c", "d")])
    assert metrics.recall(ranked[:3], {"c", "d"}) == 0.5


def test_scores_of_a_ranking_worked_by_hand() -> None:
    scores = metrics.ranking_scores(["x", "a", "y", "b"], {"a", "b", "c"})
    gained = 1 / math.log2(3) + 1 / math.log2(5)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert scores == pytest.approx(
        {
            "recall@1": 0,
            "recall@5": 2 / 3,
            "recall@10": 2 / 3,
            "recall@20": 2 / 3,
            **{f"all@{k}": 0 for k in (5, 10, 20)},
            **{f"ndcg@{k}": gained / ideal for k in (5, 10, 20)},
            "p@1": 0,
            "mrr": 1 / 2,
        }
    )


def test_nothing_found_scores_nothing() -> None:
    assert set(metrics.ranking_scores([], {"a"}).values()) == {0.0}


def test_all_evidence_asks_for_all() -> None:
    assert metrics.all_evidence(["a", "b", "x"], {"a", "b"}) == 1.0
    assert metrics.all_evidence(["a", "x"], {"a", "b"}) == 0.0


def test_an_interval_holds_the_mean_and_narrows_with_more_questions() -> None:
    rng = np.random.default_rng(3)
    few, many = rng.random(20), rng.random(2000)
    low, high = metrics.bootstrap_interval(few, np.random.default_rng(0))
    assert low < few.mean() < high
    narrow = metrics.bootstrap_interval(many, np.random.default_rng(0))
    assert narrow[1] - narrow[0] < (high - low) / 3


def test_an_interval_is_the_normal_one_for_many_values() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.2, 1000)
    low, high = metrics.bootstrap_interval(values, np.random.default_rng(0))
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert high - low == pytest.approx(2 * half, rel=0.1)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    first, second = (metrics.bootstrap_interval(values, np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        metrics.bootstrap_interval(np.array([]), np.random.default_rng(0))
