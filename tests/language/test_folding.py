"""What people write in one of several ways is one term, whatever way a text has it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.language.characters import composed, plain
from helamem.language.english import ENGLISH
from helamem.language.language import NEUTRAL
from helamem.language.names import mentions
from helamem.language.terms import terms_of

any_text = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u0141ukasz", "Lukasz"),
        ("S\u00f8ren", "Soren"),
        ("\u0110\u1eb7ng", "Dang"),
        ("\u0127obla", "hobla"),
        ("\u0166ebu", "Tebu"),
        ("\u0181\u0257", "bd"),
        ("\u0153uvre", "oeuvre"),
        ("\u00c6sir", "AESIR"),
        ("\u00de\u00f3r", "Thor"),
        ("Gu\u00f0r\u00fan", "gudrun"),
        ("\u0131sparta", "ISPARTA"),
        ("\u0130zmir", "izmir"),
        ("Stra\u00dfe", "STRASSE"),
        ("\u1e9e", "ss"),
        ("\u0645\u062d\u0645\u0640\u0640\u062f", "\u0645\u062d\u0645\u062f"),
        ("\u06a9\u062a\u0627\u0628", "\u0643\u062a\u0627\u0628"),
        ("\u0639\u0644\u06cc", "\u0639\u0644\u064a"),
        ("\u0645\u0648\u0633\u0649", "\u0645\u0648\u0633\u064a"),
        ("\u0623\u062d\u0645\u062f", "\u0627\u062d\u0645\u062f"),
        ("\u0661\u0662", "12"),
        ("\u06f1\u06f2", "\u0967\u0968"),
        ("\u0491\u0440\u0443\u043d\u0442", "\u0433\u0440\u0443\u043d\u0442"),
        ("v1.2.3", "1.2.3"),
        ("V2.0", "2.0"),
        ("10km", "10 km"),
        ("16GB", "16 gb"),
        ("9am", "9 am"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),
        ("\ufb01ne", "fine"),
    ],
)
def test_both_ways_of_writing_meet(one: str, other: str) -> None:
    assert terms_of(one, ENGLISH) == terms_of(other, ENGLISH) != []
    assert terms_of(one, NEUTRAL) == terms_of(other, NEUTRAL) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [("b12", "b 12"), ("5g", "5 gram"), ("42p07", "42"), ("3rd", "3"), ("devl.2", "2"), ("10kmx", "10")],
)  # fmt: skip
def test_names_with_digits_stay_whole(one: str, other: str) -> None:
    assert terms_of(one, ENGLISH) != terms_of(other, ENGLISH)


@pytest.mark.parametrize(
    ("query", "speaker", "span"),
    [
        ("What does Lukasz say?", "\u0141ukasz", (10, 16)),
        ("What does \u0141ukasz say?", "Lukasz", (10, 16)),
        ("And Thor's boat?", "\u00de\u00f3r", (4, 10)),
        ("\u06a9\u0631\u06cc\u0645?", "\u0643\u0631\u064a\u0645", (0, 4)),
    ],
)
def test_a_speaker_is_named_in_either_way(query: str, speaker: str, span: tuple[int, int]) -> None:
    assert [(*span, 0)] == mentions(query, [speaker], ENGLISH)


@given(any_text)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(any_text)
def test_composed_text_is_in_nfc(text: str) -> None:
    assert unicodedata.normalize("NFC", text) == composed(text)


@given(any_text)
def test_both_normal_forms_have_the_same_terms(text: str) -> None:
    decomposed, whole = (unicodedata.normalize(form, text) for form in ("NFD", "NFC"))

    assert terms_of(whole, ENGLISH) == terms_of(decomposed, ENGLISH)
