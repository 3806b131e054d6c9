"""Everything of a person goes, and nothing else; a plan is what the deed does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from helamem import Config, Memory, Turn
from helamem.erasing import naming
from helamem.errors import NotFoundError, StoreError
from helamem.language import language_named
from helamem.models.embedders import HashingEmbedder
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = datetime(2024, 5, 6, 12, tzinfo=UTC)
TALK: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Clara", "I moved to Lisbon in May.", {}),
    ("Ben", "Clara has moved, did you hear?", {}),
    ("clara", "My knee is fine again.", {}),
    ("Ana", "I am allergic to peanuts.", {}),
    ("Ana", "The declaration is signed.", {"guest": "Clára"}),
    ("Clarabel", "I bought a boat.", {}),
)


def opened(path: Path | str, namespace: str = "default") -> Memory:
    return Memory(path, namespace=namespace, config=Config(), embedder=HashingEmbedder(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.db"


@pytest.fixture
def talk(path: Path) -> Iterator[Memory]:
    with opened(path) as memory:
        memory.add([Turn(text, who, metadata=more) for who, text, more in TALK], at=AT)
        memory.reinforce(memory.search("Where does Clara live?"), used=[1, 4])
        memory.reinforce(memory.search("Whose knee hurts?"), used=[3, 4])
        memory.reinforce(memory.search("What can Ana not eat?"), used=[4])
        yield memory


def state(memory: Memory) -> list[Any]:
    return [
        *[each.text for each in memory.list()],
        *[each.text for each in memory.facts(superseded=True)],
        *[each.text for each in memory.cues()],
    ]


class TestErase:
    def test_what_a_person_said_and_the_questions_about_them_go(self, talk: Memory) -> None:
        done = talk.erase("Clara", dry_run=False)

        assert ((1, 3), (), ()) == (done.turns, done.facts, done.mentions)
        assert (2, 5) == done.left
        assert ["What can Ana not eat?"] == [cue.text for cue in talk.cues()]
        assert {"episodes": 6, "facts": 0, "cues": 3} == done.before
        assert {"episodes": 4, "facts": 0, "cues": 1} == done.after

    def test_what_mentions_them_goes_if_asked(self, talk: Memory) -> None:
        talk.update(2, "Somebody has moved, did you hear?")

        done = talk.erase("clára", mentions=True, dry_run=False)

        assert ((1, 3), (5,), 1) == (done.turns, done.mentions, done.history)
        assert [2, 4, 6] == [each.id for each in talk.list()]
        assert [None, None] == [change.text for change in talk.history(2)]

    def test_facts_about_them_and_out_of_their_mouth_go(self, path: Path) -> None:
        facts = [
            ("Clara lives in Lisbon.", "Clara", [1, 2]),
            ("Ana is allergic to peanuts.", "Ana", [4]),
            ("Ben knows that Clara has moved.", "Ben", [2]),
            ("Somebody has a good knee.", "Ben", [2, 3]),
        ]
        with Memory(path, config=Config(), embedder=HashingEmbedder(samples.DIMENSION)) as memory:
            memory.add([Turn(text, who) for who, text, _ in TALK], at=AT)
            for text, speaker, sources in facts:
                samples.add_fact(memory._store, text, *sources, speaker=speaker)

            done = memory.erase("Clara", dry_run=False)

            assert ["Ana is allergic to peanuts."] == [fact.text for fact in memory.facts()]
            assert 3 == len(done.facts)
            assert (4, 1) == (done.before["facts"], done.after["facts"])
            assert () == memory.profile("Clara")

    @pytest.mark.parametrize("mentions", [False, True])
    def test_a_dry_run_plans_exactly_what_is_done(self, talk: Memory, mentions: bool) -> None:
        before = state(talk)

        plan = talk.erase("Clara", mentions=mentions)

        assert not plan.done
        assert before == state(talk)
        done = talk.erase("Clara", mentions=mentions, dry_run=False)
        assert plan.to_dict() | {"done": True} == done.to_dict()

    def test_the_earlier_versions_of_mentions_are_told(self) -> None:
        with opened(":memory:") as memory:
            (first,) = memory.add("She moved to Lisbon.", speaker="Ben").ids
            second = memory.correct(first, "Clara moved to Lisbon.").id

            erasure = memory.erase("Clara", mentions=True, dry_run=False)

            assert {first, second} == set(erasure.mentions)
            assert (2, 0) == (erasure.before["episodes"], erasure.after["episodes"])

    def test_nothing_of_them_is_left_in_the_file(self, talk: Memory, path: Path) -> None:
        talk.erase("Clara", mentions=True, dry_run=False)
        talk.close()

        content = path.read_bytes()
        assert not [word for word in (b"Lisbon", b"knee", b"Clara ", b"clara") if word in content]

    @pytest.mark.parametrize("mentions", [True, False])
    def test_other_names_are_shown_and_stay(self, path: Path, mentions: bool) -> None:
        with opened(path) as memory:
            memory.add(
                [
                    Turn("I am Clara, call me Sunny.", "Clara"),
                    Turn("How is Sunny?", "Ben"),
                    Turn("I saw Clar there.", "Ben"),
                    Turn("I bought a boat.", "Clarabel"),
                    Turn("A sunny day.", "Ben"),
                ],
                at=AT,
            )
            plan = memory.erase("Clara", mentions=mentions)
            done = memory.erase("Clara", mentions=mentions, dry_run=False)

            names = {"Clar": (3,), "Clarabel": (4,), "Sunny": (2,)}
            assert names == plan.other_names == done.other_names
            assert [2, 3, 4, 5] == [each.id for each in memory.list()]
            assert 2 in memory.erase("Sunny", mentions=True).mentions

    def test_who_is_not_known_has_nothing(self, talk: Memory) -> None:
        before = state(talk)

        done = talk.erase("Zoe", mentions=True, dry_run=False)

        assert ((), (), (), ()) == (done.turns, done.facts, done.mentions, done.cues)
        assert before == state(talk)

    @pytest.mark.parametrize("odd", ["", "  ", None, 3, ["Clara"]])
    def test_a_name_is_text(self, talk: Memory, odd: Any) -> None:
        with pytest.raises((TypeError, ValueError), match="name"):
            talk.erase(odd)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Clara's boat", True), ("CLARA!", True), ("Clára", True), ("clara-marie", True),
            ("Clarabel", False), ("declaration", False), ("", False),
        ],
    )  # fmt: skip
    def test_a_name_is_a_word_of_its_own(self, text: str, expected: bool) -> None:
        assert expected == naming("Clara", language_named("english"))(text)


class TestDeleteByFilter:
    def test_it_is_a_plan_unless_told_otherwise(self, talk: Memory) -> None:
        before = state(talk)

        plan = talk.delete(filters={"speaker": "Ana"})

        assert before == state(talk)
        assert {4, 5} <= set(plan)
        assert plan == talk.delete(filters={"speaker": "Ana"}, dry_run=False)
        assert {"Ana"}.isdisjoint({each.speaker for each in talk.list()})

    def test_mentions_can_be_found_by_text(self, talk: Memory) -> None:
        assert {1, 2} == {each.id for each in talk.list(filters={"text": {"icontains": "MOVED"}})}

    def test_ids_can_be_planned_too(self, talk: Memory) -> None:
        before = state(talk)

        assert 1 in talk.delete(1, dry_run=True)
        assert before == state(talk)

    def test_what_fits_nothing_is_nothing(self, talk: Memory) -> None:
        assert () == talk.delete(filters={"speaker": "Zoe"}, dry_run=False)

    def test_everything_is_not_deleted_by_an_empty_filter(self, talk: Memory) -> None:
        with pytest.raises(ValueError, match="drop_namespace"):
            talk.delete(filters={}, dry_run=False)
        with pytest.raises(TypeError, match="not both"):
            talk.delete(1, filters={"speaker": "Ana"})

    def test_if_one_is_not_there_nothing_goes(self, talk: Memory) -> None:
        before = state(talk)

        with pytest.raises(NotFoundError):
            talk.delete(1, 99)

        assert before == state(talk)


class TestNamespaces:
    def test_they_are_listed_with_what_they_hold(self, path: Path) -> None:
        for name, n in (("maya", 2), ("ben", 1), ("empty", 0)):
            with opened(path, name) as memory:
                memory.add([f"turn {i}" for i in range(n)], at=AT)

        with opened(path) as memory:
            found = [(each.name, each.episodes, each.last_at) for each in memory.namespaces()]

        assert [("ben", 1, AT), ("maya", 2, AT)] == found

    def test_one_is_dropped_and_the_others_stay(self, path: Path) -> None:
        for name in ("maya@example.org", "ben"):
            with opened(path, name) as memory:
                memory.add(f"A secret of {name[:3]}wards.", speaker=name)
                memory.reinforce(memory.search("secret"), used=[memory.list()[0].id])
        with opened(path, "ben") as memory:
            before = [state(memory), memory.stats()]
            dropped = memory.drop_namespace("maya@example.org")

            assert ("maya@example.org", 1, 1) == (dropped.name, dropped.episodes, dropped.cues)
            assert ["ben"] == [each.name for each in memory.namespaces()]
            assert before[0] == state(memory)
            assert not memory.check()

        content = path.read_bytes()
        assert b"maya@example.org" not in content
        assert b"maywards" not in content

    def test_ones_own_may_be_begun_anew(self, path: Path) -> None:
        with opened(path, "maya") as memory:
            memory.add("old", speaker="Ana")
            memory.drop_namespace("maya")
            assert ((), (), 0) == (memory.list(), memory.namespaces(), memory.stats().episodes)

            [id_] = memory.add("new", speaker="Ana").ids

            assert id_ == 2  # ids are never given twice
            assert ["new"] == [each.text for each in memory.list()]
            assert ["new"] == [hit.text for hit in memory.search("new")]
            assert not memory.check()

    def test_a_handle_that_is_open_on_it_says_so(self, path: Path) -> None:
        with opened(path, "maya") as stale, opened(path, "ben") as other:
            stale.add("old")
            other.drop_namespace("maya")

            assert () == stale.list()
            with pytest.raises(StoreError, match="was dropped"):
                stale.add("more")
        with opened(path, "eve") as eve:
            assert () == eve.list()

    def test_in_ram_there_is_only_its_own(self) -> None:
        with opened(":memory:", "maya") as memory:
            memory.add("old")

            assert ["maya"] == [each.name for each in memory.namespaces()]
            memory.drop_namespace("maya")
            assert () == memory.namespaces()

    def test_an_unknown_one_is_told_with_those_that_there_are(self, path: Path) -> None:
        with opened(path, "maya") as memory:
            memory.add("old")
            with pytest.raises(ValueError, match=r"no namespace 'may' in .*; there are: 'maya'"):
                memory.drop_namespace("may")

    def test_all_are_exported(self, path: Path) -> None:
        for name in ("maya", "ben"):
            with opened(path, name) as memory:
                memory.add(f"I am {name}.")

        with opened(path, "other") as memory:
            lines = list(memory.export(all_namespaces=True))

        assert ["ben", "maya"] == [line["namespace"] for line in lines if line["type"] == "helamem"]
        assert ["I am ben.", "I am maya."] == [
            line["text"] for line in lines if line["type"] == "episode"
        ]
