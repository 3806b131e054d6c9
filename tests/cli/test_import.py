"""`helamem import`: every format, all or nothing, and which conversation goes where."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Cli


def memories(cli: Cli, *where: object) -> list[dict[str, Any]]:
    """Every memory, as data."""
    listed: list[dict[str, Any]] = json.loads(
        cli(*where, "list", "--limit", "1000", "--json").stdout
    )
    return listed


def conversation(name: str, *texts: str) -> dict[str, Any]:
    """A LoCoMo conversation of one session."""
    turns = [
        {"speaker": "Ana", "dia_id": f"D1:{i}", "text": text} for i, text in enumerate(texts, 1)
    ]
    return {
        "sample_id": name,
        "conversation": {"session_1_date_time": "1:56 pm on 8 May, 2023", "session_1": turns},
    }


@pytest.fixture
def locomo(tmp_path: Path) -> Path:
    file = tmp_path / "locomo.json"
    both = [conversation("conv-1", "Hello.", "Good morning."), conversation("conv-2", "Bye.")]
    file.write_text(json.dumps(both))
    return file


FORMS = {
    "jsonl": '{"text": "Hello.", "speaker": "Ana", "session": "s"}\n\n{"text": "Bye."}\n',
    "messages": json.dumps(
        [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Bye."}]
    ),
    "locomo": json.dumps(conversation("conv-1", "Hello.", "Bye.")),
    "claude": json.dumps(
        [
            {
                "uuid": "u",
                "name": "Greetings",
                "chat_messages": [
                    {"sender": "human", "text": "Hello.", "created_at": "2025-01-01T00:00:00Z"},
                    {"sender": "assistant", "text": "Bye.", "created_at": "2025-01-01T00:01:00Z"},
                ],
            }
        ]
    ),
    "chatgpt": json.dumps(
        [
            {
                "id": "c",
                "title": "Greetings",
                "create_time": 1.7e9,
                "current_node": "b",
                "mapping": {
                    "a": {
                        "parent": None,
                        "message": {"author": {"role": "user"}, "content": {"parts": ["Hello."]}},
                    },
                    "b": {
                        "parent": "a",
                        "message": {
                            "author": {"role": "assistant"},
                            "content": {"parts": ["Bye."]},
                        },
                    },
                },
            }
        ]
    ),
}


class TestForms:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("named", [True, False], ids=["named", "detected"])
    def test_every_form_is_read(self, cli: Cli, form: str, named: bool) -> None:
        option = ["--format", form] if named else []

        outcome = cli("import", "-", *option, stdin=FORMS[form])

        assert "Stored 2 turns in the namespace default." in outcome.stdout
        assert ["Hello.", "Bye."] == [each["text"] for each in memories(cli)]

    def test_wrong_form_is_a_sentence(self, cli: Cli) -> None:
        outcome = cli("import", "-", "--format", "chatgpt", stdin=FORMS["messages"], code=1)

        assert "nothing was stored" in outcome.stderr

    def test_session_prefix_goes_before_every_session(self, cli: Cli) -> None:
        cli("import", "-", "--session-prefix", "old/", stdin=FORMS["jsonl"])

        assert ["old/s", "old/"] == [each["session"] for each in memories(cli)]

    def test_importing_again_stores_only_what_is_new(self, cli: Cli) -> None:
        lines = '{"text": "Hello.", "at": 1}\n'
        cli("import", "-", stdin=lines)

        data = json.loads(
            cli("import", "-", "--json", stdin=lines + '{"text": "Bye.", "at": 2}').stdout
        )

        assert {
            "namespaces": [
                {
                    "namespace": "default",
                    "turns": 2,
                    "stored": 1,
                    "skipped": 1,
                    "left_out": [],
                    "losses": {},
                    "degraded": [],
                }
            ]
        } == data

    def test_importing_again_finds_turns_without_times(self, cli: Cli) -> None:
        messages = json.dumps([{"role": "user", "content": text} for text in ("yes", "no", "yes")])

        assert "Stored 3 turns" in cli("import", "-", stdin=messages).stdout
        assert "Stored 0 turns" in cli("import", "-", stdin=messages).stdout

    @pytest.mark.parametrize(
        ("options", "at"),
        [
            (["--timezone", "Asia/Tokyo"], "2025-01-01T08:00:00+09:00"),
            (["--set", "timezone=Europe/Berlin"], "2025-01-01T08:00:00+01:00"),
        ],
    )
    def test_times_without_a_zone_are_read_in_one(
        self, cli: Cli, options: list[str], at: str
    ) -> None:
        cli("import", "-", *options, stdin='{"text": "Hello.", "at": "2025-01-01T08:00"}')

        assert [at] == [each["at"] for each in memories(cli)]

    def test_what_is_left_out_is_named(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "conversations.json"
        fine = json.loads(FORMS["claude"])
        file.write_text(json.dumps([*fine, {"name": "Broken", "uuid": "b1"}]))

        told = cli("import", file).stdout
        data = json.loads(cli("import", file, "--json").stdout)

        assert "Stored 2 turns in the namespace default." in told
        assert "Left out: Claude conversation 2 'Broken' (b1)" in told
        assert 1 == len(data["namespaces"][0]["left_out"])

    def test_much_that_is_left_out_is_counted(self, cli: Cli) -> None:
        broken = [{"chat_messages": 3}] * 30
        told = cli("import", "-", stdin=json.dumps([*json.loads(FORMS["claude"]), *broken])).stdout

        assert 20 == told.count("Left out: ")
        assert "And 10 more; --json names all." in told

    def test_a_folder_of_notes_is_read(self, cli: Cli, tmp_path: Path) -> None:
        notes = tmp_path / "notes"
        notes.mkdir()
        (notes / "a.md").write_text("# Flat\n\nThe tap drips.\n")
        (notes / "b.txt").write_text("It was mended.\n")

        assert "Stored 2 turns" in cli("import", notes).stdout
        (notes / "a.md").write_text("# Flat\n\nThe tap drips.\n\nStill.\n")
        assert "Stored 1 turn" in cli("import", notes).stdout
        assert {"a.md", "b.txt"} == {each["session"] for each in memories(cli)}

    @pytest.mark.parametrize("code", ["utf-8-sig", "utf-16"])
    def test_an_export_that_an_editor_saved_is_read(
        self, cli: Cli, tmp_path: Path, code: str
    ) -> None:
        cli("add", "The café opens at noon.")
        (tmp_path / "export.jsonl").write_text(cli("export").stdout, encoding=code)

        told = cli("--file", tmp_path / "new.db", "import", tmp_path / "export.jsonl").stdout

        assert "Stored 1 turn" in told

    def test_a_form_that_is_not_known_says_which_are(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "notes.org").write_text("* A heading\n")

        outcome = cli("import", tmp_path / "notes.org", code=1)

        assert "ChatGPT" in outcome.stderr
        assert "Markdown" in outcome.stderr
        assert "--format" in outcome.stderr
        assert "Stored 1 turn" in cli("import", tmp_path / "notes.org", "--format", "text").stdout


class TestAllOrNothing:
    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ('{"text": "cut of', "line 3: this is not JSON"),
            ('{"speaker": "Ana"}', "line 3: there is no 'text'"),
            ('{"text": "x", "at": "in spring"}', "line 3: "),
            ('{"text": " "}', "line 3: a turn needs text"),
            ("[]", "line 3: "),
        ],
    )
    def test_malformed_line_is_named_and_nothing_is_stored(
        self, cli: Cli, line: str, words: str
    ) -> None:
        lines = '{"text": "Hello."}\n{"text": "Bye."}\n' + line + "\n"

        outcome = cli("import", "-", stdin=lines, code=1)

        assert words in outcome.stderr
        assert "nothing was stored" in outcome.stderr
        assert "" == outcome.stdout
        assert [] == memories(cli)

    def test_malformed_line_of_an_export(self, cli: Cli, tmp_path: Path) -> None:
        cli("add", "Hello.")
        lines = cli("export").stdout + '{"type": "episode", "id": "seven"}\n'

        outcome = cli("--file", tmp_path / "new.db", "import", "-", stdin=lines, code=1)

        assert "nothing was stored" in outcome.stderr
        assert not (tmp_path / "new.db").exists()

    def test_file_that_is_not_text(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")

        outcome = cli("import", tmp_path / "photo.png", code=1)

        assert "photo.png is not UTF-8 text; nothing was stored" in outcome.stderr

    @pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
    def test_interrupted_import_says_how_far_it_came(
        self, cli: Cli, home: Path, tmp_path: Path
    ) -> None:
        file = tmp_path / "chat.jsonl"
        file.write_text("".join(f'{{"text": "turn {i}", "at": {i}}}\n' for i in range(20_000)))
        command = [sys.executable, "-m", "helamem", "import", str(file), "-v"]
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:  # a child of a process that ignores interrupts would ignore them, too
            running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        finally:
            signal.signal(signal.SIGINT, handler)
        with running:
            assert running.stderr is not None
            batches = 0
            while batches < 2:  # then the first has been counted
                line = running.stderr.readline()
                assert line, "the import ended before it was interrupted"
                batches += re.search(r"added [\d,]+ of", line) is not None
            running.send_signal(signal.SIGINT)
            rest = running.stderr.read()

        told = re.search(r"Stopped after storing ([\d,]+) turns", rest)
        assert told is not None, rest
        assert 1 == running.returncode
        stored = json.loads(cli("stats", "--json").stdout)["episodes"]
        assert int(told[1].replace(",", "")) <= stored < 20_000

    def test_missing_file_is_a_usage_error(self, cli: Cli, tmp_path: Path) -> None:
        assert "none.jsonl" in cli("import", tmp_path / "none.jsonl", code=2).stderr


class TestConversations:
    def test_a_bad_line_of_a_later_namespace_is_counted_in_the_file(
        self, cli: Cli, locomo: Path, tmp_path: Path
    ) -> None:
        cli("import", locomo)
        file = tmp_path / "all.jsonl"
        lines = cli("export", "--all").stdout.splitlines()
        file.write_text("\n".join([*lines, "{"]))

        outcome = cli("import", file, code=1)

        assert f"line {len(lines) + 1}: this is not JSON" in outcome.stderr

    def test_each_gets_a_namespace_of_its_own(self, cli: Cli, locomo: Path) -> None:
        cli("import", locomo)

        assert ["Hello.", "Good morning."] == [
            each["text"] for each in memories(cli, "--namespace", "conv-1")
        ]
        assert ["Bye."] == [each["text"] for each in memories(cli, "--namespace", "conv-2")]
        assert [] == memories(cli)

    def test_one_goes_where_one_says(self, cli: Cli, locomo: Path) -> None:
        cli("import", locomo, "--conversation", "conv-2", "--namespace", "ana")

        assert ["Bye."] == [each["text"] for each in memories(cli, "--namespace", "ana")]

    def test_several_into_one_namespace_are_refused(self, cli: Cli, locomo: Path) -> None:
        outcome = cli("import", locomo, "--namespace", "ana", code=2)

        assert "conv-1, conv-2" in outcome.stderr
        assert "--conversation" in outcome.stderr

    def test_unknown_conversation_lists_those_there_are(self, cli: Cli, locomo: Path) -> None:
        assert "conv-1, conv-2" in cli("import", locomo, "--conversation", "x", code=2).stderr

    def test_conversation_is_for_locomo(self, cli: Cli) -> None:
        outcome = cli("import", "-", "--conversation", "x", stdin=FORMS["jsonl"], code=2)

        assert "LoCoMo" in outcome.stderr
