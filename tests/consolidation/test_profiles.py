from __future__ import annotations

from datetime import timedelta

from helamem.consolidation.profiles import profiles
from helamem.language.english import ENGLISH
from samples import MAY_8, fact


def test_traits_lead_and_every_line_names_its_sources() -> None:
    (ana,) = profiles(
        [
            fact(1, "Ana moved to Berlin.", confidence=0.9, sources=(11, 12)),
            fact(2, "Ana is vegetarian.", kind="trait", confidence=0.5, sources=(13,)),
        ],
        ENGLISH,
    )

    assert ("Ana", [2, 1]) == (ana.name, [line.fact for line in ana.lines])
    assert [(13,), (11, 12)] == [line.sources for line in ana.lines]
    assert "Ana:\n- Ana is vegetarian. [2]\n- Ana moved to Berlin. [1]" == str(ana)


def test_the_surest_then_the_most_used_then_the_newest_come_first() -> None:
    (ana,) = profiles(
        [
            fact(1, confidence=0.5),
            fact(2, confidence=0.5, at=MAY_8 + timedelta(days=1)),
            fact(3, confidence=0.5, uses=2),
            fact(4, confidence=0.9),
        ],
        ENGLISH,
    )

    assert [4, 3, 2, 1] == [line.fact for line in ana.lines]


def test_the_person_of_whom_most_is_known_comes_first_and_the_assistant_last() -> None:
    found = profiles(
        [
            fact(1, speaker="assistant", kind="agent"),
            fact(2, speaker="assistant", kind="agent"),
            fact(3, speaker="Ben"),
            fact(4, speaker="Ana"),
            fact(5, speaker="Ana"),
        ],
        ENGLISH,
    )

    assert [("Ana", False), ("Ben", False), ("", True)] == [(p.name, p.agent) for p in found]
    assert str(found[2]).startswith("The assistant:")


def test_size_is_capped_and_what_is_left_out_is_counted() -> None:
    facts = [fact(i, "x" * 100, confidence=i / 100) for i in range(1, 21)]

    (ana,) = profiles(facts, ENGLISH, max_chars=1000)

    assert (10, 10) == (len(ana.lines), ana.left_out)
    assert 20 == ana.lines[0].fact


def test_what_was_replaced_is_not_in_it() -> None:
    (ana,) = profiles([fact(1, superseded_by=2), fact(2)], ENGLISH)

    assert [2] == [line.fact for line in ana.lines]


def test_one_name_may_be_asked_for() -> None:
    facts = [fact(1, speaker="Ana"), fact(2, speaker="Ben")]

    assert ["Ana"] == [each.name for each in profiles(facts, ENGLISH, name="ana")]
    assert () == profiles(facts, ENGLISH, name="Zoe")


def test_without_facts_there_are_no_profiles() -> None:
    assert () == profiles([], ENGLISH)


def test_a_person_who_is_only_spoken_about_has_a_profile() -> None:
    facts = [
        fact(1, "Ana: Lea is my oldest friend.", speaker="Ana"),
        fact(2, "Ana: I sold the old bike.", speaker="Ana"),
        fact(3, "Ben: I met Lea's brother.", speaker="Ben"),
    ]

    (lea,) = profiles(facts, ENGLISH, name="Lea")

    assert ("Lea", {1, 3}) == (lea.name, {line.fact for line in lea.lines})
