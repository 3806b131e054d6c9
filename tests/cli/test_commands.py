"""The command line: what it prints, what it refuses, and that it says so in a sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from helamem import Memory, errors
from helamem.cli import main, settings
from helamem.cli.program import Program
from helamem.cli.settings import App

if TYPE_CHECKING:
    from cli.conftest import Cli, Data

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"
QUESTION = "What should I not cook for Maya?"


def commands(group: click.Group = main, prefix: str = "") -> list[tuple[str, click.Command]]:
    """Every command with its full name, those of groups included."""
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((prefix + name, command))
        if isinstance(command, click.Group):
            found += commands(command, f"{prefix}{name} ")
    return found


COMMANDS = commands()
NAMES = [name for name, _ in COMMANDS]


@pytest.fixture
def maya(as_json: Data) -> None:
    """Three memories; the first is about peanuts."""
    as_json(
        "add",
        "Maya is allergic to peanuts.",
        "The concert was moved to Friday.",
        "We are cooking for Maya on Friday.",
        "--speaker",
        "Ana",
        "--session",
        "kitchen",
        "--at",
        "2025-03-03T19:10:00Z",
    )


def process(
    *arguments: object, env: dict[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs the program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "helamem", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, **(env or {})},
        input=stdin,
    )


class TestHelp:
    @pytest.mark.parametrize(("name", "command"), COMMANDS, ids=NAMES)
    def test_every_command_has_help_with_an_example(
        self, name: str, command: click.Command
    ) -> None:
        assert re.match(r"[A-Z].*\.", command.help or "")

        outcome = CliRunner().invoke(main, [*name.split(), "--help"])

        assert 0 == outcome.exit_code
        assert re.search(rf"Example:\n.*\bhelamem {name}\b", outcome.stdout)

    @pytest.mark.parametrize(("name", "command"), COMMANDS, ids=NAMES)
    def test_every_option_is_explained(self, name: str, command: click.Command) -> None:
        options = [each for each in command.params if isinstance(each, click.Option)]

        assert [] == [each.opts for each in options if not (each.help or "").endswith(".")]

    @pytest.mark.parametrize("option", settings._OPTIONS)
    def test_every_shared_option_is_documented(self, option: str) -> None:
        assert f"`{option}" in DOCS.read_text(encoding="utf-8")

    def test_short_help_of_no_command_is_cut(self) -> None:
        assert "..." not in CliRunner().invoke(main, ["--help"]).stdout.replace("[ARGS]...", "")

    def test_help_imports_nothing_heavy(self) -> None:
        code = (
            "import sys; from helamem.cli import main; "
            "sys.exit(', '.join({'numpy', 'rich.console', 'sqlite3', 'tokenizers'} & {*sys.modules}) or None)"
        )

        outcome = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )

        assert (0, "") == (outcome.returncode, outcome.stderr)

    def test_version_is_the_package_s(self, cli: Cli) -> None:
        from importlib.metadata import version

        assert version("helamem") in cli("--version").stdout


class TestWords:
    def test_unknown_command_names_ours(self, cli: Cli) -> None:
        assert "here it is `add`" in cli("remember", "x", code=2).stderr

    def test_an_option_of_another_memory_gets_ours(self, cli: Cli) -> None:
        assert "here it is `-k`" in cli("search", "x", "--top-k", "3", code=2).stderr

    def test_misspelled_command_names_the_nearest(self, cli: Cli) -> None:
        assert "did you mean `search`" in cli("serch", code=2).stderr

    def test_senseless_command_lists_all(self, cli: Cli) -> None:
        assert "consolidate" in cli("xyzzy", code=2).stderr


class TestAdd:
    def test_receipt_as_data(self, as_json: Data) -> None:
        receipt = as_json("add", "Maya is allergic to peanuts.", "--at", "2025-03-03T19:10:00Z")

        assert [1] == receipt["ids"] == receipt["stored"]
        assert ([], []) == (receipt["skipped"], receipt["degraded"])

    def test_same_turn_twice_is_skipped_and_said(self, cli: Cli) -> None:
        cli("add", "Hello there.", "--at", "2025-03-03T19:10:00Z")

        assert (
            "1 turn already there: #1."
            in cli("add", "Hello there.", "--at", "2025-03-03T19:10:00Z").stdout
        )

    def test_dash_reads_one_text_from_standard_input(self, cli: Cli, as_json: Data) -> None:
        cli("add", "-", stdin="Maya is allergic\nto peanuts.\n")

        [memory] = as_json("list")
        assert "Maya is allergic\nto peanuts." == memory["text"]

    def test_everything_about_a_turn_is_kept(self, cli: Cli, as_json: Data) -> None:
        cli(
            *("add", "Hello.", "--speaker", "Ana", "--role", "user", "--session", "s"),
            *("--at", "2025-03-03T20:10:00+01:00", "--metadata", '{"mood": "calm"}'),
        )

        [memory] = as_json("list")
        assert ("Ana", "user", "s") == (memory["speaker"], memory["role"], memory["session"])
        assert ("2025-03-03T20:10:00+01:00", {"mood": "calm"}) == (
            memory["at"],
            memory["metadata"],
        )

    def test_a_time_without_a_zone_is_one_of_the_setting(self, cli: Cli, as_json: Data) -> None:
        tokyo = "--set", "timezone=Asia/Tokyo"
        cli("add", "Hello.", "--at", "2025-03-03", *tokyo)
        cli("add", "Bye.", "--at", "2025-03-03T19:10:00Z", *tokyo)

        hello, bye = as_json("list", *tokyo)
        assert ("2025-03-03T00:00:00+09:00", "2025-03-03") == (hello["at"], hello["session"])
        assert ("2025-03-04T04:10:00+09:00", "2025-03-04") == (bye["at"], bye["session"])

    def test_blank_text_is_refused_in_a_sentence(self, cli: Cli) -> None:
        outcome = cli("add", "  ", code=1)

        assert "Error: a turn needs text; this one is blank\n" == outcome.stderr
        assert "" == outcome.stdout

    @pytest.mark.parametrize(
        ("option", "value", "words"),
        [
            ("--at", "0001-01-01T00:00:00+23:00", "outside of the years 1 to 9999"),
            ("--at", "yesterday", "'yesterday' is not a time; write it like 2025-03-03T19:10:00Z"),
            ("--metadata", "[1]", "not a JSON object"),
            ("--metadata", "{", "not JSON"),
        ],
    )
    def test_malformed_option_is_a_usage_error(
        self, cli: Cli, option: str, value: str, words: str
    ) -> None:
        assert words in cli("add", "Hello.", option, value, code=2).stderr

    def test_odd_characters_survive(self, cli: Cli, as_json: Data) -> None:
        cli("add", "שלום 👋🏽 naïve \x1b[31m", "--speaker", "Ana")

        [memory] = as_json("list")
        assert "שלום 👋🏽 naïve" in memory["text"]
        assert "\x1b" not in cli("list").stdout


class TestSearch:
    def test_shape_of_the_data(self, as_json: Data, maya: None) -> None:
        found = as_json("search", QUESTION, "--at", "2025-03-04T00:00:00Z")

        assert ["query", "at", "hits", "confidence", "signs", "cues", "notes"] == list(found)
        assert (QUESTION, "2025-03-04T00:00:00Z") == (found["query"], found["at"])
        hit = found["hits"][0]
        assert [
            "id", "kind", "text", "speaker", "role", "session", "at", "stored_at", "score", "path",
            "parts", "via", "reranked", "sources", "metadata", "uses", "used_at", "fact_kind", "confidence",
            "superseded_by",
        ] == list(hit)  # fmt: skip
        assert ["base", "base_terms", "received"] == list(hit["parts"])
        total = hit["parts"]["base"] + sum(hit["parts"]["received"].values())
        assert hit["score"] == pytest.approx(total, abs=1e-6)
        assert ("episode", "direct", "kitchen") == (hit["kind"], hit["path"], hit["session"])

    def test_what_is_not_sure_enough_is_held_back_and_said(self, cli: Cli, maya: None) -> None:
        held = cli("search", QUESTION, "--min-confidence", "1").stdout

        assert "No memory fits" in held
        assert "min_confidence = 1" in held
        assert (
            "" == cli("search", QUESTION, "--min-confidence", "1", "--context", "99").stdout.strip()
        )

    def test_table_shows_memory_and_legend(self, cli: Cli, maya: None) -> None:
        table = cli("search", QUESTION).stdout

        assert "Maya is allergic to peanuts." in table
        assert "Ana · 2025-03-03 19:10 · kitchen" in table
        assert "score: █ what it says + ▓ its neighbours + ▒ what was learned" in table

    def test_explain_names_the_turn_that_activation_came_from(self, cli: Cli, maya: None) -> None:
        said = ["What do we cook for Maya?", "Satay."]
        cli("add", *said, "--session", "kitchen", "--at", "2025-03-03T19:12:00Z")

        explained = cli("search", "cook for Maya", "--explain").stdout

        assert "similarity" in explained
        assert re.search(r"\+ \d\.\d\d from #\d \(.*a turn\s+next to\s+it", explained, re.DOTALL)

    def test_context_is_the_block_alone(self, cli: Cli, as_json: Data, maya: None) -> None:
        block = cli("search", QUESTION, "--context", "500").stdout

        assert "[1] Ana: Maya is allergic to peanuts." in block
        assert block.strip() == as_json("search", QUESTION, "--context", "500")["context"].strip()

    @pytest.mark.parametrize(
        "restriction", [["--speaker", "Ben"], ["--filter", '{"session": "x"}']]
    )
    def test_restrictions_hold(self, as_json: Data, maya: None, restriction: list[str]) -> None:
        assert [] == as_json("search", QUESTION, *restriction)["hits"]

    def test_restrictions_combine(self, as_json: Data, maya: None) -> None:
        both = ["--session", "kitchen", "--filter", '{"speaker": "Ben"}']

        assert [] == as_json("search", QUESTION, *both)["hits"]

    def test_nothing_found_is_said(self, cli: Cli, maya: None) -> None:
        assert "No memory fits" in cli("search", "anything", "--speaker", "Zoe").stdout

    def test_that_nothing_is_remembered_yet_is_said(self, cli: Cli, as_json: Data) -> None:
        found = cli("search", "anything", "--namespace", "typo")

        assert ("", True) == (found.stdout, "namespace 'typo' is empty" in found.stderr)
        assert [] == as_json("search", "anything")["hits"]

    def test_bad_question_and_bad_k_are_sentences(self, cli: Cli) -> None:
        assert "query is blank" in cli("search", " ", code=1).stderr
        assert "k must be at least 1, not 0" in cli("search", "x", "-k", "0", code=1).stderr

    def test_text_that_is_not_utf8_is_a_sentence(self, home: Path) -> None:
        outcome = subprocess.run(
            [sys.executable, "-m", "helamem", "add", "-"],
            input=b"\xff\xfe",
            capture_output=True,
            check=False,
        )

        assert b"Error: standard input is not UTF-8 text; nothing was stored\n" == outcome.stderr

    def test_bad_filter_is_a_sentence(self, cli: Cli) -> None:
        assert "Error: " in cli("search", "x", "--filter", '{"user_id": "maya"}', code=1).stderr


class TestReinforce:
    def test_what_served_rises_and_says_why(self, cli: Cli, as_json: Data, maya: None) -> None:
        question = "Is there something for Friday?"
        before = next(h for h in as_json("search", question)["hits"] if h["id"] == 1)

        learned = as_json("reinforce", question, "--used", "1,2", "--unhelpful", "3")

        after = next(h for h in as_json("search", question)["hits"] if h["id"] == 1)
        assert (1, 2) == (learned["strengthened"], learned["bound"])
        assert after["score"] > before["score"]
        assert {"cue", "learned"} & {via["channel"] for via in after["via"]}

    def test_what_was_learned_is_told(self, cli: Cli, maya: None) -> None:
        told = cli("reinforce", QUESTION, "--used", "1,3").stdout

        assert "1 association grew" in told
        assert "bound to 2 memories" in told

    def test_unknown_memory_is_a_sentence(self, cli: Cli, maya: None) -> None:
        assert "There is no memory 99" in cli("reinforce", QUESTION, "--used", "99", code=1).stderr

    def test_ids_must_be_numbers(self, cli: Cli) -> None:
        assert "1,2" in cli("reinforce", QUESTION, "--used", "one", code=2).stderr


class TestTending:
    @pytest.fixture
    def wired(self, cli: Cli, maya: None) -> None:
        for question in ("Who must not eat what?", "When do we cook?", "What is on Friday?"):
            cli("reinforce", question, "--used", "1,2,3")

    def test_consolidation_makes_facts_with_sources(
        self, cli: Cli, as_json: Data, wired: None
    ) -> None:
        easy = ["--set", "consolidation.min_strength=0.1", "--set", "consolidation.min_degree=1"]

        report = as_json("consolidate", *easy)

        [fact, *_] = as_json("facts")
        assert report["facts"] == [each["id"] for each in as_json("facts")]
        assert report["facts_added"] == len(report["facts"])
        assert "statement" == fact["kind"]
        assert set(fact["sources"]) <= {1, 2, 3}
        assert 0 == as_json("consolidate", *easy)["clusters"]
        assert "#" in cli("facts").stdout

    def test_no_facts_yet_says_what_makes_them(self, cli: Cli) -> None:
        assert "helamem consolidate" in cli("facts").stdout

    def test_consolidating_without_lessons_says_what_is_missing(self, cli: Cli) -> None:
        cli("add", "Maya is allergic to peanuts.")

        assert "helamem reinforce" in cli("consolidate").stdout

    def test_forgetting_is_a_plan_until_yes(self, cli: Cli, as_json: Data, maya: None) -> None:
        as_json("reinforce", "When is the concert?", "--used", "2")
        late = ("--max-share", "1", "--at", "2027-01-01T00:00:00Z")
        plan = as_json("forget", *late)

        assert ([1, 3], False) == (plan["ids"], plan["done"])
        assert "Nothing was removed" in cli("forget", *late).stdout
        assert 3 == len(as_json("list"))

    def test_forgetting_takes_a_share_and_says_that_more_may_go(
        self, cli: Cli, as_json: Data, maya: None
    ) -> None:
        as_json("reinforce", "When is the concert?", "--used", "2")
        late = ("--at", "2027-01-01T00:00:00Z")

        told = cli("forget", "--yes", "--max-share", "0.4", *late).stdout

        assert "Forgotten: 1 episode." in told
        assert "1 more may go the next time" in told
        assert [2, 3] == [each["id"] for each in as_json("list")]

    def test_where_nothing_was_learned_nothing_is_forgotten(
        self, cli: Cli, as_json: Data, maya: None
    ) -> None:
        told = cli("forget", "--yes", "--max-share", "1", "--at", "2027-01-01T00:00:00Z").stdout

        assert "Nothing was ever reinforced" in told
        assert 3 == len(as_json("list"))

    def test_nothing_to_forget_is_not_offered(self, cli: Cli, maya: None) -> None:
        told = cli("forget", "--yes", "--at", "2025-03-04T00:00:00Z").stdout

        assert "0 may go" in told
        assert "--yes" not in told

    def test_forgetting_does_what_the_plan_says(self, as_json: Data, maya: None) -> None:
        as_json("reinforce", "When is the concert?", "--used", "2")
        late = ("--max-share", "1", "--at", "2027-01-01T00:00:00Z")
        plan = as_json("forget", *late)

        done = as_json("forget", "--yes", *late)

        assert {**plan, "done": True} == done
        assert [2] == [each["id"] for each in as_json("list")]


class TestLookingAndEditing:
    def test_get_shows_all_of_a_memory(self, cli: Cli, as_json: Data, maya: None) -> None:
        [memory] = as_json("get", "1")

        assert (1, "episode", "Ana") == (memory["id"], memory["kind"], memory["speaker"])
        assert "Maya is allergic to peanuts." in cli("get", "1", "2").stdout

    def test_missing_memory_is_a_sentence(self, cli: Cli) -> None:
        assert "Error: There is no memory 7 in this namespace.\n" == cli("get", "7", code=1).stderr

    def test_list_pages(self, as_json: Data, maya: None) -> None:
        assert [2] == [each["id"] for each in as_json("list", "--limit", "1", "--offset", "1")]

    def test_update_keeps_the_old_text_in_history(
        self, cli: Cli, as_json: Data, maya: None
    ) -> None:
        updated = as_json("update", "1", "Maya is allergic to almonds.")

        assert "Maya is allergic to almonds." == updated["text"]
        assert "Maya is allergic to peanuts." in [each["text"] for each in as_json("history", "1")]
        assert "updated" in cli("history", "1").stdout

    def test_a_correction_sticks_and_can_be_taken_back(
        self, cli: Cli, as_json: Data, maya: None
    ) -> None:
        corrected = as_json("correct", "1", "Maya is allergic to walnuts.")

        assert "Maya is allergic to walnuts." == corrected["text"]
        assert 1 not in [each["id"] for each in as_json("list")]
        listed = {each["id"]: each["superseded_by"] for each in as_json("list", "--superseded")}
        assert corrected["id"] == listed[1]
        assert 1 == as_json("revert", "1")["id"]
        assert corrected["id"] not in [each["id"] for each in as_json("list")]

    def test_a_new_turn_supersedes_an_old_one(self, cli: Cli, as_json: Data, maya: None) -> None:
        receipt = as_json("add", "Maya may eat peanuts again.", "--supersedes", "1")

        assert [1] == receipt["superseded"]
        newer = str(receipt["ids"][0])
        assert f"Superseded: #{newer}." in cli("add", "No.", "--supersedes", newer).stdout

    def test_a_lesson_is_listed_and_undone(self, cli: Cli, as_json: Data, maya: None) -> None:
        learned = as_json("reinforce", "What is Maya allergic to?", "--used", "1,2")

        assert [learned["lesson"]] == [each["id"] for each in as_json("lessons")]
        assert "What is Maya allergic to?" in cli("lessons").stdout
        assert as_json("sever", "1", "2")["severed"]
        assert "Undone: 2 edges." in cli("undo", str(learned["lesson"])).stdout
        assert as_json("lessons")[0]["undone"]
        assert "There is no lesson 99" in cli("undo", "99", code=1).stderr

    def test_a_table_of_lessons_says_that_there_are_more(
        self, cli: Cli, as_json: Data, maya: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Memory(as_json("stats")["path"]) as memory:
            for _ in range(23):
                memory.reinforce(memory.search("What is Maya allergic to?"), used=[1, 2])

        assert 23 == len(as_json("lessons"))
        monkeypatch.setattr("helamem.cli.lines.is_piped", lambda: False)
        assert "... and 3 more" in cli("lessons").stdout
        assert "more" not in cli("lessons", "--limit", "23").stdout

    def test_a_folder_that_may_not_be_read_is_told(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(path: Path, **_: object) -> bool:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        with monkeypatch.context() as patched:
            patched.setattr(Path, "exists", denied)
            told = cli("search", "x", "--file", tmp_path / "m.db", code=1).stderr

        assert "m.db cannot be opened: Permission denied. Give another path." in told

    def test_what_was_shown_and_never_used_is_listed(
        self, cli: Cli, as_json: Data, maya: None
    ) -> None:
        cli("reinforce", "What is Maya allergic to?", "--used", "1")

        assert [(2, 1), (3, 1)] == [
            (each["id"], each["shown"]) for each in as_json("ignored", "--at-least", "1")
        ]
        assert "Nothing was shown" in cli("ignored").stdout
        assert [] == as_json("forget", "--ignored", "1", "--max-share", "0")["ids"]

    def test_update_needs_something(self, cli: Cli, maya: None) -> None:
        assert "give the new text" in cli("update", "1", code=2).stderr

    def test_delete_removes(self, cli: Cli, as_json: Data, maya: None) -> None:
        assert {"deleted": [1, 2], "done": True} == as_json("delete", "1", "2")
        assert [3] == [each["id"] for each in as_json("list")]
        assert "Deleted 1 memory: #3." in cli("delete", "3").stdout

    def test_stats_count(self, cli: Cli, as_json: Data, maya: None) -> None:
        stats = as_json("stats")

        assert (3, 0, ["Ana"]) == (stats["episodes"], stats["facts"], stats["speakers"])
        assert "kitchen" not in cli("stats").stdout
        assert "3 in 1 session" in cli("stats").stdout

    def test_long_text_is_cut_in_tables_and_whole_in_data(self, cli: Cli, as_json: Data) -> None:
        cli("add", "word " * 500)

        assert "..." in cli("list").stdout
        assert 2000 < len(as_json("list")[0]["text"])


class TestSharedOptions:
    def test_file_and_namespace_hold_before_and_after_the_command(
        self, as_json: Data, tmp_path: Path
    ) -> None:
        file = tmp_path / "agent.db"
        as_json("--file", file, "--namespace", "maya", "add", "Hello.")

        assert 1 == len(as_json("list", "--file", file, "--namespace", "maya"))
        assert [] == as_json("list", "--file", file)

    def test_the_option_after_the_command_wins(self, as_json: Data, tmp_path: Path) -> None:
        as_json("--namespace", "a", "add", "Hello.", "--namespace", "b")

        assert ([], 1) == (
            as_json("--namespace", "a", "list"),
            len(as_json("--namespace", "b", "list")),
        )

    def test_environment_names_file_and_namespace(
        self, as_json: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HELAMEM_FILE", str(tmp_path / "env.db"))
        monkeypatch.setenv("HELAMEM_NAMESPACE", "maya")
        as_json("add", "Hello.")

        assert (tmp_path / "env.db").exists()
        assert "maya" == as_json("stats")["namespace"]
        assert "ben" == as_json("stats", "--namespace", "ben")["namespace"]

    def test_settings_of_both_places_add_up(self, as_json: Data) -> None:
        shown = as_json("--set", "activation.window=1", "config", "--set", "learning.rate=0.1")

        assert (1, 0.1) == (shown["activation.window"]["value"], shown["learning.rate"]["value"])

    def test_a_preset_may_be_set_like_other_settings(self, as_json: Data) -> None:
        shown = as_json("config", "--set", "preset=paper")

        assert ("paper", 0) == (shown["preset"]["value"], shown["activation.window"]["value"])

    @pytest.mark.parametrize(
        ("value", "code", "words"),
        [
            ("activation.window", 2, "section.key=value"),
            ("activation.windo=1", 1, "did you mean `activation.window`?"),
            ("activation.window=99", 1, "between 0 and 16"),
        ],
    )
    def test_bad_setting_is_a_sentence(self, cli: Cli, value: str, code: int, words: str) -> None:
        assert words in cli("config", "--set", value, code=code).stderr

    def test_verbose_tells_on_standard_error_what_was_done(self, home: Path) -> None:
        outcome = process("add", "A secret about peanuts.", "-v")

        assert "added 1 of 1 turns" in outcome.stderr
        assert "peanuts" not in outcome.stderr
        assert "Stored 1 turn: #1." in outcome.stdout

    def test_debug_shows_where_an_error_came_from(self, cli: Cli) -> None:
        debug = process("get", "7", "--debug")

        assert "Traceback" not in cli("get", "7", code=1).stderr
        assert (1, True) == (debug.returncode, "Traceback" in debug.stderr)


class TestErrors:
    def test_all_our_errors_are_expected(self) -> None:
        ours = [each for each in vars(errors).values() if isinstance(each, type)]

        assert ours
        assert all(issubclass(each, errors.HelaMemError) for each in ours)

    @pytest.mark.parametrize(
        "error",
        [
            errors.StoreError("no room"),
            ValueError("no room"),
            TypeError("no room"),
            OSError("no room"),
        ],
    )
    def test_expected_error_is_one_sentence(self, error: Exception) -> None:
        @click.group(cls=Program)
        def program() -> None:
            pass

        @program.command()
        def fail() -> None:
            raise error

        outcome = CliRunner().invoke(program, ["fail"])

        assert (1, "Error: no room\n") == (outcome.exit_code, outcome.stderr)

    def test_programming_error_is_not_hidden(self) -> None:
        @click.group(cls=Program)
        def program() -> None:
            pass

        @program.command()
        def fail() -> None:
            raise KeyError("a bug")

        outcome = CliRunner().invoke(program, ["fail"])

        assert 1 == outcome.exit_code
        assert "this should not have happened: KeyError: 'a bug'. --debug shows" in outcome.stderr
        debugged = CliRunner().invoke(program, ["fail"], obj=App(debug=True))
        assert isinstance(debugged.exception, KeyError)

    def test_foreign_file_is_a_sentence(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "letter.db"
        file.write_text("Dear Maya, this is not a database. " * 100)

        outcome = cli("--file", file, "stats", code=1)

        assert outcome.stderr.startswith("Error: ")
        assert "letter.db" in outcome.stderr

    def test_other_embedder_says_how_to_re_embed(self, cli: Cli) -> None:
        cli("add", "Hello.")

        assert (
            "reindex --embedder hashing:64"
            in cli("search", "Hello?", "--embedder", "hashing:64", code=1).stderr
        )


class TestProcess:
    def test_broken_pipe_is_quiet(self, cli: Cli) -> None:
        cli("import", "-", stdin="".join(f'{{"text": "turn {i}"}}\n' for i in range(500)))
        program = f'"{sys.executable}" -m helamem'

        outcome = subprocess.run(
            f"{program} export | head -n 1; {program} list --limit 500 | head -n 1",
            shell=True,
            capture_output=True,
            text=True,
            check=False,
        )

        assert "" == outcome.stderr
        assert '"type": "helamem"' in outcome.stdout

    def test_piped_output_has_no_colour(self, cli: Cli) -> None:
        cli("add", "Hello there, Maya.")

        assert "\x1b" not in process("search", "Maya", env={"TERM": "xterm-256color"}).stdout

    def test_output_that_knows_only_ascii_gets_ascii(self, cli: Cli) -> None:
        cli("add", "Hello, Zoë 👋")

        found = process("search", "hello", env={"PYTHONIOENCODING": "ascii"})

        assert 0 == found.returncode, found.stderr
        assert "###" in found.stdout
        assert "Zo\\xeb" in found.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
class TestTerminal:
    def shown(self, *arguments: object, **environment: str) -> str:
        """What the program shows on a terminal, standard error included."""
        import pty

        ours, theirs = pty.openpty()
        running = subprocess.Popen(
            [sys.executable, "-m", "helamem", *map(str, arguments)],
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", **environment},
        )
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:
            pass  # Linux says so when the other end is closed
        finally:
            os.close(ours)
            code = running.wait()
        assert 0 == code
        return shown.decode()

    def test_results_are_coloured_unless_no_color_is_set(self, cli: Cli) -> None:
        cli("add", "Hello there, Maya.")

        assert "\x1b[36m" in self.shown("search", "Maya")
        assert "\x1b[36m" not in self.shown("search", "Maya", NO_COLOR="1")

    def test_long_work_shows_a_bar_and_json_does_not(self, home: Path, tmp_path: Path) -> None:
        file = tmp_path / "chat.jsonl"
        file.write_text("".join(f'{{"text": "turn {i}"}}\n' for i in range(600)))

        assert "storing in default" in self.shown("import", file)
        assert "storing in" not in self.shown("import", file, "--json")


class TestExport:
    def test_a_memory_moves_with_what_it_learned(
        self, cli: Cli, as_json: Data, maya: None, tmp_path: Path
    ) -> None:
        cli("reinforce", QUESTION, "--used", "1,3")
        cli("export", "--output", tmp_path / "all.jsonl")

        as_json("--file", tmp_path / "new.db", "import", tmp_path / "all.jsonl")

        def texts(*where: object) -> list[str]:
            return [hit["text"] for hit in as_json(*where, "search", QUESTION)["hits"]]

        assert texts() == texts("--file", tmp_path / "new.db")
        assert as_json("stats")["cues"] == as_json("--file", tmp_path / "new.db", "stats")["cues"]

    def test_export_through_a_pipe(
        self, cli: Cli, as_json: Data, maya: None, tmp_path: Path
    ) -> None:
        lines = cli("export").stdout

        cli("--file", tmp_path / "new.db", "import", "-", stdin=lines)

        assert 3 == as_json("--file", tmp_path / "new.db", "stats")["episodes"]


class TestConfig:
    def test_origin_of_each_value(self, as_json: Data, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HELAMEM_LEARNING_RATE", "0.2")

        shown = as_json("config", "--preset", "paper", "--set", "activation.window=2")

        assert "HELAMEM_LEARNING_RATE" == shown["learning.rate"]["origin"]
        assert "preset paper" == shown["learning.gate"]["origin"]
        assert "argument" == shown["activation.window"]["origin"]
        assert "default" == shown["storage.durability"]["origin"]

    def test_file_of_settings(self, as_json: Data, tmp_path: Path) -> None:
        file = tmp_path / "my.toml"
        file.write_text("[learning]\nrate = 0.25\n")

        row = as_json("config", "--config", file)["learning.rate"]

        assert (0.25, str(file)) == (row["value"], row["origin"])

    def test_infinity_is_text_in_json(self, as_json: Data) -> None:
        assert (
            "inf"
            == as_json("config", "--set", "activation.recency_days=inf")["activation.recency_days"][
                "value"
            ]
        )

    def test_section_restricts(self, as_json: Data, cli: Cli) -> None:
        assert all(name.startswith("spreading.") for name in as_json("config", "spreading"))
        assert "spreading.temporal" in cli("config", "spreading").stdout

    def test_the_table_has_what_lasts_and_what_was_changed(self, cli: Cli) -> None:
        shown = cli("config", "--set", "activation.window=3").stdout

        assert "learning.rate" in shown
        assert "activation.window" in shown
        assert "spreading.fan_out" not in shown
        assert "--all shows them" in shown

    def test_all_shows_the_numbers_of_the_ranking_too(self, cli: Cli) -> None:
        shown = cli("config", "--all").stdout

        assert "spreading.fan_out" in shown
        assert "--all" not in shown

    def test_json_has_every_setting_and_says_which_last(self, as_json: Data) -> None:
        rows = as_json("config")

        assert (True, False) == (
            rows["learning.rate"]["stable"],
            rows["spreading.fan_out"]["stable"],
        )

    def test_unknown_section_is_a_usage_error(self, cli: Cli) -> None:
        assert "begins with 'x'" in cli("config", "x", code=2).stderr


class TestMissingFile:
    """A mistyped path is told, and not taken for an empty memory."""

    COMMANDS = (
        ["search", "peanuts"],
        ["reinforce", "peanuts", "--used", "1"],
        ["ask", "peanuts"],
        ["consolidate", "--no-llm"],
        ["facts"],
        ["profile"],
        ["forget"],
        ["get", "1"],
        ["list"],
        ["update", "1", "almonds"],
        ["correct", "1", "almonds"],
        ["revert", "1"],
        ["lessons"],
        ["ignored"],
        ["undo", "1"],
        ["sever", "1", "2"],
        ["delete", "1"],
        ["history", "1"],
        ["stats"],
        ["export"],
    )

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
    def test_what_adds_nothing_makes_no_file(
        self, cli: Cli, tmp_path: Path, command: list[str]
    ) -> None:
        file = tmp_path / "typo.db"

        told = cli("--file", file, *command, code=1).stderr

        assert f"there is no file '{file}'; `helamem add` and `helamem import` make one" in told
        assert not file.exists()

    def test_a_variable_is_told_too(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HELAMEM_FILE", str(tmp_path / "typo.db"))

        assert "there is no file" in cli("list", code=1).stderr

    def test_add_makes_the_file_and_the_usual_one_needs_no_making(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        cli("--file", tmp_path / "new.db", "add", "Maya is allergic to peanuts.")

        assert "peanuts" in cli("--file", tmp_path / "new.db", "list").stdout
        assert "This namespace is empty" in cli("list").stdout
        assert "This namespace is empty" in cli("--file", ":memory:", "list").stdout


class TestReindex:
    def test_another_embedder_takes_over(self, cli: Cli, as_json: Data, maya: None) -> None:
        report = as_json("reindex", "--embedder", "hashing:64")

        assert (3, "hashing/64") == (report["memories"], report["embedder"])
        assert "hashing/64" in as_json("stats", "--embedder", "hashing:64")["embedder"]
        assert "reindex --embedder hashing" in cli("stats", code=1).stderr

    def test_a_missing_file_is_not_made(self, cli: Cli, home: Path) -> None:
        assert "there is no file" in cli("reindex", code=1).stderr
        assert not home.exists()


class TestKeys:
    def test_a_key_is_revoked_by_its_name_or_as_a_whole(self, cli: Cli, as_json: Data) -> None:
        pytest.importorskip("fastapi", reason="the extra [server] is not installed")
        whole = cli("keys", "create", "--namespace", "maya").stdout.strip()
        named = cli("keys", "create", "--namespace", "maya").stdout.split("_")[1]

        cli("keys", "revoke", whole)
        cli("keys", "revoke", named)

        assert [] == as_json("keys", "list")


class TestDoctor:
    def test_new_machine_is_sound(self, as_json: Data, home: Path) -> None:
        report = as_json("doctor")

        assert report["sound"]
        found = {each["name"]: each for each in report["findings"]}
        assert "does not exist yet" in found["file"]["detail"]
        assert {"Python", "helamem", "numpy", "SQLite", "settings", "embedder", "folder"} <= {
            *found
        }
        assert not home.exists()

    def test_missing_extras_are_one_line(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        from importlib import metadata

        def none_installed(name: str) -> str:
            if name in ("psycopg", "openai"):
                raise metadata.PackageNotFoundError(name)
            return "1"

        monkeypatch.setattr(metadata, "version", none_installed)

        (said,) = [line for line in cli("doctor").stdout.splitlines() if "openai [openai]" in line]
        assert "psycopg [postgres]" in said

    def test_missing_extra_says_how_to_install_it(self, as_json: Data) -> None:
        missing = [each for each in as_json("doctor")["findings"] if each["state"] == "missing"]

        assert all("pip install 'helamem[" in each["advice"] for each in missing)

    def test_file_is_checked(self, as_json: Data, cli: Cli, maya: None) -> None:
        found = {each["name"]: each["detail"] for each in as_json("doctor")["findings"]}

        assert "sound" in found["file"]
        assert "hashing" in found["file"]
        assert "3 episodes, 0 facts, 0 earlier questions" in found["namespace"]
        assert "All is well." in cli("doctor").stdout

    def test_one_question_is_counted_as_one(self, as_json: Data, cli: Cli, maya: None) -> None:
        cli("reinforce", QUESTION, "--used", "1")

        found = {each["name"]: each["detail"] for each in as_json("doctor")["findings"]}

        assert found["namespace"].endswith(", 1 earlier question")

    def test_damaged_file_is_wrong(self, as_json: Data, cli: Cli, maya: None, home: Path) -> None:
        (home / "memory.db").write_bytes(b"not a database " * 1000)

        report = as_json("doctor", code=1)

        assert not report["sound"]
        assert ["file"] == [each["name"] for each in report["findings"] if each["state"] == "wrong"]
        assert "Something is wrong." in cli("doctor", code=1).stdout

    def test_other_embedder_is_wrong_and_named(self, as_json: Data, maya: None) -> None:
        report = as_json("doctor", "--embedder", "hashing:64", code=1)

        [wrong] = [each for each in report["findings"] if each["state"] == "wrong"]
        assert "--embedder hashing" in wrong["advice"]

    def test_an_older_analysis_is_old_and_can_be_mended(
        self, as_json: Data, cli: Cli, maya: None, home: Path
    ) -> None:
        with contextlib.closing(sqlite3.connect(home / "memory.db")) as file, file:
            file.execute("UPDATE meta SET value = '0' WHERE key = 'version'")

        [old] = [each for each in as_json("doctor")["findings"] if each["state"] == "old"]
        assert "helamem reindex" in old["advice"]
        assert "Reindexed 3 memories with hashing/256" in cli("reindex").stdout
        assert "old" not in {each["state"] for each in as_json("doctor")["findings"]}

    def test_another_language_is_wrong_and_named(self, as_json: Data, maya: None) -> None:
        report = as_json("doctor", "--set", "language=neutral", code=1)

        [wrong] = [each for each in report["findings"] if each["state"] == "wrong"]
        assert "--set language=english" in wrong["advice"]

    def test_bad_setting_is_wrong(self, as_json: Data, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HELAMEM_LEARNING_RATE", "fast")

        [wrong] = [e for e in as_json("doctor", code=1)["findings"] if e["state"] == "wrong"]
        assert "HELAMEM_LEARNING_RATE" in wrong["detail"]

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
    def test_read_only_folder_is_wrong(self, as_json: Data, tmp_path: Path) -> None:
        (tmp_path / "locked").mkdir(mode=0o555)

        report = as_json("doctor", "--file", tmp_path / "locked" / "memory.db", code=1)

        assert "read-only" in next(e["detail"] for e in report["findings"] if e["name"] == "folder")

    def test_unknown_embedder_is_wrong(self, as_json: Data) -> None:
        [wrong] = [
            e
            for e in as_json("doctor", "--embedder", "none", code=1)["findings"]
            if e["state"] == "wrong"
        ]

        assert "embedder" == wrong["name"]
