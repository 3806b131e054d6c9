"""Turns with a key of their own, and quiet ones: what adapters build on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helamem import Config, Memory, Turn
from helamem.models.embedders import HashingEmbedder
from helamem.stores.sqlite import removing

if TYPE_CHECKING:
    from pathlib import Path

QUIET = {"helamem.quiet": True}


def texts(memory: Memory) -> list[str]:
    return [each.text for each in memory.list()]


class TestKeys:
    def test_what_is_put_again_replaces(self, memory: Memory) -> None:
        id_ = memory.put("profile", Turn("Ana lives in Rome.", metadata={"n": 1}))

        assert id_ == memory.put("profile", Turn("Ana lives in Oslo.", metadata={"n": 2}))
        assert ["Ana lives in Oslo."] == texts(memory)
        assert {"n": 2, "helamem.key": "profile"} == memory.get(id_).metadata
        assert [] == [change.text for change in memory.history(id_) if change.text]

    def test_it_is_found_by_its_key(self, memory: Memory) -> None:
        id_ = memory.put("profile", Turn("Ana lives in Rome."))

        found = memory.get_by_key("profile")
        assert found is not None
        assert id_ == found.id
        assert memory.get_by_key("another") is None
        memory.delete(id_)
        assert memory.get_by_key("profile") is None

    def test_the_same_words_under_two_keys_are_two_turns(self, memory: Memory) -> None:
        assert memory.put("a", Turn("Ana lives in Rome.")) != memory.put(
            "b", Turn("Ana lives in Rome.")
        )

    @pytest.mark.parametrize("key", [1, None, "", " "])
    def test_a_key_is_a_text(self, memory: Memory, key: Any) -> None:
        for use in (lambda: memory.put(key, Turn("Yes.")), lambda: memory.get_by_key(key)):
            with pytest.raises((TypeError, ValueError), match="key"):
                use()

    def test_a_turn_is_put_and_no_text(self, memory: Memory) -> None:
        with pytest.raises(TypeError, match="put takes a Turn, not str"):
            memory.put("profile", "Ana lives in Rome.")  # type: ignore[arg-type]

    def test_added_turns_with_a_key_are_known_by_it(self, memory: Memory) -> None:
        memory.add("Yes.", metadata={"helamem.key": "1"})
        memory.add("Yes.", metadata={"helamem.key": "2"})
        receipt = memory.add("No.", metadata={"helamem.key": "2"})

        assert ["Yes.", "Yes."] == texts(memory)
        assert 1 == len(receipt.skipped)

    def test_an_update_keeps_the_key_and_the_entries_of_its_owner(self, memory: Memory) -> None:
        id_ = memory.put("profile", Turn("Ana lives in Rome.", metadata={"owner": "me"}))

        memory.update(id_, "Ana lives in Oslo.", metadata={"n": 1})

        found = memory.get_by_key("profile")
        assert found is not None
        assert ("Ana lives in Oslo.", "me", 1) == (
            found.text,
            found.metadata["owner"],
            found.metadata["n"],
        )

    def test_what_a_text_was_taken_from_goes_with_it(self, memory: Memory) -> None:
        original = {"helamem.original": "PIN: 4411"}
        [id_] = memory.add("The PIN is 4411.", metadata=original).ids

        memory.update(id_, metadata={**original, "n": 1})
        assert "PIN: 4411" == memory.get(id_).metadata["helamem.original"]
        memory.update(id_, "The PIN is [redacted].")

        assert {"n": 1} == memory.get(id_).metadata

    def test_facts_that_repeat_what_is_replaced_go(self, memory: Memory) -> None:
        ids = [memory.put(f"{i}", Turn(f"Ana walks dog number {i} in Rome.")) for i in range(4)]
        for _ in range(9):
            memory.reinforce(memory.search("dogs in Rome"), used=ids)
        memory.consolidate()
        assert any("dog number 2" in fact.text for fact in memory.facts())

        memory.put("2", Turn("Ana moved."))

        assert not any("dog number 2" in fact.text for fact in memory.facts(superseded=True))

    def test_keys_survive_an_export(self, memory: Memory) -> None:
        import json

        memory.put("profile", Turn("Ana lives in Rome.", metadata=QUIET))
        lines = [json.dumps(line) for line in memory.export()]
        with Memory(":memory:", config=Config(), embedder=HashingEmbedder(64)) as other:
            other.import_(lines)
            other.put("profile", Turn("Ana lives in Oslo.", metadata=QUIET))

            assert ["Ana lives in Oslo."] == texts(other)
            assert () == other.search("Oslo").hits
            assert () == other.check()

    def test_what_was_replaced_is_not_in_the_closed_file(self, tmp_path: Path) -> None:
        path = tmp_path / "memory.db"
        with Memory(path, config=Config(), embedder=HashingEmbedder(64)) as memory:
            memory.put("pin", Turn("The PIN is QZX4411."))
            memory.put("pin", Turn("The PIN is [redacted]."))

        assert b"QZX4411" not in b"".join(each.read_bytes() for each in tmp_path.iterdir())

    def test_the_file_is_cleared_of_it_once_when_it_is_closed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wiped = []
        wipe = removing.wipe

        def counted(db: Any) -> bool:
            wiped.append(1)
            return wipe(db)

        monkeypatch.setattr(removing, "wipe", counted)
        with Memory(tmp_path / "m.db", config=Config(), embedder=HashingEmbedder(64)) as memory:
            for i in range(5):
                memory.put("pin", Turn(f"The PIN is {i}."))
            assert [] == wiped

        assert [1] == wiped


class TestQuiet:
    def test_no_search_finds_it(self, memory: Memory) -> None:
        memory.add("Maya is allergic to peanuts.", session="s")
        memory.add("[image: peanuts]", session="s", metadata=QUIET)
        memory.add("Noted.", session="s")

        assert {1, 3} == {hit.id for hit in memory.search("peanuts").hits}
        assert {1, 3} == {hit.id for hit in memory.search("peanuts", filters={"session": "s"}).hits}
        assert [1, 2, 3] == [each.id for each in memory.list()]

    @pytest.mark.parametrize("nearest", [0, 64])
    def test_not_even_when_it_was_said_to_be_used(self, nearest: int) -> None:
        settings: dict[str, Any] = {"candidates.nearest": nearest}
        config = Config.of(**settings)
        with Memory(":memory:", config=config, embedder=HashingEmbedder(64)) as memory:
            memory.add("Maya is allergic to peanuts.")
            memory.add("[image]", metadata=QUIET)
            for _ in range(5):
                memory.reinforce(memory.search("peanuts"), used=[1, 2])

            assert {1} == {hit.id for hit in memory.search("peanuts").hits}

    def test_nothing_is_distilled_from_it(self, memory: Memory) -> None:
        for i in range(4):
            memory.add(f"Ana walks her two dogs in Rome at {i} o'clock.", metadata=QUIET)
        for _ in range(9):
            memory.reinforce(memory.search("dogs"), used=[1, 2, 3, 4])

        assert () == memory.consolidate().facts_added
