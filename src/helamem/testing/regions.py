# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of the region of a question: all that a search reads, at once."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from helamem import filters
from helamem.core import lexical
from helamem.protocols import QUIET, RegionQuery
from helamem.testing import samples
from helamem.testing.base import Contract, raising

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from helamem.protocols import Store
    from helamem.records import Episode, Fact

WORDS = ("ash", "birch", "cedar", "elm", "fir")
DAY = 100.0  # seconds between the days of the random turns


class RegionContract(Contract):
    """Candidates, what edges lead to, and the turns around them."""

    def test_the_region_of_nothing_is_empty(self) -> None:
        for asked in (samples.query("ash"), samples.query("ash", nearest=5, lexical=5, reach=2)):
            found = self.store.region(asked)

            assert ([], [], [], []) == (
                found.nodes.ids.tolist(), found.similarity.tolist(), found.allowed.tolist(),
                samples.rows(found.edges),
            )  # fmt: skip
            assert (0, self.dimension) == found.vectors.shape
            assert ((), (), []) == (found.speakers, found.cues.texts, found.cues.ids.tolist())
            assert ([0.0], 0) == (
                found.postings.document_frequency.tolist(), found.postings.n_documents,
            )  # fmt: skip

    def test_it_says_of_each_memory_what_the_store_says(self) -> None:
        _fill(self.store, np.random.default_rng(1))
        asked = samples.query("ash fir nowhere", nearest=4, lexical=4, reach=1)

        found = self.store.region(asked)

        ids = found.nodes.ids
        assert samples.rows(self.store.nodes(ids)) == samples.rows(found.nodes)
        assert self.store.vectors(ids).tobytes() == found.vectors.tobytes()
        np.testing.assert_allclose(found.similarity, found.vectors @ asked.vector, atol=1e-6)
        assert self.store.speakers() == found.speakers
        everywhere = samples.postings(self.store, *asked.terms)
        assert [row for row in samples.rows(everywhere) if row[1] in ids] == samples.rows(
            found.postings
        )
        assert everywhere.document_frequency.tolist() == found.postings.document_frequency.tolist()
        assert (everywhere.n_documents, everywhere.mean_length) == (
            found.postings.n_documents, found.postings.mean_length,
        )  # fmt: skip

    def test_it_is_what_looking_at_everything_gives(self) -> None:
        generator = np.random.default_rng(2)
        _fill(self.store, generator)
        for _ in range(20):
            asked = _drawn(generator)

            found, expected = self.store.region(asked), Expected(self.store, asked)

            assert expected.ids == found.nodes.ids.tolist()
            assert expected.allowed == found.allowed.tolist()
            assert expected.cues == found.cues.ids.tolist()
            assert sorted(expected.edges) == [row[:3] for row in samples.rows(found.edges)]
            weights = {row[:3]: row[3] for row in samples.rows(found.edges)}
            for edge, weight in expected.edges.items():
                assert math.isclose(weight, weights[edge], rel_tol=1e-5)

    def test_a_search_for_words_that_is_cut_short_says_what_may_be_left_out(self) -> None:
        said = [f"all {'half ' * (i % 2)}{'one ' * (i == 3)}t{i}" for i in range(40)]
        samples.add(self.store, *said)
        asked = samples.query("all one nowhere half", nearest=1, lexical=3)
        everywhere = samples.postings(self.store, *asked.terms)

        for budget in (1, 5, 30, 10**6):
            given = replace(asked, max_postings=budget)
            found, expected = self.store.region(given), Expected(self.store, given)

            there = [row for row in samples.rows(everywhere) if row[1] in found.nodes.ids]
            assert there == samples.rows(found.postings)
            assert [40.0, 1.0, 0.0, 20.0] == found.postings.document_frequency.tolist()
            if not found.left_out:
                assert expected.ids == found.nodes.ids.tolist()
            scores = expected.word_scores()
            others = [score for id_, score in scores.items() if id_ not in found.nodes.ids]
            best = max(scores[id_] for id_ in found.nodes.ids.tolist())
            assert max(others) <= (found.left_out or 1) * best * (1 + 1e-6)

    def test_a_search_that_reads_all_words_leaves_nothing_out(self) -> None:
        samples.add(self.store, *[f"all t{i}" for i in range(40)])
        asked = samples.query("all", nearest=1, lexical=3)

        assert 0.0 == self.store.region(asked).left_out

    def test_the_length_of_the_questions_vector_does_not_matter(self) -> None:
        _fill(self.store, np.random.default_rng(3))
        asked = samples.query("ash", nearest=3, lexical=3)

        once, twice = (
            self.store.region(replace(asked, vector=factor * asked.vector)) for factor in (1, 2)
        )

        assert once.nodes.ids.tolist() == twice.nodes.ids.tolist()
        assert once.similarity.tolist() == twice.similarity.tolist()

    def test_conditions_hold_for_what_is_returned_and_not_for_what_is_around(self) -> None:
        a, b, c = samples.add(self.store, "a", "b", "c")
        asked = samples.query("a", where=filters.parse({"id": b}), nearest=3, lexical=3, reach=1)

        found = self.store.region(asked)

        assert ([a, b, c], [False, True, False]) == (
            found.nodes.ids.tolist(), found.allowed.tolist(),
        )  # fmt: skip

    def test_the_best_of_a_period_are_candidates_too(self) -> None:
        a, b, c, d = (
            samples.add(self.store, f"at {at}", at=at, session=str(at))[0]
            for at in (1.0, 2.0, 3.0, 9.0)
        )

        def found(*periods: tuple[float, float]) -> list[int]:
            asked = samples.query("at 9.0", terms=(), nearest=1, lexical=1, periods=periods)
            return [int(id_) for id_ in self.store.region(asked).nodes.ids]

        assert [d] == found() == found((4.0, 5.0)) == found((8.0, 10.0))
        assert [b, d] == found((2.0, 3.0))
        assert [c, d] == found((2.5, 4.0), (3.5, 3.6))
        assert [a, d] == found((-math.inf, 2.0))

    def test_what_an_earlier_question_is_bound_to_belongs_to_it(self) -> None:
        a, b = (samples.add(self.store, text, session=text)[0] for text in "ab")
        cue = self.store.learn(samples.lesson(used=[b], cue=samples.cue("which?"))).cue
        self.store.learn(samples.lesson(used=[a], cue=samples.cue("who?")))
        asked = samples.query("which?", terms=(), nearest=1, lexical=1, cues=1)
        asked = replace(asked, vector=samples.vector("which?"))

        found = self.store.region(asked)

        assert ([cue], ("which?",)) == (found.cues.ids.tolist(), found.cues.texts)
        np.testing.assert_allclose(found.cues.cosines, [1.0], atol=1e-6)
        assert b in found.nodes.ids
        assert (cue, b) in samples.weights(found.edges)
        assert [] == self.store.region(replace(asked, cues=0)).cues.ids.tolist()

    def test_faded_edges_lead_nowhere(self) -> None:
        a, b = (samples.add(self.store, text, session=text)[0] for text in "ab")
        self.store.learn(samples.lesson({(a, b): 1.0}, now=10.0))
        rule = replace(samples.PLAIN, tau=1.0, floor=0.1)
        asked = samples.query("a", terms=(), nearest=1, lexical=1, rule=rule, now=10.0)

        assert [a, b] == self.store.region(asked).nodes.ids.tolist()
        found = self.store.region(replace(asked, now=11.0))
        np.testing.assert_allclose(found.edges.weights, [math.exp(-1)] * 2, rtol=1e-5)
        assert [a] == self.store.region(replace(asked, now=13.0)).nodes.ids.tolist()

    def test_time_may_go_by_lessons(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        self.store.learn(samples.lesson({(a, b): 1.0}, now=0.0))
        asked = samples.query(rule=replace(samples.PLAIN, tau=1.0), now=None)

        found = self.store.region(asked)

        np.testing.assert_allclose(found.edges.weights, [math.exp(-1)] * 2, rtol=1e-5)

    def test_a_vector_of_another_length_is_refused(self) -> None:
        asked = samples.query()

        with raising(ValueError):
            self.store.region(replace(asked, vector=asked.vector[:-1]))


class Expected:
    """The region of a question by looking at everything, one memory after the other."""

    def __init__(self, store: Store, asked: RegionQuery) -> None:
        self._asked = asked
        self._nodes = store.nodes(store.ids(kinds=["episode", "fact"]))
        memories = store.get(self._nodes.ids.tolist())
        quiet = set(self._nodes.ids[self._nodes.traits & QUIET > 0].tolist())
        self._heard = {each.id: each for each in memories if each.id not in quiet}
        self._similarity = self._similarities(store)
        where = store.ids(kinds=["episode", "fact"], where=asked.where)
        within = set(where.tolist())
        self.cues = sorted(_ids(store.nearest(asked.vector, asked.cues, kinds=["cue"])[0]))
        seeds = self._seeds(within)
        self.edges = self._reached({*self.cues, *seeds}, store)
        targets = {target for _, target, _ in self.edges} & self._heard.keys()
        self.ids = sorted(self._with_neighbors((seeds & self._heard.keys()) | targets))
        self.allowed = [id_ in within for id_ in self.ids]

    def _similarities(self, store: Store) -> dict[int, float]:
        cosines = store.vectors(self._nodes.ids).astype(np.float64) @ self._asked.vector
        return dict(zip(self._nodes.ids.tolist(), cosines.tolist(), strict=True))

    def _seeds(self, within: Collection[int]) -> set[int]:
        if not self._asked.nearest or not self._asked.lexical:
            return set(self._heard)
        during = {
            id_
            for id_ in within
            if id_ in self._heard
            and any(
                start <= self._heard[id_].at.timestamp() < end for start, end in self._asked.periods
            )
        }
        return self._best(within) | self._best(during)

    def _best(self, within: Collection[int]) -> set[int]:
        open_ = sorted(set(within) & self._heard.keys())
        near = sorted(open_, key=lambda id_: (-self._similarity[id_], id_))
        scores = self.word_scores()
        worded = [id_ for id_ in open_ if scores[id_] > 0]
        telling = sorted(worded, key=lambda id_: (-scores[id_], id_))
        return {*near[: self._asked.nearest], *telling[: self._asked.lexical]}

    def word_scores(self) -> dict[int, float]:
        """The score of each memory by the words of the question."""
        texts = {id_: samples.words(each.text) for id_, each in self._heard.items()}
        counts = np.array(
            [[words.count(term) for term in self._asked.terms] for words in texts.values()], float
        ).reshape(len(texts), len(self._asked.terms))
        lengths = np.array([len(words) for words in texts.values()], float)
        idf = lexical.inverse_document_frequency((counts > 0).sum(axis=0), len(texts))
        mean, k1, b = float(lengths.mean()), self._asked.k1, self._asked.b
        scores = lexical.bm25(counts, lengths, idf, mean_length=mean, k1=k1, b=b)
        return dict(zip(texts, scores.tolist(), strict=True))

    def _reached(self, sources: Collection[int], store: Store) -> dict[tuple[int, int, int], float]:
        """The edges within two steps, with their weights as of now."""
        stored = samples.rows(store.all_edges())
        near = {target for source, target, *_ in stored if source in sources}
        rule, now = self._asked.rule, self._asked.now or 0.0
        reached = {
            (source, target, channel): weight
            * (math.exp(-max(now - touched, 0.0) / rule.tau) if channel == samples.LEARNED else 1)
            for source, target, channel, weight, touched in stored
            if source in sources or source in near
        }
        return {
            edge: weight
            for edge, weight in reached.items()
            if weight >= rule.floor or edge[2] != samples.LEARNED
        }

    def _with_neighbors(self, ids: set[int]) -> set[int]:
        found, reach = set(ids), self._asked.reach
        for id_ in ids:
            turns = self._turns(self._heard[id_])
            if id_ in turns:
                place = turns.index(id_)
                found |= {*turns[max(place - reach, 0) : place + reach + 1]}
        return found

    def _turns(self, memory: Episode | Fact) -> list[int]:
        """The turns of its session; none for a fact."""
        session = getattr(memory, "session", None)
        return sorted(
            id_
            for id_, each in self._heard.items()
            if session is not None and getattr(each, "session", None) == session
        )


def _ids(ids: np.ndarray) -> list[int]:
    return [int(id_) for id_ in ids]


def _fill(store: Store, generator: np.random.Generator) -> None:
    """Forty turns of three sessions over a few days, facts, lessons and questions, some of each gone."""
    ids = [
        samples.add(
            store, _said(generator, i), session=f"session {i % 3}", at=DAY * (i // 8),
            speaker=("Ana", "Ben")[i % 2], traits=QUIET if i % 13 == 7 else 0,
            **({"terms": [], "length": 0} if i % 13 == 7 else {}),
        )[0]
        for i in range(40)
    ]  # fmt: skip
    heard = [id_ for i, id_ in enumerate(ids) if i % 13 != 7]
    for i in range(12):
        a, b, c = generator.choice(heard, 3, replace=False).tolist()
        cue = samples.cue(f"which {_said(generator, i)}?") if i % 2 else None
        store.learn(samples.lesson({(a, b): 0.5, (b, c): 0.25}, used=[a, c], cue=cue, now=float(i)))
    facts = [
        samples.add_fact(store, f"fact {_said(generator, i)}", *heard[4 * i : 4 * i + 2])
        for i in range(4)
    ]
    store.supersede(facts[0], facts[1], at=1.0)
    store.remove(heard[10:12], at=2.0)
    store.update(heard[20], samples.episode("elm elm"), at=3.0)


def _said(generator: np.random.Generator, i: int) -> str:
    words = generator.choice(WORDS, size=int(generator.integers(1, 6)))
    return " ".join([*words.tolist(), f"t{i}"])


def _drawn(generator: np.random.Generator) -> RegionQuery:
    """A random question."""
    many = {"nearest": 0} if generator.random() < 0.1 else {}
    days = generator.uniform(0, 5, size=(int(generator.integers(0, 4)), 2)) * (1.0, 0.3)
    conditions: Sequence[dict[str, object] | None] = (
        None, {"speaker": "Ana"}, {"kind": "fact"}, {"session": "session 1"},
    )  # fmt: skip
    drawn = generator.choice(WORDS, size=2, replace=False).tolist()
    given = {
        "nearest": int(generator.integers(1, 8)),
        "lexical": int(generator.integers(1, 8)),
        "cues": int(generator.integers(0, 4)),
        "reach": int(generator.integers(0, 3)),
        "periods": [(DAY * day, DAY * (day + more)) for day, more in days.tolist()],
        "where": filters.parse(conditions[int(generator.integers(0, len(conditions)))]),
        "rule": replace(samples.PLAIN, tau=6.0, floor=0.1),
        "now": 12.0,
        **many,
    }
    return samples.query(" ".join(drawn), **given)
