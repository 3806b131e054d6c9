"""`helamem serve` and `helamem mcp --http` where they cannot listen."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from helamem.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("command", [["serve"], ["mcp", "--http"]])
def test_a_port_in_use_is_told_in_a_sentence(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mcp", reason="the extra [mcp] is not installed")
    monkeypatch.setenv("HELAMEM_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        outcome = CliRunner().invoke(main, [*command, "--port", str(port)])

    assert 1 == outcome.exit_code
    assert f"cannot listen on 127.0.0.1:{port}" in outcome.stderr
    assert "--port" in outcome.stderr
