from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from helamem.errors import DataError
from helamem.exchange.chatgpt import read_chatgpt
from helamem.records import Turn

NOON = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
NOON_S = 1709294400


def turns_of(value: Any) -> list[Turn]:
    return list(read_chatgpt(value).turns)


def node(parent: str | None, role: str, *parts: object, **more: Any) -> dict[str, Any]:
    message = {
        "author": {"role": role},
        "content": {"content_type": "text", "parts": list(parts)},
        "create_time": None,
        **more,
    }
    return {"parent": parent, "message": message}


def chatgpt(**changes: Any) -> dict[str, Any]:
    mapping = {
        "root": {"parent": None, "message": None},
        "system": node("root", "system", "You are helpful."),
        "q": node("system", "user", "What is a kite?", create_time=NOON_S),
        "old": node("q", "assistant", "A bird."),
        "call": node("q", "assistant", "search(kite)", recipient="browser"),
        "tool": node("call", "tool", "results"),
        "new": node("tool", "assistant", "A toy,", "or a bird.", create_time=NOON_S + 5.0, recipient="all"),
        "photo": node("new", "user", {"content_type": "image_asset_pointer"}, "This one?", content=None),
        "hidden": node("photo", "user", "ctx", metadata={"is_visually_hidden_from_conversation": True}),
        "code": node("hidden", "assistant", "x", content={"content_type": "code", "text": "print()"}),
        "empty": node("code", "assistant", ""),
    }  # fmt: skip
    mapping["photo"]["message"]["content"] = {
        "content_type": "multimodal_text",
        "parts": [{"content_type": "image_asset_pointer"}, "This one?"],
    }
    return {
        "title": "Kites",
        "conversation_id": "c1",
        "create_time": NOON_S - 60,
        "mapping": mapping,
        "current_node": "empty",
        **changes,
    }


class TestChatGPT:
    def test_the_open_branch_is_read_from_its_root(self) -> None:
        metadata = {"title": "Kites"}
        later = NOON + timedelta(seconds=5)

        assert [
            Turn("What is a kite?", "", "user", NOON, "c1", metadata),
            Turn("A toy,\nor a bird.", "", "assistant", later, "c1", metadata),
            Turn("[image]\nThis one?", "", "user", later, "c1", metadata),
        ] == turns_of([chatgpt()])

    def test_another_branch_is_read_where_that_one_was_open(self) -> None:
        turns = turns_of([chatgpt(current_node="old")])

        assert ["What is a kite?", "A bird."] == [turn.text for turn in turns]

    @pytest.mark.parametrize("leaf", [None, "gone", 3])
    def test_without_an_open_branch_the_newest_one_is_read(self, leaf: object) -> None:
        shuffled = dict(sorted(chatgpt()["mapping"].items(), reverse=True))

        assert turns_of([chatgpt()]) == turns_of([chatgpt(current_node=leaf)])
        assert turns_of([chatgpt()]) == turns_of([chatgpt(mapping=shuffled, current_node=leaf)])

    def test_what_is_left_out_is_counted(self) -> None:
        reading = read_chatgpt([chatgpt()])

        assert [
            "1 message from the system",
            "3 messages to or from tools",
            "1 message that ChatGPT hides",
            "1 message without text",
        ] == [each.reason for each in reading.left_out]
        assert {2: ("of an image only a note is kept",)} == reading.losses

    def test_what_is_odd_in_a_message_costs_nothing_else(self) -> None:
        mapping = {
            "a": node(None, "user", None, "one", 2),
            "b": node("a", "user", "lost", author=None),
            "c": node("b", "assistant", content=None),
            "d": node("c", "assistant", content={"content_type": "text", "parts": None}),
            "e": node("d", "assistant", "two", metadata=None),
            "f": None,
        }

        assert ["one\n2", "two"] == [
            turn.text for turn in turns_of(chatgpt(mapping=mapping, current_node="e"))
        ]

    def test_a_ring_of_parents_ends(self) -> None:
        mapping = {"a": node("b", "user", "one"), "b": node("a", "assistant", "two")}

        assert ["one", "two"] == [
            turn.text for turn in turns_of([chatgpt(mapping=mapping, current_node="b")])
        ]

    def test_an_empty_conversation_has_no_turns(self) -> None:
        assert [] == turns_of([chatgpt(mapping={}, current_node=None)])

    def test_a_message_without_a_time_has_that_of_the_conversation(self) -> None:
        mapping = {"a": node(None, "user", "one")}
        (turn,) = turns_of(chatgpt(mapping=mapping, current_node="a"))

        assert NOON - timedelta(seconds=60) == turn.at

    def test_or_that_at_which_the_conversation_was_changed(self) -> None:
        mapping = {"a": node(None, "user", "one")}
        given = chatgpt(mapping=mapping, current_node="a", create_time=None, update_time=NOON_S)

        assert [NOON] == [turn.at for turn in turns_of(given)]

    @pytest.mark.parametrize(
        "broken",
        [
            {"mapping": 3},
            {"mapping": {"a": 3}, "current_node": "a"},
            {"mapping": {"a": {"message": 3}}, "current_node": "a"},
            {"mapping": None},
            {"mapping": {"a": node(None, "user", [3])}, "current_node": "a"},
            {"mapping": {"a": node(None, "user", "x", create_time="noon")}, "current_node": "a"},
        ],
    )
    def test_a_conversation_that_cannot_be_read_costs_itself(self, broken: dict[str, Any]) -> None:
        reading = read_chatgpt([chatgpt(), chatgpt(**broken), chatgpt(conversation_id="c2")])

        assert ["c1"] * 3 + ["c2"] * 3 == [turn.session for turn in reading.turns]
        assert (1, None) == (reading.left_out[0].index, reading.left_out[0].id)
        assert reading.left_out[0].reason.startswith("ChatGPT conversation 2 'Kites' (c1): ")

    def test_where_none_can_be_read_the_first_is_reported(self) -> None:
        with pytest.raises(DataError, match=r"ChatGPT conversation 1: expected an object"):
            read_chatgpt([None, 3])

    def test_they_may_stand_under_a_name(self) -> None:
        assert turns_of([chatgpt()]) == turns_of({"conversations": [chatgpt()]})
