"""What is shown again and again and never used is counted, where somebody says what served."""

from __future__ import annotations

from typing import Any

import pytest

from helamem import Config, Memory
from helamem.models.embedders import HashingEmbedder

TURNS = ("Maya is allergic to peanuts.", "Ben bakes bread.", "Dinner is on Friday.")


def opened(path: Any = ":memory:") -> Memory:
    memory = Memory(
        path, config=Config.of("default"), embedder=HashingEmbedder(8), clock=lambda: 1.7e9
    )
    memory.add([{"text": each, "speaker": "Ana"} for each in TURNS], session="s")
    return memory


def counts(memory: Memory, at_least: int = 1) -> dict[int, int]:
    return {each.id: each.shown for each in memory.ignored(at_least=at_least)}


def test_hits_count_where_somebody_says_what_served() -> None:
    memory = opened()
    recall = memory.search("Who is allergic?")
    assert {1, 2, 3} == set(recall.ids)
    assert {} == counts(memory)

    for _ in range(3):
        memory.reinforce(recall, used=[1])

    assert {2: 3, 3: 3} == counts(memory)
    assert {} == counts(memory, at_least=4)
    memory.reinforce(recall, used=[2], unhelpful=[3])
    assert {3: 4} == counts(memory)


def test_undo_takes_the_counts_back() -> None:
    memory = opened()
    recall = memory.search("Who is allergic?")
    memory.reinforce(recall, used=[1])
    lesson = memory.reinforce(recall, used=[2]).lesson or 0
    assert {3: 2} == counts(memory)

    memory.undo(lesson)

    assert {2: 1, 3: 1} == counts(memory)


def test_what_is_removed_or_corrected_is_not_counted() -> None:
    memory = opened()
    recall = memory.search("Who is allergic?")
    memory.reinforce(recall, used=[1])

    memory.delete(2)
    new = memory.correct(3, "Dinner is on Saturday.")
    assert {} == counts(memory)
    memory.reinforce(recall, used=[1])  # what it shows is partly gone
    memory.revert(3)

    assert {3: 2} == counts(memory)
    assert new.id not in counts(memory)
    assert () == memory.check()


def test_forgetting_counts_it_as_old() -> None:
    memory = opened()
    for _ in range(2):
        memory.reinforce(memory.search("Who is allergic?"), used=[1])

    assert () == memory.forget(max_share=1.0).ids
    assert () == memory.forget(max_share=1.0, ignored=3).ids
    assert (2, 3) == memory.forget(max_share=1.0, ignored=2).ids
    assert (2, 3) == memory.forget(max_share=1.0, ignored=2, dry_run=False).ids
    assert {} == counts(memory)


@pytest.mark.parametrize("wrong", [0, -1, True, "1", 1.5])
def test_a_count_is_a_whole_number_from_1_on(wrong: Any) -> None:
    memory = opened()

    for use in (lambda: memory.ignored(at_least=wrong), lambda: memory.forget(ignored=wrong)):
        with pytest.raises((TypeError, ValueError)):
            use()
