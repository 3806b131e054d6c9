# ruff: noqa: D102, S101  # tests assert `expected == actual`; their names say what must hold
"""The contract of indexes of vectors: exact where it is promised, and with few misses where it is not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.core.vectors import normalize
from helamem.testing.base import Whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from helamem.protocols import Floats, Ints, VectorIndex

N, TOPICS = 3000, 60
SHARE = 0.8


@dataclass(frozen=True)
class Moment:
    """An index, and what it should hold.

    Attributes:
        held: For each owner its vectors; none for one that was removed.
        dimension: Their length.
    """

    index: VectorIndex
    held: list[NDArray[np.float32]] = field(default_factory=list)
    dimension: int = 0

    def added(self, owners: list[int], vectors: list[NDArray[np.float32]]) -> Moment:
        """With the vectors of some owners."""
        whose = np.repeat(np.array(owners, np.int64), [len(each) for each in vectors])
        held = [*self.held]
        held += [vectors[0][:0]] * (max(owners) + 1 - len(held))
        for owner, each in zip(owners, vectors, strict=True):
            held[owner] = each
        return replace(self, index=self.index.added(whose, np.concatenate(vectors)), held=held)

    def removed(self, *owners: int) -> Moment:
        """Without some owners."""
        index = self.index.removed(np.array(owners, np.int64))
        held = [each[:0] if i in owners else each for i, each in enumerate(self.held)]
        return replace(self, index=index, held=held)

    def originals(self, owners: Ints) -> tuple[NDArray[np.float32], Ints]:
        """The vectors of some owners."""
        found = [self.held[owner] for owner in owners.tolist()]
        vectors = np.concatenate([np.empty((0, self.dimension), np.float32), *found])
        return vectors, np.array([len(each) for each in found], np.int64)

    @property
    def are_there(self) -> NDArray[np.bool_]:
        """For each owner, whether it has vectors."""
        return np.array([len(each) > 0 for each in self.held], np.bool_)

    def search(
        self, query: Floats, k: int, wanted: NDArray[np.bool_] | None = None
    ) -> tuple[list[int], Floats]:
        """What the index finds."""
        wanted = self.are_there if wanted is None else wanted & self.are_there
        owners, similarities = self.index.search(query, k, wanted, self.originals)
        return owners.tolist(), similarities

    def first(self, query: Floats) -> int:
        """The nearest that the index finds."""
        [found], _ = self.search(query, 1)
        return found

    def nearest(self, query: Floats, k: int, wanted: NDArray[np.bool_] | None = None) -> list[int]:
        """What it should find."""
        wanted = self.are_there if wanted is None else wanted & self.are_there
        scores = np.full(len(self.held), -2.0)
        owners = np.repeat(np.arange(len(self.held)), [len(each) for each in self.held])
        np.maximum.at(scores, owners, np.concatenate(self.held) @ query)
        order = np.argsort(-scores, kind="stable")
        found: list[int] = order[wanted[order]][:k].tolist()
        return found


class VectorIndexContract(Whole):
    """Tests of a `protocols.VectorIndex`.

    Attributes:
        dimension: The length of the vectors that the tests store.
        recall: The share of the nearest that an index finds which is not exact.
    """

    dimension = 64
    recall = 0.97

    def make_index(self, sample: NDArray[np.float32]) -> VectorIndex:
        """An index without vectors; the sample shows what they will be like."""
        raise NotImplementedError

    def test_it_finds_the_nearest(self) -> None:
        moment = self._filled()

        for k in (0, 1, 20):
            self._finds(moment, k)
        found, _ = moment.search(self._queries(1)[0], N + 5)
        assert sorted(found) == list(range(N))

    def test_it_finds_only_what_is_wanted(self) -> None:
        moment, drawn = self._filled(), np.random.default_rng(3)

        for share in (0.5, 0.02, 0.001, 0.0):
            self._finds(moment, 20, drawn.random(N) < share)

    def test_similarities_are_exact(self) -> None:
        moment = self._filled()
        owners = np.array([5, N - 1, 7, 7, 0])

        for query in self._queries(3):
            expected = [float((moment.held[owner] @ query).max()) for owner in owners]
            found, wholes = moment.index.measured(query, owners, moment.originals)
            assert np.array([moment.held[i][0] for i in owners]).tobytes() == wholes.tobytes()
            np.testing.assert_allclose(found, expected, atol=1e-6)
            best, similarities = moment.search(query, 20)
            again, _ = moment.index.measured(query, np.array(best), moment.originals)
            assert similarities.tolist() == again.tolist() == sorted(again.tolist(), reverse=True)

    def test_it_gives_back_the_vectors_of_whole_texts(self) -> None:
        moment = self._filled()
        owners = np.array([N - 1, 3, 4])

        found = moment.index.wholes(owners, moment.originals)

        assert np.array([moment.held[i][0] for i in owners]).tobytes() == found.tobytes()

    def test_it_finds_nothing_that_was_removed_and_all_that_was_added(self) -> None:
        moment, drawn = self._filled(), np.random.default_rng(4)
        for _ in range(40):
            gone = drawn.choice(np.flatnonzero(moment.are_there), 5, replace=False).tolist()
            more = [len(moment.held), len(moment.held) + 1]
            again = gone[:2]
            moment = moment.removed(*gone).added([*again, *more], self._some(drawn, 4))

            mine = moment.held[more[0]][0]
            theirs = moment.held[again[1]][0]
            assert (more[0], again[1]) == (moment.first(mine), moment.first(theirs))
        self._finds(moment, 20)

    def test_each_moment_stays_as_it_was(self) -> None:
        first, drawn = self._filled(), np.random.default_rng(5)
        moments = [first]
        for i in range(12):
            before = moments[i // 2]  # two follow each moment, as after a transaction that failed
            gone = drawn.choice(np.flatnonzero(before.are_there), 3, replace=False).tolist()
            more = [gone[0], len(before.held)]
            moments.append(before.removed(*gone).added(more, self._some(drawn, 2)))

        for moment in moments:
            self._finds(moment, 20)
            mine = moment.held[-1][0]
            assert len(moment.held) - 1 == moment.first(mine)

    def test_an_index_without_vectors_finds_nothing(self) -> None:
        index = self.make_index(np.concatenate(self._some(np.random.default_rng(1), N)))
        empty = Moment(index, dimension=self.dimension)

        found, _ = empty.search(self._queries(1)[0], 5, np.zeros(0, np.bool_))

        assert not found

    def test_of_equals_the_lower_number_comes_first(self) -> None:
        moment = self._filled()
        same = moment.held[8]
        moment = moment.removed(2, 9).added([9, 2], [same, same])

        found, _ = moment.search(same[0], 3)

        assert found == [2, 8, 9]

    def _filled(self) -> Moment:
        vectors = self._some(np.random.default_rng(2), N)
        moment = Moment(self.make_index(np.concatenate(vectors)), dimension=self.dimension)
        moment = moment.added(list(range(N // 2)), vectors[: N // 2])
        return moment.added(list(range(N // 2, N)), vectors[N // 2 :])

    def _some(self, drawn: np.random.Generator, n: int) -> list[NDArray[np.float32]]:
        """The vectors of some owners, each near one of a few topics; every fourth has passages."""
        counts = [1 + 2 * (i % 4 == 3) for i in range(n)]
        vectors = self._near_topics(drawn, sum(counts))
        parts = np.split(vectors, np.cumsum(counts)[:-1])
        return [np.concatenate([each[:1], SHARE * each[1:]]) for each in parts]

    def _queries(self, n: int) -> Floats:
        return self._near_topics(np.random.default_rng(9), n)

    def _near_topics(self, drawn: np.random.Generator, n: int) -> NDArray[np.float32]:
        spread = 1 / np.sqrt(1 + np.arange(self.dimension))
        topics = np.random.default_rng(0).normal(size=(TOPICS, self.dimension)) * spread
        noise = drawn.normal(size=(n, self.dimension)) * spread
        near = topics[drawn.integers(TOPICS, size=n)] + 0.7 * noise
        found: NDArray[np.float32] = normalize(near).astype(np.float32)
        return found

    def _finds(self, moment: Moment, k: int, wanted: NDArray[np.bool_] | None = None) -> None:
        """It finds as many of the nearest as it promises, as many as there are, and nothing else."""
        n_missed, n_expected = 0, 0
        for query in self._queries(20):
            expected, (found, _) = moment.nearest(query, k, wanted), moment.search(query, k, wanted)
            n_missed += len(set(expected) - set(found))
            n_expected += len(expected)
            assert len(expected) == len(found)
            assert not moment.index.is_exact or expected == found
        assert n_missed <= (1 - self.recall) * n_expected
