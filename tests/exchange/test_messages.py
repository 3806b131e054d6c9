from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from helamem.errors import DataError
from helamem.exchange.messages import TECHNICAL, read_messages, take
from helamem.records import Turn

NOON = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
NOON_S = 1709294400


class Dumped:
    """An object in the way of pydantic's."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def model_dump(self) -> dict[str, Any]:
        return self._fields


def turns_of(given: Any) -> list[Turn]:
    return list(take(given).turns)


class TestMessages:
    def test_a_text_is_a_turn(self) -> None:
        assert [Turn("hello")] == turns_of("hello")

    def test_a_turn_stays_as_it_is(self) -> None:
        turn = Turn("hello", speaker="Ana", at=NOON)

        assert [turn] == turns_of(turn)

    def test_a_list_may_mix_them(self) -> None:
        turns = turns_of(["a", Turn("b"), {"role": "user", "content": "c"}])

        assert [Turn("a"), Turn("b"), Turn("c", role="user")] == turns

    def test_a_message_keeps_its_name_and_time(self) -> None:
        message = {"role": "user", "content": "hi", "name": "Ana", "timestamp": NOON_S}

        assert [Turn("hi", speaker="Ana", role="user", at=NOON)] == turns_of(message)

    def test_a_mapping_may_have_the_fields_of_a_line(self) -> None:
        record = {"text": "hi", "speaker": "Ana", "session": "s", "metadata": {"n": 1}, "at": NOON}

        assert [Turn("hi", speaker="Ana", session="s", metadata={"n": 1}, at=NOON)] == turns_of(
            record
        )

    @pytest.mark.parametrize("make", [SimpleNamespace, lambda **fields: Dumped(fields)])
    @pytest.mark.parametrize("outside", [dict, SimpleNamespace])
    def test_parts_and_calls_may_be_objects(self, make: Any, outside: Any) -> None:
        part = make(type="text", text="Let me look.")
        used = make(type="tool_use", name="weather", input={"city": "Rome"})
        called = make(id="c", function=make(name="weather", arguments='{"city":"Oslo"}'))

        (first, second) = turns_of(
            [
                outside(role="assistant", content=[part, used]),
                outside(role="assistant", content=None, tool_calls=[called]),
            ]
        )

        assert first.text == 'Let me look.\n[tool call: weather({"city": "Rome"})]'
        assert second.text == '[tool call: weather({"city":"Oslo"})]'

    @pytest.mark.parametrize(
        ("part", "role", "text"),
        [
            ({"toolUse": {"name": "w", "input": {"n": 1}}}, "user", '[tool call: w({"n": 1})]'),
            (
                {"function_call": {"name": "w", "args": {"n": 1}}},
                "user",
                '[tool call: w({"n": 1})]',
            ),
            (
                {"toolResult": {"content": [{"text": "31"}, {"json": {"a": 2}}]}},
                "tool",
                '31\n{"a": 2}',
            ),
            ({"functionResponse": {"name": "w", "response": {"r": "31"}}}, "tool", '{"r": "31"}'),
            ({"function_response": {"response": {"r": "31"}}}, "tool", '{"r": "31"}'),
        ],
    )
    def test_parts_of_bedrock_and_gemini(self, part: Any, role: str, text: str) -> None:
        (turn,) = turns_of({"role": "user", "content": [part]})

        assert (role, text) == (turn.role, turn.text)

    @pytest.mark.parametrize(
        "item",
        [
            {"type": "function_call", "name": "pin", "arguments": '{"pin": 4411}', "call_id": "c"},
            {"type": "function_call_output", "output": "The PIN is 4411.", "call_id": "c"},
            {"type": "custom_tool_call", "name": "pin", "input": "4411", "call_id": "c"},
            {
                "type": "mcp_call",
                "name": "pin",
                "arguments": "{}",
                "output": "4411",
                "call_id": "c",
            },
        ],
    )
    def test_what_the_text_of_an_item_says_is_not_in_its_metadata_too(self, item: Any) -> None:
        (turn,) = turns_of(item)

        assert "4411" in turn.text
        assert ({"call_id": "c"}, "") == (turn.metadata, turn.speaker)

    def test_a_message_may_lie_in_a_reply_or_in_a_line_of_a_transcript(self) -> None:
        line = {
            "type": "user",
            "message": {"role": "user", "content": "hi"},
            "sessionId": "s",
            "timestamp": NOON_S,
        }
        reply = {
            "model": "m",
            "created_at": NOON_S,
            "message": {"role": "assistant", "content": "yo"},
        }

        assert [
            Turn("hi", role="user", session="s", at=NOON),
            Turn("yo", role="assistant", at=NOON),
        ] == turns_of([line, reply])

    def test_parts_are_joined_and_what_is_not_text_leaves_a_note(self) -> None:
        content: list[Any] = [
            {"type": "text", "text": "Look:"},
            {"type": "image_url", "image_url": {"url": "data:..."}},
            {"type": "input_text", "text": "nice"},
            {"type": "input_audio", "input_audio": {}},
            {"type": "tool_result"},
            {},
            "plain",
        ]

        assert "Look:\n[image]\nnice\n[audio]\n[tool result]\n[attachment]\nplain" == (
            turns_of({"role": "user", "content": content})[0].text
        )

    def test_a_call_of_a_tool_leaves_a_note(self) -> None:
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "weather", "arguments": "{}"}}, {}],
        }

        assert "[tool call: weather]\n[tool call: ?]" == turns_of(message)[0].text

    def test_an_empty_list_is_no_turns(self) -> None:
        assert [] == turns_of([])

    @pytest.mark.parametrize("value", [None, 3, b"bytes", [3], [None], [["nested"]], {"a"}])
    def test_other_types_are_refused(self, value: Any) -> None:
        with pytest.raises(TypeError, match="not "):
            turns_of(value)

    @pytest.mark.parametrize(
        "message",
        [
            {"role": "user", "content": 3},
            {"role": "user", "content": [3]},
            {"role": 3, "content": "x"},
            {"role": "assistant", "tool_calls": 3},
            {"text": "x", "metadata": []},
            {"text": "x", "at": True},
            {"text": 3},
        ],
    )
    def test_fields_of_a_wrong_type_are_refused(self, message: Any) -> None:
        with pytest.raises(TypeError, match=r"must be|is a|is ISO"):
            turns_of(message)

    @pytest.mark.parametrize(
        ("message", "complaint"),
        [
            ({"role": "user"}, "this one has role"),
            ({}, "this one has nothing"),
            (" ", "blank"),
            ({"text": " "}, "blank"),
            ({"text": "x", "txet": "y"}, "unknown field 'txet'"),
            ({"text": "x", "at": "2024-03-01T12:00"}, "no time zone"),
            ({"text": "x", "at": "yesterday"}, "yesterday"),
            ({"text": "x", "at": 1e300}, "not a time in epoch seconds"),
            ({"text": "x", "at": float("nan")}, "not a time in epoch seconds"),
            ({"text": "x", "at": NOON_S * 1000}, "not a time in epoch seconds"),
            ({"text": "x", "at": 1, "timestamp": 1}, "give one of them"),
        ],
    )
    def test_what_cannot_be_a_turn_says_why(self, message: Any, complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            turns_of(message)


class TestFields:
    @pytest.mark.parametrize("key", ["at", "timestamp", "created_at", "createdAt", "date"])
    @pytest.mark.parametrize("when", [NOON, NOON_S, str(NOON_S), "2024-03-01T13:00:00+01:00"])
    @pytest.mark.parametrize("words", ["content", "text"])
    def test_a_time_is_taken_by_any_usual_name(self, key: str, when: object, words: str) -> None:
        assert [NOON] == [turn.at for turn in turns_of({words: "hi", key: when})]

    @pytest.mark.parametrize(
        "who",
        [
            {"speaker": "Ana"},
            {"name": "Ana"},
            {"author": "Ana"},
            {"author": {"id": "7", "name": "ana_g", "nickname": "Ana"}},
            {"author": {"username": "Ana"}},
        ],
    )
    def test_so_is_the_speaker(self, who: dict[str, Any]) -> None:
        assert ["Ana"] == [
            turn.speaker for turn in turns_of({"role": "user", "content": "hi", **who})
        ]

    def test_session_and_metadata_are_taken_and_other_fields_are_kept(self) -> None:
        message = {
            "role": "user",
            "content": "hi",
            "session": "s",
            "metadata": {"a": 1, "id": "own"},
            "id": "m1",
            "user_id": 7,
            "updatedAt": "later",
            "nothing": None,
            "annotations": [],
        }

        assert [
            Turn("hi", role="user", session="s", metadata={"a": 1, "id": "own", "user_id": 7, "updatedAt": "later"})
        ] == turns_of(message)  # fmt: skip

    def test_what_is_no_json_is_kept_as_text(self) -> None:
        (turn,) = turns_of({"content": "hi", "updated_at": NOON, "sizes": [1, {"at": NOON}]})

        assert {"updated_at": str(NOON), "sizes": [1, {"at": str(NOON)}]} == turn.metadata

    def test_a_second_time_is_kept(self) -> None:
        (turn,) = turns_of({"content": "hi", "timestamp": NOON_S, "date": "in spring"})

        assert (NOON, {"date": "in spring"}) == (turn.at, turn.metadata)

    def test_a_name_that_names_nobody_is_kept(self) -> None:
        (turn,) = turns_of({"content": "hi", "name": {"first": "Ana"}})

        assert ("", {"name": {"first": "Ana"}}) == (turn.speaker, turn.metadata)

    def test_milliseconds_are_no_seconds(self) -> None:
        with pytest.raises(ValueError, match="looks like milliseconds"):
            take({"content": "hi", "timestamp": NOON_S * 1000})


CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Porto"}'}}  # fmt: skip


class TestTools:
    @pytest.mark.parametrize(
        "message",
        [
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "assistant", "tool_calls": [{"name": "weather", "args": {"city": "Porto"}}]},
            {"role": "assistant", "content": None, "function_call": CALL["function"]},
            {"role": "assistant", "content": "", "additional_kwargs": {"tool_calls": [CALL]}},
            {"role": "assistant", "content": [{"type": "tool_use", "name": "weather", "input": {"city": "Porto"}}]},
            {"type": "function_call", "name": "weather", "arguments": '{"city": "Porto"}', "call_id": "c"},
            {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city": "Porto"}}}]},
        ],
    )  # fmt: skip
    def test_a_call_is_kept_with_what_it_was_called_with(self, message: dict[str, Any]) -> None:
        (turn,) = turns_of(message)

        assert ("assistant", '[tool call: weather({"city": "Porto"})]') == (turn.role, turn.text)

    @pytest.mark.parametrize(
        "message",
        [
            {"role": "tool", "content": "18 degrees", "tool_call_id": "c1"},
            {"role": "tool", "content": [{"type": "text", "text": "18 degrees"}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "18 degrees"}]},
            {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "18 degrees"}]}]},
            {"type": "function_call_output", "call_id": "c1", "output": "18 degrees"},
            {"type": "function_call_output", "output": [{"type": "input_text", "text": "18 degrees"}]},
        ],
    )  # fmt: skip
    def test_what_a_tool_gave_back_is_kept(self, message: dict[str, Any]) -> None:
        (turn,) = turns_of(message)

        assert ("tool", "18 degrees") == (turn.role, turn.text)

    def test_a_call_that_stands_in_two_places_is_one(self) -> None:
        message = {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "name": "weather", "input": {"city": "Porto"}},
            ],
            "tool_calls": [{"name": "weather", "args": {"city": "Porto"}}],
        }

        assert 'I look.\n[tool call: weather({"city": "Porto"})]' == turns_of(message)[0].text

    def test_data_that_a_tool_gave_back_is_kept_as_json(self) -> None:
        item = {"type": "function_call_output", "output": {"degrees": 18}}

        assert '{"degrees": 18}' == turns_of(item)[0].text


class TestParts:
    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ([{"type": "refusal", "refusal": "I cannot."}], "I cannot."),
            ([{"type": "input_audio", "input_audio": {"transcript": "Hello."}}], "Hello."),
            (
                [{"type": "document", "source": {"type": "text", "data": "The lease."}}],
                "The lease.",
            ),
            (
                [{"type": "file", "file": {"filename": "a.pdf", "file_data": "JVBE"}}],
                "[file: a.pdf]",
            ),
            ([{"type": "input_file", "filename": "a.pdf"}], "[file: a.pdf]"),
            ([None, {"type": "output_text", "text": "Hi."}], "Hi."),
            ({"type": "text", "text": "Hi."}, "Hi."),
        ],
    )
    def test_what_is_said_in_them_is_kept(self, content: Any, text: str) -> None:
        assert [text] == [each.text for each in turns_of({"role": "user", "content": content})]

    def test_a_refusal_and_a_spoken_answer_are_kept(self) -> None:
        refused = {"role": "assistant", "content": None, "refusal": "I cannot."}
        spoken = {"role": "assistant", "content": None, "audio": {"transcript": "Hello."}}

        assert ["I cannot.", "Hello."] == [turn.text for turn in turns_of([refused, spoken])]

    def test_what_is_lost_of_a_turn_is_told(self) -> None:
        content = [
            {"type": "thinking", "thinking": "Hm."},
            {"type": "text", "text": "Look:"},
            {"type": "image_url", "image_url": {"url": "data:..."}},
        ]
        reading = take(["hi", {"role": "assistant", "content": content}])

        assert "Look:\n[image]" == reading.turns[1].text
        assert {
            1: ("the model's reasoning is left out", "of an image only a note is kept")
        } == reading.losses


class TestLeftOut:
    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            ({"role": "assistant", "content": ""}, "no text"),
            ({"role": "assistant", "content": None}, "no text"),
            ({"role": "assistant", "content": []}, "no text"),
            ({"role": "assistant", "content": {}}, "no text"),
            ({"role": "assistant", "content": None, "tool_calls": []}, "no text"),
            ({"role": "system", "content": "Be kind."}, "system prompt"),
            ({"role": "developer", "content": "Be kind."}, "system prompt"),
            ({"type": "system", "content": "Be kind."}, "system prompt"),
            (
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}]},
                "reasoning",
            ),
            ({"role": "assistant", "content": "", "reasoning_content": "Hm."}, "reasoning"),
            ({"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}, "reasoning"),
            ({"type": "web_search_call", "id": "w1", "status": "completed"}, "web_search_call"),
        ],
    )
    def test_what_is_no_turn_is_told_by_its_index(
        self, message: dict[str, Any], reason: str
    ) -> None:
        reading = take(["before", message, "after"])

        assert (0, 2) == reading.places
        (left_out,) = reading.left_out
        assert (1, None) == (left_out.index, left_out.id)
        assert reason in left_out.reason

    @pytest.mark.parametrize(
        "bad",
        [" ", {"role": "user"}, 3, {"text": "x", "txet": "y"}, {"content": "x", "at": "soon"}],
    )
    def test_one_bad_turn_of_several_is_named(self, bad: Any) -> None:
        with pytest.raises((TypeError, ValueError), match=r"^message 1 \(counted from 0\): "):
            take(["fine", bad])

    def test_of_one_there_is_no_need_to_say_which(self) -> None:
        with pytest.raises(ValueError, match=r"^a turn needs text"):
            take([" "])

    def test_a_whole_reply_says_what_to_hand_over(self) -> None:
        with pytest.raises(ValueError, match=r"reply\.choices\[0\]\.message"):
            take({"id": "r", "choices": [{"message": {"role": "assistant", "content": "Hi"}}]})


class Dumping:
    """An object as pydantic makes them."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def model_dump(self) -> dict[str, Any]:
        return self._fields


@dataclass
class Plain:
    content: str
    role: str = "user"
    blocks: list[str] = field(default_factory=list)


class TestObjects:
    @pytest.mark.parametrize(
        "message",
        [
            Dumping(content="Hi", role="user", refusal=None, tool_calls=None, annotations=[]),
            Dumping(content="Hi", type="human", additional_kwargs={}, response_metadata={"a": 1}),
            Dumping(content=[{"type": "text", "text": "Hi"}], role="user", type="message", status="completed"),
            Plain("Hi"),
            SimpleNamespace(content="Hi", role="user"),
            SimpleNamespace(content="Hi", role=SimpleNamespace(value="user")),
        ],
    )  # fmt: skip
    def test_objects_of_packages_are_messages(self, message: Any) -> None:
        assert [Turn("Hi", role="user")] == turns_of(message)
        assert [Turn("Hi", role="user")] == turns_of([message])

    @pytest.mark.parametrize(
        ("kind", "role"), [("ai", "assistant"), ("AIMessageChunk", "assistant"), ("tool", "tool")]
    )
    def test_langchain_says_who_speaks_by_the_type(self, kind: str, role: str) -> None:
        assert [role] == [turn.role for turn in turns_of(Dumping(content="Hi", type=kind))]

    def test_what_providers_note_about_their_work_is_no_metadata(self) -> None:
        message: dict[str, Any] = {
            **dict.fromkeys(TECHNICAL - {"text"}, "x"),
            "content": "Hi",
            "role": "user",
        }
        message |= {"metadata": None, "session": "s", "tool_calls": [], "function_call": None}
        message |= {"audio": None, "refusal": None, "additional_kwargs": {}, "type": "message"}

        assert [{}] == [turn.metadata for turn in turns_of(message)]

    def test_messages_of_installed_packages_are_taken(self) -> None:
        messages = pytest.importorskip("langchain_core.messages")
        chat = pytest.importorskip("openai.types.chat")
        given = [
            messages.HumanMessage("What is the weather?", name="Ana"),
            messages.AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Porto"}, "id": "c"}]),
            messages.ToolMessage("18 degrees", tool_call_id="c"),
            chat.ChatCompletionMessage(role="assistant", content="It is warm."),
        ]  # fmt: skip
        reading = take(given)

        assert ["user", "assistant", "tool", "assistant"] == [turn.role for turn in reading.turns]
        assert "Ana" == reading.turns[0].speaker
        assert '[tool call: weather({"city": "Porto"})]' == reading.turns[1].text
        assert () == reading.left_out


class TestMessageFiles:
    def test_messages_without_content_are_left_out(self) -> None:
        messages: list[Any] = [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": ""},
            {"role": "assistant", "content": None},
            {"role": "user", "content": "Hi", "name": "Ana"},
        ]
        reading = read_messages(messages)

        assert (Turn("Hi", speaker="Ana", role="user"),) == reading.turns
        assert [0, 1, 2] == [each.index for each in reading.left_out]
        assert reading == read_messages({"model": "m", "messages": messages})

    @pytest.mark.parametrize("value", [3, "text", {"role": "user"}, {"messages": {}}])
    def test_something_else_is_reported(self, value: Any) -> None:
        with pytest.raises(DataError, match=r"expected a list of messages|needs 'content'"):
            read_messages(value)

    def test_times_without_a_zone_are_read_in_the_one_that_is_given(self) -> None:
        messages = [{"role": "user", "content": "Hi", "date": "2024-03-01T21:00:00"}]

        assert [NOON] == [turn.at for turn in read_messages(messages, ZoneInfo("Asia/Tokyo")).turns]
        with pytest.raises(DataError, match=r"message 1: .*no time zone"):
            read_messages(messages)

    def test_a_malformed_message_is_reported_by_its_number(self) -> None:
        with pytest.raises(DataError, match="message 2: "):
            read_messages([{"role": "user", "content": "fine"}, {"role": "user"}])
