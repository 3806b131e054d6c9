from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from helamem.errors import DataError
from helamem.exchange.locomo import Conversation, read_locomo
from helamem.records import Turn

NOON = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
NOON_S = 1709294400


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
