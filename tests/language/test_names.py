from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.language import names
from helamem.language.english import ENGLISH
from helamem.language.names import mentions, misspelt, names_something

any_text = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("query", "speaker", "expected"),
    [
        ("What does Maya like?", "Maya", True),
        ("what does MAYA's dog like?", "maya", True),
        ("What does Maya\u2019s dog like?", "Maya Lopez", True),
        ("What did Lopez say?", "Maya Lopez", True),
        ("What does Mayan art look like?", "Maya", False),
        ("What does an artist like?", "An", False),
        ("What did An like?", "An", True),
        ("Will she come?", "Will", False),
        ("Did Will's sister come?", "Will", True),
        ("What happened to april?", "April", False),
        ("What happened to April?", "April", True),
        ("Is J here?", "J", False),
        ("", "Maya", False),
        ("Maya", "", False),
        ("Jose?", "Jos\u00e9", True),
        ("And jos\u00e9's dog?", "Jose", True),
        ("Why did get_user_by_id fail?", "user", False),
        ("Where is the key of _user?", "user", False),
        ("What did max_b suggest?", "max_b", True),
        ("Where is Benin?", "Ben", False),
        ("\u592a\u90ce\u306f\u4f55\u3092\u3057\u305f?", "\u592a\u90ce", True),
        ("\u6b21\u90ce\u306f\u4f55\u3092\u3057\u305f?", "\u592a\u90ce", False),
    ],
)
def test_a_speaker_is_named_by_a_word_of_the_name(query: str, speaker: str, expected: bool) -> None:
    assert expected == bool(mentions(query, [speaker], ENGLISH))


def test_where_speakers_are_named_is_told_in_order() -> None:
    query = "Did Zoe\u2019s aunt tell Ben Ode, or Ana?"

    named = mentions(query, ["Ana", "Ben Ode", "Zo\u00eb"], ENGLISH)

    assert [("Zoe\u2019s", 2), ("Ben", 1), ("Ode", 1), ("Ana", 0)] == [
        (query[start:end], who) for start, end, who in named
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("What did Grad E say?", {"Grad E"}),
        ("What did Grad F's friend say?", {"Grad F"}),
        ("What did the Grad say?", {"Grad E", "Grad F"}),
        ("Why is E said?", set()),
        ("What did Ben Ode and Ana Lee say?", {"Ben Ode", "Ana Lee"}),
        ("What did Ana, Ben Ode say?", {"Ben Ode", "Ana Lee"}),
        ("What did Ben say?", {"Ben Ode", "Ben Lee"}),
        ("Who is SPEAKER_01?", {"SPEAKER_01"}),
    ],
)
def test_words_beside_each_other_name_one_speaker(query: str, expected: set[str]) -> None:
    speakers = ["Grad E", "Grad F", "Ana Lee", "Ben Ode", "Ben Lee", "SPEAKER_00", "SPEAKER_01"]

    assert expected == {speakers[i] for *_, i in mentions(query, speakers, ENGLISH)}


def test_a_name_in_a_script_without_spaces_is_found_inside_a_run() -> None:
    assert [(3, 5, 0)] == mentions(
        "\u6628\u65e5\u306f\u592a\u90ce\u304c", ["\u592a\u90ce"], ENGLISH
    )


def test_a_run_that_folds_to_another_length_keeps_its_places() -> None:
    # the Thai vowel sign am folds to two characters, two of half width to one
    assert [(0, 1, 0)] == mentions("\u0e33", ["\u0e33"], ENGLISH)
    assert [(0, 4, 0)] == mentions("\uff76\uff9e\uff76\uff9e", ["\u30ac\u30ac"], ENGLISH)


NAMES = ["Ana", "Ben Ode", "Strau\u00df", "R\u00e9my", "\u592a\u90ce", "\ufb01nn", "May"]


@given(any_text, st.sampled_from(NAMES), any_text, st.lists(st.text(max_size=8), max_size=2))
def test_speakers_are_named_inside_the_query(
    before: str, name: str, after: str, others: list[str]
) -> None:
    query, speakers = f"{before} x {name} {after}", [name, *others]

    named = mentions(query, speakers, ENGLISH)

    assert 0 in [who for *_, who in named]
    for start, end, who in named:
        assert 0 <= start < end <= len(query)
        assert 0 <= who < len(speakers)


@pytest.mark.parametrize("name", ["Strau\u00df", "\ufb01nn", "R\u00e9my"])
def test_a_name_that_folds_to_another_length_is_found_where_it_stands(name: str) -> None:
    query = f"Did {name}'s aunt call?"

    assert [f"{name}'s"] == [query[start:end] for start, end, _ in mentions(query, [name], ENGLISH)]


@pytest.mark.parametrize("name", ["Bill", "Rose", "Mark", "Hope", "assistant", "user"])
def test_a_name_that_is_a_word_here_names_nobody(name: str) -> None:
    word = name.lower()

    assert [] == mentions(f"How high was the {word} for the roof?", [name], ENGLISH)
    assert [] == mentions(f"Which {word} did we take?", [name], ENGLISH)
    assert [] == mentions(f"Did Ana find some {word} in Leeds?", [name, "Ben"], ENGLISH)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("What did Bill say?", ["Bill"]),
        ("what did bill say?", ["Bill"]),
        ("Where is Bill's car?", ["Bill"]),
        ("Did the Bill that Ana knows come?", ["Bill", "Ana"]),
        ("Did ana's brother meet Ben?", ["Ana"]),
    ],
)
def test_a_name_that_is_used_as_one_is_one(query: str, expected: list[str]) -> None:
    speakers = ["Ana", "Bill"]

    assert expected == [speakers[who] for *_, who in mentions(query, speakers, ENGLISH)]


def test_a_short_form_means_the_only_speaker_whose_name_begins_so() -> None:
    assert [(8, 11, 0)] == mentions(
        "Where is Mel?".replace("Where", "When"), ["Melanie", "Ben"], ENGLISH
    )
    assert [] == mentions("What does Mel like?", ["Melanie", "Melissa"], ENGLISH)
    assert [] == mentions("What does Me like?", ["Melanie"], ENGLISH)
    assert [] == mentions("does she like mel?", ["Melanie"], ENGLISH)


@pytest.mark.parametrize("said", ["Carolin", "Carolyne", "Carolnie", "Carolime", "Carolinne"])
def test_a_misspelt_name_is_nearly_that_of_one_speaker(said: str) -> None:
    assert [(said, 0)] == misspelt(f"What does {said} like?", ["Caroline", "Melanie"], ENGLISH)


@pytest.mark.parametrize(
    ("query", "speakers"),
    [
        ("What does Caroline like?", ["Caroline"]),  # spelt as it is
        ("does he like carolin?", ["Caroline"]),  # no name
        ("What does Anna like?", ["Ana"]),  # too short to tell
        ("What does Marie like?", ["Maria", "Mario"]),  # two could be meant
        ("What does Konstantin like?", ["Caroline"]),
    ],
)
def test_what_is_no_misspelling_is_left_alone(query: str, speakers: list[str]) -> None:
    assert [] == misspelt(query, speakers, ENGLISH)


def test_a_look_up_does_not_walk_all_speakers(monkeypatch: pytest.MonkeyPatch) -> None:
    speakers = [f"Speaker{chr(97 + i // 26)}{chr(97 + i % 26)}x" for i in range(600)]
    mentions("Who came?", speakers, ENGLISH)  # what is known of them is kept
    folded: list[str] = []

    def remembered(said: str) -> str:
        folded.append(said)
        return said

    monkeypatch.setattr(names, "folded", lambda said, _: remembered(said))

    assert [7] == [who for *_, who in mentions(f"What did {speakers[7]} say?", speakers, ENGLISH)]
    assert len(folded) <= 4


@pytest.mark.parametrize(
    "said",
    [
        "We saw Carmen last night.",
        "My cousin moved to Leeds.",
        "I finished reading The Hobbit",
        "On our way, Ana and I met Ben.",
        "Then I told Ben: come!",
        "on Friday",
        "In Leeds.",
        "I went there with Ana",
    ],
)
def test_a_name_inside_a_sentence_names_something(said: str) -> None:
    assert names_something(said, ENGLISH)


@pytest.mark.parametrize(
    "said",
    [
        "Thanks, Ana! I'm glad that I came.",
        "Oh hey Ana, it rains.",
        "It rains, Ana.",
        "Wow, Ana, it rains again",
        "Ana's dog sleeps. Dogs do. I know!",
        "I AM glad that it IS over",
        "It rains \U0001f327 Glad that it does",
        "everything in small letters",
        "Wow",
        "",
    ],
)
def test_addressing_somebody_and_opening_a_sentence_names_nothing(said: str) -> None:
    assert not names_something(said, ENGLISH)


@given(any_text)
def test_without_capitals_nothing_is_named(said: str) -> None:
    assert not names_something(unicodedata.normalize("NFKD", said).lower(), ENGLISH)


@given(any_text)
def test_what_is_named_stays_named_when_more_is_said(said: str) -> None:
    assert names_something(f"{said}\nWe saw Carmen there.", ENGLISH)
