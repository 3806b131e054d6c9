from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helamem.consolidation.grounding import (
    bearing,
    certainty,
    counts_otherwise,
    flaw,
    is_undated,
    lends_kin,
    merely_reports,
    stranger,
    tells,
    tells_as_done,
    unsupported,
    with_dates_of_sources,
    without_report,
)
from helamem.language.english import ENGLISH
from samples import episode

if TYPE_CHECKING:
    from helamem.records import Episode

ADOPTING = episode(1, "I'm researching adoption agencies. It's been a dream of mine.", "Caroline")
PRAISE = episode(
    2, "You're doing something amazing, Caroline! You'll be an awesome mom!", "Melanie"
)
CHANCE = episode(3, "My boss offered me the job in Oslo.", "Melanie")
NEWS = episode(4, "Melanie got the job in Oslo, did you hear?", "Caroline")
CLUSTER = [ADOPTING, PRAISE, CHANCE, NEWS]


class TestFlaw:
    @pytest.mark.parametrize(
        ("claim", "reason"),
        [
            ("Is Ana a nurse?", "is a question"),
            ("Caroline is an awesome mom!", "is an exclamation"),
            ("Ana is the best!", "is an exclamation"),
            ("I moved to Leeds.", "speaks in the first or second person"),
            ("Ana said that my car is blue.", "speaks in the first or second person"),
            ("Your car is blue.", "speaks in the first or second person"),
            ("She is a nurse.", "leaves open whom or what it is about"),
            ("That was in Leeds.", "leaves open whom or what it is about"),
            ("...", "says nothing"),
        ],
    )
    def test_what_is_no_fact_is_told(self, claim: str, reason: str) -> None:
        assert reason == flaw(claim, ENGLISH)

    @pytest.mark.parametrize(
        "claim",
        [
            "Ana is a nurse.",
            "Ana and her brother live in Leeds.",
            'Ana calls her car "my little devil".',
            "Ana's grandfather fought in World War I.",
            "Ana works for Yahoo! in Leeds.",
        ],
    )
    def test_a_statement_about_somebody_may_be_one(self, claim: str) -> None:
        assert not flaw(claim, ENGLISH)


OTHER = "claims about one person what another said of themselves"
ONLY_AN_ASSISTANT = "claims about a person what only an assistant said"


class TestUnsupported:
    @pytest.mark.parametrize(
        ("claim", "source"),
        [
            ("Melanie is researching adoption agencies.", ADOPTING),
            ("Melanie will be an awesome mom.", PRAISE),
            ("Caroline was offered a job in Oslo by her boss.", CHANCE),
        ],
    )
    def test_what_another_one_said_of_themselves_is_noticed(
        self, claim: str, source: object
    ) -> None:
        assert OTHER == unsupported(claim, [source], CLUSTER, ENGLISH)  # type: ignore[list-item]

    @pytest.mark.parametrize(
        ("claim", "source"),
        [
            ("Caroline is researching adoption agencies.", ADOPTING),
            ("Caroline will be an awesome mom.", PRAISE),
            ("Melanie was offered a job in Oslo.", CHANCE),
            ("Melanie got the job in Oslo.", NEWS),
            ("Adoption agencies are hard to choose.", ADOPTING),
        ],
    )
    def test_what_a_source_says_of_somebody_is_theirs(self, claim: str, source: object) -> None:
        assert not unsupported(claim, [source], CLUSTER, ENGLISH)  # type: ignore[list-item]

    def test_of_many_sources_the_one_that_says_most_decides(self) -> None:
        said = [
            episode(1, "I teach dance, and want to start a studio of my own.", "Jon"),
            episode(2, "Dance relaxes me, do you know that?", "Gina"),
        ]

        assert OTHER == unsupported(
            "Gina wants to start a studio to teach dance.", said, said, ENGLISH
        )
        assert not unsupported("Jon wants to start a studio to teach dance.", said, said, ENGLISH)

    def test_a_user_without_a_name_is_whoever_the_role_says(self) -> None:
        asked = episode(1, "I want to learn the cello.", "", role="user")
        told = episode(2, "Rent a cello first, then look for a teacher.", "", role="assistant")

        assert not unsupported(
            "The user wants to learn the cello.", [asked], [asked, told], ENGLISH
        )
        assert OTHER == unsupported(
            "The assistant wants to learn the cello.", [asked], [asked, told], ENGLISH
        )

    @pytest.mark.parametrize(
        ("said", "claim", "fault"),
        [
            ("I travel to Rome in May.", "Ana travels to Rome by train.", ONLY_AN_ASSISTANT),
            ("I travel to Rome by train in May.", "Ana travels to Rome by train.", ""),
            ("Where shall I go?", "Ana loves trains.", ONLY_AN_ASSISTANT),
            ("Where shall I go?", "Hela recommends Rome.", ""),
        ],
    )
    def test_what_an_assistant_says_of_a_person_counts_if_that_says_so_too(
        self, said: str, claim: str, fault: str
    ) -> None:
        asked = episode(1, said, "Ana", role="user")
        reply = "I recommend Rome. You love trains, Ana, so you travel to Rome by train."
        replied = episode(2, reply, "Hela", role="assistant")

        assert fault == unsupported(claim, [replied], [asked, replied], ENGLISH)

    def test_a_question_supports_nothing(self) -> None:
        asked = episode(1, "I won the cup last year. Gina, did you ever dance on a stage?", "Jon")
        answered = episode(2, "Once, on the stage of our school.", "Gina")
        claim = "Gina danced on a stage."

        assert "repeats a question" == unsupported(claim, [asked], [asked, answered], ENGLISH)
        assert not unsupported(claim, [asked, answered], [asked, answered], ENGLISH)

    def test_what_another_one_says_of_nobody_is_not_about_a_speaker(self) -> None:
        plan = episode(1, "Next Friday works for the dance.", "Gina")
        mentioned = episode(2, "Good, Jon will be there on Friday for the dance.", "Gina")
        cluster = [plan, mentioned, episode(3, "Good.", "Jon")]

        assert OTHER == unsupported("Jon plans a dance on Friday.", [plan], cluster, ENGLISH)
        assert not unsupported("Jon plans a dance on Friday.", [mentioned], cluster, ENGLISH)


class TestCountsOtherwise:
    SAID = episode(1, "I painted two lakes last year, for £40 each, and one on 3 May.", "Ana")

    @pytest.mark.parametrize(
        "claim",
        [
            "Ana painted lakes in 2022.",
            "Ana painted 2 lakes for £40.",
            "Ana said on 2023-05-08 that she painted lakes.",
            "Ana painted a lake on 2023-05-03.",
            "Ana painted two lakes.",
        ],
    )
    def test_numbers_of_the_source_and_its_day_are_known(self, claim: str) -> None:
        assert not counts_otherwise(claim, [self.SAID], ENGLISH)

    @pytest.mark.parametrize(
        "claim", ["Ana painted lakes on 12 May 2022.", "Ana painted 7 lakes.", "Ana got £80."]
    )
    def test_others_are_made_up(self, claim: str) -> None:
        assert counts_otherwise(claim, [self.SAID], ENGLISH)


class TestMerelyReports:
    @pytest.mark.parametrize(
        "claim",
        [
            "Caroline shared her thoughts on the adoption agency.",
            "Melanie shared her admiration for Caroline's courage.",
            "Melanie is asking Caroline about her plans.",
            "Caroline agreed with Melanie's statement on self-care.",
            "Melanie thanked Caroline for the photo.",
            "Caroline expressed her feelings about moving.",
        ],
    )
    def test_that_somebody_spoke_is_no_fact(self, claim: str) -> None:
        assert merely_reports(claim, CLUSTER, ENGLISH)

    @pytest.mark.parametrize(
        "claim",
        [
            "Caroline shares a flat with Ruth.",
            "Melanie has plans to open a studio.",
            "Melanie got the job after Caroline asked her boss.",
            "The agency shared its thoughts.",
            "Caroline's wedding plans fell through.",
        ],
    )
    def test_anything_else_may_be_one(self, claim: str) -> None:
        assert not merely_reports(claim, CLUSTER, ENGLISH)


class TestTells:
    @pytest.mark.parametrize(
        "text",
        [
            "Hey Ana! Good to see you. How have you been?",
            "Thanks! You are so kind.",
            "Wow, that is great!",
            "Is this your own painting? [image: a painting of a lake]",
        ],
    )
    def test_greetings_praise_and_questions_tell_nothing(self, text: str) -> None:
        assert not tells(episode(1, text, "Ben"), ENGLISH)

    @pytest.mark.parametrize(
        "text",
        ["Hey! I am swamped with work. And you?", "Once, at a wedding.", "We met Ruth in Graz!"],
    )
    def test_anything_else_tells_something(self, text: str) -> None:
        assert tells(episode(1, text, "Ben"), ENGLISH)

    def test_an_assistant_tells_its_user_something(self) -> None:
        advice = "You should water the fern twice a week."

        assert tells(episode(1, advice, "", role="assistant"), ENGLISH)
        assert not tells(episode(1, advice, "Ben"), ENGLISH)


class TestDated:
    SAID = episode(1, "I moved yesterday, after three weeks in Graz.", "Ana")

    def test_words_of_the_source_get_the_date_that_they_mean(self) -> None:
        assert "Ana moved yesterday (7 May 2023)." == with_dates_of_sources(
            "Ana moved yesterday.", [self.SAID], ENGLISH
        )

    def test_other_words_stay_open(self) -> None:
        claim = with_dates_of_sources("Ana moved last week.", [self.SAID], ENGLISH)

        assert "Ana moved last week." == claim
        assert is_undated(claim, [self.SAID], ENGLISH)
        assert not is_undated("Ana moved last week (1 to 7 May 2023).", [self.SAID], ENGLISH)


class TestStranger:
    def test_a_name_that_no_source_says_is_found(self) -> None:
        assert "bergen" == stranger("Melanie got a job in Bergen.", [CHANCE], CLUSTER, ENGLISH)
        assert "caroline" == stranger("Caroline got a job in Oslo.", [CHANCE], CLUSTER, ENGLISH)

    @pytest.mark.parametrize(
        "claim",
        ["Melanie got a job in Oslo.", "On Monday, 8 May 2023, Melanie got a job in Oslo."],
    )
    def test_speakers_places_that_were_named_and_dates_are_no_strangers(self, claim: str) -> None:
        assert not stranger(claim, [CHANCE], CLUSTER, ENGLISH)

    def test_another_form_of_the_name_will_do(self) -> None:
        source = episode(1, "I come from Sweden.", "Ana")

        assert not stranger("Ana holds a Swedish passport.", [source], [source], ENGLISH)

    def test_another_word_with_the_same_beginning_will_not(self) -> None:
        source = episode(1, "I swept the floor.", "Ana")

        assert "sweden" == stranger("Ana comes from Sweden.", [source], [source], ENGLISH)


class TestBearing:
    def test_a_source_that_shares_no_telling_word_says_nothing(self) -> None:
        assert [CHANCE, NEWS] == bearing("Melanie got a job.", CLUSTER, ENGLISH)

    def test_the_description_of_a_picture_was_not_said(self) -> None:
        shown = episode(5, "Look at this! [image: a job advertisement]", "Melanie")

        assert [] == bearing("Melanie got a job.", [shown], ENGLISH)


class TestCertainty:
    def test_the_worked_example(self) -> None:
        one = episode(1, "I moved to Leeds.", "Ana")
        again = episode(2, "Since I moved to Leeds I sleep well.", "Ana")

        assert pytest.approx(0.6) == certainty("Ana moved to Leeds on 7 May 2023.", [one], ENGLISH)
        assert pytest.approx(0.84) == certainty("Ana moved to Leeds.", [one, again], ENGLISH)
        assert pytest.approx(0.36) == certainty(
            "Ana moved to Leeds with cats and dogs.", [one], ENGLISH
        )


@pytest.mark.parametrize(
    ("claim", "kept"),
    [
        ("Ana is busy, and she is asking Ben how he is.", "Ana is busy."),
        ("Ana likes tea and mentions a shop in Graz.", "Ana likes tea."),
        ("Ana sold her boat but wondered about a car.", "Ana sold her boat."),
        ("Ana mentions tea and cake.", "Ana mentions tea and cake."),
        ("Ana sells tea and masks.", "Ana sells tea and masks."),
        ("Ana bought tea and she shared the bill.", "Ana bought tea and she shared the bill."),
    ],
)
def test_a_second_clause_that_only_reports_is_left_out(claim: str, kept: str) -> None:
    assert kept == without_report(claim, ENGLISH)


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Jon started a choir.", "I've sung since I was a kid. I wanna start a choir!"),
        ("Jon bought a van.", "We're thinking about buying a van."),
        ("Jon visited Graz in May.", "I'll visit Graz in May."),
        ("Jon has gone to Graz.", "Let's go to Graz."),
        ("Jon started a choir.", "I'm starting a choir, 'cause I love to sing."),
        ("Jon taught his niece to swim.", "I hope I can teach my niece to swim."),
    ],
)
def test_a_plan_told_as_done_is_noticed(claim: str, source: str) -> None:
    assert tells_as_done(claim, [episode(1, source, "Jon")], ENGLISH)


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Jon started a choir.", "I started a choir and want to start another."),
        ("Jon wants to start a choir.", "I wanna start a choir!"),
        ("Jon bought a van.", "Bought a van, and will paint it."),
        ("Jon painted his van.", "My van needs paint. I painted it, would you believe it?"),
        ("Jon learned to swim.", "Learning to swim was hard."),
        ("Jon lost his job.", "My job is gone."),
        ("Jon is starting a choir.", "I'm starting a choir."),
        ("Jon walked to Graz.", "I'm in Graz, and walk there."),
        ("Jon is interested in vans.", "Vans are of interest to me."),
    ],
)
def test_what_was_done_and_what_is_planned_may_be_told_as_such(claim: str, source: str) -> None:
    assert not tells_as_done(claim, [episode(1, source, "Jon")], ENGLISH)


WISHES = episode(1, "I want to give a home to kids who need one, and have a family.", "Caro")
SWIMS = episode(2, "The children love the pool, and my brother's family does.", "Mel")
OWNS = episode(3, "I have two kids, and Caro's cousin is a friend.", "Mel")


@pytest.mark.parametrize(
    ("claim", "source", "lent"),
    [
        ("Caro wants a home for her kids.", WISHES, True),
        ("Caro is looking for a home for her own family.", WISHES, True),
        ("Caro wants to give a home to kids.", WISHES, False),
        ("Mel's children love the pool.", SWIMS, False),
        ("Mel takes her brother and his family to the pool.", SWIMS, False),
        ("Mel has fun with her kids.", OWNS, False),
        ("Mel is a friend of Caro's cousin.", OWNS, False),
        ("Caro loves her aunt.", WISHES, False),
    ],
)
def test_a_relative_is_somebodys_only_if_a_speaker_says_so(
    claim: str, source: Episode, lent: bool
) -> None:
    assert lent == lends_kin(claim, [source], [WISHES, SWIMS, OWNS], ENGLISH)
