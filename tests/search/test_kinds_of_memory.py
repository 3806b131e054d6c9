"""What is found in memories that are no talk: single notes, logs of tools, and several kinds in one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from helamem import Memory
from helamem.testing import FixedClock

ASKED_AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
NOTES = (
    "My cousin Hector adopted a greyhound called Pepper.",
    "I finally cleaned the balcony.",
    "My aunt Priya works at the harbour.",
    "The bus was late again this morning.",
    "Hector is 171 cm tall.",
    "My aunt Priya could eat dumplings every day.",
)


def _memory() -> Memory:
    return Memory(":memory:", clock=FixedClock(ASKED_AT.timestamp()))


def _noted(*texts: str, speaker: str = "") -> Memory:
    memory = _memory()
    for hour, text in enumerate(texts):
        memory.add(
            text,
            speaker=speaker,
            session="notes",
            at=datetime(2024, 3, 1, tzinfo=UTC) + timedelta(hours=hour),
        )
    return memory


def _talked(*said: tuple[str, str]) -> Memory:
    """A talk of nine days ago; each turn with its speaker."""
    memory = _memory()
    for speaker, text in said:
        memory.add(text, speaker=speaker, session="talk", at=ASKED_AT - timedelta(days=9))
    return memory


def _best(memory: Memory, question: str, n: int = 1) -> list[str]:
    return [hit.text for hit in memory.search(question, k=n).hits]


def test_single_notes_lend_their_neighbours_no_words() -> None:
    memory = _noted(*NOTES)

    assert [NOTES[2], NOTES[5]] == _best(memory, "What about aunt Priya?", 2)


def test_it_makes_no_difference_whether_the_one_who_notes_has_a_name() -> None:
    memory = _noted(*NOTES, speaker="Kim")

    assert [NOTES[2], NOTES[5]] == _best(memory, "What about aunt Priya?", 2)


def test_an_answer_is_found_by_the_words_of_the_question_before_it() -> None:
    memory = _talked(
        ("Ana", "Did the parcel from Ghent arrive?"),
        ("Ben", "Yes, at noon."),
        ("Ana", "Good, I need to go now."),
        ("Ben", "See you on Monday."),
    )

    assert "Yes, at noon." in _best(memory, "When did the parcel from Ghent come?", 2)


def test_what_a_tool_answered_is_no_worse_than_the_request() -> None:
    memory = _memory()
    for role, text in (
        ("user", "Look up the customer Naomi, please."),
        ("assistant", "Searching for the customer Naomi."),
        ("tool", '{"name": "Naomi", "customer": "cus_4711", "plan": "basic"}'),
        ("user", "Look up the customer Boris, please."),
        ("assistant", "Searching for the customer Boris."),
        ("tool", '{"name": "Boris", "customer": "cus_0815", "plan": "pro"}'),
    ):
        memory.add({"role": role, "content": text}, session="run", at=ASKED_AT - timedelta(days=9))

    assert "cus_4711" in _best(memory, "Which plan does customer cus_4711 have?")[0]


def test_an_assistants_chat_does_not_bury_what_people_said_elsewhere() -> None:
    memory = _memory()
    at = ASKED_AT - timedelta(days=9)
    memory.add("Ines lives in a house next to the old bridge.", speaker="Ana", at=at)
    for role, text in (
        ("user", "Is there a tram to the old bridge?"),
        ("assistant", "Yes, the tram stops at the old bridge."),
    ):
        memory.add({"role": role, "content": text}, session="chat", at=at)

    assert "Ines" in _best(memory, "Whose house is near the old bridge?")[0]


def test_a_date_written_in_a_note_does_not_outweigh_what_was_asked() -> None:
    memory = _memory()
    at = datetime(2024, 3, 8, 9, tzinfo=UTC)
    for hour, text in enumerate(
        (
            "I did biking on 2024/03/08.",
            "I had lunch with Lydia and Scarlett. I ate tacos.",
            "Annual checkup at the hospital on 2024/03/08.",
        )
    ):
        memory.add(text, session="day", at=at + timedelta(hours=hour))

    assert "Lydia" in _best(memory, "With whom did I have lunch on 2024/03/08?")[0]


def test_a_date_is_found_where_it_was_told_on_another_day() -> None:
    memory = _noted("The party is on 2024/04/20.", "The bus was late.", "I cleaned the balcony.")

    assert "party" in _best(memory, "What is planned for 2024/04/20?")[0]


def test_several_messages_of_one_speaker_in_a_talk_belong_together() -> None:
    memory = _talked(
        ("Ana", "The parcel from Ghent is here."),
        ("Ana", "It is huge."),
        ("Ana", "I put it into the cellar."),
        ("Ben", "Thank you."),
        ("Ben", "I need to go now."),
    )

    assert "I put it into the cellar." in _best(memory, "Where is the parcel from Ghent?", 3)


def test_a_time_that_is_told_and_not_asked_for_brings_nothing() -> None:
    memory = _noted(*NOTES)
    memory.add("The lift was repaired.", session="april", at=datetime(2024, 4, 20, tzinfo=UTC))

    told = "In April 2024 I had a cold. Now I want to buy my cousin Hector a present."

    assert "Hector" in _best(memory, told)[0]


def test_lines_of_one_voice_within_seconds_belong_together() -> None:
    memory = _memory()
    for second, text in enumerate(
        ("The parcel from Ghent is here.", "Yes, in the cellar.", "I need to go.", "See you.")
    ):
        at = ASKED_AT - timedelta(days=9) + timedelta(seconds=5 * second)
        memory.add(text, session="transcript", at=at)

    assert "Yes, in the cellar." in _best(memory, "Where is the parcel from Ghent?", 2)


def test_what_is_asked_about_somebody_counts_beside_the_name() -> None:
    pet = "Priya adopted a parrot called Bandit."
    memory = _noted("Priya is 155 cm tall.", pet, "My aunt Carla holds a degree.")

    assert [pet] == _best(memory, "Does Priya have a pet?")
    assert [pet] == _best(memory, "What is Priya's pet?")


def test_an_embedder_that_cannot_read_the_question_still_says_a_little() -> None:
    memory = _noted(
        "\u732b\u304c\u3044\u308b\u3002", "\u72ac\u304c\u3044\u308b\u3002"
    )  # a cat, a dog

    similar = [hit.parts.base_terms["similarity"] for hit in memory.search("\u732b").hits]

    assert 0 < max(similar) < 0.05


def test_what_one_sends_at_once_is_tied_and_what_comes_later_or_in_no_order_is_not() -> None:
    said = "We bought the house in Ghent.", "It has a big garden.", "The bus was late again."
    words = {}
    for gap_s in (0, 5, 86_400):
        memory = _memory()
        for i, text in enumerate(said):
            at = datetime(2024, 3, 1, tzinfo=UTC) + timedelta(seconds=i * gap_s)
            memory.add(text, speaker="Kim", session="notes", at=at)
        hits = {hit.text: hit for hit in memory.search("What about the house in Ghent?").hits}
        words[gap_s] = hits[said[1]].parts.base_terms["words"]

    assert words[5] > 1.1 * words[86_400]
    assert words[5] > 1.1 * words[0]
