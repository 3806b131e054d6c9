"""What programs for groups write: Slack, Discord, WhatsApp, Letta."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from helamem.errors import DataError
from helamem.exchange.discord import read_discord
from helamem.exchange.letta import read_letta
from helamem.exchange.slack import names_of, read_slack
from helamem.exchange.telegram import read_telegram
from helamem.exchange.whatsapp import is_whatsapp, read_whatsapp
from helamem.records import Turn

BERLIN = ZoneInfo("Europe/Berlin")


class TestDiscord:
    def test_authors_speak_and_files_leave_a_note(self) -> None:
        at = datetime(2024, 5, 6, 19, 2, tzinfo=timezone(timedelta(hours=2)))
        ana, ben = {"id": "7", "name": "ana_g", "nickname": "Ana"}, {"id": "8", "name": "ben"}
        messages: list[dict[str, Any]] = [
            {"id": "1", "type": "Default", "content": "Hi!", "author": ana},
            {"id": "2", "content": "", "author": ben, "attachments": [{"fileName": "a.png"}]},
            {"id": "3", "type": "Reply", "content": "Nice.", "author": ana, "reference": {"messageId": "2"}},
            {"id": "4", "type": "GuildMemberJoin", "content": "joined", "author": ben},
            {"id": "5", "content": "", "author": ben},
            {"id": "6", "content": "", "author": ben, "stickers": [{"name": "wave"}], "embeds": [{"title": "News"}]},
        ]  # fmt: skip
        channel = {
            "guild": {"name": "Club"},
            "channel": {"name": "general"},
            "messages": [{**each, "timestamp": at.isoformat()} for each in messages],
        }
        reading = read_discord(channel)
        session = "Club / general/2024-05-06"

        assert [
            Turn("Hi!", "Ana", at=at, session=session, metadata={"id": "1"}),
            Turn("[file: a.png]", "ben", at=at, session=session, metadata={"id": "2"}),
            Turn("Nice.", "Ana", at=at, session=session, metadata={"id": "3", "reply_to": "2"}),
            Turn("[sticker: wave]\n[link: News]", "ben", at=at, session=session, metadata={"id": "6"}),
        ] == list(reading.turns)  # fmt: skip
        assert [
            "1 message of Discord itself, such as people joining and leaving",
            "1 message without text",
        ] == [each.reason for each in reading.left_out]

    def test_another_form_is_reported(self) -> None:
        with pytest.raises(DataError, match="Discord channel 1: "):
            read_discord({"messages": [{"content": "x", "timestamp": "soon"}]})


class TestSlack:
    def test_ids_become_names_and_links_read_as_they_look(self) -> None:
        names = names_of(
            [
                {"id": "U1", "name": "ana", "profile": {"display_name": "Ana"}},
                {"id": "U2", "name": "ben", "profile": {"display_name": "", "real_name": "Ben B."}},
                {"id": "U3", "name": "cleo"},
            ]
        )
        messages = [
            {"user": "U1", "text": "Ask <@U2> in <#C1|plans> &amp; see <https://x.org|the page> <https://y.org>", "ts": "1714986000.000200"},
            {"user": "U2", "text": "Yes", "ts": "1714986001.5", "thread_ts": "1714986000.000200", "files": [{"name": "a.pdf"}]},
            {"subtype": "channel_join", "user": "U3", "text": "joined", "ts": "1714986002.0"},
            {"subtype": "bot_message", "username": "deploy", "text": "", "attachments": [{"text": "Done."}], "ts": "1714986003.0"},
            {"user": "U9", "user_profile": {"real_name": "Guest"}, "text": "<!here> hello", "ts": "1714986004.0"},
            {"user": "U3", "text": "", "ts": "1714986005.0"},
        ]  # fmt: skip
        reading = read_slack(messages, session="plans/2024-05-06", names=names)

        assert [
            ("Ana", "Ask @Ben B. in #plans & see the page (https://x.org) https://y.org"),
            ("Ben B.", "Yes\n[file: a.pdf]"),
            ("deploy", "Done."),
            ("Guest", "@here hello"),
        ] == [(turn.speaker, turn.text) for turn in reading.turns]
        assert datetime(2024, 5, 6, 9, 0, 0, 200, tzinfo=UTC) == reading.turns[0].at
        assert {"thread": "1714986000.000200"} == reading.turns[1].metadata
        assert {"plans/2024-05-06"} == {turn.session for turn in reading.turns}
        assert 2 == len(reading.left_out)

    def test_a_malformed_message_is_reported_by_its_number(self) -> None:
        with pytest.raises(DataError, match="Slack message 2: "):
            read_slack([{"text": "a", "ts": "1714986000.1"}, {"text": "b", "ts": "soon"}])


ANDROID = """06/05/2024, 19:02 - Messages and calls are end-to-end encrypted.
06/05/2024, 19:02 - Ana: haha
06/05/2024, 19:02 - Ben: first line
second: line

third line
06/05/2024, 19:03 - Ana: <Media omitted>
14/05/2024, 07:00 - Ana: IMG-1.jpg (file attached)
"""
APPLE = """[5/6/24, 7:02:11\u202fPM] Ana: haha
\u200e[5/6/24, 7:02:12\u202fPM] Ben: \u200eimage omitted
[5/14/24, 12:00:00\u202fAM] Ana: at midnight
"""


class TestWhatsApp:
    def test_lines_of_one_message_belong_together(self) -> None:
        reading = read_whatsapp(ANDROID, session="chat.txt", zone=BERLIN)
        evening = datetime(2024, 5, 6, 19, 2, tzinfo=BERLIN)

        assert [
            Turn("haha", "Ana", at=evening, session="chat.txt/2024-05-06"),
            Turn("first line\nsecond: line\n\nthird line", "Ben", at=evening, session="chat.txt/2024-05-06"),
            Turn("[file]", "Ana", at=evening + timedelta(minutes=1), session="chat.txt/2024-05-06"),
            Turn("[file: IMG-1.jpg]", "Ana", at=datetime(2024, 5, 14, 7, 0, tzinfo=BERLIN), session="chat.txt/2024-05-14"),
        ] == list(reading.turns)  # fmt: skip
        assert ["1 message of WhatsApp itself, or without text"] == [
            each.reason for each in reading.left_out
        ]
        assert [2, 3] == sorted(reading.losses)

    def test_the_month_comes_first_where_the_dates_say_so(self) -> None:
        reading = read_whatsapp(APPLE)

        assert [(5, 6, 19), (5, 6, 19), (5, 14, 0)] == [
            (turn.at.month, turn.at.day, turn.at.hour) for turn in reading.turns if turn.at
        ]
        assert ["haha", "[file]", "at midnight"] == [turn.text for turn in reading.turns]

    @pytest.mark.parametrize(
        ("dates", "month"),
        [
            (["01/05/2024", "13/05/2024"], 5),
            (["05/01/2024", "05/13/2024"], 5),
            (["31.01.24", "01.02.24"], 1),
            (["02/01/2024", "03/01/2024", "01/02/2024"], 1),
            (["2024-05-01", "2024-06-01"], 5),
            (["05/06/2024"], 6),
        ],
    )
    def test_all_dates_together_tell_their_order(self, dates: list[str], month: int) -> None:
        text = "".join(f"{date}, 10:00 - Ana: hi\n" for date in dates)

        first = read_whatsapp(text).turns[0].at
        assert first is not None
        assert (2024, month) == (first.year, first.month)

    @pytest.mark.parametrize(
        "start",
        [
            "[16.05.24, 22:00:12]",
            "5/16/24, 10:00\u202fPM -",
            "16.5.2024 klo 22.00 -",
            "16/05/2024 \u00e0 22:00 -",
            "16.05.2024 um 22:00 -",
            "16/5/24, 10:00 p.\u00a0m. -",
            "2024\u5e745\u670816\u65e5 \u4e0b\u534810:00 -",
            "2024/05/16 22:00 -",
            "2024\ub144 5\uc6d4 16\uc77c \uc624\ud6c4 10:00 -",
            "[2024-05-16, 10:00:12 PM]",
        ],
    )
    def test_dates_are_read_in_the_form_of_many_phones(self, start: str) -> None:
        text = f"{start} Ana: hi\n{start} Ben: hello\n"

        assert is_whatsapp(text)
        assert {(2024, 5, 16, 22, 0)} == {
            (turn.at.year, turn.at.month, turn.at.day, turn.at.hour, turn.at.minute)
            for turn in read_whatsapp(text).turns
            if turn.at is not None
        }

    @pytest.mark.parametrize("start", ["99/99/2024, 10:00 -", "16/05/2024, 25:00 -"])
    def test_what_is_no_date_goes_on_with_the_message_before(self, start: str) -> None:
        text = f"16/05/2024, 10:00 - Ana: hi\n{start} Ben: hello\n"

        assert [f"hi\n{start} Ben: hello"] == [turn.text for turn in read_whatsapp(text).turns]

    def test_a_date_of_another_order_costs_itself(self) -> None:
        dates = ["16/05/2024", "17/05/2024", "05/18/2024"]
        reading = read_whatsapp("".join(f"{date}, 10:00 - Ana: hi\n" for date in dates))

        assert 2 == len(reading.turns)
        assert ["1 message with a date of another form than the others"] == [
            each.reason for each in reading.left_out
        ]

    @pytest.mark.parametrize(
        "text",
        ["", "hello", '[{"role": "user"}]', "# Notes\n\n06/05/2024 was fine.", "12:30 - lunch"],
    )
    def test_other_texts_are_no_chat(self, text: str) -> None:
        assert not is_whatsapp(text)
        assert is_whatsapp(ANDROID)
        assert is_whatsapp(APPLE)


class TestTelegram:
    def test_texts_come_in_pieces_and_files_leave_a_note(self) -> None:
        def sent(text: Any, **more: Any) -> dict[str, Any]:
            return {
                "type": "message",
                "date": "2024-05-06T19:02:00",
                "date_unixtime": "1715014920",
                "from": "Ana",
                "text": text,
                **more,
            }

        chat = {
            "name": "Garden",
            "messages": [
                {"type": "service", "action": "create_group", "date_unixtime": "1715014900"},
                sent(["See ", {"type": "link", "text": "https://x.org"}, "!"]),
                sent("", photo="photos/1.jpg"),
                sent("Plan:", file="files/a.pdf", file_name="a.pdf"),
                sent("Later.", date_unixtime=None),
                sent(""),
            ],
        }
        reading = read_telegram(chat, BERLIN)
        at = datetime(2024, 5, 6, 19, 2, tzinfo=BERLIN)

        assert [
            Turn(text, "Ana", at=at, session="Garden/2024-05-06")
            for text in ("See https://x.org!", "[photo]", "Plan:\n[file: a.pdf]", "Later.")
        ] == list(reading.turns)
        assert 2 == len(reading.left_out)
        assert [1, 2] == sorted(reading.losses)


class TestLetta:
    def test_a_text_that_only_looks_like_a_wrapper_is_what_was_said(self) -> None:
        deep = '{"message": ' * 10_000
        message = {"role": "user", "content": [{"type": "text", "text": deep}]}

        (turn,) = read_letta({"agent_type": "memgpt_agent", "messages": [message]}).turns
        assert deep.strip() == turn.text

    def test_what_was_said_comes_out_of_its_wrappers(self) -> None:
        def said(role: str, text: str, **more: Any) -> dict[str, Any]:
            return {"role": role, "content": [{"type": "text", "text": text}], **more}

        call = {"function": {"name": "send_message", "arguments": '{"message": "Lovely."}'}}
        other = {"function": {"name": "archive", "arguments": "{}"}}
        agent = {
            "name": "helper",
            "agent_type": "memgpt_agent",
            "messages": [
                said("system", "You are helper."),
                said("user", '{"type": "user_message", "message": "Ines lives in Porto."}', created_at="2025-02-03T08:01:00+00:00"),
                said("assistant", "They tell me about Ines.", tool_calls=[call, other]),
                said("tool", '{"status": "OK"}'),
                said("user", '{"type": "heartbeat", "reason": "timer"}'),
                said("user", "Plainly said."),
                said("assistant", "Plainly answered."),
                said("assistant", "Only thought.", tool_calls=[other]),
            ],
        }  # fmt: skip

        for value in (agent, {"agents": [agent], "blocks": []}):
            reading = read_letta(value)
            assert [
                ("user", "", "Ines lives in Porto."),
                ("assistant", "helper", "Lovely."),
                ("user", "", "Plainly said."),
                ("assistant", "helper", "Plainly answered."),
            ] == [(turn.role, turn.speaker, turn.text) for turn in reading.turns]
            assert datetime(2025, 2, 3, 8, 1, tzinfo=UTC) == reading.turns[0].at
            assert ["4 messages that neither the person nor the agent said"] == [
                each.reason for each in reading.left_out
            ]
