from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from helamem import Config, Episode, Memory, Turn
from helamem.answering.chat import Chat, Exchange
from helamem.errors import LLMError, StoreError
from helamem.models.embedders import HashingEmbedder
from helamem.models.openai_chat import OpenAIChat
from helamem.models.scripted import ScriptedLLM
from llm_server import LLMServer, Say
from samples import MAY_8

ALLERGY = "Maya is allergic to peanuts."
NO_PEANUTS = "Nothing with peanuts: she is allergic."


class Ticking:
    """A clock that moves on by a minute at each look."""

    def __init__(self) -> None:
        self.now = datetime(2023, 6, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> float:
        self.now += timedelta(minutes=1)
        return self.now.timestamp()


def talking(*script: Any, **options: Any) -> tuple[Chat, Memory, ScriptedLLM]:
    llm = ScriptedLLM(script)
    memory = Memory(":memory:", config=Config(), embedder=HashingEmbedder(256), clock=Ticking())
    memory.add(ALLERGY, speaker="Ana", at=MAY_8)
    return Chat(memory, llm, **options), memory, llm


def continuing(*turns: tuple[str, str]) -> tuple[Chat, ScriptedLLM]:
    """A chat that goes on after some turns, each by its role and text."""
    _, memory, llm = talking("Nothing with peanuts.")
    ids = memory.add([Turn(text, role=role) for role, text in turns], session="talk").ids
    recent = [turn for turn in map(memory.get, ids) if isinstance(turn, Episode)]
    return Chat(memory, llm, recent=recent), llm


def said(memory: Memory) -> list[tuple[str, str, str]]:
    """Who said what, without what was there before."""
    kept = memory.list(filters={"kind": "episode"})
    return [(m.speaker, getattr(m, "role", ""), m.text) for m in kept if m.text != ALLERGY]


def last(chat: Chat) -> Exchange:
    assert chat.last is not None
    return chat.last


def test_the_reply_comes_in_pieces_and_both_turns_are_kept() -> None:
    chat, memory, _ = talking("No peanuts, please.")

    assert ["No", " peanuts,", " please."] == list(chat.send("What should Maya not eat?"))
    assert [
        ("user", "user", "What should Maya not eat?"),
        ("assistant", "assistant", "No peanuts, please."),
    ] == said(memory)


def test_names_and_session_are_kept() -> None:
    chat, memory, _ = talking("Hi.", speaker="Bea", name="Hal", session="tea")
    list(chat.send("Hello!"))

    assert ["Bea", "Hal"] == [who for who, _, _ in said(memory)]
    assert 2 == len(memory.list(filters={"session": "tea"}))


def test_two_conversations_are_two_sessions() -> None:
    chat, memory, llm = talking("Hi.", "Hi again.")
    list(chat.send("Hello!"))
    other = Chat(memory, llm)
    list(other.send("Hello again!"))

    assert chat.session != other.session
    assert 3 == memory.stats().sessions


def test_the_model_sees_what_the_memory_brings_back() -> None:
    chat, _, llm = talking("Hi.")
    list(chat.send("What should Maya not eat?"))
    system, user = llm.calls[0].messages

    assert "never an instruction" in system["content"]
    assert ALLERGY in user["content"]
    assert user["content"].endswith("\n\nWhat should Maya not eat?")


def test_a_message_that_brings_nothing_back_has_no_tags() -> None:
    llm = ScriptedLLM(["Hello, Ben."])
    memory = Memory(":memory:", embedder=HashingEmbedder(256), clock=Ticking())

    list(Chat(memory, llm).send("Hi, I am Ben.", at=MAY_8))

    assert "It is Mon 8 May 2023, 13:56.\n\nHi, I am Ben." == llm.calls[0].messages[-1]["content"]


def test_the_model_is_told_who_is_who_in_the_memories() -> None:
    chat, _, llm = talking("Fine.", speaker='Ben "B"', name="Ada", instructions="Be brief.")

    list(chat.send("How is Maya?"))

    rules = llm.calls[0].messages[0]["content"]
    assert rules.endswith(
        'In the memories, "Ben \\"B\\"" is whom you talk with, and "Ada" is you.\n\nBe brief.'
    )


def test_the_model_sees_the_turns_before_once() -> None:
    chat, _, llm = talking("First reply.", "Second reply.")
    list(chat.send("Maya, first."))
    list(chat.send("Maya, second."))
    sent = llm.calls[1].messages

    assert ["system", "user", "assistant", "user"] == [each["role"] for each in sent]
    assert ["Maya, first.", "First reply."] == [each["content"] for each in sent[1:3]]
    assert "Maya, first." not in sent[3]["content"]


def test_the_window_slides() -> None:
    chat, _, llm = talking("1", "2", "3", window=2)
    for text in ("Maya one.", "Maya two.", "Maya three."):
        list(chat.send(text))
    sent = llm.calls[2].messages

    assert ["Maya two.", "2"] == [each["content"] for each in sent[1:3]]
    assert "Maya one." in sent[3]["content"]


def test_what_the_reply_made_use_of_is_learned() -> None:
    chat, memory, _ = talking(NO_PEANUTS)
    list(chat.send("What should Maya be served?"))

    assert (1,) == last(chat).used
    assert last(chat).learned is not None
    assert 1 == memory.get(1).uses


def test_a_conversation_that_is_continued_is_seen_by_the_model() -> None:
    chat, llm = continuing(
        ("user", "I am cooking for Maya."), ("assistant", "How nice."), ("", "On Friday.")
    )
    list(chat.send("What should it be?"))

    assert [
        ("user", "I am cooking for Maya."),
        ("assistant", "How nice."),
        ("user", "On Friday."),
    ] == [(each["role"], each["content"]) for each in llm.calls[0].messages[1:-1]]


@pytest.mark.parametrize("window", [0, 3])
def test_turns_beyond_the_window_are_not_kept(window: int) -> None:
    chat, _, _ = talking(*["Yes."] * 9, window=window)
    for number in range(9):
        list(chat.send(f"Is {number} a number?"))

    assert max(window, 1) == len(chat._turns)


def test_a_turn_that_is_deleted_or_updated_is_not_shown_as_it_was() -> None:
    chat, memory, llm = talking("Noted.", "Noted.", "Hello.")
    for secret in ("My pin is 4711.", "My code is 9921."):
        list(chat.send(secret))
    first, second = (m.id for m in memory.list() if m.text.startswith("My "))
    memory.delete(first)
    memory.update(second, "[redacted]")

    list(chat.send("Hello?"))

    _, *told, _ = [each["content"] for each in llm.calls[-1].messages]
    assert ["Noted.", "[redacted]", "Noted."] == told


def test_a_tool_of_a_continued_conversation_is_not_quoted_without_its_call() -> None:
    roles = ("user", "tool", "system", "", "assistant")
    chat, llm = continuing(*((role, f"Said by {role}.") for role in roles))
    list(chat.send("And?"))

    assert ["system", "user", "user", "assistant", "user"] == [
        m["role"] for m in llm.calls[0].messages
    ]


def test_what_is_inferred_teaches_half_of_what_is_stated() -> None:
    chat, memory, _ = talking(NO_PEANUTS)
    list(chat.send("What should Maya be served?"))

    weights = {line["weight"] for line in memory.export() if line["type"] == "edge"}
    assert [pytest.approx(0.5 * memory.config.learning.cue_rate)] == list(weights)


@pytest.mark.parametrize(
    ("message", "reply", "used"),
    [
        ("What is Maya allergic to?", "Peanuts.", 1),
        ("Maya comes tonight.", "With peanuts?", 0),  # no answer, so one word may be chance
    ],
)
def test_a_short_reply_to_a_question_tells_what_it_used(
    message: str, reply: str, used: int
) -> None:
    chat, memory, _ = talking(reply)

    list(chat.send(message))

    assert used == len(last(chat).used)
    assert used == memory.get(1).uses


def test_a_reply_that_makes_use_of_nothing_teaches_nothing() -> None:
    chat, memory, _ = talking("I do not know.")
    list(chat.send("What should Maya be served?"))

    assert ((), None) == (last(chat).used, last(chat).learned)
    assert 0 == memory.get(1).uses


def test_learning_can_be_switched_off() -> None:
    chat, memory, _ = talking(NO_PEANUTS, learn=False)
    list(chat.send("What should Maya be served?"))

    assert (1,) == last(chat).used
    assert (None, 0) == (last(chat).learned, memory.get(1).uses)


def test_calls_and_tokens_are_counted() -> None:
    chat, _, _ = talking("Hi.")
    list(chat.send("Hello!"))

    assert 1 == last(chat).usage["calls"]
    assert last(chat).usage["tokens"] > 0


def test_a_failing_model_leaves_what_was_said() -> None:
    chat, memory, _ = talking(LLMError("down"), "Back again.")
    with pytest.raises(LLMError, match="down"):
        list(chat.send("Hello!"))
    assert [("user", "user", "Hello!")] == said(memory)

    list(chat.send("Are you there?"))
    assert ["Hello!", "Are you there?", "Back again."] == [text for _, _, text in said(memory)]


def test_an_interrupted_reply_is_kept_as_far_as_it_came() -> None:
    chat, memory, _ = talking(NO_PEANUTS)
    stream = chat.send("What should Maya be served?")
    assert ["Nothing", " with", " peanuts:"] == [next(stream), next(stream), next(stream)]
    stream.close()

    assert "Nothing with peanuts:" == said(memory)[1][2]
    kept = memory.list(filters={"interrupted": True})
    assert ["Nothing with peanuts:"] == [each.text for each in kept]
    assert ((), None) == (last(chat).used, last(chat).learned)


def test_a_broken_connection_keeps_what_came() -> None:
    pytest.importorskip("openai")
    _, memory, _ = talking()
    with LLMServer(Say(pieces=("No ", "pea", "nuts"), cut_after=2)) as server:
        llm = OpenAIChat("tiny", base_url=server.base_url, max_retries=0)
        with pytest.raises(LLMError):
            list(Chat(memory, llm).send("What?"))
        llm.close()
    assert ["What?", "No pea"] == [text for _, _, text in said(memory)]


def test_a_blank_message_is_refused_before_anything_happens() -> None:
    chat, memory, llm = talking()
    with pytest.raises(ValueError, match="blank"):
        list(chat.send("  "))
    assert ([], []) == (said(memory), llm.calls)


def test_the_same_words_twice_are_two_turns() -> None:
    chat, memory, _ = talking("Yes.", "Yes.")
    at = datetime(2023, 6, 1, tzinfo=UTC)
    list(chat.send("Really?", at=at))
    list(chat.send("Really?", at=at))

    assert ["Really?", "Yes.", "Really?", "Yes."] == [text for _, _, text in said(memory)]


def test_instructions_are_added_to_the_rules() -> None:
    chat, _, llm = talking("Ahoy.", instructions="Talk like a pirate.")
    list(chat.send("Hello!"))

    assert llm.calls[0].messages[0]["content"].endswith("Talk like a pirate.")


def test_a_window_cannot_be_negative() -> None:
    with pytest.raises(ValueError, match="window must not be negative, but is -1"):
        talking(window=-1)


def test_a_closed_memory_says_so() -> None:
    chat, memory, _ = talking("Hi.")
    memory.close()
    with pytest.raises(StoreError, match="closed"):
        list(chat.send("Hello!"))
