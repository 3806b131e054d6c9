# ruff: noqa: D102, S101  # tests assert `expected == actual`; their names say what must hold
"""The contract of passages: a long text is as near as the best of its vectors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.protocols import Reindexed
from helamem.testing import samples
from helamem.testing.base import Contract

if TYPE_CHECKING:
    from helamem.protocols import NewEpisode

SHARE = 0.8


def long(text: str, *passages: str) -> NewEpisode:
    """A turn with vectors of passages, which count less than the whole."""
    return samples.episode(text, passages=[SHARE * samples.vector(each) for each in passages])


class PassageContract(Contract):
    """The highest product with any vector of a memory is its similarity, wherever one is asked for."""

    def test_a_text_is_found_by_its_passages(self) -> None:
        ids = self._stored()

        for query, best in (("two", 1), ("tea", 1), ("bread", 1), ("rain", 2), ("one", 0)):
            found, scores = self.store.nearest(samples.vector(query), 1, kinds=["episode"])
            assert [ids[best]] == found.tolist()
            expected = 1.0 if query in ("one", "two") else SHARE
            assert abs(float(scores[0]) - expected) < 1e-6
            self._agrees(query, ids)

    def test_the_vectors_that_are_given_are_those_of_whole_texts(self) -> None:
        ids = samples.ints(*self._stored())
        whole = np.array([samples.vector(each) for each in ("one", "two", "three")])

        assert whole.tobytes() == self.store.vectors(ids).tobytes()
        assert whole.tobytes() == self.store.region(samples.query("tea")).vectors.tobytes()

    def test_passages_come_and_go_with_their_text(self) -> None:
        one, two, three = self._stored()
        self.store.nearest(samples.vector("?"), 1, kinds=["episode"])

        self.store.update(one, replace(long("one", "wine"), text="wine"), at=5.0)
        self.store.update(two, samples.episode("short"), at=5.0)
        assert one == self._nearest("wine")
        assert self._similarity("tea", two) < SHARE
        self.store.remove([one], at=6.0)

        assert three == self._nearest("rain")
        assert self._similarity("wine", three) < SHARE
        [four] = [id_ for id_, _ in self.store.add([long("four", "wine")], link=0.0, now=0.0)]
        assert (four, three) == (self._nearest("wine"), self._nearest("rain"))

    def test_a_passage_of_another_length_adds_nothing(self) -> None:
        wrong = samples.vector("x", self.dimension + 1)
        with self.unchanged(ValueError):
            self.store.add([samples.episode("x", passages=[wrong])], link=0.0, now=0.0)

    def test_reindexing_makes_them_anew(self) -> None:
        one, two, _ = self._stored()
        making = self.store.reindexing(self.store.analysis)
        for node in making.unindexed(after=0, limit=9):
            passages = [SHARE * samples.vector("wine")] if node.id == one else []
            made = Reindexed(id=node.id, vector=samples.vector(node.text), passages=passages)
            making.stage([made])
        store = making.adopt()
        assert store is not None

        assert [one] == store.nearest(samples.vector("wine"), 1, kinds=["episode"])[0].tolist()
        _, scores = store.nearest(samples.vector("tea"), 9, kinds=["episode"])
        assert scores.max() < SHARE
        assert [two] == store.nearest(samples.vector("two"), 1, kinds=["episode"])[0].tolist()

    def _stored(self) -> list[int]:
        turns = [samples.episode("one"), long("two", "tea", "bread"), long("three", "rain")]
        return [id_ for id_, _ in self.store.add(turns, link=0.0, now=0.0)]

    def _nearest(self, text: str) -> int:
        [found], _ = self.store.nearest(samples.vector(text), 1, kinds=["episode"])
        return int(found)

    def _similarity(self, text: str, id_: int) -> float:
        found, scores = self.store.nearest(samples.vector(text), 99, kinds=["episode"])
        return float(scores[found.tolist().index(id_)])

    def _agrees(self, text: str, ids: list[int]) -> None:
        """A region says the same of each memory as `nearest`."""
        region = self.store.region(samples.query(text))
        expected = [self._similarity(text, id_) for id_ in ids]
        assert ids == region.nodes.ids.tolist()
        assert all(abs(a - b) < 1e-6 for a, b in zip(expected, region.similarity, strict=True))
