import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.language import language_named
from helamem.language.aliases import alias_finder, called_in
from helamem.language.english import ENGLISH


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Melanie", "I met Mel at the lake.", {"Mel"}),
        ("Mel", "I met Melanie at the lake.", {"Melanie"}),
        ("Benjamin", "So Benny and Ben came.", {"Ben", "Benny"}),
        ("Andrew", "I saw Andy, and Drew too.", {"Andy", "Drew"}),
        ("Robert", "Did Bob call?", {"Bob"}),
        ("Bob", "Did Robert call?", {"Robert"}),
        ("Katherine", "Then Katie left.", {"Katie"}),
        ("Clara Meyer", "With Clara it is fun. So says Frau Meyer.", {"Clara", "Meyer"}),
        ("Clara", "With Clara it is fun.", set()),  # it is the name itself
        ("Carlos", "My car is red.", set()),  # no name is written so
        ("Melanie", "We ate melon, and saw the Melk.", set()),
        ("Ana", "So Anabel and An came.", {"Anabel"}),
        ("Al", "Did Alma call?", set()),  # two letters begin too much
        ("\u674e\u660e", "\u6211\u5728\u5317\u4eac.", set()),
    ],
)
def test_words_that_may_be_another_name(name: str, text: str, expected: set[str]) -> None:
    assert expected == alias_finder(name, ENGLISH)(text, "")


def test_speakers_may_have_another_name_too() -> None:
    assert {"mel"} == alias_finder("Melanie", ENGLISH)("I moved.", "mel")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Everybody calls me Sunny.", {"Sunny"}),
        ("She goes by \u201cSunny\u201d.", {"Sunny"}),
        ("They call her later.", set()),
        ("Also known as Sunny, nicknamed Ray.", {"Sunny", "Ray"}),
    ],
)
def test_what_somebody_is_called(text: str, expected: set[str]) -> None:
    assert expected == called_in(text, ENGLISH)


def test_what_somebody_is_called_is_another_name() -> None:
    assert {"Sunny"} == alias_finder("Clara", ENGLISH, called={"Sunny"})("I like Sunny.", "Ben")


def test_another_language_knows_no_pet_names() -> None:
    assert set() == alias_finder("Robert", language_named("neutral"))("So Bob came.", "")


@given(st.text(), st.text(), st.text())
def test_it_raises_on_no_text(name: str, text: str, speaker: str) -> None:
    alias_finder(name, ENGLISH)(text, speaker)
