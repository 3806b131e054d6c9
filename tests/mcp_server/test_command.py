"""`helamem mcp` as hosts start it: a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("mcp", reason="the extra [mcp] is not installed")

from click.testing import CliRunner
from mcp import Client, StdioServerParameters, stdio_client

from helamem.agents.calling import SOCKET
from helamem.agents.project import namespace_of
from helamem.cli import main
from mcp_server.conftest import called

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.anyio
async def test_a_host_starts_it_and_works_on_the_project_s_memory(era: str, tmp_path: Path) -> None:
    own = {"HELAMEM_HOME": str(tmp_path / "home"), "HELAMEM_EMBEDDER": "hashing"}
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "helamem", "mcp"],
        env={**os.environ, **own, "CLAUDE_PROJECT_DIR": str(tmp_path)},
    )
    async with Client(stdio_client(parameters), mode=era) as client:
        await called(client, "remember", text="The gate needs a lock.")
        found = await called(client, "recall", question="gate")

    assert ["The gate needs a lock."] == [each["text"] for each in found["memories"]]
    listed = CliRunner().invoke(
        main, ["list", "--namespace", namespace_of(tmp_path)], env={**own, "COLUMNS": "120"}
    )
    assert "The gate needs a lock." in listed.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told_although_its_input_stays_open(
    told: signal.Signals, tmp_path: Path
) -> None:
    own = {"HELAMEM_HOME": str(tmp_path), "HELAMEM_EMBEDDER": "hashing"}
    said = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "a host", "version": "1"},
    }
    begin = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": said}
    with subprocess.Popen(
        [sys.executable, "-m", "helamem", "mcp"],
        env={**os.environ, **own},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{json.dumps(begin)}\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(told)
        try:
            assert 0 == process.wait(60)
        finally:
            process.kill()

    assert not (tmp_path / SOCKET).exists()


def test_strangers_are_refused_where_there_are_no_keys() -> None:
    outcome = CliRunner().invoke(main, ["mcp", "--http", "--host", "192.0.2.1"])

    assert 2 == outcome.exit_code
    assert "needs keys" in outcome.stderr


def test_a_folder_that_is_not_there_is_no_project() -> None:
    outcome = CliRunner().invoke(main, ["mcp", "--project", "${workspaceFolder}"])

    assert 2 == outcome.exit_code
    assert "'${workspaceFolder}' does not exist" in outcome.stderr
