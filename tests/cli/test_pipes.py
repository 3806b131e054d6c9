"""What goes into a pipe is one record a line; and the program starts without what it does not need."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

import helamem
from helamem.cli import main
from helamem.cli.program import LOOKALIKE, Program

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.conftest import Cli, Data

LONG = "A long sentence " * 40 + "\twith a tab\nand a second line."


@pytest.fixture
def shell(home: Path) -> Callable[..., str]:  # it sets the environment
    """Runs the program in a process of its own whose output is a pipe; gives the output."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment["PYTHONPATH"] = str(Path(helamem.__file__).parents[1])

    def run(*arguments: str, options: tuple[str, ...] = ()) -> str:
        ran = subprocess.run(
            [sys.executable, *options, "-m", "helamem", *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            check=False,
        )
        assert 0 == ran.returncode, ran.stderr
        return ran.stdout if not options else ran.stderr

    return run


@pytest.fixture
def piped(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs the program in this process, as if its output were a pipe; that it sees one, `shell` shows."""
    monkeypatch.setattr("helamem.cli.lines.is_piped", lambda: True)
    monkeypatch.setattr("helamem.cli.display.is_piped", lambda: True)
    return cli


@pytest.fixture
def talk(cli: Cli) -> None:
    cli("add", "I booked the ferry.", LONG, *[f"turn {i}" for i in range(30)], "--speaker", "Ana")
    cli("reinforce", "Which ferry?", "--used", "1")


@pytest.mark.usefixtures("talk")
class TestPipes:
    def test_a_list_is_one_record_a_line_and_all_of_them(self, shell: Callable[..., str]) -> None:
        lines = shell("list").splitlines()

        assert 32 == len(lines)
        assert ["1", "Ana", "I booked the ferry."] == [lines[0].split("\t")[i] for i in (0, 2, 3)]
        assert "with a tab and a second line." in lines[1]

    def test_a_search_too(self, piped: Cli) -> None:
        lines = piped("search", "ferry").stdout.splitlines()

        assert {5} == {len(line.split("\t")) for line in lines}
        assert "I booked the ferry." == lines[0].split("\t")[-1]

    def test_cues_and_namespaces_too(self, piped: Cli) -> None:
        assert "Which ferry?" == piped("cues").stdout.splitlines()[0].split("\t")[-1]
        assert ["default", "32"] == piped("namespaces").stdout.split("\t")[:2]

    def test_no_line_of_another_command_is_broken(self, piped: Cli) -> None:
        assert max(map(len, piped("get", "2").stdout.splitlines())) > 600

    def test_a_limit_says_what_follows(self, cli: Cli) -> None:
        assert "... and 12 more; continue with --offset 20" in cli("list").stdout
        assert (
            "... and 2 more; continue with --offset 30"
            in cli("list", "--limit", 5, "--offset", 25).stdout
        )
        assert "more" not in cli("list", "--limit", 40).stdout
        assert "... and 30 more" in cli("list", "--limit", 2, "--json").stderr

    def test_ndjson(self, cli: Cli, as_json: Data) -> None:
        lines = cli("list", "--ndjson").stdout.splitlines()
        at = ("--at", "2030-01-01T00:00:00Z")
        hits = cli("search", "ferry", "--ndjson", *at).stdout.splitlines()

        assert as_json("list") == [json.loads(line) for line in lines]
        assert as_json("search", "ferry", *at)["hits"] == [json.loads(line) for line in hits]


@pytest.mark.usefixtures("talk")
class TestErasing:
    def test_by_conditions_it_is_a_plan_first(self, cli: Cli, as_json: Data) -> None:
        plan = as_json("delete", "--where", '{"text": {"contains": "turn"}}')

        assert (30, False) == (len(plan["deleted"]), plan["done"])
        assert (
            "Nothing was removed; --yes removes them." in cli("delete", "--speaker", "Ana").stdout
        )
        assert 32 == len(as_json("list"))
        assert 30 == len(
            as_json("delete", "--where", '{"text": {"contains": "turn"}}', "--yes")["deleted"]
        )
        assert 2 == len(as_json("list"))

    def test_a_person(self, cli: Cli, as_json: Data) -> None:
        cli("add", "Ana has a boat.", "--speaker", "Ben")

        plan = as_json("erase", "ana")
        assert (32, [34], False) == (len(plan["turns"]), plan["left"], plan["done"])
        shown = cli("erase", "Ana", "--mentions").stdout
        assert "episodes 33 -> 0" in shown
        assert "--yes removes it" in shown
        assert as_json("erase", "Ana", "--mentions", "--yes")["done"]
        assert [] == as_json("list")

    def test_a_namespace(self, cli: Cli, as_json: Data) -> None:
        cli("--namespace", "ben", "add", "I am Ben.")

        assert ["ben", "default"] == [each["name"] for each in as_json("namespaces")["namespaces"]]
        assert "--yes removes it" in cli("namespaces", "--drop", "ben").stdout
        assert "Dropped: ben." in cli("namespaces", "--drop", "ben", "--yes").stdout
        assert ["default"] == [each["name"] for each in as_json("namespaces")["namespaces"]]
        assert "no namespace 'ben'" in cli("namespaces", "--drop", "ben", "--yes", code=1).stderr

    def test_all_namespaces_are_exported_and_come_back(
        self, cli: Cli, as_json: Data, tmp_path: Path
    ) -> None:
        cli("--namespace", "ben", "add", "I am Ben.")
        all_, one = tmp_path / "all.jsonl", tmp_path / "one.jsonl"

        assert "left out: ben" in cli("export", "--output", one).stderr
        assert "" == cli("export", "--all", "--output", all_).stderr
        cli("--file", tmp_path / "new.db", "import", all_)

        found = as_json("--file", tmp_path / "new.db", "namespaces")["namespaces"]
        assert [("ben", 1), ("default", 32)] == [(each["name"], each["episodes"]) for each in found]
        assert "leave --namespace out" in cli("--namespace", "x", "import", all_, code=2).stderr


def test_looking_makes_no_file(cli: Cli, as_json: Data, home: Path) -> None:
    assert 0 == as_json("stats")["episodes"]
    cli("search", "ferry")
    cli("list")
    cli("namespaces")

    assert not (home / "memory.db").exists()


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        ("helamem era", ["erase"]),
        ("helamem --preset ", ["default", "paper"]),
        ("helamem search --embedder s", ["static"]),
        ("helamem list --off", ["--offset"]),
    ],
)
def test_a_shell_completes(
    begun: str,
    offered: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("_HELAMEM_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", begun)
    monkeypatch.setenv("COMP_CWORD", str(begun.count(" ")))

    with pytest.raises(SystemExit):
        main(prog_name="helamem")

    assert offered == [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()]


class TestStart:
    # What a search into a pipe has no use for: each costs tens of milliseconds at every start.
    UNNEEDED = (
        "rich", "openai", "httpx", "importlib.metadata", "asyncio", "email", "urllib.request",
        "helamem.evaluation", "helamem.cli.bench", "helamem.cli.demo", "helamem.cli.doctor",
    )  # fmt: skip

    @pytest.mark.usefixtures("talk")
    def test_a_search_imports_only_what_it_needs(self, shell: Callable[..., str]) -> None:
        told = shell("search", "ferry", options=("-X", "importtime"))
        imported = {line.rpartition("|")[2].strip() for line in told.splitlines() if "|" in line}

        assert "numpy" in imported
        assert [] == [name for name in self.UNNEEDED if name in imported]


class TestOtherEncodings:
    def test_what_an_encoding_lacks_is_replaced_by_what_looks_like_it(self) -> None:
        assert b'Ana - "M\\xf6we".' == "Ana · “Möwe”…".encode("ascii", LOOKALIKE)

    @pytest.mark.parametrize("form", ["--json", "--ndjson"])
    def test_json_stays_json(self, cli: Cli, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
        said = "Die Möwe… 😀"
        cli("add", said)
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii"))

        main(["get", "1", form], standalone_mode=False)

        read = json.loads(written.getvalue())
        assert said == (read[0] if form == "--json" else read)["text"]


class TestClosedStreams:
    def test_nothing_comes_from_a_closed_input(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", None)

        with pytest.raises(click.ClickException, match="a turn needs text"):
            main(["add", "-"], standalone_mode=False)
        sys.stdin.close()

    @pytest.mark.parametrize("name", ["stdout", "stderr"])
    def test_what_goes_to_a_closed_output_is_lost(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        cli("add", "I booked the ferry.")
        monkeypatch.setattr(sys, name, None)

        main(["list"], standalone_mode=False)
        getattr(sys, name).close()


class TestErrorsOfTheMachine:
    @pytest.mark.parametrize(
        ("raised", "said"),
        [
            (
                OSError(errno.EROFS, "Read-only file system", "a/b"),
                "a/b cannot be used: Read-only file system; check its rights, or name another place",
            ),
            (
                OSError(errno.ENOSPC, "No space left on device"),
                "the output could not be written: No space left on device; free some space and try again",
            ),
            (OSError(errno.EIO, "Input/output error"), "Input/output error"),
            (OSError("of our own words"), "of our own words"),
        ],
    )
    def test_it_says_what_to_do(self, raised: OSError, said: str) -> None:
        @click.group(cls=Program)
        def program() -> None:
            pass

        @program.command()
        def fail() -> None:
            raise raised

        assert f"Error: {said}\n" == CliRunner().invoke(program, ["fail"]).stderr
