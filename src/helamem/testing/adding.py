# ruff: noqa: D102, S101, SIM300  # tests assert `expected == actual`; their names say what must hold
"""The contract of adding episodes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from helamem.core.vectors import normalize
from helamem.errors import NotFoundError
from helamem.protocols import Heard
from helamem.records import Episode
from helamem.testing import samples
from helamem.testing.base import Contract

if TYPE_CHECKING:
    from helamem.records import Json

EVERYTHING = (
    "\U0001f95c שָׁלוֹם مرحبا \x00 \x07 \x1b[0m \u202e\ufeff e\u0301 'quoted' \"; DROP TABLE node"
)

METADATA: dict[str, Json] = {
    "topic": "food",
    "n": 3,
    "share": 0.1,
    "huge": 2**63,
    "true": True,
    "nothing": None,
    "place": {"city": "Köln", "": [1, "two", {"three": []}]},
    EVERYTHING: EVERYTHING,
}


class AddingContract(Contract):
    """Stored turns are read back unchanged, once each."""

    def test_a_handle_knows_its_namespace(self) -> None:
        assert "main" == self.store.namespace

    def test_an_episode_comes_back_as_it_went_in(self) -> None:
        given = samples.episode(
            "Maya is allergic to peanuts.",
            role="user",
            at=1_715_000_000.123456,
            stored_at=-1.5,
            metadata=METADATA,
            uses=3,
            used_at=1_716_000_000.5,
        )

        [(id_, new)] = self.store.add([given], link=0.0, now=0.0)

        assert new
        expected = Episode(
            id=id_,
            text="Maya is allergic to peanuts.",
            speaker="Ana",
            role="user",
            session="s",
            at=samples.moment(1_715_000_000.123456),
            stored_at=samples.moment(-1.5),
            metadata=METADATA,
            uses=3,
            used_at=samples.moment(1_716_000_000.5),
        )
        assert [expected] == self.store.get([id_])

    def test_any_text_comes_back(self) -> None:
        given = [EVERYTHING, " ", "a" * 1_000_000]

        ids = samples.add(
            self.store, *given, speaker=EVERYTHING, role=EVERYTHING, session=EVERYTHING
        )

        assert given == [memory.text for memory in self.store.get(ids)]
        [first, *_] = self.store.get(ids)
        assert isinstance(first, Episode)
        assert (EVERYTHING, EVERYTHING, EVERYTHING) == (first.speaker, first.role, first.session)

    def test_vectors_come_back_bit_by_bit(self) -> None:
        drawn = np.random.default_rng(1).normal(size=(20, self.dimension)).astype(np.float32)
        given = np.concatenate([normalize(drawn), np.zeros((2, self.dimension), np.float32)])
        given[20, 0], given[21, 0] = -0.0, 1e-42  # a sign, and a number below the normal ones

        ids = [
            self.store.add([samples.episode(f"turn {i}", vector=each)], link=0.0, now=0.0)[0][0]
            for i, each in enumerate(given)
        ]

        assert given.tobytes() == self.store.vectors(samples.ints(*ids)).tobytes()
        assert (
            given[[7, 2, 7]].tobytes()
            == self.store.vectors(samples.ints(*(ids[i] for i in (7, 2, 7)))).tobytes()
        )

    def test_what_was_read_does_not_change_later(self) -> None:
        [id_] = samples.add(self.store, "Maya is allergic to peanuts.")
        ids = samples.ints(id_)
        vectors, nodes = self.store.vectors(ids), self.store.nodes(ids)
        read = vectors.tobytes(), samples.rows(nodes)

        self.store.update(id_, samples.episode("Only to almonds, then."), at=1.0)
        samples.add(self.store, "Noted.")
        self.store.nodes(ids)

        assert read == (vectors.tobytes(), samples.rows(nodes))

    def test_ids_are_positive_and_ascend(self) -> None:
        ids = samples.add(self.store, "one", "two", "three") + samples.add(self.store, "four")

        assert ids == sorted(set(ids))
        assert ids[0] > 0
        assert ids == self.store.ids(kinds=["episode"]).tolist()

    def test_the_same_turn_is_stored_once(self) -> None:
        first, again = samples.episode("one"), samples.episode("one", metadata={"later": True})

        [(one, new)] = self.store.add([first], link=0.0, now=0.0)
        before = samples.snapshot(self.store)

        assert new
        assert [(one, False)] == self.store.add([again], link=1.0, now=5.0)
        assert before == samples.snapshot(self.store)

    def test_the_same_turn_twice_in_one_call_is_stored_once(self) -> None:
        one, two = samples.episodes("one", "two")

        added = self.store.add([one, two, one, two], link=0.5, now=0.0)

        ids = self.store.ids(kinds=["episode"]).tolist()
        assert 2 == len(ids)
        assert [(ids[0], True), (ids[1], True), (ids[0], False), (ids[1], False)] == added

    def test_keys_are_known_by_their_episodes(self) -> None:
        given = samples.episodes(*(f"turn {i}" for i in range(1200)))
        ids = [id_ for id_, _ in self.store.add(given, link=0.0, now=0.0)]

        keys = [each.key for each in given]
        assert dict(zip(keys, ids, strict=True)) == self.store.known([*keys, b"another"])
        assert {} == self.store.known([])
        assert {} == self.store_of("other").known(keys)

    def test_the_latest_turns_of_a_session_are_heard(self) -> None:
        samples.add(self.store, "one", "two", "three")
        samples.add(self.store, "elsewhere", session="t")

        heard = self.store.heard("s", last=2)

        assert [
            Heard(key=samples.episode(text).key, role="", speaker="Ana", text=text, at=samples.AT)
            for text in ("two", "three")
        ] == heard
        assert [] == self.store.heard("nowhere", last=2)
        assert [] == self.store_of("other").heard("s", last=2)

    def test_a_turn_keeps_its_key_and_the_offset_of_its_clock(self) -> None:
        given = samples.episode("one", offset=9 * 3600), samples.episode("two")
        ids = [id_ for id_, _ in self.store.add(given, link=0.0, now=0.0)]

        assert [(given[1].key, None), (given[0].key, 9 * 3600)] == self.store.origins(ids[::-1])
        at = [memory.at for memory in self.store.get(ids)]
        assert [timedelta(hours=9), timedelta(0)] == [each.utcoffset() for each in at]
        assert at[0] == at[1]
        with self.unchanged(NotFoundError):
            self.store.origins([*ids, ids[-1] + 1])

    def test_adding_nothing_adds_nothing(self) -> None:
        assert [] == self.store.add([], link=0.5, now=0.0)
        assert [] == self.store.ids(kinds=["episode", "fact", "cue"]).tolist()

    def test_a_link_wires_a_new_turn_to_the_one_before_it_in_its_session(self) -> None:
        first, other, second = (
            samples.episode("one"),
            samples.episode("elsewhere", session="t"),
            samples.episode("two"),
        )

        (a, _), (_, _), (b, _) = self.store.add([first, other, second], link=0.25, now=7.0)
        [(c, _)] = self.store.add(samples.episodes("three"), link=0.75, now=9.0)

        learned = samples.LEARNED
        expected = [(a, b, 0.25, 7.0), (b, a, 0.25, 7.0), (b, c, 0.75, 9.0), (c, b, 0.75, 9.0)]
        assert [(s, t, learned, w, at) for s, t, w, at in expected] == samples.rows(
            self.store.all_edges()
        )

    def test_without_a_link_no_edge_is_stored(self) -> None:
        samples.add(self.store, "one", "two")

        assert [] == samples.rows(self.store.all_edges())

    def test_a_batch_with_one_bad_vector_adds_nothing(self) -> None:
        samples.add(self.store, "zero")
        for bad in (np.ones(self.dimension + 1), np.full(self.dimension, np.nan)):
            wrong = samples.episode("three", vector=bad.astype(np.float32))
            with self.unchanged(ValueError):
                self.store.add([*samples.episodes("one", "two"), wrong], link=0.5, now=0.0)
