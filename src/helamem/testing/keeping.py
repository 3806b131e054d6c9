# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract for adapters' items: episodes with custom keys, and quiet ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.protocols import QUIET
from helamem.testing import samples
from helamem.testing.base import Contract

if TYPE_CHECKING:
    from helamem.protocols import NewEpisode

KEY = samples.digest("a key")


class PuttingContract(Contract):
    """A key has one episode, with the content put last."""

    def test_what_is_put_first_is_new(self) -> None:
        id_, new = self.store.put(_item("one"), at=5.0)

        assert (True, id_) == (new, self.store.find(KEY))
        assert ["one"] == [each.text for each in self.store.get([id_])]
        assert [id_] == self.store.nearest(samples.vector("one"), 1, kinds=["episode"])[0].tolist()

    def test_what_is_put_again_is_replaced_in_its_place(self) -> None:
        id_, _ = self.store.put(_item("one two"), at=5.0)
        [other] = samples.add(self.store, "next to it")
        self.store.learn(samples.lesson({(id_, other): 0.5}, used=[id_]))
        [before] = self.store.get([id_])

        changed = _item("three", metadata={"n": 2}, at=9.0, stored_at=9.0)
        assert (id_, False) == self.store.put(changed, at=9.0)

        [after] = self.store.get([id_])
        assert ("three", {"n": 2}) == (after.text, after.metadata)
        assert (before.at, before.stored_at, 1) == (after.at, after.stored_at, after.uses)
        assert 2 == len(samples.weights(self.store.all_edges()))
        found = samples.postings(self.store, "one", "three")
        assert ([0.0, 1.0], 2) == (found.document_frequency.tolist(), found.n_documents)
        assert changed.vector.tobytes() == self.store.vectors(samples.ints(id_)).tobytes()

    def test_history_keeps_nothing_of_what_is_replaced(self) -> None:
        id_, _ = self.store.put(_item("one"), at=5.0)
        for text in ("two", "three"):
            self.store.put(_item(text), at=6.0)

        assert ["added"] == [change.event for change in self.store.history(id_)]

    def test_what_was_removed_is_put_anew(self) -> None:
        id_, _ = self.store.put(_item("one"), at=5.0)
        self.store.remove([id_], at=6.0)

        assert self.store.find(KEY) is None
        again, new = self.store.put(_item("one"), at=7.0)
        assert new
        assert again > id_

    def test_two_keys_are_two_episodes(self) -> None:
        one, _ = self.store.put(_item("one"), at=5.0)
        other, new = self.store.put(_item("one", key=samples.digest("another")), at=5.0)

        assert new
        assert one != other

    def test_keys_of_one_namespace_mean_nothing_in_another(self) -> None:
        self.store.put(_item("one"), at=5.0)

        assert self.store_of("another").find(KEY) is None

    def test_a_vector_that_does_not_fit_changes_nothing(self) -> None:
        self.store.put(_item("one"), at=5.0)
        wrong = _item("two", vector=samples.vector("two", self.dimension + 1))

        with self.unchanged(ValueError):
            self.store.put(wrong, at=6.0)


class AnnotatingContract(Contract):
    """Metadata change only if nobody else has changed them."""

    def test_metadata_are_replaced_and_nothing_else(self) -> None:
        [id_] = samples.add(self.store, "one", metadata={"n": 1, "list": [0.1, None]})

        assert self.store.annotate(id_, {"n": 2}, was={"n": 1, "list": [0.1, None]})

        [memory] = self.store.get([id_])
        assert ("one", {"n": 2}) == (memory.text, memory.metadata)
        assert ["added"] == [change.event for change in self.store.history(id_)]

    def test_what_somebody_else_has_changed_stays(self) -> None:
        [id_] = samples.add(self.store, "one", metadata={"n": 1})
        self.store.update(id_, samples.episode("one", metadata={"n": 5}), at=5.0)

        assert not self.store.annotate(id_, {"n": 2}, was={"n": 1})
        assert [{"n": 5}] == [memory.metadata for memory in self.store.get([id_])]

    def test_only_an_episode_has_them(self) -> None:
        [id_] = samples.add(self.store, "one")
        fact = samples.add_fact(self.store, "a fact", id_)

        for other in (fact, fact + 1, 0):
            assert not self.store.annotate(other, {"n": 1}, was={})


class QuietContract(Contract):
    """A quiet episode is kept and listed, but no search finds it."""

    def test_no_search_finds_it(self) -> None:
        [heard] = samples.add(self.store, "one two")
        quiet = self._quiet("three")

        assert [heard] == self.store.nearest(samples.vector("three"), 9, kinds=["episode"])[
            0
        ].tolist()
        found = samples.postings(self.store, "two", "three")
        assert ([1.0, 0.0], 1, 2.0) == (
            found.document_frequency.tolist(),
            found.n_documents,
            found.mean_length,
        )
        assert [heard] == samples.around(self.store, [heard, quiet], 9)

    def test_it_is_kept_and_listed(self) -> None:
        [heard] = samples.add(self.store, "one")
        quiet = self._quiet("two")

        assert [heard, quiet] == self.store.ids(kinds=["episode"]).tolist()
        assert ["two"] == [each.text for each in self.store.get([quiet])]
        assert [] == self.store.check()

    def test_it_is_nobodys_neighbor(self) -> None:
        [a] = samples.add(self.store, "one")
        quiet = self._quiet("two")
        [c] = samples.add(self.store, "three")

        nodes = self.store.nodes(samples.ints(a, quiet, c))

        assert [0, 0, a] == nodes.previous.tolist()
        assert [c, 0, 0] == nodes.next.tolist()

    def test_no_link_is_made_to_it(self) -> None:
        [(a, _)] = self.store.add(samples.episodes("one"), link=0.5, now=0.0)
        self.store.add([_quiet("two")], link=0.5, now=0.0)
        [(c, _)] = self.store.add(samples.episodes("three"), link=0.5, now=0.0)

        assert {(a, c), (c, a)} == set(samples.weights(self.store.all_edges()))

    def test_it_may_fall_silent_and_be_heard_again(self) -> None:
        [a] = samples.add(self.store, "one")
        item, _ = self.store.put(_item("two"), at=5.0)
        assert [a, item] == samples.around(self.store, [a], 1)

        self.store.put(_quiet("two", key=KEY), at=6.0)
        assert [a] == samples.around(self.store, [a], 1)
        assert [] == self.store.check()

        self.store.put(_item("three"), at=7.0)
        assert [a, item] == samples.around(self.store, [a], 1)
        assert [] == self.store.check()

    def test_it_can_be_removed(self) -> None:
        samples.add(self.store, "one")
        quiet = self._quiet("two")

        assert [quiet] == self.store.remove([quiet], at=5.0)
        assert [] == self.store.check()

    def _quiet(self, text: str) -> int:
        return self.store.add([_quiet(text)], link=0.0, now=0.0)[0][0]


def _item(text: str, **others: object) -> NewEpisode:
    return samples.episode(text, **{"key": KEY, **others})


def _quiet(text: str, **others: object) -> NewEpisode:
    return samples.episode(text, traits=QUIET, terms=(), length=0, **others)
