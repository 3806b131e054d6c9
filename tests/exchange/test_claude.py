from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from helamem.errors import DataError
from helamem.exchange.claude import read_claude
from helamem.records import Turn

NOON = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
NOON_S = 1709294400


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
        ] == list(read_claude([value]).turns)

    def test_an_unnamed_conversation_has_no_title(self) -> None:
        (turn,) = read_claude(
            claude({"sender": "human", "text": "Hi"}, name="", created_at=None)
        ).turns

        assert Turn("Hi", "", "user", None, "u1") == turn

    @pytest.mark.parametrize(
        "broken",
        [
            {},
            3,
            {"chat_messages": 3},
            claude({"sender": "human", "text": "x", "created_at": "2024-03-01T12:00:00"}),
        ],
    )
    def test_a_conversation_that_cannot_be_read_costs_itself(self, broken: Any) -> None:
        fine = claude({"sender": "human", "text": "Hi"})

        reading = read_claude([fine, broken])

        assert ["Hi"] == [turn.text for turn in reading.turns]
        assert reading.left_out[0].reason.startswith("Claude conversation 2")
        with pytest.raises(DataError, match="Claude conversation 1"):
            read_claude(broken)

    def test_times_without_a_zone_are_read_in_the_one_that_is_given(self) -> None:
        tokyo = ZoneInfo("Asia/Tokyo")
        value = claude({"sender": "human", "text": "x", "created_at": "2024-03-01T21:00:00"})

        assert [NOON] == [turn.at for turn in read_claude(value, tokyo).turns]

    def test_what_was_pasted_and_spoken_is_read(self) -> None:
        value = claude(
            {
                "sender": "human",
                "text": "",
                "content": [],
                "attachments": [
                    {"file_name": "lease.txt", "extracted_content": "It ends in September. "}
                ],
            },
            {
                "sender": "human",
                "content": [
                    {"type": "text", "text": "See:"},
                    {"type": "voice_note", "title": "Voice", "text": "Call the landlord."},
                ],
                "attachments": [{"file_name": "a.md", "extracted_content": ""}],
                "files": [{"file_name": "plan.png"}, {"file_name": "a.md"}],
                "files_v2": [{"file_name": "plan.png"}],
            },
            {"sender": "human", "text": "", "files": [{"file_name": "keys.jpg"}]},
        )
        reading = read_claude(value)

        assert [
            "[file: lease.txt]\nIt ends in September.",
            "See:\nCall the landlord.\n[file: a.md]\n[file: plan.png]",
            "[file: keys.jpg]",
        ] == [turn.text for turn in reading.turns]
        assert [1, 2] == sorted(reading.losses)

    @pytest.mark.parametrize("fence", ["", "```\n"])
    def test_placeholders_were_not_said(self, fence: str) -> None:
        placeholder = f"{fence}This block is not supported on your current device yet.{fence[::-1]}"
        value = claude(
            {"sender": "assistant", "text": placeholder, "content": [{"type": "tool_use"}]},
            {"sender": "assistant", "content": [{"type": "text", "text": f"{placeholder}Hi."}]},
        )
        reading = read_claude(value)

        assert ["Hi."] == [turn.text for turn in reading.turns]
        assert ["1 message without text"] == [each.reason for each in reading.left_out]

    def test_what_is_odd_in_a_message_costs_nothing_else(self) -> None:
        value = claude(
            {"sender": "human", "content": "Just text."},
            {"sender": "human", "content": [None, "bare", {"type": "text", "text": None}]},
            {"sender": None, "text": "Nobody's."},
        )

        assert ["Just text.", "bare", "Nobody's."] == [
            turn.text for turn in read_claude([value, claude(chat_messages=None)]).turns
        ]
