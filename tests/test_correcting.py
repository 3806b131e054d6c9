"""Corrections stick, and can be taken back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem import Config, Fact, Memory, NotFoundError, StoreError, Turn
from helamem.consolidation import extractive
from helamem.models.embedders import HashingEmbedder
from helamem.models.scripted import ScriptedLLM
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from helamem.records import Json

START = datetime(2024, 5, 6, 10, 0, tzinfo=UTC)
DAY_S = 86_400.0
DENSE = {"consolidation.min_strength": 0.5, "consolidation.min_degree": 1}
OLD = "Maya is allergic to peanuts."
NEW = "Maya is allergic to walnuts."


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START.timestamp()

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock | None = None, **others: Any) -> Memory:
    config = Config.of("default", **{**DENSE, **others})
    return Memory(":memory:", config=config, embedder=HashingEmbedder(8), clock=clock or Clock())


def told(memory: Memory) -> list[int]:
    """A conversation whose second turn turns out to be wrong; its ids."""
    turns = ["Dinner is on Friday.", OLD, "Ben brings the wine.", "The oven is broken."]
    return list(memory.add([Turn(each, "Ana") for each in turns], session="kitchen").ids)


def taught(memory: Memory) -> list[int]:
    """The same, after questions that the wrong turn has served."""
    ids = told(memory)
    for question in ("What is Maya allergic to?", "What should we not cook?"):
        memory.reinforce(memory.search(question), used=[ids[1], ids[0]])
    return ids


def found(memory: Memory, question: str = "What is Maya allergic to?") -> list[str]:
    return [hit.text for hit in memory.search(question)]


def state(memory: Memory) -> dict[str, Any]:
    """What a memory tells, but for history."""
    told_ = samples.snapshot(memory._store)
    del told_["history"]
    return told_


def fact(text: str, *sources: int) -> dict[str, Json]:
    each: Json = {
        "text": text,
        "kind": "statement",
        "about": "Maya",
        "sources": [*sources],
        "valid_from": "",
        "relation": "new",
        "old": None,
    }
    return {"facts": [each]}


def _distilled(
    memory: Memory, text: str, source: int, *, replaces: int | None = None, quoted: bool = False
) -> int:
    """A fact as `consolidate` stores it, in the place of another one if there is one; its id."""
    store = memory._store
    made: dict[str, Json] = {"distiller": extractive.NAME} if quoted else {}
    id_ = samples.add_fact(store, text, source, metadata=made)
    if replaces is not None:
        store.supersede(replaces, id_, at=START.timestamp())
    return id_


class TestCorrect:
    def test_the_old_value_leaves_search(self) -> None:
        memory = opened()
        ids = taught(memory)

        new = memory.correct(ids[1], NEW)

        assert NEW == new.text
        assert NEW == found(memory)[0]
        assert OLD not in found(memory)

    def test_the_new_memory_has_what_the_old_one_had(self) -> None:
        memory = opened()
        at = datetime(2024, 5, 6, 20, 0, tzinfo=timezone(timedelta(hours=2)))
        (id_,) = memory.add(Turn(OLD, "Ana", "user", at, "kitchen", {"n": 1})).ids
        memory.reinforce(memory.search("What is Maya allergic to?"), used=[id_])
        old = memory.get(id_)

        new = memory.correct(id_, NEW)

        given_ = ("speaker", "role", "session", "at", "metadata", "uses", "used_at")
        assert [getattr(old, name) for name in given_] == [getattr(new, name) for name in given_]
        assert old.at.utcoffset() == new.at.utcoffset()

    def test_the_old_one_is_kept_and_marked(self) -> None:
        memory = opened()
        ids = told(memory)

        new = memory.correct(ids[1], NEW)

        assert new.id == memory.get(ids[1]).superseded_by
        assert ["added", "superseded"] == [each.event for each in memory.history(ids[1])]
        assert ids[1] not in [each.id for each in memory.list()]
        listed = memory.list(superseded=True)
        assert [*ids, new.id] == [each.id for each in listed]
        where: dict[str, Json] = {"text": {"contains": "peanuts"}}
        assert [ids[1]] == [each.id for each in memory.list(filters=where, superseded=True)]
        assert 4 == memory.stats().episodes

    def test_what_was_learned_goes_to_the_new_one(self) -> None:
        memory = opened()
        ids = taught(memory)
        before = samples.rows(memory._store.edges(samples.ints(ids[1])))
        assert 3 == len(before)  # to the other turn, and to two questions

        new = memory.correct(ids[1], NEW)

        after = samples.rows(memory._store.edges(samples.ints(new.id)))
        assert [each[1:] for each in before] == [each[1:] for each in after]

    def test_the_new_one_stands_between_the_same_turns(self) -> None:
        memory = opened()
        ids = told(memory)

        new = memory.correct(ids[1], NEW)

        nodes = memory._store.nodes(samples.ints(ids[0], new.id, ids[2]))
        assert [new.id, ids[2], ids[3]] == nodes.next.tolist()

    def test_a_history_handed_over_again_is_known_corrected_or_not(self) -> None:
        for dated in (False, True):
            memory = opened()
            words = ["Dinner is on Friday.", OLD, "Ben brings the wine.", "The oven is broken."]

            def conversation(words: list[str], dated: bool = dated) -> list[Turn]:
                return [
                    Turn(each, "Ana", at=START + timedelta(minutes=i) if dated else None)
                    for i, each in enumerate(words)
                ]

            ids = memory.add(conversation(words)).ids
            new = memory.correct(ids[1], NEW)

            assert () == memory.add(conversation(words)).stored
            edited = memory.add(conversation([words[0], NEW, *words[2:]]))
            assert () == edited.stored
            assert new.id == edited.ids[1]
            assert OLD not in found(memory)

    def test_a_chain_of_corrections(self) -> None:
        memory = opened()
        ids = told(memory)

        first = memory.correct(ids[1], NEW)
        second = memory.correct(first.id, "Maya is allergic to hazelnuts.")

        assert (first.id, second.id, None) == tuple(
            memory.get(each).superseded_by for each in (ids[1], first.id, second.id)
        )
        assert {OLD, NEW}.isdisjoint(found(memory))
        with pytest.raises(ValueError, match=f"superseded by {first.id}; correct {first.id}"):
            memory.correct(ids[1], "Maya is allergic to nothing.")

    def test_the_words_of_an_earlier_version_revert_to_it(self) -> None:
        memory = opened()
        ids = taught(memory)
        before = state(memory)

        memory.correct(memory.correct(ids[1], NEW).id, OLD)

        assert before == state(memory)

    def test_the_words_of_each_of_several_turns_that_one_has_replaced_revert_to_it(self) -> None:
        for version in (0, 1):
            memory = opened()
            older = told(memory)[:2]
            receipts = [memory.add(NEW, speaker="Ben", at=START, supersedes=each) for each in older]
            (new,) = receipts[-1].ids

            assert older[version] == memory.correct(new, memory.get(older[version]).text).id

    def test_facts_that_rest_on_it_hold_no_longer(self) -> None:
        memory = opened()
        ids = told(memory)
        llm = ScriptedLLM([fact("Maya is allergic to peanuts.", ids[1])])
        (known,) = memory.consolidate(llm=llm).facts_added

        new = memory.correct(ids[1], NEW)

        assert () == memory.facts()
        assert new.id == memory.get(known).superseded_by
        assert () == memory.profile("Maya")
        assert () == memory.facts(as_of=START + timedelta(days=1))

    def test_what_else_they_rest_on_is_read_again(self) -> None:
        memory = opened()
        ids = told(memory)
        llm = ScriptedLLM(
            [fact("Maya is allergic to peanuts and comes on Friday.", ids[0], ids[1])]
        )
        memory.consolidate(llm=llm)
        new = memory.correct(ids[1], NEW)
        again = ScriptedLLM([fact("Maya is allergic to walnuts.", new.id)])

        memory.consolidate(llm=again)

        shown = json.dumps([message["content"] for message in again.calls[0].messages])
        assert "Dinner is on Friday." in shown
        assert NEW in shown
        assert OLD not in shown
        assert "Ben brings the wine." not in shown

    def test_a_fact_of_a_turn_corrected_meanwhile_is_not_stored(self) -> None:
        memory = opened()
        ids = told(memory)

        class Slow(ScriptedLLM):
            def complete(self, *args: Any, **named: Any) -> Any:
                memory.correct(ids[1], NEW)
                return super().complete(*args, **named)

        report = memory.consolidate(llm=Slow([fact("Maya is allergic to peanuts.", ids[1])]))

        assert report.failed
        assert () == memory.facts()

    def test_a_fact_in_a_models_words_can_be_corrected(self) -> None:
        memory = opened()
        ids = told(memory)
        (known,) = memory.consolidate(
            llm=ScriptedLLM([fact("Maya is allergic to peanuts and almonds.", ids[1])])
        ).facts_added

        new = memory.correct(known, "Maya is allergic to peanuts only.")

        assert isinstance(new, Fact)
        assert (new,) == memory.facts()
        assert ((ids[1],), 1.0) == (new.sources, new.confidence)
        assert new.id == memory.get(known).superseded_by
        memory.revert(known)
        assert [known] == [each.id for each in memory.facts()]

    def test_a_fact_that_repeats_a_turn_names_the_turn(self) -> None:
        memory = opened()
        words = [
            "Maya is allergic to peanuts and to almonds.",
            "Dinner for Maya is on Friday evening.",
        ]
        ids = memory.add([Turn(each, "Maya") for each in words], session="kitchen").ids
        for _ in range(8):
            memory.reinforce(memory.search("What about Maya?"), used=ids)
        memory.consolidate(llm=False)
        known = next(each for each in memory.facts() if each.sources == (ids[0],))

        with pytest.raises(ValueError, match=rf"correct that instead: correct\({ids[0]}, \.\.\.\)"):
            memory.correct(known.id, NEW)

        memory.correct(ids[0], NEW)
        assert known.id not in [each.id for each in memory.facts()]
        memory.revert(ids[0])
        assert known.id in [each.id for each in memory.facts()]

    def test_what_cannot_be_corrected_is_said(self) -> None:
        memory = opened()
        ids = told(memory)
        item = memory.put("allergy", Turn(OLD))

        wrongs: list[tuple[Callable[[], object], type[Exception], str]] = [
            (lambda: memory.correct(ids[1], OLD), ValueError, "says just that already"),
            (lambda: memory.correct(ids[1], " "), ValueError, "blank"),
            (lambda: memory.correct(item, NEW), ValueError, "key 'allergy'"),
            (lambda: memory.correct(99, NEW), NotFoundError, "99"),
            (lambda: memory.correct("1", NEW), TypeError, "id"),  # type: ignore[arg-type]
            (lambda: memory.revert(ids[1]), ValueError, "nothing to revert"),
            (lambda: memory.revert(99), NotFoundError, "99"),
        ]
        for wrong, error, words in wrongs:
            before = state(memory)
            with pytest.raises(error, match=words):
                wrong()
            assert before == state(memory)

        new = memory.correct(ids[1], NEW)
        with pytest.raises(ValueError, match=rf"it supersedes {ids[1]}: revert\({ids[1]}\)"):
            memory.revert(new.id)
        with pytest.raises(StoreError, match=f"superseded by {new.id}"):
            memory.update(ids[1], "Maya is allergic to dust.")


class TestSupersedes:
    def test_a_new_turn_takes_the_place_of_an_old_one(self) -> None:
        clock = Clock()
        memory = opened(clock)
        ids = taught(memory)
        clock.now += DAY_S

        receipt = memory.add(NEW, speaker="Ben", supersedes=ids[1])

        (new,) = receipt.stored
        assert (ids[1],) == receipt.superseded
        assert NEW == found(memory)[0]
        assert OLD not in found(memory)
        assert ("Ben", clock.now) == (memory.get(new).speaker, memory.get(new).at.timestamp())
        assert memory.get(ids[1]).uses == memory.get(new).uses

    def test_a_turn_that_is_there_already_stays_when_it_is_reverted(self) -> None:
        memory = opened()
        ids = taught(memory)
        (said,) = memory.add(NEW, speaker="Ben", at=START).ids
        memory.reinforce(memory.search("What should we not cook?"), used=[said, ids[0]])
        before = state(memory)

        receipt = memory.add(NEW, speaker="Ben", at=START, supersedes=ids[1])
        assert ((), (said,), (ids[1],)) == (receipt.stored, receipt.ids, receipt.superseded)
        memory.revert(ids[1])

        assert before == state(memory)

    def test_words_that_were_corrected_since_are_stored_anew(self) -> None:
        memory = opened()
        ids = told(memory)
        (known,) = memory.add(NEW, speaker="Ben", at=START).ids
        memory.correct(known, "Maya eats everything.")

        receipt = memory.add(NEW, speaker="Ben", at=START, supersedes=ids[1])

        assert receipt.ids == receipt.stored != (known,)
        assert () == receipt.skipped

    def test_one_turn_supersedes_one(self) -> None:
        memory = opened()
        ids = told(memory)

        for messages in ([NEW, "And to dust."], []):
            with pytest.raises(ValueError, match="takes one new turn"):
                memory.add(messages, supersedes=ids[1])
        assert 4 == memory.stats().episodes

    def test_facts_that_rest_on_it_are_among_what_no_longer_holds(self) -> None:
        memory = opened()
        ids = told(memory)
        llm = ScriptedLLM([fact("Maya is allergic to peanuts.", ids[1])])
        (known,) = memory.consolidate(llm=llm).facts_added

        receipt = memory.add(NEW, supersedes=ids[1])

        assert (ids[1], known) == receipt.superseded


class TestRevert:
    def test_everything_is_as_before(self) -> None:
        memory = opened()
        ids = taught(memory)
        llm = ScriptedLLM([fact("Maya is allergic to peanuts.", ids[1])])
        memory.consolidate(llm=llm)
        before = state(memory)

        memory.correct(ids[1], NEW)
        old = memory.revert(ids[1])

        assert OLD == old.text
        after = state(memory)
        del before["clusters"], after["clusters"]  # what is read again
        assert before == after
        assert "restored" == memory.history(ids[1])[-1].event

    def test_facts_made_of_the_correction_go_with_it(self) -> None:
        memory = opened()
        ids = told(memory)
        new = memory.correct(ids[1], NEW)
        (made,) = memory.consolidate(
            llm=ScriptedLLM([fact("Maya is allergic to walnuts.", new.id)])
        ).facts_added

        memory.revert(ids[1])

        assert () == memory.facts()
        assert ids[1] == memory.get(made).superseded_by
        memory.revert(new.id)
        assert [made] == [each.id for each in memory.facts()]

    def test_a_whole_chain_is_taken_back(self) -> None:
        memory = opened()
        ids = taught(memory)
        before = state(memory)
        new = memory.correct(ids[1], NEW)
        memory.correct(new.id, "Maya is allergic to hazelnuts.")

        memory.revert(ids[1])

        assert before == state(memory)

    def test_what_was_learned_since_goes_to_the_old_one(self) -> None:
        memory = opened()
        ids = told(memory)
        new = memory.correct(ids[1], NEW)
        recall = memory.search("Which nuts are dangerous?")
        memory.reinforce(recall, used=[new.id, ids[2]])

        memory.revert(ids[1])

        (cue,) = memory.cues()
        edges = memory._store.edges(samples.ints(ids[1]))
        assert {cue.id, ids[2]} == set(edges.targets.tolist())
        assert 1 == memory.get(ids[1]).uses

    @given(steps=st.lists(st.integers(0, 4), max_size=8), many=st.integers(1, 3))
    def test_nothing_is_left_of_it_whatever_was_learned_before(
        self, steps: list[int], many: int
    ) -> None:
        memory = opened()
        ids = told(memory)
        for step in steps:
            used = [ids[step % 4], ids[(step * 3 + 1) % 4]]
            memory.reinforce(memory.search(f"question {step % 2}"), used=used)
        before = state(memory)

        id_ = ids[1]
        for n in range(many):
            id_ = memory.correct(id_, f"Maya is allergic to nut number {n}.").id
        memory.revert(ids[1])

        assert before == state(memory)


class TestRemoving:
    def test_both_can_be_deleted(self) -> None:
        memory = opened()
        ids = taught(memory)
        new = memory.correct(ids[1], NEW)

        assert {ids[1], new.id} <= set(memory.delete(ids[1], new.id))

        assert not {OLD, NEW} & set(found(memory))
        assert () == memory.check()

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_an_old_value_does_not_come_back_when_its_correction_is_deleted(
        self, dry_run: bool
    ) -> None:
        memory = opened()
        ids = taught(memory)
        first = memory.correct(ids[1], NEW)
        second = memory.correct(first.id, "Maya is allergic to hazelnuts.")

        going = memory.delete(second.id, dry_run=dry_run)

        assert {ids[1], first.id, second.id} <= set(going)
        assert dry_run == bool(
            [each for each in memory.list(superseded=True) if "allergic" in each.text]
        )
        assert () == memory.check()

    def test_a_version_in_the_middle_goes_alone(self) -> None:
        memory = opened()
        ids = taught(memory)
        first = memory.correct(ids[1], NEW)
        second = memory.correct(first.id, "Maya is allergic to hazelnuts.")

        memory.delete(first.id)

        assert second.id == memory.get(ids[1]).superseded_by
        assert OLD == memory.revert(ids[1]).text

    def test_a_turn_and_the_one_it_has_superseded_go_together(self) -> None:
        memory = opened()
        ids = taught(memory)
        (newer,) = memory.add("Maya eats everything now.", speaker="Ben", supersedes=ids[1]).ids

        assert {ids[1], newer} <= set(memory.delete(newer))

    @pytest.mark.parametrize("quoted", [True, False])
    @pytest.mark.parametrize("by", ["fact", "turn"])
    def test_a_fact_takes_along_what_it_has_replaced_however_it_goes(
        self, by: str, *, quoted: bool
    ) -> None:
        memory = opened()
        munich, berlin = told(memory)[:2]
        old = _distilled(memory, "Ana lives in Munich.", munich, quoted=quoted)
        new = _distilled(memory, "Ana lives in Berlin.", berlin, replaces=old, quoted=quoted)

        assert {old, new} <= set(memory.delete(new if by == "fact" else berlin))
        assert () == memory.facts(superseded=True)
        assert munich == memory.get(munich).id

    def test_a_fact_stays_with_its_past_if_it_rests_on_another_turn_too(self) -> None:
        memory = opened()
        munich, berlin, wine = told(memory)[:3]
        old = _distilled(memory, "Ana lives in Munich.", munich)
        new = samples.add_fact(memory._store, "Ana lives in Berlin.", berlin, wine)
        memory._store.supersede(old, new, at=START.timestamp())

        assert (berlin,) == memory.delete(berlin)
        assert [new] == [fact.id for fact in memory.facts()]

    @pytest.mark.parametrize("quoted", [True, False])
    def test_an_update_takes_the_facts_of_the_old_text_and_brings_no_outdated_one_back(
        self, *, quoted: bool
    ) -> None:
        memory = opened()
        munich, berlin, wine = told(memory)[:3]
        old = _distilled(memory, "Ana lives in Munich.", munich, quoted=quoted)
        _distilled(memory, "Ana lives in Berlin.", berlin, replaces=old, quoted=quoted)
        both = samples.add_fact(memory._store, "Ana cooks.", berlin, wine)

        memory.update(berlin, OLD)  # as it is
        assert 3 == len(memory.facts(superseded=True))
        memory.update(berlin, "Maya lives in Bern.")
        assert [both] == [fact.id for fact in memory.facts(superseded=True)]

    def test_what_is_deleted_by_a_condition_or_a_name_is_superseded_too(self) -> None:
        ways: list[Callable[[Memory], object]] = [
            lambda memory: memory.delete(filters={"session": "kitchen"}, dry_run=False),
            lambda memory: memory.erase("Ana", dry_run=False),
        ]
        for removed in ways:
            memory = opened()
            ids = taught(memory)
            memory.correct(ids[1], NEW)

            removed(memory)

            assert 0 == len(memory.list(superseded=True))
            assert () == memory.cues()
            assert () == memory.check()

    def test_an_old_value_does_not_come_back_when_its_correction_is_forgotten(self) -> None:
        clock = Clock()
        memory = opened(clock)
        ids = told(memory)
        new = memory.correct(memory.correct(ids[1], NEW).id, "Maya is allergic to hazelnuts.")
        memory.reinforce(memory.search("Who brings the wine?"), used=[ids[2]])
        clock.now += 9_999 * DAY_S

        plan = memory.forget(dry_run=False, max_share=1.0)

        assert {new.id, ids[1], new.id - 1} <= set(plan.ids)
        assert not [each for each in memory.list(superseded=True) if "allergic" in each.text]

    def test_no_word_of_it_stays_in_the_file(self, tmp_path: Any) -> None:
        path = tmp_path / "memory.db"
        with Memory(path, embedder=HashingEmbedder(8), clock=Clock()) as memory:
            ids = taught(memory)
            new = memory.correct(ids[1], NEW)
            memory.delete(ids[1], new.id)

        raw = b"".join(each.read_bytes() for each in tmp_path.iterdir())
        assert b"peanuts" not in raw
        assert b"walnuts" not in raw


class TestMoving:
    def test_an_export_has_all_of_it(self) -> None:
        memory, other = opened(), opened()
        ids = taught(memory)
        llm = ScriptedLLM([fact("Maya cannot eat peanuts.", ids[1])])
        assert memory.consolidate(llm=llm).facts_added
        before = state(memory)
        new = memory.correct(ids[1], NEW)
        memory.correct(new.id, "Maya is allergic to hazelnuts.")

        for _ in range(2):
            other.import_(json.dumps(line) for line in memory.export())

        def words(each: Memory) -> list[tuple[str, str]]:
            said = {one.id: one.text for one in each.list(superseded=True)}
            return [
                (one.text, said.get(one.superseded_by or 0, ""))
                for one in each.list(superseded=True)
            ]

        assert sorted(words(memory)) == sorted(words(other))
        assert [*other.search("What is Maya allergic to?").ids]
        kept = {each.text: each.id for each in other.list(superseded=True) if each.superseded_by}
        other.revert(kept[OLD])
        assert OLD in found(other)
        after = state(other)
        weights = [sorted(edge[3] for edge in each["edges"]) for each in (before, after)]
        assert weights[0] == weights[1]

    def test_a_reindexed_memory_keeps_it(self) -> None:
        memory = opened()
        ids = taught(memory)
        before = found(memory)
        memory.correct(ids[1], NEW)

        memory.reindex()

        assert OLD not in found(memory)
        memory.revert(ids[1])
        assert before == found(memory)
        assert () == memory.check()
