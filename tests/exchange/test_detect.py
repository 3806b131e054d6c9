import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.errors import DataError
from helamem.exchange.detect import FORMATS, detect, read

NOON = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
NOON_S = 1709294400


TURN = {"speaker": "Ana", "dia_id": "D1:1", "text": "Hello."}
LOCOMO = {
    "sample_id": "conv-1",
    "conversation": {"session_1_date_time": "1:56 pm on 8 May, 2023", "session_1": [TURN]},
}
HI = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Hi"]}}
CHATGPT = {"mapping": {"a": {"parent": None, "message": HI}}, "current_node": "a"}
CLAUDE = {"uuid": "u", "chat_messages": [{"sender": "human", "text": "Hi"}]}
DISCORD = {
    "guild": {"name": "Club"},
    "channel": {"name": "general"},
    "messages": [{"content": "Hi", "timestamp": "2024-05-06T19:02:11+02:00", "type": "Default"}],
}
MESSAGE = {"role": "user", "content": "Hi"}
LETTA = {"agent_type": "memgpt_agent", "core_memory": [], "messages": [MESSAGE]}
TELEGRAM = {
    "name": "Ana",
    "messages": [{"type": "message", "date_unixtime": "1714986000", "from": "Ana", "text": "Hi"}],
}
SLACK = {"type": "message", "user": "U1", "text": "Hi", "ts": "1714986000.000200"}

SAMPLES = [
    ("jsonl", '{"text": "a"}\n{"text": "b"}\n', 2),
    ("jsonl", '\n{"text": "one line"}', 1),
    ("jsonl", '{"text": "a\u2028b"}\n{"text": "c"}', 2),
    ("jsonl", '\ufeff{"role": "user", "content": "a"}', 1),
    ("jsonl", '{"role": "user", "content": "a"}\n{"role": "user", "content": "b"}', 2),
    ("jsonl", '{"messages": [{"role": "user", "content": "a"}]}\n{"messages": []}', 1),
    ("locomo", json.dumps([LOCOMO]), 1),
    ("locomo", json.dumps(LOCOMO, indent=1), 1),
    ("chatgpt", json.dumps([CHATGPT]), 1),
    ("chatgpt", json.dumps(CHATGPT), 1),
    ("chatgpt", json.dumps([None, {}, CHATGPT]), 1),
    ("chatgpt", json.dumps({"conversations": [CHATGPT]}), 1),
    ("claude", json.dumps([CLAUDE], indent=2), 1),
    ("discord", json.dumps(DISCORD), 1),
    ("letta", json.dumps(LETTA), 1),
    ("slack", json.dumps([SLACK]), 1),
    ("telegram", json.dumps(TELEGRAM), 1),
    ("telegram", json.dumps({"chats": {"list": [TELEGRAM, TELEGRAM]}}), 2),
    ("whatsapp", "06/05/2024, 19:02 - Ana: Hi\n", 1),
    ("messages", '\ufeff[{"role": "user", "content": "a"}]', 1),
    ("messages", '{"messages": [{"role": "user", "content": "a"}]}', 1),
    ("messages", "[]", 0),
]


@pytest.mark.parametrize(("kind", "text", "n"), SAMPLES)
def test_the_format_is_found_and_read(kind: str, text: str, n: int) -> None:
    assert kind == detect(text)
    assert n == len(read(text).turns)


@pytest.mark.parametrize("tail", ["", '\n{"type": "episode"}'])
def test_an_export_is_for_the_memory_to_read(tail: str) -> None:
    export = '{"type": "helamem", "format": 1}' + tail

    assert "helamem" == detect(export)
    with pytest.raises(DataError, match="export of helamem"):
        read(export)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the file is empty"),
        ("hello", "Telegram, WhatsApp and Letta; Markdown and plain text"),
        ("{", "not JSON"),
        ("3", "these are read: "),
        ("[3]", "these are read: "),
        ('{"a": 1}', "these are read: "),
        ('[{"a": 1}]', "Telegram, WhatsApp and Letta; Markdown and plain text"),
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
        turns = read(text).turns
    except DataError:
        return
    assert all(turn.text.strip() for turn in turns)
    assert detect(text) in FORMATS
