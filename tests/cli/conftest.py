"""The program in this process, with a data folder of its own and an embedder that loads at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from click.testing import CliRunner, Result

from helamem.cli import main

if TYPE_CHECKING:
    from pathlib import Path

Cli: TypeAlias = Callable[..., Result]
Data: TypeAlias = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder; no settings but the embedder come from the environment."""
    for name in list(os.environ):
        if name.startswith("HELAMEM_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HELAMEM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HELAMEM_EMBEDDER", "hashing")
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "home"


@pytest.fixture
def cli(home: Path) -> Cli:
    """Runs the program; what it gives has exit_code, stdout and stderr."""

    def run(*arguments: object, stdin: str | None = None, code: int = 0) -> Result:
        outcome = CliRunner().invoke(main, [str(each) for each in arguments], input=stdin)
        assert code == outcome.exit_code, outcome.output
        return outcome

    return run


@pytest.fixture
def as_json(cli: Cli) -> Data:
    """Runs the program with --json; gives the data."""

    def run(*arguments: object, **more: Any) -> Any:
        return json.loads(cli(*arguments, "--json", **more).stdout)

    return run
