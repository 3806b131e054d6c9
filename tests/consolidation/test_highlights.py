from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from helamem.consolidation.highlights import about_the_same, highlights, statements
from helamem.language.english import ENGLISH
from helamem.language.language import NEUTRAL
from samples import episode

MARCH_4 = datetime(2024, 3, 4, 9, tzinfo=UTC)


def kept(text: str, speaker: str = "Ana") -> list[str]:
    return [each.text for each in statements([episode(1, text, speaker)], ENGLISH)]


class TestStatements:
    @pytest.mark.parametrize(
        "sentence",
        [
            "I work at the library in Leeds.",
            "We adopted a puppy and a kitten.",
            "Ines lives next to the old bridge in Porto.",
            "The plumber wants 480 euros for the boiler.",
            "I visited a boat yard in Porto and it was wonderful.",
            "I bought this boat from Ines, who had painted it red.",
            "I earn $20 an hour (before taxes).",
        ],
    )
    def test_what_says_something_of_somebody_is_kept(self, sentence: str) -> None:
        assert [sentence] == kept(sentence)

    @pytest.mark.parametrize(
        "sentence",
        [
            "Where does Ines live in Porto?",  # a question
            "Your sister lives in Porto.",  # whose is not said
            "That was a lovely evening in Porto.",  # what was is not said
            "She has lived there for 9 years.",  # who has is not said
            "I gave it to them on Friday.",  # to whom is not said
            "Thanks for always having my back, Ben.",
            "Wow, congrats on the new job in Oslo!",
            "I agree with all my heart.",
            "Five: us three.",
            "The weather is lovely, warm and dry.",  # of nobody
            "Here's a photo of my new boat.",  # the photo is not here
            "I have painted again - here is my latest one.",
            "Check out my old boat in Porto!",
            "I took that picture on a hike in Norway.",
            "I made it for my brother.",  # what is not said
            "My neighbour in Porto repaired it.",
            "Luckily, they liked the Douro a lot.",  # who did is not said, though a name follows
            "I have been working here for 3 years.",
            "I own a copy, but I have not read that yet.",
            "The puppies look adorable, Ben!",  # applause
            "Also bring a little blanket along.",  # of nobody
            "[image: a photo of two boats in Porto]",  # was not said
            "<p>I live in Porto.</p>",  # markup
            "console.log('I live in Porto');",
            "- **Boats in Porto**: I like them old.",
            "/* I live in Porto */",
            "From what we know of boats, we conclude that:",
            "I own an old boat and " + "a dinghy and " * 30 + "a raft.",
        ],
    )
    def test_what_needs_its_conversation_or_says_nothing_is_not(self, sentence: str) -> None:
        assert [] == kept(sentence)

    @pytest.mark.parametrize(
        ("sentence", "expected"),
        [
            ("The Eiffel Tower in Paris is 330 metres tall.", 0),
            ("We need two sides of the triangle to compare them with Paris.", 0),
            ("I have booked the train to Paris at 9:40.", 1),
        ],
    )
    def test_what_an_assistant_explains_is_of_nobody(self, sentence: str, expected: int) -> None:
        assert expected == len(
            statements([replace(episode(1, sentence), role="assistant")], ENGLISH)
        )

    def test_a_note_in_a_turn_was_not_said(self) -> None:
        assert ["I bought an old boat."] == kept("I bought an old boat. [image: 2 boats]")

    def test_an_ordinary_word_is_no_name_of_the_cluster(self) -> None:
        assert [] == kept('Ben read "Little Boats" aloud? Take a little time for breakfast.')

    def test_a_language_without_pronouns_keeps_whatever_says_enough(self) -> None:
        spoken = episode(1, "Ines wohnt neben der Brücke.", "Ana")

        assert ["Ines wohnt neben der Brücke."] == [
            each.text for each in statements([spoken], NEUTRAL)
        ]


class TestHighlights:
    def test_each_sentence_is_a_draft_of_its_own_with_its_speaker(self) -> None:
        cluster = [
            episode(
                1,
                "I work at the town library. My sister teaches maths in Leeds.",
                "Ana",
                at=MARCH_4,
            ),
            episode(2, "I repair old boilers.", "Ben", at=MARCH_4),
        ]
        found = statements(cluster, ENGLISH)

        drafts = highlights(found, np.eye(3, dtype=np.float32), ENGLISH, most=3)

        assert [
            ("Ana: I work at the town library.", "Ana", (1,)),
            ("Ana: My sister teaches maths in Leeds.", "Ana", (1,)),
            ("Ben: I repair old boilers.", "Ben", (2,)),
        ] == [(each.text, each.speaker, each.sources) for each in drafts]

    @pytest.mark.parametrize(
        ("sentence", "expected"),
        [
            ("I moved to Leeds last week.", "Ana, 4 March 2024: I moved to Leeds last week."),
            ("I moved to Leeds on 2 May 2020.", "Ana: I moved to Leeds on 2 May 2020."),
        ],
    )
    def test_a_date_stands_where_the_words_count_from_the_day(
        self, sentence: str, expected: str
    ) -> None:
        found = statements([episode(1, sentence, "Ana", at=MARCH_4)], ENGLISH)

        (draft,) = highlights(found, np.ones((1, 2), np.float32) / 2**0.5, ENGLISH, most=3)

        assert expected == draft.text

    def test_the_most_central_ones_are_taken_and_none_twice(self) -> None:
        found = statements(
            [episode(i, text) for i, text in enumerate(("I bake bread and cake.", "I own 3 old boats.", "I bake bread and cake."), 1)], ENGLISH
        )  # fmt: skip
        embedded = np.array([[1, 0], [0, 1], [1, 0]], np.float32)

        assert ["Ana: I bake bread and cake.", "Ana: I own 3 old boats."] == [
            each.text for each in highlights(found, embedded, ENGLISH, most=5)
        ]
        assert 1 == len(highlights(found, embedded, ENGLISH, most=1))

    def test_what_says_the_same_is_taken_once(self) -> None:
        found = statements(
            [episode(1, "I bake bread and cake."), episode(2, "I bake good bread.")], ENGLISH
        )
        embedded = np.array([[1, 0], [0.95, 0.3122499]], np.float32)

        assert 1 == len(highlights(found, embedded, ENGLISH, most=5))

    def test_nothing_gives_nothing(self) -> None:
        assert [] == highlights([], np.zeros((0, 2), np.float32), ENGLISH, most=3)


def test_statements_about_the_same_share_most_of_their_terms() -> None:
    assert about_the_same("Ana: I work at the library.", "Ana: I work at the new library.", ENGLISH)
    assert not about_the_same("Ana: I work at the library.", "Ana: I swim at the lake.", ENGLISH)
