# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of searching: by vector and by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.core.vectors import normalize
from helamem.errors import NotFoundError
from helamem.protocols import Term
from helamem.testing import samples
from helamem.testing.base import Contract, raising

if TYPE_CHECKING:
    from helamem.protocols import Floats, NodeKind, Store


class SearchingContract(Contract):
    """The nearest by meaning, and where words are."""

    def test_an_empty_store_finds_nothing(self) -> None:
        ids, cosines = self.store.nearest(samples.vector("x"), 5, kinds=["episode"])
        found = samples.postings(self.store, "word")

        assert ([], []) == (ids.tolist(), cosines.tolist())
        assert ([], [0.0], 0, 0.0) == (
            found.ids.tolist(),
            found.document_frequency.tolist(),
            found.n_documents,
            found.mean_length,
        )
        assert [] == self.store.vectors(samples.ints()).tolist()
        assert 0 == len(self.store.nodes(samples.ints()).ids)

    def test_nearest_is_what_all_cosines_say(self) -> None:
        generator = np.random.default_rng(2)
        ids, given = _store_random(self.store, 60, generator)
        for query in normalize(generator.normal(size=(5, self.dimension)).astype(np.float32)):
            cosines = given.astype(np.float64) @ query
            expected = np.argsort(-cosines)

            for k in (0, 1, 7, 60, 100):
                found, scores = self.store.nearest(query, k, kinds=["episode"])

                assert [ids[i] for i in expected[:k]] == found.tolist()
                np.testing.assert_allclose(scores, cosines[expected[:k]], atol=1e-6)

    def test_of_equals_the_older_comes_first(self) -> None:
        vectors = np.eye(self.dimension, dtype=np.float32)[[0, 1, 1, 0, 1]]
        ids = [
            self.store.add([samples.episode(f"turn {i}", vector=each)], link=0.0, now=0.0)[0][0]
            for i, each in enumerate(vectors)
        ]

        found, cosines = self.store.nearest(vectors[1], 4, kinds=["episode"])

        assert ([ids[i] for i in (1, 2, 4, 0)], [1.0, 1.0, 1.0, 0.0]) == (
            found.tolist(),
            cosines.tolist(),
        )

    def test_nearest_of_some_kinds(self) -> None:
        a, b = samples.add(self.store, "a", "b")
        fact = samples.add_fact(self.store, "a fact", a)
        cue = self.store.learn(samples.lesson(used=[b], cue=samples.cue("which?"))).cue
        expected: dict[NodeKind, list[int | None]] = {
            "episode": [a, b],
            "fact": [fact],
            "cue": [cue],
        }

        for kind, ids in expected.items():
            assert ids == sorted(
                self.store.nearest(samples.vector("x"), 9, kinds=[kind])[0].tolist()
            )
        assert [a, b, fact] == sorted(
            self.store.nearest(samples.vector("x"), 9, kinds=["fact", "episode"])[0].tolist()
        )
        assert [] == self.store.nearest(samples.vector("x"), 9, kinds=[])[0].tolist()

    def test_postings_are_what_counting_says(self) -> None:
        generator = np.random.default_rng(5)
        vocabulary = [f"w{i}" for i in range(12)]
        texts = [
            " ".join(vocabulary[i] for i in generator.geometric(0.25, size=n) % 12)
            for n in generator.integers(1, 9, size=40)
        ]
        ids = samples.add(self.store, *[f"{text} t{i}" for i, text in enumerate(texts)])
        asked = [*reversed(vocabulary), "nowhere"]

        found = samples.postings(self.store, *asked)

        expected = [
            (asked.index(term.term), id_, float(term.count), term.rank)
            for i, (id_, text) in enumerate(zip(ids, texts, strict=True))
            for term in samples.terms(f"{text} t{i}")
            if term.term in asked
        ]
        rows = zip(
            found.terms.tolist(),
            found.ids.tolist(),
            found.counts.tolist(),
            found.ranks.tolist(),
            strict=True,
        )
        assert sorted(expected) == sorted(rows)
        n_with = [sum(term in text.split() for text in texts) for term in asked]
        assert n_with == found.document_frequency.tolist()
        lengths = [len(text.split()) + 1 for text in texts]
        assert (40, sum(lengths) / 40) == (found.n_documents, found.mean_length)

    def test_facts_have_words_and_cues_have_none(self) -> None:
        [a] = samples.add(self.store, "said")
        fact = samples.add_fact(self.store, "peanuts harm Maya", a)
        self.store.learn(samples.lesson(used=[a], cue=samples.cue("peanuts?")))

        found = samples.postings(self.store, "peanuts")

        assert ([fact], 2, 2.0) == (found.ids.tolist(), found.n_documents, found.mean_length)

    def test_words_of_any_script_are_told_apart(self) -> None:
        given = ["naïve", "naive", "日本", "日", "\u02bc", "a\x00b", "a", "\U0001f95c"]
        ids = [
            self.store.add(
                [samples.episode(word, terms=[Term(term=word, count=1, rank=0)])],
                link=0.0,
                now=0.0,
            )[0][0]
            for word in given
        ]

        found = samples.postings(self.store, *given)

        assert list(enumerate(ids)) == sorted(
            zip(found.terms.tolist(), found.ids.tolist(), strict=True)
        )

    def test_unknown_ids_are_refused(self) -> None:
        [a] = samples.add(self.store, "a")
        for unknown in (a + 1, 0, -1):
            missing = samples.ints(a, unknown)
            for read in (
                lambda missing=missing: self.store.nodes(missing),
                lambda missing=missing: self.store.vectors(missing),
                lambda missing=missing: self.store.get(missing.tolist()),
                lambda missing=missing: self.store.history(int(missing[1])),
            ):
                with raising(NotFoundError):
                    read()


def _store_random(store: Store, n: int, generator: np.random.Generator) -> tuple[list[int], Floats]:
    given = normalize(generator.normal(size=(n, samples.DIMENSION)).astype(np.float32))
    new = [samples.episode(f"turn {i}", vector=each) for i, each in enumerate(given)]
    return [id_ for id_, _ in store.add(new, link=0.0, now=0.0)], given
