"""Notes, and folders and archives of files."""

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.errors import DataError
from helamem.exchange.archives import decoded, is_many
from helamem.exchange.files import form_of, read_many
from helamem.exchange.notes import LONG, pieces, read_markdown, read_text

NOTES = """---
title: Moving
---
# Flat

The lease ends in September.
It can be prolonged.

- boxes
- tape

## Keys #

The landlord has two.

```sh
# not a heading

echo hello
```

* * *

Car
===

Sold.

# Empty
"""


class TestMarkdown:
    def test_paragraphs_stand_under_their_headings(self) -> None:
        reading = read_markdown(NOTES, session="notes.md")

        assert [
            ("Flat", "Flat\nThe lease ends in September.\nIt can be prolonged."),
            ("Flat", "- boxes\n- tape"),
            ("Flat > Keys", "Keys\nThe landlord has two."),
            ("Flat > Keys", "```sh\n# not a heading\n\necho hello\n```"),
            ("Car", "Car\nSold."),
            ("Empty", "Empty"),
        ] == [(turn.metadata["heading"], turn.text) for turn in reading.turns]
        assert {"notes.md"} == {turn.session for turn in reading.turns}
        assert "title: Moving" == reading.turns[0].metadata["front_matter"]
        assert "front_matter" not in reading.turns[1].metadata

    def test_line_ends_and_a_byte_order_mark_are_no_matter(self) -> None:
        assert read_markdown(NOTES) == read_markdown("\ufeff" + NOTES.replace("\n", "\r\n"))

    @pytest.mark.parametrize("text", ["", "\n\n", "---\n---\n"])
    def test_nothing_is_no_turn(self, text: str) -> None:
        assert () == read_markdown(text).turns


class TestText:
    def test_paragraphs_are_turns(self) -> None:
        reading = read_text("One.\nStill one.\n\n \nTwo.\r\n", session="a.txt")

        assert ["One.\nStill one.", "Two."] == [turn.text for turn in reading.turns]

    def test_long_paragraphs_are_cut_where_sentences_end(self) -> None:
        sentence = "The tap in the kitchen of the flat has been dripping since Monday. "

        found = list(pieces(sentence * 60))

        assert all(len(each) <= LONG and each.endswith(".") for each in found)
        assert (sentence * 60).split() == " ".join(found).split()

    @given(st.text(st.sampled_from("ab .\n\u3002"), max_size=6000))
    def test_nothing_is_lost_in_cutting(self, text: str) -> None:
        found = list(pieces(text))

        assert "".join(text.split()) == "".join("".join(found).split())
        assert all(each.strip() and len(each) <= LONG for each in found)


class TestFiles:
    def test_a_folder_is_read_with_all_below_it(self, tmp_path: Path) -> None:
        (tmp_path / "trips").mkdir()
        (tmp_path / ".git").mkdir()
        (tmp_path / "home.md").write_text("The tap drips.\n")
        (tmp_path / "trips" / "porto.txt").write_text("We went by train.\n")
        (tmp_path / "trips" / "chat.jsonl").write_text('{"text": "Nice!"}\n')
        (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\xff")
        (tmp_path / ".git" / "config.txt").write_text("secret")

        reading = read_many(tmp_path)

        assert [
            ("home.md", "The tap drips."),
            ("trips/chat.jsonl", "Nice!"),
            ("trips/porto.txt", "We went by train."),
        ] == [(turn.session, turn.text) for turn in reading.turns]
        assert ["photo.png: photo.png is not UTF-8 text; it was left out"] == [
            each.reason for each in reading.left_out
        ]

    def test_conversations_of_two_files_are_two(self, tmp_path: Path) -> None:
        both = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
        line = json.dumps({"messages": both[:1]})
        (tmp_path / "a.json").write_text(json.dumps(both))
        (tmp_path / "b.json").write_text(json.dumps({"messages": both}))
        (tmp_path / "c.jsonl").write_text(f"{line}\n{line}\n")
        (tmp_path / "d.jsonl").write_text('{"text": "Noon.", "at": "2024-05-06T12:00:00Z"}\n')

        assert [
            *["a.json"] * 2,
            *["b.json"] * 2,
            *["c.jsonl/conversation 1", "c.jsonl/conversation 2"],
            "",  # its day
        ] == [turn.session for turn in read_many(tmp_path).turns]

    def test_an_archive_is_read_like_a_folder(self, tmp_path: Path) -> None:
        archive = tmp_path / "notes.zip"
        with zipfile.ZipFile(archive, "w") as writing:
            writing.writestr("notes/a.md", "The tap drips.")
            writing.writestr("notes/b.md", "It was mended.")

        assert is_many(archive)
        assert ["a.md", "b.md"] == [turn.session for turn in read_many(archive).turns]

    def test_the_archive_of_a_chat_program_is_its_conversations(self, tmp_path: Path) -> None:
        archive = tmp_path / "data.zip"
        claude = [{"uuid": "u", "chat_messages": [{"sender": "human", "text": "Hi"}]}]
        with zipfile.ZipFile(archive, "w") as writing:
            writing.writestr("conversations.json", json.dumps(claude))
            writing.writestr("users.html", "<html>")

        reading = read_many(archive)

        assert ([("u", "Hi")], ()) == (
            [(turn.session, turn.text) for turn in reading.turns],
            reading.left_out,
        )

    @pytest.mark.parametrize("packed", [False, True])
    def test_an_export_of_slack_has_channels_and_days(self, tmp_path: Path, packed: bool) -> None:
        message = {"type": "message", "user": "U1", "text": "Hi", "ts": "1714986000.1"}
        contents = {
            "users.json": [{"id": "U1", "name": "ana"}],
            "channels.json": [],
            "general/2024-05-06.json": [message],
            "general/2024-05-07.json": [{**message, "ts": "soon"}],
        }
        place = tmp_path / "export"
        for name, value in contents.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(json.dumps(value))
        if packed:
            with zipfile.ZipFile(tmp_path / "export.zip", "w") as writing:
                for name in contents:
                    writing.write(place / name, name)
            place = tmp_path / "export.zip"

        reading = read_many(place)

        assert [("ana", "general/2024-05-06", "Hi")] == [
            (turn.speaker, turn.session, turn.text) for turn in reading.turns
        ]
        assert "general/2024-05-07.json: Slack message 1" in reading.left_out[0].reason

    def test_where_nothing_can_be_read_it_says_what_can(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"has no files; these are read: .*Markdown"):
            read_many(tmp_path)
        (tmp_path / "a.bin").write_text("hello")
        with pytest.raises(
            DataError,
            match=r"a\.bin: the format is unknown; .*Markdown|a\.bin: the format is not known .*Markdown",
        ):
            read_many(tmp_path)

    def test_texts_are_read_in_the_codes_that_mark_themselves(self) -> None:
        for code in ("utf-8", "utf-8-sig", "utf-16"):
            assert "Łódź" == decoded("Łódź".encode(code), "a.txt")
        with pytest.raises(DataError, match=r"a\.txt is not UTF-8 text"):
            decoded(b"\xffabc", "a.txt")

    @pytest.mark.parametrize(
        ("name", "text", "form"),
        [
            ("a.md", "[1] is a footnote", "markdown"),
            ("a.txt", "[1] is a footnote", "text"),
            ("a.txt", "06/05/2024, 19:02 - Ana: Hi", "whatsapp"),
            ("a.txt", '{"text": "Hi"}', "jsonl"),
        ],
    )
    def test_notes_are_known_by_their_names(self, name: str, text: str, form: str) -> None:
        assert form == form_of(name, text)
