import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.errors import DataError
from helamem.exchange.formats import (
    FIELDS,
    Conversation,
    detect,
    messages_to_turns,
    read,
    read_chatgpt,
    read_claude,
    read_jsonl,
    read_locomo,
    read_messages,
)
from helamem.records import Turn

NOON = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
NOON_S = 1709294400


class TestMessages:
    def test_a_text_is_a_turn(self) -> None:
        assert [Turn("hello")] == messages_to_turns("hello")

    def test_a_turn_stays_as_it_is(self) -> None:
        turn = Turn("hello", speaker="Ana", at=NOON)

        assert [turn] == messages_to_turns(turn)

    def test_a_list_may_mix_them(self) -> None:
        turns = messages_to_turns(["a", Turn("b"), {"role": "user", "content": "c"}])

        assert [Turn("a"), Turn("b"), Turn("c", role="user")] == turns

    def test_a_message_keeps_its_name_and_time(self) -> None:
        message = {"role": "user", "content": "hi", "name": "Ana", "timestamp": NOON_S}

        assert [Turn("hi", speaker="Ana", role="user", at=NOON)] == messages_to_turns(message)

    def test_a_mapping_may_have_the_fields_of_a_line(self) -> None:
        record = {"text": "hi", "speaker": "Ana", "session": "s", "metadata": {"n": 1}, "at": NOON}

        assert [
            Turn("hi", speaker="Ana", session="s", metadata={"n": 1}, at=NOON)
        ] == messages_to_turns(record)

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
            messages_to_turns({"role": "user", "content": content})[0].text
        )

    def test_a_call_of_a_tool_leaves_a_note(self) -> None:
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "weather", "arguments": "{}"}}, {}],
        }

        assert "[tool call: weather]\n[tool call: ?]" == messages_to_turns(message)[0].text

    def test_an_empty_list_is_no_turns(self) -> None:
        assert [] == messages_to_turns([])

    @pytest.mark.parametrize("value", [None, 3, b"bytes", [3], [None], [["nested"]], {"a"}])
    def test_other_types_are_refused(self, value: Any) -> None:
        with pytest.raises(TypeError, match="not "):
            messages_to_turns(value)

    @pytest.mark.parametrize(
        "message",
        [
            {"role": "user", "content": 3},
            {"role": "user", "content": [3]},
            {"role": 3, "content": "x"},
            {"text": "x", "metadata": []},
            {"text": "x", "at": True},
            {"text": 3},
        ],
    )
    def test_fields_of_a_wrong_type_are_refused(self, message: Any) -> None:
        with pytest.raises(TypeError, match=r"must be|is a|is ISO"):
            messages_to_turns(message)

    @pytest.mark.parametrize(
        ("message", "complaint"),
        [
            ({"role": "user"}, "this one has role"),
            ({}, "this one has nothing"),
            ({"role": "user", "content": " "}, "blank"),
            ({"role": "user", "content": None}, "blank"),
            ({"role": "user", "content": []}, "blank"),
            ({"text": "x", "txet": "y"}, "unknown field 'txet'"),
            ({"text": "x", "at": "2024-03-01T12:00"}, "no time zone"),
            ({"text": "x", "at": "yesterday"}, "yesterday"),
            ({"text": "x", "at": 1e300}, "no time in epoch seconds"),
            ({"text": "x", "at": float("nan")}, "no time in epoch seconds"),
            ({"text": "x", "at": NOON_S * 1000}, "no time in epoch seconds"),
            ({"text": "x", "at": 1, "timestamp": 1}, "give one of them"),
        ],
    )
    def test_what_cannot_be_a_turn_says_why(self, message: Any, complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            messages_to_turns(message)


class TestJsonl:
    def test_every_field(self) -> None:
        line = json.dumps(
            {
                "text": "hi",
                "speaker": "Ana",
                "role": "user",
                "at": "2024-03-01T13:00:00+01:00",
                "session": "s",
                "metadata": {"tags": ["x"]},
            }
        )

        assert [
            Turn("hi", speaker="Ana", role="user", at=NOON, session="s", metadata={"tags": ["x"]})
        ] == list(read_jsonl([line]))

    @pytest.mark.parametrize("when", [NOON_S, float(NOON_S), "2024-03-01T12:00:00Z"])
    @pytest.mark.parametrize("key", ["at", "timestamp"])
    def test_times(self, key: str, when: object) -> None:
        assert NOON == next(read_jsonl([json.dumps({"text": "hi", key: when})])).at

    def test_null_is_not_given(self) -> None:
        line = '{"text": "hi", "speaker": null, "at": null, "metadata": null}'

        assert [Turn("hi")] == list(read_jsonl([line]))

    def test_blank_lines_and_a_byte_order_mark_are_passed_over(self) -> None:
        lines = ['\ufeff{"text": "a"}\r\n', "\n", "  ", '{"text": "b"}\n']

        assert ["a", "b"] == [turn.text for turn in read_jsonl(lines)]

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ('{"text": "a"', "not JSON"),
            ("text", "not JSON"),
            ("[1]", "expected an object"),
            ('"text"', "expected an object"),
            ('{"speaker": "Ana"}', "there is no 'text'; there is speaker"),
            ("{}", "there is no 'text'; there is nothing"),
            ('{"text": " "}', "blank"),
            ('{"text": 3}', "text must be a string"),
            ('{"text": "a", "user_id": 3}', "unknown field 'user_id'; there are: text, speaker"),
            ('{"text": "a", "at": "2024-03-01"}', "no time zone"),
            ('{"text": "a", "at": NaN}', "NaN is not a number in JSON"),
            ('{"text": "a", "metadata": {"n": Infinity}}', "Infinity is not a number"),
            ('{"text": "a", "at": ' + "9" * 5000 + "}", "not JSON|epoch"),
            ("[" * 100_000, "not JSON"),
        ],
    )
    def test_a_malformed_line_is_reported_by_its_number(self, line: str, complaint: str) -> None:
        lines = ['{"text": "fine"}', "", line, '{"text": "fine"}']

        with pytest.raises(DataError, match=complaint) as raised:
            list(read_jsonl(lines))

        assert 3 == raised.value.line
        assert str(raised.value).startswith("line 3: ")

    def test_the_known_fields_are_all_named(self) -> None:
        with pytest.raises(DataError) as raised:
            list(read_jsonl(['{"text": "a", "x": 1}']))

        assert str(raised.value).endswith(", ".join(FIELDS))

    def test_lines_are_read_as_they_are_asked_for(self) -> None:
        turns = read_jsonl(['{"text": "a"}', "broken"])

        assert "a" == next(turns).text

    def test_bytes_that_are_no_utf8_are_reported(self) -> None:
        def lines() -> Iterator[str]:
            yield '{"text": "a"}'
            yield b"\xff".decode()

        with pytest.raises(DataError, match="line 2: this is not UTF-8"):
            list(read_jsonl(lines()))

    @given(st.lists(st.text(st.characters(exclude_categories=()), min_size=1).filter(str.strip)))
    def test_any_text_comes_back(self, texts: list[str]) -> None:
        lines = [json.dumps({"text": text}) for text in texts]

        assert [json.loads(json.dumps(text)) for text in texts] == [
            turn.text for turn in read_jsonl(lines)
        ]

    @given(st.text(max_size=50))
    def test_any_line_is_read_or_reported(self, line: str) -> None:
        try:
            list(read_jsonl([line]))
        except DataError as error:
            assert 1 == error.line  # noqa: PT017  # not raising is as good


def locomo(**changes: Any) -> dict[str, Any]:
    conversation = {
        "speaker_a": "Ana",
        "speaker_b": "Ben",
        "session_10_date_time": "12:05 am on 1 January, 2024",
        "session_10": [{"speaker": "Ben", "dia_id": "D10:1", "text": "Happy new year!"}],
        "session_2_date_time": "1:56 pm on 8 May, 2023",
        "session_2": [
            {"speaker": "Ana", "dia_id": "D2:1", "text": "Look at this "},
            {
                "speaker": "Ben",
                "dia_id": "D2:2",
                "text": "",
                "blip_caption": "a red kite",
                "query": "secret",
                "img_url": ["http://x"],
            },
            {"speaker": "Ana", "dia_id": "D2:3", "text": "Wow", "blip_caption": "a dog"},
            {"speaker": "Ana", "dia_id": "D2:4", "text": " "},
        ],
        "session_11_date_time": "1:00 pm on 2 January, 2024",
    }
    return {"sample_id": "conv-1", "qa": [], "conversation": {**conversation, **changes}}


class TestLocomo:
    def test_sessions_are_read_in_order_with_captions_and_times(self) -> None:
        start = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
        second = timedelta(seconds=1)

        assert [
            Conversation(
                "conv-1",
                (
                    Turn("Look at this", "Ana", "", start, "conv-1/session_2", {"dia_id": "D2:1"}),
                    Turn("[image: a red kite]", "Ben", "", start + second, "conv-1/session_2", {"dia_id": "D2:2"}),
                    Turn("Wow [image: a dog]", "Ana", "", start + 2 * second, "conv-1/session_2", {"dia_id": "D2:3"}),
                    Turn("Happy new year!", "Ben", "", datetime(2024, 1, 1, 0, 5, tzinfo=UTC), "conv-1/session_10", {"dia_id": "D10:1"}),
                ),
            )
        ] == read_locomo([locomo()])  # fmt: skip

    def test_one_conversation_without_the_list_will_do(self) -> None:
        assert read_locomo([locomo()]) == read_locomo(locomo())

    @pytest.mark.parametrize(
        ("when", "hour"),
        [("12:00 pm", 12), ("12:30 AM", 0), ("1:00 am", 1), ("11:59 pm", 23)],
    )
    def test_hours(self, when: str, hour: int) -> None:
        (conversation,) = read_locomo(locomo(session_2_date_time=f"{when} on 8 may 2023"))
        at = conversation.turns[0].at

        assert at is not None
        assert hour == at.hour

    @pytest.mark.parametrize(
        "value",
        [
            [{}],
            [3],
            "text",
            locomo(session_2_date_time="yesterday"),
            locomo(session_2_date_time="1:56 pm on 8 Mai, 2023"),
            locomo(session_2_date_time="1:56 pm on 31 June, 2023"),
            locomo(session_2_date_time=None),
            locomo(session_2=[{"text": "no speaker"}]),
            locomo(session_2=["text"]),
            locomo(session_2=3),
            locomo(session_3=[]),
        ],
    )
    def test_another_form_is_reported(self, value: Any) -> None:
        with pytest.raises(DataError, match="not LoCoMo's form"):
            read_locomo(value)


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
        ] == read_chatgpt([chatgpt()])

    def test_another_branch_is_read_where_that_one_was_open(self) -> None:
        turns = read_chatgpt([chatgpt(current_node="old")])

        assert ["What is a kite?", "A bird."] == [turn.text for turn in turns]

    def test_without_an_open_branch_the_last_node_is_its_end(self) -> None:
        assert read_chatgpt([chatgpt()]) == read_chatgpt([chatgpt(current_node=None)])

    def test_a_ring_of_parents_ends(self) -> None:
        mapping = {"a": node("b", "user", "one"), "b": node("a", "assistant", "two")}

        assert ["one", "two"] == [
            turn.text for turn in read_chatgpt([chatgpt(mapping=mapping, current_node="b")])
        ]

    def test_an_empty_conversation_has_no_turns(self) -> None:
        assert [] == read_chatgpt([chatgpt(mapping={}, current_node=None)])

    def test_a_message_without_a_time_has_that_of_the_conversation(self) -> None:
        mapping = {"a": node(None, "user", "one")}
        (turn,) = read_chatgpt(chatgpt(mapping=mapping, current_node="a"))

        assert NOON - timedelta(seconds=60) == turn.at

    @pytest.mark.parametrize(
        "broken",
        [
            {"mapping": 3},
            {"mapping": {"a": 3}, "current_node": "a"},
            {"mapping": {"a": {"message": 3}}, "current_node": "a"},
            {"mapping": {"a": {"message": {"id": 1}}}, "current_node": "a"},
            {"mapping": {"a": node(None, "user", 3)}, "current_node": "a"},
            {"mapping": {"a": node(None, "user", "x", create_time="noon")}, "current_node": "a"},
        ],
    )
    def test_another_form_is_reported_with_its_number(self, broken: dict[str, Any]) -> None:
        with pytest.raises(DataError, match="ChatGPT conversation 2: "):
            read_chatgpt([chatgpt(), chatgpt(**broken)])


def claude(*messages: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "uuid": "u1",
        "name": "Kites",
        "created_at": "2024-03-01T12:00:00.000000Z",
        "chat_messages": list(messages),
        **changes,
    }


class TestClaude:
    def test_messages_are_read_with_text_or_blocks(self) -> None:
        value = claude(
            {"sender": "human", "text": "Hi ", "created_at": "2024-03-01T12:00:05Z"},
            {
                "sender": "assistant",
                "text": "(this block is not supported)",
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "text", "text": "Hello."},
                    {"type": "tool_use", "name": "x"},
                    {"type": "text", "text": "Bye."},
                ],
            },
            {"sender": "human", "text": "", "content": []},
        )
        at = NOON + timedelta(seconds=5)

        assert [
            Turn("Hi", "", "user", at, "u1", {"title": "Kites"}),
            Turn("Hello.\nBye.", "", "assistant", at, "u1", {"title": "Kites"}),
        ] == read_claude([value])

    def test_an_unnamed_conversation_has_no_title(self) -> None:
        (turn,) = read_claude(claude({"sender": "human", "text": "Hi"}, name="", created_at=None))

        assert Turn("Hi", "", "user", None, "u1") == turn

    @pytest.mark.parametrize(
        "broken",
        [
            {},
            3,
            {"chat_messages": 3},
            {"chat_messages": ["text"]},
            claude({"text": "no sender"}),
            claude({"sender": "human", "text": "x", "created_at": "2024-03-01T12:00:00"}),
        ],
    )
    def test_another_form_is_reported_with_its_number(self, broken: Any) -> None:
        with pytest.raises(DataError, match="Claude conversation 2: "):
            read_claude([claude(), broken])


class TestMessageFiles:
    def test_messages_without_content_are_left_out(self) -> None:
        messages: list[Any] = [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": ""},
            {"role": "assistant", "content": None},
            {"role": "user", "content": "Hi", "name": "Ana"},
        ]
        expected = [Turn("Be kind.", role="system"), Turn("Hi", speaker="Ana", role="user")]

        assert expected == read_messages(messages)
        assert expected == read_messages({"model": "m", "messages": messages})

    @pytest.mark.parametrize("value", [3, "text", {"role": "user"}, {"messages": {}}])
    def test_something_else_is_reported(self, value: Any) -> None:
        with pytest.raises(DataError, match="expected a list of messages"):
            read_messages(value)

    def test_a_malformed_message_is_reported_by_its_number(self) -> None:
        with pytest.raises(DataError, match="message 2: "):
            read_messages([{"role": "user", "content": "fine"}, {"role": "user"}])


SAMPLES = [
    ("jsonl", '{"text": "a"}\n{"text": "b"}\n', 2),
    ("jsonl", '\n{"text": "one line"}', 1),
    ("jsonl", '{"text": "a\u2028b"}\n{"text": "c"}', 2),
    ("locomo", json.dumps([locomo()]), 4),
    ("locomo", json.dumps(locomo(), indent=1), 4),
    ("chatgpt", json.dumps([chatgpt()]), 3),
    ("chatgpt", json.dumps(chatgpt()), 3),
    ("claude", json.dumps([claude({"sender": "human", "text": "Hi"})], indent=2), 1),
    ("messages", '\ufeff[{"role": "user", "content": "a"}]', 1),
    ("messages", '{"messages": [{"role": "user", "content": "a"}]}', 1),
    ("messages", "[]", 0),
]


@pytest.mark.parametrize(("kind", "text", "n"), SAMPLES)
def test_the_format_is_found_and_read(kind: str, text: str, n: int) -> None:
    assert kind == detect(text)
    assert n == len(read(text))


@pytest.mark.parametrize("tail", ["", '\n{"type": "episode"}'])
def test_an_export_is_for_the_memory_to_read(tail: str) -> None:
    export = '{"type": "helamem", "format": 1}' + tail

    assert "helamem" == detect(export)
    with pytest.raises(DataError, match="export of helamem"):
        read(export)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not JSON"),
        ("hello", "not JSON"),
        ("{", "not JSON"),
        ("3", "not a format"),
        ("[3]", "not a format"),
        ('{"a": 1}', "not a format"),
        ('[{"a": 1}]', "not a format"),
        ('{"text": "a"}\n{', "line 2: this is not JSON"),
        ('{"text": "a"\n{"text": "b"}', "line 2: this is not JSON"),
        ('{"speaker": "a"}\n{"text": "b"}', "line 1: there is no 'text'"),
    ],
)
def test_what_is_no_conversation_is_reported(text: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        read(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["mapping", "chat_messages", "conversation", "role", "content", "text", "messages", "sender", "session_1", "session_1_date_time", "current_node", "a"]), inner, max_size=4), max_leaves=12))  # fmt: skip
def test_any_json_is_read_or_reported(value: Any) -> None:
    text = json.dumps(value)
    try:
        turns = read(text)
    except DataError:
        return
    assert all(turn.text.strip() for turn in turns)
    assert detect(text) in {"jsonl", "locomo", "chatgpt", "claude", "messages"}
