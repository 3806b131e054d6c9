import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.errors import DataError
from helamem.exchange.jsonl import read_jsonl
from helamem.exchange.messages import FIELDS
from helamem.records import Turn

NOON = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
NOON_S = 1709294400


def turns_of(lines: Any) -> list[Turn]:
    return list(read_jsonl(lines).turns)


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
        ] == list(turns_of([line]))

    @pytest.mark.parametrize("words", ["text", "content"])
    def test_roles_have_one_name_in_texts_and_messages(self, words: str) -> None:
        lines = [json.dumps({"role": role, words: "hi"}) for role in ("human", "ai", "user")]

        assert ["user", "assistant", "user"] == [turn.role for turn in turns_of(lines)]

    @pytest.mark.parametrize("when", [NOON_S, float(NOON_S), "2024-03-01T12:00:00Z"])
    @pytest.mark.parametrize("key", ["at", "timestamp"])
    def test_times(self, key: str, when: object) -> None:
        assert NOON == turns_of([json.dumps({"text": "hi", key: when})])[0].at

    def test_null_is_not_given(self) -> None:
        line = '{"text": "hi", "speaker": null, "at": null, "metadata": null}'

        assert [Turn("hi")] == list(turns_of([line]))

    def test_blank_lines_and_a_byte_order_mark_are_passed_over(self) -> None:
        lines = ['\ufeff{"text": "a"}\r\n', "\n", "  ", '{"text": "b"}\n']

        assert ["a", "b"] == [turn.text for turn in turns_of(lines)]

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ('{"text": "a"', "not JSON"),
            ("text", "not JSON"),
            ("[1]", "expected an object"),
            ('"text"', "expected an object"),
            ('{"speaker": "Ana"}', "there is no 'text' and no 'content'; there is speaker"),
            ("{}", "there is no 'text' and no 'content'; there is nothing"),
            ('{"role": "user"}', "a message needs 'content'"),
            (
                '{"messages": [{"role": "user", "content": "a"}, {"role": "user"}]}',
                "message 2: a message",
            ),
            ('{"text": " "}', "blank"),
            ('{"text": 3}', "text must be a string"),
            ('{"text": "a", "user_id": 3}', "unknown field 'user_id'; there are: text, speaker"),
            ('{"text": "a", "at": "2024-03-01"}', "no time zone"),
            ('{"text": "a", "at": NaN}', "NaN is not a number in JSON"),
            ('{"text": "a", "metadata": {"n": Infinity}}', "Infinity is not a number"),
            ('{"text": "a", "metadata": {"n": 1e999}}', "metadata must be JSON"),
            ('{"text": "a", "metadata": ' + '{"a": ' * 60 + "1" + "}" * 61, "at most 50 deep"),
            (
                '{"messages": [{"role": "user", "content": "a", "metadata": {"n": 1e999}}]}',
                "metadata must be JSON",
            ),
            ('{"text": "a", "at": ' + "9" * 5000 + "}", "not JSON|epoch"),
            ("[" * 100_000, "not JSON"),
        ],
    )
    def test_a_malformed_line_is_reported_by_its_number(self, line: str, complaint: str) -> None:
        lines = ['{"text": "fine"}', "", line, '{"text": "fine"}']

        with pytest.raises(DataError, match=complaint) as raised:
            list(turns_of(lines))

        assert 3 == raised.value.line
        assert str(raised.value).startswith("line 3: ")

    def test_the_known_fields_are_all_named(self) -> None:
        with pytest.raises(DataError) as raised:
            list(turns_of(['{"text": "a", "x": 1}']))

        assert str(raised.value).endswith(", ".join(FIELDS))

    def test_messages_are_read(self) -> None:
        lines = [
            '{"role": "user", "content": "a", "created_at": "2024-03-01T12:00:00Z"}',
            '{"role": "assistant", "content": null}',
            '{"text": "b"}',
        ]
        reading = read_jsonl(lines)

        assert (Turn("a", role="user", at=NOON), Turn("b")) == reading.turns
        assert ["line 2: it has no text"] == [each.reason for each in reading.left_out]

    def test_a_line_with_messages_is_a_conversation(self) -> None:
        message = {"role": "user", "content": "a"}
        lines = [
            json.dumps({"messages": [message, {**message, "session": "own"}]}),
            json.dumps({"messages": [message], "id": "second"}),
        ]

        assert ["conversation 1", "own", "second"] == [turn.session for turn in turns_of(lines)]

    def test_bytes_that_are_no_utf8_are_reported(self) -> None:
        def lines() -> Iterator[str]:
            yield '{"text": "a"}'
            yield b"\xff".decode()

        with pytest.raises(DataError, match="line 2: this is not UTF-8"):
            list(turns_of(lines()))

    @given(st.lists(st.text(st.characters(exclude_categories=()), min_size=1).filter(str.strip)))
    def test_any_text_comes_back(self, texts: list[str]) -> None:
        lines = [json.dumps({"text": text}) for text in texts]

        assert [json.loads(json.dumps(text)) for text in texts] == [
            turn.text for turn in turns_of(lines)
        ]

    @given(st.text(max_size=50))
    def test_any_line_is_read_or_reported(self, line: str) -> None:
        try:
            list(turns_of([line]))
        except DataError as error:
            assert 1 == error.line  # noqa: PT017  # not raising is as good
