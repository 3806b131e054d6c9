"""Whatever was learned can be taken back, as if it had never been learned."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem import Config, Memory, NotFoundError
from helamem.models.embedders import HashingEmbedder
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Sequence

TURNS = (
    "Maya is allergic to peanuts and to almonds.",
    "Ben bakes bread with walnuts on Sundays.",
    "Maya plays the cello in a small orchestra.",
    "Dinner for Maya is planned on Friday evening.",
)
DAY_S = 86_400.0
EASY = {"consolidation.min_strength": 0.5, "consolidation.min_degree": 1}


def opened(path: Any = ":memory:", **others: Any) -> Memory:
    config = Config.of("default", **{**EASY, **others})
    memory = Memory(path, config=config, embedder=HashingEmbedder(8), clock=lambda: 1.7e9)
    memory.add([{"text": each, "speaker": "Maya"} for each in TURNS], session="s")
    return memory


def state(memory: Memory) -> dict[str, Any]:
    """What a memory tells, but for history."""
    found = samples.snapshot(memory._store)
    del found["history"]
    return found


def taught(
    memory: Memory, question: str, used: Sequence[int], unhelpful: Sequence[int] = ()
) -> int:
    """A lesson, with a recall of the whole memory; its id."""
    recall = memory.search(question)
    lesson = memory.reinforce(recall, used=used, unhelpful=unhelpful).lesson
    assert lesson is not None
    return lesson


lessons = st.tuples(
    st.sampled_from(["Who eats what?", "When do we eat?", "Who plays?"]),
    st.sets(st.integers(1, 4), min_size=1, max_size=3),
    st.sets(st.integers(1, 4), max_size=2),
)


@pytest.mark.parametrize("decay_by", ["days", "lessons"])
@given(taught_=st.lists(lessons, min_size=1, max_size=6), data=st.data())
def test_the_last_lessons_are_undone_to_the_last_digit(
    decay_by: str, taught_: list[tuple[str, set[int], set[int]]], data: st.DataObject
) -> None:
    memory = opened(**{"learning.decay_by": decay_by})
    n_kept = data.draw(st.integers(0, len(taught_) - 1))
    states, ids = [], []
    for question, used, misled in taught_:
        states.append(state(memory))
        ids.append(taught(memory, question, sorted(used), sorted(misled - used)))

    for lesson in reversed(ids[n_kept:]):
        memory.undo(lesson)

    assert states[n_kept] == state(memory)
    assert () == memory.check()


@given(
    pairs=st.lists(st.sets(st.integers(1, 4), min_size=2, max_size=3), min_size=2, max_size=6),
    data=st.data(),
)
def test_a_lesson_in_between_is_as_if_it_had_never_been(
    pairs: list[set[int]], data: st.DataObject
) -> None:
    wrong = data.draw(st.integers(0, len(pairs) - 2))
    with_it, without = opened(), opened()
    questions = [with_it.search(each) for each in ("Who eats what?", "When do we eat?")]
    lesson = 0

    for i, (used, recall) in enumerate(zip(pairs, itertools.cycle(questions), strict=False)):
        learned = with_it.reinforce(recall, used=sorted(used))
        if i == wrong:
            lesson = learned.lesson or 0
        else:
            without.reinforce(recall, used=sorted(used))
    with_it.undo(lesson)

    assert edges(without) == edges(with_it)
    assert [each.uses for each in without.list()] == [each.uses for each in with_it.list()]


def edges(memory: Memory) -> list[tuple[Any, ...]]:
    """The edges, with questions by their text."""
    names = {each.id: each.text for each in memory.cues()}
    return sorted(
        (str(names.get(source, source)), str(names.get(target, target)), *rest)
        for source, target, *rest in samples.rows(memory._store.all_edges())
    )


def test_a_wrong_lesson_no_longer_ranks() -> None:
    memory = opened()
    before = memory.search("What about Sundays?").hits
    lesson = taught(memory, "What about Sundays?", [3, 4])

    undone = memory.undo(lesson)

    assert before == memory.search("What about Sundays?").hits
    assert (lesson, 3, 1) == (undone.lesson, undone.edges, len(undone.removed))


def test_lessons_tell_what_was_learned() -> None:
    memory = opened()
    lesson = taught(memory, "Who eats what?", [1, 2])
    for _ in range(6):
        taught(memory, "Who eats what?", [1, 3])
    report = memory.consolidate(llm=False)

    told = memory.lessons()

    assert ("consolidation", report.lesson, report.facts_added) == (
        told[0].kind, told[0].id, told[0].facts,
    )  # fmt: skip
    assert ("lesson", lesson, "Who eats what?", (1, 2), 3) == (
        told[-1].kind, told[-1].id, told[-1].question, told[-1].used, told[-1].edges,
    )  # fmt: skip
    assert told[:2] == memory.lessons(limit=2)
    assert () == memory.lessons(limit=0)


def test_all_lessons_are_told() -> None:
    memory = opened()
    for _ in range(120):
        taught(memory, "Who eats what?", [1, 2])

    assert 120 == len(memory.lessons())


def test_a_consolidation_is_undone() -> None:
    memory = opened()
    for _ in range(8):
        taught(memory, "Who eats what?", [1, 3, 4])
    before = state(memory)
    report = memory.consolidate(llm=False)
    assert report.facts_added

    undone = memory.undo(report.lesson or 0)

    assert set(report.facts_added) <= set(undone.removed)
    assert before == state(memory)
    assert report.facts_added != memory.consolidate(llm=False).facts_added
    assert memory.facts()


def test_a_consolidation_that_found_nothing_is_no_lesson() -> None:
    memory = opened()

    assert memory.consolidate(llm=False).lesson is None
    assert () == memory.lessons()


def test_a_severed_edge_is_gone() -> None:
    memory = opened()
    lesson = taught(memory, "Who eats what?", [1, 2])
    (cue,) = memory.cues()

    assert memory.sever(1, 2)
    assert memory.sever(cue.id, 1)
    assert not memory.sever(1, 2)
    memory.undo(lesson)

    assert 0 == memory.stats().edges["learned"]
    with pytest.raises(ValueError, match="joins memory 1 to itself"):
        memory.sever(1, 1)
    with pytest.raises(NotFoundError):
        memory.sever(1, 99)


def test_what_cannot_be_undone_is_said() -> None:
    memory = opened()
    lesson = taught(memory, "Who eats what?", [1, 2])
    memory.undo(lesson)

    with pytest.raises(ValueError, match=f"lesson {lesson} is undone already"):
        memory.undo(lesson)
    with pytest.raises(NotFoundError, match="There is no lesson 99"):
        memory.undo(99)
    with pytest.raises(TypeError):
        memory.undo("1")  # type: ignore[arg-type]


def test_a_correction_and_an_undo_go_together() -> None:
    memory = opened()
    taught(memory, "Who eats what?", [1, 2])
    lesson = taught(memory, "When do we eat?", [1, 4])
    new = memory.correct(1, "Maya is allergic to nothing.")
    memory.undo(lesson)

    assert 1 == memory.get(new.id).uses
    targets = memory._store.edges(samples.ints(new.id)).targets.tolist()
    assert 4 not in targets
    memory.revert(1)
    assert (1, {2, *(each.id for each in memory.cues())}) == (
        memory.get(1).uses,
        set(memory._store.edges(samples.ints(1)).targets.tolist()),
    )


def test_what_is_removed_leaves_the_journal(tmp_path: Any) -> None:
    with opened(tmp_path / "memory.db") as memory:
        taught(memory, "Who eats what?", [1, 2])
        taught(memory, "Who plays?", [3])

        memory.delete(3)
        assert [(1, 2)] == [each.used for each in memory.lessons()]
        memory.erase("Maya", dry_run=False)
        assert () == memory.lessons()
        assert () == memory.check()


def test_the_journal_is_bounded() -> None:
    memory = opened()
    memory._store._journal = 3  # type: ignore[attr-defined]  # a thousand lessons take long
    ids = [taught(memory, "Who eats what?", [1, 2]) for _ in range(5)]

    assert ids[:1:-1] == [each.id for each in memory.lessons()]
    with pytest.raises(NotFoundError):
        memory.undo(ids[0])
