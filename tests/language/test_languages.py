from datetime import UTC, date, datetime

import pytest

from helamem import Config, ConfigError, Memory
from helamem.config import LANGUAGES
from helamem.indexing import traits
from helamem.language import language_named
from helamem.language.dates import names_time, periods_named
from helamem.language.language import NEUTRAL
from helamem.language.names import mentions, names_something
from helamem.language.sentences import is_question, sentences
from helamem.language.terms import index_terms, terms_of
from helamem.language.times import Period
from helamem.protocols import ASKS
from helamem.search.questions import without_framing

GERMAN = "Der Zug nach K\u00f6ln f\u00e4hrt um 9:40 ab."
RUSSIAN = "\u041f\u043e\u0435\u0437\u0434 \u0432 \u041a\u0451\u043b\u044c\u043d"


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_setting_names_a_language(name: str) -> None:
    assert name == language_named(name).name


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"language = 'klingon', but it must be one of"):
        Config.of(language="klingon")


class TestNeutral:
    def test_no_word_is_left_out_and_none_is_stemmed(self) -> None:
        assert ["the", "running", "of", "it"] == terms_of("The running of it", NEUTRAL)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (GERMAN, ["der", "zug", "nach", "koln", "fahrt", "um", "9:40", "ab"]),
            (RUSSIAN, ["\u043f\u043e\u0435\u0437\u0434", "\u0432", "\u043a\u0435\u043b\u044c\u043d"]),
            ("\u6771\u4eac", ["\u6771\u4eac", "\u6771", "\u4eac"]),
            ("l'homme n'est pas", ["l", "homme", "n", "est", "pas"]),
        ],
    )  # fmt: skip
    def test_words_of_any_script_are_terms(self, text: str, expected: list[str]) -> None:
        assert expected == terms_of(text, NEUTRAL)

    def test_capitals_tell_nothing(self) -> None:
        assert not names_something("Wir sahen den Zug in Leeds", NEUTRAL)
        assert "fahrplan" == index_terms("und der Zug im fahrplan", NEUTRAL)[0].term

    def test_questions_are_told_by_their_mark_alone(self) -> None:
        assert is_question("W\u0105tpisz?", NEUTRAL)
        assert not is_question("do you like it", NEUTRAL)
        assert ["Dr.", "Lee kam."] == sentences("Dr. Lee kam.", NEUTRAL)

    def test_numbers_are_dates_and_month_names_are_not(self) -> None:
        today, day = date(2024, 3, 1), date(2023, 5, 7)
        assert [Period(day, day)] == periods_named("am 2023-05-07", today, NEUTRAL)
        assert [] == periods_named("5 May, and yesterday", today, NEUTRAL)
        assert names_time("im Jahr 2023", NEUTRAL)
        assert not names_time("yesterday", NEUTRAL)

    def test_a_name_is_one_whatever_it_means_in_english(self) -> None:
        assert [(5, 9, 0)] == mentions("Wann will Will kommen?", ["Will"], NEUTRAL)[:1]

    def test_a_question_keeps_all_its_words(self) -> None:
        said = "Could you tell me when Ana left?"

        assert said == without_framing(said, NEUTRAL)

    def test_traits_are_those_that_need_no_words(self) -> None:
        assert 0 == traits("Always be in Leeds, in 2023.", NEUTRAL)
        assert ASKS == traits("\u672c\u5f53\u304b\uff1f", NEUTRAL)


def test_a_memory_of_another_language_finds_its_words() -> None:
    memory = Memory(":memory:", config=Config.of(language="neutral", embedder="hashing"))
    at = datetime(2024, 3, 20, tzinfo=UTC)
    memory.add([RUSSIAN, "\u0427\u0430\u0439 \u0438 \u0445\u043b\u0435\u0431"], at=at)
    memory.add("The end of it", at=at)

    assert RUSSIAN == memory.search("\u043a\u0435\u043b\u044c\u043d?").hits[0].text
    assert "The end of it" == memory.search("of it").hits[0].text
