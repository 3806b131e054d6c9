"""Whatever is done in whatever order, the SQLite store agrees with a model made of dicts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from helamem.protocols import CHANNELS, NODE_KINDS, QUIET, EdgeRule
from helamem.records import Episode, Fact
from helamem.stores.sqlite import SQLiteStore
from helamem.testing import samples
from stores.model import Model, Node

if TYPE_CHECKING:
    from helamem.protocols import Store

pytestmark = pytest.mark.slow

WORDS = ("tea", "milk", "rain", "Rome")
SESSIONS = ("s", "t")
RULE = EdgeRule(tau=20.0, saturation=1.0, ceiling=1.0, floor=0.05)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
shares = st.sampled_from([0.125, 0.5, 0.75])
choices = st.lists(st.integers(0, 99), min_size=1, max_size=3)


class Machine(RuleBasedStateMachine):
    """Two handles on one namespace of one file, and a neighbour who must not notice anything."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store, self.other = self._opened("main"), self._opened("main")
        self.neighbor = self._opened("neighbor")
        samples.add(self.neighbor, *WORDS)
        self.untouched = samples.snapshot(self.neighbor)
        self.model = Model()
        self.now = 0.0
        self.used_ids: set[int] = set()

    def _opened(self, namespace: str) -> Store:
        return SQLiteStore(
            self.folder / "memory.db",
            namespace=namespace,
            made_by=samples.ANALYSIS,
            synchronous="normal",
        )

    def _chosen(self, choices: list[int], *kinds: str) -> list[int]:
        there = self.model.of_kind(*kinds)
        return sorted({there[choice % len(there)] for choice in choices})

    def _new(self, id_: int) -> None:
        assert id_ not in self.used_ids
        self.used_ids.add(id_)

    def _has(self, *kinds: str) -> bool:
        return bool(self.model.of_kind(*kinds))

    @rule(
        turns=st.lists(texts, max_size=3),
        session=st.sampled_from(SESSIONS),
        link=st.sampled_from([0.0, 0.5]),
    )
    def add(self, turns: list[str], session: str, link: float) -> None:
        added = self.store.add(samples.episodes(*turns, session=session), link=link, now=self.now)

        for text, (id_, new) in zip(turns, added, strict=True):
            known = self.model.known("episode", text, session)
            assert (known or id_, known is None) == (id_, new)
            if new:
                self._new(id_)
                self.model.add(id_, text, session, link, self.now)

    @rule(
        key=st.sampled_from(["one key", "another key"]),
        text=texts,
        session=st.sampled_from(SESSIONS),
        quiet=st.booleans(),
    )
    def put(self, key: str, text: str, session: str, quiet: bool) -> None:
        silent: dict[str, Any] = {"traits": QUIET, "terms": (), "length": 0} if quiet else {}
        known = self.model.keyed(key)
        item = samples.episode(text, session=session, key=samples.digest("key", key), **silent)

        id_, new = self.store.put(item, at=self.now)

        assert (known or id_, known is None) == (id_, new)
        if new:
            self._new(id_)
            self.model.nodes[id_] = Node("episode", text, session, came_as=key)
        self.model.nodes[id_].text = text
        self.model.nodes[id_].quiet = quiet

    @precondition(lambda self: self._has("episode"))
    @rule(text=texts, sources=choices)
    def add_fact(self, text: str, sources: list[int]) -> None:
        episodes = self._chosen(sources, "episode")
        new = samples.fact(text, *episodes, stored_at=self.now)

        [id_] = self.store.add_facts([new], cluster=samples.digest(text, episodes))

        self._new(id_)
        self.model.add_fact(id_, text, episodes, self.now)

    @precondition(lambda self: len(self.model.of_kind("fact")) > 1)
    @rule(pair=st.lists(st.integers(0, 99), min_size=2, max_size=2))
    def supersede(self, pair: list[int]) -> None:
        old, *newer = self._chosen(pair, "fact")
        if newer:
            self.store.supersede(old, newer[0], at=self.now)
            self.model.nodes[old].superseded_by = newer[0]

    @precondition(lambda self: self._has("episode"))
    @rule(served=choices, gain=shares, question=st.none() | st.sampled_from(WORDS))
    def learn(self, served: list[int], gain: float, question: str | None) -> None:
        used = self._chosen(served, "episode", "fact")
        pairs = {(a, b): gain for i, a in enumerate(used) for b in used[i + 1 :]}
        cue = None if question is None else samples.cue(question)

        learned = self.store.learn(
            samples.lesson(
                pairs, used=used, cue=cue, cue_gains=[gain] * len(used), rule=RULE, now=self.now
            )
        )

        assert len(pairs) == learned.strengthened
        for a, b in pairs:
            self.model.strengthen(a, b, gain, RULE, self.now)
        if question is not None:
            self._bind(question, learned.cue, used, gain)
        for id_ in used:
            self.model.nodes[id_].uses += 1
        self.model.lessons += 1

    def _bind(self, question: str, cue: int | None, used: list[int], gain: float) -> None:
        known = self.model.known("cue", question)
        assert cue is not None
        assert known in (None, cue)
        if known is None:
            self._new(cue)
            self.model.nodes[cue] = Node("cue", question, came_as=question)
        for id_ in used:
            self.model.strengthen(cue, id_, gain, RULE, self.now)

    @precondition(lambda self: len(self.model.of_kind("episode", "fact", "cue")) > 1)
    @rule(pair=choices, keep=shares)
    def weaken(self, pair: list[int], keep: float) -> None:
        ids = self._chosen(pair, "episode", "fact", "cue")
        pairs = [(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :]]

        self.store.learn(samples.lesson(weakened=pairs, keep=keep, rule=RULE, now=self.now))

        for a, b in pairs:
            self.model.weaken(a, b, keep)
        self.model.lessons += 1

    @rule(passing=st.sampled_from([1.0, 10.0, 60.0]))
    def prune(self, passing: float) -> None:
        self.now += passing

        assert self.model.prune(RULE, self.now) == self.store.prune(rule=RULE, now=self.now)

    @precondition(lambda self: self._has("episode"))
    @rule(which=choices, text=texts)
    def update(self, which: list[int], text: str) -> None:
        [id_, *_] = self._chosen(which, "episode")
        session = self.model.nodes[id_].session
        if self.model.says(text, session) <= {id_}:
            self.store.update(id_, samples.episode(text, session=session), at=self.now)
            self.model.nodes[id_].text = text
            self.model.nodes[id_].quiet = False

    @precondition(lambda self: self._has("episode", "fact", "cue"))
    @rule(which=choices)
    def remove(self, which: list[int]) -> None:
        ids = set(self._chosen(which, "episode", "fact", "cue"))
        before = set(self.model.nodes)

        gone = self.store.remove(sorted(ids), at=self.now)

        self.model.remove(ids)
        assert before - set(self.model.nodes) == set(gone)

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = self._opened("main")

    @rule()
    def take_turns(self) -> None:
        self.store, self.other = self.other, self.store

    @invariant()
    def holds_the_same_memories(self) -> None:
        found = self.store.get(sorted(i for i, n in self.model.nodes.items() if n.kind != "cue"))
        for memory in found:
            expected = self.model.nodes[memory.id]
            assert (expected.text, expected.uses) == (memory.text, memory.uses)
            if isinstance(memory, Fact):
                assert tuple(sorted(expected.sources)) == memory.sources
                assert expected.superseded_by == memory.superseded_by
            else:
                assert isinstance(memory, Episode)
                assert expected.session == memory.session
        for kind in NODE_KINDS:
            assert self.model.of_kind(kind) == self.store.ids(kinds=[kind]).tolist()
        assert self.model.lessons == self.store.lessons()

    @invariant()
    def finds_the_same(self) -> None:
        query = samples.vector("query")
        ids = self.model.heard(*NODE_KINDS)
        cosines = {id_: float(samples.vector(self.model.nodes[id_].text) @ query) for id_ in ids}
        found, similarity = self.store.nearest(query, 99, kinds=NODE_KINDS)
        assert sorted(ids, key=lambda id_: (-cosines[id_], id_)) == found.tolist()
        np.testing.assert_allclose([cosines[id_] for id_ in found.tolist()], similarity, atol=1e-6)

        documents = {id_: self.model.nodes[id_].text for id_ in self.model.heard("episode", "fact")}
        words = [word.lower() for word in WORDS]
        postings = samples.postings(self.store, *words)
        expected = {
            (number, id_, text.lower().split().count(word))
            for number, word in enumerate(words)
            for id_, text in documents.items()
            if word in text.lower().split()
        }
        assert expected == set(
            zip(
                postings.terms.tolist(),
                postings.ids.tolist(),
                postings.counts.tolist(),
                strict=True,
            )
        )
        assert len(documents) == postings.n_documents
        total = sum(len(text.split()) for text in documents.values())
        assert postings.n_documents * postings.mean_length == pytest.approx(total)

    @invariant()
    def knows_what_lies_beside(self) -> None:
        for session in SESSIONS:
            turns = self.model.turns(session)
            nodes = self.store.nodes(np.array(turns, np.int64))
            assert [0, *turns][: len(turns)] == nodes.previous.tolist()
            assert [*turns, 0][1:] == nodes.next.tolist() or not turns
            if turns:
                middle = len(turns) // 2
                around = samples.around(self.store, [turns[middle]], 2)
                assert set(turns[max(middle - 2, 0) : middle + 3]) <= set(around)

    @invariant()
    def is_joined_in_the_same_way(self) -> None:
        found = {
            (a, b, CHANNELS[channel]): (weight, touched)
            for a, b, channel, weight, touched in samples.rows(self.store.all_edges())
        }
        expected = self.model.visible_edges()
        assert sorted(expected) == sorted(found)
        for edge, (weight, touched) in expected.items():
            assert (pytest.approx(weight, rel=1e-5), touched) == found[edge]

    @invariant()
    def is_sound(self) -> None:
        assert [] == self.store.check()

    def teardown(self) -> None:
        assert self.untouched == samples.snapshot(self.neighbor)
        for store in (self.store, self.other, self.neighbor):
            store.close()
        shutil.rmtree(self.folder)


TestStateful = Machine.TestCase
TestStateful.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
