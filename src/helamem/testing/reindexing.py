# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of reindexing while a store is in use."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from helamem.errors import StoreError
from helamem.protocols import ASKS, Reindexed
from helamem.testing import samples
from helamem.testing.base import Contract, raising

if TYPE_CHECKING:
    from helamem.protocols import Analysis, Reindexing, Store, Unindexed

OTHER = "another embedder"
WIDER = samples.DIMENSION * 2


def made(node: Unindexed, dimension: int = WIDER, word: str = "anew") -> Reindexed:
    """Something else than what was there: one term more, twice, and another trait."""
    vector = samples.vector(f"{word} {node.text}", dimension)
    if node.kind == "cue":
        return Reindexed(id=node.id, vector=vector)
    text = f"{node.text} {word} {word}"
    return Reindexed(
        id=node.id,
        vector=vector,
        terms=samples.terms(text),
        length=len(samples.words(text)),
        traits=ASKS,
    )


def staged(reindexing: Reindexing, dimension: int = WIDER) -> list[Unindexed]:
    """Stage all that waits, two at a time; what waited."""
    found: list[Unindexed] = []
    after = 0
    while batch := reindexing.unindexed(after=after, limit=2):
        reindexing.stage([made(each, dimension) for each in batch])
        found += batch
        after = batch[-1].id
    return found


class ReindexingContract(Contract):
    """Everything is staged beside what is in use, and put in place at once."""

    def other(self) -> Analysis:
        """What makes longer vectors."""
        return replace(self.store.analysis, embedder=OTHER, dimension=WIDER)

    def filled(self) -> tuple[int, int, int, int]:
        """A question, its answer, a fact, and a cue that is bound to the two turns."""
        a, b = samples.add(self.store, "who sings?", "Ana sings")
        fact = samples.add_fact(self.store, "Ana is a singer", b)
        lesson = samples.lesson({(a, b): 0.5}, used=[a, b], cue=samples.cue("what sounds?"))
        cue = self.store.learn(lesson).cue
        assert cue is not None
        return a, b, fact, cue

    def adopted(self, reindexing: Reindexing) -> Store:
        """The store with everything in place; the test's store from now on."""
        store = reindexing.adopt()
        assert store is not None
        self._open["main"] = store
        return store

    def test_a_store_says_what_made_it(self) -> None:
        assert samples.DIMENSION == self.store.analysis.dimension
        assert "english" == self.store.analysis.language

    def test_what_waits_is_told_with_all_that_is_needed(self) -> None:
        a, b, fact, cue = self.filled()
        samples.add(self.store_of("other"), "elsewhere", speaker="Ben")

        waiting = self.store.reindexing(self.other()).unindexed(after=0, limit=99)

        assert [(a, "episode"), (b, "episode"), (fact, "fact"), (cue, "cue")] == [
            (each.id, each.kind) for each in waiting if each.text != "elsewhere"
        ]
        assert [("Ana",)] == [each.speakers for each in waiting if each.kind == "cue"]
        assert {} == waiting[0].metadata

    def test_what_is_staged_changes_nothing(self) -> None:
        self.filled()
        before = samples.snapshot(self.store)

        staged(self.store.reindexing(self.other()))

        assert before == samples.snapshot(self.store)

    def test_vectors_terms_and_traits_take_their_place(self) -> None:
        a, b, fact, cue = self.filled()
        reindexing = self.store.reindexing(self.other())
        staged(reindexing)
        edges = samples.rows(self.store.all_edges())

        store = self.adopted(reindexing)

        assert (OTHER, WIDER) == (store.analysis.embedder, store.analysis.dimension)
        ids = samples.ints(a, b, fact, cue)
        expected = [
            samples.vector(f"anew {text}", WIDER).tolist()
            for text in ("who sings?", "Ana sings", "Ana is a singer", "what sounds?")
        ]
        assert expected == store.vectors(ids).tolist()
        postings = samples.postings(store, "anew", "ana")
        assert [3, 2] == postings.document_frequency.tolist()
        assert [(0, a, 2), (0, b, 2), (0, fact, 2), (1, b, 1), (1, fact, 1)] == [
            row[:3] for row in samples.rows(postings)
        ]
        assert (3, 14 / 3) == (postings.n_documents, postings.mean_length)
        assert [ASKS, ASKS, ASKS, 0] == store.nodes(ids).traits.tolist()
        assert edges == samples.rows(store.all_edges())
        assert [] == store.check()

    def test_a_superseded_fact_counts_nowhere_but_can_hold_again(self) -> None:
        [a] = samples.add(self.store, "Ana moved")
        old = samples.add_fact(self.store, "Ana lives in Rome", a)
        new = samples.add_fact(self.store, "Ana lives in Oslo", a)
        self.store.supersede(old, new, at=1.0)
        reindexing = self.store.reindexing(self.other())
        staged(reindexing)

        store = self.adopted(reindexing)

        assert [2] == samples.postings(store, "anew").document_frequency.tolist()
        store.remove([new], at=2.0)
        assert [2] == samples.postings(store, "anew").document_frequency.tolist()

    def test_a_store_without_memories_changes_its_embedder_too(self) -> None:
        store = self.adopted(self.store.reindexing(self.other()))

        assert OTHER == store.stats().embedder
        store.add([samples.episode("x", vector=samples.vector("x", WIDER))], link=0.0, now=0.0)

    def test_what_came_or_changed_meanwhile_is_made_first(self) -> None:
        a, b, *_ = self.filled()
        reindexing = self.store.reindexing(self.other())
        staged(reindexing)
        [new] = samples.add(self.store, "new")
        self.store.update(a, samples.episode("changed"), at=2.0)
        self.store.remove([b], at=2.0)
        before = samples.snapshot(self.store)

        assert reindexing.adopt() is None
        assert before == samples.snapshot(self.store)
        assert [(a, "changed"), (new, "new")] == [
            (each.id, each.text) for each in staged(reindexing)
        ]
        assert [a, new] == self.adopted(reindexing).ids(kinds=["episode"]).tolist()

    def test_what_went_meanwhile_is_not_staged(self) -> None:
        _, b, *_ = self.filled()
        reindexing = self.store.reindexing(self.other())
        waiting = reindexing.unindexed(after=0, limit=99)
        self.store.remove([b], at=2.0)

        reindexing.stage([made(each) for each in waiting])

        assert b not in self.adopted(reindexing).ids(kinds=["episode"])

    def test_what_changed_before_it_was_staged_is_made_again(self) -> None:
        a, b, fact, _ = self.filled()
        reindexing = self.store.reindexing(self.other())
        waiting = reindexing.unindexed(after=0, limit=99)
        self.store.update(a, samples.episode("changed"), at=2.0)
        assert self.store.annotate(b, {"n": 1}, was={})

        reindexing.stage([made(each) for each in waiting])

        assert reindexing.adopt() is None
        assert [(a, "changed", {}), (b, "Ana sings", {"n": 1})] == [
            (each.id, each.text, each.metadata) for each in staged(reindexing)
        ]
        store = self.adopted(reindexing)
        expected = samples.vector("anew changed", WIDER).tolist()
        assert [expected] == store.vectors(samples.ints(a)).tolist()
        assert [a, b, fact] == store.ids(kinds=["episode", "fact"]).tolist()

    def test_a_reindexing_that_was_cut_off_goes_on_where_it_was(self) -> None:
        a, b, fact, cue = self.filled()
        first = self.store.reindexing(self.other())
        first.stage([made(each) for each in first.unindexed(after=0, limit=2)])

        again = self.store.reindexing(self.other())

        assert [fact, cue] == [each.id for each in staged(again)]
        assert [a, b] == self.adopted(again).ids(kinds=["episode"]).tolist()

    def test_what_was_staged_for_another_analysis_goes(self) -> None:
        nodes = self.filled()
        first = self.store.reindexing(self.other())
        staged(first)

        second = self.store.reindexing(replace(self.other(), version=9))

        assert list(nodes) == [each.id for each in second.unindexed(after=0, limit=99)]
        with raising(StoreError):
            first.stage([])
        with raising(StoreError):
            first.adopt()

    def test_a_handle_for_another_embedder_neither_reads_nor_writes(self) -> None:
        a, b, *_ = self.filled()
        old = self.store
        reindexing = old.reindexing(replace(self.other(), dimension=samples.DIMENSION))
        staged(reindexing, samples.DIMENSION)
        self.adopted(reindexing)

        for use in (
            lambda: old.nearest(samples.vector("x"), 1, kinds=["episode"]),
            lambda: old.add(samples.episodes("x"), link=0.0, now=0.0),
            lambda: old.learn(samples.lesson({(a, b): 0.5})),
        ):
            with raising(StoreError):
                use()
        assert 2 == len(self.store.ids(kinds=["episode"]))

    def test_a_handle_for_the_same_embedder_reads_all_anew(self) -> None:
        self.filled()
        old = self.store
        before = old.vectors(old.ids(kinds=["episode"])).tolist()
        reindexing = old.reindexing(replace(old.analysis, version=9))
        staged(reindexing, samples.DIMENSION)

        new = self.adopted(reindexing)

        after = old.vectors(old.ids(kinds=["episode"])).tolist()
        assert before != after
        assert after == new.vectors(new.ids(kinds=["episode"])).tolist()
        assert 9 == old.analysis.version

    def test_vectors_of_the_wrong_length_are_refused(self) -> None:
        self.filled()
        reindexing = self.store.reindexing(self.other())
        waiting = reindexing.unindexed(after=0, limit=9)

        with self.unchanged(ValueError):
            reindexing.stage([made(each, samples.DIMENSION) for each in waiting])


class SharedReindexingContract(Contract):
    """Namespaces that lie in one place have vectors of one length."""

    def test_all_namespaces_are_made_anew(self) -> None:
        mine, theirs = self.store_of("main"), self.store_of("theirs")
        samples.add(mine, "mine")
        samples.add(theirs, "theirs")
        reindexing = mine.reindexing(replace(mine.analysis, version=9))

        assert ["mine", "theirs"] == [each.text for each in staged(reindexing, samples.DIMENSION)]
        assert reindexing.adopt() is not None

        for store in (mine, theirs):
            [id_] = samples.postings(store, "anew").ids.tolist()
            assert [id_] == store.ids(kinds=["episode"]).tolist()
