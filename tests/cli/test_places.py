"""Every command takes the URL of a database wherever it takes a file, and does the same there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from cli.test_commands import NAMES
from helamem.cli import main
from llm_server import LLMServer, Say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

NEVER = ("bench", "demo", "config")  # they are about no memory of the user's
TOLD_APART = re.compile(
    r"\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-]\d\d:\d\d)?"  # times
    r'|(?<="at": )[\d.]+|(?<="stored_at": )[\d.]+|(?<="used_at": )[\d.]+|(?<="touched": )[\d.]+|(?<="key": ")\w+'
    r"|\([\d.]+ MB\)|hm_\w{8}_\S+|\b[0-9a-f]{8}\b|─+"  # sizes, keys of the service, lines of tables
)


@dataclass(frozen=True)
class Step:
    """A command with its arguments.

    Attributes:
        stdin: What it reads.
    """

    line: str
    stdin: str = ""

    @property
    def words(self) -> list[str]:
        return self.line.split("|")


HOOK = json.dumps({"session_id": "s", "cwd": "/", "prompt": "What is Maya allergic to?"})
ASKING = "--model|m|--base-url|BASE_URL"
STEPS = (
    Step("add|Maya is allergic to peanuts.|--speaker|Ana"),
    Step("add|We are cooking for Maya on Friday.|--speaker|Ben"),
    Step("import|-|--format|jsonl", stdin='{"text": "Maya plays the cello.", "speaker": "Cem"}\n'),
    Step("search|What is Maya allergic to?"),
    Step("reinforce|What is Maya allergic to?|--used|1"),
    Step(f"ask|What is Maya allergic to?|{ASKING}"),
    Step(f"chat|{ASKING}", stdin="What is Maya allergic to?\n"),
    Step("consolidate"),
    Step("facts"),
    Step("profile|Ana"),
    Step("forget"),
    Step("forget|--yes"),
    Step("reindex"),
    Step("get|1"),
    Step("list"),
    Step("cues"),
    Step("ignored"),
    Step("lessons"),
    Step("undo|1"),
    Step("sever|1|2"),
    Step("update|1|Maya is allergic to all nuts."),
    Step("correct|2|We are cooking for Maya on Saturday."),
    Step("history|2"),
    Step("revert|2"),
    Step("hook|prompt", stdin=HOOK),
    Step("delete|2"),
    Step("erase|Ben"),
    Step("stats"),
    Step("export"),
    Step("export|--all"),
    Step("repair"),
    Step("keys create|--namespace|maya"),
    Step("keys list"),
    Step("keys revoke|00000000"),
    Step("namespaces"),
    Step("namespaces|--drop|default|--yes"),
)
SERVING = ("mcp", "serve|--port|0")


@pytest.fixture
def model() -> Iterator[LLMServer]:
    with LLMServer(Say("Peanuts [1].")) as serving:
        yield serving


def done(place: str, step: Step, base_url: str) -> Result:
    words = [each.replace("BASE_URL", base_url) for each in step.words]
    return CliRunner().invoke(
        main, ["--file", place, *words[0].split(), *words[1:]], input=step.stdin
    )


def told(printed: str, place: str) -> str:
    """What was printed, without what differs from one run to the next."""
    return " ".join(TOLD_APART.sub("~", printed.replace(place, "PLACE")).split())


def served(place: str, command: str) -> tuple[int, str]:
    """The exit code of a command that serves until its input ends or it is told to, and what it has said."""
    with subprocess.Popen(
        [sys.executable, "-m", "helamem", "--file", place, *command.split("|")],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stderr is not None
        said = ""
        if command.startswith("serve"):
            said = process.stderr.readline()
            process.terminate()
        process.stdin.close()
        said += process.stderr.read()
    return process.returncode, said


def test_every_command_is_tried() -> None:
    tried = {step.words[0] for step in STEPS} | {"copy", "doctor", "worker", "mcp", "serve"}
    names = {name for name in NAMES if name.partition(" ")[0] not in NEVER}

    assert names - {"keys"} == tried


@pytest.mark.slow
def test_all_commands_do_the_same_on_a_database_as_on_a_file(
    url: str, home: Path, tmp_path: Path, model: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELAMEM_LLM_API_KEY", "x")
    file = str(tmp_path / "m.db")
    for step in STEPS:
        one, other = (done(place, step, model.base_url) for place in (url, file))
        assert (one.exit_code, told(one.output, url)) == (
            other.exit_code,
            told(other.output, file),
        ), step


@pytest.mark.slow
@pytest.mark.parametrize("command", SERVING)
def test_what_serves_does_so_too(url: str, home: Path, tmp_path: Path, command: str) -> None:
    file = str(tmp_path / "m.db")
    (one, said), (other, also) = (served(place, command) for place in (url, file))

    assert (one, told(said, url)) == (other, told(also, file))


def test_the_doctor_finds_a_database_sound(url: str, home: Path) -> None:
    done(url, Step("add|Maya is allergic to peanuts."), "")

    found = json.loads(done(url, Step("doctor|--json"), "").stdout)

    assert found["sound"]
    assert ["ok"] == [each["state"] for each in found["findings"] if each["name"] == "file"]


def test_the_doctor_tells_which_indexes_are_missing(
    url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(url, Step("add|Maya is allergic to peanuts."), "")
    monkeypatch.setattr("helamem.stores.postgres.indexes.LARGE", 1)

    found = json.loads(done(url, Step("doctor|--json"), "").stdout)

    [told] = [each for each in found["findings"] if each["name"] == "indexes"]
    assert ("old", "1 memories of 'default' are searched by a scan") == (
        told["state"],
        told["detail"],
    )
    assert "repair --yes" in told["advice"]
    assert found["sound"]


def test_workers_are_for_databases(url: str, home: Path, tmp_path: Path) -> None:
    pytest.importorskip("procrastinate")
    for place, code in ((url, 0), (str(tmp_path / "m.db"), 1)):
        assert code == CliRunner().invoke(main, ["--file", place, "worker", "--once"]).exit_code


def test_it_is_copied_both_ways(url: str, home: Path, tmp_path: Path) -> None:
    done(url, Step("add|Maya is allergic to peanuts."), "")
    file = str(tmp_path / "m.db")
    for source, target in ((url, file), (file, url)):
        copied = CliRunner().invoke(main, ["copy", source, target, "--json"])
        assert [1] == [each["episodes"] for each in json.loads(copied.stdout)]
