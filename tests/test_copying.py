"""A whole memory goes from one place to another, and finds there what it found before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from helamem import Config, Memory
from helamem.cli import main
from helamem.copying import copy_namespaces
from helamem.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = Config.of(embedder="hashing:64")


def filled(path: str | Path, *namespaces: str) -> None:
    """Turns, a lesson, facts, and a correction, in each namespace."""
    for name in namespaces:
        with Memory(path, namespace=name, config=CONFIG) as memory:
            memory.add("Maya is allergic to peanuts.", speaker="Ana")
            memory.add(f"We cook for Maya at the house of {name}.", speaker="Ben")
            memory.add("Peanuts are in the satay that Ben cooks.", speaker="Ana")
            recall = memory.search("What should I not cook for Maya?")
            memory.reinforce(recall, used=[hit.id for hit in recall.hits[:2]])
            memory.consolidate(llm=False)


def test_all_namespaces_are_copied_with_what_they_learned(tmp_path: Path) -> None:
    filled(tmp_path / "a.db", "maya", "ben")

    copies = list(copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=CONFIG))

    assert [("ben", 3, ()), ("maya", 3, ())] == [
        (each.namespace, each.stored, each.differences) for each in copies
    ]
    assert all(each.searches for each in copies)
    with Memory(tmp_path / "b.db", namespace="maya", config=CONFIG) as copy:
        assert 1 == len(copy.cues())


def test_a_copy_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    filled(tmp_path / "a.db", "ben", "maya")
    next(copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=CONFIG))

    copies = list(copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=CONFIG))

    assert [("ben", 0, ()), ("maya", 3, ())] == [
        (each.namespace, each.stored, each.differences) for each in copies
    ]


def test_what_has_changed_since_is_copied_or_told(tmp_path: Path) -> None:
    filled(tmp_path / "a.db", "maya")
    list(copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=CONFIG))
    with Memory(tmp_path / "a.db", namespace="maya", config=CONFIG) as memory:
        first, _, last = (turn.id for turn in memory.list(filters={"kind": "episode"}))
        memory.delete(last)
        memory.add("Ben moved to Lisbon.", speaker="Ben")
        memory.update(first, "Maya is allergic to walnuts.")
        counts = memory.stats()

    [copied] = copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=CONFIG)

    assert 3 == counts.episodes
    assert 1 == copied.stored
    assert "4 episodes instead of 3" in copied.differences
    assert f"episode {first} is not there, or reads otherwise" in copied.differences


def test_what_was_learned_since_is_copied(tmp_path: Path) -> None:
    filled(tmp_path / "a.db", "maya")
    list(copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=CONFIG))
    with Memory(tmp_path / "a.db", namespace="maya", config=CONFIG) as memory:
        recall = memory.search("What should I not cook for Maya?")
        memory.reinforce(recall, used=[hit.id for hit in recall.hits[:2]])

    [copied] = copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=CONFIG)

    assert (0, ()) == (copied.stored, copied.differences)


def test_what_the_copy_has_otherwise_is_told(tmp_path: Path) -> None:
    filled(tmp_path / "a.db", "maya")
    with Memory(tmp_path / "b.db", namespace="maya", config=CONFIG) as other:
        other.add("Something that was here before: peanuts for Maya.")

    [copied] = copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=CONFIG)

    assert "4 episodes instead of 3" in copied.differences


def test_only_what_is_there_can_be_copied(tmp_path: Path) -> None:
    filled(tmp_path / "a.db", "maya")

    with pytest.raises(ValueError, match="no namespace 'ben'; there are: 'maya'"):
        list(
            copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=CONFIG, namespaces=["ben"])
        )
    list(copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=CONFIG))
    other = Config.of(embedder="hashing:32")
    with pytest.raises(StoreError, match="reindex"):
        list(copy_namespaces(tmp_path / "a.db", tmp_path / "b.db", config=other))


def test_what_is_not_there_is_not_made_by_copying_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no file"):
        list(copy_namespaces(tmp_path / "none.db", tmp_path / "copy.db", config=CONFIG))

    assert [] == list(tmp_path.iterdir())


def test_the_command_says_whether_a_copy_is_equal(tmp_path: Path) -> None:
    filled(tmp_path / "a.db", "maya")
    arguments = ["copy", str(tmp_path / "a.db"), str(tmp_path / "b.db"), "--embedder", "hashing:64"]

    copied = CliRunner().invoke(main, arguments)
    with Memory(tmp_path / "b.db", namespace="maya", config=CONFIG) as copy:
        copy.add("Something new.")
    differs = CliRunner().invoke(main, arguments)
    missing = CliRunner().invoke(main, ["copy", str(tmp_path / "none.db"), str(tmp_path / "b.db")])

    assert (0, 1) == (copied.exit_code, differs.exit_code)
    assert "equal" in copied.output
    assert "4 episodes instead of 3" in differs.output
    assert missing.exit_code == 1
    assert "there is no file" in missing.output
