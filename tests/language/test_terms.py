import sys
import threading
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import is_proportional
from helamem.indexing import traits
from helamem.language import english
from helamem.language.characters import clean, composed
from helamem.language.english import ENGLISH
from helamem.language.names import names_something
from helamem.language.sentences import is_question, sentences
from helamem.language.terms import MAX_TERM, index_terms, terms_of, token_matches, tokens_of
from helamem.protocols import WISHES

LETTERS = str.maketrans("0123456789", "abcdefghij")


READING = (terms_of, index_terms, sentences, is_question, names_something, traits)
PROPORTIONAL: tuple[Callable[[str], object], ...] = (
    *(partial(read, language=ENGLISH) for read in READING), clean, composed
)  # fmt: skip
any_text = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", []),
        ("and the of it", []),
        ("Running, runs and RUN!", ["run", "run", "run"]),
        ("gate B12, error 42P07", ["gate", "b12", "error", "42p07"]),
        ("at 9:40 or 9.40", ["9:40", "9.40"]),
        ("pi is 3.14, rent is $1,250,000.", ["pi", "3.14", "rent", "1250000"]),
        ("user_sessions", ["user", "session"]),
        ("1,2 or 10,2000", ["1", "2", "10", "2000"]),
        ("version b12.5", ["version", "b12", "5"]),
    ],
)
def test_words_and_numbers(given: str, expected: list[str]) -> None:
    assert expected == terms_of(given, ENGLISH)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Always answer in French.", True),
        ("Here is my letter.\nPlease never use jargon in it.", True),
        ("From now on, call me Mel.", True),
        ("I'd rather take the train, can you look one up?", True),
        ("I really prefer trains.", True),
        ("It is as I always say.", False),
        ("She prefers trains.", False),
        ("How can I always win?", False),
    ],
)
def test_what_is_wanted_from_then_on_is_a_trait(given: str, expected: bool) -> None:
    assert expected is bool(traits(given, ENGLISH) & WISHES)


@pytest.mark.parametrize("apostrophe", ["'", "\u2019", "\u02bc", "\uff07"])
def test_apostrophes_hold_no_terms_of_their_own(apostrophe: str) -> None:
    said = "Maya's brother won't say I'm what they'll've O'Brien".replace("'", apostrophe)

    assert ["maya", "brother", "say", "o", "brien"] == terms_of(said, ENGLISH)


def test_a_contraction_is_not_a_verb_in_the_past() -> None:
    assert [] == terms_of("I won't", ENGLISH)
    assert ["won"] == terms_of("I won", ENGLISH)


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("cafe", "CAF\u00c9"),
        ("cafe\u0301", "caf\u00e9"),
        ("strasse", "Stra\u00dfe"),
        ("\uff34\uff4f\uff4b\uff59\uff4f", "Tokyo"),
        ("soft\u00adware", "software"),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd"),
        (
            "\u0645\u0631\u062d\u0628\u0627",
            "\u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627",
        ),
        ("\u200fabc\u200e", "abc"),
        ("\U0001f44d", "\U0001f44d\U0001f3fd"),
        ("1000", "1,000"),
    ],
)
def test_what_people_leave_out_when_they_search_makes_no_difference(
    asked: str, stored: str
) -> None:
    assert terms_of(stored, ENGLISH) == terms_of(asked, ENGLISH) != []


def test_indic_vowel_signs_do_not_split_words() -> None:
    assert ["\u0939\u093f\u0928\u094d\u0926\u0940", "\u092d\u093e\u0937\u093e"] == terms_of(
        "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e\u0964", ENGLISH
    )


def test_a_function_character_of_chinese_counts_only_with_its_neighbour() -> None:
    assert ["\u5f90\u521a", "\u521a\u5728", "\u5f90", "\u521a"] == terms_of(
        "\u5f90\u521a\u5728", ENGLISH
    )
    assert [] == terms_of("\u5728", ENGLISH)


def test_scripts_without_spaces_give_pairs_and_single_han_characters() -> None:
    japanese = "\u6771\u4eac\u306b\u884c\u3063\u305f"  # "went to Tokyo"

    assert "\u6771\u4eac" in terms_of(japanese, ENGLISH)
    assert "\u884c" in terms_of(japanese, ENGLISH)
    assert "\u306b" not in terms_of(japanese, ENGLISH)
    assert ["\u732b"] == terms_of("\u732b", ENGLISH)
    assert set(terms_of("\u6771\u4eac", ENGLISH)) <= set(terms_of(japanese, ENGLISH))


def test_latin_words_inside_japanese_are_words() -> None:
    assert "tower" in terms_of("\u6771\u4eacTower\u3078", ENGLISH)


def test_an_emoji_is_a_term() -> None:
    assert ["\U0001f355", "night"] == terms_of("\U0001f355 night", ENGLISH)


def test_a_run_without_spaces_is_cut() -> None:
    assert [MAX_TERM] == [len(term) for term in terms_of("z" * 100_000, ENGLISH)]


@given(any_text)
def test_any_text_has_terms_of_bounded_length_and_no_space(given: str) -> None:
    for term in terms_of(given, ENGLISH):
        assert 0 < len(term) <= 3 * MAX_TERM  # casefolding may lengthen
        assert not any(character.isspace() for character in term)


@given(any_text)
def test_terms_are_the_same_in_capitals(given: str) -> None:
    ascii_only = given.encode("ascii", "ignore").decode()

    assert terms_of(ascii_only.lower(), ENGLISH) == terms_of(ascii_only.upper(), ENGLISH)


@given(any_text, any_text)
def test_terms_of_two_lines_are_the_terms_of_each(first: str, second: str) -> None:
    assert terms_of(first, ENGLISH) + terms_of(second, ENGLISH) == terms_of(
        f"{first}\n{second}", ENGLISH
    )


@given(any_text)
def test_index_terms_count_the_terms(given: str) -> None:
    indexed = index_terms(given, ENGLISH)

    assert {term: terms_of(given, ENGLISH).count(term) for term in terms_of(given, ENGLISH)} == {
        each.term: each.count for each in indexed
    }
    assert list(range(len(indexed))) == [each.rank for each in indexed]


def test_telling_terms_come_first() -> None:
    ranked = index_terms(
        "Then we met Lou at gate B12. Wonderful photography lessons, really", ENGLISH
    )

    assert ["b12", "lou", "photographi", "wonder", "lesson", "realli", "gate", "met"] == [
        each.term for each in ranked
    ]


def test_a_capital_counts_wherever_the_word_is_inside_a_sentence() -> None:
    ranked = index_terms("Lou came early. Everybody likes Lou", ENGLISH)

    assert ("lou", 2, 0) == (ranked[0].term, ranked[0].count, ranked[0].rank)


def test_words_all_in_capitals_tell_at_the_start_of_a_sentence_too() -> None:
    assert "nasa" == index_terms("NASA interviewed somebody", ENGLISH)[0].term


def test_stemming_is_the_same_from_many_threads() -> None:
    stems = [f"{start}{i}" for i in range(10, 30) for start in ("walk", "hop", "smil", "cri")]
    words = [stem.translate(LETTERS) + end for stem in stems for end in ("ing", "edly", "es")]
    alone = [terms_of(word, ENGLISH) for word in words]
    english.stem.cache_clear()
    results: list[list[list[str]]] = []
    threads = [
        threading.Thread(target=lambda: results.append([terms_of(word, ENGLISH) for word in words]))
        for _ in range(8)
    ]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    assert [alone] * 8 == results


@pytest.mark.parametrize(
    "piece",
    ["a", "ab ", "n't", "'", ".", "\u732b", " ", "1,234", "?", "1:", "\n", "?)", "\u0301\u0323", "\u094d\u093c", "a'", "\U0001f355", "Oh Ana! ", "["],
)  # fmt: skip
def test_a_huge_text_takes_time_in_proportion(piece: str) -> None:
    slow = [str(each) for each in PROPORTIONAL if not is_proportional(each, piece)]

    assert [] == slow


@given(st.text(st.sampled_from("aZ09_ .,:'!vkmLB\n\x1c-"), max_size=30))
def test_tokens_of_plain_ascii_are_those_of_any_text(text: str) -> None:
    beside = f"{text} é"  # an accent asks for the pattern of all scripts

    assert tokens_of(beside) == [*tokens_of(text), "é"]
    assert tokens_of(text) == [each[0] for each in token_matches(text)]
